// The points from which inducing points are chosen by distance: coordinates
// divided by the lengthscales, so that a unit is the same in every direction.
//
// Places. Rows whose scaled coordinates are equal are at one *place*, for which
// its lowest row stands. Scaled coordinates must lie in the range of
// metric/euclidean_range.h. There the squared distance of two rows is 0 if and
// only if they are at one place: the choice needs no other test for repeated
// points.
//
// Bits. A scaled coordinate is x * (1 / lengthscale), rounded once; squared
// distances are those of SimdRoutines, with the same bits on every instruction
// set. Work is divided into *segments* of consecutive rows, which depend on the
// number of rows alone. Sums over rows are sums over each segment, added in the
// order of segments: no bit depends on the number of threads.

#ifndef RCT_METRIC_SCALED_POINTS_H_
#define RCT_METRIC_SCALED_POINTS_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "metric/point_lanes.h"
#include "metric/simd_routines.h"

namespace rct {

// Rows [begin, end); `begin` is a multiple of eight.
struct RowSegment {
  int64_t begin;
  int64_t end;
};

// Immutable, thread-safe.
class ScaledPoints {
 public:
  // Scales finite points, n x d. `inverse_lengthscale` has d numbers, or none,
  // which means 1. Returns InvalidArgument, with row and column, where scaled
  // coordinates are out of range; ResourceExhausted where there is too little
  // memory, which is that of the points once more, twice while they are scaled.
  static absl::StatusOr<ScaledPoints> Create(
      MatrixView<const double> points,
      absl::Span<const double> inverse_lengthscale,
      const SimdRoutines& simd = BestSimdRoutines());

  int64_t size() const { return size_; }
  int64_t dim() const { return lanes_.dim(); }

  // Returns the scaled coordinates of a row.
  std::vector<double> Place(int64_t row) const;
  double Coordinate(int64_t row, int64_t t) const {
    const CoordinateLanes lanes = lanes_.From(0);
    return lanes.data[t * lanes.stride + row];
  }

  // Returns the lowest row at the place of `row`. Takes O(row).
  int64_t LowestRowAtPlaceOf(int64_t row) const;

  // Computes out[j], the squared distance from `place` to row first + j, for
  // j < count. Up to the next multiple of eight, numbers that are not negative
  // are written beyond `count`.
  void SquaredDistances(const double* place, int64_t first, int64_t count,
                        double* out) const {
    simd_->squared_euclidean_row(place, static_cast<int>(dim()),
                                 lanes_.From(first), count, out);
  }

  // At most kMaxSegments segments hold all rows, each about the same number.
  static constexpr int64_t kMaxSegments = 64;
  int64_t num_segments() const {
    return (size_ + segment_size_ - 1) / segment_size_;
  }
  RowSegment segment(int64_t index) const {
    return {index * segment_size_,
            std::min(size_, (index + 1) * segment_size_)};
  }

 private:
  ScaledPoints(MatrixView<const double> scaled, const SimdRoutines& simd);

  int64_t size_;
  int64_t segment_size_;
  PointLanes lanes_;
  const SimdRoutines* simd_;
};

// Calls fn(first, count) for consecutive blocks of the rows of a segment, each
// small enough that a number for each of its rows stays in the first cache.
inline constexpr int64_t kRowBlock = 512;
template <class Fn>
void ForRowBlocks(RowSegment segment, Fn fn) {
  for (int64_t first = segment.begin; first < segment.end; first += kRowBlock) {
    fn(first, std::min(kRowBlock, segment.end - first));
  }
}

}  // namespace rct

#endif  // RCT_METRIC_SCALED_POINTS_H_
