// The routines of a KeptRoutines table, written once over FloatLanes<Arch>.
// kernel_library compiles them for each instruction set; nothing else includes
// this.

#ifndef RCT_TRAVERSAL_KEPT_ROUTINES_IMPL_H_
#define RCT_TRAVERSAL_KEPT_ROUTINES_IMPL_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "metric/float_lanes.h"
#include "traversal/kept_routines.h"

namespace rct::simd {

template <class Arch>
struct KeptRoutinesOf {
  using V = FloatLanes<Arch>;
  static constexpr int kWidth = kFloatLanes;
  static_assert(kWidth <= kKeptPadding);

  // Returns the lanes of the vector at `first` of an array of `count`.
  static uint32_t Present(int first, int count) {
    return count - first < kWidth ? (1u << (count - first)) - 1 : 0xffffu;
  }

  static void DropBelow(float theta, KeptList& list) {
    const V least = V::Broadcast(theta);
    int size = 0;
    for (int j = 0; j < list.size; j += kWidth) {
      const V upper = V::Load(list.upper + j);
      const V lower = V::Load(list.lower + j);
      int32_t row[kWidth];
      std::memcpy(row, list.row + j, sizeof(row));
      const uint32_t mask = AtLeastMask(upper, least) & Present(j, list.size);
      upper.Compress(mask, list.upper + size);
      lower.Compress(mask, list.lower + size);
      V::Compress(mask, row, list.row + size);
      size += std::popcount(mask);
    }
    list.size = size;
  }

  static int CountAtLeast(const float* values, int count, float least) {
    const V bound = V::Broadcast(least);
    int found = 0;
    for (int j = 0; j < count; j += kWidth) {
      found += std::popcount(AtLeastMask(V::Load(values + j), bound) &
                             Present(j, count));
    }
    return found;
  }

  static float Threshold(const float* values, int count, int wanted,
                         float least) {
    if (CountAtLeast(values, count, least) < wanted) {
      return -std::numeric_limits<float>::infinity();
    }
    float step = 1 - least;
    for (int i = 0; i < kThresholdSteps; ++i) {
      step *= 0.5f;
      const float next = least + step;
      if (CountAtLeast(values, count, next) >= wanted) least = next;
    }
    return least;
  }

  static constexpr KeptRoutines Table(Isa isa) {
    return {isa, &DropBelow, &Threshold};
  }
};

}  // namespace rct::simd

#endif  // RCT_TRAVERSAL_KEPT_ROUTINES_IMPL_H_
