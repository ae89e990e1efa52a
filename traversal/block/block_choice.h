// The choice between the bounds of BLOCK, by what each would leave.
//
// Without inducing points in few dimensions there is nothing to choose: the
// most correlated points are the nearest ones (correlation_searcher.h).
// Otherwise samples decide.
//
// Two bounds dismiss blocks of points: skeletons, where the residual of a block
// is of low rank (smooth covariances), and the far field, where it decays
// within a few blocks (rough ones). Where neither does, all pairs are searched,
// through a screen in float32 where residual variances are large enough. Each
// bound is put to a sample of blocks and queries before anything large is made
// (bound_probe.h, far_field_probe.h), unless formulas alone say that it cannot
// be the cheapest. Formulas turn what the bounds leave into costs
// (skeleton_costs.h, far_field_costs.h), and the least total, index included,
// for the queries that are expected, or for all rows, is chosen. What the bound
// needs is then made when calls pay for it.
//
// Cost. The samples take about as long as 60 queries of exhaustive search.

#ifndef RCT_TRAVERSAL_BLOCK_BLOCK_CHOICE_H_
#define RCT_TRAVERSAL_BLOCK_BLOCK_CHOICE_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/build_phase.h"
#include "traversal/searcher.h"

namespace rct {

struct ChosenSearcher {
  std::unique_ptr<const Searcher<ResidualCorrelation>> searcher;
  std::vector<BuildPhase> phases;
};

// Makes a SkeletonSearcher, a FarFieldSearcher or a CorrelationSearcher, by the
// form of `config`: AUTO leaves the choice to this function. `metric` holds the
// data in the caller's order and has a valid rounding model. Errors are those
// of SkeletonSearcher::Create.
absl::StatusOr<ChosenSearcher> ChooseBlockSearcher(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config, int threads, Monitor* monitor);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_BLOCK_CHOICE_H_
