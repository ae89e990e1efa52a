// The kernel function in float32, whose error screen_bound.h bounds by kappa.
//
// Only files that are compiled for Arch may include this header.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_FLOAT_COVARIANCE_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_FLOAT_COVARIANCE_H_

#include "metric/float_lanes.h"
#include "metric/simd_routines.h"

namespace rct::simd {

template <class Arch>
struct FloatCovariance {
  using V = FloatLanes<Arch>;

  // Computes the covariances of `kCount` vectors of points at squared distances
  // in units of the lengthscale: values[i] holds these before, and the
  // covariances after. One covariance is a chain of some twenty operations that
  // wait for each other; several are computed step by step side by side.
  template <KernelFamily kFamily, int kCount>
  static void Each(V variance, V* values) {
    const V one = V::Broadcast(1);
    const V most = V::Broadcast(80);
    V a[kCount];
    Steps<kCount>([&](int i) {
      if constexpr (kFamily == KernelFamily::kRbf) {
        a[i] = Min(V::Broadcast(0.5f) * values[i], most);
      } else if constexpr (kFamily == KernelFamily::kMatern12) {
        a[i] = Min(Sqrt(values[i]), most);
      } else if constexpr (kFamily == KernelFamily::kMatern32) {
        a[i] = Min(Sqrt(V::Broadcast(3) * values[i]), most);
      } else {
        a[i] = Min(Sqrt(V::Broadcast(5) * values[i]), most);
      }
    });
    ExpOfMinus<kCount>(a, values);
    Steps<kCount>([&](int i) {
      if constexpr (kFamily == KernelFamily::kMatern32) {
        values[i] = (one + a[i]) * values[i];
      } else if constexpr (kFamily == KernelFamily::kMatern52) {
        values[i] =
            Fma(a[i], Fma(a[i], V::Broadcast(1.0f / 3), one), one) * values[i];
      }
      values[i] = variance * values[i];
    });
  }

  // Returns the covariance of one vector of points.
  template <KernelFamily kFamily>
  static V Of(V variance, V r2) {
    Each<kFamily, 1>(variance, &r2);
    return r2;
  }

 private:
  // Takes one step for each of `kCount` values.
  template <int kCount, class Step>
  static void Steps(Step step) {
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) step(i);
  }

  // Computes exps[i] = exp(-x[i]) for 0 <= x[i] <= 80: a Taylor polynomial of
  // degree 6 on |r| <= ln(2)/2, scaled. This has the shape of Exp in
  // metric/simd_routines_impl.h and none of its numbers: degree, coefficients
  // and reduction follow from the precision.
  template <int kCount>
  static void ExpOfMinus(const V* x, V* exps) {
    const V magic = V::Broadcast(kFloatRoundingMagic);
    V shifted[kCount];
    V r[kCount];
    Steps<kCount>([&](int i) {
      shifted[i] = Fma(x[i], V::Broadcast(-0x1.715476p0f), magic);
    });
    // r = -x - n ln 2, in two steps; the first subtracts what has few bits.
    Steps<kCount>([&](int i) {
      const V n = shifted[i] - magic;
      r[i] = Fma(n, V::Broadcast(-0x1.62e4p-1f), V::Broadcast(0) - x[i]);
      r[i] = Fma(n, V::Broadcast(-0x1.7f7d1cp-20f), r[i]);
    });
    constexpr float kInverseFactorial[] = {0x1.6c16c2p-10f,
                                           0x1.111112p-7f,
                                           0x1.555556p-5f,
                                           0x1.555556p-3f,
                                           0.5f,
                                           1.0f,
                                           1.0f};
    Steps<kCount>([&](int i) { exps[i] = V::Broadcast(kInverseFactorial[0]); });
#pragma GCC unroll 8
    for (int term = 1; term < 7; ++term) {
      Steps<kCount>([&](int i) {
        exps[i] = Fma(exps[i], r[i], V::Broadcast(kInverseFactorial[term]));
      });
    }
    Steps<kCount>(
        [&](int i) { exps[i] = ScaleByPowerOfTwo(exps[i], shifted[i]); });
  }
};

}  // namespace rct::simd

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_FLOAT_COVARIANCE_H_
