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

  // Returns exp(-x) for 0 <= x <= 80: a Taylor polynomial of degree 6 on |r| <=
  // ln(2)/2, scaled. This has the shape of Exp in metric/simd_routines_impl.h
  // and none of its numbers: degree, coefficients and reduction follow from the
  // precision.
  static V ExpOfMinus(V x) {
    const V magic = V::Broadcast(kFloatRoundingMagic);
    const V shifted = Fma(x, V::Broadcast(-0x1.715476p0f), magic);
    const V n = shifted - magic;
    // r = -x - n ln 2, in two steps; the first subtracts what has few bits.
    V r = Fma(n, V::Broadcast(-0x1.62e4p-1f), V::Broadcast(0) - x);
    r = Fma(n, V::Broadcast(-0x1.7f7d1cp-20f), r);
    constexpr float kInverseFactorial[] = {0x1.6c16c2p-10f,
                                           0x1.111112p-7f,
                                           0x1.555556p-5f,
                                           0x1.555556p-3f,
                                           0.5f,
                                           1.0f,
                                           1.0f};
    V p = V::Broadcast(kInverseFactorial[0]);
#pragma GCC unroll 8
    for (int i = 1; i < 7; ++i) {
      p = Fma(p, r, V::Broadcast(kInverseFactorial[i]));
    }
    return ScaleByPowerOfTwo(p, shifted);
  }

  // Returns the covariance of points at the squared distance `r2`, in units of
  // the lengthscale.
  template <KernelFamily kFamily>
  static V Of(V variance, V r2) {
    const V one = V::Broadcast(1);
    const V most = V::Broadcast(80);
    if constexpr (kFamily == KernelFamily::kRbf) {
      return variance * ExpOfMinus(Min(V::Broadcast(0.5f) * r2, most));
    } else if constexpr (kFamily == KernelFamily::kMatern12) {
      return variance * ExpOfMinus(Min(Sqrt(r2), most));
    } else if constexpr (kFamily == KernelFamily::kMatern32) {
      const V a = Min(Sqrt(V::Broadcast(3) * r2), most);
      return variance * ((one + a) * ExpOfMinus(a));
    } else {
      const V a = Min(Sqrt(V::Broadcast(5) * r2), most);
      const V polynomial = Fma(a, Fma(a, V::Broadcast(1.0f / 3), one), one);
      return variance * (polynomial * ExpOfMinus(a));
    }
  }
};

}  // namespace rct::simd

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_FLOAT_COVARIANCE_H_
