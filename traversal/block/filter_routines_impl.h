// The routines of a FilterRoutines table, written once over FloatLanes<Arch>.
// kernel_library compiles them for each instruction set; nothing else includes
// this.

#ifndef RCT_TRAVERSAL_BLOCK_FILTER_ROUTINES_IMPL_H_
#define RCT_TRAVERSAL_BLOCK_FILTER_ROUTINES_IMPL_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "metric/float_lanes.h"
#include "metric/register_tiles.h"
#include "traversal/block/filter_routines.h"

namespace rct::simd {

// How many rows or queries a register tile holds.
template <class Arch>
struct FilterShape {
  static constexpr int kRows = 1, kQueries = 1, kPointQueries = 1;
};
#ifdef __AVX512F__
template <>
struct FilterShape<xsimd::avx512bw> {
  static constexpr int kRows = 8, kQueries = 4, kPointQueries = 8;
};
#endif
#ifdef __FMA__
template <>
struct FilterShape<xsimd::fma3<xsimd::avx2>> {
  static constexpr int kRows = 4, kQueries = 4, kPointQueries = 4;
};
#endif

template <class Arch>
struct FilterRoutinesOf {
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
#pragma GCC unroll 8
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
    V squared = V::Broadcast(0);
    EachTile<Shape::kRows>(rows, [&](int64_t i, auto tile) {
      squared =
          ProjectRows<tile()>(table + i * row_stride, row_stride, column_stride,
                              columns, w, y + kPanel * i, squared);
    });
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

  static uint32_t PassBlock(const QueryPanel& queries,
                            const BlockLengths& block) {
    V upper = V::Broadcast(queries.slack);
    upper = Fma(V::Load(queries.own), V::Broadcast(block.gap), upper);
    upper = Fma(V::Load(queries.outside), V::Broadcast(block.e), upper);
    upper = Fma(V::Load(queries.length), V::Broadcast(block.w), upper);
    return AtLeastMask(upper, V::Load(queries.theta));
  }

  // Continues the chains sum[q] of y[16 i + lanes[q]] panel[i], sixteen numbers
  // each, over first <= i < last.
  template <int kQueries>
  static void Dots(const float* y, const int64_t* lanes, const float* panel,
                   int first, int last, V (&sum)[kQueries]) {
    for (int i = first; i < last; ++i) {
      const V column = V::Load(panel + kPanel * i);
      const float* at = y + kPanel * i;
#pragma GCC unroll 8
      for (int q = 0; q < kQueries; ++q) {
        sum[q] = Fma(V::Broadcast(at[lanes[q]]), column, sum[q]);
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
  static void ConesOf(const QueryPanel& queries, const int64_t* lanes,
                      const ConePanels& cones, int num_panels,
                      uint32_t* masks) {
    for (int p = 0; p < num_panels; ++p) {
      V dots[kQueries];
      // Unrolled: gcc would take the loop for a memset of the stack.
#pragma GCC unroll 8
      for (int q = 0; q < kQueries; ++q) dots[q] = V::Broadcast(0);
      Dots<kQueries>(queries.y, lanes,
                     cones.axis + int64_t{kPanel} * cones.rank * p, 0,
                     cones.rank, dots);
#pragma GCC unroll 8
      for (int q = 0; q < kQueries; ++q) {
        masks[lanes[q] * num_panels + p] = ConeMask(
            dots[q], queries, static_cast<int>(lanes[q]), cones, kPanel * p);
      }
    }
  }

  static void PassCones(const QueryPanel& queries, uint32_t lanes,
                        const ConePanels& cones, int num_panels,
                        uint32_t* masks) {
    int64_t list[kPanel];
    int count = 0;
    for (; lanes != 0; lanes &= lanes - 1) {
      list[count++] = std::countr_zero(lanes);
    }
    EachTile<Shape::kQueries>(count, [&](int64_t q, auto tile) {
      ConesOf<tile()>(queries, list + q, cones, num_panels, masks);
    });
  }

  // The errors of a panel's points, loaded once for all its queries.
  struct PanelErrors {
    PanelErrors(const PointPanels& points, int panel)
        : e(V::Load(points.e + int64_t{kPanel} * panel)),
          gap(V::Load(points.gap + int64_t{kPanel} * panel)) {}

    // Returns the error of y . w_j for query l.
    V Of(const QueryPanel& queries, int64_t l) const {
      const V own = V::Broadcast(queries.own[l] * kGapUnit);
      return Fma(V::Broadcast(queries.outside[l]), e,
                 Fma(own, gap, V::Broadcast(queries.slack)));
    }

    V e;
    V gap;
  };

  // Computes what coordinates from `head` on have of the lengths of a panel of
  // queries, rounded up.
  static void Tails(const float* y, int head, int rank, float* tails) {
    V squared = V::Broadcast(0);
    for (int i = head; i < rank; ++i) {
      const V coordinate = V::Load(y + kPanel * i);
      squared = Fma(coordinate, coordinate, squared);
    }
    const float above = 1 + static_cast<float>(rank + 4) * 0x1p-24F;
    (Sqrt(squared) * V::Broadcast(above)).Store(tails);
  }

  // The queries of one panel of points that are still wanted, and the chains of
  // their products so far.
  struct Wanted {
    int64_t lanes[kPanel + Shape::kPointQueries];
    alignas(64) float dots[kPanel + Shape::kPointQueries][kPanel];
    int count = 0;
  };

  // Multiplies the first coordinates of the first `count` of `list`, which has
  // room for kQueries, and of a panel. The queries for which any of its points
  // may reach theta are wanted.
  template <int kQueries>
  static void HeadsOf(const QueryPanel& queries, const float* tails,
                      int64_t* list, int count, const PointPanels& points,
                      int panel, Wanted& wanted) {
    for (int q = count; q < kQueries; ++q) list[q] = list[count - 1];
    V dots[kQueries];
#pragma GCC unroll 8
    for (int q = 0; q < kQueries; ++q) dots[q] = V::Broadcast(0);
    Dots<kQueries>(queries.y, list,
                   points.w + int64_t{kPanel} * points.rank * panel, 0,
                   points.head, dots);
    const PanelErrors errors(points, panel);
    const V tail = V::Load(points.tail + int64_t{kPanel} * panel);
#pragma GCC unroll 8
    for (int q = 0; q < kQueries; ++q) {
      const int64_t l = list[q];
      const V upper = Fma(V::Broadcast(tails[l]), tail,
                          Abs(dots[q]) + errors.Of(queries, l));
      dots[q].Store(wanted.dots[wanted.count]);
      wanted.lanes[wanted.count] = l;
      const bool may =
          q < count && AtLeastMask(upper, V::Broadcast(queries.theta[l])) != 0;
      wanted.count += static_cast<int>(may);
    }
  }

  static void KeepPanel(const QueryPanel& queries, int l, V dot, V error,
                        const int32_t* row, int32_t row_limit, int32_t self,
                        KeptList& kept) {
    const V middle = Abs(dot);
    const V upper = middle + error;
    uint32_t mask = AtLeastMask(upper, V::Broadcast(queries.theta[l]));
    if (mask == 0) return;
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

  // Multiplies the other coordinates of wanted queries [first, first + count),
  // which are kQueries at most, and keeps the points that reach theta.
  template <int kQueries>
  static void RestsOf(const QueryPanel& queries, Wanted& wanted, int first,
                      int count, const PointPanels& points, int panel,
                      const int32_t* row_limit, const int32_t* self,
                      KeptList* kept) {
    int64_t* const list = wanted.lanes + first;
    for (int q = count; q < kQueries; ++q) list[q] = list[count - 1];
    V dots[kQueries];
#pragma GCC unroll 8
    for (int q = 0; q < kQueries; ++q) {
      dots[q] = V::Load(wanted.dots[first + std::min(q, count - 1)]);
    }
    Dots<kQueries>(queries.y, list,
                   points.w + int64_t{kPanel} * points.rank * panel,
                   points.head, points.rank, dots);
#pragma GCC unroll 8
    for (int q = 0; q < kQueries; ++q) dots[q].Store(wanted.dots[first + q]);
    const PanelErrors errors(points, panel);
    for (int q = 0; q < count; ++q) {
      const auto l = static_cast<int>(list[q]);
      KeepPanel(queries, l, V::Load(wanted.dots[first + q]),
                errors.Of(queries, l), points.row + int64_t{kPanel} * panel,
                row_limit[l], self[l], kept[l]);
    }
  }

  // Asks for the first coordinates of a panel.
  static void Prefetch(const PointPanels& points, int panel) {
    const float* w = points.w + int64_t{kPanel} * points.rank * panel;
    for (int i = 0; i < points.head; ++i) __builtin_prefetch(w + kPanel * i);
  }

  // Calls use(first, count, most) for groups of `count` queries, which register
  // tiles of up to `most` hold: kPointQueries, or half as many.
  template <class Use>
  static void ForGroups(int count, Use use) {
    constexpr int kMost = Shape::kPointQueries;
    constexpr int kHalf = (kMost + 1) / 2;
    for (int first = 0; first < count; first += kMost) {
      const int some = std::min(count - first, kMost);
      if (some > kHalf) {
        use(first, some, std::integral_constant<int, kMost>());
      } else {
        use(first, some, std::integral_constant<int, kHalf>());
      }
    }
  }

  static int KeepPoints(const QueryPanel& queries, const PointPanels& points,
                        int first, int count, const int32_t* masks,
                        const int32_t* min_row, const int32_t* row_limit,
                        const int32_t* self, KeptList* kept) {
    alignas(64) float tails[kPanel];
    Tails(queries.y, points.head, points.rank, tails);
    int pairs = 0;
    for (int p = 0; p < count; ++p) {
      int64_t list[kPanel + Shape::kPointQueries];
      int size = 0;
      for (uint32_t lanes =
               V::BitMask(masks, 1 << p) & V::AboveMask(row_limit, min_row[p]);
           lanes != 0; lanes &= lanes - 1) {
        list[size++] = std::countr_zero(lanes);
      }
      pairs += size;
      const int panel = first + p;
      if (size > 0 && p + 1 < count) Prefetch(points, panel + 1);
      Wanted wanted;
      ForGroups(size, [&](int from, int some, auto most) {
        HeadsOf<most()>(queries, tails, list + from, some, points, panel,
                        wanted);
      });
      ForGroups(wanted.count, [&](int from, int some, auto most) {
        RestsOf<most()>(queries, wanted, from, some, points, panel, row_limit,
                        self, kept);
      });
    }
    return pairs;
  }

  // Calls use(i, count) for i = 0, 16, ... with how many numbers are left, at
  // most sixteen.
  template <class Use>
  static void ForSixteens(int64_t count, Use use) {
    int64_t i = 0;
    for (; i + kFloatLanes <= count; i += kFloatLanes) use(i, kFloatLanes);
    if (i < count) use(i, static_cast<int>(count - i));
  }

  // Loads the first `count` of sixteen numbers, and zeros for the others.
  static V LoadSome(const float* p, int count) {
    if (count == kFloatLanes) return V::Load(p);
    float some[kFloatLanes] = {};
    std::copy_n(p, count, some);
    return V::Load(some);
  }

  static float Largest(const float* values, int64_t count) {
    V largest = V::Broadcast(0);
    ForSixteens(count, [&](int64_t i, int some) {
      largest = Max(largest, Abs(LoadSome(values + i, some)));
    });
    float lanes[kFloatLanes];
    largest.Store(lanes);
    return *std::max_element(lanes, lanes + kFloatLanes);
  }

  static float SquaredDifference(const float* a, const float* b, float scale,
                                 int64_t count) {
    const V factor = V::Broadcast(scale);
    V sum = V::Broadcast(0);
    ForSixteens(count, [&](int64_t i, int some) {
      V off = LoadSome(a + i, some);
      if (b != nullptr) off = off - LoadSome(b + i, some);
      off = off * factor;
      sum = Fma(off, off, sum);
    });
    float lanes[kFloatLanes];
    sum.Store(lanes);
    float total = 0;
    for (const float lane : lanes) total += lane;
    return total;
  }

  template <class Integer>
  static void Round(const float* from, float scale, int64_t count,
                    Integer* to) {
    const V factor = V::Broadcast(scale);
    const V magic = V::Broadcast(kFloatRoundingMagic);
    ForSixteens(count, [&](int64_t i, int some) {
      int32_t lanes[kFloatLanes];
      float shifted[kFloatLanes];
      (LoadSome(from + i, some) * factor + magic).Store(shifted);
      std::memcpy(lanes, shifted, sizeof(lanes));
      for (int l = 0; l < some; ++l) {
        to[i + l] = static_cast<Integer>(
            lanes[l] - std::bit_cast<int32_t>(kFloatRoundingMagic));
      }
    });
  }

  template <class Integer>
  static void Expand(const Integer* from, float step, int64_t count,
                     float* to) {
    for (int64_t i = 0; i < count; i += kFloatLanes) {
      for (int l = 0; l < kFloatLanes; ++l) {
        to[i + l] = step * static_cast<float>(from[i + l]);
      }
    }
  }

  static void AddProduct(const int8_t* u, int64_t rows, const int8_t* w,
                         int64_t columns, float step, float* to) {
    for (int64_t j = 0; j < columns; j += kFloatLanes) {
      float group[kFloatLanes] = {};
      const int64_t count = std::min<int64_t>(kFloatLanes, columns - j);
      for (int64_t l = 0; l < count; ++l) {
        group[l] = step * static_cast<float>(w[j + l]);
      }
      const V factors = V::Load(group);
      for (int64_t i = 0; i < rows; ++i) {
        float* at = to + i * columns + j;
        Fma(V::Broadcast(static_cast<float>(u[i])), factors, V::Load(at))
            .Store(at);
      }
    }
  }

  static constexpr FilterRoutines Table(Isa isa) {
    return {isa,
            &Eliminate,
            &Project,
            &GapTerms,
            &PassBlock,
            &PassCones,
            &KeepPoints,
            &Largest,
            &SquaredDifference,
            &Round<int8_t>,
            &Round<int16_t>,
            &Expand<int8_t>,
            &Expand<int16_t>,
            &AddProduct};
  }
};

}  // namespace rct::simd

#endif  // RCT_TRAVERSAL_BLOCK_FILTER_ROUTINES_IMPL_H_
