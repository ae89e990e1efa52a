// The float32 filter: the inner loops of the skeleton bound, for each
// instruction set. Every number is one fixed chain of operations over
// FloatLanes, so all tables return the same bits; the errors of these chains
// are what skeleton_bounds.h adds to its bounds.
//
// Layout. A *panel* is sixteen vectors side by side, component by component:
// component i of vector l of a panel of rank s is panel[16 i + l], i < s.
// Sub-blocks of points, their cones and groups of sixteen queries are all kept
// as panels. Routines may read all sixteen values of an array that is given for
// a panel.

#ifndef RCT_TRAVERSAL_BLOCK_FILTER_ROUTINES_H_
#define RCT_TRAVERSAL_BLOCK_FILTER_ROUTINES_H_

#include <cstdint>
#include <limits>

#include "metric/isa.h"
#include "traversal/kept_routines.h"

namespace rct {

// Vectors of a panel.
inline constexpr int kPanel = 16;

// Lengths in a table of gaps are multiples of this, rounded up.
inline constexpr float kGapUnit = 0x1p-15f;

// Sixteen queries with the numbers that their bounds in one block are made of.
// For query l, y are its coordinates in the block's skeleton, length >= |y|,
// and
//
//     |rho(q, j) - y . w_j| <= outside e_j + own gap_j + slack.
struct QueryPanel {
  const float* y;
  const float* length;
  const float* outside;
  const float* own;
  const float* theta;  // that a candidate must reach
  float slack;
};

// The largest lengths among the points of one block.
struct BlockLengths {
  float w;    // max |w_j|
  float e;    // max e_j
  float gap;  // max gap_j
};

// Panels of points. Panel p holds the coordinates of points 16 p .. 16 p + 15
// at w[16 rank p], and their e and gap at 16 p. Its products are made in two
// steps: of the first `head` <= rank coordinates, and of the others where those
// leave a point that may reach theta, which the lengths `tail` of the others
// tell, rounded up.
struct PointPanels {
  const float* w;
  int rank;
  int head;
  const float* tail;
  const float* e;
  const uint16_t* gap;  // in kGapUnit
  const int32_t* row;   // kNoRow where there is no point
};

// Panels of cones. Cone c holds all points of sub-block c: its axis is a column
// of panel c / 16, cosine and sine give its angle, and no point is longer than
// `length`.
struct ConePanels {
  const float* axis;
  int rank;
  const float* cosine;
  const float* sine;
  const float* length;
  const float* e;
  const uint16_t* gap;  // in kGapUnit
};

inline constexpr int32_t kNoRow = std::numeric_limits<int32_t>::max();

struct FilterRoutines {
  Isa isa;

  // Subtracts from column[j], j < count, the chain over c < terms of factor[c]
  // w[c stride + j], by fused multiply-add, in float64. `count` is a multiple
  // of eight.
  void (*eliminate)(const double* w, int64_t stride, int terms,
                    const double* factor, int64_t count, double* column);

  // Computes y = T w for a panel: y[16 i + l] = sum over c < columns, in order,
  // of table[i row_stride + c column_stride] w[16 c + l], by fused
  // multiply-add; squared_length[l] becomes the chain of squares over i < rows.
  void (*project)(const float* table, int64_t row_stride, int64_t column_stride,
                  int rows, int columns, const float* w, float* y,
                  float* squared_length);

  // Computes, from the gaps g of sixteen queries, in kGapUnit and rounded up,
  // their squared lengths, e and norms sqrt(1 + tau):
  //   outside = min(norm, g + e),
  //   length  = sqrt(squared_length - (g - kGapUnit)^2 + gap_slack).
  void (*gap_terms)(const uint16_t* gap, const float* squared_length,
                    const float* e, const float* norm, float gap_slack,
                    float* length, float* outside);

  // Returns the queries of the panel to which a block of these lengths may
  // matter, a bit each.
  uint32_t (*pass_block)(const QueryPanel& queries, const BlockLengths& block);

  // Finds for each query l of `lanes` the cones that may hold something for it,
  // a bit each in masks[l * num_panels + p].
  void (*pass_cones)(const QueryPanel& queries, uint32_t lanes,
                     const ConePanels& cones, int num_panels, uint32_t* masks);

  // Appends points to the lists of queries. Of the panels first + p of points,
  // p < count <= 16, query l wants those where masks[l] has bit p and
  // min_row[p] < row_limit[l]; of their points kept[l] gets those whose upper
  // bound on |rho| reaches theta[l], of rows below row_limit[l] and other than
  // self[l], in the order of points. A panel is read once for all its queries.
  // Returns the number of pairs of a query and a panel.
  int (*keep_points)(const QueryPanel& queries, const PointPanels& points,
                     int first, int count, const int32_t* masks,
                     const int32_t* min_row, const int32_t* row_limit,
                     const int32_t* self, KeptList* kept);

  // Returns the largest of `count` absolute values.
  float (*largest)(const float* values, int64_t count);

  // Returns the sum of ((a[i] - b[i]) scale)^2 over i < count, where b is zero
  // if it is null: sixteen chains of count / 16 fused multiply-adds, which are
  // added at the end.
  float (*squared_difference)(const float* a, const float* b, float scale,
                              int64_t count);

  // Compute to[i], the integer nearest to from[i] scale, for i < count. The
  // products must be in the range of the integers.
  void (*round_bytes)(const float* from, float scale, int64_t count,
                      int8_t* to);
  void (*round_words)(const float* from, float scale, int64_t count,
                      int16_t* to);

  // Compute to[i] = step from[i], i < count rounded up to whole sixteens.
  void (*expand_bytes)(const int8_t* from, float step, int64_t count,
                       float* to);
  void (*expand_words)(const int16_t* from, float step, int64_t count,
                       float* to);

  // Adds to[i columns + j] += u[i] (step w[j]), by fused multiply-add. Adds
  // zeros to the sixteen numbers that follow.
  void (*add_product)(const int8_t* u, int64_t rows, const int8_t* w,
                      int64_t columns, float step, float* to);
};

// Returns the table for `isa`, or null where this machine or build lacks it.
const FilterRoutines* FilterRoutinesFor(Isa isa);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FILTER_ROUTINES_H_
