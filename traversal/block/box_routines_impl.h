// The routines of a BoxRoutines table, written once over Lanes<Arch>.
// kernel_library compiles them for each instruction set; nothing else includes
// this.

#ifndef RCT_TRAVERSAL_BLOCK_BOX_ROUTINES_IMPL_H_
#define RCT_TRAVERSAL_BLOCK_BOX_ROUTINES_IMPL_H_

#include <cstdint>

#include "metric/lanes.h"
#include "traversal/block/box_routines.h"

namespace rct::simd {

template <class Arch>
struct BoxRoutinesOf {
  using V = Lanes<Arch>;
  static_assert(kBoxFan == kLanes && kBoxLeaf % kLanes == 0);

  static uint32_t Boxes(const double* x, int dim, const double* boxes,
                        double threshold, double* squared) {
    const V zero = V::Broadcast(0);
    V sum = zero;
    for (int t = 0; t < dim; ++t, boxes += 2 * kBoxFan) {
      const V c = V::Broadcast(x[t]);
      const V gap =
          Max(Max(V::Load(boxes) - c, c - V::Load(boxes + kBoxFan)), zero);
      sum = Fma(gap, gap, sum);
    }
    sum.Store(squared);
    return AtMostMask(sum, V::Broadcast(threshold));
  }

  static uint32_t Points(const double* x, int dim, const double* points,
                         double threshold, double* squared) {
    constexpr int kVectors = kBoxLeaf / kLanes;
    V sum[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[v] = V::Broadcast(0);
    for (int t = 0; t < dim; ++t, points += kBoxLeaf) {
      const V c = V::Broadcast(x[t]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        const V difference = c - V::Load(points + v * kLanes);
        sum[v] = Fma(difference, difference, sum[v]);
      }
    }
    const V limit = V::Broadcast(threshold);
    uint32_t mask = 0;
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      sum[v].Store(squared + v * kLanes);
      mask |= AtMostMask(sum[v], limit) << (v * kLanes);
    }
    return mask;
  }

  static constexpr BoxRoutines Table(Isa isa) { return {isa, &Boxes, &Points}; }
};

}  // namespace rct::simd

#endif  // RCT_TRAVERSAL_BLOCK_BOX_ROUTINES_IMPL_H_
