#include "traversal/block/block_skeletons.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/archive.h"
#include "base/finite.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "base/slabs.h"
#include "metric/correlation_tile.h"
#include "metric/point_lanes.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/space_partition.h"

namespace rct {
namespace {

// No skeleton is larger, whatever the block: tables grow with its square.
constexpr int64_t kMaxRank = 256;

constexpr int kColumnsAtOnce = 4;

// About what the draft of a block takes for each of its points.
constexpr int64_t kDraftBytes = 256;

int LargestRank(int64_t block_size) {
  return static_cast<int>(std::min(block_size / 4 * 3, kMaxRank));
}

std::vector<int32_t> RowsByTau(const ResidualCorrelation& metric,
                               const SkeletonSlack& slack, bool loose) {
  std::vector<int32_t> rows;
  for (int64_t i = 0; i < metric.size(); ++i) {
    const bool large = !(slack.Tau(metric.data().inverse_sqrt[i]) <= kMaxTau);
    if (large == loose) rows.push_back(static_cast<int32_t>(i));
  }
  return rows;
}

std::vector<double> InverseLengthscales(const ResidualCorrelation& metric) {
  const KernelSpec spec = metric.kernel().spec();
  return {spec.inverse_lengthscale, spec.inverse_lengthscale + spec.dim};
}

}  // namespace

// The scratch space of one thread.
struct BlockSkeletons::Worker {
  Worker(int64_t dim, int64_t block_size, int max_rank, int64_t draft_bytes)
      : points(block_size, dim),
        column(block_size + 8),
        factor(max_rank),
        residual(block_size),
        tau(block_size),
        w(Matrix<double>::Zeros(max_rank, block_size)),
        pivots(kColumnsAtOnce, dim),
        columns(block_size, block_size),
        column_of(block_size),
        slabs(draft_bytes) {
    std::fill(column.begin(), column.end(), 0.0);
  }

  TilePoints points;
  AlignedBuffer<double> column;
  std::vector<double> factor;
  std::vector<double> residual;  // e^2 so far, and 0 for members
  std::vector<double> tau;
  Matrix<double> w;  // component by component

  // Columns of correlations that were made.
  TilePoints pivots;
  Matrix<double> columns;
  std::vector<int> column_of;  // of a point, or -1
  int num_columns = 0;

  Slabs slabs;  // of drafts
};

// The parts of one block before they are put next to those of others, in the
// slabs of a worker.
struct BlockSkeletons::Draft {
  absl::Span<float> w;
  absl::Span<double> factor;
  absl::Span<double> inverse_diagonal;
  std::vector<int> members;  // by their place in the block
  absl::Span<float> axes;
  double rms_residual = 0;
  int64_t evaluations = 0;
  bool sound = true;
};

SpacePartition BlockSkeletons::Partition(const ResidualCorrelation& metric,
                                         const SkeletonOptions& options,
                                         int threads) {
  const SkeletonSlack slack(*metric.rounding(), LargestRank(options.block_size),
                            options.scale);
  return SpacePartition(metric.data().points.view(),
                        InverseLengthscales(metric),
                        RowsByTau(metric, slack, false), options.block_size,
                        threads, options.row_splits);
}

SpacePartition BlockSkeletons::Regrouped(const ResidualCorrelation& metric,
                                         const SkeletonOptions& options,
                                         const SpacePartition& partition,
                                         int threads) {
  return partition.Regrouped(metric.data().points.view(),
                             InverseLengthscales(metric), threads,
                             options.row_splits);
}

BlockSkeletons::BlockSkeletons(const ResidualCorrelation& metric,
                               const SkeletonOptions& options,
                               SpacePartition partition, int threads,
                               int stride, Monitor* monitor)
    : slack_(*metric.rounding(), LargestRank(options.block_size),
             options.scale),
      filter_(FilterRoutinesFor(metric.simd().isa)),
      simd_(&metric.simd()),
      loose_rows_(RowsByTau(metric, slack_, true)),
      partition_(std::move(partition)),
      block_size_(options.block_size),
      blocks_(partition_.num_blocks()),
      factors_(metric.dim()) {
  MakeColumns(metric.size());

  std::vector<Draft> drafts(num_blocks());
  const int num_workers = std::max(1, std::min(threads, num_blocks()));
  std::vector<Worker> workers;
  workers.reserve(num_workers);
  for (int i = 0; i < num_workers; ++i) {
    workers.emplace_back(metric.dim(), block_size_,
                         LargestRank(options.block_size),
                         num_positions() * kDraftBytes / num_workers);
  }
  for (int b = 0; b < num_blocks(); ++b) {
    Block& block = blocks_[b];
    block = {};
    block.first = b * block_size_;
    block.count = static_cast<int>(
        std::min(block_size_, partition_.size() - block.first));
  }
  const int num_made = (num_blocks() + stride - 1) / stride;
  ParallelFor(num_workers, num_made, monitor, [&](int64_t task, int worker) {
    Block& block = blocks_[task * stride];
    Draft& draft = drafts[task * stride];
    Factorize(metric, options, block, workers[worker], draft);
    KeepCoordinates(block, workers[worker], draft);
    KeepFactor(block, workers[worker], draft);
    MakeCones(block, workers[worker], draft);
    MakeTails(block, draft.w.data());
  });
  Join(metric, drafts);
  Summarize(drafts, stride);
}

void BlockSkeletons::MakeColumns(int64_t num_points) {
  const auto zeros = [](auto& column, int64_t size) {
    column = std::decay_t<decltype(column)>(size);
    std::fill(column.begin(), column.end(), 0);
  };
  zeros(columns_.e, num_positions());
  zeros(columns_.tail, num_positions());
  zeros(columns_.norm, num_positions());
  zeros(columns_.squared_length, num_positions());
  zeros(columns_.exact_squared_length, num_positions());
  zeros(cones_.cosine, num_cones() + kPanel);
  zeros(cones_.sine, num_cones() + kPanel);
  zeros(cones_.length, num_cones() + kPanel);
  zeros(cones_.e, num_cones() + kPanel);
  std::fill(cones_.cosine.begin(), cones_.cosine.end(), 1.0f);
  cones_.min_row.assign(num_cones(), kNoRow);
  columns_.positions.assign(num_points, -1);
  columns_.rows.assign(num_positions(), kNoRow);
  std::copy(partition_.rows().begin(), partition_.rows().end(),
            columns_.rows.begin());
  for (int64_t i = 0; i < partition_.size(); ++i) {
    columns_.positions[columns_.rows[i]] = static_cast<int32_t>(i);
  }
}

void BlockSkeletons::Factorize(const ResidualCorrelation& metric,
                               const SkeletonOptions& options, Block& block,
                               Worker& worker, Draft& draft) {
  const int count = block.count;
  const int64_t padded = RoundUpToLanes(count);
  const int max_rank = std::min(count, LargestRank(options.block_size));
  Matrix<double>& w = worker.w;
  worker.points.Assign(
      metric.data(),
      absl::MakeConstSpan(columns_.rows).subspan(block.first, count));
  for (int j = 0; j < count; ++j) {
    worker.tau[j] = slack_.Tau(worker.points.scale[j]);
    worker.residual[j] = 1 + worker.tau[j];
  }
  worker.num_columns = 0;
  std::fill(worker.column_of.begin(), worker.column_of.end(), -1);
  std::vector<int>& members = draft.members;
  while (static_cast<int>(members.size()) < max_rank) {
    double sum = 0;
    int pivot = -1;
    for (int j = 0; j < count; ++j) {
      sum += worker.residual[j];
      if (worker.residual[j] > std::max(kMinPivot, 4 * worker.tau[j]) &&
          (pivot < 0 || worker.residual[j] > worker.residual[pivot])) {
        pivot = j;
      }
    }
    draft.rms_residual = std::sqrt(std::max(0.0, sum / count));
    if (pivot < 0 || draft.rms_residual <= options.rms_residual) break;
    const int t = static_cast<int>(members.size());
    const double* known = Column(metric, pivot, worker, draft);
    double* column = worker.column.data();
    std::copy_n(known, count, column);
    for (int c = 0; c < t; ++c) worker.factor[c] = w(c, pivot);
    filter_->eliminate(w.data(), w.stride(), t, worker.factor.data(), padded,
                       column);
    const double diagonal = std::sqrt(worker.residual[pivot]);
    for (int j = 0; j < count; ++j) {
      w(t, j) = column[j] / diagonal;
      worker.residual[j] -= w(t, j) * w(t, j);
    }
    for (const int member : members) w(t, member) = 0;
    w(t, pivot) = diagonal;
    members.push_back(pivot);
    for (const int member : members) worker.residual[member] = 0;
  }
  block.rank = static_cast<int>(members.size());
}

// Columns are made four at a time, for a tile of four rows is several times
// faster than one of one: with the pivot, the points of other sub-blocks with
// the largest residuals, which are likely to be pivots soon.
const double* BlockSkeletons::Column(const ResidualCorrelation& metric,
                                     int pivot, Worker& worker,
                                     Draft& draft) const {
  const int64_t width = worker.columns.stride();
  if (worker.column_of[pivot] < 0) {
    const int count = static_cast<int>(worker.points.size());
    int wanted[kColumnsAtOnce] = {pivot};
    int found = 1;
    for (; found < kColumnsAtOnce; ++found) {
      int next = -1;
      for (int j = 0; j < count; ++j) {
        bool apart = worker.column_of[j] < 0 && worker.residual[j] > 0;
        for (int f = 0; f < found; ++f) {
          apart = apart && wanted[f] / kPanel != j / kPanel;
        }
        if (apart && (next < 0 || worker.residual[j] > worker.residual[next])) {
          next = j;
        }
      }
      if (next < 0) break;
      wanted[found] = next;
    }
    found = static_cast<int>(
        std::min<int64_t>(found, worker.columns.rows() - worker.num_columns));
    worker.pivots.Assign(worker.points, absl::MakeConstSpan(wanted, found));
    CorrelationTile(metric, worker.pivots, 0, found, worker.points, 0, count,
                    worker.columns.row(worker.num_columns), width);
    for (int f = 0; f < found; ++f) {
      worker.column_of[wanted[f]] = worker.num_columns++;
    }
    draft.evaluations += int64_t{found} * count;
  }
  return worker.columns.row(worker.column_of[pivot]);
}

void BlockSkeletons::KeepCoordinates(Block& block, Worker& worker,
                                     Draft& draft) {
  draft.w = worker.slabs.Filled(
      int64_t{(block.count + kPanel - 1) / kPanel} * kPanel * block.rank, 0.0f);
  block.length = 0;
  block.e = 0;
  block.min_row = std::numeric_limits<int32_t>::max();
  for (int j = 0; j < block.count; ++j) {
    float* panel = draft.w.data() + int64_t{j / kPanel} * kPanel * block.rank;
    double squared = 0;
    for (int c = 0; c < block.rank; ++c) {
      const double w = worker.w(c, j);
      squared += w * w;
      panel[kPanel * c + j % kPanel] = static_cast<float>(w);
    }
    const int64_t i = block.first + j;
    const double norm = 1 + worker.tau[j];
    draft.sound = draft.sound && squared <= 1.01 * norm;
    columns_.exact_squared_length[i] = squared;
    columns_.squared_length[i] = FloatAbove(squared);
    columns_.norm[i] = FloatAbove(std::sqrt(norm));
    columns_.e[i] = FloatAbove(std::sqrt(std::max(0.0, norm - squared)));
    block.e = std::max(block.e, columns_.e[i]);
    block.length = std::max(block.length, FloatAbove(std::sqrt(squared)));
    block.min_row = std::min<int64_t>(block.min_row, columns_.rows[i]);
  }
  // The diagonal of a Cholesky factorization is met exactly.
  for (const int member : draft.members) columns_.e[block.first + member] = 0;
}

void BlockSkeletons::KeepFactor(const Block& block, Worker& worker,
                                Draft& draft) const {
  const int rank = block.rank;
  const int64_t panels = NumFactorPanels(rank);
  draft.factor = worker.slabs.Filled(FactorPanelsSize(panels), 0.0);
  draft.inverse_diagonal = worker.slabs.Filled(panels * kPanelRows, 1.0);
  for (int64_t r = 0; r < panels * kPanelRows; ++r) {
    double* panel =
        draft.factor.data() + FactorPanelsSize(r / kPanelRows) + r % kPanelRows;
    if (r >= rank) {
      panel[r * kPanelRows] = 1;
      continue;
    }
    for (int64_t c = 0; c <= r; ++c) {
      panel[c * kPanelRows] = worker.w(c, draft.members[r]);
    }
    draft.inverse_diagonal[r] = 1 / worker.w(r, draft.members[r]);
  }
}

// The axis is the mean of the sub-block's directions, all turned to one side.
void BlockSkeletons::MakeCones(const Block& block, Worker& worker,
                               Draft& draft) {
  const int rank = block.rank;
  const int panels = (block.count + kPanel - 1) / kPanel;
  draft.axes = worker.slabs.Filled(
      int64_t{(panels + kPanel - 1) / kPanel} * kPanel * rank, 0.0f);
  std::vector<double> mean(rank);
  for (int p = 0; p < panels; ++p) {
    const float* w = draft.w.data() + int64_t{p} * kPanel * rank;
    const int count = std::min(kPanel, block.count - p * kPanel);
    const int64_t cone = block.first / kPanel + p;
    const int64_t first = block.first + int64_t{p} * kPanel;
    float* axis =
        draft.axes.data() + int64_t{p / kPanel} * kPanel * rank + p % kPanel;

    std::fill(mean.begin(), mean.end(), 0.0);
    for (int j = 0; j < count; ++j) {
      double product = 0;
      for (int c = 0; c < rank; ++c) product += mean[c] * w[kPanel * c + j];
      const double length = std::sqrt(columns_.exact_squared_length[first + j]);
      if (length == 0) continue;
      const double factor = (product < 0 ? -1 : 1) / length;
      for (int c = 0; c < rank; ++c) mean[c] += factor * w[kPanel * c + j];
    }
    double squared = 0;
    for (const double x : mean) squared += x * x;
    const double scale = squared > 0 ? 1 / std::sqrt(squared) : 0.0;
    for (int c = 0; c < rank; ++c) {
      axis[kPanel * c] = static_cast<float>(mean[c] * scale);
    }
    double cosine = 1;
    for (int j = 0; j < count; ++j) {
      double product = 0;
      double length = 0;
      for (int c = 0; c < rank; ++c) {
        const double x = w[kPanel * c + j];
        product += x * axis[kPanel * c];
        length += x * x;
      }
      if (length > 0) {
        cosine = std::min(cosine, std::abs(product) / std::sqrt(length));
      }
      cones_.length[cone] = std::max(
          cones_.length[cone],
          FloatAbove(std::sqrt(columns_.exact_squared_length[first + j])));
      cones_.e[cone] = std::max(cones_.e[cone], columns_.e[first + j]);
      cones_.min_row[cone] =
          std::min(cones_.min_row[cone], columns_.rows[first + j]);
    }
    // An axis in float32 is not quite of length 1.
    cosine = std::max(0.0, cosine - 4 * kFloatRoundoff);
    cones_.cosine[cone] = FloatBelow(cosine);
    cones_.sine[cone] = FloatAbove(std::sqrt((1 - cosine) * (1 + cosine)));
  }
}

void BlockSkeletons::MakeTails(const Block& block, const float* w) {
  const int head = HeadOf(block.rank);
  for (int64_t j = 0; j < block.count; j += kPanel) {
    double squared[kPanel] = {};
    for (int c = 0; c < block.rank; ++c, w += kPanel) {
      if (c < head) continue;
      for (int l = 0; l < kPanel; ++l) squared[l] += double{w[l]} * w[l];
    }
    for (int l = 0; l < kPanel; ++l) {
      columns_.tail[block.first + j + l] =
          FloatAbove(std::sqrt(squared[l]) * (1 + 0x1p-40));
    }
  }
}

BlockSkeletons::Part BlockSkeletons::PartOf(const Block& block) {
  const int64_t rank = block.rank;
  const int64_t panels = (block.count + kPanel - 1) / kPanel;
  const int64_t cone_panels = (panels + kPanel - 1) / kPanel;
  const int64_t factor_panels = NumFactorPanels(block.rank);
  return {panels * kPanel * rank, cone_panels * kPanel * rank,
          FactorPanelsSize(factor_panels), factor_panels * kPanelRows, rank};
}

BlockSkeletons::Part BlockSkeletons::Place(std::vector<Block>& blocks) {
  Part end = {};
  for (Block& block : blocks) {
    block.w = end.w;
    block.axis = end.axis;
    block.factor = end.factor;
    block.diagonal = end.diagonal;
    block.skeleton = end.skeleton;
    const Part part = PartOf(block);
    end.w += part.w;
    end.axis += part.axis;
    end.factor += part.factor;
    end.diagonal += part.diagonal;
    end.skeleton += part.skeleton;
  }
  return end;
}

void BlockSkeletons::Join(const ResidualCorrelation& metric,
                          const std::vector<Draft>& drafts) {
  const Part end = Place(blocks_);
  for (int b = 0; b < num_blocks(); ++b) {
    const Block& block = blocks_[b];
    const Draft& draft = drafts[b];
    for (const int member : draft.members) {
      factors_.member_rows.push_back(columns_.rows[block.first + member]);
    }
    summary_.max_rank = std::max(summary_.max_rank, block.rank);
    summary_.evaluations += draft.evaluations;
    summary_.sound = summary_.sound && draft.sound;
  }
  w_ = AlignedBuffer<float>(end.w);
  cones_.axes = AlignedBuffer<float>(end.axis);
  factors_.elements = AlignedBuffer<double>(end.factor);
  factors_.inverse_diagonals = AlignedBuffer<double>(end.diagonal);
  for (int b = 0; b < num_blocks(); ++b) {
    const Block& block = blocks_[b];
    const Draft& draft = drafts[b];
    std::copy(draft.w.begin(), draft.w.end(), w_.begin() + block.w);
    std::copy(draft.axes.begin(), draft.axes.end(),
              cones_.axes.begin() + block.axis);
    std::copy(draft.factor.begin(), draft.factor.end(),
              factors_.elements.begin() + block.factor);
    std::copy(draft.inverse_diagonal.begin(), draft.inverse_diagonal.end(),
              factors_.inverse_diagonals.begin() + block.diagonal);
  }
  AssignMembers(metric);
}

void BlockSkeletons::Summarize(const std::vector<Draft>& drafts, int stride) {
  std::vector<double> residuals;
  for (size_t b = 0; b < drafts.size(); b += stride) {
    residuals.push_back(drafts[b].rms_residual);
  }
  if (residuals.empty()) return;
  const auto middle =
      residuals.begin() + static_cast<int64_t>(residuals.size()) / 2;
  std::nth_element(residuals.begin(), middle, residuals.end());
  summary_.median_residual = *middle;
  summary_.mean_rank =
      static_cast<double>(total_rank()) / static_cast<double>(residuals.size());
}

void BlockSkeletons::AssignMembers(const ResidualCorrelation& metric) {
  factors_.members = TilePoints(
      static_cast<int64_t>(factors_.member_rows.size()), metric.dim());
  factors_.members.Assign(metric.data(), factors_.member_rows);
}

template <class Self, class Archive>
void BlockSkeletons::Describe(Self& self, Archive& archive) {
  archive.Array("skeletons.loose_rows", self.loose_rows_);
  archive.Value("skeletons.block_size", self.block_size_);
  archive.Array("skeletons.blocks", self.blocks_);
  archive.Array("skeletons.rows", self.columns_.rows);
  archive.Array("skeletons.positions", self.columns_.positions);
  archive.Array("skeletons.e", self.columns_.e);
  archive.Array("skeletons.norm", self.columns_.norm);
  archive.Array("skeletons.squared", self.columns_.squared_length);
  archive.Array("skeletons.exact_squared", self.columns_.exact_squared_length);
  archive.Array("skeletons.w", self.w_);
  archive.Array("cones.axes", self.cones_.axes);
  archive.Array("cones.cosine", self.cones_.cosine);
  archive.Array("cones.sine", self.cones_.sine);
  archive.Array("cones.length", self.cones_.length);
  archive.Array("cones.e", self.cones_.e);
  archive.Array("cones.min_row", self.cones_.min_row);
  archive.Array("skeletons.factors", self.factors_.elements);
  archive.Array("skeletons.diagonals", self.factors_.inverse_diagonals);
  archive.Array("skeletons.members", self.factors_.member_rows);
  archive.Value("skeletons.max_rank", self.summary_.max_rank);
  archive.Value("skeletons.mean_rank", self.summary_.mean_rank);
  archive.Value("skeletons.residual", self.summary_.median_residual);
  archive.Value("skeletons.sound", self.summary_.sound);
  archive.Value("skeletons.evaluations", self.summary_.evaluations);
}

BlockSkeletons::BlockSkeletons(const ResidualCorrelation& metric,
                               ArchiveReader& archive)
    : slack_(*metric.rounding(), 0, {}),
      filter_(FilterRoutinesFor(metric.simd().isa)),
      simd_(&metric.simd()),
      partition_(archive, metric.size(), metric.dim()),
      block_size_(0),
      factors_(metric.dim()) {
  Describe(*this, archive);
  if (archive.status().ok()) CheckRows(metric.size(), archive);
  if (archive.status().ok()) CheckBlocks(archive);
  if (archive.status().ok()) CheckFactors(archive);
  if (archive.status().ok()) CheckNumbers(archive);
  if (!archive.status().ok()) return;
  slack_ = SkeletonSlack(*metric.rounding(), LargestRank(block_size_), {});
  columns_.tail = AlignedBuffer<float>(num_positions());
  for (const Block& block : blocks_) {
    MakeTails(block, std::as_const(w_).data() + block.w);
  }
  AssignMembers(metric);
}

void BlockSkeletons::CheckRows(int64_t num_points,
                               ArchiveReader& archive) const {
  archive.Expect(block_size_ == partition_.block_size(), "skeletons.block_size",
                 "is not that of the partition");
  archive.Expect(partition_.num_blocks() > 0, "partition.rows", "is empty");
  archive.Expect(
      static_cast<int64_t>(blocks_.size()) == partition_.num_blocks(),
      "skeletons.blocks", "has not a skeleton for each block");
  if (!archive.status().ok()) return;
  archive.Expect(static_cast<int64_t>(columns_.rows.size()) == num_positions(),
                 "skeletons.rows", "has not a row for each position");
  archive.Expect(static_cast<int64_t>(columns_.positions.size()) == num_points,
                 "skeletons.positions", "has not a position for each row");
  archive.Expect(partition_.size() + static_cast<int64_t>(loose_rows_.size()) ==
                     num_points,
                 "skeletons.loose_rows",
                 "has not those rows that no block has");
  if (!archive.status().ok()) return;
  bool same = true;
  bool inverse = true;
  for (int64_t i = 0; i < num_positions(); ++i) {
    const int32_t row = i < partition_.size() ? partition_.rows()[i] : kNoRow;
    same = same && columns_.rows[i] == row;
    inverse = inverse && (row == kNoRow || columns_.positions[row] == i);
  }
  archive.Expect(same, "skeletons.rows", "has other rows than the partition");
  bool loose = true;
  for (size_t i = 0; i < loose_rows_.size(); ++i) {
    const int32_t row = loose_rows_[i];
    loose = loose && row >= (i == 0 ? 0 : loose_rows_[i - 1] + 1) &&
            row < num_points;
    inverse = inverse && (!loose || columns_.positions[row] == -1);
  }
  archive.Expect(loose, "skeletons.loose_rows",
                 "has a row that does not exist or is not in order");
  archive.Expect(inverse, "skeletons.positions",
                 "does not say where the rows of blocks are");
}

void BlockSkeletons::CheckBlocks(ArchiveReader& archive) const {
  std::vector<Block> expected(blocks_.size());
  int max_rank = 0;
  for (int b = 0; b < num_blocks(); ++b) {
    Block& block = expected[b];
    block = blocks_[b];
    block.first = b * block_size_;
    block.count = static_cast<int>(
        std::min(block_size_, partition_.size() - block.first));
    block.min_row =
        *std::min_element(columns_.rows.begin() + block.first,
                          columns_.rows.begin() + block.first + block.count);
    const bool ranked = block.rank >= 0 && block.rank <= block.count &&
                        block.rank <= LargestRank(block_size_);
    if (!archive.Expect(ranked, "skeletons.blocks",
                        "has a skeleton that is larger than its block")) {
      return;
    }
    max_rank = std::max(max_rank, block.rank);
  }
  const Part end = Place(expected);
  archive.Expect(std::memcmp(expected.data(), blocks_.data(),
                             expected.size() * sizeof(Block)) == 0,
                 "skeletons.blocks",
                 "has blocks that do not follow each other");
  const auto sized = [&](const auto& array, int64_t size) {
    return static_cast<int64_t>(array.size()) == size;
  };
  constexpr std::string_view kOther = "is not of the size of all skeletons";
  archive.Expect(sized(w_, end.w), "skeletons.w", kOther);
  archive.Expect(sized(cones_.axes, end.axis), "cones.axes", kOther);
  archive.Expect(sized(factors_.elements, end.factor), "skeletons.factors",
                 kOther);
  archive.Expect(sized(factors_.inverse_diagonals, end.diagonal),
                 "skeletons.diagonals", kOther);
  archive.Expect(sized(factors_.member_rows, end.skeleton), "skeletons.members",
                 kOther);
  archive.Expect(summary_.max_rank == max_rank, "skeletons.max_rank",
                 "is not the largest rank");
  archive.Expect(sized(cones_.min_row, num_cones()), "cones.min_row",
                 "has not a row for each cone");
  for (int64_t cone = 0; archive.status().ok() && cone < num_cones(); ++cone) {
    // kNoRow, which padding has, is the largest.
    const auto first = columns_.rows.begin() + cone * kPanel;
    archive.Expect(
        cones_.min_row[cone] == *std::min_element(first, first + kPanel),
        "cones.min_row", "is not the least row of each cone");
  }
}

// Members lie in their blocks, the rows of T are their coordinates, and a solve
// divides by positive numbers, in the rows that fill the last panel as well.
void BlockSkeletons::CheckFactors(ArchiveReader& archive) const {
  for (const Block& block : blocks_) {
    for (int64_t r = 0; r < PartOf(block).diagonal; ++r) {
      const double* row = factors_.elements.data() + block.factor +
                          FactorPanelsSize(r / kPanelRows) + r % kPanelRows;
      const double diagonal = row[r * kPanelRows];
      archive.Expect(diagonal > 0 && std::isfinite(diagonal),
                     "skeletons.factors",
                     "has a diagonal that is not positive");
      archive.Expect(
          factors_.inverse_diagonals[block.diagonal + r] == 1 / diagonal,
          "skeletons.diagonals", "is not the inverse of the factors' diagonal");
      if (r >= block.rank) continue;
      const int32_t member = factors_.member_rows[block.skeleton + r];
      const bool known = member >= 0 && member < static_cast<int64_t>(
                                                     columns_.positions.size());
      const int64_t place =
          known ? columns_.positions[member] - block.first : -1;
      if (!archive.Expect(place >= 0 && place < block.count,
                          "skeletons.members",
                          "has a row that is not in its block")) {
        return;
      }
      const float* w = w_.data() + block.w +
                       place / kPanel * kPanel * block.rank + place % kPanel;
      for (int64_t c = 0; c < block.rank; ++c) {
        const double element = c <= r ? row[c * kPanelRows] : 0.0;
        archive.Expect(w[kPanel * c] == static_cast<float>(element),
                       "skeletons.members",
                       "has a row of other coordinates than its factor");
      }
    }
  }
}

void BlockSkeletons::CheckNumbers(ArchiveReader& archive) const {
  const auto check = [&](std::string_view name, const auto& array,
                         int64_t size) {
    using T = std::decay_t<decltype(array[0])>;
    archive.Expect(static_cast<int64_t>(array.size()) == size, name,
                   "has not a number for each place");
    archive.Expect(AllFiniteAndNotNegative<T>(array.span()), name,
                   "has numbers that are negative or not finite");
  };
  check("skeletons.e", columns_.e, num_positions());
  check("skeletons.norm", columns_.norm, num_positions());
  check("skeletons.squared", columns_.squared_length, num_positions());
  check("skeletons.exact_squared", columns_.exact_squared_length,
        num_positions());
  check("cones.cosine", cones_.cosine, num_cones() + kPanel);
  check("cones.sine", cones_.sine, num_cones() + kPanel);
  check("cones.length", cones_.length, num_cones() + kPanel);
  check("cones.e", cones_.e, num_cones() + kPanel);
  constexpr std::string_view kNotFinite = "is not finite";
  archive.Expect(AllFinite(w_.span()), "skeletons.w", kNotFinite);
  archive.Expect(AllFinite(cones_.axes.span()), "cones.axes", kNotFinite);
  archive.Expect(AllFinite(factors_.elements.span()), "skeletons.factors",
                 kNotFinite);
  for (const Block& block : blocks_) {
    archive.Expect(AllFiniteAndNotNegative<float>({block.length, block.e}),
                   "skeletons.blocks",
                   "has lengths that are negative or not finite");
  }
  archive.Expect(
      summary_.mean_rank >= 0 && summary_.mean_rank <= summary_.max_rank,
      "skeletons.mean_rank", "is above the largest rank");
  archive.Expect(
      summary_.median_residual >= 0 && std::isfinite(summary_.median_residual),
      "skeletons.residual", "is negative or not finite");
  archive.Expect(summary_.sound, "skeletons.sound",
                 "says that they are of no use");
  archive.Expect(summary_.evaluations >= 0, "skeletons.evaluations",
                 "is negative");
}

void BlockSkeletons::Save(ArchiveWriter& archive) const {
  partition_.Save(archive);
  Describe(*this, archive);
}

void BlockSkeletons::Solve(int b, int64_t stride, int64_t count,
                           double* rhs) const {
  const Block& block = blocks_[b];
  for (int64_t p = 0; p < NumFactorPanels(block.rank); ++p) {
    simd_->solve_panel(
        {factors_.elements.data() + block.factor + FactorPanelsSize(p),
         factors_.inverse_diagonals.data() + block.diagonal + p * kPanelRows,
         p * kPanelRows},
        stride, count, rhs);
  }
}

BlockSkeletons::Projection::Projection(int64_t capacity, int max_rank)
    : rhs(RoundUpToLanes(max_rank) * RoundUpToLanes(capacity)),
      squared_length(capacity) {}

int64_t BlockSkeletons::Project(const ResidualCorrelation& metric, int b,
                                const TilePoints& points,
                                Projection& projection, float* panels) const {
  const Block& block = blocks_[b];
  const auto count = static_cast<int>(points.size());
  const int64_t stride = RoundUpToLanes(count);
  double* rhs = projection.rhs.data();
  CorrelationTile(metric, factors_.members, block.skeleton, block.rank, points,
                  0, count, rhs, stride);
  for (int64_t c = 0; c < RoundUpToLanes(block.rank); ++c) {
    const int64_t known = c < block.rank ? count : 0;
    std::fill(rhs + c * stride + known, rhs + (c + 1) * stride, 0.0);
  }
  Solve(b, stride, stride, rhs);
  std::fill_n(projection.squared_length.begin(), count, 0.0);
  for (int c = 0; c < block.rank; ++c) {
    for (int i = 0; i < count; ++i) {
      const double x = rhs[c * stride + i];
      panels[(int64_t{i / kPanel} * block.rank + c) * kPanel + i % kPanel] =
          static_cast<float>(x);
      projection.squared_length[i] += x * x;
    }
  }
  return int64_t{count} * block.rank;
}

int64_t BlockSkeletons::bytes() const {
  return static_cast<int64_t>(
      sizeof(float) * (w_.size() + cones_.axes.size() + 4 * columns_.e.size() +
                       4 * cones_.cosine.size()) +
      sizeof(double) *
          (factors_.elements.size() + factors_.inverse_diagonals.size() +
           columns_.exact_squared_length.size()) +
      sizeof(int32_t) * (columns_.rows.size() + columns_.positions.size()));
}

}  // namespace rct
