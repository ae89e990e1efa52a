// What inducing points are to panels of sixteen points.
//
// An inducing point z_i that is a row has next to no residual variance, and
// bounds by blocks of its covariances would dismiss nothing. But with the
// weights alpha_x = L^-T v_x of a point x, v_x . v_y = sum_z alpha_xz k(z, y),
// and
//
//     c(z_i, x) = k(z_i, x) - v_zi . v_x = jitter alpha_x,i
//
// but for roundings, since L L^T e_i = K(Z, z_i) + jitter e_i. So with s = 1 /
// sqrt(p), and over the points x of a panel P,
//
//     (1)  |rho(z_i, x)| <= s_zi max_x s_x jitter |alpha_x,i|.
//
// The maximum is over products: near z_i weights are large and p is small, and
// a bound of each by itself would dismiss little. What is left to evaluate for
// z_i are the panels of its neighbors and hardly more.
//
// A bound is kept in a byte: the float above it whose fraction has three bits,
// at most an eighth larger. Bounds below 2^-30 are kept as that. Of the panels
// with the largest bounds of an inducing point, each point has a bound of its
// own, by (1) without the maximum: its rho but for that rounding. Near z_i
// these leave hardly more than the neighbors, where panels leave eight times as
// many.
//
// Rounding, u = 2^-53. Let L v_x = k(Z, x) + e_x, |e_x| <= e0, and L L^T =
// K(Z,Z) + jitter I + F, |F| <= f (metric/rounding.h), with computed numbers
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
// top. In (1) each |alpha_x,i| is larger by these, with the largest |alpha| of
// the points that are weighed together. ∎
//
// Cost: n m^2 / 2 multiply-adds for all alpha, half of what V takes; n m / 16
// bytes for panels and 3 kB for each inducing point.

#ifndef RCT_TRAVERSAL_BLOCK_INDUCING_BOUNDS_H_
#define RCT_TRAVERSAL_BLOCK_INDUCING_BOUNDS_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "traversal/block/far_field_routines.h"

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

// Bounds on |rho(z_i, x)| for the inducing points that are rows of the data.
// Immutable once finished, and then thread-safe.
class InducingBounds {
 public:
  static constexpr int kPanel = 16;

  // A bound in a byte.
  using Code = uint8_t;
  // Returns the least code of a bound of at least `bound` >= 0. Codes are
  // ordered as their bounds are.
  static Code CodeAbove(float bound) {
    const uint32_t upper =
        (std::bit_cast<uint32_t>(bound) + (uint32_t{1} << kDropped) - 1) >>
        kDropped;
    return static_cast<Code>(std::clamp(upper, kFirst, kFirst + kNoBound) -
                             kFirst);
  }
  // Returns the bound of a code: infinity for kNoBound.
  static float BoundOf(Code code) {
    return code == kNoBound ? std::numeric_limits<float>::infinity()
                            : std::bit_cast<float>((kFirst + code) << kDropped);
  }
  static constexpr uint32_t kNoBound = 255;
  static constexpr int kCodes = 256;

  // A panel and the bounds of its points, 0 where there is none.
  struct NearPanel {
    int32_t panel;
    Code code;  // of the panel: the largest
    std::array<Code, kPanel> codes;

    // The nearer comes first.
    bool operator<(const NearPanel& other) const {
      return code != other.code ? code > other.code : panel < other.panel;
    }
  };
  // The most panels whose points have bounds.
  static constexpr int kMaxNear = 128;

  // Returns at least the bytes of the bounds of so many points: codes, near
  // panels, and the rows of points and panels.
  static double Bytes(double points, double num_inducing) {
    constexpr double kRows = 2 * sizeof(int32_t) + 1;
    return points * (num_inducing / kPanel + kRows) +
           num_inducing * (kMaxNear * sizeof(NearPanel) + kPanel + kRows);
  }

  // The scratch space of one thread.
  struct Worker {
    // For pieces of up to `piece` points, a multiple of kPanel.
    Worker(const ResidualCorrelation& metric, int64_t piece);

    std::vector<std::pair<int64_t, NearPanel>> found;  // of inducing points

    std::vector<double> scale;   // s_x
    std::vector<double> error;   // of a panel, in the unit of rho / s_zi
    std::vector<double> maxima;  // of the panels, for each inducing point
  };

  // Makes room for points `rows`, panel by panel, kNoRow where there is none,
  // and for panels of the inducing points that are neither there nor among
  // `others`: the rows that no panel holds. The metric knows its factor, has a
  // valid rounding model and outlives this. `slack` are the roundings of its
  // weights.
  InducingBounds(const ResidualCorrelation& metric,
                 absl::Span<const int32_t> rows,
                 absl::Span<const int32_t> others, const WeightSlack& slack);

  // Returns the number of panels that hold `rows`.
  int64_t panels_of_rows() const { return panels_of_rows_; }

  // Bounds panels from `first` on with the weights of their points: |alpha| of
  // point j is at most `length`, and its weights are the columns alpha[r stride
  // + j], r < m, j < count. A last panel of less than sixteen points has eight.
  // Calls for different panels may run at once.
  void SetPanels(int64_t first, const double* alpha, int64_t stride,
                 int64_t count, double length, Worker& worker);

  // Computes the weights of the points from panel `first` on, and their bounds.
  // `monitor` may be null.
  void Weigh(int64_t first, int threads, Monitor* monitor);

  // Ends the construction, when all panels have bounds.
  void Finish(int threads);

  // Returns the rows that are inducing points.
  absl::Span<const int32_t> rows() const { return inducing_rows_; }
  // Returns the rows that no panel holds: nothing bounds them.
  absl::Span<const int32_t> others() const { return others_; }
  // Returns which inducing point a row of the data is, or -1.
  int32_t number(int64_t row) const { return number_[row]; }

  int64_t num_panels() const { return num_panels_; }
  // Returns the bounds of inducing point i, one for each panel.
  absl::Span<const Code> codes(int64_t i) const {
    return absl::MakeConstSpan(codes_).subspan(i * num_panels_, num_panels_);
  }
  // Returns the panels with the largest bounds of inducing point i, kMaxNear or
  // all but padding, in their order.
  absl::Span<const NearPanel> near(int64_t i) const {
    return absl::MakeConstSpan(near_).subspan(i * max_near_, max_near_);
  }
  // Returns the first of them that holds `rows`.
  int64_t nearest_panel(int64_t i) const;
  // Returns the rows of a panel, kNoRow where there is none, and the first of
  // them.
  absl::Span<const int32_t> panel_rows(int64_t p) const {
    return absl::MakeConstSpan(panel_rows_).subspan(p * kPanel, kPanel);
  }
  int32_t min_row(int64_t p) const { return min_row_[p]; }
  int64_t bytes() const;

 private:
  static constexpr int kDropped = 20;          // bits of a float
  static constexpr uint32_t kFirst = 97 << 3;  // 2^-30

  // The near panels as they are found: of each inducing point up to kGrowing,
  // of which the first kMaxNear are kept whenever there is no more room.
  static constexpr int kGrowing = 2 * kMaxNear;
  struct Growing {
    explicit Growing(int64_t num_inducing)
        : least(num_inducing),
          count(num_inducing),
          panels(num_inducing * kGrowing) {}

    std::vector<std::atomic<int>> least;  // that a code must reach
    absl::Mutex mutex;
    std::vector<int> count ABSL_GUARDED_BY(mutex);
    std::vector<NearPanel> panels ABSL_GUARDED_BY(mutex);
  };

  // Adds what `worker` has found to the near panels.
  void AddNear(Worker& worker);

  const ResidualCorrelation& metric_;
  const FarFieldRoutines* routines_;
  WeightSlack slack_;
  int64_t panels_of_rows_;
  int64_t num_panels_;
  std::vector<int32_t> inducing_rows_;
  std::vector<int32_t> others_;
  std::vector<int32_t> number_;
  std::vector<int32_t> panel_rows_;
  std::vector<int32_t> min_row_;
  std::vector<Code> codes_;
  std::unique_ptr<Growing> growing_;  // until all panels have bounds
  int64_t max_near_ = 0;
  std::vector<NearPanel> near_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_INDUCING_BOUNDS_H_
