// Neighbor sets: the answer of every search.

#ifndef RCT_TRAVERSAL_NEIGHBOR_TABLE_H_
#define RCT_TRAVERSAL_NEIGHBOR_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"

namespace rct {

inline constexpr int64_t kNoNeighbor = -1;

// The k nearest neighbors of each query, one query a row, ordered by (distance,
// row number). Rows are the caller's row numbers. Where a query has fewer than
// k neighbors, the rest of its row is kNoNeighbor at distance +inf.
class NeighborTable {
 public:
  NeighborTable() = default;

  // Makes a table in which no query has a neighbor.
  NeighborTable(int64_t num_queries, int64_t k)
      : NeighborTable(Unfilled(num_queries, k)) {
    Clear(/*threads=*/1);
  }

  // Returns a table with unspecified values, whose memory nothing has touched.
  static NeighborTable Unfilled(int64_t num_queries, int64_t k);

  // Makes all queries have no neighbor. A large table is filled by `threads`
  // threads: what takes its time are the pages that the system hands out.
  void Clear(int threads);

  int64_t num_queries() const { return rows_.rows(); }
  int64_t k() const { return rows_.cols(); }

  // num_queries x k. Distances are in the metric's unit.
  MatrixView<int64_t> rows() { return rows_.view(); }
  MatrixView<const int64_t> rows() const { return rows_.view(); }
  MatrixView<double> distances() { return distances_.view(); }
  MatrixView<const double> distances() const { return distances_.view(); }

  // Returns how many neighbors query i has, at most k.
  int64_t count(int64_t i) const {
    int64_t j = 0;
    while (j < k() && rows_(i, j) != kNoNeighbor) ++j;
    return j;
  }

  // Asks for the memory of query i, which is about to be written.
  void Prefetch(int64_t i) {
    constexpr int64_t kLine = 64 / sizeof(int64_t);
    for (int64_t j = 0; j < k(); j += kLine) {
      __builtin_prefetch(rows_.row(i) + j, /*rw=*/1);
      __builtin_prefetch(distances_.row(i) + j, /*rw=*/1);
    }
  }

  NeighborTable Clone() const;

  // Returns the first `k` <= k() neighbors of each query.
  NeighborTable First(int64_t k) const;

  // Returns the neighbors of these queries, each in [0, num_queries()), in this
  // order.
  NeighborTable Select(absl::Span<const int64_t> queries) const;

  // Returns the SHA-256 of the shape, the rows and the bits of the distances,
  // in hex: equal answers have equal digests on every machine.
  std::string Digest() const;

 private:
  Matrix<int64_t> rows_;
  Matrix<double> distances_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_NEIGHBOR_TABLE_H_
