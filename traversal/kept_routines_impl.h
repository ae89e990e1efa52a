// The routines of a KeptRoutines table, written once over FloatLanes<Arch>.
// kernel_library compiles them for each instruction set; nothing else includes
// this.

#ifndef RCT_TRAVERSAL_KEPT_ROUTINES_IMPL_H_
#define RCT_TRAVERSAL_KEPT_ROUTINES_IMPL_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "metric/float_lanes.h"
#include "metric/lanes.h"
#include "traversal/kept_routines.h"

namespace rct::simd {

template <class Arch>
struct KeptRoutinesOf {
  using V = FloatLanes<Arch>;
  static constexpr int kWidth = kFloatLanes;
  static_assert(kWidth <= kKeptPadding);
  static_assert(kThresholdSteps % 2 == 0);

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

  // Returns how many of the values reach each of three numbers.
  static std::array<int, 3> CountAtLeast(const float* values, int count,
                                         const float (&least)[3]) {
    const V bound[] = {V::Broadcast(least[0]), V::Broadcast(least[1]),
                       V::Broadcast(least[2])};
    std::array<int, 3> found = {};
    for (int j = 0; j < count; j += kWidth) {
      const V value = V::Load(values + j);
      const uint32_t present = Present(j, count);
      for (int q = 0; q < 3; ++q) {
        found[q] += std::popcount(AtLeastMask(value, bound[q]) & present);
      }
    }
    return found;
  }

  static float Threshold(const float* values, int count, int wanted,
                         float least) {
    if (CountAtLeast(values, count, least) < wanted) {
      return -std::numeric_limits<float>::infinity();
    }
    // Two halvings at once: the list is read half as often.
    float step = 1 - least;
    for (int i = 0; i < kThresholdSteps; i += 2) {
      const float half = least + 0.5f * step;
      step *= 0.25f;
      const float quarters[] = {least + step, half, half + step};
      const std::array<int, 3> found = CountAtLeast(values, count, quarters);
      for (int q = 0; q < 3; ++q) {
        if (found[q] >= wanted) least = quarters[q];
      }
    }
    return least;
  }

  static void Middles(const KeptList& list, float* middle) {
    const V half = V::Broadcast(0.5f);
    for (int j = 0; j < list.size; j += kWidth) {
      (half * (V::Load(list.upper + j) + V::Load(list.lower + j)))
          .Store(middle + j);
    }
  }

  static int Choose(const KeptList& list, const float* score, float best,
                    int32_t* rows) {
    const V least = V::Broadcast(best);
    int found = 0;
    for (int j = 0; j < list.size; j += kWidth) {
      const uint32_t mask =
          AtLeastMask(V::Load(score + j), least) & Present(j, list.size);
      V::Compress(mask, list.row + j, rows + found);
      found += std::popcount(mask);
    }
    return found;
  }

  static int ChooseOthers(const KeptList& list, const float* score, float best,
                          float theta, int32_t* rows) {
    const V chosen = V::Broadcast(best);
    const V least = V::Broadcast(theta);
    int found = 0;
    for (int j = 0; j < list.size; j += kWidth) {
      const uint32_t mask = ~AtLeastMask(V::Load(score + j), chosen) &
                            AtLeastMask(V::Load(list.upper + j), least) &
                            Present(j, list.size);
      V::Compress(mask, list.row + j, rows + found);
      found += std::popcount(mask);
    }
    return found;
  }

  static int Share(const int32_t* a, int count_a, const int32_t* b, int count_b,
                   int32_t* both, int32_t* only_a, int32_t* only_b) {
    constexpr int kVectors = kMaxRanked / kWidth;
    const int vectors = (count_b + kWidth - 1) / kWidth;
    uint32_t present[kVectors];
    uint32_t shared[kVectors] = {};
    for (int v = 0; v < vectors; ++v) present[v] = Present(v * kWidth, count_b);
    int found = 0;
    for (int i = 0; i < count_a; ++i) {
      uint32_t any = 0;
      for (int v = 0; v < vectors; ++v) {
        const uint32_t equal = V::EqualMask(b + v * kWidth, a[i]) & present[v];
        shared[v] |= equal;
        any |= equal;
      }
      // The one that is not meant is written over.
      both[found] = a[i];
      only_a[i - found] = a[i];
      found += static_cast<int>(any != 0);
    }
    int others = 0;
    for (int v = 0; v < vectors; ++v) {
      const uint32_t rest = present[v] & ~shared[v];
      V::Compress(rest, b + v * kWidth, only_b + others);
      others += std::popcount(rest);
    }
    return found;
  }

  static int Nearest(const double* squared, const int32_t* row, int count,
                     double limit, int k, int64_t* rows, double* distances) {
    using Doubles = Lanes<Arch>;
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const Doubles zero = Doubles::Broadcast(0);
    // Distances, or infinity beyond the limit and after the last.
    alignas(64) double distance[kMaxRanked];
    int found = 0;
    const Doubles infinity = Doubles::Broadcast(kInfinity);
    for (int j = count / kRanksAtOnce * kRanksAtOnce; j < kMaxRanked;
         j += kLanes) {
      infinity.Store(distance + j);
    }
    for (int j = 0; j < count; j += kLanes) {
      const Doubles t = Doubles::Load(squared + j);
      uint32_t within = AtMostMask(t, Doubles::Broadcast(limit));
      if (count - j < kLanes) within &= (1u << (count - j)) - 1;
      found += std::popcount(within);
      // Of two zeros Max returns its second operand.
      Sqrt(Max(t, zero)).Store(distance + j);
      for (uint32_t out = ~within & 0xffu; out != 0; out &= out - 1) {
        distance[j + std::countr_zero(out)] = kInfinity;
      }
    }
    alignas(64) double at_most[kMaxRanked];
    CountAtMostEach(distance, count, at_most);
    // Of each place, the number of its pair; place `found` is for those that
    // are beyond the limit.
    int32_t order[kMaxRanked + 1];
    std::fill_n(order, found, -1);
    for (int i = 0; i < count; ++i) {
      order[distance[i] == kInfinity ? found
                                     : static_cast<int>(at_most[i]) - 1] = i;
    }
    if (std::find(order, order + found, -1) != order + found) {
      OrderTies(distance, at_most, row, count, order);
    }
    const int wanted = std::min(found, k);
    for (int place = 0; place < wanted; ++place) {
      rows[place] = row[order[place]];
      distances[place] = distance[order[place]];
    }
    return wanted;
  }

  // Four vectors of numbers are compared at once.
  static constexpr int kRanksAtOnce = 4 * kLanes;
  static_assert(kMaxRanked % kRanksAtOnce == 0);

  // Computes at_most[i], how many of the numbers are at most values[i], for
  // i < count, rounded up to kRanksAtOnce.
  static void CountAtMostEach(const double* values, int count,
                              double* at_most) {
    using Doubles = Lanes<Arch>;
    constexpr int kVectors = kRanksAtOnce / kLanes;
    for (int i = 0; i < count; i += kRanksAtOnce) {
      Doubles value[kVectors], found[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        value[v] = Doubles::Load(values + i + v * kLanes);
        found[v] = Doubles::Broadcast(0);
      }
      for (int j = 0; j < count; ++j) {
        const Doubles other = Doubles::Broadcast(values[j]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          found[v] = CountAtMost(found[v], other, value[v]);
        }
      }
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        found[v].Store(at_most + i + v * kLanes);
      }
    }
  }

  // Orders all pairs again, those at one distance by row.
  static void OrderTies(const double* distance, const double* at_most,
                        const int32_t* row, int count, int32_t* order) {
    for (int i = 0; i < count; ++i) {
      if (std::isinf(distance[i])) continue;
      int place = static_cast<int>(at_most[i]) - 1;
      for (int j = 0; j < count; ++j) {
        place -=
            static_cast<int>(distance[j] == distance[i] && row[j] > row[i]);
      }
      order[place] = i;
    }
  }

  static constexpr KeptRoutines Table(Isa isa) {
    return {isa,     &DropBelow,    &Threshold, &Middles,
            &Choose, &ChooseOthers, &Share,     &Nearest};
  }
};

}  // namespace rct::simd

#endif  // RCT_TRAVERSAL_KEPT_ROUTINES_IMPL_H_
