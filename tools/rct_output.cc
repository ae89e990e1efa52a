#include "tools/rct_output.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/npy.h"
#include "base/status_macros.h"
#include "tools/rct_input.h"

namespace rct {
namespace {

// Returns whether two paths, which need not exist, lead to one file, through
// links or under different spellings. A terminal and other streams can be read
// and written to at the same time, and count as different files.
bool SameFile(const std::string& a, const std::string& b) {
  if (IsStream(a) || IsStream(b)) return false;
  const auto canonical = [](const std::string& path) {
    std::error_code error;
    return std::filesystem::weakly_canonical(
        std::filesystem::absolute(path, error), error);
  };
  return canonical(a) == canonical(b);
}

absl::Status CheckOutput(const FileFlag& output,
                         absl::Span<const FileFlag> inputs) {
  const auto& [flag, path] = output;
  const std::string resolved = OutputPath(path);
  for (const auto& [input, name] : inputs) {
    if (name.empty() || !SameFile(resolved, InputPath(name))) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": ", path, ": is the file of ", input,
                     " too, and would replace it"));
  }
  return Annotate(CheckWritable(resolved), flag);
}

// The formats that are written, in the order of FormatNames().
constexpr MatrixFormat kFormats[] = {MatrixFormat::kNpy, MatrixFormat::kCsv,
                                     MatrixFormat::kTsv};

template <class T>
std::string SerializeTable(MatrixFormat format, std::string_view column,
                           MatrixView<const T> table) {
  return format == MatrixFormat::kNpy
             ? SerializeNpy(table)
             : SerializeCsv(column, table, SeparatorOf(format));
}

template <class T>
std::string SerializeVector(MatrixFormat format, std::string_view column,
                            const std::vector<T>& values) {
  if (format == MatrixFormat::kNpy) return SerializeNpy(values);
  return SerializeTable(
      format, column,
      MatrixView<const T>(values.data(), static_cast<int64_t>(values.size()),
                          1));
}

}  // namespace

const std::vector<std::string>& FormatNames() {
  static const auto& names = *new std::vector<std::string>{"npy", "csv", "tsv"};
  return names;
}

absl::StatusOr<MatrixFormat> OutputFormat(std::string_view flag,
                                          const std::string& path,
                                          std::optional<int> format) {
  const auto error = [&](std::string_view problem) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": ", path, ": ", problem));
  };
  if (path == "-" && !format.has_value()) return MatrixFormat::kCsv;
  if (absl::EndsWithIgnoreCase(path, ".gz")) {
    return error("is not compressed when it is written; leave .gz out");
  }
  const absl::StatusOr<MatrixFormat> ending = FormatOf(path);
  if (ending.ok() && *ending == MatrixFormat::kFvecs) {
    return error("is written as .npy, .csv or .tsv only");
  }
  if (!format.has_value()) {
    if (ending.ok()) return *ending;
    return error(
        "the ending names no format; end it with .npy, .csv or .tsv, or say "
        "--format");
  }
  if (ending.ok() && *ending != kFormats[*format]) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--format and ", flag, ": ", path, " is no name for a file in ",
        FormatNames()[*format], " format; leave one out"));
  }
  return kFormats[*format];
}

char SeparatorOf(MatrixFormat format) {
  return format == MatrixFormat::kTsv ? '\t' : ',';
}

std::string SerializeOutput(MatrixFormat format, std::string_view column,
                            MatrixView<const int64_t> table) {
  return SerializeTable(format, column, table);
}

std::string SerializeOutput(MatrixFormat format, std::string_view column,
                            MatrixView<const double> table) {
  return SerializeTable(format, column, table);
}

std::string SerializeOutput(MatrixFormat format, std::string_view column,
                            const std::vector<int64_t>& values) {
  return SerializeVector(format, column, values);
}

std::string SerializeOutput(MatrixFormat format, std::string_view column,
                            const std::vector<double>& values) {
  return SerializeVector(format, column, values);
}

std::string OutputPath(const std::string& path) {
  return path == "-" ? "/dev/stdout" : ResolvePath(path);
}

absl::Status CheckFiles(absl::Span<const FileFlag> inputs,
                        absl::Span<const FileFlag> outputs) {
  std::string_view reader;
  for (const auto& [flag, path] : inputs) {
    if (path != "-") continue;
    if (!reader.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(reader, " and ", flag,
                       ": both read standard input, which can be read once"));
    }
    reader = flag;
  }
  for (const FileFlag& output : outputs) {
    const auto& [flag, path] = output;
    if (path.empty()) continue;
    RCT_RETURN_IF_ERROR(CheckOutput(output, inputs));
    for (const auto& [earlier, name] : outputs) {
      if (earlier == flag) break;
      if (name == path ||
          (!name.empty() && SameFile(OutputPath(name), OutputPath(path)))) {
        return absl::InvalidArgumentError(
            absl::StrCat(earlier, " and ", flag, ": both name ", name,
                         "; each needs a file of its own"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace rct
