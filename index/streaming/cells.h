// Cells: the parts of a set of points whose size does not grow with it.
//
// A space partition in a power of two of cells, by median splits of the widest
// side. Cells that follow each other are near each other, and any aligned power
// of two of them is a cell of a coarser partition. Inside a cell rows ascend.
//
// How far a residual covariance reaches is a matter of the inducing points, and
// so is the number of cells that a bound needs: some multiple of theirs,
// however many points fill them. What is known of all pairs of cells therefore
// fits anywhere.
//
// Cost: O(n log cells), one pass of selection for each level of splits; 4 n
// bytes.

#ifndef RCT_INDEX_STREAMING_CELLS_H_
#define RCT_INDEX_STREAMING_CELLS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"

namespace rct {

class Cells {
 public:
  // Returns the largest power of two up to `wanted` that leaves at least
  // `least` points a cell, or 1.
  static int64_t CountFor(int64_t num_points, int64_t wanted, int64_t least);

  // Partitions `rows` of `points` (n x d, finite), whose coordinates count
  // `scale` times (d elements). `count` is a power of two, and no more than
  // half of the rows, or 1. Without rows there are no cells.
  Cells(MatrixView<const double> points, absl::Span<const double> scale,
        std::vector<int32_t> rows, int64_t count, int threads);

  int size() const { return static_cast<int>(begin_.size()) - 1; }
  int64_t num_points() const { return static_cast<int64_t>(rows_.size()); }
  // Returns the rows of a cell, or of cells [first, last), each cell ascending.
  absl::Span<const int32_t> rows(int cell) const {
    return rows(cell, cell + 1);
  }
  absl::Span<const int32_t> rows(int first, int last) const {
    return absl::MakeConstSpan(rows_).subspan(begin_[first],
                                              begin_[last] - begin_[first]);
  }

 private:
  std::vector<int32_t> rows_;
  std::vector<int64_t> begin_;
};

// Returns the points `rows`, in this order.
Matrix<double> GatherPoints(MatrixView<const double> points,
                            absl::Span<const int32_t> rows);

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_CELLS_H_
