// Space partition: points in blocks of near neighbors.
//
// Median splits of the widest side, down to sub-blocks of 16 points; a block is
// an aligned group of sub-blocks. Splits fall on whole blocks, and inside a
// block on whole sub-blocks, so that all blocks but the last are full.
//
// For queries that count earlier rows only, a block may be split by row before
// it is split in space: into halves, the earlier half into quarters, and so on.
// Sub-blocks then hold rows of about one age, and a query skips those that come
// after it. Blocks themselves are cut in space in any case.
//
// Points are near by their coordinates, each times a scale of its own (the
// inverse lengthscale of a kernel). Ties of a coordinate go by row, so the
// partition is a pure function of its arguments.
//
// Cost: O(n log n), one pass of selection for each level; levels below the
// first few are shared among threads.

#ifndef RCT_TRAVERSAL_BLOCK_SPACE_PARTITION_H_
#define RCT_TRAVERSAL_BLOCK_SPACE_PARTITION_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/archive.h"
#include "base/matrix.h"

namespace rct {

class SpacePartition {
 public:
  static constexpr int kSubBlock = 16;

  // Partitions `rows` of `points` (n x d, finite; `scale` has d elements). Each
  // block holds `block_size` of them, a multiple of kSubBlock, and is split by
  // row `row_splits` >= 0 times, or down to a sub-block.
  SpacePartition(MatrixView<const double> points,
                 absl::Span<const double> scale, std::vector<int32_t> rows,
                 int64_t block_size, int threads, int row_splits = 0);

  // Returns the partition of the same points and blocks, which are split by row
  // `row_splits` times: its sub-blocks hold what those of a partition made so
  // hold, in some order.
  SpacePartition Regrouped(MatrixView<const double> points,
                           absl::Span<const double> scale, int threads,
                           int row_splits) const;

  // Returns blocks that the caller made: `rows`, block by block. No point can
  // be located among them.
  static SpacePartition Given(std::vector<int32_t> rows, int64_t block_size);

  // Reads what Save wrote of some of `num_points` points of `dim` coordinates.
  // archive.status() is an error afterwards where a point is there twice or a
  // value is out of range; the object must then be dropped.
  SpacePartition(ArchiveReader& archive, int64_t num_points, int64_t dim);
  void Save(ArchiveWriter& archive) const;

  int64_t size() const { return static_cast<int64_t>(rows_.size()); }
  int64_t block_size() const { return block_size_; }
  int64_t num_blocks() const {
    return (size() + block_size_ - 1) / block_size_;
  }

  // The rows, block by block and sub-block by sub-block.
  absl::Span<const int32_t> rows() const { return rows_; }

  // Returns the block on whose side of every split `point` lies. Assumes that
  // there is a block.
  int64_t Locate(const double* point) const;

 private:
  // A split of whole blocks: those before `boundary` hold points whose
  // coordinate is at most `value`, the others points whose is at least that.
  struct Split {
    int64_t dimension = 0;
    double value = 0;
  };

  SpacePartition(std::vector<int32_t> rows, int64_t block_size)
      : rows_(std::move(rows)), block_size_(block_size) {}

  template <class Self, class Archive>
  static void Describe(Self& self, Archive& archive);

  std::vector<int32_t> rows_;
  int64_t block_size_;
  std::vector<Split> splits_;  // by the number of blocks before the boundary
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SPACE_PARTITION_H_
