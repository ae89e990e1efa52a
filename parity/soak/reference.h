// What a call of an index must return, by plain loops.
//
// The metric's numbers come from exhaustive search without constraints, which
// lists all points for each query. All that a call may ask for (k, a radius,
// allowed rows, predecessors, an order) is then chosen from the list one
// candidate after the other, so that not even a mistake that exhaustive search
// shares with the other strategies goes unseen.

#ifndef RCT_PARITY_SOAK_REFERENCE_H_
#define RCT_PARITY_SOAK_REFERENCE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "traversal/neighbor_table.h"

namespace rct {

// Which candidates a call may return.
struct Constraints {
  bool exclude_self = false;
  bool predecessor = false;
  // The radius of each query.
  std::vector<double> radii = {};
  // A flag for each row; empty means all.
  std::vector<char> allowed = {};
  // The rank of each row in the order of the call; empty means its number.
  std::vector<int64_t> ranks = {};
};

// The neighbors of a query: (distance, row), in order.
using NeighborList = std::vector<std::pair<double, int64_t>>;

// Returns, for each query, the neighbors that `constraints` leave of `all`, the
// neighbors of each without any. `rows` are the queries' own rows, or empty for
// new points.
std::vector<NeighborList> ChooseNeighbors(const NeighborTable& all,
                                          absl::Span<const int64_t> rows,
                                          const Constraints& constraints);

}  // namespace rct

#endif  // RCT_PARITY_SOAK_REFERENCE_H_
