#include "tools/mpi/sliced_points.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/npy_rows.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "index/distributed/distributed_graph.h"
#include "tools/rct_coordinates.h"
#include "tools/rct_input.h"
#include "tools/rct_task.h"

namespace rct {
namespace {

// Some rows of a table, and how many it has.
struct Rows {
  Table<double> table;
  int64_t n = 0;
  std::string digest;
};

// Returns an error about a slice with the row number of the file: `first` is
// that of row 0.
absl::Status InRowsOfFile(const absl::Status& status, int64_t first) {
  constexpr std::string_view kRow = "row ";
  const std::string_view message = status.message();
  const size_t at = message.rfind(kRow);
  if (status.ok() || at == message.npos) return status;
  const std::string_view rest = message.substr(at + kRow.size());
  const size_t digits =
      std::find_if_not(rest.begin(), rest.end(), absl::ascii_isdigit) -
      rest.begin();
  int64_t row = 0;
  if (!absl::SimpleAtoi(rest.substr(0, digits), &row)) return status;
  return absl::Status(status.code(),
                      absl::StrCat(message.substr(0, at + kRow.size()),
                                   row + first, rest.substr(digits)));
}

Matrix<double> Columns(const Matrix<double>& values,
                       absl::Span<const int64_t> columns) {
  Matrix<double> chosen(values.rows(), static_cast<int64_t>(columns.size()));
  for (int64_t i = 0; i < chosen.rows(); ++i) {
    for (int64_t j = 0; j < chosen.cols(); ++j) {
      chosen(i, j) = values(i, columns[j]);
    }
  }
  return chosen;
}

// Returns a digest of a file's shape and of rows that are spread over it.
absl::StatusOr<std::string> DigestOf(const NpyRows& file) {
  constexpr int64_t kRows = 64;
  Sha256 digest;
  digest.Update(absl::StrCat(file.rows(), " x ", file.cols()));
  const int64_t count = std::min(file.rows(), kRows);
  for (int64_t i = 0; i < count; ++i) {
    const auto row = static_cast<int64_t>(static_cast<double>(i) /
                                          static_cast<double>(count) *
                                          static_cast<double>(file.rows()));
    RCT_ASSIGN_OR_RETURN(const Matrix<double> values, file.Read(row, 1));
    digest.UpdateSpan(absl::MakeConstSpan(values.data(), values.cols()));
  }
  return digest.HexDigest();
}

absl::StatusOr<Rows> ReadNpySlice(const SearchTask& task, int rank, int size) {
  const std::string path = InputPath(task.points);
  RCT_ASSIGN_OR_RETURN(const NpyRows file, NpyRows::Open(path));
  Rows rows;
  rows.n = file.rows();
  const RowRange slice = SliceOf(rows.n, rank, size);
  absl::StatusOr<Matrix<double>> values = file.Read(slice.first, slice.count);
  if (!values.ok()) return InRowsOfFile(values.status(), slice.first);
  rows.table.values = *std::move(values);
  if (!task.coordinates.columns.empty()) {
    absl::StatusOr<NumberedColumns> columns =
        FindNumberedColumns(task.coordinates.columns, file.cols());
    if (!columns.ok()) return Annotate(columns.status(), path);
    rows.table.names = std::move(columns->names);
    if (rows.table.names.empty()) {
      rows.table.values = Columns(rows.table.values, columns->numbers);
    }
  }
  RCT_ASSIGN_OR_RETURN(rows.digest, DigestOf(file));
  return rows;
}

absl::StatusOr<Rows> ReadWholeAndSlice(const SearchTask& task,
                                       const ReadOptions& options, int rank,
                                       int size) {
  RCT_ASSIGN_OR_RETURN(Table<double> table,
                       ReadInputPoints(task.points, options, task.coordinates));
  Rows rows;
  rows.n = table.values.rows();
  const Matrix<double>& all = table.values;
  const RowRange slice = SliceOf(rows.n, rank, size);
  rows.table.values = Matrix<double>(slice.count, all.cols());
  if (slice.count > 0) {
    std::copy_n(all.row(slice.first), slice.count * all.cols(),
                rows.table.values.data());
  }
  Sha256 digest;
  digest.Update(absl::StrCat(all.rows(), " x ", all.cols()));
  digest.UpdateSpan(absl::MakeConstSpan(all.data(), all.rows() * all.cols()));
  rows.digest = digest.HexDigest();
  rows.table.names = std::move(table.names);
  return rows;
}

// Returns InvalidArgument where `rows`, those of the slice that begins with row
// `first`, cannot be points.
absl::Status CheckSlice(const SearchTask& task, const Rows& rows,
                        int64_t first) {
  if (rows.n > kMaxRows) {
    return absl::InvalidArgumentError(absl::StrCat(task.points, ": has ",
                                                   rows.n, " rows; at most ",
                                                   kMaxRows, " are supported"));
  }
  if (rows.n > 0 && rows.table.values.rows() == 0) return absl::OkStatus();
  return InRowsOfFile(CheckInputPoints(task.points, rows.table), first);
}

// Returns the error for a task without lengthscales.
absl::Status MissingLengthscale(const SearchTask& task,
                                const ReadOptions& options, int rank) {
  if (rank == 0) return ReadPoints(task, options).status();
  return absl::InvalidArgumentError("--lengthscale is missing");
}

}  // namespace

absl::StatusOr<SlicedPoints> ReadSlicedPoints(const SearchTask& task,
                                              const ReadOptions& options,
                                              int rank, int size) {
  if (task.lengthscale.empty()) return MissingLengthscale(task, options, rank);
  const absl::StatusOr<MatrixFormat> format = FormatOf(task.points);
  absl::StatusOr<Rows> read =
      format.ok() && *format == MatrixFormat::kNpy
          ? ReadNpySlice(task, rank, size)
          : ReadWholeAndSlice(task, options, rank, size);
  if (!read.ok()) return Annotate(read.status(), "--points");
  const RowRange slice = SliceOf(read->n, rank, size);
  RCT_RETURN_IF_ERROR(
      Annotate(CheckSlice(task, *read, slice.first), "--points"));
  Table<double>& table = read->table;
  const int64_t columns = table.values.cols();
  if (task.coordinates.lon_lat) {
    RCT_RETURN_IF_ERROR(Annotate(
        Annotate(InRowsOfFile(ConvertLonLat(table), slice.first), task.points),
        "--points"));
  }
  return SlicedPoints{Input{options,
                            {"--points", read->n, columns,
                             std::move(table.names), task.coordinates.lon_lat},
                            std::move(table.values),
                            {}},
                      slice, std::move(read->digest)};
}

}  // namespace rct
