// What flags read: files as matrices, vectors and row numbers, with errors in
// the user's terms.
//
// One reader decides for all commands: what `rct info` takes for points, `rct
// graph` does, and what one refuses the other refuses with the same words.

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

namespace rct {

// The file that the user means by `path`: `-` is standard input, and a relative
// path counts from where the user called.
std::string InputPath(const std::string& path);

// The values of --header, and what they mean; not given, the reader decides.
const std::vector<std::string>& HeaderNames();
CsvHeader HeaderOf(std::optional<int> choice);

// Files as base/matrix_file.h reads them. Errors start with `path`.
absl::StatusOr<Table<double>> ReadInputTable(const std::string& path,
                                             const ReadOptions& options);
absl::StatusOr<std::vector<double>> ReadInputVector(const std::string& path,
                                                    const ReadOptions& options);
absl::StatusOr<std::vector<int64_t>> ReadInputRows(const std::string& path,
                                                   const ReadOptions& options);

// InvalidArgument, starting with `path`, where `table`, read from it, cannot be
// the points of an index: it has no rows, or more rows or columns than an index
// may have.
absl::Status CheckInputPoints(const std::string& path,
                              const Table<double>& table);

// Where points that other files are held against come from.
struct PointsInfo {
  std::string_view flag;  // "--points" or "--index"
  int64_t size = 0;
  int64_t dim = 0;
  // Of the coordinates: `dim` of them, or none where they have no names.
  std::vector<std::string> names;
};

// The values of `table`, read from `path` for `flag`, with as many columns as
// the points have, and in their order: where both have names of columns, they
// are matched by name. InvalidArgument, naming `flag`, where the numbers of
// columns differ, or the names do.
absl::StatusOr<Matrix<double>> MatchColumns(std::string_view flag,
                                            const std::string& path,
                                            Table<double> table,
                                            const PointsInfo& points);

// A lengthscale to begin with, as --lengthscale takes it: the standard
// deviation of the coordinates, which is what a lengthscale of 1 is for
// standardized ones. It is one number where the coordinates vary alike or are
// many, and else one for each, of two significant digits. n x d, finite.
std::string SuggestLengthscale(MatrixView<const double> points);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_INPUT_H_
