#include "tools/rct_memory.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/matrix_file.h"
#include "base/memory_limit.h"
#include "index/index_memory.h"
#include "tools/rct_input.h"
#include "tools/rct_output.h"
#include "tools/rct_search.h"
#include "tools/rct_task.h"

namespace rct {
namespace {

constexpr double kNumber = 8;

// The bytes of a number as text, at most and with what separates it.
constexpr double kRowText = 12;
constexpr double kDistanceText = 24;

// Returns the bytes of a file of `numbers` numbers.
double FileBytes(const OutputFile& file, double numbers, double text) {
  if (file.path.empty()) return 0;
  return numbers * (file.format == MatrixFormat::kNpy ? kNumber : text);
}

std::string Listed(absl::Span<const MemoryNeed> needs) {
  return absl::StrJoin(
      needs, ", ", [](std::string* text, const MemoryNeed& need) {
        absl::StrAppend(text, need.what, " ", HumanBytes(need.bytes));
      });
}

}  // namespace

std::vector<MemoryNeed> NeedsOfTask(const SearchTask& task, const Input* input,
                                    const TaskQueries& queries) {
  std::vector<MemoryNeed> needs;
  if (input != nullptr) {
    double read = kNumber * static_cast<double>(input->points.rows()) *
                  static_cast<double>(input->points.cols());
    for (const std::string& id : queries.ids.points) {
      read += static_cast<double>(sizeof(std::string) + id.capacity());
    }
    needs.push_back({"points as they were read", read});
  }
  const double rows = static_cast<double>(queries.size());
  needs.push_back(
      {"queries", kNumber * (rows + static_cast<double>(queries.order.size()) +
                             static_cast<double>(queries.points.rows() *
                                                 queries.points.cols()))});
  const bool searches = !task.out_part.empty() ||
                        !task.out_indices.path.empty() ||
                        !task.out_distances.path.empty();
  if (!searches || task.all_within) return needs;
  const double neighbors = rows * static_cast<double>(task.search.k);
  needs.push_back({"the answer", 2 * kNumber * neighbors});
  needs.push_back(
      {"the files of it",
       task.out_part.empty()
           ? FileBytes(task.out_indices, neighbors, kRowText) +
                 FileBytes(task.out_distances, neighbors, kDistanceText)
           : 2 * kNumber * neighbors});
  return needs;
}

MemoryNeed NeedOfFile(const SearchTask& task, double copies) {
  std::error_code error;
  const auto bytes =
      std::filesystem::file_size(InputPath(task.index_file), error);
  const bool maps = !task.out_part.empty() && !task.euclidean;
  return {"the index", error || maps ? 0 : copies * static_cast<double>(bytes)};
}

absl::Status LimitIndex(absl::Span<const MemoryNeed> needs, SearchTask& task) {
  if (task.memory_limit == 0) return absl::OkStatus();
  const auto limit = static_cast<double>(task.memory_limit);
  const double total = TotalBytes(needs);
  if (total >= limit) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "--memory_limit: is ", HumanBytes(limit), ", and ", Listed(needs),
        " are ", HumanBytes(total),
        "; raise it, or answer the queries in parts (rct join --help)"));
  }
  task.index.set_memory_limit_bytes(static_cast<int64_t>(limit - total));
  return absl::OkStatus();
}

absl::Status InTermsOfLimit(const absl::Status& status,
                            absl::Span<const MemoryNeed> needs,
                            const SearchTask& task) {
  constexpr std::string_view kField = "memory_limit_bytes: ";
  if (!absl::StartsWith(status.message(), kField)) return status;
  return absl::Status(
      status.code(),
      absl::StrCat("--memory_limit: ", status.message().substr(kField.size()),
                   ". The limit is ",
                   HumanBytes(static_cast<double>(task.memory_limit)),
                   " in all, of which the rest goes to ", Listed(needs)));
}

}  // namespace rct
