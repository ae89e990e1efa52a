// Residual correlation distance.
//
//     rho(i, j) = (k(x_i, x_j) - v_i . v_j) s_i s_j,       s = 1 / sqrt(p)
//     d(i, j)   = sqrt(max(0, 1 - |rho|)) in [0, 1],        d(i, i) = 0
//
// Distances come in tiles, many queries against many candidates, as *squared*
// distances t = 1 - |rho| that are not clamped: below 0 where rounding makes
// |rho| exceed 1, and kSelf for a point against itself. FinalDistance() makes
// the distance. The order of t is that of d but for ties (the square root
// merges neighbouring values).
//
// Each t is one fixed computation (simd_routines.h): tiles of any shape, ranges
// and lists, one query or many, either order of the arguments give the same
// bits.
//
// Bounds. Computed distances violate the triangle inequality: with
// p = 1e-7, by 1e-4. The angles
//
//     theta(i, j) = arccos(|rho| / sqrt((1 + tau_i)(1 + tau_j))),
//     tau_i = nu(3) / p_i + 12 u                        (rounding.h)
//
// of the same computed numbers do not: (|rho_ij|) with 1 + tau on the diagonal
// is a Gram matrix on every three points, and angles between lines are a metric
// (flip signs until two of three products are non-negative). So with the
// covering radius R = max theta(c, x) over a ball,
//
//     theta(q, x) >= theta(q, c) - R   for every x of the ball,
//
// and hence |rho(q, x)| <= cos(theta(q, c) - R) sqrt((1 + tau_q)(1 + tau_x)).
// Angles are kept as cosines: no inverse function is ever evaluated, and each
// rounding of what follows is below the 16 u that MinSquared gives away.

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
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/tile.h"

namespace rct {

class ResidualCorrelation {
 public:
  using Points = ResidualPoints;

  // A ball of data points around one of them: the smallest cosine of theta
  // among them, the sine to it, and the largest sqrt(1 + tau).
  struct Ball {
    double cos_radius = 1;
    double sin_radius = 0;
    double norm = 1;
  };

  // `rounding` is absent where factors come from a user: then nothing is known
  // about their errors, and only exhaustive search is exact.
  ResidualCorrelation(Kernel kernel, Points data,
                      std::optional<RoundingModel> rounding,
                      const SimdRoutines& simd = BestSimdRoutines());

  int64_t size() const { return data_.size(); }
  int64_t dim() const { return kernel_.dim(); }
  // Doubles that are read of each point of a tile.
  int64_t point_width() const { return data_.v.stride(); }
  const Points& data() const { return data_; }
  const Kernel& kernel() const { return kernel_; }
  const std::optional<RoundingModel>& rounding() const { return rounding_; }
  const SimdRoutines& simd() const { return *simd_; }

  // The same metric with the data in another order (see Points::Reordered).
  ResidualCorrelation Reordered(absl::Span<const int32_t> order) const;

  // out[i * out_stride + j] = t(queries[i] of `from`, candidate j of the data)
  // for the whole tile. `from` is data() itself, whose points know themselves,
  // or any other set. `out` rows are padded to whole vectors.
  void SquaredDistances(const Points& from, absl::Span<const int32_t> queries,
                        Candidates candidates, double* out, int64_t out_stride,
                        TileWorkspace& workspace) const;

  // out[i * out_stride + j] = rho(queries[i] of `from`, candidate j), not
  // clamped, of which SquaredFrom() makes t. A point against itself is its own
  // computed correlation, near 1.
  void Correlations(const Points& from, absl::Span<const int32_t> queries,
                    Candidates candidates, double* out, int64_t out_stride,
                    TileWorkspace& workspace) const;
  static double SquaredFrom(double rho) { return 1 - std::abs(rho); }

  // tau of point i of `from` for Gram matrices of `num_points` points. Requires
  // rounding().
  double Tau(const Points& from, int64_t i, int num_points) const;

  // 1 / sqrt(1 + tau) of point i of `from`. Requires rounding().
  double InverseNorm(const Points& from, int64_t i) const;
  double InverseNorm(int64_t i) const { return inverse_norm_[i]; }

  // A number that falls as the angle grows: its cosine. Arguments: t of two
  // points and their inverse norms.
  static double Nearness(double squared, double a_norm, double b_norm) {
    return std::min(1.0, (1 - squared) * a_norm * b_norm);
  }
  // The nearness at a given angle, and the angle at a given nearness.
  static double NearnessAt(double angle) {
    return angle >= kMaxRadius ? -1.0 : std::cos(angle);
  }
  static double RadiusAt(double nearness) {
    return std::acos(std::max(0.0, nearness));
  }
  // No two points are further apart.
  static constexpr double kMaxRadius = 1.5707963267948968;

  // Enlarges `ball` to hold a point of this nearness to the centre.
  static void Include(double nearness, double inverse_norm, Ball& ball) {
    const double cosine =
        std::max(0.0, nearness * (1 - 16 * kUnitRoundoff) - 4 * kUnitRoundoff);
    if (cosine < ball.cos_radius) {
      ball.cos_radius = cosine;
      ball.sin_radius = std::sqrt((1 - cosine) * (1 + cosine));
    }
    ball.norm = std::max(ball.norm, (1 + 8 * kUnitRoundoff) / inverse_norm);
  }
  // The smallest ball around the same centre that holds both.
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

  // No point of `ball` has a computed t to the query below this. `squared` is
  // t(query, centre).
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

  void Tile(const Points& from, absl::Span<const int32_t> queries,
            Candidates candidates, FinishRow finish, double* out,
            int64_t out_stride, TileWorkspace& workspace) const;

  Kernel kernel_;
  Points data_;
  std::optional<RoundingModel> rounding_;
  const SimdRoutines* simd_;
  PointLanes lanes_;
  AlignedBuffer<double> scale_;         // s, padded for whole vectors
  AlignedBuffer<double> inverse_norm_;  // empty without rounding_
};

}  // namespace rct

#endif  // RCT_METRIC_RESIDUAL_CORRELATION_H_
