// The routines of a ScreenRoutines table, written once over FloatLanes<Arch>.
// kernel_library compiles them for each instruction set; nothing else includes
// this.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_ROUTINES_IMPL_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_ROUTINES_IMPL_H_

#include <algorithm>
#include <bit>
#include <cstdint>

#include "metric/float_lanes.h"
#include "metric/simd_routines.h"
#include "traversal/exhaustive/float_covariance.h"
#include "traversal/exhaustive/screen_routines.h"

namespace rct::simd {

// How many queries and vectors of candidates a register tile holds. Divisors
// of kScreenGroup and of kScreenPanel / kFloatLanes.
template <class Arch>
struct ScreenShape {
  static constexpr int kQueries = 1, kVectors = 1;
};
#ifdef __AVX512F__
template <>
struct ScreenShape<xsimd::avx512bw> {
  static constexpr int kQueries = 8, kVectors = 3;
};
#endif
#ifdef __FMA__
template <>
struct ScreenShape<xsimd::fma3<xsimd::avx2>> {
  static constexpr int kQueries = 4, kVectors = 1;
};
#endif

template <class Arch>
struct ScreenRoutinesOf {
  using V = FloatLanes<Arch>;
  using Shape = ScreenShape<Arch>;

  // Terms of a panel that stay in the first-level cache, 24 KiB, while all
  // queries pass by.
  static constexpr int64_t kPartTerms = 128;
  static_assert(kPartTerms % kScreenChunk == 0);

  // Adds `terms` terms of each product of a register tile to `out`.
  static void AddTerms(const float* group, const float* panel, int64_t terms,
                       float* out, int64_t out_stride) {
    constexpr int kQueries = Shape::kQueries;
    constexpr int kVectors = Shape::kVectors;
    for (int64_t chunk = 0; chunk < terms; chunk += kScreenChunk) {
      V sum[kQueries][kVectors];
      for (int i = 0; i < kQueries; ++i) {
        for (int v = 0; v < kVectors; ++v) sum[i][v] = V::Broadcast(0);
      }
      for (int c = 0; c < kScreenChunk; ++c) {
        V column[kVectors];
#pragma GCC unroll 3
        for (int v = 0; v < kVectors; ++v) {
          column[v] = V::Load(panel + v * kFloatLanes);
        }
#pragma GCC unroll 8
        for (int i = 0; i < kQueries; ++i) {
          const V factor = V::Broadcast(group[i]);
#pragma GCC unroll 3
          for (int v = 0; v < kVectors; ++v) {
            sum[i][v] = Fma(factor, column[v], sum[i][v]);
          }
        }
        group += kScreenGroup;
        panel += kScreenPanel;
      }
#pragma GCC unroll 8
      for (int i = 0; i < kQueries; ++i) {
#pragma GCC unroll 3
        for (int v = 0; v < kVectors; ++v) {
          float* total = out + i * out_stride + v * kFloatLanes;
          (V::Load(total) + sum[i][v]).Store(total);
        }
      }
    }
  }

  static void Dots(const float* groups, int num_groups, int64_t terms,
                   const float* panel, const float* end, float* out,
                   int64_t out_stride) {
    constexpr int kVectors = kScreenPanel / kFloatLanes;
    for (int i = 0; i < num_groups * kScreenGroup; ++i) {
      for (int v = 0; v < kVectors; ++v) {
        V::Broadcast(0).Store(out + i * out_stride + v * kFloatLanes);
      }
    }
    for (int64_t first = 0; first < terms; first += kPartTerms) {
      const int64_t part = std::min(kPartTerms, terms - first);
      const float* next = panel + part * kScreenPanel;
      // The memory that comes next is needed next, in this panel or in the
      // following one. A part of it is brought to the second-level cache with
      // each group.
      const int64_t lines =
          std::min(part * kScreenPanel, static_cast<int64_t>(end - next)) /
          kFloatLanes;
      for (int g = 0; g < num_groups; ++g) {
        for (int64_t l = lines * g / num_groups;
             l < lines * (g + 1) / num_groups; ++l) {
          __builtin_prefetch(next + l * kFloatLanes, 0, 2);
        }
        const float* group = groups + (g * terms + first) * kScreenGroup;
        float* totals = out + g * kScreenGroup * out_stride;
        for (int v = 0; v < kVectors; v += Shape::kVectors) {
          for (int i = 0; i < kScreenGroup; i += Shape::kQueries) {
            AddTerms(group + i, panel + v * kFloatLanes, part,
                     totals + i * out_stride + v * kFloatLanes, out_stride);
          }
        }
      }
      panel = next;
    }
  }

  template <KernelFamily kFamily>
  static int Screen(const ScreenCovariance& covariance,
                    const ScreenQuery& query,
                    const ScreenCandidates& candidates, int num_panels,
                    const float* dot, const ScreenHits& hits) {
    const V variance = V::Broadcast(covariance.variance);
    const V length = V::Broadcast(query.length);
    const V rest = V::Broadcast(query.rest);
    const V reach = V::Broadcast(query.reach);
    const float* z = candidates.z;
    int found = 0;
    for (int j = 0; j < num_panels * kScreenPanel; j += kFloatLanes) {
      V r2 = V::Broadcast(0);
      for (int t = 0; t < covariance.dim; ++t) {
        const V difference =
            V::Broadcast(query.z[t]) - V::Load(z + t * kScreenPanel);
        r2 = Fma(difference, difference, r2);
      }
      z += kFloatLanes;
      if ((j + kFloatLanes) % kScreenPanel == 0) {
        z += (covariance.dim - 1) * kScreenPanel;
      }
      const V size =
          Abs(FloatCovariance<Arch>::template Of<kFamily>(variance, r2) -
              V::Load(dot + j));
      const V error = Fma(length, V::Load(candidates.length + j),
                          rest + V::Load(candidates.error + j));
      uint32_t mask =
          AtLeastMask(size + error, reach * V::Load(candidates.root + j));
      if (mask == 0) continue;
      size.Compress(mask, hits.size + found);
      error.Compress(mask, hits.error + found);
      for (; mask != 0; mask &= mask - 1) {
        hits.candidate[found++] = j + std::countr_zero(mask);
      }
    }
    return found;
  }

  static int ScreenAny(const ScreenCovariance& covariance,
                       const ScreenQuery& query,
                       const ScreenCandidates& candidates, int num_panels,
                       const float* dot, const ScreenHits& hits) {
    switch (covariance.family) {
      case KernelFamily::kRbf:
        return Screen<KernelFamily::kRbf>(covariance, query, candidates,
                                          num_panels, dot, hits);
      case KernelFamily::kMatern12:
        return Screen<KernelFamily::kMatern12>(covariance, query, candidates,
                                               num_panels, dot, hits);
      case KernelFamily::kMatern32:
        return Screen<KernelFamily::kMatern32>(covariance, query, candidates,
                                               num_panels, dot, hits);
      case KernelFamily::kMatern52:
        return Screen<KernelFamily::kMatern52>(covariance, query, candidates,
                                               num_panels, dot, hits);
    }
    return 0;
  }

  static constexpr ScreenRoutines Table(Isa isa) {
    return {isa, &Dots, &ScreenAny};
  }
};

}  // namespace rct::simd

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_ROUTINES_IMPL_H_
