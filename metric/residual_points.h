// Points as the residual metric sees them.

#ifndef RCT_METRIC_RESIDUAL_POINTS_H_
#define RCT_METRIC_RESIDUAL_POINTS_H_

#include <cstdint>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/archive.h"
#include "base/matrix.h"

namespace rct {

// The distance between rows of V, in elements: m rounded up to whole vectors,
// with one vector more where rows would otherwise lie a multiple of 4 KiB
// apart and compete for the same lines of the cache.
int64_t FactorStride(int64_t num_inducing);

// n points with their residual factors. Plain data: point i is row i of each.
struct ResidualPoints {
  ResidualPoints(int64_t count, int64_t dim, int64_t num_inducing);
  // Of these points, whose factors have unspecified values.
  ResidualPoints(Matrix<double> points, int64_t num_inducing);

  // As Save wrote them, all of one size. Of no use where archive.status() is an
  // error then; CheckResidualPoints (residual_factors.h) asks for the numbers.
  explicit ResidualPoints(ArchiveReader& archive);
  void Save(ArchiveWriter& archive) const;

  int64_t size() const { return points.rows(); }

  // The points in another order: point i of the result is point order[i].
  ResidualPoints Reordered(absl::Span<const int32_t> order) const;

  Matrix<double> points;               // n x d
  Matrix<double> v;                    // n x m, zero in the padding
  AlignedBuffer<double> variance;      // p_i = max(k(x,x) - v.v, floor)
  AlignedBuffer<double> inverse_sqrt;  // s_i = fl(1 / fl(sqrt(p_i)))
};

}  // namespace rct

#endif  // RCT_METRIC_RESIDUAL_POINTS_H_
