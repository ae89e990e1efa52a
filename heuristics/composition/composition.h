// Composition: the one place where a config becomes types.
//
// Strategies are templates over the metric and the slots that heuristics fill.
// Here, and nowhere else, a config picks the instantiation. What is asked for
// every subtree or child (radius floor, level cache, dedupe) is decided by
// type, so that below the tile nothing is decided at run time; what is asked
// once for a tile or a frontier (tile width, budget, order) is a branch
// there.

#ifndef RCT_HEURISTICS_COMPOSITION_COMPOSITION_H_
#define RCT_HEURISTICS_COMPOSITION_COMPOSITION_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/archive.h"
#include "base/monitor.h"
#include "heuristics/composition/heuristics.pb.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "traversal/build_phase.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"

namespace rct {

// A strategy with all that it may be given. The tree counts for tree strategies
// only, and each heuristic for those that have a use for it.
struct Composition {
  Strategy strategy = EXHAUSTIVE;
  CoverTreeConfig tree;
  HeuristicsConfig heuristics;
};

// InvalidArgument, naming the field, where the strategy is missing or an option
// is out of range.
absl::Status ValidateComposition(const Composition& composition);

template <class Metric>
struct ComposedSearcher {
  std::unique_ptr<const Searcher<Metric>> searcher;
  std::vector<BuildPhase> phases;  // none for EXHAUSTIVE by itself
  // Of a STATIC tree its nets, which depend on points and tree alone and may be
  // given to a later call; else null.
  std::shared_ptr<const NetHierarchy> static_nets = nullptr;
};

// A searcher of `metric`, which holds the data in the caller's order, built on
// `threads` >= 1 threads. Errors of ValidateComposition; FailedPrecondition
// where the strategy's bounds are not proven for this metric (factors of
// unknown error, jitter too small), InvalidArgument for a level cache or a
// float screen over Euclidean distance, which has no correlations; Cancelled
// where `monitor` is. `static_nets` are those of an earlier searcher over the
// same points, with the same tree, or null.
template <class Metric>
absl::StatusOr<ComposedSearcher<Metric>> ComposeSearcher(
    std::shared_ptr<const Metric> metric, const Composition& composition,
    int threads, Monitor* monitor = nullptr,
    std::shared_ptr<const NetHierarchy> static_nets = nullptr);

// Puts into `archive` what `searcher`, composed from `composition`, holds and
// RestoreSearcher reads: skeletons and their tables for BLOCK. Trees and
// screens are made again, which takes what it took before.
void SaveSearcher(const Searcher<ResidualCorrelation>& searcher,
                  const Composition& composition, ArchiveWriter& archive);

// The searcher again, over the same metric, with the same answers; null where
// the archive holds nothing of one and ComposeSearcher is to make it. Errors of
// archive.status(), to which those of ComposeSearcher belong.
absl::StatusOr<ComposedSearcher<ResidualCorrelation>> RestoreSearcher(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const Composition& composition, ArchiveReader& archive);

extern template absl::StatusOr<ComposedSearcher<ResidualCorrelation>>
ComposeSearcher(std::shared_ptr<const ResidualCorrelation>, const Composition&,
                int, Monitor*, std::shared_ptr<const NetHierarchy>);
extern template absl::StatusOr<ComposedSearcher<EuclideanDistance>>
ComposeSearcher(std::shared_ptr<const EuclideanDistance>, const Composition&,
                int, Monitor*, std::shared_ptr<const NetHierarchy>);

}  // namespace rct

#endif  // RCT_HEURISTICS_COMPOSITION_COMPOSITION_H_
