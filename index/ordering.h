// Orderings of points for Vecchia approximations.
//
//     rct::OrderingConfig config;
//     config.set_method(rct::OrderingConfig::MAXMIN);
//     absl::StatusOr<std::vector<int64_t>> order =
//         rct::OrderPoints(points, config);                     // n x d
//     index->Graph({.k = 30, .predecessor = true}, *order);
//
// A Vecchia approximation conditions each point on some points before it. Its
// accuracy depends on the order: with maximin distances every prefix covers the
// domain evenly, so that points have neighbors at all scales, and the
// approximation is much better than one by coordinates (Guinness, "Permutation
// and grouping methods for sharpening Gaussian process approximations",
// Technometrics 60(4), 2018).
//
// Orders are exact: they follow from comparisons of computed squared distances,
// the sum over dimensions, first to last, of fused multiply-adds
// (metric/euclidean_distance.h), with ties broken by row. They are the same for
// any number of threads, any instruction set and on every machine.
//
//   MAXMIN      First the point nearest to the mean, then always the point
//               whose distance from all points before it is greatest. Repeats
//               of points, at distance 0, come last.
//   RANDOM      Fisher and Yates's shuffle (base/random.h).
//   COORDINATE  By a coordinate.
//   MIDDLE_OUT  By the distance from the mean, nearest first.
//
// Coordinates are divided by lengthscales before distances are measured. The
// mean is the sum in the order of the rows, divided by their number.
//
// Two groups. The first `num_first` rows come before all others. Their order is
// the one they have by themselves: the mean is theirs alone, and also the one
// from which MIDDLE_OUT orders the second group. MAXMIN begins the second group
// with the point farthest from the whole first group.
//
// Cost. That of sorting, and for MAXMIN what farthest_tree.h says: about n log
// n for points in few dimensions, a few seconds for a million.

#ifndef RCT_INDEX_ORDERING_H_
#define RCT_INDEX_ORDERING_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/ordering.pb.h"

namespace rct {

// Returns the rows of `points` (n x d, finite, n may be 0) in the order that
// `config` describes: order[i] is the row that comes i-th. Returns
// InvalidArgument, naming field, row and column, for bad input and, where
// distances are measured, for scaled coordinates out of the range of
// metric/euclidean_range.h; ResourceExhausted where there is too little memory;
// Cancelled where `monitor` is cancelled.
absl::StatusOr<std::vector<int64_t>> OrderPoints(
    MatrixView<const double> points, const OrderingConfig& config,
    Monitor* monitor = nullptr);

// Returns InvalidArgument, naming the first element at fault, unless `order`
// holds each of the rows 0 to n - 1 once.
absl::Status ValidateOrder(absl::Span<const int64_t> order, int64_t n);

// Returns for each row its place in a valid order: ranks[order[i]] = i.
std::vector<int64_t> RanksOf(absl::Span<const int64_t> order);

}  // namespace rct

#endif  // RCT_INDEX_ORDERING_H_
