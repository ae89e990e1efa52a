// Skeleton tables: how the skeletons of two blocks see each other.
//
//     C_BA = Q_B^T Q_A = T_B^-1 rho(S_B, S_A) T_A^-T
//
// for every two blocks, stored once and read by rows from A to B and by columns
// from B to A; and the gaps
//
//     g_B[i] = sqrt(|w_i|^2 - |C_BA w_i|^2)      point i of A, block B
//
// of all points, which bound what a block can hold for a query before C is read
// (skeleton_bounds.h).
//
// Most blocks hardly see each other: they are *far*. Their gaps are no smaller
// than the lengths |w_i|, which stand for them, and a few bits are enough for
// their tables. Where all tables would take more than two kB a point in
// float32, as for Matern kernels, a table is kept as C' (compact_table.h), with
// |C - C'|_F <= 2^-9, or 2^-6 between blocks that are far; the slacks count it
// (skeleton_bounds.h). Gaps and norms are those of C itself.
//
// Cost: (sum of ranks)^2 (m + s) fused multiply-adds for the tables and 2 n s
// (sum of ranks) in float32 for the gaps. Memory: 2 (sum of ranks)^2 bytes for
// the former, or about a fourth of that if compact, and for the latter 2 bytes
// for each point and block that are not far.

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_TABLES_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_TABLES_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/archive.h"
#include "base/monitor.h"
#include "base/slabs.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/compact_table.h"
#include "traversal/block/filter_routines.h"

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

  // Makes a part of the tables, without gaps and order(): those of tiles
  // `part`, `part` + `parts`, ... of the pairs of blocks. The others are made
  // elsewhere, of skeletons with the same bits, and are added by AddTile before
  // any is used.
  SkeletonTables(const ResidualCorrelation& metric,
                 const BlockSkeletons& skeletons, int part, int parts,
                 int threads, Monitor* monitor);
  int64_t num_tiles() const;
  // Returns what another process needs of a tile that was made here.
  std::string PackTile(int64_t tile) const;
  void AddTile(int64_t tile, std::string_view bytes);

  // Reads what Save wrote of the tables of these skeletons. archive.status() is
  // an error afterwards where they are of others; the object must then be
  // dropped.
  SkeletonTables(const BlockSkeletons& skeletons, ArchiveReader& archive);
  void Save(ArchiveWriter& archive) const;

  // Returns whether gaps are kept. Where they are not, or are not measured, a
  // point's length stands for its gap.
  bool has_gaps() const { return has_gaps_; }

  // Returns C'. It may stand in `room`, for as many numbers as the largest rank
  // squared, and CompactTable::kPadding more.
  Table Load(int to, int from, float* room) const;
  // Asks for what a search from one block reads of another that it will come to
  // next: the gaps of its own points, if `gaps`, and what it reads where the
  // other may hold something, if `all`.
  void Prefetch(int to, int from, bool gaps, bool all) const;
  // Returns a bound on |C - C'|_F.
  float error(int a, int b) const {
    return tables_[PairOf(std::max(a, b), std::min(a, b))].error;
  }
  // Returns the Frobenius norm of a table, rounded up.
  float norm(int a, int b) const { return norm_[Pair(a, b)]; }
  // Returns whether the blocks hardly see each other: |y| <= norm |w| then
  // dismisses one for nearly all queries of the other, and no gaps are
  // measured.
  bool far(int a, int b) const { return norm(a, b) <= kFarNorm; }

  // Gaps of the points of another block in block `to`, in kGapUnit: of each
  // point, the largest of each sub-block, and that of the whole block.
  const uint16_t* gaps(int to, int from) const {
    const uint16_t* near = near_[Pair(to, from)];
    return near != nullptr ? near : lengths_.data() + from * BlockSize();
  }
  const uint16_t* cone_gaps(int to, int from) const {
    const uint16_t* near = near_[Pair(to, from)];
    return near != nullptr
               ? near + BlockSize()
               : cone_lengths_.data() + from * (BlockSize() / kPanel);
  }
  float block_gap(int to, int from) const { return block_gap_[Pair(to, from)]; }

  // Returns the other blocks, those first of which the block's points see most.
  absl::Span<const int32_t> order(int from) const {
    return absl::MakeConstSpan(order_).subspan(
        int64_t{from} * (num_blocks_ - 1), num_blocks_ - 1);
  }

  // Returns whether no table is larger than an exact one could be.
  bool sound() const { return sound_; }
  int64_t evaluations() const { return evaluations_; }
  int64_t bytes() const;

 private:
  static constexpr float kFarNorm = 0.5;

  struct Columns;
  template <class Self, class Archive>
  static void Describe(Self& self, Archive& archive);

  static std::vector<int64_t> RanksOf(const BlockSkeletons& skeletons);

  // Makes room for all tables, and decides on their form.
  SkeletonTables(const BlockSkeletons& skeletons, bool keep_gaps);
  // Makes tiles `part`, `part` + `parts`, ...
  void MakeTiles(const ResidualCorrelation& metric,
                 const BlockSkeletons& skeletons, int part, int parts,
                 int threads, Monitor* monitor);
  // Sorts the blocks for order().
  void MakeOrder(int threads);
  // Returns the pairs of a tile, each with the larger block first.
  std::vector<std::pair<int, int>> PairsOfTile(int64_t tile) const;

  // Decides whether tables are compact.
  bool IsCompact() const;
  // Returns memory for a part of what one thread of `num_workers` makes.
  Slabs NewSlabs(int num_workers) const;
  // Keeps the table of two blocks, whose norm is known, in `slabs`; `packed` is
  // scratch space.
  void Keep(int larger, int smaller, const float* c,
            std::vector<uint8_t>& packed, Slabs& slabs);
  // Makes room for the gaps of a near block.
  uint16_t* MakeNear(int to, int from, Slabs& slabs);

  // Reads what Save wrote of tables and gaps, and what it wrote when all were
  // there and whole.
  void ReadColumns(ArchiveReader& archive);
  void ReadWhole(ArchiveReader& archive);
  void Check(const BlockSkeletons& skeletons, ArchiveReader& archive) const;
  void CheckOrder(ArchiveReader& archive) const;

  // Calls use(b, a) for all a < b, in the order of PairOf.
  template <class Use>
  void ForEachPair(Use use) const {
    for (int b = 0; b < num_blocks_; ++b) {
      for (int a = 0; a < b; ++a) use(b, a);
    }
  }
  int64_t Pair(int a, int b) const { return int64_t{a} * num_blocks_ + b; }
  static int64_t PairOf(int larger, int smaller) {
    return int64_t{larger} * (larger - 1) / 2 + smaller;
  }
  // Returns how many numbers a table has.
  int64_t Numbers(int a, int b) const { return ranks_[a] * ranks_[b]; }
  CompactTable::Shape ShapeOf(int larger, int smaller) const {
    return {ranks_[larger], ranks_[smaller]};
  }
  int64_t TableBytes() const;

  bool IsNear(int to, int from) const {
    return has_gaps_ && to != from && !far(to, from);
  }
  int64_t NumNear() const;
  int64_t BlockSize() const { return positions_ / num_blocks_; }
  // Returns the size of the gaps of one near block: those of points, and then
  // those of sub-blocks, a whole number of panels.
  int64_t NearSize() const {
    const int64_t cones = BlockSize() / kPanel;
    return BlockSize() + (cones + kPanel - 1) / kPanel * kPanel;
  }

  // Scratch space of one thread.
  struct Worker;

  // Makes the table of blocks a < b with all that goes with it. False where it
  // is unsound.
  bool MakeTable(const ResidualCorrelation& metric,
                 const BlockSkeletons& skeletons, int b, int a, Worker& worker);

  // Fills in gaps and the part of |w|^2 that remains, for the points of `from`.
  void MeasureGaps(const BlockSkeletons& skeletons, int to, int from,
                   const Table& table, Worker& worker);

  // Fills in what stands for gaps.
  void TakeLengths(const BlockSkeletons& skeletons);

  const FilterRoutines* filter_;
  bool has_gaps_;
  bool compact_ = false;
  int num_blocks_;
  int64_t positions_;
  int64_t cones_;
  std::vector<int64_t> ranks_;
  std::vector<CompactTable> tables_;  // by PairOf
  AlignedBuffer<uint16_t> lengths_;   // by position
  AlignedBuffer<uint16_t> cone_lengths_;
  std::vector<const uint16_t*> near_;  // by Pair; null for far ones
  std::vector<float> norm_;            // by Pair, as the next
  std::vector<float> block_gap_;
  std::vector<int32_t> order_;
  std::vector<float> seen_;
  bool sound_ = true;
  int64_t evaluations_ = 0;

  // What tables and gaps stand in: made here, or in a file.
  std::vector<Slabs> slabs_;
  AlignedBuffer<uint8_t> file_bytes_;
  AlignedBuffer<uint16_t> file_gaps_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_TABLES_H_
