#include "tools/rct_info.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "google/protobuf/repeated_field.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/index_file.h"
#include "index/index_file.pb.h"
#include "index/places.h"
#include "metric/metric.pb.h"
#include "tools/rct_coordinates.h"
#include "tools/rct_forecast.h"
#include "tools/rct_input.h"
#include "tools/rct_part.h"
#include "tools/rct_shard.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// The number of columns to describe: more do not fit a screen.
constexpr int64_t kMaxColumns = 16;

int64_t CountRepeats(const Matrix<double>& points) {
  return points.rows() - UniquePlaces(points.view()).size();
}

// Returns `name` cut to the width of a column of the table.
std::string Fit(std::string_view name, size_t width) {
  if (name.size() <= width) return std::string(name);
  // The cut must not be within a character of UTF-8, whose further bytes are
  // 10xxxxxx.
  size_t end = width - 3;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) {
    --end;
  }
  return absl::StrCat(name.substr(0, end), "...");
}

// Describes points as they are in the file. `repeats` of them lie on an earlier
// one.
std::string DescribePoints(const std::string& path, const Table<double>& table,
                           int64_t repeats) {
  const Matrix<double>& points = table.values;
  std::string text = absl::StrCat(path, ": ", points.rows(), " points of ",
                                  points.cols(), " coordinates, all finite; ",
                                  repeats, " lie on an earlier one\n");
  constexpr size_t kNameWidth = 14;
  absl::StrAppendFormat(&text, "  %14s %14s %14s %14s\n", "column", "least",
                        "mean", "greatest");
  const int64_t shown = std::min(points.cols(), kMaxColumns);
  for (int64_t j = 0; j < shown; ++j) {
    double least = points(0, j), greatest = points(0, j), mean = 0;
    for (int64_t i = 0; i < points.rows(); ++i) {
      least = std::min(least, points(i, j));
      greatest = std::max(greatest, points(i, j));
      // The mean of the values so far, because a sum could overflow.
      mean += points(i, j) / (i + 1.0) - mean / (i + 1.0);
    }
    const std::string name =
        table.names.empty() ? absl::StrCat(j) : Fit(table.names[j], kNameWidth);
    absl::StrAppendFormat(&text, "  %14s %14.6g %14.6g %14.6g\n", name, least,
                          mean, greatest);
  }
  if (shown < points.cols()) {
    absl::StrAppend(&text, "  and ", points.cols() - shown, " more\n");
  }
  return text;
}

// Returns whether `table` can be a list of row numbers, with -1 as in an
// answer.
bool CanBeRows(const Matrix<double>& table) {
  return table.cols() == 1 &&
         std::all_of(table.data(), table.data() + table.rows(), [](double x) {
           return x == std::trunc(x) && x >= -1 && x < kMaxExactInteger;
         });
}

std::string DescribeRows(const std::string& path, const Matrix<double>& table) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < table.rows(); ++i) {
    if (table(i, 0) >= 0) rows.push_back(static_cast<int64_t>(table(i, 0)));
  }
  const auto missing = table.rows() - static_cast<int64_t>(rows.size());
  std::string text = absl::StrCat(path, ": ", rows.size(), " row numbers");
  if (!rows.empty()) {
    const auto [least, greatest] =
        std::minmax_element(rows.begin(), rows.end());
    absl::StrAppend(
        &text, " from ", *least, " to ", *greatest, ", ",
        std::unordered_set<int64_t>(rows.begin(), rows.end()).size(),
        " different ones");
  }
  if (missing > 0) {
    absl::StrAppend(&text, ", and ", missing, " times -1, no neighbor");
  }
  return text + "\n";
}

std::string DescribeInducing(const ResidualConfig& config) {
  const InducingConfig& inducing = config.inducing();
  switch (inducing.source_case()) {
    case InducingConfig::kRandom:
      return absl::StrCat("rows drawn at random, seed ",
                          inducing.random().seed());
    case InducingConfig::kKmeansPlusPlus:
      return absl::StrCat("rows chosen by k-means++, seed ",
                          inducing.kmeans_plus_plus().seed());
    case InducingConfig::kKmeans:
      return absl::StrCat(inducing.kmeans().nearest_rows()
                              ? "rows nearest to the centers of k-means, seed "
                              : "centers of k-means, seed ",
                          inducing.kmeans().seed());
    case InducingConfig::kCoverTree:
      return "rows of a cover tree's net";
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

std::string ListedOr1(
    const google::protobuf::RepeatedField<double>& lengthscales) {
  return lengthscales.empty() ? "1" : absl::StrJoin(lengthscales, ",");
}

absl::StatusOr<std::string> DescribeEuclideanIndex(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const EuclideanIndex index,
                       EuclideanIndex::Load(InputPath(path)));
  const EuclideanIndexOptions& options = index.options();
  std::string text =
      absl::StrCat(path, ": an index of ", index.size(), " points of ",
                   index.dim(), " coordinates, undamaged\n");
  const auto add = [&](std::string_view name, const std::string& value) {
    absl::StrAppendFormat(&text, "  %-14s %s\n", name, value);
  };
  const auto& names = options.coordinate_name();
  if (!names.empty()) add("coordinates", absl::StrJoin(names, ","));
  if (options.lon_lat()) {
    add("lonlat", "the first two are longitude and latitude, lengths are km");
  }
  add("metric", "euclidean");
  add("lengthscale", ListedOr1(options.lengthscale()));
  add("strategy", absl::AsciiStrToLower(Strategy_Name(options.strategy())));
  return text;
}

absl::StatusOr<std::string> DescribeIndex(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const IndexFileSummary summary,
                       SummarizeIndexFile(InputPath(path)));
  const IndexFileHeader& header = summary.header;
  const ResidualConfig& residual = header.options().residual();
  const KernelConfig& kernel = residual.kernel();
  std::string text =
      absl::StrCat(path, ": an index of ", header.num_points(), " points of ",
                   header.dim(), " coordinates, undamaged\n");
  const auto add = [&](std::string_view name, const std::string& value) {
    absl::StrAppendFormat(&text, "  %-14s %s\n", name, value);
  };
  const auto& names = header.options().coordinate_name();
  if (!names.empty()) add("coordinates", absl::StrJoin(names, ","));
  if (header.options().lon_lat()) {
    add("lonlat", "the first two are longitude and latitude, lengths are km");
  }
  add("kernel",
      absl::AsciiStrToLower(KernelConfig::Family_Name(kernel.family())));
  add("lengthscale", ListedOr1(kernel.lengthscale()));
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

absl::StatusOr<std::string> DescribePart(const std::string& path,
                                         Monitor* monitor) {
  RCT_ASSIGN_OR_RETURN(const Part part,
                       Part::Read(InputPath(path), HardwareThreads(), monitor));
  std::string text =
      absl::StrCat(path, ": part ", ShardName(part.shard), " of an answer, ",
                   part.size(), " of ", part.num_queries, " queries among ",
                   part.num_points, " points, undamaged\n");
  const auto add = [&](std::string_view name, const std::string& value) {
    absl::StrAppendFormat(&text, "  %-14s %s\n", name, value);
  };
  for (const auto& [field, value] : part.search) add(field, value);
  if (part.all_within()) add("neighbors", absl::StrCat(part.rows.rows()));
  return text;
}

}  // namespace

absl::StatusOr<std::string> DescribeFile(const std::string& path,
                                         const ReadOptions& options,
                                         const CoordinateFlags& flags,
                                         const Forecast& forecast) {
  if (EuclideanIndex::IsFile(InputPath(path))) {
    return DescribeEuclideanIndex(path);
  }
  // Examples end the names of index files with .rct, and those of parts with
  // .rctpart. For such a file the error says why it is none, not why it is no
  // file of points.
  if (IsIndexFile(InputPath(path)) || absl::EndsWith(path, ".rct")) {
    return DescribeIndex(path);
  }
  if (Part::IsFile(InputPath(path)) || absl::EndsWith(path, ".rctpart")) {
    return DescribePart(path, options.monitor);
  }
  RCT_ASSIGN_OR_RETURN(const Table<double> table,
                       ReadInputPoints(path, options, flags));
  if (CanBeRows(table.values) && !flags.lon_lat) {
    return DescribeRows(path, table.values);
  }
  RCT_RETURN_IF_ERROR(CheckInputPoints(path, table));
  Table<double> chords{table.names, table.values.Clone()};
  if (flags.lon_lat) {
    RCT_RETURN_IF_ERROR(Annotate(ConvertLonLat(chords), path));
  }
  std::string text = DescribePoints(path, table, CountRepeats(chords.values));
  if (forecast.num_inducing > 0) {
    text += ForecastLines(chords.values.rows(), chords.values.cols(),
                          forecast.num_inducing, forecast.k);
  }
  return text;
}

}  // namespace rct
