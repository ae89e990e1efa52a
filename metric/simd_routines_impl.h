// The routines of a SimdRoutines table, written once over Lanes<Arch>. One
// source file for each instruction set includes this header, and no other file
// does.

#ifndef RCT_METRIC_SIMD_ROUTINES_IMPL_H_
#define RCT_METRIC_SIMD_ROUTINES_IMPL_H_

#include "metric/lanes.h"
#include "metric/register_tiles.h"
#include "metric/simd_routines.h"

namespace rct::simd {

// The numbers of rows of a and b in a register tile of dot products, and of
// rows and registers of points in one of the forward substitution; that of the
// transposed one has all rows of a panel. They are chosen so that accumulators
// and operands fit the register file (32 x 512 or 16 x 256 bits).
template <class Arch>
struct TileShape {
  static constexpr int kDotA = 1, kDotB = 1;
  static constexpr int kSolveRows = 1, kSolveVectors = 1;
  static constexpr int kTransposedVectors = 1;
};
#ifdef __AVX512F__
template <>
struct TileShape<xsimd::avx512bw> {
  static constexpr int kDotA = 4, kDotB = 6;
  static constexpr int kSolveRows = 8, kSolveVectors = 3;
  static constexpr int kTransposedVectors = 2;
};
#endif
#ifdef __FMA__
template <>
struct TileShape<xsimd::fma3<xsimd::avx2>> {
  static constexpr int kDotA = 3, kDotB = 4;
  static constexpr int kSolveRows = 4, kSolveVectors = 3;
  static constexpr int kTransposedVectors = 1;
};
#endif

template <class Arch>
struct SimdRoutinesOf {
  using V = Lanes<Arch>;
  using Part = typename V::Part;
  using Shape = TileShape<Arch>;

  // The registers of 256 bits, the only ones that hold parts of the lanes.
  static constexpr int kRegisters = 16;

  // Adds up the products of some lanes, from `first` on, of all vectors.
  template <class Some, int kA, int kB>
  static void DotChains(const double* const* a, const double* const* b,
                        int64_t first, int64_t length, Some (&sum)[kA][kB]) {
    for (int i = 0; i < kA; ++i) {
      for (int j = 0; j < kB; ++j) sum[i][j] = Some::Broadcast(0);
    }
    for (int64_t c = first; c < length; c += kLanes) {
      Some row[kA];
#pragma GCC unroll 8
      for (int i = 0; i < kA; ++i) row[i] = Some::Load(a[i] + c);
#pragma GCC unroll 8
      for (int j = 0; j < kB; ++j) {
        const Some column = Some::Load(b[j] + c);
#pragma GCC unroll 8
        for (int i = 0; i < kA; ++i) sum[i][j].AddProduct(row[i], column);
      }
    }
  }

  // Where the sums of all lanes do not fit the registers, one half of the lanes
  // follows the other. Each half reads every line of the rows, the second from
  // the first-level cache, and in return a tile has twice as many rows. A
  // function of its own, so that the compiler has no other use for registers.
  template <int kA, int kB>
  [[gnu::noinline]] static void DotRegisterTile(const double* const* a,
                                                const double* const* b,
                                                int64_t length, double* out,
                                                int64_t out_stride) {
    V sum[kA][kB];
    if constexpr (V::kParts == 1 || (kA * kB + kA) * V::kParts <= kRegisters) {
      DotChains<V, kA, kB>(a, b, /*first=*/0, length, sum);
    } else {
      for (int p = 0; p < V::kParts; ++p) {
        Part part[kA][kB];
        DotChains<Part, kA, kB>(a, b, p * V::kPartLanes, length, part);
        for (int i = 0; i < kA; ++i) {
          for (int j = 0; j < kB; ++j) sum[i][j].part[p] = part[i][j].lanes;
        }
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < kA; ++i) {
      double* row = out + i * out_stride;
      if constexpr (kB >= 4) V::StoreFourSums(sum[i], row);
#pragma GCC unroll 8
      for (int j = kB / 4 * 4; j < kB; ++j) row[j] = sum[i][j].Sum();
    }
  }

  static void DotTile(const double* const* a, int num_a, const double* const* b,
                      int num_b, int64_t length, double* out,
                      int64_t out_stride) {
    // A tile of b stays in the first-level cache while the rows of a pass by.
    // Meanwhile the next tile comes to the second level, a part with each band.
    const int64_t row_lines = length / kLanes;
    const int64_t bands = num_a / Shape::kDotA;
    EachTile<Shape::kDotB>(num_b, [&](int64_t j, auto columns) {
      const double* const* next = b + j + columns;
      const int64_t rest = num_b - j - columns;
      const int64_t next_columns = rest < Shape::kDotB ? rest : Shape::kDotB;
      int64_t line = 0;
      EachTile<Shape::kDotA>(num_a, [&](int64_t i, auto rows) {
        if constexpr (rows == Shape::kDotA) {
          const int64_t end = row_lines * (i / Shape::kDotA + 1) / bands;
          for (int64_t r = 0; r < next_columns; ++r) {
            for (int64_t l = line; l < end; ++l) {
              __builtin_prefetch(next[r] + l * kLanes, 0, 2);
            }
          }
          line = end;
        }
        DotRegisterTile<rows, columns>(a + i, b + j, length,
                                       out + i * out_stride + j, out_stride);
      });
    });
  }

  // Returns exp(x) for x <= 0, where x < -707 counts as -707.
  static V Exp(V x) {
    x = Max(x, V::Broadcast(-707));
    const V magic = V::Broadcast(kRoundingMagic);
    const V shifted = Fma(x, V::Broadcast(0x1.71547652b82fep0), magic);
    const V n = shifted - magic;
    V r = NegatedFma(n, V::Broadcast(0x1.62e42fefa39efp-1), x);
    r = NegatedFma(n, V::Broadcast(0x1.abc9e3b39803fp-56), r);
    // 1 / i!, i = 13 ... 0. The remainder is below 2^-57.
    constexpr double kInverseFactorial[] = {0x1.6124613a86d09p-33,
                                            0x1.1eed8eff8d898p-29,
                                            0x1.ae64567f544e4p-26,
                                            0x1.27e4fb7789f5cp-22,
                                            0x1.71de3a556c734p-19,
                                            0x1.a01a01a01a01ap-16,
                                            0x1.a01a01a01a01ap-13,
                                            0x1.6c16c16c16c17p-10,
                                            0x1.1111111111111p-7,
                                            0x1.5555555555555p-5,
                                            0x1.5555555555555p-3,
                                            0.5,
                                            1.0,
                                            1.0};
    V p = V::Broadcast(kInverseFactorial[0]);
#pragma GCC unroll 16
    for (int i = 1; i < 14; ++i) {
      p = Fma(p, r, V::Broadcast(kInverseFactorial[i]));
    }
    return ScaleByPowerOfTwo(p, shifted);
  }

  static V SquaredDistance(const KernelSpec& kernel, const double* x,
                           CoordinateLanes y, int64_t j) {
    V sum = V::Broadcast(0);
    for (int t = 0; t < kernel.dim; ++t) {
      const V difference =
          (V::Broadcast(x[t]) - V::Load(y.data + t * y.stride + j)) *
          V::Broadcast(kernel.inverse_lengthscale[t]);
      sum = Fma(difference, difference, sum);
    }
    return Min(sum, V::Broadcast(1e6));
  }

  template <KernelFamily kFamily>
  static V Covariance(const KernelSpec& kernel, V r2) {
    const V variance = V::Broadcast(kernel.variance);
    const V zero = V::Broadcast(0);
    const V one = V::Broadcast(1);
    if constexpr (kFamily == KernelFamily::kRbf) {
      return variance * Exp(V::Broadcast(-0.5) * r2);
    } else if constexpr (kFamily == KernelFamily::kMatern12) {
      return variance * Exp(zero - Sqrt(r2));
    } else if constexpr (kFamily == KernelFamily::kMatern32) {
      const V a = Sqrt(V::Broadcast(3) * r2);
      return variance * ((one + a) * Exp(zero - a));
    } else {
      const V a = Sqrt(V::Broadcast(5) * r2);
      const V polynomial = Fma(a, Fma(a, V::Broadcast(1.0 / 3), one), one);
      return variance * (polynomial * Exp(zero - a));
    }
  }

  // Calls `use(j, k(x, y_j..j+7))` for j = 0, 8, ...
  template <KernelFamily kFamily, class Use>
  static void ForCovariances(const KernelSpec& kernel, const double* x,
                             CoordinateLanes y, int64_t count, Use use) {
    for (int64_t j = 0; j < count; j += kLanes) {
      use(j, Covariance<kFamily>(kernel, SquaredDistance(kernel, x, y, j)));
    }
  }

  template <class Use>
  static void ForCovariances(const KernelSpec& kernel, const double* x,
                             CoordinateLanes y, int64_t count, Use use) {
    switch (kernel.family) {
      case KernelFamily::kRbf:
        return ForCovariances<KernelFamily::kRbf>(kernel, x, y, count, use);
      case KernelFamily::kMatern12:
        return ForCovariances<KernelFamily::kMatern12>(kernel, x, y, count,
                                                       use);
      case KernelFamily::kMatern32:
        return ForCovariances<KernelFamily::kMatern32>(kernel, x, y, count,
                                                       use);
      case KernelFamily::kMatern52:
        return ForCovariances<KernelFamily::kMatern52>(kernel, x, y, count,
                                                       use);
    }
  }

  static void CovarianceRow(const KernelSpec& kernel, const double* x,
                            CoordinateLanes y, int64_t count, double* out) {
    ForCovariances(kernel, x, y, count,
                   [out](int64_t j, V k) { k.Store(out + j); });
  }

  template <class Finish>
  static void FinishRow(const KernelSpec& kernel, const double* x,
                        double x_scale, CoordinateLanes y, const double* scale,
                        const double* dot, int64_t count, double* out,
                        Finish finish) {
    const V s = V::Broadcast(x_scale);
    ForCovariances(kernel, x, y, count, [&](int64_t j, V k) {
      finish((k - V::Load(dot + j)) * (s * V::Load(scale + j))).Store(out + j);
    });
  }

  static void ResidualRow(const KernelSpec& kernel, const double* x,
                          double x_scale, CoordinateLanes y,
                          const double* scale, const double* dot, int64_t count,
                          double* out) {
    const V one = V::Broadcast(1);
    FinishRow(kernel, x, x_scale, y, scale, dot, count, out,
              [&](V rho) { return one - Abs(rho); });
  }

  static void CorrelationRow(const KernelSpec& kernel, const double* x,
                             double x_scale, CoordinateLanes y,
                             const double* scale, const double* dot,
                             int64_t count, double* out) {
    FinishRow(kernel, x, x_scale, y, scale, dot, count, out,
              [](V rho) { return rho; });
  }

  static void SquaredEuclideanRow(const double* x, int dim, CoordinateLanes y,
                                  int64_t count, double* out) {
    for (int64_t j = 0; j < count; j += kLanes) {
      V sum = V::Broadcast(0);
      for (int t = 0; t < dim; ++t) {
        const V difference =
            V::Broadcast(x[t]) - V::Load(y.data + t * y.stride + j);
        sum = Fma(difference, difference, sum);
      }
      sum.Store(out + j);
    }
  }

  // Solves rows [row, row + kRows) of the panel for kVectors registers of
  // points.
  template <int kRows, int kVectors>
  static void SolveRegisterTile(const double* panel,
                                const double* inverse_diagonal, int64_t row,
                                int64_t stride, double* rhs) {
    Part value[kRows][kVectors];
    for (int i = 0; i < kRows; ++i) {
      for (int v = 0; v < kVectors; ++v) {
        value[i][v] = Part::Load(rhs + (row + i) * stride + v * V::kPartLanes);
      }
    }
    for (int64_t c = 0; c < row; ++c) {
      Part known[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        known[v] = Part::Load(rhs + c * stride + v * V::kPartLanes);
      }
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) {
        const Part factor = Part::Broadcast(panel[c * kPanelRows + i]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          value[i][v].SubtractProduct(factor, known[v]);
        }
      }
    }
#pragma GCC unroll 8
    for (int c = 0; c < kRows; ++c) {
      const Part inverse = Part::Broadcast(inverse_diagonal[c]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        value[c][v] = value[c][v] * inverse;
        value[c][v].Store(rhs + (row + c) * stride + v * V::kPartLanes);
      }
#pragma GCC unroll 8
      for (int i = c + 1; i < kRows; ++i) {
        const Part factor = Part::Broadcast(panel[(row + c) * kPanelRows + i]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          value[i][v].SubtractProduct(factor, value[c][v]);
        }
      }
    }
  }

  static void SolvePanel(const FactorPanel& panel, int64_t stride,
                         int64_t count, double* rhs) {
    constexpr int kRows = Shape::kSolveRows;
    EachTile<Shape::kSolveVectors>(
        count / V::kPartLanes, [&](int64_t vector, auto vectors) {
          for (int first = 0; first < kPanelRows; first += kRows) {
            SolveRegisterTile<kRows, vectors>(
                panel.data + first, panel.inverse_diagonal + first,
                panel.row + first, stride, rhs + vector * V::kPartLanes);
          }
        });
  }

  // Solves all rows of the panel for kVectors registers of points.
  template <int kVectors>
  static void SolveTransposedTile(const FactorPanel& panel, int64_t stride,
                                  double* rhs) {
    Part value[kPanelRows][kVectors];
#pragma GCC unroll 8
    for (int i = kPanelRows - 1; i >= 0; --i) {
      double* row = rhs + (panel.row + i) * stride;
      const double* column = panel.data + (panel.row + i) * kPanelRows;
      const Part inverse = Part::Broadcast(panel.inverse_diagonal[i]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        value[i][v] = Part::Load(row + v * V::kPartLanes);
#pragma GCC unroll 8
        for (int k = i + 1; k < kPanelRows; ++k) {
          value[i][v].SubtractProduct(Part::Broadcast(column[k]), value[k][v]);
        }
        value[i][v] = value[i][v] * inverse;
        value[i][v].Store(row + v * V::kPartLanes);
      }
    }
    for (int64_t c = 0; c < panel.row; ++c) {
      Part rest[kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        rest[v] = Part::Load(rhs + c * stride + v * V::kPartLanes);
      }
#pragma GCC unroll 8
      for (int i = 0; i < kPanelRows; ++i) {
        const Part factor = Part::Broadcast(panel.data[c * kPanelRows + i]);
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) {
          rest[v].SubtractProduct(factor, value[i][v]);
        }
      }
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        rest[v].Store(rhs + c * stride + v * V::kPartLanes);
      }
    }
  }

  static void SolveTransposedPanel(const FactorPanel& panel, int64_t stride,
                                   int64_t count, double* rhs) {
    EachTile<Shape::kTransposedVectors>(
        count / V::kPartLanes, [&](int64_t vector, auto vectors) {
          SolveTransposedTile<vectors>(panel, stride,
                                       rhs + vector * V::kPartLanes);
        });
  }

  static int SelectAtMost(const double* t, int count, double threshold,
                          int32_t* hits) {
    const V bound = V::Broadcast(threshold);
    int found = 0;
    for (int j = 0; j < count; j += kLanes) {
      uint32_t mask = AtMostMask(V::Load(t + j), bound);
      if (count - j < kLanes) mask &= (1u << (count - j)) - 1;
      for (; mask != 0; mask &= mask - 1) {
        hits[found++] = j + std::countr_zero(mask);
      }
    }
    return found;
  }

  static constexpr SimdRoutines Table(Isa isa) {
    return {isa,
            &DotTile,
            &CovarianceRow,
            &ResidualRow,
            &CorrelationRow,
            &SquaredEuclideanRow,
            &SolvePanel,
            &SolveTransposedPanel,
            &SelectAtMost};
  }
};

}  // namespace rct::simd

#endif  // RCT_METRIC_SIMD_ROUTINES_IMPL_H_
