#include "traversal/block/far_field_expansions.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/types/span.h"
#include "base/packing.h"
#include "metric/rounding.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/filter_routines.h"

namespace rct {
namespace {

// Rounds to the nearest bfloat16. `value` is far from the largest float.
uint16_t ToBfloat16(double value) {
  const auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float FromBfloat16(uint16_t bits) {
  return std::bit_cast<float>(uint32_t{bits} << 16);
}

}  // namespace

FarFieldExpansions::FarFieldExpansions(const ChebyshevGrid& grid,
                                       int num_blocks, int64_t max_bytes,
                                       double error_scale)
    : side_(grid.side()),
      dim_(grid.dim()),
      size_(grid.size()),
      error_scale_(error_scale),
      left_(num_blocks, num_blocks) {
  const int64_t pairs = int64_t{num_blocks} * (num_blocks + 1) / 2;
  // The degree in which the terms no longer fit.
  for (int beyond = side_; beyond > 0; --beyond) {
    numbers_.clear();
    degrees_.clear();
    kept_.assign(size_, false);
    for (int t = 0; t < size_; ++t) {
      std::array<int, ChebyshevGrid::kMaxDim> degree = {};
      int total = 0;
      for (int c = 0, rest = t; c < dim_; ++c, rest /= side_) {
        degree[c] = rest % side_;
        total += degree[c];
      }
      if (total >= beyond) continue;
      kept_[t] = true;
      numbers_.push_back(t);
      degrees_.push_back(degree);
    }
    if (2 * pairs * terms() * terms() <= max_bytes) break;
  }
  chi_ = AlignedBuffer<uint16_t>(pairs * terms() * terms());
  for (int a = 0; a < num_blocks; ++a) {
    std::fill_n(left_.row(a), num_blocks,
                std::numeric_limits<float>::infinity());
  }
}

int64_t FarFieldExpansions::bytes() const {
  return static_cast<int64_t>(sizeof(uint16_t) * chi_.size() +
                              sizeof(float) * left_.rows() * left_.stride());
}

void FarFieldExpansions::Keep(int a, int b, const double* coefficients,
                              int64_t stride, double unit, double left) {
  uint16_t* to = chi_.data() + Offset(b, a);
  double all = 0;
  for (int u = 0; u < size_; ++u) {
    for (int w = 0; w < size_; ++w) {
      if (!kept_[u] || !kept_[w]) all += std::abs(coefficients[u * stride + w]);
    }
  }
  double kept = 0;
  for (const int w : numbers_) {
    for (const int u : numbers_) {
      const double exact = unit * coefficients[u * stride + w];
      *to = ToBfloat16(exact);
      const double rounded = FromBfloat16(*to++);
      kept += std::abs(rounded);
      left += std::abs(exact - rounded) / unit;
    }
  }
  const double error =
      1.01 * error_scale_ * (terms() + 4) * kFloatRoundoff * kept;
  left_(a, b) = left_(b, a) =
      FloatAbove(((left + all) * unit + error) * (1 + 0x1p-30));
}

void FarFieldExpansions::PackPair(int a, int b, std::string& bytes) const {
  Pack(left(a, b), bytes);
  if (std::isinf(left(a, b))) return;
  Pack(absl::MakeConstSpan(chi_.data() + Offset(b, a), terms() * terms()),
       bytes);
}

void FarFieldExpansions::ReadPair(int a, int b, Unpacker& unpacker) {
  left_(a, b) = left_(b, a) = unpacker.Value<float>();
  if (std::isinf(left(a, b))) return;
  unpacker.Read(int64_t{terms()} * terms(), chi_.data() + Offset(b, a));
}

void FarFieldExpansions::Load(int from, int to, float* table) const {
  const int k = terms();
  const uint16_t* chi =
      chi_.data() + Offset(std::max(from, to), std::min(from, to));
  if (from <= to) {
    for (int i = 0; i < k * k; ++i) table[i] = FromBfloat16(chi[i]);
    return;
  }
  for (int w = 0; w < k; ++w) {
    for (int u = 0; u < k; ++u) table[w * k + u] = FromBfloat16(chi[u * k + w]);
  }
}

void FarFieldExpansions::Polynomials(const double* x, float* values,
                                     int64_t stride) const {
  double of_one[ChebyshevGrid::kMaxDim][ChebyshevGrid::kMaxSide];
  for (int c = 0; c < dim_; ++c) {
    of_one[c][0] = 1;
    if (side_ > 1) of_one[c][1] = x[c];
    for (int u = 2; u < side_; ++u) {
      of_one[c][u] = 2 * x[c] * of_one[c][u - 1] - of_one[c][u - 2];
    }
  }
  for (int t = 0; t < terms(); ++t) {
    double product = 1;
    for (int c = 0; c < dim_; ++c) product *= of_one[c][degrees_[t][c]];
    values[t * stride] = static_cast<float>(product);
  }
}

}  // namespace rct
