// The canonical arithmetic of the metric, and its dispatch by instruction set.
//
// Every number that the library returns is made by the routines of one
// SimdRoutines table. The tables differ in speed only: each is the same source
// (simd_routines_impl.h) over Lanes<Arch>, so the bits are equal (see lanes.h).
//
// Definitions, with fl() the rounding to float64:
//
//   Dot(a, b)      eight lanes; lane l holds the fused multiply-add chain over
//                  elements l, l + 8, l + 16, ...; then the fixed sum tree of
//                  Lanes::Sum. Symmetric: Dot(a, b) = Dot(b, a) bit for bit.
//   r2(x, y)       sum over dimensions, in order, of ((x_t - y_t) * il_t)^2 by
//                  fused multiply-add, il = 1 / lengthscale; capped at 1e6.
//                  Differences come before scaling, so coordinates far from the
//                  origin lose nothing.
//   k(x, y)        the kernel function of r2. exp(x) = 2^n (Taylor polynomial
//   of
//                  degree 13 on |r| <= ln(2)/2), x = n ln 2 + r, r in two fused
//                  steps (Cody and Waite 1980): error below 2 ulp. Arguments
//                  are raised to -707, so nothing is denormal. k(x, x) =
//                  variance exactly. Error of k: below (16 + d) 2^-53 variance.
//   rho(i, j)      fl(fl(k - Dot) * fl(s_i * s_j)), the residual correlation.
//   t(i, j)        fl(1 - |rho(i, j)|), the squared residual distance, not
//                  clamped (see residual_correlation.h).
//
// Buffers that are read or written eight lanes at a time must be valid up to
// the next multiple of eight; what lies there is not used.

#ifndef RCT_METRIC_SIMD_ROUTINES_H_
#define RCT_METRIC_SIMD_ROUTINES_H_

#include <cstdint>

#include "metric/isa.h"

namespace rct {

enum class KernelFamily { kRbf, kMatern12, kMatern32, kMatern52 };

// What a routine needs of a kernel. `inverse_lengthscale` has `dim` elements.
struct KernelSpec {
  KernelFamily family;
  int dim;
  double variance;
  const double* inverse_lengthscale;
};

// Points of which eight neighbours in memory are read at once: coordinate t of
// point j is data[t * stride + j].
struct CoordinateLanes {
  const double* data;
  int64_t stride;
};

// A panel of the Cholesky factor L for the forward substitution: rows
// [row, row + kPanelRows), column by column: L(row + i, c) is
// data[c * kPanelRows + i] for c < row + kPanelRows. Rows past the last one are
// zero with a unit diagonal. `inverse_diagonal[i]` = fl(1 / L(row + i, row +
// i)).
inline constexpr int kPanelRows = 8;
struct FactorPanel {
  const double* data;
  const double* inverse_diagonal;
  int64_t row;
};

struct SimdRoutines {
  Isa isa;

  // out[i * out_stride + j] = Dot(a[i], b[j]) over `length` elements, a
  // multiple of eight. Cost: length * num_a * num_b fused multiply-adds, at
  // near peak where the rows are in cache.
  void (*dot_tile)(const double* const* a, int num_a, const double* const* b,
                   int num_b, int64_t length, double* out, int64_t out_stride);

  // out[j] = k(x, y_j) for j < count.
  void (*covariance_row)(const KernelSpec& kernel, const double* x,
                         CoordinateLanes y, int64_t count, double* out);

  // out[j] = t(x, y_j), where dot[j] = Dot(v_x, v_j), scale[j] = s_j.
  void (*residual_row)(const KernelSpec& kernel, const double* x,
                       double x_scale, CoordinateLanes y, const double* scale,
                       const double* dot, int64_t count, double* out);

  // The same with out[j] = rho(x, y_j), of which t = fl(1 - |rho|).
  void (*correlation_row)(const KernelSpec& kernel, const double* x,
                          double x_scale, CoordinateLanes y,
                          const double* scale, const double* dot, int64_t count,
                          double* out);

  // out[j] = r2(x, y_j) with unit lengthscales and no cap.
  void (*squared_euclidean_row)(const double* x, int dim, CoordinateLanes y,
                                int64_t count, double* out);

  // One panel of V = L^-1 K for `count` points side by side, a multiple of
  // eight: rhs[r * stride + j] holds K(z_r, x_j) for r >= panel.row and V(r, j)
  // for r < panel.row; rows of the panel become V. Each element is the fused
  // chain over c = 0, 1, ... of K - sum L(r, c) V(c, j), times the inverse
  // diagonal: plain forward substitution, whatever the blocking.
  void (*solve_panel)(const FactorPanel& panel, int64_t stride, int64_t count,
                      double* rhs);

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
