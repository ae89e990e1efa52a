#include "index/advice.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "index/advice_tally.h"
#include "index/residual_index.h"
#include "metric/inducing_points.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// Returns whether a query may be among its own neighbors. New points may be
// points of the data as well.
bool MayFindItself(const SearchOptions& options) {
  return !options.exclude_self && !options.predecessor;
}

}  // namespace

void AdviceTally::Add(absl::Span<const double> distances, bool own,
                      AdvisedMetric metric) {
  if (own && !distances.empty()) distances.remove_prefix(1);
  if (distances.empty()) return;
  const double median = distances[(distances.size() - 1) / 2];
  const bool residual = metric == AdvisedMetric::kResidual;
  ++judged;
  if (residual && distances.back() >= kUnrelatedDistance) ++unrelated;
  if (median <= (residual ? kCoincidingDistance : 0)) ++coinciding;
}

void AdviceTally::Add(const NeighborTable& neighbors,
                      const SearchOptions& options, AdvisedMetric metric) {
  for (int64_t i = 0; i < neighbors.num_queries(); ++i) {
    // The padding comes last and has distance +inf.
    const double* begin = neighbors.distances().row(i);
    const double* end = std::lower_bound(
        begin, begin + neighbors.k(), std::numeric_limits<double>::infinity());
    Add({begin, static_cast<size_t>(end - begin)}, MayFindItself(options),
        metric);
  }
}

void AdviceTally::Add(const AdviceTally& other) {
  judged += other.judged;
  unrelated += other.unrelated;
  coinciding += other.coinciding;
}

std::vector<std::string> AdviceTally::Advice(double radius,
                                             AdvisedMetric metric) const {
  const auto most = [this](int64_t queries) {
    return judged >= kMinJudged && queries > judged / 2;
  };
  std::vector<std::string> advice;
  const std::string of_queries = absl::StrCat(" of ", judged, " queries");
  if (most(unrelated)) {
    advice.push_back(absl::StrCat(
        "the last neighbors of ", unrelated, of_queries,
        " are unrelated to them (correlation below 1e-6, distance 1): more are "
        "asked for than are related, or the lengthscale is small against the "
        "spacing of the points; check that it has the unit of the "
        "coordinates"));
  }
  if (most(coinciding)) {
    advice.push_back(absl::StrCat(
        "at least half of the neighbors of ", coinciding, of_queries,
        " are at distance 0",
        metric == AdvisedMetric::kEuclidean
            ? ": the points repeat one another, and row numbers alone decide "
              "which of them are found; leave repeated points out"
            : " but for rounding, which decides their order: the points repeat "
              "one another, or the lengthscale is far above their extent; "
              "leave repeated points out, or lower the lengthscale"));
  }
  if (metric == AdvisedMetric::kResidual && radius > 1 && !std::isinf(radius)) {
    advice.push_back(absl::StrCat(
        "a radius of ", radius,
        " limits nothing: residual correlation distances are at most 1, "
        "whatever the unit of the coordinates"));
  }
  return advice;
}

std::vector<std::string> AdviceOnModel(const ResidualModel& model) {
  if (model.factor() == nullptr) return {};
  const InducingPoints& inducing = model.factor()->inducing();
  const auto& points = inducing.coordinates;
  const auto coordinates = [&points](int64_t i) {
    return absl::MakeConstSpan(points.row(i), points.cols());
  };
  std::vector<int64_t> order(points.rows());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const auto x = coordinates(a), y = coordinates(b);
    const auto [p, q] = std::mismatch(x.begin(), x.end(), y.begin());
    return p == x.end() ? a < b : *p < *q;
  });
  int64_t repeats = 0;
  int64_t first = 0, again = 0;  // the repeat that comes first
  for (size_t i = 1; i < order.size(); ++i) {
    if (coordinates(order[i - 1]) != coordinates(order[i])) continue;
    if (repeats++ == 0 || order[i] < again) {
      first = order[i - 1];
      again = order[i];
    }
  }
  if (repeats == 0) return {};
  const auto rows = inducing.rows.empty()
                        ? std::string()
                        : absl::StrCat(" (rows ", inducing.rows[first], " and ",
                                       inducing.rows[again], ")");
  return {absl::StrCat(
      "inducing points ", first, " and ", again, rows,
      " have the same coordinates",
      repeats == 1 ? ""
                   : absl::StrCat(", and so on: ", repeats, " of ",
                                  order.size(), " repeat another one"),
      "; a repeated inducing point takes time and explains nothing; leave it "
      "out")};
}

std::vector<std::string> AdviceOnNeighbors(const NeighborTable& neighbors,
                                           const SearchOptions& options,
                                           AdvisedMetric metric) {
  AdviceTally tally;
  tally.Add(neighbors, options, metric);
  return tally.Advice(options.radius, metric);
}

std::vector<std::string> AdviceOnRange(const RangeTable& neighbors,
                                       double radius,
                                       const SearchOptions& options,
                                       AdvisedMetric metric) {
  AdviceTally tally;
  const absl::Span<const double> distances(neighbors.distances);
  for (size_t i = 1; i < neighbors.offsets.size(); ++i) {
    const int64_t first = neighbors.offsets[i - 1];
    tally.Add(distances.subspan(first, neighbors.offsets[i] - first),
              MayFindItself(options), metric);
  }
  if (radius > 1) tally.unrelated = 0;
  return tally.Advice(radius, metric);
}

}  // namespace rct
