// The canonical arithmetic of the metric, and its dispatch by instruction set.
//
// The routines of one SimdRoutines table compute every number that the library
// returns. The tables differ only in speed: each is the same source
// (simd_routines_impl.h) over Lanes<Arch>, so that the bits are equal (see
// lanes.h).
//
// Definitions, where fl() rounds to float64:
//
//   Dot(a, b)      eight lanes; lane l holds the fused multiply-add chain over
//                  elements l, l + 8, l + 16, ...; then the fixed sum tree of
//                  Lanes::Sum. Symmetric: Dot(a, b) = Dot(b, a) bit for bit.
//   r2(x, y)       sum over dimensions, in order, of ((x_t - y_t) * il_t)^2 by
//                  fused multiply-add, il = 1 / lengthscale; capped at 1e6.
//                  Differences precede scaling, so that coordinates far from
//                  the origin lose nothing.
//   k(x, y)        the kernel function of r2. exp(x) is 2^n times the Taylor
//                  polynomial of degree 13 in r, |r| <= ln(2)/2, where
//                  x = n ln 2 + r and r takes two fused steps (Cody and Waite
//                  1980): its error is below 2 ulp. Arguments below -707 count
//                  as -707, so that nothing is denormal. k(x, x) = variance
//                  exactly. The error of k is below (16 + d) 2^-53 variance.
//   rho(i, j)      fl(fl(k - Dot) * fl(s_i * s_j)), the residual correlation.
//   t(i, j)        fl(1 - |rho(i, j)|), the squared residual distance, not
//                  clamped (see residual_correlation.h).
//
// Buffers are read and written eight lanes at a time and must be valid up to
// the next multiple of eight. The elements beyond the count have no effect.

#ifndef RCT_METRIC_SIMD_ROUTINES_H_
#define RCT_METRIC_SIMD_ROUTINES_H_

#include <cstdint>

#include "metric/isa.h"

namespace rct {

enum class KernelFamily { kRbf, kMatern12, kMatern32, kMatern52 };

// A kernel as the routines see it. `inverse_lengthscale` has `dim` elements.
struct KernelSpec {
  KernelFamily family;
  int dim;
  double variance;
  const double* inverse_lengthscale;
};

// Points of which eight consecutive ones are read at once: coordinate t of
// point j is data[t * stride + j].
struct CoordinateLanes {
  const double* data;
  int64_t stride;
};

// The number of rows of a panel of the Cholesky factor L.
inline constexpr int kPanelRows = 8;

// A panel of L for the forward substitution: kPanelRows rows from `row` on,
// stored column by column: L(row + i, c) is data[c * kPanelRows + i] for
// c < row + kPanelRows. Rows past the last one of L are zero with a unit
// diagonal. inverse_diagonal[i] is fl(1 / L(row + i, row + i)).
struct FactorPanel {
  const double* data;
  const double* inverse_diagonal;
  int64_t row;
};

// Returns the number of panels of a factor of `rows` rows.
constexpr int64_t NumFactorPanels(int64_t rows) {
  return (rows + kPanelRows - 1) / kPanelRows;
}

// Returns the size of the first `panels` panels of a factor, one after the
// other, which is where the next one begins.
constexpr int64_t FactorPanelsSize(int64_t panels) {
  return kPanelRows * kPanelRows * panels * (panels + 1) / 2;
}

// The routines of one instruction set.
struct SimdRoutines {
  Isa isa;

  // Computes out[i * out_stride + j] = Dot(a[i], b[j]) over `length` elements,
  // a multiple of eight. Cost: length * num_a * num_b fused multiply-adds, near
  // the peak rate if the rows are in cache.
  void (*dot_tile)(const double* const* a, int num_a, const double* const* b,
                   int num_b, int64_t length, double* out, int64_t out_stride);

  // Computes out[j] = k(x, y_j) for j < count.
  void (*covariance_row)(const KernelSpec& kernel, const double* x,
                         CoordinateLanes y, int64_t count, double* out);

  // Computes out[j] = t(x, y_j) from dot[j] = Dot(v_x, v_j) and scale[j] = s_j.
  void (*residual_row)(const KernelSpec& kernel, const double* x,
                       double x_scale, CoordinateLanes y, const double* scale,
                       const double* dot, int64_t count, double* out);

  // Computes out[j] = rho(x, y_j) from the same numbers.
  void (*correlation_row)(const KernelSpec& kernel, const double* x,
                          double x_scale, CoordinateLanes y,
                          const double* scale, const double* dot, int64_t count,
                          double* out);

  // Computes out[j] = r2(x, y_j) with unit lengthscales and no cap.
  void (*squared_euclidean_row)(const double* x, int dim, CoordinateLanes y,
                                int64_t count, double* out);

  // Computes the rows of one panel of V = L^-1 K for `count` points side by
  // side, a multiple of eight. rhs[r * stride + j] holds V(r, j) for r <
  // panel.row and K(z_r, x_j) from there on; the rows of the panel become V.
  // Each element is the fused chain over c = 0, 1, ... of K - sum L(r, c) V(c,
  // j), times the inverse diagonal: plain forward substitution, whatever the
  // order in which elements are computed.
  void (*solve_panel)(const FactorPanel& panel, int64_t stride, int64_t count,
                      double* rhs);

  // Computes the rows of one panel of alpha = L^-T v for `count` points side by
  // side, a multiple of eight, and takes what they contribute from the rows
  // before it: the back substitution, of which panels are the steps, the last
  // panel first. rhs[r * stride + j] holds v, less the contributions of later
  // panels, for r < panel.row + kPanelRows.
  void (*solve_transposed_panel)(const FactorPanel& panel, int64_t stride,
                                 int64_t count, double* rhs);

  // Appends to `hits` the indices j < count with t[j] <= threshold, in order,
  // and returns their number. `hits` has room for count + 8.
  int (*select_at_most)(const double* t, int count, double threshold,
                        int32_t* hits);
};

// Returns the table for `isa`, or null where this machine or build lacks it.
const SimdRoutines* SimdRoutinesFor(Isa isa);

// Returns the table of the strongest instruction set of this machine.
const SimdRoutines& BestSimdRoutines();

}  // namespace rct

#endif  // RCT_METRIC_SIMD_ROUTINES_H_
