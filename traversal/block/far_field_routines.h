// The inner loops of the far-field bound, for each instruction set. All tables
// return the same bits.
//
// Columns are read and written in whole vectors: eight float64 or sixteen
// float32 numbers. What is beyond a count has no effect.

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_ROUTINES_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_ROUTINES_H_

#include <cstdint>

#include "metric/isa.h"
#include "traversal/exhaustive/screen_routines.h"
#include "traversal/kept_routines.h"

namespace rct {

// The points of a panel, and the queries of one: a vector of float32.
inline constexpr int kFarPanel = 16;

// A panel of queries at the points of one block.
struct FarQueries {
  const float* y;  // coordinate i of query l in the block's basis: y[16 i + l]
  const float* z;  // coordinate t of query l in space: z[16 t + l]
  const float* length;      // the factor of a point's `length` in the error
  const float* rest;        // the summand
  const float* reach;       // theta sqrt(p)
  const float* ball_reach;  // of balls, far_field_balls.h
  const float* ball_turn;
  const float* most;         // a bound on |c| for all points of the block
  const float* scale;        // 1 / sqrt(p), rounded up
  const int32_t* row_limit;  // rows that count are below it
  const int32_t* self;       // the query's own row, or -1
};

// The points of one block, panel by panel.
struct FarPoints {
  const float* a;       // coordinate i of point l in the basis: a[16 i + l]
  int rank;             // 16 rank floats are a panel of `a`
  const float* z;       // coordinate t of point l in space: z[16 t + l]
  const float* length;  // |P a|
  const float* error;
  const float* root;   // sqrt(p), rounded down
  const float* scale;  // 1 / sqrt(p), rounded up
  const int32_t* row;
  const float* min_root;   // of each panel
  const int32_t* min_row;  // of each panel

  // Returns the points from the panel of this number on.
  FarPoints From(int64_t panel, int dim) const {
    const int64_t first = panel * kFarPanel;
    return {a + first * rank, rank,           z + first * dim, length + first,
            error + first,    root + first,   scale + first,   row + first,
            min_root + panel, min_row + panel};
  }
};

// Sixteen balls, one for each of sixteen panels: their centers, laid out as a
// panel of points, and how far their points are from these
// (far_field_balls.h).
struct FarBalls {
  const float* a;
  int rank;
  const float* z;
  const float* length;
  const float* error;
  const float* cosine;  // sqrt(p) times that of the radius, rounded down
  const float* sine;    // the same, rounded up
};

inline constexpr int64_t kTableChain = 32;

// The number of panels from which on a test of their balls costs less than it
// saves.
inline constexpr int kFarBallPanels = 3;

struct FarFieldRoutines {
  Isa isa;

  // Computes errors[r] = max_j |k[r k_stride + j] - sum_t psi[t psi_stride + j]
  // nodes[r nodes_stride + t]| over j < count, a multiple of eight, for r <
  // rows.
  void (*interpolation_errors)(const double* k, int64_t k_stride, int64_t rows,
                               const double* psi, int64_t psi_stride,
                               const double* nodes, int64_t nodes_stride,
                               int num_nodes, int64_t count, double* errors);

  // Computes the same with nothing interpolated: maxima[r] = max_j |values[r
  // stride + j]|, and adds the squares of the values to squares[j].
  void (*row_maxima)(const double* values, int64_t stride, int64_t rows,
                     int64_t count, double* maxima, double* squares);

  // Computes the largest scale[j] |values[r stride + j]| of each sixteen j <
  // count, a multiple of eight: maxima[r panels + p], p < panels = ceil(count /
  // 16), for r < rows.
  void (*panel_maxima)(const double* values, int64_t stride, int64_t rows,
                       const double* scale, int64_t count, double* maxima);

  // Returns the sum of the sizes of the tensor Chebyshev coefficients of values
  // at the nodes of two grids: values[s stride + t], s, t < side^dim, `stride`
  // a multiple of eight and zero from side^dim on. `transform` is that of one
  // dimension, side x side. Overwrites the values and `scratch`, as large as
  // they are.
  double (*coefficient_sum)(const double* transform, int side, int dim,
                            int64_t stride, double* values, double* scratch);

  // Computes squares[j] = |unit v_j - sum_i a[j a_stride + i] basis_i|^2 for
  // `count` vectors of `terms` terms, a multiple of eight; basis_i is row i of
  // `basis`.
  void (*rest_squares)(const double* const* v, int count, double unit,
                       const double* a, int64_t a_stride, const double* basis,
                       int64_t basis_stride, int rank, int64_t terms,
                       double* squares);

  // Returns sum_i a[i] b[i] of non-negative numbers, `count` a multiple of
  // sixteen: sixteen chains, and a sum of these in order.
  float (*product)(const float* a, const float* b, int64_t count);

  // Computes table[j b_width + i] = P_B,i . P_A,j over `terms` terms for j <
  // a_rank and i < b_width, a multiple of sixteen: the basis vector i of B is
  // b[c b_width + i], and so for A. Chains of kTableChain terms, and a chain of
  // these.
  void (*table)(const float* a, int64_t a_width, int a_rank, const float* b,
                int64_t b_width, int64_t terms, float* table);

  // Computes sums[l] = sum_w |sum_u table[w terms + u] t[16 u + l]| for sixteen
  // queries: chains over u, and over w.
  void (*size_sums)(const float* table, int terms, const float* t, float* sums);

  // Computes which queries of `lanes` may need which of `num_panels` panels:
  // bit l of wanted[p]. Query l skips panels where query.most is below
  // query.reach min_root, and those whose rows are all beyond its limit.
  void (*wanted_panels)(const FarQueries& queries, uint32_t lanes,
                        const FarPoints& points, int num_panels,
                        uint32_t* wanted);

  // Clears the bits of panels, up to sixteen, whose balls say that the query
  // needs none of their points: where at the center
  //
  //     |k - y . a| + (query.length length + (query.rest + error))
  //
  // is below query.ball_reach cosine - query.ball_turn sine. Queries that want
  // fewer than kFarBallPanels panels are left as they are. Returns how many
  // queries were tested.
  int (*skip_balls)(const ScreenCovariance& covariance,
                    const FarQueries& queries, const FarBalls& balls,
                    int num_panels, uint32_t* wanted);

  // Keeps the points of `num_panels` panels that the queries of wanted[p] may
  // need, with bounds on |rho|: those whose
  //
  //     |k - y . a| + (query.length length + (query.rest + error))
  //
  // reaches query.reach root. `slop` covers the roundings of the bounds.
  // Returns how many pairs of a query and a panel were tested.
  int (*keep_points)(const ScreenCovariance& covariance,
                     const FarQueries& queries, const uint32_t* wanted,
                     const FarPoints& points, int num_panels, float slop,
                     KeptList* kept);
};

// Returns the table for `isa`, or null where this machine or build lacks it.
const FarFieldRoutines* FarFieldRoutinesFor(Isa isa);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_ROUTINES_H_
