#include "tools/rct_info.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/matrix_file.h"

namespace rct {
namespace {

// More columns than a screen has lines tell nobody anything.
constexpr int64_t kMostColumns = 16;

int64_t CountRepeats(const Matrix<double>& points) {
  absl::flat_hash_set<absl::Span<const double>> seen;
  int64_t repeats = 0;
  for (int64_t i = 0; i < points.rows(); ++i) {
    repeats += !seen.insert({points.row(i), static_cast<size_t>(points.cols())})
                    .second;
  }
  return repeats;
}

std::string DescribePoints(const std::string& path,
                           const Matrix<double>& points) {
  std::string text =
      absl::StrCat(path, ": ", points.rows(), " points of ", points.cols(),
                   " coordinates, all finite; ", CountRepeats(points),
                   " lie on an earlier one\n");
  if (points.rows() == 0) return text;
  absl::StrAppendFormat(&text, "  %6s %14s %14s %14s\n", "column", "least",
                        "mean", "greatest");
  const int64_t shown = std::min(points.cols(), kMostColumns);
  for (int64_t j = 0; j < shown; ++j) {
    double least = points(0, j), greatest = points(0, j), mean = 0;
    for (int64_t i = 0; i < points.rows(); ++i) {
      least = std::min(least, points(i, j));
      greatest = std::max(greatest, points(i, j));
      // Of the values so far: no sum that could overflow.
      mean += points(i, j) / (i + 1.0) - mean / (i + 1.0);
    }
    absl::StrAppendFormat(&text, "  %6d %14.6g %14.6g %14.6g\n", j, least, mean,
                          greatest);
  }
  if (shown < points.cols()) {
    absl::StrAppend(&text, "  and ", points.cols() - shown, " more\n");
  }
  return text;
}

std::string DescribeIndices(const std::string& path,
                            const std::vector<int64_t>& rows) {
  std::string text = absl::StrCat(path, ": ", rows.size(), " row numbers");
  if (!rows.empty()) {
    const auto [least, greatest] =
        std::minmax_element(rows.begin(), rows.end());
    absl::StrAppend(
        &text, " from ", *least, " to ", *greatest, ", ",
        absl::flat_hash_set<int64_t>(rows.begin(), rows.end()).size(),
        " different ones");
  }
  return text + "\n";
}

}  // namespace

absl::StatusOr<std::string> DescribeFile(const std::string& path) {
  const absl::StatusOr<Matrix<double>> points = ReadMatrix(ResolvePath(path));
  if (points.ok()) return DescribePoints(path, *points);
  // Integers in NumPy's format are row numbers, and no points.
  const absl::StatusOr<std::vector<int64_t>> rows =
      ReadIndices(ResolvePath(path));
  if (rows.ok()) return DescribeIndices(path, *rows);
  return points.status();
}

}  // namespace rct
