// Skeleton tables: how the skeletons of two blocks see each other.
//
//     C_BA = Q_B^T Q_A = T_B^-1 rho(S_B, S_A) T_A^-T
//
// for every two blocks, stored once and read by rows from A to B and by columns
// from B to A; and the gaps
//
//     g_B[i] = sqrt(|w_i|^2 - |C_BA w_i|^2)      point i of A, block B
//
// of all points, which bound what a block holds for a query before C is read
// (skeleton_bounds.h).
//
// Cost: (sum of ranks)^2 (m + s) fused multiply-adds for the tables and
// 2 n s (sum of ranks) in float32 for the gaps; 2 (sum of ranks)^2 bytes for
// the former and 2 n bytes a block for the latter.

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_TABLES_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_TABLES_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/archive.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"

namespace rct {

class SkeletonTables {
 public:
  // C as a matrix that is read with strides: element (i, c) of C_to,from is
  // data[i * row_stride + c * column_stride].
  struct Table {
    const float* data;
    int64_t row_stride;
    int64_t column_stride;
  };

  // Makes the tables. A cancelled monitor leaves an incomplete object, to be
  // dropped.
  SkeletonTables(const ResidualCorrelation& metric,
                 const BlockSkeletons& skeletons, bool keep_gaps, int threads,
                 Monitor* monitor = nullptr);

  // Reads what Save wrote of the tables of these skeletons. archive.status() is
  // an error afterwards where they are of others; the object must then be
  // dropped.
  SkeletonTables(const BlockSkeletons& skeletons, ArchiveReader& archive);
  void Save(ArchiveWriter& archive) const;

  // Where gaps are not kept, or not measured, a point's length stands for them.
  bool has_gaps() const { return has_gaps_; }

  Table table(int to, int from) const {
    return to > from
               ? Table{c_.data() + Offset(to, from), skeleton_rank(from), 1}
               : Table{c_.data() + Offset(from, to), 1, skeleton_rank(to)};
  }
  // The Frobenius norm of a table.
  float norm(int a, int b) const { return norm_[Pair(a, b)]; }
  // Blocks that hardly see each other: |y| <= norm |w| dismisses one for nearly
  // all queries of the other, and no gaps are measured.
  bool far(int a, int b) const { return norm(a, b) <= kFarNorm; }

  // Gaps in block `to`, in kGapUnit: of all points by position, the largest of
  // each sub-block, and that of a whole block.
  const uint16_t* gaps(int to) const {
    return gaps_.data() + (has_gaps_ ? to * positions_ : 0);
  }
  const uint16_t* cone_gaps(int to) const {
    return cone_gaps_.data() + (has_gaps_ ? to * cones_ : 0);
  }
  float block_gap(int to, int from) const { return block_gap_[Pair(to, from)]; }

  // The other blocks, those first of which the block's points see most.
  absl::Span<const int32_t> order(int from) const {
    return absl::MakeConstSpan(order_).subspan(
        int64_t{from} * (num_blocks_ - 1), num_blocks_ - 1);
  }

  // Whether no table is larger than an exact one could be.
  bool sound() const { return sound_; }
  int64_t evaluations() const { return evaluations_; }
  int64_t bytes() const;

 private:
  static constexpr float kFarNorm = 0.5;

  template <class Self, class Archive>
  static void Describe(Self& self, Archive& archive);

  // The ranks of `skeletons`, and where the tables of every two of them are.
  // Returns where the last one ends.
  static int64_t Place(const BlockSkeletons& skeletons,
                       std::vector<int64_t>& ranks,
                       std::vector<int64_t>& offset);

  void Check(const BlockSkeletons& skeletons, ArchiveReader& archive) const;
  void CheckOrder(ArchiveReader& archive) const;

  int64_t Pair(int a, int b) const { return int64_t{a} * num_blocks_ + b; }
  int64_t Offset(int larger, int smaller) const {
    return offset_[int64_t{larger} * (larger - 1) / 2 + smaller];
  }
  int64_t skeleton_rank(int b) const { return ranks_[b]; }

  // Scratch space of one thread.
  struct Worker;

  // Makes the table of blocks a < b with all that goes with it. False where it
  // is unsound.
  bool MakeTable(const ResidualCorrelation& metric,
                 const BlockSkeletons& skeletons, int b, int a, Worker& worker);

  // Fills in gaps and the part of |w|^2 that remains, for the points of `from`.
  void MeasureGaps(const BlockSkeletons& skeletons, int to, int from, float* y);

  // Fills in what stands for gaps, for the points of `from`.
  void TakeLengths(const BlockSkeletons& skeletons, int to, int from);

  bool has_gaps_;
  int num_blocks_;
  int64_t positions_;
  int64_t cones_;
  std::vector<int64_t> ranks_;
  std::vector<int64_t> offset_;
  AlignedBuffer<float> c_;
  AlignedBuffer<uint16_t> gaps_;
  AlignedBuffer<uint16_t> cone_gaps_;
  std::vector<float> norm_;
  std::vector<float> block_gap_;
  std::vector<float> seen_;
  std::vector<int32_t> order_;
  bool sound_ = true;
  int64_t evaluations_ = 0;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_TABLES_H_
