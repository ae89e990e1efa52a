#include "experiments/scale/index_trials.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/residual_factors.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// Sizes of trial indexes in a factor of two.
constexpr double kSizesOfOctave = 4;

// The stream of the points of patches: "patch" in ASCII.
constexpr uint64_t kPatchStream = 0x7061746368;

IndexOptions OptionsOf(const IndexOptions& options,
                       const InducingFactor& factor) {
  IndexOptions trial = options;
  InducingConfig& inducing = *trial.mutable_residual()->mutable_inducing();
  auto& values = *inducing.mutable_coordinates()->mutable_value();
  values.Clear();
  const Matrix<double>& z = factor.inducing().coordinates;
  for (int64_t i = 0; i < z.rows(); ++i) {
    values.Add(z.row(i), z.row(i) + z.cols());
  }
  return trial;
}

// Returns the evaluations of a query, the mean of those of `queries`.
absl::StatusOr<double> EvaluationsIn(const Matrix<double>& points,
                                     const IndexOptions& options,
                                     absl::Span<const int64_t> queries,
                                     const DistributedOptions& of) {
  RCT_ASSIGN_OR_RETURN(const ResidualIndex index,
                       ResidualIndex::Build(points.view(), options));
  SearchOptions search;
  search.k = of.k;
  search.predecessor = of.predecessor;
  search.exclude_self = true;
  search.threads = std::max(1, options.threads());
  RCT_ASSIGN_OR_RETURN(const SearchResult result,
                       index.Search(queries, search));
  return static_cast<double>(result.counters.distance_evaluations()) /
         static_cast<double>(queries.size());
}

}  // namespace

absl::StatusOr<double> IndexTrials::OfUnit(int64_t points, int64_t own,
                                           int64_t early_rows,
                                           double rms_residual) {
  const double part_own =
      static_cast<double>(own) / static_cast<double>(points);
  const double most = static_cast<double>(std::min(points, kMostPatch));
  const std::pair<int64_t, int64_t> key(
      std::llround(kSizesOfOctave * std::log2(most)),
      std::llround(8 * part_own));
  const auto known = of_unit_.find(key);
  if (known != of_unit_.end()) return known->second;
  const int64_t dim = cloud_.dim;
  const auto count = std::min<int64_t>(
      cloud_.n,
      std::llround(std::exp2(static_cast<double>(key.first) / kSizesOfOctave)));
  const double root = 1 / static_cast<double>(dim);
  const double side = std::pow(
      static_cast<double>(count) / static_cast<double>(cloud_.n), root);
  RandomStream stream(cloud_.seed, kPatchStream);
  std::vector<double> low(dim);
  for (double& x : low) x = stream.Uniform() * (1 - side);
  const double border =
      0.5 * (1 - std::pow(std::max(0.25, part_own), root)) * side;
  Matrix<double> patch(count, dim);
  std::vector<int64_t> queries;
  for (int64_t i = 0; i < count; ++i) {
    bool inside =
        !options_.predecessor ||
        static_cast<double>(i) * static_cast<double>(cloud_.n) >=
            static_cast<double>(early_rows) * static_cast<double>(count);
    for (int64_t j = 0; j < dim; ++j) {
      const double x = stream.Uniform() * side;
      patch(i, j) = low[j] + x;
      inside = inside && x >= border && x <= side - border;
    }
    if (inside) queries.push_back(i);
  }
  if (queries.empty()) return 0.0;
  IndexOptions index = OptionsOf(options_.index, factor_);
  if (index.strategy() == BLOCK && !index.has_heuristics()) {
    SkeletonBoundConfig& bound =
        *index.mutable_heuristics()->mutable_skeleton_bound();
    if (rms_residual > 0) {
      bound.set_form(SkeletonBoundConfig::TABLES);
      bound.set_rms_residual(rms_residual);
    } else {
      bound.set_expected_queries(std::ssize(queries));
    }
  }
  RCT_ASSIGN_OR_RETURN(const double evaluations,
                       EvaluationsIn(patch, index, queries, options_));
  of_unit_[key] = evaluations;
  return evaluations;
}

}  // namespace rct
