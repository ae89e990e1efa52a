#include "tools/rct_answer.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "tools/rct_identifiers.h"
#include "tools/rct_output.h"
#include "tools/rct_watch.h"

namespace rct {
namespace {

// Returns the contents of a file for row numbers or distances: a table, or
// lists that begin at `offsets`. A text has identifiers where points have them.
template <class T>
std::string Serialize(MatrixFormat format, std::string_view column,
                      const Identifiers& ids, MatrixView<const T> table) {
  if (format == MatrixFormat::kNpy || ids.name.empty()) {
    return SerializeOutput(format, column, table);
  }
  return SerializeWithIds(ids, column, table, SeparatorOf(format));
}
template <class T>
std::string Serialize(MatrixFormat format, std::string_view column,
                      const Identifiers& ids,
                      const std::vector<int64_t>& offsets,
                      const std::vector<T>& values) {
  if (format == MatrixFormat::kNpy || ids.name.empty()) {
    return SerializeOutput(format, column, values);
  }
  return SerializeWithIds(ids, column, offsets, values, SeparatorOf(format));
}

}  // namespace

std::vector<Output> SerializeAnswers(const AnswerFiles& files,
                                     const Answers& answers,
                                     const Identifiers& ids) {
  const auto& [all_within, table, lists] = answers;
  std::vector<Output> outputs;
  if (const auto& [path, format] = files.offsets; !path.empty()) {
    outputs.emplace_back(path,
                         SerializeOutput(format, "offset", lists.offsets));
  }
  if (const auto& [path, format] = files.indices; !path.empty()) {
    outputs.emplace_back(
        path, all_within ? Serialize(format, "neighbor", ids, lists.offsets,
                                     lists.rows)
                         : Serialize(format, "neighbor", ids, table.rows()));
  }
  if (const auto& [path, format] = files.distances; !path.empty()) {
    outputs.emplace_back(
        path,
        all_within
            ? Serialize(format, "distance", ids, lists.offsets, lists.distances)
            : Serialize(format, "distance", ids, table.distances()));
  }
  return outputs;
}

std::string Shape(const Answers& answers) {
  const auto& [all_within, table, lists] = answers;
  return all_within ? absl::StrCat(lists.rows.size(), " neighbors of ",
                                   lists.num_queries(), " queries")
                    : absl::StrCat(table.num_queries(), " x ", table.k());
}

std::string ShortRows(const Answers& answers) {
  const NeighborTable& table = answers.table;
  int64_t short_rows = 0;
  for (int64_t i = 0; i < table.num_queries(); ++i) {
    short_rows += static_cast<int64_t>(table.count(i) < table.k());
  }
  if (short_rows == 0) return "";
  return absl::StrCat(short_rows, " queries have fewer than ", table.k(),
                      " neighbors: row -1 at distance inf");
}

absl::Status WriteOutputs(absl::Span<const Output> outputs,
                          const Interrupted& interrupted) {
  std::vector<FileToWrite> files;
  for (const auto& [path, contents] : outputs) {
    files.push_back({OutputPath(path), contents});
  }
  Watch watch("writing", 100, interrupted);
  return WriteFilesAtomically(files, watch.monitor());
}

std::string Wrote(absl::Span<const Output> outputs) {
  return absl::StrCat(
      "wrote ", absl::StrJoin(outputs, " and ",
                              [](std::string* text, const Output& output) {
                                text->append(output.first);
                              }));
}

}  // namespace rct
