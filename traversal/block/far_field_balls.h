// Balls around panels of points: which of sixteen panels a query needs, by one
// test of sixteen points.
//
// Near a query the bounds of far_field_bound.h know nothing: where two blocks
// touch, a rough kernel is no polynomial between them, and c is large. But c is
// large only in a part of the blocks. The angles theta(i, j) between points as
// lines of the residual feature space are a metric, also as computed
// (docs/exactness.md, section 3), and so a panel of sixteen points, near each
// other, may be dismissed by one of them, its center h.
//
// Setting. tau_i is what section 3 adds to the diagonal of the correlations of
// three points, and no point of a ball, nor the query, has more than tau. Then
//
//     cos theta(i, j) = |rho_ij| / sqrt((1 + tau_i)(1 + tau_j)),
//     |rho_ij| / (1 + tau)  <=  cos theta(i, j)  <=  |rho_ij|.
//
// Bound. Let delta be the radius, the largest angle between h and a point of
// the panel, phi = theta(q, h), and psi the angle whose cosine is theta_k / (1
// + tau), theta_k the |rho| that neighbors reach. If
//
//     |rho_qh|  <  cos(delta + psi) = cos delta cos psi - sin delta sin psi,
//
// then cos phi is below that, too, and phi > delta + psi: for each point x of
// the panel theta(q, x) >= phi - delta > psi, and |rho_qx| <= (1 + tau)
// cos theta(q, x) < theta_k. Where delta + psi exceeds a right angle the
// right-hand side is negative, and nothing is dismissed. ∎
//
// If q itself is h, or in the panel, then as a second point with the same
// coordinates, of which section 3 holds as well.
//
// As computed. cos delta is the smallest |rho_hx| of the panel, as the metric
// computes it, divided by 1 + tau and lowered by more than its roundings, and
// sin delta follows from it: both are those of a slightly larger radius. With
// s = 1 / sqrt(p), |k - y . a| + E a bound on the covariance of q and h
// (far_field_blocks.h), and |rho_qh| at most that times s_q s_h (1 + 4 u), the
// test is
//
//     |k - y . a| + E  <  reach cosine - turn sine
//
//     reach <= (cos psi / s_q) (1 - 8 u32),    cosine <= cos delta / s_h,
//     turn  >= (sin psi / s_q) (1 + 8 u32),    sine   >= sin delta / s_h.
//
// Its left side makes four roundings of sums of positive numbers, its right
// side two of each product and their difference. 6 u32 of what reach is lowered
// by are left after these, and as much of what turn is raised by: the right
// side is at most (cos(delta + psi) / (s_q s_h)) (1 - 6 u32), which exceeds the
// four roundings.
//
// A point with a larger tau, whose correlations are mostly rounding, gets no
// ball: the panels that hold it have cosine = sine = 0, and so are never
// dismissed. As a query it has reach < 0.
//
// The center is the point of the panel with the smallest radius.
//
// What it takes. The covariances of 16 by 16 points for each panel when blocks
// are made, m/8 + 10 cycles each; memory for one point in sixteen; one product
// of the rank's length for a query and sixteen panels. What it saves depends on
// the kernel: angles grow in proportion to the distance where the process has a
// derivative (Matern 3/2 and smoother), and like its square root for Matern
// 1/2, where the radius of sixteen points is hardly less than the distance to
// what must be dismissed, and panels are better made of rows of about one age.
//
// Literature: balls and the triangle inequality, as in metric trees (Omohundro
// 1989; Uhlmann 1991).

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_BALLS_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_BALLS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/slabs.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/exhaustive/screen_frame.h"

namespace rct {

// What the balls of one metric have in common: tau, and the numbers of queries.
class BallBound {
 public:
  // The largest tau of a point in a ball.
  static constexpr double kMaxTau = 0x1p-21;

  // Assumes that the metric's rounding is known.
  BallBound(const ResidualCorrelation& metric, const ScreenFrame& frame,
            const FarFieldScale& scale);

  // Returns whether a point with this 1 / sqrt(p), in the frame's unit, may be
  // in a ball.
  bool Holds(double inverse_sqrt) const { return inverse_sqrt <= most_; }

  // The cosine and sine of an angle, over 1 / sqrt(p) of a point, rounded so
  // that the test holds.
  struct Angle {
    float cosine;
    float sine;
  };
  // Returns reach and turn of a query.
  Angle Query(float theta, double inverse_sqrt) const;
  // Returns cosine and sine of a ball in which the least |rho_hx| is `least`.
  Angle Radius(double least, double inverse_sqrt) const;

 private:
  double tau_;
  double most_;  // the largest 1 / sqrt(p) of a point with at most this tau
  double slop_;
};

// The balls of all panels, sixteen of a block after the other.
class FarFieldBalls {
 public:
  // The scratch space of one thread.
  struct Worker {
    explicit Worker(int64_t dim);

    TileWorkspace tile;
    AlignedBuffer<double> rho;
  };

  // Makes room for the balls of `num_blocks` blocks of `block_size` points.
  FarFieldBalls(const ResidualCorrelation& metric, const ScreenFrame& frame,
                int64_t num_blocks, int64_t block_size,
                const FarFieldScale& scale);

  // Chooses the center of panel `panel` of all, which holds `rows`, at least
  // one and at most sixteen. Calls for different panels may run at once.
  void Choose(const ResidualCorrelation& metric, const ScreenFrame& frame,
              int64_t panel, absl::Span<const int32_t> rows, Worker& worker);

  // Adds the centers of block b, whose panels have theirs, as points. Their
  // coordinates are kept in `slabs`, which must outlive this. Calls for
  // different blocks, with slabs of their own, may run at once.
  void AddBlock(int b, const FarPoints& points, int num_panels, Slabs& slabs);

  const BallBound& bound() const { return bound_; }
  // Returns the place of the center in panel `panel` of all.
  int center(int64_t panel) const { return centers_[panel]; }
  int64_t bytes() const;

  // Returns the balls of panels [16 i, 16 i + 16) of block b.
  FarBalls of(int b, int i) const;

 private:
  int64_t dim_;
  int64_t panels_;  // of a block
  int64_t groups_;  // of sixteen panels, in a block
  BallBound bound_;
  std::vector<int> centers_;  // by panel: the place in the panel
  std::vector<int> ranks_;    // by block
  std::vector<const float*> a_;
  // By panel, in groups of sixteen.
  AlignedBuffer<float> cosine_;
  AlignedBuffer<float> sine_;
  AlignedBuffer<float> length_;
  AlignedBuffer<float> error_;
  AlignedBuffer<float> z_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_BALLS_H_
