// Composition: the one place where a config becomes types.
//
// Strategies are templates over the metric and the slots that heuristics fill.
// Here, and nowhere else, a config picks the instantiation. Slots that are
// asked for every subtree or child (radius floor, level cache, dedupe) are
// chosen by type, so that nothing is decided at run time there; slots that are
// asked once for a tile or a frontier (tile width, budget, order) have a branch
// inside.
//
// The trees themselves are planted by traversal/tree, skeletons by
// traversal/block.

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

// A strategy with its options. The tree counts for tree strategies only, and
// each heuristic for the strategies that have a slot for it.
struct Composition {
  Strategy strategy = EXHAUSTIVE;
  CoverTreeConfig tree;
  HeuristicsConfig heuristics;
};

// Returns InvalidArgument, naming the field, if the strategy is missing, an
// option is out of range, or a heuristic is given that the strategy cannot use.
absl::Status ValidateComposition(const Composition& composition);

template <class Metric>
struct ComposedSearcher {
  std::unique_ptr<const Searcher<Metric>> searcher;
  std::vector<BuildPhase> phases;  // none for EXHAUSTIVE by itself
  // The nets of a STATIC tree, which depend on points and tree alone and may be
  // given to a later call; null without one.
  std::shared_ptr<const NetHierarchy> static_nets = nullptr;
};

// Returns a searcher of `metric`, which holds the data in the caller's order,
// built on `threads` >= 1 threads. `static_nets` are those of an earlier
// searcher over the same points, with the same tree, or null. Returns the
// errors of ValidateComposition; FailedPrecondition if the strategy's bounds
// are not proven for this metric (its factors have an unknown error, or its
// jitter is too small); InvalidArgument for a level cache, a float screen or a
// bound of BLOCK over Euclidean distance, which has no correlations; Cancelled
// if `monitor` is.
template <class Metric>
absl::StatusOr<ComposedSearcher<Metric>> ComposeSearcher(
    std::shared_ptr<const Metric> metric, const Composition& composition,
    int threads, Monitor* monitor = nullptr,
    std::shared_ptr<const NetHierarchy> static_nets = nullptr);

// Writes to `archive` those parts of `searcher`, composed from `composition`,
// that RestoreSearcher reads again: skeletons and their tables for BLOCK. Trees
// and screens are not saved; making them again takes as long as the first time.
void SaveSearcher(const Searcher<ResidualCorrelation>& searcher,
                  const Composition& composition, ArchiveWriter& archive);

// Returns the saved searcher, over the same metric and with the same answers;
// null if the archive holds no part of one and ComposeSearcher is to make it.
// Returns the errors of archive.status(), to which those of ComposeSearcher
// belong.
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
