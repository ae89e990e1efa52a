// Points in float32, as the screen reads them, and their shares in its errors.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_POINTS_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_POINTS_H_

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "metric/residual_correlation.h"
#include "traversal/exhaustive/screen_bound.h"
#include "traversal/exhaustive/screen_routines.h"

namespace rct {

// Immutable after construction; thread-safe.
class ScreenPoints {
 public:
  // What one point contributes to bounds.
  struct Terms {
    float length;         // >= |v|
    float shift;          // >= sigma eta; infinite where no bound holds
    double inverse_sqrt;  // s
  };

  // The data of `metric`, which must outlive this.
  ScreenPoints(const ResidualCorrelation& metric, int threads,
               double error_scale);

  const ScreenBound& bound() const { return bound_; }
  const ScreenCovariance& covariance() const { return covariance_; }
  int64_t bytes() const;

  // Terms of a product: m rounded up to whole chunks.
  int64_t terms() const { return terms_; }
  int64_t num_panels() const { return num_panels_; }
  // The v of one panel of candidates, and where the last one ends.
  const float* panel(int64_t p) const {
    return v_.data() + p * kScreenPanel * terms_;
  }
  const float* end() const { return panel(num_panels_); }
  // All else of the panels from `p` on.
  ScreenCandidates Candidates(int64_t p) const {
    const int64_t first = p * kScreenPanel;
    return {z_.data() + first * covariance_.dim, length_.data() + first,
            shift_.data() + first, root_.data() + first};
  }
  // s of a candidate.
  double inverse_sqrt(int64_t j) const {
    return metric_->data().inverse_sqrt[j] * inverse_unit_;
  }

  // Point i of `from`: element c of v goes to v[c v_stride], with zeros up to
  // terms(), coordinate t to z[t z_stride].
  Terms Load(const ResidualPoints& from, int64_t i, float* v, int64_t v_stride,
             float* z, int64_t z_stride) const;

 private:
  const ResidualCorrelation* metric_;
  double unit_;  // what v is multiplied with: a power of two
  double inverse_unit_;
  ScreenCovariance covariance_;
  ScreenBound bound_;
  int64_t terms_;
  int64_t num_panels_;
  std::vector<double> center_;
  AlignedBuffer<float> v_;
  AlignedBuffer<float> z_;
  AlignedBuffer<float> length_;
  AlignedBuffer<float> shift_;
  AlignedBuffer<float> root_;
};

// A power of two whose square brings `variance` into [1/2, 2).
double ScreenUnit(double variance);

}  // namespace rct

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_POINTS_H_
