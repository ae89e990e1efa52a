// Blocks of a space partition as the far-field bound sees them.
//
// For pairs of blocks: U_AB of far_field_bound.h, a matrix of bounds on |c|.
// For pairs of points, where U_AB dismisses nothing: a *basis* P of each block,
// which a few directions of its v span nearly, and coordinates a in it,
//
//     v_x = P a_x + w_x,       w_x what is left, whose length is computed.
//
// Then, with C = P_B^T P_A and y = C a_q for a query q of block A,
//
//     |v_q . v_x - y . a_x| <= |w_q| |P_B a_x| + |v_q| |w_x|
//
// by the Cauchy-Schwarz inequality on stored numbers: nothing is assumed of P.
// The covariance k is evaluated in float32 for each pair (screen_bound.h has
// its error), and so a rough kernel costs as little as a smooth one.
//
// Roundings, u32 = 2^-24. P is stored in float32, and w is what is left of the
// stored P, whose columns are of length 1 but for a few u32. C is computed in
// float32, by chains of 32 terms and a chain of these; y = C a_q is a chain of
// r_A terms and y . a_x one of r_B. With F = |C|_F, |a|_1 = sum |a_i| and h =
// 33 + m / 32 these are off by at most
//
//     u32 h |a_q|_1 |a_x|_1,     u32 (r_A + 2) F |a_q| |a_x|
//
// and u32 (r_B + 2) |y| |a_x|, by |sum_j |C_ij| |a_j||  <=  F |a_q| and the
// Cauchy-Schwarz inequality.
//
// Where few queries of A need B, y = P_B^T v_q costs less than C does, and says
// more: v_q . v_x - y . a_x = v_q . w_x but for roundings, of which the first
// two above become u32 (h + 1) |v_q| |a_x|_1, the last one for v_q in float32.
//
// Inside a block the sixteenth of the points with the smallest p stands first:
// a tiny p makes |rho| of a tiny covariance large, and keeps only its own panel
// alive. Each part is split in space, down to panels of sixteen points with
// balls around them (far_field_balls.h), or else sorted by row, so that a panel
// holds rows of about one age. Rows that are inducing points are in no block;
// what they are to each panel is bounded by a byte (inducing_bounds.h).
//
// Cost, beside that of V: about twice the arithmetic of V for alpha and err, n
// m s for bases of rank s, and p^(2d) m for each pair of blocks. Memory: 4 n s
// bytes for coordinates, m (n / 16 + 3072) for inducing points, and (4 s + 8
// p^d) m for each block.

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_BLOCKS_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_BLOCKS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/slabs.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "traversal/block/far_field_balls.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_boxes.h"
#include "traversal/block/far_field_expansions.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/inducing_bounds.h"
#include "traversal/block/space_partition.h"
#include "traversal/exhaustive/screen_frame.h"

namespace rct {

struct FarFieldOptions {
  int64_t block_size = 256;  // a power of two from 32 on
  double rms_rest = 1e-3;    // of v / sqrt(p) outside a basis
  bool balls = true;         // panels in space, and not by row
  FarFieldScale scale = {};
};

class FarFieldBlocks {
 public:
  struct Block {
    int64_t first;  // its positions are [first, first + count)
    int count;
    int rank;
    const float* a;      // its panels
    const float* basis;  // m x width
    float spread;   // the largest |a|_1 of its points, as a part of `length`
    float min_root;
    int32_t min_row;
  };

  // The largest rank of a basis.
  static constexpr int kMaxRank = 64;

  // Returns whether the bound is there: the factor of the inducing points is
  // known and has a valid rounding model, and the dimension is not too large.
  static bool Offered(const ResidualCorrelation& metric);

  // Returns the partition for blocks of this size: of all rows that are not
  // inducing points. Assumes that the bound is offered, as do the others.
  static SpacePartition Partition(const ResidualCorrelation& metric,
                                  const FarFieldOptions& options, int threads);

  // Makes the blocks of `partition`, or those of `only`: a sample, which tells
  // what the bound leaves. A cancelled monitor leaves an incomplete object, to
  // be dropped.
  FarFieldBlocks(const ResidualCorrelation& metric,
                 const FarFieldOptions& options,
                 const SpacePartition& partition, int threads,
                 Monitor* monitor = nullptr, absl::Span<const int> only = {});

  const ScreenFrame& frame() const { return frame_; }
  const FarFieldRoutines& routines() const { return *routines_; }
  int64_t block_size() const { return block_size_; }
  int num_blocks() const { return static_cast<int>(blocks_.size()); }
  const Block& block(int b) const { return blocks_[b]; }
  int num_panels(int b) const {
    return (blocks_[b].count + kFarPanel - 1) / kFarPanel;
  }
  int num_nodes() const { return boxes_.grid().size(); }
  int max_rank() const { return max_rank_; }
  int64_t bytes() const;

  // Returns the position of a row, or -1 where it is an inducing point.
  int32_t position(int64_t row) const { return positions_[row]; }
  // Asks for the position of a row.
  void Prefetch(int64_t row) const { __builtin_prefetch(&positions_[row]); }
  absl::Span<const int32_t> rows() const { return columns_.row; }

  // Returns a bound on |c| of all pairs of points of two blocks, in the frame's
  // unit. Infinite where nothing is known.
  float most(int a, int b) const { return most_(a, b); }
  // Returns what one query sees of a block.
  const FarFieldExpansions& expansions() const { return *expansions_; }
  // Writes the coordinates of a row in the cube of its block b.
  void CubeCoordinates(const ResidualCorrelation& metric, int b, int64_t row,
                       double* x) const;
  // Returns the distance between the centers of two blocks, in lengthscales.
  double CenterDistance(int a, int b) const {
    return boxes_.CenterDistance(a, b);
  }

  // Returns the points of block b.
  FarPoints points(int b) const;
  // Returns the balls of its panels, or null where these are sorted by row.
  const FarFieldBalls* balls() const {
    return balls_.has_value() ? &*balls_ : nullptr;
  }
  // Columns by position, of the points as queries: |w|, |a|, |a|_1, sigma eta.
  const float* rest() const { return columns_.rest.data(); }
  const float* shift() const { return columns_.shift.data(); }
  const float* coordinate_length() const { return columns_.a_length.data(); }
  const float* coordinate_sum() const { return columns_.a_sum.data(); }

  // Computes C = P_B^T P_A: table[j width(b) + i], j < rank of a, i < width(b).
  // Returns F, its Frobenius norm.
  double Table(int a, int b, float* table) const;
  // Returns the error of y . a_x as a part of the length of x, for a query with
  // this |a_q|, |a_q|_1 and |y|.
  float ProductError(int a, int b, double table_norm, float a_length,
                     float a_sum, float y_length) const;
  // Computes y = P_B^T v of `rows`, at most kFarPanel: table[j width(b) + i].
  // `v` has room for kFarPanel m numbers: these v, rounded to float32.
  void Project(const ResidualCorrelation& metric,
               absl::Span<const int32_t> rows, int b, float* v,
               float* table) const;
  // Returns the error of y . a_x, as ProductError, for such a y; v_length >=
  // |v|.
  float ProjectionError(int b, float v_length, float y_length) const;
  // Returns the rank of a block, rounded up to whole vectors.
  int64_t width(int b) const;

  // Returns the bounds of inducing points.
  const InducingBounds& inducing() const { return *inducing_; }

 private:
  struct Worker;
  // Columns by position; padding has zeros, and kNoRow for a row.
  struct Columns {
    std::vector<int32_t> row;
    AlignedBuffer<float> z;
    AlignedBuffer<float> length;
    AlignedBuffer<float> a_length;
    AlignedBuffer<float> a_sum;
    AlignedBuffer<float> rest;
    AlignedBuffer<float> shift;
    AlignedBuffer<float> error;
    AlignedBuffer<float> root;
    AlignedBuffer<float> scale;
    // By panel.
    std::vector<float> min_root;
    std::vector<int32_t> min_row;
  };
  // Makes the columns of empty blocks.
  void MakeColumns();
  // Returns h, the most roundings of a term of C.
  double Chains() const;
  // Takes the rows of block b, and orders them.
  void OrderRows(const ResidualCorrelation& metric,
                 const SpacePartition& partition, int b);
  // Orders the rows of one part of a block.
  void OrderPart(const ResidualCorrelation& metric,
                 absl::Span<int32_t> rows) const;
  // Bounds what inducing points are to the points of block b, whose weights
  // are the worker's.
  void BoundInducing(int b, Worker& worker);
  // Makes the basis of block b and the coordinates of its points, in steps:
  // pivoted Gram-Schmidt, which returns the rank; the basis and the
  // coordinates, of which it returns the Frobenius norm of the basis; what the
  // filter reads of each point.
  void MakeBasis(const ResidualCorrelation& metric, double rms_rest, int b,
                 Worker& worker);
  int Orthonormalize(const ResidualCorrelation& metric, double rms_rest, int b,
                     Worker& worker) const;
  double KeepBasis(int b, Worker& worker);
  void KeepPoints(const ResidualCorrelation& metric, int b, double norm,
                  Worker& worker);
  // Makes the balls of block b.
  void MakeBalls(const ResidualCorrelation& metric, int b, Worker& worker);
  // Bounds all pairs of block made[i] with itself and those after it.
  void BoundPairs(absl::Span<const int> made, int64_t i, Worker& worker);

  FarFieldBoxes boxes_;
  FarFieldScale scale_;
  ScreenFrame frame_;
  const FarFieldRoutines* routines_;
  int64_t block_size_;
  int64_t num_inducing_;
  std::vector<Block> blocks_;
  std::vector<int32_t> positions_;
  int dim_;
  Columns columns_;
  std::vector<Slabs> slabs_;  // of bases and coordinates
  std::optional<FarFieldBalls> balls_;
  Matrix<float> most_;
  std::optional<FarFieldExpansions> expansions_;
  std::optional<InducingBounds> inducing_;
  int max_rank_ = 0;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_BLOCKS_H_
