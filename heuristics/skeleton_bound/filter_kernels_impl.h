// The routines of a FilterKernels table, written once over FloatLanes<Arch>.
// Included by one source file for each instruction set, and by nothing else.

#ifndef RCT_HEURISTICS_SKELETON_BOUND_FILTER_KERNELS_IMPL_H_
#define RCT_HEURISTICS_SKELETON_BOUND_FILTER_KERNELS_IMPL_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "heuristics/skeleton_bound/filter_kernels.h"
#include "metric/float_lanes.h"

namespace rct::simd {

// How many rows, queries and panels a register tile holds.
template <class Arch>
struct FilterShape {
  static constexpr int kRows = 1, kQueries = 1, kPanels = 1;
};
#ifdef __AVX512F__
template <>
struct FilterShape<xsimd::avx512bw> {
  static constexpr int kRows = 8, kQueries = 4, kPanels = 4;
};
#endif
#ifdef __FMA__
template <>
struct FilterShape<xsimd::fma3<xsimd::avx2>> {
  static constexpr int kRows = 4, kQueries = 4, kPanels = 4;
};
#endif

template <class Arch>
struct FilterRoutines {
  using V = FloatLanes<Arch>;
  using Shape = FilterShape<Arch>;

  static void Eliminate(const double* w, int64_t stride, int terms,
                        const double* factor, int64_t count, double* column) {
    using Doubles = Lanes<Arch>;
    for (int64_t j = 0; j < count; j += kLanes) {
      Doubles value = Doubles::Load(column + j);
      for (int c = 0; c < terms; ++c) {
        value = NegatedFma(Doubles::Broadcast(factor[c]),
                           Doubles::Load(w + c * stride + j), value);
      }
      value.Store(column + j);
    }
  }

  template <int kRows>
  static V ProjectRows(const float* table, int64_t row_stride,
                       int64_t column_stride, int columns, const float* w,
                       float* y, V squared) {
    V sum[kRows];
    for (int i = 0; i < kRows; ++i) sum[i] = V::Broadcast(0);
    for (int c = 0; c < columns; ++c) {
      const V column = V::Load(w + kPanel * c);
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) {
        sum[i] = Fma(V::Broadcast(table[i * row_stride + c * column_stride]),
                     column, sum[i]);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      sum[i].Store(y + kPanel * i);
      squared = Fma(sum[i], sum[i], squared);
    }
    return squared;
  }

  static void Project(const float* table, int64_t row_stride,
                      int64_t column_stride, int rows, int columns,
                      const float* w, float* y, float* squared_length) {
    constexpr int kRows = Shape::kRows;
    V squared = V::Broadcast(0);
    int i = 0;
    for (; i + kRows <= rows; i += kRows) {
      squared =
          ProjectRows<kRows>(table + i * row_stride, row_stride, column_stride,
                             columns, w, y + kPanel * i, squared);
    }
    for (; i < rows; ++i) {
      squared =
          ProjectRows<1>(table + i * row_stride, row_stride, column_stride,
                         columns, w, y + kPanel * i, squared);
    }
    squared.Store(squared_length);
  }

  static void GapTerms(const uint16_t* gap, const float* squared_length,
                       const float* e, const float* norm, float gap_slack,
                       float* length, float* outside) {
    const V unit = V::Broadcast(kGapUnit);
    const V zero = V::Broadcast(0);
    const V g = V::Load(gap) * unit;
    Min(V::Load(norm), g + V::Load(e)).Store(outside);
    const V least = Max(g - unit, zero);
    const V squared =
        (V::Load(squared_length) - least * least) + V::Broadcast(gap_slack);
    Sqrt(Max(squared, zero)).Store(length);
  }

  static uint32_t FilterBlock(const QueryPanel& queries,
                              const BlockLengths& block) {
    V upper = V::Broadcast(queries.slack);
    upper = Fma(V::Load(queries.own), V::Broadcast(block.gap), upper);
    upper = Fma(V::Load(queries.outside), V::Broadcast(block.e), upper);
    upper = Fma(V::Load(queries.length), V::Broadcast(block.w), upper);
    return AtLeastMask(upper, V::Load(queries.theta));
  }

  // dots[q][p] = the chain over i < rank of y_q[i] panel_p[i].
  template <int kQueries, int kPanels>
  static void Dots(const float* const* y, const float* const* panels, int rank,
                   V dots[kQueries][kPanels]) {
    for (int q = 0; q < kQueries; ++q) {
      for (int p = 0; p < kPanels; ++p) dots[q][p] = V::Broadcast(0);
    }
    for (int i = 0; i < rank; ++i) {
      V column[kPanels];
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
        column[p] = V::Load(panels[p] + kPanel * i);
      }
#pragma GCC unroll 4
      for (int q = 0; q < kQueries; ++q) {
        const V factor = V::Broadcast(y[q][kPanel * i]);
#pragma GCC unroll 4
        for (int p = 0; p < kPanels; ++p) {
          dots[q][p] = Fma(factor, column[p], dots[q][p]);
        }
      }
    }
  }

  // |y . w_j| <= length_j |y| cos(max(0, angle(y, axis) - angle of the cone)),
  // all angles between lines. z = |y . axis|; where it is at least |y| cosine
  // the line of y may lie in the cone.
  static uint32_t ConeMask(V dot, const QueryPanel& queries, int lane,
                           const ConePanels& cones, int first) {
    const V zero = V::Broadcast(0);
    const V length = V::Broadcast(queries.length[lane]);
    const V z = Abs(dot) + V::Broadcast(queries.slack);
    const V cosine = V::Load(cones.cosine + first);
    const V across = Sqrt(Max(length * length - z * z, zero));
    const V outside =
        Min(Fma(across, V::Load(cones.sine + first), z * cosine), length);
    // Lanes with z >= length cosine take the whole length.
    const V inside = Max(z - length * cosine, zero);
    const V most = Min(Fma(inside, V::Broadcast(0x1p60f), outside), length);
    V upper = V::Broadcast(2 * queries.slack);
    upper = Fma(V::Broadcast(queries.own[lane] * kGapUnit),
                V::Load(cones.gap + first), upper);
    upper = Fma(V::Broadcast(queries.outside[lane]), V::Load(cones.e + first),
                upper);
    upper = Fma(most, V::Load(cones.length + first), upper);
    return AtLeastMask(upper, V::Broadcast(queries.theta[lane]));
  }

  template <int kQueries>
  static void ConesOf(const QueryPanel& queries, const int* lanes,
                      const ConePanels& cones, int num_panels,
                      uint32_t* masks) {
    const float* y[kQueries];
    for (int q = 0; q < kQueries; ++q) y[q] = queries.y + lanes[q];
    for (int p = 0; p < num_panels; ++p) {
      const float* panel = cones.axis + int64_t{kPanel} * cones.rank * p;
      V dots[kQueries][1];
      Dots<kQueries, 1>(y, &panel, cones.rank, dots);
      for (int q = 0; q < kQueries; ++q) {
        masks[lanes[q] * num_panels + p] =
            ConeMask(dots[q][0], queries, lanes[q], cones, kPanel * p);
      }
    }
  }

  static void FilterCones(const QueryPanel& queries, uint32_t lanes,
                          const ConePanels& cones, int num_panels,
                          uint32_t* masks) {
    int list[kPanel];
    int count = 0;
    for (; lanes != 0; lanes &= lanes - 1) {
      list[count++] = std::countr_zero(lanes);
    }
    int q = 0;
    for (; q + Shape::kQueries <= count; q += Shape::kQueries) {
      ConesOf<Shape::kQueries>(queries, list + q, cones, num_panels, masks);
    }
    for (; q < count; ++q) {
      ConesOf<1>(queries, list + q, cones, num_panels, masks);
    }
  }

  template <int kPanels>
  static void PointsOf(const QueryPanel& queries, int lane,
                       const PointPanels& points, const int32_t* panels,
                       int32_t row_limit, int32_t self, KeptPoints& kept) {
    const float* y = queries.y + lane;
    const float* w[kPanels];
    for (int p = 0; p < kPanels; ++p) {
      w[p] = points.w + int64_t{kPanel} * points.rank * panels[p];
    }
    V dots[1][kPanels];
    Dots<1, kPanels>(&y, w, points.rank, dots);
    const V outside = V::Broadcast(queries.outside[lane]);
    const V own = V::Broadcast(queries.own[lane] * kGapUnit);
    const V slack = V::Broadcast(queries.slack);
    const V theta = V::Broadcast(queries.theta[lane]);
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) {
      const int64_t first = int64_t{kPanel} * panels[p];
      const V error = Fma(outside, V::Load(points.e + first),
                          Fma(own, V::Load(points.gap + first), slack));
      const V middle = Abs(dots[0][p]);
      const V upper = middle + error;
      uint32_t mask = AtLeastMask(upper, theta);
      if (mask == 0) continue;
      const int32_t* row = points.row + first;
      mask &= ~V::EqualMask(row, self);
      const uint32_t allowed = mask & V::BelowMask(row, row_limit);
      if (allowed != mask) {
        kept.filtered += std::popcount(mask & V::BelowMask(row, kNoRow)) -
                         std::popcount(allowed);
      }
      upper.Compress(allowed, kept.upper + kept.size);
      (middle - error).Compress(allowed, kept.lower + kept.size);
      V::Compress(allowed, row, kept.row + kept.size);
      kept.size += std::popcount(allowed);
    }
  }

  static void FilterPoints(const QueryPanel& queries, int lane,
                           const PointPanels& points, const int32_t* panels,
                           int count, int32_t row_limit, int32_t self,
                           KeptPoints& kept) {
    int p = 0;
    for (; p + Shape::kPanels <= count; p += Shape::kPanels) {
      PointsOf<Shape::kPanels>(queries, lane, points, panels + p, row_limit,
                               self, kept);
    }
    for (; p < count; ++p) {
      PointsOf<1>(queries, lane, points, panels + p, row_limit, self, kept);
    }
  }

  // Lanes of the vector at `first` of an array of `count`.
  static uint32_t Present(int first, int count) {
    return count - first < kPanel ? (1u << (count - first)) - 1 : 0xffffu;
  }

  static void DropBelow(float theta, KeptPoints& kept) {
    const V least = V::Broadcast(theta);
    int size = 0;
    for (int j = 0; j < kept.size; j += kPanel) {
      const V upper = V::Load(kept.upper + j);
      const V lower = V::Load(kept.lower + j);
      int32_t row[kPanel];
      std::memcpy(row, kept.row + j, sizeof(row));
      const uint32_t mask = AtLeastMask(upper, least) & Present(j, kept.size);
      upper.Compress(mask, kept.upper + size);
      lower.Compress(mask, kept.lower + size);
      V::Compress(mask, row, kept.row + size);
      size += std::popcount(mask);
    }
    kept.size = size;
  }

  static int CountAtLeast(const float* values, int count, float least) {
    const V bound = V::Broadcast(least);
    int found = 0;
    for (int j = 0; j < count; j += kPanel) {
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

  static constexpr FilterKernels Table(Isa isa) {
    return {isa,          &Eliminate,    &Project,   &GapTerms, &FilterBlock,
            &FilterCones, &FilterPoints, &DropBelow, &Threshold};
  }
};

}  // namespace rct::simd

#endif  // RCT_HEURISTICS_SKELETON_BOUND_FILTER_KERNELS_IMPL_H_
