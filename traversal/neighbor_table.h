// Neighbour sets: what every search returns.

#ifndef RCT_TRAVERSAL_NEIGHBOR_TABLE_H_
#define RCT_TRAVERSAL_NEIGHBOR_TABLE_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"

namespace rct {

inline constexpr int64_t kNoNeighbor = -1;

// The k nearest neighbours of each query, one query a row, ordered by
// (distance, row number). Rows are the caller's row numbers. Where a query has
// fewer than k neighbours, the rest is kNoNeighbor at distance +inf.
class NeighborTable {
 public:
  NeighborTable() = default;

  // All empty.
  NeighborTable(int64_t num_queries, int64_t k)
      : rows_(num_queries, k), distances_(num_queries, k) {
    for (int64_t i = 0; i < num_queries; ++i) {
      for (int64_t j = 0; j < k; ++j) {
        rows_(i, j) = kNoNeighbor;
        distances_(i, j) = std::numeric_limits<double>::infinity();
      }
    }
  }

  int64_t num_queries() const { return rows_.rows(); }
  int64_t k() const { return rows_.cols(); }

  // num_queries x k. Distances are in the metric's unit.
  MatrixView<int64_t> rows() { return rows_.view(); }
  MatrixView<const int64_t> rows() const { return rows_.view(); }
  MatrixView<double> distances() { return distances_.view(); }
  MatrixView<const double> distances() const { return distances_.view(); }

  // How many neighbours query i has, at most k.
  int64_t count(int64_t i) const {
    int64_t j = 0;
    while (j < k() && rows_(i, j) != kNoNeighbor) ++j;
    return j;
  }

  NeighborTable Clone() const;

  // The first `k` <= k() neighbours of each query.
  NeighborTable First(int64_t k) const;

  // The neighbours of these queries, each in [0, num_queries()), in this order.
  NeighborTable Select(absl::Span<const int64_t> queries) const;

  // SHA-256 over the shape, the rows and the bits of the distances, in hex:
  // equal for equal answers on every machine.
  std::string Digest() const;

 private:
  Matrix<int64_t> rows_;
  Matrix<double> distances_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_NEIGHBOR_TABLE_H_
