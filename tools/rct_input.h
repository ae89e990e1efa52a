// Reads the files that flags name as matrices, vectors and row numbers, with
// errors in the user's terms.
//
// All commands share these functions, so that `rct info` and `rct graph` accept
// the same points and refuse others with the same words.

#ifndef RCT_TOOLS_RCT_INPUT_H_
#define RCT_TOOLS_RCT_INPUT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "tools/rct_coordinates.h"

namespace rct {

// Returns the file that the user means by `path`: `-` is standard input, and a
// relative path counts from where the user called.
std::string InputPath(const std::string& path);

// The values of --header, and the meaning of the one with number `choice`;
// where none is given, the reader decides.
const std::vector<std::string>& HeaderNames();
CsvHeader HeaderOf(std::optional<int> choice);

// Read files as base/matrix_file.h does. Errors start with `path`.
absl::StatusOr<Table<double>> ReadInputTable(const std::string& path,
                                             const ReadOptions& options);
// Reads a file of points, with the columns that `flags` name. The error for a
// table with text says how to choose columns.
absl::StatusOr<Table<double>> ReadInputPoints(const std::string& path,
                                              const ReadOptions& options,
                                              const CoordinateFlags& flags);

absl::StatusOr<std::vector<double>> ReadInputVector(const std::string& path,
                                                    const ReadOptions& options);
absl::StatusOr<std::vector<int64_t>> ReadInputRows(const std::string& path,
                                                   const ReadOptions& options);

// Returns InvalidArgument, starting with `path`, where `table`, which was read
// from it, cannot be the points of an index: it has no rows, or more rows or
// columns than an index may have.
absl::Status CheckInputPoints(const std::string& path,
                              const Table<double>& table);

// The points that other files must fit.
struct PointsInfo {
  std::string_view flag;  // that they come from: "--points" or "--index"
  int64_t size = 0;
  int64_t dim = 0;
  // The names of the `dim` columns, or none.
  std::vector<std::string> names;
  // Whether the columns are converted to chord coordinates (rct_coordinates.h).
  bool lon_lat = false;
};

// Returns the values of `table`, which was read from `path` for `flag`, with
// the columns of the points in their order: where both have names of columns,
// they are matched by name. Converts them as the points are. Returns
// InvalidArgument, naming `flag`, where the numbers or the names of the columns
// differ.
absl::StatusOr<Matrix<double>> MatchColumns(std::string_view flag,
                                            const std::string& path,
                                            Table<double> table,
                                            const PointsInfo& points);

// Returns a lengthscale to begin with, as --lengthscale takes it: the standard
// deviation of the coordinates, which is 1 for standardized ones. It is one
// number where the coordinates vary alike or are many, and else one for each
// coordinate, of two significant digits. With `lon_lat` the first three
// coordinates, chords, have one together. Assumes that `points` (n x d) are
// finite.
std::string SuggestLengthscale(MatrixView<const double> points,
                               bool lon_lat = false);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_INPUT_H_
