#include "base/matrix_file.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/fvecs.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/status_macros.h"

namespace rct {
namespace {

// A file in memory, and its format.
struct Contents {
  MatrixFormat format;
  std::string bytes;
};

absl::StatusOr<Contents> Read(const std::string& path, Monitor* monitor) {
  const absl::StatusOr<MatrixFormat> format = FormatOf(path);
  const bool by_contents = !format.ok() && IsStream(path);
  if (!format.ok() && !by_contents) return format.status();
  RCT_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path, monitor));
  if (!by_contents) return Contents{*format, std::move(bytes)};
  return Contents{absl::StartsWith(bytes, kNpyMagic) ? MatrixFormat::kNpy
                                                     : MatrixFormat::kCsv,
                  std::move(bytes)};
}

absl::StatusOr<Table<double>> Parse(const Contents& contents,
                                    CsvHeader header) {
  if (contents.format == MatrixFormat::kCsv) {
    return ParseCsvTable(contents.bytes, header);
  }
  Table<double> table;
  if (contents.format == MatrixFormat::kNpy) {
    RCT_ASSIGN_OR_RETURN(table.values, ParseNpyMatrix(contents.bytes));
  } else {
    RCT_ASSIGN_OR_RETURN(table.values, ParseFvecs(contents.bytes));
  }
  return table;
}

absl::StatusOr<Matrix<int64_t>> ParseIndices(const Contents& contents,
                                             CsvHeader header) {
  switch (contents.format) {
    case MatrixFormat::kNpy:
      return ParseNpyIndexMatrix(contents.bytes);
    case MatrixFormat::kCsv: {
      RCT_ASSIGN_OR_RETURN(Table<int64_t> table,
                           ParseCsvIndexTable(contents.bytes, header));
      return std::move(table.values);
    }
    case MatrixFormat::kFvecs:
      break;
  }
  return absl::InvalidArgumentError(
      "row numbers are integers; use .npy (of an integer type) or .csv");
}

absl::Status CheckValues(MatrixView<const double> values) {
  if (values.cols == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", values.rows,
                     " rows of 0 columns; at least one column is needed"));
  }
  for (int64_t i = 0; i < values.rows; ++i) {
    for (int64_t j = 0; j < values.cols; ++j) {
      if (!std::isfinite(values(i, j))) {
        return absl::InvalidArgumentError(
            absl::StrCat("row ", i, ", column ", j, " is ", values(i, j),
                         "; all values must be finite"));
      }
    }
  }
  return absl::OkStatus();
}

template <class T>
absl::StatusOr<std::vector<T>> Column(const std::string& path,
                                      const Matrix<T>& table) {
  if (table.cols() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": has ", table.cols(), " columns; one column is expected"));
  }
  return std::vector<T>(table.data(), table.data() + table.rows());
}

}  // namespace

absl::StatusOr<Table<double>> ReadTable(const std::string& path,
                                        const ReadOptions& options) {
  RCT_ASSIGN_OR_RETURN(const Contents contents, Read(path, options.monitor));
  absl::StatusOr<Table<double>> table = Parse(contents, options.header);
  if (!table.ok()) return Annotate(table.status(), path);
  RCT_RETURN_IF_ERROR(
      Annotate(CheckValues(std::as_const(table->values).view()), path));
  return table;
}

absl::StatusOr<Matrix<double>> ReadMatrix(const std::string& path,
                                          const ReadOptions& options) {
  RCT_ASSIGN_OR_RETURN(Table<double> table, ReadTable(path, options));
  return std::move(table.values);
}

absl::StatusOr<std::vector<double>> ReadVector(const std::string& path,
                                               const ReadOptions& options) {
  RCT_ASSIGN_OR_RETURN(const Matrix<double> table, ReadMatrix(path, options));
  return Column(path, table);
}

absl::StatusOr<std::vector<int64_t>> ReadIndices(const std::string& path,
                                                 const ReadOptions& options) {
  RCT_ASSIGN_OR_RETURN(const Contents contents, Read(path, options.monitor));
  const absl::StatusOr<Matrix<int64_t>> table =
      ParseIndices(contents, options.header);
  if (!table.ok()) return Annotate(table.status(), path);
  return Column(path, *table);
}

absl::StatusOr<MatrixFormat> FormatOf(std::string_view path) {
  if (absl::EndsWithIgnoreCase(path, ".npy")) return MatrixFormat::kNpy;
  if (absl::EndsWithIgnoreCase(path, ".csv")) return MatrixFormat::kCsv;
  if (absl::EndsWithIgnoreCase(path, ".fvecs")) return MatrixFormat::kFvecs;
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": the ending names no format; it must be .npy, .csv or .fvecs"));
}

}  // namespace rct
