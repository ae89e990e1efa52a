// Skeletons: a low-rank picture of each block of a space partition.
//
// Pivoted Cholesky of a block's correlations, with 1 + tau on the diagonal,
// takes the point that the skeleton explains least as its next member until the
// root mean square of the residuals e falls to a given value: the rank adapts
// to the block. Its rows are the coordinates w of the block's points; those of
// the members form the factor T, by which any other point is projected. See
// skeleton_bounds.h for what they are used for and why they may be.
//
// For the filter, w and e are kept in float32, e rounded up, in panels of the
// partition's sub-blocks; and around each sub-block a cone: a unit axis and the
// largest angle between its line and that of a w.
//
// Cost: n s m fused multiply-adds for the columns and n s^2 / 2 for the
// factorizations, s the mean rank; 4 n s bytes.

#ifndef RCT_TRAVERSAL_BLOCK_BLOCK_SKELETONS_H_
#define RCT_TRAVERSAL_BLOCK_BLOCK_SKELETONS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/archive.h"
#include "base/monitor.h"
#include "metric/correlation_tile.h"
#include "metric/residual_correlation.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/space_partition.h"

namespace rct {

struct SkeletonOptions {
  int64_t block_size = 256;    // a power of two from 32 on
  double rms_residual = 0.04;  // the rank grows until it is reached
  int row_splits = 0;          // of a block, see SpacePartition
  SlackScale scale = {};
};

class BlockSkeletons {
 public:
  struct Block {
    int64_t first;  // its positions are [first, first + count)
    int count;
    int rank;
    int64_t w;         // of its panels in w()
    int64_t axis;      // of its cones' panels
    int64_t factor;    // of the panels of T
    int64_t diagonal;  // of its inverse diagonal
    int64_t skeleton;  // of its members among all
    float length;      // max |w_j|
    float e;           // max e_j
    int64_t min_row;
  };
  static_assert(sizeof(Block) == 72, "saved as it is: without padding");

  // Returns the partition for skeletons of these options: of all points but
  // loose ones. Assumes that metric.rounding() is valid.
  static SpacePartition Partition(const ResidualCorrelation& metric,
                                  const SkeletonOptions& options, int threads);
  // Returns the one for `options`, which differ in their row splits from those
  // that `partition` was made for.
  static SpacePartition Regrouped(const ResidualCorrelation& metric,
                                  const SkeletonOptions& options,
                                  const SpacePartition& partition, int threads);

  // Skeletons of the blocks of `partition`, or of every `stride`-th of them: a
  // sample, which tells what rank and residual they would have. A cancelled
  // monitor leaves an incomplete object, to be dropped.
  BlockSkeletons(const ResidualCorrelation& metric,
                 const SkeletonOptions& options, SpacePartition partition,
                 int threads, int stride = 1, Monitor* monitor = nullptr);

  // Reads what Save wrote. archive.status() is an error afterwards unless
  // everything that an address is made of is in range: each row lies in one
  // block or is loose, and the parts of blocks follow each other. After an
  // error the object must be dropped. `metric` has the points and factors that
  // the skeletons were made of.
  BlockSkeletons(const ResidualCorrelation& metric, ArchiveReader& archive);
  void Save(ArchiveWriter& archive) const;

  const SkeletonSlack& slack() const { return slack_; }
  const FilterRoutines& filter() const { return *filter_; }
  const SpacePartition& partition() const { return partition_; }

  int64_t block_size() const { return block_size_; }
  int num_blocks() const { return static_cast<int>(blocks_.size()); }
  const Block& block(int b) const { return blocks_[b]; }
  int num_panels(int b) const {
    return (blocks_[b].count + kPanel - 1) / kPanel;
  }
  // Panels of cones.
  int num_cone_panels(int b) const {
    return (num_panels(b) + kPanel - 1) / kPanel;
  }
  // Positions and sub-blocks of all blocks, with those that pad panels.
  int64_t num_positions() const {
    return static_cast<int64_t>(num_blocks()) * block_size_;
  }
  int64_t num_cones() const { return num_positions() / kPanel; }
  int64_t total_rank() const { return factors_.members.size(); }
  int max_rank() const { return summary_.max_rank; }

  // Returns the rows of loose points, in order: no block holds them, since
  // their tau is too large, and every query must evaluate them.
  absl::Span<const int32_t> loose_rows() const { return loose_rows_; }

  // Returns the position of a row, or -1 where it is loose.
  int32_t position(int64_t row) const { return columns_.positions[row]; }
  // Asks for the position of a row.
  void Prefetch(int64_t row) const {
    __builtin_prefetch(&columns_.positions[row]);
  }
  // Columns by position. Padding has 0.
  const float* e() const { return columns_.e.data(); }
  const float* norm() const { return columns_.norm.data(); }  // sqrt(1 + tau)
  const float* squared_length() const { return columns_.squared_length.data(); }
  // Returns |w|^2 as computed in float64.
  double exact_squared_length(int64_t position) const {
    return columns_.exact_squared_length[position];
  }

  // Returns how many coordinates of a point are multiplied before the others.
  // Nearly half of them show of seven in ten panels that they hold nothing, and
  // all of them of eight.
  static int HeadOf(int rank) { return (9 * rank + 19) / 20; }

  // Return the panels of block b and of its cones, with the caller's gaps.
  PointPanels points(int b, const uint16_t* gap) const {
    const Block& block = blocks_[b];
    return {w_.data() + block.w,
            block.rank,
            HeadOf(block.rank),
            columns_.tail.data() + block.first,
            columns_.e.data() + block.first,
            gap,
            columns_.rows.data() + block.first};
  }
  ConePanels cones(int b, const uint16_t* gap) const {
    const int64_t cone = blocks_[b].first / kPanel;
    return {cones_.axes.data() + blocks_[b].axis,
            blocks_[b].rank,
            cones_.cosine.data() + cone,
            cones_.sine.data() + cone,
            cones_.length.data() + cone,
            cones_.e.data() + cone,
            gap};
  }
  // Returns the least row of each sub-block, kNoRow where it is empty.
  const int32_t* cone_min_row() const { return cones_.min_row.data(); }

  // Returns the members of all skeletons, those of a block together.
  const TilePoints& members() const { return factors_.members; }

  // Solves T_b x = r for `count` right sides next to each other, in place.
  // `rhs` holds RoundUpToLanes(rank) rows of `stride`, zero from the rank on;
  // `count` is a multiple of eight.
  void Solve(int b, int64_t stride, int64_t count, double* rhs) const;

  // The scratch space of a projection of up to `capacity` points, and its
  // result.
  struct Projection {
    Projection(int64_t capacity, int max_rank);

    AlignedBuffer<double> rhs;
    std::vector<double> squared_length;  // |w|^2 of each point
  };

  // Computes the coordinates of any points in the skeleton of block b, in
  // panels, of which other lanes keep their values. Returns how many
  // correlations that took.
  int64_t Project(const ResidualCorrelation& metric, int b,
                  const TilePoints& points, Projection& projection,
                  float* panels) const;

  // The fit of the skeletons: their mean rank, the median over blocks of the
  // root mean square of e, and whether all numbers are as small as exact ones
  // would be.
  double mean_rank() const { return summary_.mean_rank; }
  double median_residual() const { return summary_.median_residual; }
  bool sound() const { return summary_.sound; }

  // Returns how many pairs were evaluated.
  int64_t evaluations() const { return summary_.evaluations; }
  int64_t bytes() const;

 private:
  struct Worker;
  struct Draft;

  template <class Self, class Archive>
  static void Describe(Self& self, Archive& archive);

  // Makes the columns of empty blocks.
  void MakeColumns(int64_t num_points);
  // The steps of one block, on scratch space of one thread.
  void Factorize(const ResidualCorrelation& metric,
                 const SkeletonOptions& options, Block& block, Worker& worker,
                 Draft& draft);
  // Returns the correlations of a point with all of its block.
  const double* Column(const ResidualCorrelation& metric, int pivot,
                       Worker& worker, Draft& draft) const;
  void KeepCoordinates(Block& block, Worker& worker, Draft& draft);
  void KeepFactor(const Block& block, Worker& worker, Draft& draft) const;
  void MakeCones(const Block& block, Worker& worker, Draft& draft);
  // Computes the tails of a block's points, whose panels are at `w`.
  void MakeTails(const Block& block, const float* w);
  void Join(const ResidualCorrelation& metric,
            const std::vector<Draft>& drafts);
  // Takes the fit from every `stride`-th draft: the others were not made.
  void Summarize(const std::vector<Draft>& drafts, int stride);
  // The elements that one block takes of each array of parts.
  struct Part {
    int64_t w;
    int64_t axis;
    int64_t factor;
    int64_t diagonal;
    int64_t skeleton;
  };
  static Part PartOf(const Block& block);
  // Puts the parts of blocks one after the other. Returns where they end.
  static Part Place(std::vector<Block>& blocks);

  // Check what was read, each relying on those before it.
  void CheckRows(int64_t num_points, ArchiveReader& archive) const;
  void CheckBlocks(ArchiveReader& archive) const;
  void CheckFactors(ArchiveReader& archive) const;
  void CheckNumbers(ArchiveReader& archive) const;
  void AssignMembers(const ResidualCorrelation& metric);

  // Columns by position, and the position of each row.
  struct Columns {
    std::vector<int32_t> rows;
    std::vector<int32_t> positions;  // of a row, or -1 where it is loose
    AlignedBuffer<float> e;
    AlignedBuffer<float> tail;
    AlignedBuffer<float> norm;
    AlignedBuffer<float> squared_length;
    AlignedBuffer<double> exact_squared_length;
  };
  // Columns by sub-block.
  struct Cones {
    AlignedBuffer<float> axes;  // panels
    AlignedBuffer<float> cosine;
    AlignedBuffer<float> sine;
    AlignedBuffer<float> length;
    AlignedBuffer<float> e;
    std::vector<int32_t> min_row;
  };
  // The factors T of all blocks, in panels, and the points they are made of.
  struct Factors {
    explicit Factors(int64_t dim) : members(0, dim) {}

    AlignedBuffer<double> elements;
    AlignedBuffer<double> inverse_diagonals;
    std::vector<int32_t> member_rows;
    TilePoints members;
  };
  // How well the skeletons fit, and the pairs that were evaluated for them.
  struct Summary {
    int max_rank = 0;
    double mean_rank = 0;
    double median_residual = 0;
    bool sound = true;
    int64_t evaluations = 0;
  };

  SkeletonSlack slack_;
  const FilterRoutines* filter_;
  const SimdRoutines* simd_;
  std::vector<int32_t> loose_rows_;
  SpacePartition partition_;
  int64_t block_size_;
  std::vector<Block> blocks_;
  AlignedBuffer<float> w_;  // panels
  Columns columns_;
  Cones cones_;
  Factors factors_;
  Summary summary_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_BLOCK_SKELETONS_H_
