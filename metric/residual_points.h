// Points as the residual metric sees them.

#ifndef RCT_METRIC_RESIDUAL_POINTS_H_
#define RCT_METRIC_RESIDUAL_POINTS_H_

#include <cstdint>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/archive.h"
#include "base/matrix.h"

namespace rct {

// Returns the stride of V in elements: m rounded up to whole vectors, and one
// vector more if rows would otherwise lie a multiple of 4 KiB apart and compete
// for the same lines of the cache.
int64_t FactorStride(int64_t num_inducing);

// n points with their residual factors. Point i is row i of each array.
struct ResidualPoints {
  // Allocates points and factors with unspecified values.
  ResidualPoints(int64_t count, int64_t dim, int64_t num_inducing);
  // Takes over `points` and allocates factors with unspecified values.
  ResidualPoints(Matrix<double> points, int64_t num_inducing);

  // Reads the points that Save wrote and checks that all arrays have one size.
  // If archive.status() is an error afterwards, the points must not be used.
  // CheckResidualPoints (residual_factors.h) checks the numbers.
  explicit ResidualPoints(ArchiveReader& archive);
  void Save(ArchiveWriter& archive) const;

  int64_t size() const { return points.rows(); }

  // Returns the points in another order: point i of the result is point
  // order[i].
  ResidualPoints Reordered(absl::Span<const int32_t> order) const;

  Matrix<double> points;               // n x d
  Matrix<double> v;                    // n x m, zero in the padding
  AlignedBuffer<double> variance;      // p_i = max(k(x,x) - v.v, floor)
  AlignedBuffer<double> inverse_sqrt;  // s_i = fl(1 / fl(sqrt(p_i)))
};

}  // namespace rct

#endif  // RCT_METRIC_RESIDUAL_POINTS_H_
