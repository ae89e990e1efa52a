// Costs: formulas for what the far-field bound takes.
//
// The unit is an evaluation of exhaustive search, as in skeleton_costs.h: m / 8
// + 10 cycles of a processor that multiplies and adds eight float64 numbers in
// one. The numbers below are cycles, fitted to measurements
// (docs/performance.md). With n points in b blocks of B points and mean rank s,
// and p^d nodes:
//
//     build     n m (1.3 m / 16 + 2.6 p^d / 8 + 3 s / 8 + 10)
//               + n 16 (m / 8 + 10) for balls
//               + b^2 / 2 (p^(2d) (m / 8 + 25) + 15000)
//     a query   10^4 + 9 b + T (0.35 s^2 m / B + 8 s) + 0.08 (s + 26) P,
//
// and 2 E + h n evaluations,
//
// where a search leaves T blocks, P points to be bounded and E candidates, each
// of which is evaluated alone, and the part h of the queries to exhaustive
// search. These are measured on a sample (far_field_probe.h).
//
// Memory. 4 n (s + d + 9) bytes for points, 8 m (p^d + s + 1) + 4 b for each of
// b blocks, and, while they are joined, the parts with s once more; for balls
// 4 (s + d + 5) for each panel, sixteen of a block at least.

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_COSTS_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_COSTS_H_

#include <cstdint>

#include "metric/residual_correlation.h"

namespace rct {

// What the bound leaves to a query, on average.
struct FarFieldLeft {
  double blocks = 0;
  double points = 0;
  double candidates = 0;
  double hard = 0;  // the part of queries that end in exhaustive search
};

class FarFieldCosts {
 public:
  // Makes the costs for blocks of `block_size` points with bases of this rank
  // and `nodes` nodes, with balls or without.
  FarFieldCosts(const ResidualCorrelation& metric, int64_t block_size,
                bool balls, double mean_rank, int nodes,
                const FarFieldLeft& left);

  // Returns the bytes that the blocks take, at most while they are made.
  double bytes() const { return bytes_; }

  // Return the costs of making the blocks, and of a number of queries.
  double build() const { return build_; }
  double search(int64_t queries) const {
    return static_cast<double>(queries) * query_;
  }

 private:
  double build_;
  double query_;
  double bytes_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_COSTS_H_
