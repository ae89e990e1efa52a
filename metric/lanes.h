// Eight float64 lanes: the vector type in which all canonical arithmetic of
// the metric is written.
//
// Lanes<Arch> is eight doubles on every machine: one AVX-512 register, two AVX2
// registers, or a plain array. Each operation acts lane by lane and is
// correctly rounded (IEEE 754: +, -, *, sqrt, and the fused multiply-add), and
// Sum() adds the lanes in one fixed order. Code written once over Lanes
// therefore returns the same bits on every instruction set. This is the whole
// argument for reproducibility, and `simd_routines_test` checks it.
//
// The fused operations use the instruction itself, since fma() of xsimd 8.1 is
// not fused on AVX-512: it multiplies, rounds and adds.
//
// Only files that are compiled for Arch may include this header.

#ifndef RCT_METRIC_LANES_H_
#define RCT_METRIC_LANES_H_

#include <bit>
#include <cmath>
#include <cstdint>

#include "metric/lane_padding.h"
#include "xsimd/xsimd.hpp"

namespace rct::simd {

// The double that, added to one of magnitude below 2^51, rounds it to the
// nearest integer and leaves this integer in the low bits of the sum.
inline constexpr double kRoundingMagic = 0x1.8p52;

// The portable architecture, which assumes no vector instructions.
struct Scalar {};

template <class Arch>
struct Lanes {
  using Batch = xsimd::batch<double, Arch>;
  static constexpr int kPartLanes = static_cast<int>(Batch::size);
  static constexpr int kParts = kLanes / kPartLanes;

  // The lanes of one register, by themselves.
  struct Part {
    Batch lanes;

    static Part Load(const double* p) { return {Batch::load_unaligned(p)}; }
    static Part Broadcast(double x) { return {Batch(x)}; }
    void Store(double* p) const { lanes.store_unaligned(p); }
    friend Part operator*(Part a, Part b) { return {a.lanes * b.lanes}; }
    // Add or subtract a * b, rounded once.
    void AddProduct(Part a, Part b) { lanes = Fused(a.lanes, b.lanes, lanes); }
    void SubtractProduct(Part a, Part b) {
      lanes = FusedNegated(a.lanes, b.lanes, lanes);
    }
  };

  Batch part[kParts];

  static Lanes Load(const double* p) {
    return Make([p](int i) {
      return Batch::load_unaligned(p + i * static_cast<int>(Batch::size));
    });
  }
  static Lanes Broadcast(double x) {
    return Make([x](int) { return Batch(x); });
  }
  void Store(double* p) const {
    for (int i = 0; i < kParts; ++i) {
      part[i].store_unaligned(p + i * static_cast<int>(Batch::size));
    }
  }

  friend Lanes operator+(Lanes a, Lanes b) {
    return Make([&](int i) { return a.part[i] + b.part[i]; });
  }
  friend Lanes operator-(Lanes a, Lanes b) {
    return Make([&](int i) { return a.part[i] - b.part[i]; });
  }
  friend Lanes operator*(Lanes a, Lanes b) {
    return Make([&](int i) { return a.part[i] * b.part[i]; });
  }
  // Returns a * b + c, rounded once.
  friend Lanes Fma(Lanes a, Lanes b, Lanes c) {
    return Make([&](int i) { return Fused(a.part[i], b.part[i], c.part[i]); });
  }
  // Adds a * b, rounded once.
  void AddProduct(Lanes a, Lanes b) { *this = Fma(a, b, *this); }
  // Returns c - a * b, rounded once.
  friend Lanes NegatedFma(Lanes a, Lanes b, Lanes c) {
    return Make(
        [&](int i) { return FusedNegated(a.part[i], b.part[i], c.part[i]); });
  }
  friend Lanes Sqrt(Lanes a) {
    return Make([&](int i) { return xsimd::sqrt(a.part[i]); });
  }
  friend Lanes Abs(Lanes a) {
    return Make([&](int i) { return xsimd::abs(a.part[i]); });
  }
  friend Lanes Min(Lanes a, Lanes b) {
    return Make([&](int i) { return xsimd::min(a.part[i], b.part[i]); });
  }
  friend Lanes Max(Lanes a, Lanes b) {
    return Make([&](int i) { return xsimd::max(a.part[i], b.part[i]); });
  }
  // Returns a * 2^n for `shifted` = n + kRoundingMagic. Assumes that the result
  // is normal.
  friend Lanes ScaleByPowerOfTwo(Lanes a, Lanes shifted) {
    using Bits = xsimd::batch<uint64_t, Arch>;
    return Make([&](int i) {
      const Bits n = xsimd::bitwise_cast<Bits>(shifted.part[i]) << 52;
      return xsimd::bitwise_cast<Batch>(xsimd::bitwise_cast<Bits>(a.part[i]) +
                                        n);
    });
  }
  // Returns a mask whose bit l is set if lane l of a is at most that of b.
  friend uint32_t AtMostMask(Lanes a, Lanes b) {
    uint32_t mask = 0;
    for (int i = 0; i < kParts; ++i) {
      mask |= AtMostBits(a.part[i], b.part[i]) << (i * Batch::size);
    }
    return mask;
  }
  // Returns `count`, with 1 added in the lanes where a is at most b.
  friend Lanes CountAtMost(Lanes count, Lanes a, Lanes b) {
    return Make([&](int i) {
      return AddWhereAtMost(count.part[i], a.part[i], b.part[i]);
    });
  }
#ifdef __AVX__
  // Returns ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7)).
  double Sum() const {
    const __m256d four = Fold();
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four),
                                   _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
  }
  // Stores the sums of a[0] to a[3], each by the same tree as Sum().
  static void StoreFourSums(const Lanes* a, double* out) {
    const __m256d f0 = a[0].Fold(), f1 = a[1].Fold(), f2 = a[2].Fold(),
                  f3 = a[3].Fold();
    const __m256d even = _mm256_add_pd(_mm256_permute2f128_pd(f0, f2, 0x20),
                                       _mm256_permute2f128_pd(f0, f2, 0x31));
    const __m256d odd = _mm256_add_pd(_mm256_permute2f128_pd(f1, f3, 0x20),
                                      _mm256_permute2f128_pd(f1, f3, 0x31));
    _mm256_storeu_pd(out, _mm256_hadd_pd(even, odd));
  }
#endif

 private:
  template <class F>
  static Lanes Make(F f) {
    Lanes r;
    for (int i = 0; i < kParts; ++i) r.part[i] = f(i);
    return r;
  }
#ifdef __AVX__
  // Returns l0 + l4, l1 + l5, l2 + l6, l3 + l7.
  __m256d Fold() const {
    if constexpr (kParts == 2) {
      return _mm256_add_pd(part[0], part[1]);
    } else {
      return HalvesSum(part[0]);
    }
  }
#endif
#ifdef __FMA__
  static __m256d Fused(__m256d a, __m256d b, __m256d c) {
    return _mm256_fmadd_pd(a, b, c);
  }
  static __m256d FusedNegated(__m256d a, __m256d b, __m256d c) {
    return _mm256_fnmadd_pd(a, b, c);
  }
  static uint32_t AtMostBits(__m256d a, __m256d b) {
    return static_cast<uint32_t>(
        _mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_LE_OQ)));
  }
  static __m256d AddWhereAtMost(__m256d count, __m256d a, __m256d b) {
    return _mm256_add_pd(count, _mm256_and_pd(_mm256_cmp_pd(a, b, _CMP_LE_OQ),
                                              _mm256_set1_pd(1)));
  }
#endif
#ifdef __AVX512F__
  static __m256d HalvesSum(__m512d a) {
    return _mm256_add_pd(_mm512_castpd512_pd256(a),
                         _mm512_extractf64x4_pd(a, 1));
  }
  static __m512d Fused(__m512d a, __m512d b, __m512d c) {
    return _mm512_fmadd_pd(a, b, c);
  }
  static __m512d FusedNegated(__m512d a, __m512d b, __m512d c) {
    return _mm512_fnmadd_pd(a, b, c);
  }
  static uint32_t AtMostBits(__m512d a, __m512d b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ);
  }
  static __m512d AddWhereAtMost(__m512d count, __m512d a, __m512d b) {
    return _mm512_mask_add_pd(count, _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ),
                              count, _mm512_set1_pd(1));
  }
#endif
};

template <>
struct Lanes<Scalar> {
  using Part = Lanes;
  static constexpr int kPartLanes = kLanes;
  static constexpr int kParts = 1;

  double lane[kLanes];

  static Lanes Load(const double* p) {
    return Make([p](int i) { return p[i]; });
  }
  static Lanes Broadcast(double x) {
    return Make([x](int) { return x; });
  }
  void Store(double* p) const {
    for (int i = 0; i < kLanes; ++i) p[i] = lane[i];
  }

  friend Lanes operator+(const Lanes& a, const Lanes& b) {
    return Make([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  friend Lanes operator-(const Lanes& a, const Lanes& b) {
    return Make([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  friend Lanes operator*(const Lanes& a, const Lanes& b) {
    return Make([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  friend Lanes Fma(const Lanes& a, const Lanes& b, const Lanes& c) {
    return Make(
        [&](int i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });
  }
  void AddProduct(const Lanes& a, const Lanes& b) { *this = Fma(a, b, *this); }
  void SubtractProduct(const Lanes& a, const Lanes& b) {
    *this = NegatedFma(a, b, *this);
  }
  friend Lanes NegatedFma(const Lanes& a, const Lanes& b, const Lanes& c) {
    return Make(
        [&](int i) { return std::fma(-a.lane[i], b.lane[i], c.lane[i]); });
  }
  friend Lanes Sqrt(const Lanes& a) {
    return Make([&](int i) { return std::sqrt(a.lane[i]); });
  }
  friend Lanes Abs(const Lanes& a) {
    return Make([&](int i) { return std::fabs(a.lane[i]); });
  }
  friend Lanes Min(const Lanes& a, const Lanes& b) {
    return Make(
        [&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  friend Lanes Max(const Lanes& a, const Lanes& b) {
    return Make(
        [&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  friend Lanes ScaleByPowerOfTwo(const Lanes& a, const Lanes& shifted) {
    return Make([&](int i) {
      return std::bit_cast<double>(
          std::bit_cast<uint64_t>(a.lane[i]) +
          (std::bit_cast<uint64_t>(shifted.lane[i]) << 52));
    });
  }
  friend uint32_t AtMostMask(const Lanes& a, const Lanes& b) {
    uint32_t mask = 0;
    for (int i = 0; i < kLanes; ++i) {
      mask |= static_cast<uint32_t>(a.lane[i] <= b.lane[i]) << i;
    }
    return mask;
  }
  friend Lanes CountAtMost(const Lanes& count, const Lanes& a, const Lanes& b) {
    return Make([&](int i) {
      return a.lane[i] <= b.lane[i] ? count.lane[i] + 1 : count.lane[i];
    });
  }
  double Sum() const {
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
  }
  static void StoreFourSums(const Lanes* a, double* out) {
    for (int i = 0; i < 4; ++i) out[i] = a[i].Sum();
  }

 private:
  template <class F>
  static Lanes Make(F f) {
    Lanes r;
    for (int i = 0; i < kLanes; ++i) r.lane[i] = f(i);
    return r;
  }
};

}  // namespace rct::simd

#endif  // RCT_METRIC_LANES_H_
