// Euclidean distance, in the form of residual_correlation.h: tiles of squared
// distances t, balls, and a lower bound by the triangle inequality.
//
// Rounding. Each term (x - y)^2 and their sum lie within a relative
// (dim + 4) u of their true values, so distances do within that as well;
// `slack_` = (dim + 16) u is given away wherever a bound is formed. Squares may
// underflow, by less than 1e-150 in distance.

#ifndef RCT_METRIC_EUCLIDEAN_DISTANCE_H_
#define RCT_METRIC_EUCLIDEAN_DISTANCE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "metric/point_lanes.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/tile.h"

namespace rct {

struct EuclideanPoints {
  int64_t size() const { return points.rows(); }
  EuclideanPoints Reordered(absl::Span<const int32_t> order) const;

  Matrix<double> points;  // n x d
};

class EuclideanDistance {
 public:
  using Points = EuclideanPoints;

  // A ball of data points around one of them.
  struct Ball {
    double radius = 0;
  };

  explicit EuclideanDistance(Points data,
                             const SimdRoutines& simd = BestSimdRoutines());

  int64_t size() const { return data_.size(); }
  int64_t dim() const { return data_.points.cols(); }
  int64_t point_width() const { return dim(); }
  const Points& data() const { return data_; }
  const SimdRoutines& simd() const { return *simd_; }

  EuclideanDistance Reordered(absl::Span<const int32_t> order) const;

  // As ResidualCorrelation::SquaredDistances.
  void SquaredDistances(const Points& from, absl::Span<const int32_t> queries,
                        Candidates candidates, double* out, int64_t out_stride,
                        TileWorkspace& workspace) const;

  // Norms play no part here; the bounds' slack takes their place.
  double InverseNorm(const Points&, int64_t) const { return 1 - slack_; }
  double InverseNorm(int64_t) const { return 1 - slack_; }

  static double Nearness(double squared, double, double) { return -squared; }
  static double NearnessAt(double radius) { return -radius * radius; }
  static double RadiusAt(double nearness) {
    return std::sqrt(std::max(0.0, -nearness));
  }
  static constexpr double kMaxRadius = std::numeric_limits<double>::infinity();

  static void Include(double nearness, double inverse_norm, Ball& ball) {
    ball.radius =
        std::max(ball.radius, RadiusAt(nearness) / inverse_norm + 1e-150);
  }
  static void Include(const Ball& other, Ball& ball) {
    ball.radius = std::max(ball.radius, other.radius);
  }
  static double Radius(const Ball& ball) { return ball.radius; }

  static double MinSquared(double squared, double query_norm, double,
                           const Ball& ball) {
    // A square that overflowed is at least the largest number: no more is
    // known.
    const double distance =
        std::sqrt(std::clamp(squared, 0.0, std::numeric_limits<double>::max()));
    const double gap = (distance * query_norm - ball.radius) * query_norm;
    return gap > 0 ? gap * gap : kSelf;
  }

 private:
  Points data_;
  const SimdRoutines* simd_;
  PointLanes lanes_;
  double slack_;
};

}  // namespace rct

#endif  // RCT_METRIC_EUCLIDEAN_DISTANCE_H_
