// Composition: the one place where a config becomes types.
//
// Strategies are templates over the metric and the slots that heuristics fill.
// Here, and nowhere else, a config picks the instantiation; below this line
// nothing is decided at run time inside a block.

#ifndef RCT_HEURISTICS_COMPOSITION_COMPOSITION_H_
#define RCT_HEURISTICS_COMPOSITION_COMPOSITION_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "heuristics/composition/heuristics.pb.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {

template <class Metric>
struct ComposedSearcher {
  std::unique_ptr<const Searcher<Metric>> searcher;
  // What shaping the tree and measuring its balls cost, whatever the distance;
  // 0 without a tree.
  int64_t build_distance_evaluations = 0;
};

// A searcher of `metric`, which holds the data in the caller's order, on
// `threads` >= 1 threads. `tree` counts for tree strategies only.
// InvalidArgument, naming the field, where the strategy is missing or a tree
// option is out of range; FailedPrecondition where the strategy's bounds are
// not proven for this metric (factors of unknown error, jitter too small).
template <class Metric>
absl::StatusOr<ComposedSearcher<Metric>> ComposeSearcher(
    std::shared_ptr<const Metric> metric, Strategy strategy,
    const CoverTreeConfig& tree, const HeuristicsConfig& heuristics,
    int threads);

extern template absl::StatusOr<ComposedSearcher<ResidualCorrelation>>
ComposeSearcher(std::shared_ptr<const ResidualCorrelation>, Strategy,
                const CoverTreeConfig&, const HeuristicsConfig&, int);
extern template absl::StatusOr<ComposedSearcher<EuclideanDistance>>
ComposeSearcher(std::shared_ptr<const EuclideanDistance>, Strategy,
                const CoverTreeConfig&, const HeuristicsConfig&, int);

}  // namespace rct

#endif  // RCT_HEURISTICS_COMPOSITION_COMPOSITION_H_
