#include "tools/rct_info.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/status_macros.h"
#include "index/index_file.h"
#include "index/index_file.pb.h"
#include "metric/metric.pb.h"
#include "traversal/traversal.pb.h"

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

std::string DescribeInducing(const ResidualConfig& config) {
  const InducingConfig& inducing = config.inducing();
  switch (inducing.source_case()) {
    case InducingConfig::kRandom:
      return absl::StrCat("rows drawn at random, seed ",
                          inducing.random().seed());
    case InducingConfig::kRows:
      return "rows that were given";
    case InducingConfig::kCoordinates:
      return "coordinates that were given";
    case InducingConfig::kNone:
      return "none";
    case InducingConfig::SOURCE_NOT_SET:
      break;
  }
  return "unknown: V and p were given";
}

absl::StatusOr<std::string> DescribeIndex(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const IndexFileSummary summary,
                       SummarizeIndexFile(ResolvePath(path)));
  const IndexFileHeader& header = summary.header;
  const ResidualConfig& residual = header.options().residual();
  const KernelConfig& kernel = residual.kernel();
  std::string text =
      absl::StrCat(path, ": an index of ", header.num_points(), " points of ",
                   header.dim(), " coordinates, undamaged\n");
  const auto add = [&](std::string_view name, const std::string& value) {
    absl::StrAppendFormat(&text, "  %-14s %s\n", name, value);
  };
  add("kernel",
      absl::AsciiStrToLower(KernelConfig::Family_Name(kernel.family())));
  add("lengthscale", kernel.lengthscale().empty()
                         ? "1"
                         : absl::StrJoin(kernel.lengthscale(), ","));
  add("variance", absl::StrCat(kernel.variance()));
  add("inducing",
      absl::StrCat(header.num_inducing(), ", ", DescribeInducing(residual)));
  if (header.num_inducing() > 0 && residual.has_inducing()) {
    add("jitter", absl::StrCat(residual.jitter()));
  }
  add("strategy",
      absl::AsciiStrToLower(Strategy_Name(header.options().strategy())));
  add("digest", summary.digest);
  add("bytes", absl::StrCat(summary.bytes));
  for (const auto& [part, bytes] : summary.parts) {
    add(absl::StrCat("  ", part), absl::StrCat(bytes));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> DescribeFile(const std::string& path) {
  // The ending that examples use: what is wrong with such a file is worth more
  // than that it is none of points.
  if (IsIndexFile(ResolvePath(path)) || absl::EndsWith(path, ".rct")) {
    return DescribeIndex(path);
  }
  const absl::StatusOr<Matrix<double>> points = ReadMatrix(ResolvePath(path));
  if (points.ok()) return DescribePoints(path, *points);
  // Integers in NumPy's format are row numbers, and no points.
  const absl::StatusOr<std::vector<int64_t>> rows =
      ReadIndices(ResolvePath(path));
  if (rows.ok()) return DescribeIndices(path, *rows);
  return points.status();
}

}  // namespace rct
