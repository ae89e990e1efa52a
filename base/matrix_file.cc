#include "base/matrix_file.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/csv.h"
#include "base/fvecs.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/status_macros.h"

namespace rct {
namespace {

absl::StatusOr<Matrix<double>> ReadAny(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const MatrixFormat format, FormatOf(path));
  switch (format) {
    case MatrixFormat::kNpy:
      return ReadNpyMatrix(path);
    case MatrixFormat::kCsv:
      return ReadCsvMatrix(path);
    case MatrixFormat::kFvecs:
      break;
  }
  return ReadFvecs(path);
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

absl::StatusOr<Matrix<double>> ReadMatrix(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(Matrix<double> matrix, ReadAny(path));
  for (int64_t i = 0; i < matrix.rows(); ++i) {
    for (int64_t j = 0; j < matrix.cols(); ++j) {
      if (!std::isfinite(matrix(i, j))) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": row ", i, ", column ", j, " is ",
                         matrix(i, j), "; all values must be finite"));
      }
    }
  }
  return matrix;
}

absl::StatusOr<std::vector<double>> ReadVector(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const Matrix<double> table, ReadMatrix(path));
  return Column(path, table);
}

absl::StatusOr<std::vector<int64_t>> ReadIndices(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const MatrixFormat format, FormatOf(path));
  Matrix<int64_t> table;
  switch (format) {
    case MatrixFormat::kNpy: {
      RCT_ASSIGN_OR_RETURN(table, ReadNpyIndexMatrix(path));
      break;
    }
    case MatrixFormat::kCsv: {
      RCT_ASSIGN_OR_RETURN(table, ReadCsvIndexMatrix(path));
      break;
    }
    case MatrixFormat::kFvecs:
      return absl::InvalidArgumentError(absl::StrCat(
          path,
          ": row numbers are integers; use .npy (int64 or int32) or "
          ".csv"));
  }
  return Column(path, table);
}

absl::StatusOr<MatrixFormat> FormatOf(std::string_view path) {
  if (absl::EndsWithIgnoreCase(path, ".npy")) return MatrixFormat::kNpy;
  if (absl::EndsWithIgnoreCase(path, ".csv")) return MatrixFormat::kCsv;
  if (absl::EndsWithIgnoreCase(path, ".fvecs")) return MatrixFormat::kFvecs;
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": the ending names no format; it must be .npy, .csv or .fvecs"));
}

}  // namespace rct
