// The frame in which a screen sees points in float32: the unit of covariances,
// and the center and scale of coordinates.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_FRAME_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_FRAME_H_

#include <cstdint>
#include <vector>

#include "metric/kernel.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "traversal/exhaustive/screen_bound.h"
#include "traversal/exhaustive/screen_routines.h"

namespace rct {

// Returns the power of two whose square brings `variance` into [1/2, 2).
double ScreenUnit(double variance);

// Immutable; thread-safe.
class ScreenFrame {
 public:
  // Makes the frame for the data of `metric`. Errors are multiplied by
  // `error_scale`: 1, except in tests.
  ScreenFrame(const ResidualCorrelation& metric, double error_scale);

  // Returns the factor of v, whose square is that of covariances.
  double unit() const { return unit_; }
  const ScreenBound& bound() const { return bound_; }
  const ScreenCovariance& covariance() const { return covariance_; }
  // Returns s = 1 / sqrt(p) of a point in this unit.
  double InverseSqrt(const ResidualPoints& from, int64_t i) const {
    return from.inverse_sqrt[i] * inverse_unit_;
  }

  // Converts the coordinates of point i of `from`, whose v has the squared
  // length `squared` in this unit: coordinate t goes to z[t z_stride]. Returns
  // sigma eta, rounded up, or infinity, with zeros for coordinates, where no
  // bound holds.
  float LoadCoordinates(const ResidualPoints& from, int64_t i, double squared,
                        float* z, int64_t z_stride) const;

 private:
  double unit_;
  double inverse_unit_;
  std::vector<double> inverse_lengthscale_;
  std::vector<double> center_;
  ScreenCovariance covariance_;
  ScreenBound bound_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_FRAME_H_
