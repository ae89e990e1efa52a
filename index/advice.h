// Advice: sentences about what is legal and yet of no use.
//
// A lengthscale in the wrong unit breaks no rule: every answer is exact, and
// its neighbors mean nothing. These functions look at a model or an answer and
// say so, in sentences without a name of a flag or an argument in front, for
// whoever shows them ("warning: ..."). They change nothing, and where there is
// nothing to say they say nothing.
//
// When. An answer is judged by queries: a query's neighbors are unrelated to it
// if the last of its list is, and coincide with it if the one in the middle
// does. The query itself, which is its own nearest neighbor where it may be,
// does not count, nor does the padding of short lists. At least 8 queries with
// neighbors must be there, and of these more than half must agree. What is
// common in healthy data (a few duplicates, a few isolated points) so never
// warns.
//
// Cost. A few comparisons a query; m log m for m inducing points.

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

// Fewer queries with neighbors than this are too few to judge by.
inline constexpr int64_t kFewestJudged = 8;

// A residual distance d = sqrt(1 - |rho|) from here on is |rho| < 1e-6: a pair
// that knows nothing of each other, whose rank among others says nothing.
inline constexpr double kUnrelatedDistance = 1 - 5e-7;

// A residual distance up to here is |rho| > 1 - 1e-14, about as near to 1 as a
// covariance can be computed (45 units in the last place): an order among such
// neighbors is one of roundings or, at 0, of row numbers. Euclidean distances
// have no such scale, and there only 0 counts.
inline constexpr double kCoincidingDistance = 1e-7;

// What an answer is about.
enum class AdvisedMetric { kResidual, kEuclidean };

// About a model: inducing points at one place, which take the time of several
// and explain what one does.
std::vector<std::string> AdviceOnModel(const ResidualModel& model);

// About an answer: neighbors that are mostly unrelated, or mostly at one place,
// and a radius that limits nothing. `options` are those of the search; that of
// a graph has exclude_self, whatever its caller has set.
std::vector<std::string> AdviceOnNeighbors(const NeighborTable& neighbors,
                                           const SearchOptions& options,
                                           AdvisedMetric metric);

// The same about all neighbors within `radius`. An infinite one asks for all
// rows, of which most may well be unrelated.
std::vector<std::string> AdviceOnRange(const RangeTable& neighbors,
                                       double radius,
                                       const SearchOptions& options,
                                       AdvisedMetric metric);

}  // namespace rct

#endif  // RCT_INDEX_ADVICE_H_
