// The routines of a FarFieldRoutines table, written once over Lanes<Arch> and
// FloatLanes<Arch>. kernel_library compiles them for each instruction set;
// nothing else includes this.

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_ROUTINES_IMPL_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_ROUTINES_IMPL_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "metric/float_lanes.h"
#include "metric/lanes.h"
#include "metric/register_tiles.h"
#include "metric/simd_routines.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/filter_routines.h"
#include "traversal/exhaustive/float_covariance.h"

namespace rct::simd {

// How many rows or queries a register tile holds, and how many covariances are
// computed side by side.
template <class Arch>
struct FarShape {
  static constexpr int kRows = 1, kQueries = 1, kVectors = 1, kChains = 1;
};
#ifdef __AVX512F__
template <>
struct FarShape<xsimd::avx512bw> {
  static constexpr int kRows = 8, kQueries = 8, kVectors = 2, kChains = 8;
};
#endif
#ifdef __FMA__
template <>
struct FarShape<xsimd::fma3<xsimd::avx2>> {
  static constexpr int kRows = 4, kQueries = 4, kVectors = 1, kChains = 2;
};
#endif

template <KernelFamily kFamily>
using FamilyConstant = std::integral_constant<KernelFamily, kFamily>;

template <class Arch>
struct FarFieldRoutinesOf {
  using V = FloatLanes<Arch>;
  using D = Lanes<Arch>;
  using Shape = FarShape<Arch>;

  static double LargestLane(D value) {
    double lanes[kLanes];
    value.Store(lanes);
    return *std::max_element(lanes, lanes + kLanes);
  }

  template <int kRows>
  static void ErrorsOf(const double* k, int64_t k_stride, const double* psi,
                       int64_t psi_stride, const double* nodes,
                       int64_t nodes_stride, int num_nodes, int64_t count,
                       double* errors) {
    D most[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) most[r] = D::Broadcast(0);
    for (int64_t j = 0; j < count; j += kLanes) {
      D rest[kRows];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) rest[r] = D::Load(k + r * k_stride + j);
      for (int t = 0; t < num_nodes; ++t) {
        const D weight = D::Load(psi + t * psi_stride + j);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          rest[r] = NegatedFma(
              weight, D::Broadcast(nodes[r * nodes_stride + t]), rest[r]);
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) most[r] = Max(most[r], Abs(rest[r]));
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) errors[r] = LargestLane(most[r]);
  }

  static void InterpolationErrors(const double* k, int64_t k_stride,
                                  int64_t rows, const double* psi,
                                  int64_t psi_stride, const double* nodes,
                                  int64_t nodes_stride, int num_nodes,
                                  int64_t count, double* errors) {
    EachTile<Shape::kRows>(rows, [&](int64_t r, auto tile) {
      ErrorsOf<tile()>(k + r * k_stride, k_stride, psi, psi_stride,
                       nodes + r * nodes_stride, nodes_stride, num_nodes, count,
                       errors + r);
    });
  }

  static void RowMaxima(const double* values, int64_t stride, int64_t rows,
                        int64_t count, double* maxima, double* squares) {
    for (int64_t r = 0; r < rows; ++r) {
      D most = D::Broadcast(0);
      for (int64_t j = 0; j < count; j += kLanes) {
        const D value = D::Load(values + r * stride + j);
        most = Max(most, Abs(value));
        Fma(value, value, D::Load(squares + j)).Store(squares + j);
      }
      maxima[r] = LargestLane(most);
    }
  }

  static void PanelMaxima(const double* values, int64_t stride, int64_t rows,
                          const double* scale, int64_t count, double* maxima) {
    for (int64_t r = 0; r < rows; ++r) {
      const double* row = values + r * stride;
      for (int64_t j = 0; j < count; j += kFarPanel) {
        D most = D::Load(scale + j) * Abs(D::Load(row + j));
        if (j + kLanes < count) {
          most = Max(most, D::Load(scale + j + kLanes) *
                               Abs(D::Load(row + j + kLanes)));
        }
        *maxima++ = LargestLane(most);
      }
    }
  }

  // Transforms the rows of a matrix along each dimension of their index.
  template <int kSide>
  static void TransformRows(const double* transform, int dim, int64_t size,
                            int64_t stride, double* values) {
    for (int64_t step = 1, c = 0; c < dim; ++c, step *= kSide) {
      for (int64_t row = 0; row < size; ++row) {
        if (row / step % kSide != 0) continue;
        for (int64_t j = 0; j < stride; j += kLanes) {
          D in[kSide];
#pragma GCC unroll 8
          for (int s = 0; s < kSide; ++s) {
            in[s] = D::Load(values + (row + s * step) * stride + j);
          }
#pragma GCC unroll 8
          for (int u = 0; u < kSide; ++u) {
            D sum = D::Broadcast(transform[u * kSide]) * in[0];
#pragma GCC unroll 8
            for (int s = 1; s < kSide; ++s) {
              sum = Fma(D::Broadcast(transform[u * kSide + s]), in[s], sum);
            }
            sum.Store(values + (row + u * step) * stride + j);
          }
        }
      }
    }
  }

  template <int kSide>
  static double SumOfSide(const double* transform, int dim, int64_t stride,
                          double* values, double* scratch) {
    int64_t size = 1;
    for (int c = 0; c < dim; ++c) size *= kSide;
    TransformRows<kSide>(transform, dim, size, stride, values);
    for (int64_t s = 0; s < size; ++s) {
      for (int64_t t = 0; t < size; ++t) {
        scratch[t * stride + s] = values[s * stride + t];
      }
      for (int64_t t = size; t < stride; ++t) scratch[s * stride + t] = 0;
    }
    TransformRows<kSide>(transform, dim, size, stride, scratch);
    D sum = D::Broadcast(0);
    for (int64_t i = 0; i < size * stride; i += kLanes) {
      sum = sum + Abs(D::Load(scratch + i));
    }
    return sum.Sum();
  }

  static double CoefficientSum(const double* transform, int side, int dim,
                               int64_t stride, double* values,
                               double* scratch) {
    switch (side) {
      case 1:
        return SumOfSide<1>(transform, dim, stride, values, scratch);
      case 2:
        return SumOfSide<2>(transform, dim, stride, values, scratch);
      case 3:
        return SumOfSide<3>(transform, dim, stride, values, scratch);
      case 4:
        return SumOfSide<4>(transform, dim, stride, values, scratch);
      case 5:
        return SumOfSide<5>(transform, dim, stride, values, scratch);
      default:
        return SumOfSide<6>(transform, dim, stride, values, scratch);
    }
  }

  template <int kCount>
  static void RestSquaresOf(const double* const* v, double unit,
                            const double* a, int64_t a_stride,
                            const double* basis, int64_t basis_stride, int rank,
                            int64_t terms, double* squares) {
    D sum[kCount];
#pragma GCC unroll 8
    for (int j = 0; j < kCount; ++j) sum[j] = D::Broadcast(0);
    for (int64_t c = 0; c < terms; c += kLanes) {
      D rest[kCount];
#pragma GCC unroll 8
      for (int j = 0; j < kCount; ++j) {
        rest[j] = D::Broadcast(unit) * D::Load(v[j] + c);
      }
      for (int i = 0; i < rank; ++i) {
        const D column = D::Load(basis + i * basis_stride + c);
#pragma GCC unroll 8
        for (int j = 0; j < kCount; ++j) {
          rest[j] =
              NegatedFma(D::Broadcast(a[j * a_stride + i]), column, rest[j]);
        }
      }
#pragma GCC unroll 8
      for (int j = 0; j < kCount; ++j) sum[j] = Fma(rest[j], rest[j], sum[j]);
    }
#pragma GCC unroll 8
    for (int j = 0; j < kCount; ++j) squares[j] = sum[j].Sum();
  }

  static void RestSquares(const double* const* v, int count, double unit,
                          const double* a, int64_t a_stride,
                          const double* basis, int64_t basis_stride, int rank,
                          int64_t terms, double* squares) {
    EachTile<Shape::kRows>(count, [&](int64_t j, auto tile) {
      RestSquaresOf<tile()>(v + j, unit, a + j * a_stride, a_stride, basis,
                            basis_stride, rank, terms, squares + j);
    });
  }

  static float Product(const float* a, const float* b, int64_t count) {
    V sum = V::Broadcast(0);
    for (int64_t i = 0; i < count; i += kFloatLanes) {
      sum = Fma(V::Load(a + i), V::Load(b + i), sum);
    }
    float lanes[kFloatLanes];
    sum.Store(lanes);
    float total = 0;
    for (const float lane : lanes) total += lane;
    return total;
  }

  // Adds a chain for basis vectors [0, kRows) of A and 16 kVectors of B.
  template <int kRows, int kVectors>
  static void TableTile(const float* a, int64_t a_width, const float* b,
                        int64_t b_width, int64_t terms, float* table) {
    V sum[kRows][kVectors];
#pragma GCC unroll 8
    for (int j = 0; j < kRows; ++j) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sum[j][v] = V::Broadcast(0);
    }
    for (int64_t c = 0; c < terms; ++c) {
      V column[kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        column[v] = V::Load(b + c * b_width + v * kFloatLanes);
      }
#pragma GCC unroll 8
      for (int j = 0; j < kRows; ++j) {
        const V factor = V::Broadcast(a[c * a_width + j]);
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) {
          sum[j][v] = Fma(factor, column[v], sum[j][v]);
        }
      }
    }
#pragma GCC unroll 8
    for (int j = 0; j < kRows; ++j) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        float* to = table + j * b_width + v * kFloatLanes;
        (V::Load(to) + sum[j][v]).Store(to);
      }
    }
  }

  template <int kVectors>
  static void TableColumns(const float* a, int64_t a_width, int a_rank,
                           const float* b, int64_t b_width, int64_t terms,
                           float* table) {
    EachTile<Shape::kRows>(a_rank, [&](int64_t j, auto tile) {
      TableTile<tile(), kVectors>(a + j, a_width, b, b_width, terms,
                                  table + j * b_width);
    });
  }

  static void TableOf(const float* a, int64_t a_width, int a_rank,
                      const float* b, int64_t b_width, int64_t terms,
                      float* table) {
    std::fill_n(table, a_rank * b_width, 0.0f);
    for (int64_t c = 0; c < terms; c += kTableChain) {
      const int64_t chain = std::min(kTableChain, terms - c);
      EachTile<Shape::kVectors>(
          b_width / kFloatLanes, [&](int64_t i, auto vectors) {
            TableColumns<vectors()>(a + c * a_width, a_width, a_rank,
                                    b + c * b_width + i * kFloatLanes, b_width,
                                    chain, table + i * kFloatLanes);
          });
    }
  }

  // Adds rows [0, kRows) of a table.
  template <int kRows>
  static V AddSizes(const float* table, int terms, const float* t, V total) {
    V sum[kRows];
#pragma GCC unroll 8
    for (int w = 0; w < kRows; ++w) sum[w] = V::Broadcast(0);
    for (int u = 0; u < terms; ++u) {
      const V value = V::Load(t + int64_t{kFarPanel} * u);
#pragma GCC unroll 8
      for (int w = 0; w < kRows; ++w) {
        sum[w] = Fma(V::Broadcast(table[w * terms + u]), value, sum[w]);
      }
    }
#pragma GCC unroll 8
    for (int w = 0; w < kRows; ++w) total = total + Abs(sum[w]);
    return total;
  }

  static void SizeSums(const float* table, int terms, const float* t,
                       float* sums) {
    V total = V::Broadcast(0);
    EachTile<Shape::kRows>(terms, [&](int64_t w, auto tile) {
      total = AddSizes<tile()>(table + w * terms, terms, t, total);
    });
    total.Store(sums);
  }

  // dots[q] = the chain over i < rank of y[16 i + lanes[q]] panel[i], sixteen
  // numbers each.
  template <int kQueries>
  static void Dots(const float* y, const int64_t* lanes, const float* panel,
                   int rank, V* dots) {
    V sum[kQueries];
#pragma GCC unroll 8
    for (int q = 0; q < kQueries; ++q) sum[q] = V::Broadcast(0);
    for (int i = 0; i < rank; ++i, y += kFarPanel) {
      const V column = V::Load(panel + int64_t{kFarPanel} * i);
#pragma GCC unroll 8
      for (int q = 0; q < kQueries; ++q) {
        sum[q] = Fma(V::Broadcast(y[lanes[q]]), column, sum[q]);
      }
    }
#pragma GCC unroll 8
    for (int q = 0; q < kQueries; ++q) dots[q] = sum[q];
  }

  // sizes[i] = |k - sizes[i]| of query lanes[i] and the sixteen points at `z`.
  template <KernelFamily kFamily, int kCount>
  static void SizesAt(const ScreenCovariance& covariance,
                      const FarQueries& queries, const int64_t* lanes,
                      const float* z, V* sizes) {
    V k[kCount];
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) k[i] = V::Broadcast(0);
    for (int t = 0; t < covariance.dim; ++t) {
      const V coordinate = V::Load(z + t * kFarPanel);
#pragma GCC unroll 8
      for (int i = 0; i < kCount; ++i) {
        const V difference =
            V::Broadcast(queries.z[t * kFarPanel + lanes[i]]) - coordinate;
        k[i] = Fma(difference, difference, k[i]);
      }
    }
    FloatCovariance<Arch>::template Each<kFamily, kCount>(
        V::Broadcast(covariance.variance), k);
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) sizes[i] = Abs(k[i] - sizes[i]);
  }

  // The same for any number of queries.
  template <KernelFamily kFamily, int kCount>
  static void EachSize(const ScreenCovariance& covariance,
                       const FarQueries& queries, const int64_t* lanes,
                       const float* z, V* sizes) {
    constexpr int kAtOnce = std::min(kCount, Shape::kChains);
    static_assert(kCount % kAtOnce == 0);
#pragma GCC unroll 8
    for (int i = 0; i < kCount; i += kAtOnce) {
      SizesAt<kFamily, kAtOnce>(covariance, queries, lanes + i, z, sizes + i);
    }
  }

  // The error of |k - y . a| of query l and the sixteen points from `first` on.
  static V ErrorOf(const FarQueries& queries, int64_t l,
                   const FarPoints& points, int64_t first) {
    return Fma(V::Broadcast(queries.length[l]), V::Load(points.length + first),
               V::Broadcast(queries.rest[l]) + V::Load(points.error + first));
  }

  // Keeps those points of the panel at `first` that are in `mask` for query l;
  // `size` is |k - y . a|.
  static void KeepOf(const FarQueries& queries, int64_t l, V size,
                     uint32_t mask, const FarPoints& points, int64_t first,
                     float slop, KeptList& kept) {
    const int32_t* row = points.row + first;
    mask &= ~V::EqualMask(row, queries.self[l]);
    const uint32_t allowed = mask & V::BelowMask(row, queries.row_limit[l]);
    if (allowed != mask) {
      kept.filtered += std::popcount(mask & V::BelowMask(row, kNoRow)) -
                       std::popcount(allowed);
    }
    if (allowed == 0) return;
    const V error = ErrorOf(queries, l, points, first);
    const V most = size + error;
    const V scale =
        V::Broadcast(queries.scale[l]) * V::Load(points.scale + first);
    const V one = V::Broadcast(1);
    // A lower bound below zero says nothing, whatever it is multiplied by.
    const V least =
        size * (one - V::Broadcast(slop)) - error * (one + V::Broadcast(slop));
    (most * (one + V::Broadcast(slop)) * scale)
        .Compress(allowed, kept.upper + kept.size);
    (least * (scale * (one - V::Broadcast(slop))))
        .Compress(allowed, kept.lower + kept.size);
    V::Compress(allowed, row, kept.row + kept.size);
    kept.size += std::popcount(allowed);
  }

  template <KernelFamily kFamily, int kQueries>
  static void PanelOf(const ScreenCovariance& covariance,
                      const FarQueries& queries, const int64_t* list, int count,
                      const FarPoints& points, int64_t panel, float slop,
                      KeptList* kept) {
    V sizes[kQueries];
    Dots<kQueries>(queries.y, list, points.a + panel * kFarPanel * points.rank,
                   points.rank, sizes);
    EachSize<kFamily, kQueries>(covariance, queries, list,
                                points.z + panel * kFarPanel * covariance.dim,
                                sizes);
    // All masks come before the first branch that depends on one.
    const int64_t first = panel * kFarPanel;
    uint32_t mask[kQueries];
#pragma GCC unroll 8
    for (int q = 0; q < kQueries; ++q) {
      mask[q] = AtLeastMask(
          sizes[q] + ErrorOf(queries, list[q], points, first),
          V::Broadcast(queries.reach[list[q]]) * V::Load(points.root + first));
    }
    for (int q = 0; q < count; ++q) {
      if (mask[q] == 0) continue;
      KeepOf(queries, list[q], sizes[q], mask[q], points, first, slop,
             kept[list[q]]);
    }
  }

  // The queries of a mask, in groups of up to Shape::kQueries whose rest is the
  // last query once more.
  class QueryGroups {
   public:
    static constexpr int kMost = Shape::kQueries;
    static constexpr int kHalf = (kMost + 1) / 2;

    explicit QueryGroups(uint32_t lanes) {
      for (; lanes != 0; lanes &= lanes - 1) {
        list_[count_++] = std::countr_zero(lanes);
      }
      for (int q = count_; count_ > 0 && q < count_ + kMost; ++q) {
        list_[q] = list_[count_ - 1];
      }
    }

    int size() const { return count_; }
    // Calls use(list, count) for each group.
    template <class Use>
    void Each(Use use) const {
      for (int q = 0; q < count_; q += kMost) {
        use(list_ + q, std::min(count_ - q, kMost));
      }
    }

   private:
    int count_ = 0;
    int64_t list_[kFarPanel + kMost];
  };

  template <KernelFamily kFamily>
  static int KeepAll(const ScreenCovariance& covariance,
                     const FarQueries& queries, const uint32_t* wanted,
                     const FarPoints& points, int num_panels, float slop,
                     KeptList* kept) {
    int tested = 0;
    for (int p = 0; p < num_panels; ++p) {
      if (wanted[p] == 0) continue;
      const QueryGroups groups(wanted[p]);
      tested += groups.size();
      groups.Each([&](const int64_t* list, int count) {
        const auto panel_of = count > QueryGroups::kHalf
                                  ? &PanelOf<kFamily, QueryGroups::kMost>
                                  : &PanelOf<kFamily, QueryGroups::kHalf>;
        panel_of(covariance, queries, list, count, points, p, slop, kept);
      });
    }
    return tested;
  }

  // Returns use() of the constant that `family` is.
  template <class Use>
  static int ForFamily(KernelFamily family, Use use) {
    switch (family) {
      case KernelFamily::kRbf:
        return use(FamilyConstant<KernelFamily::kRbf>());
      case KernelFamily::kMatern12:
        return use(FamilyConstant<KernelFamily::kMatern12>());
      case KernelFamily::kMatern32:
        return use(FamilyConstant<KernelFamily::kMatern32>());
      case KernelFamily::kMatern52:
        return use(FamilyConstant<KernelFamily::kMatern52>());
    }
    return 0;
  }

  static int KeepPoints(const ScreenCovariance& covariance,
                        const FarQueries& queries, const uint32_t* wanted,
                        const FarPoints& points, int num_panels, float slop,
                        KeptList* kept) {
    return ForFamily(covariance.family, [&](auto family) {
      return KeepAll<family()>(covariance, queries, wanted, points, num_panels,
                               slop, kept);
    });
  }

  static void WantedPanels(const FarQueries& queries, uint32_t lanes,
                           const FarPoints& points, int num_panels,
                           uint32_t* wanted) {
    const V reach = V::Load(queries.reach);
    const V most = V::Load(queries.most);
    for (int p = 0; p < num_panels; ++p) {
      wanted[p] = lanes & V::AboveMask(queries.row_limit, points.min_row[p]) &
                  AtLeastMask(most, reach * V::Broadcast(points.min_root[p]));
    }
  }

  // Returns the balls whose points query l may need; `size` is |k - y . a| at
  // their centers.
  static uint32_t NeededBalls(const FarQueries& queries, int64_t l, V size,
                              const FarBalls& balls) {
    const V error = Fma(V::Broadcast(queries.length[l]), V::Load(balls.length),
                        V::Broadcast(queries.rest[l]) + V::Load(balls.error));
    const V need = V::Broadcast(queries.ball_reach[l]) * V::Load(balls.cosine) -
                   V::Broadcast(queries.ball_turn[l]) * V::Load(balls.sine);
    return AtLeastMask(size + error, need);
  }

  // Returns the queries that want at least kFarBallPanels panels.
  static uint32_t ManyPanels(const uint32_t* wanted, int num_panels) {
    uint32_t at_least[kFarBallPanels] = {};
    for (int p = 0; p < num_panels; ++p) {
      for (int i = kFarBallPanels - 1; i > 0; --i) {
        at_least[i] |= at_least[i - 1] & wanted[p];
      }
      at_least[0] |= wanted[p];
    }
    return at_least[kFarBallPanels - 1];
  }

  template <KernelFamily kFamily>
  static int SkipOf(const ScreenCovariance& covariance,
                    const FarQueries& queries, const FarBalls& balls,
                    int num_panels, uint32_t* wanted) {
    const QueryGroups groups(ManyPanels(wanted, num_panels));
    groups.Each([&](const int64_t* list, int count) {
      constexpr int kMost = QueryGroups::kMost;
      V sizes[kMost];
      Dots<kMost>(queries.y, list, balls.a, balls.rank, sizes);
      EachSize<kFamily, kMost>(covariance, queries, list, balls.z, sizes);
      for (int q = 0; q < count; ++q) {
        const uint32_t needed = NeededBalls(queries, list[q], sizes[q], balls);
        for (int p = 0; p < num_panels; ++p) {
          wanted[p] &= ~((~needed >> p & 1) << list[q]);
        }
      }
    });
    return groups.size();
  }

  static int SkipBalls(const ScreenCovariance& covariance,
                       const FarQueries& queries, const FarBalls& balls,
                       int num_panels, uint32_t* wanted) {
    return ForFamily(covariance.family, [&](auto family) {
      return SkipOf<family()>(covariance, queries, balls, num_panels, wanted);
    });
  }

  static constexpr FarFieldRoutines Table(Isa isa) {
    return {isa,
            &InterpolationErrors,
            &RowMaxima,
            &PanelMaxima,
            &CoefficientSum,
            &RestSquares,
            &Product,
            &TableOf,
            &SizeSums,
            &WantedPanels,
            &SkipBalls,
            &KeepPoints};
  }
};

}  // namespace rct::simd

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_ROUTINES_IMPL_H_
