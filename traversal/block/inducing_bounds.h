// What inducing points are to blocks of points.
//
// An inducing point z_i that is a row has next to no residual variance, and
// bounds by blocks of its covariances would dismiss nothing. But with the
// weights alpha_x = L^-T v_x of a point x, v_x . v_y = sum_z alpha_xz k(z, y),
// and
//
//     c(z_i, x) = k(z_i, x) - v_zi . v_x = jitter alpha_x,i
//
// but for roundings, since L L^T e_i = K(Z, z_i) + jitter e_i. The weights fall
// as x leaves z_i, and so abar_i(B) = max |alpha_x,i| over a block's points x
// bounds what z_i is to all of them.
//
// Rounding, u = 2^-53. Let L v_x = k(Z, x) + e_x, |e_x| <= e0, and L L^T =
// K(Z,Z)
// + jitter I + F, |F| <= f (metric/rounding.h), with computed numbers
// everywhere. Then v_zi = L^T e_i - L^-1 (jitter e_i + F e_i - e_zi), and
//
//     |k(z_i, x) - v_zi . v_x - jitter alpha_x,i| <= e0 + |alpha_x| (f + e0).
//
// Computed weights are off by delta |alpha| at most,
//
//     delta = (m + 3) u sqrt(1.01 m (sigma^2 + jitter) / J),
//
// since back substitution is backward stable: (L + E)^T alpha = v with |E| <=
// gamma(m + 2) |L|, |L|_F^2 = trace(L L^T), and J bounds the smallest
// eigenvalue of L L^T from below. The metric's own roundings of a pair come on
// top. ∎
//
// Cost: n m^2 / 2 multiply-adds for all alpha, half of what V takes.

#ifndef RCT_TRAVERSAL_BLOCK_INDUCING_BOUNDS_H_
#define RCT_TRAVERSAL_BLOCK_INDUCING_BOUNDS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"

namespace rct {

// The roundings of weights, in the unit of covariances. `scale` is 1, except in
// tests.
class WeightSlack {
 public:
  WeightSlack(const RoundingModel& rounding, double scale);

  // Returns delta.
  double Weight() const { return weight_; }
  // Returns the error of jitter alpha_x,i as c(z_i, x), where |alpha_x| is at
  // most `alpha`.
  double Inducing(double alpha) const {
    return pair_ + projection_ + alpha * (projection_ + factorization_);
  }
  double jitter() const { return jitter_; }

 protected:
  double weight_;
  double pair_;           // of the kernel and the product of a pair
  double projection_;     // e0
  double factorization_;  // f
  double jitter_;
};

// The largest weights in each block.
struct BlockWeights {
  int64_t stride;                // m rounded up to whole vectors of float32
  AlignedBuffer<float> largest;  // abar of block b from b stride on
  std::vector<double> length;    // the largest |alpha| of each block
};

// Bounds on |c(z_i, x)| for the inducing points that are rows of the data.
// Immutable; thread-safe.
class InducingBounds {
 public:
  static constexpr int kPanel = 16;

  // The points of a panel: those that are no inducing points matter here.
  struct Panel {
    float min_root;   // of sqrt(p)
    int32_t min_row;  // kNoRow where there is no point
  };

  // Computes the weights of the points `rows`, block by block.
  static BlockWeights WeightsOf(const ResidualCorrelation& metric,
                                absl::Span<const int32_t> rows,
                                int64_t block_size, int threads,
                                Monitor* monitor);

  // Makes the bounds for points `rows`, block by block, kNoRow where there is
  // none, and their weights. `others` are the rows that no block holds.
  // `block_size` is a multiple of kPanel. The metric knows its factor and has a
  // valid rounding model.
  InducingBounds(const ResidualCorrelation& metric,
                 absl::Span<const int32_t> rows,
                 absl::Span<const int32_t> others, int64_t block_size,
                 const BlockWeights& weights, const WeightSlack& slack);

  int64_t num_blocks() const { return static_cast<int64_t>(min_root_.size()); }
  // Returns the rows that are inducing points.
  absl::Span<const int32_t> rows() const { return inducing_rows_; }
  // Returns the rows that are neither inducing points nor in a block: nothing
  // bounds them.
  absl::Span<const int32_t> others() const { return others_; }
  // Returns which inducing point a row of the data is, or -1.
  int32_t number(int64_t row) const { return number_[row]; }
  // Returns a bound on |c(z_i, x)| for all points x of block b, in the unit of
  // covariances.
  float most(int64_t b, int64_t i) const {
    return most_[b * static_cast<int64_t>(inducing_rows_.size()) + i];
  }
  // Returns the least sqrt(p) of a block.
  float min_root(int64_t b) const { return min_root_[b]; }

  // Return the panels of all points, and the rows of one.
  int64_t panels_of_block() const { return panels_of_block_; }
  const Panel& panel(int64_t p) const { return panels_[p]; }
  absl::Span<const int32_t> panel_rows(int64_t p) const {
    return absl::MakeConstSpan(panel_rows_).subspan(p * kPanel, kPanel);
  }
  int64_t bytes() const;

 private:
  int64_t panels_of_block_;
  std::vector<int32_t> inducing_rows_;
  std::vector<int32_t> others_;
  std::vector<int32_t> number_;
  std::vector<int32_t> panel_rows_;
  std::vector<Panel> panels_;
  std::vector<float> min_root_;
  std::vector<float> most_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_INDUCING_BOUNDS_H_
