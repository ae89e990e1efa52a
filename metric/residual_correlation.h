// Residual correlation distance.
//
//     rho(i, j) = (k(x_i, x_j) - v_i . v_j) s_i s_j,       s = 1 / sqrt(p)
//     d(i, j)   = sqrt(max(0, 1 - |rho|)) in [0, 1],        d(i, i) = 0
//
// Distances are computed in tiles, many queries against many candidates, as
// *squared* distances t = 1 - |rho|. They are not clamped: t is below 0 if
// rounding makes |rho| exceed 1, and kSelf for a point against itself.
// FinalDistance() turns t into the distance. The order of t is that of d,
// except that the square root merges adjacent values into ties.
//
// Each t is one fixed computation (simd_routines.h): tiles of any shape, ranges
// and lists, one query or many, and either order of the arguments give the same
// bits.
//
// Bounds. Computed distances violate the triangle inequality, by 1e-4 if
// p = 1e-7. The angles
//
//     theta(i, j) = arccos(|rho| / sqrt((1 + tau_i)(1 + tau_j))),
//     tau_i = nu(3) / p_i + 12 u                        (rounding.h)
//
// of the same computed numbers do not: (|rho_ij|) with 1 + tau on the diagonal
// is a Gram matrix on every three points, and angles between lines are a metric
// (flip signs until two of three products are non-negative). With the covering
// radius R = max theta(c, x) of a ball around c, therefore,
//
//     theta(q, x) >= theta(q, c) - R   for every x of the ball,
//
// and hence |rho(q, x)| <= cos(theta(q, c) - R) sqrt((1 + tau_q)(1 + tau_x)).
// Angles are stored as cosines, so that no inverse function is evaluated. The
// roundings of the evaluation are below the 16 u that MinSquared subtracts.

#ifndef RCT_METRIC_RESIDUAL_CORRELATION_H_
#define RCT_METRIC_RESIDUAL_CORRELATION_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/kernel.h"
#include "metric/point_lanes.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/tile.h"

namespace rct {

// The residual metric on a set of data points. Immutable, thread-safe.
class ResidualCorrelation {
 public:
  using Points = ResidualPoints;

  // A ball of data points around one of them.
  struct Ball {
    double cos_radius = 1;  // the smallest cosine of theta to the center
    double sin_radius = 0;  // the sine of the same angle
    double norm = 1;        // the largest sqrt(1 + tau)
  };

  // `rounding` is absent if a user supplied the factors. Their errors are then
  // unknown, and only exhaustive search is exact.
  ResidualCorrelation(Kernel kernel, Points data,
                      std::optional<RoundingModel> rounding,
                      const SimdRoutines& simd = BestSimdRoutines());

  // Makes the metric of factors that `factor` computed, with its rounding.
  ResidualCorrelation(Kernel kernel, Points data,
                      std::shared_ptr<const InducingFactor> factor,
                      const SimdRoutines& simd = BestSimdRoutines());

  int64_t size() const { return data_.size(); }
  int64_t dim() const { return kernel_.dim(); }
  // Returns the number of doubles that a tile reads of each point.
  int64_t point_width() const { return data_.v.stride(); }
  const Points& data() const { return data_; }
  const Kernel& kernel() const { return kernel_; }
  const std::optional<RoundingModel>& rounding() const { return rounding_; }
  const SimdRoutines& simd() const { return *simd_; }
  // Returns the factor of the inducing points that V was computed with, or null
  // where it is not known.
  const std::shared_ptr<const InducingFactor>& factor() const {
    return factor_;
  }

  // Returns the same metric with the data in another order (see
  // Points::Reordered).
  ResidualCorrelation Reordered(absl::Span<const int32_t> order) const;

  // Computes out[i * out_stride + j] = t(queries[i] of `from`, candidate j of
  // the data) for a tile. `from` is data() itself, so that a point may meet
  // itself, or any other set. Rows of `out` are padded to whole vectors.
  void SquaredDistances(const Points& from, absl::Span<const int32_t> queries,
                        Candidates candidates, double* out, int64_t out_stride,
                        TileWorkspace& workspace) const;

  // Computes out[i * out_stride + j] = rho(queries[i] of `from`, candidate j of
  // the data), not clamped, which SquaredFrom() turns into t. The correlation
  // of a point with itself is the computed one, near 1.
  void Correlations(const Points& from, absl::Span<const int32_t> queries,
                    Candidates candidates, double* out, int64_t out_stride,
                    TileWorkspace& workspace) const;
  static double SquaredFrom(double rho) { return 1 - std::abs(rho); }

  // Returns tau of point i of `from` for Gram matrices of `num_points` points.
  // Assumes that rounding() is present.
  double Tau(const Points& from, int64_t i, int num_points) const;

  // Returns 1 / sqrt(1 + tau) of point i of `from`, or of the data. Assumes
  // that rounding() is present.
  double InverseNorm(const Points& from, int64_t i) const;
  double InverseNorm(int64_t i) const { return inverse_norm_[i]; }

  // Returns the nearness of two points, the cosine of their angle, from their t
  // and their inverse norms. It falls as the angle grows.
  static double Nearness(double squared, double a_norm, double b_norm) {
    return std::min(1.0, (1 - squared) * a_norm * b_norm);
  }
  // Return the nearness at a given angle, and the angle at a given nearness.
  static double NearnessAt(double angle) {
    return angle >= kMaxRadius ? -1.0 : std::cos(angle);
  }
  static double RadiusAt(double nearness) {
    return std::acos(std::max(0.0, nearness));
  }
  // The largest angle between two points.
  static constexpr double kMaxRadius = 1.5707963267948968;

  // Enlarges `ball` to hold a point of this nearness to the center.
  static void Include(double nearness, double inverse_norm, Ball& ball) {
    const double cosine =
        std::max(0.0, nearness * (1 - 16 * kUnitRoundoff) - 4 * kUnitRoundoff);
    if (cosine < ball.cos_radius) {
      ball.cos_radius = cosine;
      ball.sin_radius = std::sqrt((1 - cosine) * (1 + cosine));
    }
    ball.norm = std::max(ball.norm, (1 + 8 * kUnitRoundoff) / inverse_norm);
  }
  // Enlarges `ball` to hold `other`, a ball around the same center.
  static void Include(const Ball& other, Ball& ball) {
    if (other.cos_radius < ball.cos_radius) {
      ball.cos_radius = other.cos_radius;
      ball.sin_radius = other.sin_radius;
    }
    ball.norm = std::max(ball.norm, other.norm);
  }
  static double Radius(const Ball& ball) {
    return std::atan2(ball.sin_radius, ball.cos_radius);
  }

  // Returns a lower bound on the computed t between a query and any point of
  // `ball`. `squared` is t(query, center).
  static double MinSquared(double squared, double query_norm,
                           double center_norm, const Ball& ball) {
    const double cosine =
        std::min(1.0, (1 - squared) * query_norm * center_norm *
                          (1 + 16 * kUnitRoundoff));
    if (cosine >= ball.cos_radius) return kSelf;
    const double sine = std::sqrt((1 - cosine) * (1 + cosine));
    const double bound =
        cosine * ball.cos_radius + sine * ball.sin_radius + 16 * kUnitRoundoff;
    return 1 - bound * (ball.norm / query_norm) - 16 * kUnitRoundoff;
  }

 private:
  using FinishRow = decltype(SimdRoutines::residual_row);

  // Computes a tile: dot products first, which `finish` turns into results.
  void Tile(const Points& from, absl::Span<const int32_t> queries,
            Candidates candidates, FinishRow finish, double* out,
            int64_t out_stride, TileWorkspace& workspace) const;

  Kernel kernel_;
  Points data_;
  std::optional<RoundingModel> rounding_;
  std::shared_ptr<const InducingFactor> factor_;
  const SimdRoutines* simd_;
  PointLanes lanes_;
  AlignedBuffer<double> scale_;         // s, padded to whole vectors
  AlignedBuffer<double> inverse_norm_;  // empty without rounding_
};

}  // namespace rct

#endif  // RCT_METRIC_RESIDUAL_CORRELATION_H_
