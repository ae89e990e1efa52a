// Expansions of residual covariances in Chebyshev polynomials, for every pair
// of blocks: what one query sees of a block.
//
// U_AB of far_field_bound.h bounds |c(q, x)| for all q of a block A and all x
// of a block B. The coefficients chi that it sums say more: with q and x in the
// cubes of their boxes,
//
//     c(q, x) = sum_uw chi_uw T_u(q) T_w(x) + what interpolation leaves,
//
// and for one q,
//
//     |c(q, x)| <= sum_w |sum_u chi_uw T_u(q)| + left_AB         for all x of
//     B,
//
// since |T_w| <= 1. In the plane that lets a query skip half of the blocks that
// U_AB leaves to its block.
//
// Only terms of total degree below the side of the grid in u, and in w, are
// kept: a fifth to a third of them. The sizes of all others, which are small
// where interpolation converges, are added to what is left.
//
// The coefficients of a pair are kept once for both its ends, in bfloat16: the
// leading 16 bits of a float, at most 2^-8 off as a part of itself. What
// rounding takes from them is added to what is left, as computed. With K terms
// and u32 = 2^-24, T_u is rounded once, and a chain of K terms and a sum of K
// sizes are off by at most (K + 3) u32 sum |chi| and K u32 as a part.
//
// Cost: 2 K^2 bytes and K^2 operations for a pair, and K^2 float32 operations
// for a query and a block.
//
// Literature: Chebyshev expansions of kernels (Fong and Darve 2009); total
// degree (Trefethen 2017).

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_EXPANSIONS_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_EXPANSIONS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "base/packing.h"
#include "traversal/block/far_field_bound.h"

namespace rct {

class FarFieldExpansions {
 public:
  // Expansions may take the memory of V divided by this number.
  static constexpr int64_t kPartOfV = 4;

  // Makes room for all pairs of `num_blocks` blocks: for as high a degree as
  // `max_bytes` hold. Nothing is known of a pair yet. Errors in float32 are
  // multiplied by `error_scale`: 1, except in tests.
  FarFieldExpansions(const ChebyshevGrid& grid, int num_blocks,
                     int64_t max_bytes, double error_scale);

  // Returns K.
  int terms() const { return static_cast<int>(degrees_.size()); }
  int64_t bytes() const;

  // Keeps the coefficients unit chi of a pair, of which interpolation leaves
  // unit `left`: chi_uw is coefficients[u stride + w], u for block a and w for
  // block b >= a. Calls for different pairs may run at once.
  void Keep(int a, int b, const double* coefficients, int64_t stride,
            double unit, double left);

  // Packs what is known of a pair, a <= b, and reads it.
  void PackPair(int a, int b, std::string& bytes) const;
  void ReadPair(int a, int b, Unpacker& unpacker);

  // Returns what is left of a pair, infinity where nothing is known.
  float left(int a, int b) const { return left_(a, b); }
  // Writes the coefficients of a pair: table[w K + u], w for block `to`.
  void Load(int from, int to, float* table) const;
  // Returns a bound on |c(q, x)| from sum_w |sum_u chi_uw T_u(q)|, as
  // FarFieldRoutines::size_sums computes it.
  static float Bound(float sum, float left) {
    return (sum * (1 + 0x1p-16F) + left) * (1 + 0x1p-22F);
  }

  // Computes T_u, u < K, at a point `x` of the cube: values[u stride].
  void Polynomials(const double* x, float* values, int64_t stride) const;

 private:
  int64_t Offset(int larger, int smaller) const {
    return (int64_t{larger} * (larger + 1) / 2 + smaller) * terms() * terms();
  }

  int side_;
  int dim_;
  int size_;
  double error_scale_;
  std::vector<int> numbers_;  // of the terms that are kept, in the grid
  // The degrees of these terms in each coordinate.
  std::vector<std::array<int, ChebyshevGrid::kMaxDim>> degrees_;
  std::vector<bool> kept_;  // by number
  AlignedBuffer<uint16_t> chi_;
  Matrix<float> left_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_EXPANSIONS_H_
