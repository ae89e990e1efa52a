#include "experiments/scale/scale_costs.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/status_macros.h"
#include "experiments/scale/rank_run.h"
#include "experiments/scale/scale_model.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/distributed_graph.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int64_t kPoints = int64_t{1} << 15;
constexpr int64_t kExhaustiveQueries = 512;

// Returns the seconds of a search for `rows`, and how many distances it has
// evaluated.
struct Measured {
  double seconds = 0;
  double evaluations = 0;
};

absl::StatusOr<Measured> Search(const ResidualIndex& index, int64_t queries,
                                const DistributedOptions& options) {
  std::vector<int64_t> rows(queries);
  for (int64_t i = 0; i < queries; ++i) rows[i] = i * kPoints / queries;
  SearchOptions search;
  search.k = options.k;
  search.predecessor = options.predecessor;
  search.exclude_self = true;
  search.threads = 1;
  const double before = ThreadSeconds();
  RCT_ASSIGN_OR_RETURN(const SearchResult result, index.Search(rows, search));
  return Measured{ThreadSeconds() - before,
                  static_cast<double>(result.counters.distance_evaluations())};
}

}  // namespace

absl::StatusOr<ScaleCosts> MeasureCosts(const UniformCloud& cloud,
                                        const DistributedOptions& options) {
  UniformCloud small = cloud;
  small.n = kPoints;
  const Matrix<double> points = small.Range(0, kPoints);
  IndexOptions index = options.index;
  index.set_threads(1);
  ScaleCosts costs;
  // Once before, so that memory and caches are warm.
  RCT_RETURN_IF_ERROR(
      ResidualModel::Create(points.view(), index.residual(), /*threads=*/1)
          .status());
  double before = ThreadSeconds();
  RCT_ASSIGN_OR_RETURN(const ResidualModel model,
                       ResidualModel::Create(points.view(), index.residual(),
                                             /*threads=*/1));
  const auto n = static_cast<double>(kPoints);
  const auto m = static_cast<double>(model.factor()->num_inducing());
  const double of_model = ThreadSeconds() - before;
  costs.projection = of_model / (n * m * m);
  index.clear_residual();
  IndexOptions exhaustive = index;
  exhaustive.set_strategy(EXHAUSTIVE);
  exhaustive.clear_heuristics();
  RCT_ASSIGN_OR_RETURN(const ResidualIndex all,
                       ResidualIndex::Build(model, exhaustive));
  RCT_ASSIGN_OR_RETURN(const Measured pairs,
                       Search(all, kExhaustiveQueries, options));
  costs.evaluation = pairs.seconds / (pairs.evaluations * m);
  before = ThreadSeconds();
  RCT_ASSIGN_OR_RETURN(const ResidualIndex unit,
                       ResidualIndex::Build(model, index));
  const double build = ThreadSeconds() - before;
  RCT_ASSIGN_OR_RETURN(const Measured search, Search(unit, kPoints, options));
  costs.unit_point = std::max(
      0.0,
      (build + search.seconds - search.evaluations * m * costs.evaluation) / n);
  return costs;
}

double SecondsOf(const RankReport& report, const RankForecast& forecast,
                 int64_t m, const ScaleCosts& costs) {
  const auto inducing = static_cast<double>(m);
  const double points =
      static_cast<double>(report.points) +
      0.5 * static_cast<double>(report.fetched_points) +
      0.5 * static_cast<double>(forecast.early_points + forecast.early_queries);
  return static_cast<double>(report.projected) * inducing * inducing *
             costs.projection +
         static_cast<double>(report.evaluations) * inducing * costs.evaluation +
         points * costs.unit_point;
}

double BoundSecondsOf(const ScaleForecast& forecast, int ranks, int64_t points,
                      int64_t m, const ScaleCosts& costs) {
  const BoundSeconds& bounds = forecast.bound_seconds;
  const auto inducing = static_cast<double>(m);
  const double of_point =
      std::max(0.0, bounds.of_point - forecast.bounds_made * inducing *
                                          inducing * costs.projection);
  return bounds.skeletons + bounds.exchange + bounds.pairs / ranks +
         static_cast<double>(points) * of_point;
}

double FlopsOf(const RankReport& report, int64_t m) {
  const auto inducing = static_cast<double>(m);
  return static_cast<double>(report.projected) * inducing * inducing +
         2 * static_cast<double>(report.evaluations) * inducing;
}

}  // namespace rct
