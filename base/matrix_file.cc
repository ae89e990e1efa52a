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
#include "base/gzip.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/status_macros.h"

namespace rct {
namespace {

// The ending of gzip'd files.
constexpr std::string_view kZipped = ".gz";

// A file in memory, and its format.
struct Contents {
  MatrixFormat format;
  std::string bytes;
};

bool HasNames(MatrixFormat format) {
  return format == MatrixFormat::kCsv || format == MatrixFormat::kTsv;
}

absl::StatusOr<Contents> Read(const std::string& path, Monitor* monitor) {
  const bool zipped = absl::EndsWithIgnoreCase(path, kZipped);
  std::string_view plain = path;
  if (zipped) plain.remove_suffix(kZipped.size());
  const absl::StatusOr<MatrixFormat> format = FormatOf(plain);
  const bool by_contents = !format.ok() && IsStream(path);
  if (!format.ok() && !by_contents) return FormatOf(path).status();
  RCT_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path, monitor));
  if (zipped || (by_contents && IsGzip(bytes))) {
    absl::StatusOr<std::string> contents = Gunzip(bytes, monitor);
    if (!contents.ok()) return Annotate(contents.status(), path);
    bytes = *std::move(contents);
  }
  if (!by_contents && HasNames(*format) && IsGzip(bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is a gzip'd file; end its name with ", kZipped));
  }
  if (!by_contents) return Contents{*format, std::move(bytes)};
  return Contents{absl::StartsWith(bytes, kNpyMagic) ? MatrixFormat::kNpy
                                                     : MatrixFormat::kCsv,
                  std::move(bytes)};
}

char SeparatorOf(MatrixFormat format) {
  return format == MatrixFormat::kTsv ? '\t' : ',';
}

// Returns the columns that are wanted of a table that has no names.
absl::StatusOr<Table<double>> Select(Table<double> table,
                                     const ReadOptions& options) {
  if (!options.id_column.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("has no column of identifiers '", options.id_column,
                     "'; .csv and .tsv files may have one"));
  }
  if (options.columns.empty()) return table;
  RCT_ASSIGN_OR_RETURN(
      NumberedColumns columns,
      FindNumberedColumns(options.columns, table.values.cols()));
  table.names = std::move(columns.names);
  if (!table.names.empty()) return table;
  Matrix<double> chosen(table.values.rows(),
                        static_cast<int64_t>(columns.numbers.size()));
  for (int64_t i = 0; i < chosen.rows(); ++i) {
    for (int64_t j = 0; j < chosen.cols(); ++j) {
      chosen(i, j) = table.values(i, columns.numbers[static_cast<size_t>(j)]);
    }
  }
  table.values = std::move(chosen);
  return table;
}

absl::StatusOr<Table<double>> Parse(const Contents& contents,
                                    const ReadOptions& options) {
  if (HasNames(contents.format)) {
    return ParseCsvTable(contents.bytes,
                         {options.header, SeparatorOf(contents.format),
                          options.columns, options.id_column});
  }
  Table<double> table;
  if (contents.format == MatrixFormat::kNpy) {
    RCT_ASSIGN_OR_RETURN(table.values, ParseNpyMatrix(contents.bytes));
  } else {
    RCT_ASSIGN_OR_RETURN(table.values, ParseFvecs(contents.bytes));
  }
  return Select(std::move(table), options);
}

absl::StatusOr<Matrix<int64_t>> ParseIndices(const Contents& contents,
                                             CsvHeader header) {
  if (contents.format == MatrixFormat::kNpy) {
    return ParseNpyIndexMatrix(contents.bytes);
  }
  if (HasNames(contents.format)) {
    RCT_ASSIGN_OR_RETURN(
        Table<int64_t> table,
        ParseCsvIndexTable(
            contents.bytes,
            {.header = header, .separator = SeparatorOf(contents.format)}));
    return std::move(table.values);
  }
  return absl::InvalidArgumentError(
      "row numbers are integers; use .npy (of an integer type), .csv or .tsv");
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
  absl::StatusOr<Table<double>> table = Parse(contents, options);
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
  RCT_ASSIGN_OR_RETURN(
      const Matrix<double> table,
      ReadMatrix(path, {options.header, options.monitor, {}, {}}));
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
  if (absl::EndsWithIgnoreCase(path, ".tsv")) return MatrixFormat::kTsv;
  if (absl::EndsWithIgnoreCase(path, ".fvecs")) return MatrixFormat::kFvecs;
  return absl::InvalidArgumentError(
      absl::StrCat(path,
                   ": the ending names no format; it must be .npy, .csv, .tsv "
                   "or .fvecs, or one of these and .gz"));
}

}  // namespace rct
