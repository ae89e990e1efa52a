// Advice: warnings about requests that are legal and yet probably mistakes.
//
// A lengthscale in the wrong unit breaks no rule: every answer is exact, and
// its neighbors mean nothing. These functions look at a model or an answer and
// return sentences that say so, and none where all is well. The sentences do
// not begin with the name of a flag or an argument: the caller who shows them
// adds a prefix of its own ("warning: ...").
//
// When. An answer is judged by its queries. A query's neighbors are unrelated
// to it if the last one in its list is, and they coincide with it if the one in
// the middle does. The query itself, where it may be its own neighbor, and the
// padding of short lists do not count. A warning needs at least kMinJudged
// queries with neighbors, more than half of which must agree. So a few
// duplicates or a few isolated points, which healthy data have, never warn.
//
// Cost. A few comparisons for each query; m log m for m inducing points.

#ifndef RCT_INDEX_ADVICE_H_
#define RCT_INDEX_ADVICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "index/residual_index.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"

namespace rct {

// The number of queries with neighbors below which an answer is not judged.
inline constexpr int64_t kMinJudged = 8;

// The residual distance d = sqrt(1 - |rho|) from which two points count as
// unrelated: |rho| < 1e-6. The order of such neighbors has no meaning.
inline constexpr double kUnrelatedDistance = 1 - 5e-7;

// The residual distance up to which two points count as coinciding:
// |rho| > 1 - 1e-14, about as near to 1 as a covariance can be computed (45
// units in the last place). Roundings decide the order of such neighbors or, at
// 0, row numbers do. Euclidean distances have no such scale: only 0 counts.
inline constexpr double kCoincidingDistance = 1e-7;

// The metric of an answer.
enum class AdvisedMetric { kResidual, kEuclidean };

// Warns of a model whose inducing points repeat one another: they take the time
// of several points and explain no more than one.
std::vector<std::string> AdviceOnModel(const ResidualModel& model);

// Warns of an answer whose neighbors are mostly unrelated or mostly at one
// place, and of a radius that limits nothing. `options` are those of the search
// as it was done: a graph has exclude_self, whether its caller set it or not.
std::vector<std::string> AdviceOnNeighbors(const NeighborTable& neighbors,
                                           const SearchOptions& options,
                                           AdvisedMetric metric);

// Does the same for an answer of all neighbors within `radius`. Any radius
// above 1 asks for all rows, most of which may well be unrelated: it gives no
// warning of unrelated neighbors.
std::vector<std::string> AdviceOnRange(const RangeTable& neighbors,
                                       double radius,
                                       const SearchOptions& options,
                                       AdvisedMetric metric);

}  // namespace rct

#endif  // RCT_INDEX_ADVICE_H_
