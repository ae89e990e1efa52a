// Compact tables: matrices C of which a few bits are kept.
//
// C' is nothing where C itself is small enough; or a sum of few products,
//
//     C' = sum_k step_k u_k w_k^T,      u_k, w_k integers of 8 bits,
//
// which is enough where two sets of points are far from each other; or integers
// of 8 or 16 bits times a step. The products are those of a cross
// approximation: the largest entry of what is left is the next pivot, and its
// column and row are the next factors. How far C' is off, |C - C'|_F, is
// computed, so that a bound may count it. Where exactness is worth its memory,
// C' is C in float32.
//
// Cost: r (rows + columns) bytes for r products, and r rows columns operations
// to make and to expand them.
//
// Literature: cross approximation (Bebendorf 2000; Goreinov, Tyrtyshnikov and
// Zamarashkin 1997).

#ifndef RCT_TRAVERSAL_BLOCK_COMPACT_TABLE_H_
#define RCT_TRAVERSAL_BLOCK_COMPACT_TABLE_H_

#include <cstdint>
#include <vector>

#include "traversal/block/filter_routines.h"

namespace rct {

struct CompactTable {
  // Expand may write this many numbers more than a table has.
  static constexpr int64_t kPadding = 16;

  // What C' is: products, or numbers of so many bytes: 0, 1, 2, or 4 for
  // float32.
  static constexpr uint8_t kProducts = 3;

  struct Shape {
    int64_t rows;
    int64_t columns;

    int64_t size() const { return rows * columns; }
  };

  const uint8_t* bytes = nullptr;
  uint8_t form = 0;
  uint8_t rank = 0;  // the number of products
  float step = 0;
  float error = 0;  // |C - C'|_F, rounded up

  // Returns how many bytes a table takes: whole lines of the cache, padding
  // included.
  static int64_t Bytes(Shape shape, int form, int rank);

  // Keep C, row by row, in `storage`: as it is; or in as few bytes as keep |C -
  // C'|_F at `most`, or in two a number. `norm` is at least |C|_F.
  static CompactTable Whole(const float* c, Shape shape,
                            std::vector<uint8_t>& storage);
  static CompactTable Within(const FilterRoutines& filter, double most,
                             const float* c, Shape shape, float norm,
                             std::vector<uint8_t>& storage);

  // Returns C', row by row, which may stand in `room`, for as many numbers and
  // kPadding more.
  const float* Expand(const FilterRoutines& filter, Shape shape,
                      float* room) const;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_COMPACT_TABLE_H_
