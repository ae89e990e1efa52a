// Points in float32, as the screen reads them, and their shares in its errors.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_POINTS_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_POINTS_H_

#include <cstdint>

#include "base/aligned_buffer.h"
#include "metric/residual_correlation.h"
#include "traversal/exhaustive/screen_bound.h"
#include "traversal/exhaustive/screen_frame.h"
#include "traversal/exhaustive/screen_routines.h"

namespace rct {

// Immutable after construction; thread-safe.
class ScreenPoints {
 public:
  // The contribution of one point to bounds.
  struct Terms {
    float length;         // >= |v|
    float shift;          // >= sigma eta; infinite where no bound holds
    double inverse_sqrt;  // s
  };

  // Converts the data of `metric`, which must outlive this.
  ScreenPoints(const ResidualCorrelation& metric, int threads,
               double error_scale);

  const ScreenBound& bound() const { return frame_.bound(); }
  const ScreenCovariance& covariance() const { return frame_.covariance(); }
  int64_t bytes() const;

  // Returns the number of terms of a product: m rounded up to whole chunks, at
  // least one of them.
  int64_t terms() const { return terms_; }
  int64_t num_panels() const { return num_panels_; }
  // Return the v of one panel of candidates, and the end of the last one.
  const float* panel(int64_t p) const {
    return v_.data() + p * kScreenPanel * terms_;
  }
  const float* end() const { return panel(num_panels_); }
  // Returns the other columns of the panels from `p` on.
  ScreenCandidates Candidates(int64_t p) const {
    const int64_t first = p * kScreenPanel;
    return {z_.data() + first * covariance().dim, length_.data() + first,
            shift_.data() + first, root_.data() + first};
  }
  // Returns s of a candidate.
  double inverse_sqrt(int64_t j) const {
    return frame_.InverseSqrt(metric_->data(), j);
  }

  // Converts point i of `from`: element c of v goes to v[c v_stride], with
  // zeros up to terms(), coordinate t to z[t z_stride].
  Terms Load(const ResidualPoints& from, int64_t i, float* v, int64_t v_stride,
             float* z, int64_t z_stride) const;

 private:
  const ResidualCorrelation* metric_;
  ScreenFrame frame_;
  int64_t terms_;
  int64_t num_panels_;
  AlignedBuffer<float> v_;
  AlignedBuffer<float> z_;
  AlignedBuffer<float> length_;
  AlignedBuffer<float> shift_;
  AlignedBuffer<float> root_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_POINTS_H_
