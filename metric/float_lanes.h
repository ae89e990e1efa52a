// Sixteen float32 lanes: the vector type of filters.
//
// FloatLanes<Arch> is sixteen floats on every machine: one AVX-512 register,
// two AVX2 registers, or a plain array. Each operation acts lane by lane and is
// correctly rounded, so that code written once over FloatLanes returns the same
// bits on every instruction set. Counters need that; answers would not, since
// filters only dismiss.
//
// Only files that are compiled for Arch may include this header.

#ifndef RCT_METRIC_FLOAT_LANES_H_
#define RCT_METRIC_FLOAT_LANES_H_

#include <bit>
#include <cmath>
#include <cstdint>

#include "metric/lanes.h"
#include "xsimd/xsimd.hpp"

namespace rct::simd {

inline constexpr int kFloatLanes = 16;

// The float that, added to one of magnitude below 2^22, rounds it to the
// nearest integer and leaves this integer in the low bits of the sum.
inline constexpr float kFloatRoundingMagic = 0x1.8p23f;

template <class Arch>
struct FloatLanes {
  using Batch = xsimd::batch<float, Arch>;
  static constexpr int kSize = static_cast<int>(Batch::size);
  static constexpr int kParts = kFloatLanes / kSize;

  Batch part[kParts];

  static FloatLanes Load(const float* p) {
    return Make([p](int i) { return Batch::load_unaligned(p + i * kSize); });
  }
#ifdef __AVX2__
  // Loads 16-bit integers and converts them to floats.
  static FloatLanes Load(const uint16_t* p) {
    return Make([p](int i) { return FloatLanes::FromIntegers(p + i * kSize); });
  }
#endif
  static FloatLanes Broadcast(float x) {
    return Make([x](int) { return Batch(x); });
  }
  void Store(float* p) const {
    for (int i = 0; i < kParts; ++i) part[i].store_unaligned(p + i * kSize);
  }

  friend FloatLanes operator+(FloatLanes a, FloatLanes b) {
    return Make([&](int i) { return a.part[i] + b.part[i]; });
  }
  friend FloatLanes operator-(FloatLanes a, FloatLanes b) {
    return Make([&](int i) { return a.part[i] - b.part[i]; });
  }
  friend FloatLanes operator*(FloatLanes a, FloatLanes b) {
    return Make([&](int i) { return a.part[i] * b.part[i]; });
  }
  // Returns a * b + c, rounded once.
  friend FloatLanes Fma(FloatLanes a, FloatLanes b, FloatLanes c) {
    return Make([&](int i) { return Fused(a.part[i], b.part[i], c.part[i]); });
  }
  friend FloatLanes Sqrt(FloatLanes a) {
    return Make([&](int i) { return xsimd::sqrt(a.part[i]); });
  }
  friend FloatLanes Abs(FloatLanes a) {
    return Make([&](int i) { return xsimd::abs(a.part[i]); });
  }
  friend FloatLanes Min(FloatLanes a, FloatLanes b) {
    return Make([&](int i) { return xsimd::min(a.part[i], b.part[i]); });
  }
  friend FloatLanes Max(FloatLanes a, FloatLanes b) {
    return Make([&](int i) { return xsimd::max(a.part[i], b.part[i]); });
  }
  // Returns a * 2^n for `shifted` = n + kFloatRoundingMagic. Assumes that the
  // result is normal.
  friend FloatLanes ScaleByPowerOfTwo(FloatLanes a, FloatLanes shifted) {
    using Bits = xsimd::batch<uint32_t, Arch>;
    return Make([&](int i) {
      const Bits n = xsimd::bitwise_cast<Bits>(shifted.part[i]) << 23;
      return xsimd::bitwise_cast<Batch>(xsimd::bitwise_cast<Bits>(a.part[i]) +
                                        n);
    });
  }
  // Returns a mask whose bit l is set if lane l of a is at least that of b.
  friend uint32_t AtLeastMask(FloatLanes a, FloatLanes b) {
    uint32_t mask = 0;
    for (int i = 0; i < kParts; ++i) {
      mask |= AtLeastBits(a.part[i], b.part[i]) << (i * kSize);
    }
    return mask;
  }
  // Return a mask whose bit l is set if p[l] is below `limit`, above `x`, equal
  // to `x`, or has the one bit of `bit`.
  static uint32_t BelowMask(const int32_t* p, int32_t limit) {
    uint32_t mask = 0;
    for (int i = 0; i < kParts; ++i) {
      mask |=
          BelowBits(Integers::load_unaligned(p + i * kSize), Integers(limit))
          << (i * kSize);
    }
    return mask;
  }
  static uint32_t AboveMask(const int32_t* p, int32_t x) {
    uint32_t mask = 0;
    for (int i = 0; i < kParts; ++i) {
      mask |= BelowBits(Integers(x), Integers::load_unaligned(p + i * kSize))
              << (i * kSize);
    }
    return mask;
  }
  static uint32_t EqualMask(const int32_t* p, int32_t x) {
    uint32_t mask = 0;
    for (int i = 0; i < kParts; ++i) {
      mask |= EqualBits(Integers::load_unaligned(p + i * kSize), Integers(x))
              << (i * kSize);
    }
    return mask;
  }
  static uint32_t BitMask(const int32_t* p, int32_t bit) {
    uint32_t mask = 0;
    for (int i = 0; i < kParts; ++i) {
      const Integers both =
          Integers::load_unaligned(p + i * kSize) & Integers(bit);
      mask |= EqualBits(both, Integers(bit)) << (i * kSize);
    }
    return mask;
  }
  // Stores the lanes of `mask` next to each other. May overwrite the elements
  // after them, up to sixteen in all.
  void Compress(uint32_t mask, float* to) const {
#ifdef __AVX512F__
    if constexpr (kParts == 1) {
      // The instruction that compresses into memory takes a hundred cycles on
      // some processors.
      _mm512_storeu_ps(
          to, _mm512_maskz_compress_ps(static_cast<__mmask16>(mask), part[0]));
      return;
    }
#endif
    float lanes[kFloatLanes];
    Store(lanes);
    for (; mask != 0; mask &= mask - 1) *to++ = lanes[std::countr_zero(mask)];
  }
  static void Compress(uint32_t mask, const int32_t* from, int32_t* to) {
#ifdef __AVX512F__
    if constexpr (kParts == 1) {
      _mm512_storeu_si512(
          to, _mm512_maskz_compress_epi32(static_cast<__mmask16>(mask),
                                          _mm512_loadu_si512(from)));
      return;
    }
#endif
    for (; mask != 0; mask &= mask - 1) *to++ = from[std::countr_zero(mask)];
  }

 private:
  using Integers = xsimd::batch<int32_t, Arch>;

  template <class F>
  static FloatLanes Make(F f) {
    FloatLanes r;
    for (int i = 0; i < kParts; ++i) r.part[i] = f(i);
    return r;
  }
#ifdef __AVX2__
  static Batch FromIntegers(const uint16_t* p) {
#ifdef __AVX512F__
    if constexpr (kParts == 1) {
      return _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
    } else
#endif
    {
      return _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
    }
  }
#endif
#ifdef __FMA__
  static __m256 Fused(__m256 a, __m256 b, __m256 c) {
    return _mm256_fmadd_ps(a, b, c);
  }
  static uint32_t AtLeastBits(__m256 a, __m256 b) {
    return static_cast<uint32_t>(
        _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)));
  }
  static uint32_t BelowBits(__m256i a, __m256i b) {
    return static_cast<uint32_t>(
        _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(b, a))));
  }
  static uint32_t EqualBits(__m256i a, __m256i b) {
    return static_cast<uint32_t>(
        _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b))));
  }
#endif
#ifdef __AVX512F__
  static __m512 Fused(__m512 a, __m512 b, __m512 c) {
    return _mm512_fmadd_ps(a, b, c);
  }
  static uint32_t AtLeastBits(__m512 a, __m512 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
  }
  static uint32_t BelowBits(__m512i a, __m512i b) {
    return _mm512_cmplt_epi32_mask(a, b);
  }
  static uint32_t EqualBits(__m512i a, __m512i b) {
    return _mm512_cmpeq_epi32_mask(a, b);
  }
#endif
};

template <>
struct FloatLanes<Scalar> {
  float lane[kFloatLanes];

  static FloatLanes Load(const float* p) {
    return Make([p](int i) { return p[i]; });
  }
  static FloatLanes Load(const uint16_t* p) {
    return Make([p](int i) { return static_cast<float>(p[i]); });
  }
  static FloatLanes Broadcast(float x) {
    return Make([x](int) { return x; });
  }
  void Store(float* p) const {
    for (int i = 0; i < kFloatLanes; ++i) p[i] = lane[i];
  }

  friend FloatLanes operator+(const FloatLanes& a, const FloatLanes& b) {
    return Make([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  friend FloatLanes operator-(const FloatLanes& a, const FloatLanes& b) {
    return Make([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  friend FloatLanes operator*(const FloatLanes& a, const FloatLanes& b) {
    return Make([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  friend FloatLanes Fma(const FloatLanes& a, const FloatLanes& b,
                        const FloatLanes& c) {
    return Make(
        [&](int i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });
  }
  friend FloatLanes Sqrt(const FloatLanes& a) {
    return Make([&](int i) { return std::sqrt(a.lane[i]); });
  }
  friend FloatLanes Abs(const FloatLanes& a) {
    return Make([&](int i) { return std::fabs(a.lane[i]); });
  }
  friend FloatLanes Min(const FloatLanes& a, const FloatLanes& b) {
    return Make(
        [&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  friend FloatLanes Max(const FloatLanes& a, const FloatLanes& b) {
    return Make(
        [&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  friend FloatLanes ScaleByPowerOfTwo(const FloatLanes& a,
                                      const FloatLanes& shifted) {
    return Make([&](int i) {
      return std::bit_cast<float>(
          std::bit_cast<uint32_t>(a.lane[i]) +
          (std::bit_cast<uint32_t>(shifted.lane[i]) << 23));
    });
  }
  friend uint32_t AtLeastMask(const FloatLanes& a, const FloatLanes& b) {
    uint32_t mask = 0;
    for (int i = 0; i < kFloatLanes; ++i) {
      mask |= static_cast<uint32_t>(a.lane[i] >= b.lane[i]) << i;
    }
    return mask;
  }
  static uint32_t BelowMask(const int32_t* p, int32_t limit) {
    uint32_t mask = 0;
    for (int i = 0; i < kFloatLanes; ++i) {
      mask |= static_cast<uint32_t>(p[i] < limit) << i;
    }
    return mask;
  }
  static uint32_t AboveMask(const int32_t* p, int32_t x) {
    uint32_t mask = 0;
    for (int i = 0; i < kFloatLanes; ++i) {
      mask |= static_cast<uint32_t>(p[i] > x) << i;
    }
    return mask;
  }
  static uint32_t EqualMask(const int32_t* p, int32_t x) {
    uint32_t mask = 0;
    for (int i = 0; i < kFloatLanes; ++i) {
      mask |= static_cast<uint32_t>(p[i] == x) << i;
    }
    return mask;
  }
  static uint32_t BitMask(const int32_t* p, int32_t bit) {
    uint32_t mask = 0;
    for (int i = 0; i < kFloatLanes; ++i) {
      mask |= static_cast<uint32_t>((p[i] & bit) != 0) << i;
    }
    return mask;
  }
  void Compress(uint32_t mask, float* to) const {
    for (; mask != 0; mask &= mask - 1) *to++ = lane[std::countr_zero(mask)];
  }
  static void Compress(uint32_t mask, const int32_t* from, int32_t* to) {
    for (; mask != 0; mask &= mask - 1) *to++ = from[std::countr_zero(mask)];
  }

 private:
  template <class F>
  static FloatLanes Make(F f) {
    FloatLanes r;
    for (int i = 0; i < kFloatLanes; ++i) r.lane[i] = f(i);
    return r;
  }
};

}  // namespace rct::simd

#endif  // RCT_METRIC_FLOAT_LANES_H_
