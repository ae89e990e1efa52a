#include "traversal/block/far_field_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "traversal/block/far_field_balls.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/median_splits.h"
#include "traversal/block/space_partition.h"
#include "traversal/kept_candidates.h"

namespace rct {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The part of a block's points that stands first: those with the smallest p.
constexpr int kSmallPart = 16;

// Queries that are evaluated together (kept_candidates.h).
constexpr int kPair = KeptCandidates::kMostAsked;

// The shares of the two steps of the build that a monitor is told.
constexpr double kPointShare = 0.7;

int64_t RoundUpTo(int64_t multiple, int64_t count) {
  return (count + multiple - 1) / multiple * multiple;
}

}  // namespace

// The scratch space of one thread.
struct FarFieldBlocks::Worker {
  Worker(const ResidualCorrelation& metric, const FarFieldBoxes& boxes,
         int64_t block_size, int64_t expected_bytes)
      : box(boxes, block_size),
        inducing(metric, block_size),
        basis(kMaxRank * metric.data().v.stride()),
        coordinates(kMaxRank * RoundUpToLanes(block_size)),
        rounded(block_size * kMaxRank),
        residual(block_size),
        rows(block_size),
        balls(metric.dim()),
        slabs(expected_bytes) {}

  FarFieldBoxes::Worker box;
  InducingBounds::Worker inducing;
  AlignedBuffer<double> basis;
  AlignedBuffer<double> coordinates;
  AlignedBuffer<double> rounded;
  std::vector<double> residual;
  std::vector<const double*> rows;
  FarFieldBalls::Worker balls;
  Slabs slabs;
};

bool FarFieldBlocks::Offered(const ResidualCorrelation& metric) {
  return metric.factor() != nullptr && metric.size() > 0 &&
         metric.data().v.cols() > 0 && metric.rounding()->Validate().ok() &&
         ChebyshevGrid::SideFor(metric.kernel().family(), metric.dim()) > 0;
}

SpacePartition FarFieldBlocks::Partition(const ResidualCorrelation& metric,
                                         const FarFieldOptions& options,
                                         int threads) {
  std::vector<char> inducing(metric.size());
  for (const int64_t row : metric.factor()->inducing().rows) inducing[row] = 1;
  std::vector<int32_t> rows;
  rows.reserve(metric.size());
  for (int32_t i = 0; i < metric.size(); ++i) {
    if (!inducing[i]) rows.push_back(i);
  }
  return SpacePartition(
      metric.data().points.view(),
      absl::MakeConstSpan(metric.kernel().spec().inverse_lengthscale,
                          metric.dim()),
      std::move(rows), options.block_size, threads);
}

FarFieldBlocks::FarFieldBlocks(const ResidualCorrelation& metric,
                               const FarFieldOptions& options,
                               const SpacePartition& partition, int threads,
                               Monitor* monitor, absl::Span<const int> only)
    : boxes_(metric.factor(), metric.simd(), options.scale,
             partition.num_blocks()),
      scale_(options.scale),
      frame_(metric, options.scale.filter),
      routines_(FarFieldRoutinesFor(metric.simd().isa)),
      block_size_(partition.block_size()),
      num_inducing_(metric.data().v.cols()),
      blocks_(partition.num_blocks()),
      positions_(metric.size(), -1),
      dim_(static_cast<int>(metric.dim())) {
  const Monitor::Part whole(monitor);
  const int64_t num_blocks = partition.num_blocks();
  if (options.balls) {
    balls_.emplace(metric, frame_, num_blocks, block_size_, scale_);
  }
  MakeColumns();
  std::vector<int> made(only.begin(), only.end());
  if (only.empty()) {
    made.resize(num_blocks);
    std::iota(made.begin(), made.end(), 0);
  }
  const auto num_made = static_cast<int64_t>(made.size());
  const int workers_wanted = static_cast<int>(
      std::max<int64_t>(1, std::min<int64_t>(threads, num_made)));
  // Bases, coordinates and those of balls, of about half the largest rank.
  const int64_t expected_bytes = num_made * (num_inducing_ + block_size_) *
                                 kMaxRank / 2 * 4 / workers_wanted;
  std::vector<Worker> workers;
  workers.reserve(workers_wanted);
  for (int w = 0; w < workers_wanted; ++w) {
    workers.emplace_back(metric, boxes_, block_size_, expected_bytes);
  }
  ParallelFor(workers_wanted, num_made, [&](int64_t number, int) {
    OrderRows(metric, partition, made[number]);
  });
  if (only.empty()) {
    inducing_.emplace(metric, columns_.row,
                      /*others=*/absl::Span<const int32_t>(), boxes_.slack());
    inducing_->Weigh(inducing_->panels_of_rows(), threads, nullptr);
  }
  {
    const Monitor::Part part(monitor, kPointShare);
    ParallelFor(
        workers_wanted, num_made, monitor, [&](int64_t number, int worker) {
          const int block = made[number];
          const auto rows =
              absl::MakeConstSpan(columns_.row)
                  .subspan(blocks_[block].first, blocks_[block].count);
          boxes_.MakeBox(block, metric.data().points.view(), rows);
          boxes_.AddPoints(block, metric.data(), rows, workers[worker].box);
          BoundInducing(block, workers[worker]);
          MakeBasis(metric, options.rms_rest, block, workers[worker]);
          MakeBalls(metric, block, workers[worker]);
        });
  }
  if (!Monitor::Go(monitor)) return;
  if (inducing_.has_value()) inducing_->Finish(threads);
  for (Worker& worker : workers) slabs_.push_back(std::move(worker.slabs));
  for (const Block& block : blocks_) {
    max_rank_ = std::max(max_rank_, block.rank);
  }
  most_ = Matrix<float>(num_blocks, num_blocks);
  expansions_.emplace(boxes_.grid(), num_blocks,
                      8 * metric.data().v.rows() * metric.data().v.stride() /
                          FarFieldExpansions::kPartOfV,
                      scale_.filter);
  {
    const Monitor::Part part(monitor, 1 - kPointShare);
    ParallelFor(workers_wanted, num_made, monitor, [&](int64_t i, int worker) {
      BoundPairs(made, i, workers[worker]);
    });
  }
  boxes_.DropNodes();
}

void FarFieldBlocks::MakeColumns() {
  const int64_t num_positions = num_blocks() * block_size_;
  columns_.row.assign(num_positions, kNoRow);
  columns_.z = AlignedBuffer<float>(num_positions * dim_);
  for (AlignedBuffer<float>* column :
       {&columns_.length, &columns_.a_length, &columns_.a_sum, &columns_.rest,
        &columns_.shift, &columns_.error, &columns_.root, &columns_.scale}) {
    *column = AlignedBuffer<float>(num_positions);
    std::fill(column->begin(), column->end(), 0.0f);
  }
  std::fill(columns_.z.begin(), columns_.z.end(), 0.0f);
  columns_.min_root.assign(num_positions / kFarPanel, 0);
  columns_.min_row.assign(num_positions / kFarPanel, kNoRow);
}

void FarFieldBlocks::OrderRows(const ResidualCorrelation& metric,
                               const SpacePartition& partition, int b) {
  const AlignedBuffer<double>& p = metric.data().variance;
  const int64_t first = b * block_size_;
  const int count =
      static_cast<int>(std::min(block_size_, partition.size() - first));
  const auto begin = columns_.row.begin() + first;
  std::copy_n(partition.rows().begin() + first, count, begin);
  const auto small =
      begin +
      std::min<int64_t>(count, RoundUpTo(kFarPanel, count / kSmallPart));
  std::nth_element(begin, small == begin + count ? small - 1 : small,
                   begin + count, [&](int32_t i, int32_t j) {
                     return std::pair(p[i], i) < std::pair(p[j], j);
                   });
  OrderPart(metric, absl::MakeSpan(&*begin, small - begin));
  OrderPart(metric, absl::MakeSpan(&*begin, count).subspan(small - begin));
  blocks_[b] = {};
  blocks_[b].first = first;
  blocks_[b].count = count;
  blocks_[b].min_row = *std::min_element(begin, begin + count);
  for (int j = 0; j < count; ++j) {
    positions_[columns_.row[first + j]] = static_cast<int32_t>(first + j);
  }
}

void FarFieldBlocks::OrderPart(const ResidualCorrelation& metric,
                               absl::Span<int32_t> rows) const {
  if (!balls_.has_value()) {
    std::sort(rows.begin(), rows.end());
    return;
  }
  // Whole panels, and pairs of points within one: two queries that follow each
  // other share more candidates the nearer they are.
  const auto middle = [](PointRange range) {
    const int64_t unit = range.size() > kFarPanel ? kFarPanel : kPair;
    const int64_t units = (range.size() + unit - 1) / unit;
    return range.first + (units + 1) / 2 * unit;
  };
  SplitByMedians(
      metric.data().points.view(),
      absl::MakeConstSpan(metric.kernel().spec().inverse_lengthscale, dim_),
      kPair, /*threads=*/1,
      {middle, /*by_row=*/[](PointRange) { return false; },
       /*done=*/[](PointRange, const MedianSplit&) {}},
      rows);
}

void FarFieldBlocks::BoundInducing(int b, Worker& worker) {
  if (!inducing_.has_value()) return;
  inducing_->SetPanels(blocks_[b].first / kFarPanel, worker.box.alpha.data(),
                       worker.box.piece, RoundUpToLanes(blocks_[b].count),
                       boxes_.weight_length(b), worker.inducing);
}

void FarFieldBlocks::MakeBalls(const ResidualCorrelation& metric, int b,
                               Worker& worker) {
  if (!balls_.has_value()) return;
  const Block& block = blocks_[b];
  const auto rows =
      absl::MakeConstSpan(columns_.row).subspan(block.first, block.count);
  for (int64_t p = 0; p < num_panels(b); ++p) {
    balls_->Choose(metric, frame_, block.first / kFarPanel + p,
                   rows.subspan(p * kFarPanel, kFarPanel), worker.balls);
  }
  balls_->AddBlock(b, points(b), num_panels(b), worker.slabs);
}

void FarFieldBlocks::CubeCoordinates(const ResidualCorrelation& metric, int b,
                                     int64_t row, double* x) const {
  boxes_.CubeCoordinates(b, metric.data().points.row(row), x);
}

void FarFieldBlocks::MakeBasis(const ResidualCorrelation& metric,
                               double rms_rest, int b, Worker& worker) {
  blocks_[b].rank = Orthonormalize(metric, rms_rest, b, worker);
  const double norm = KeepBasis(b, worker);
  KeepPoints(metric, b, norm, worker);
}

int FarFieldBlocks::Orthonormalize(const ResidualCorrelation& metric,
                                   double rms_rest, int b,
                                   Worker& worker) const {
  const Block& block = blocks_[b];
  const ResidualPoints& data = metric.data();
  const int64_t terms = data.v.stride();
  const int64_t m = data.v.cols();
  const int64_t stride = RoundUpToLanes(block_size_);
  double* const basis = worker.basis.data();
  double sum = 0;
  for (int j = 0; j < block.count; ++j) {
    const int32_t row = columns_.row[block.first + j];
    worker.rows[j] = data.v.row(row);
    const double s = data.inverse_sqrt[row];
    double squared = 0;
    metric.simd().dot_tile(&worker.rows[j], 1, &worker.rows[j], 1,
                           RoundUpToLanes(m), &squared, 1);
    worker.residual[j] = squared * s * s;
    sum += worker.residual[j];
  }
  // Pivoted Gram-Schmidt: the point of which most is left is next.
  const double enough = rms_rest * rms_rest * block.count;
  const int most = static_cast<int>(
      std::min<int64_t>({kMaxRank, block.count, metric.data().v.cols()}));
  int rank = 0;
  while (rank < most && sum > enough) {
    const auto pivot = static_cast<int>(
        std::max_element(worker.residual.begin(),
                         worker.residual.begin() + block.count) -
        worker.residual.begin());
    if (!(worker.residual[pivot] > 0)) break;
    double* next = basis + rank * terms;
    std::copy_n(worker.rows[pivot], terms, next);
    // Twice is enough.
    for (int pass = 0; pass < 2; ++pass) {
      for (int i = 0; i < rank; ++i) {
        const double* other = basis + i * terms;
        double product = 0;
        metric.simd().dot_tile(&other, 1, const_cast<const double**>(&next), 1,
                               RoundUpToLanes(m), &product, 1);
        for (int64_t c = 0; c < m; ++c) next[c] -= product * other[c];
      }
    }
    double squared = 0;
    const double* vector = next;
    metric.simd().dot_tile(&vector, 1, &vector, 1, RoundUpToLanes(m), &squared,
                           1);
    if (!(squared > 0)) break;
    const double inverse = 1 / std::sqrt(squared);
    for (int64_t c = 0; c < m; ++c) next[c] *= inverse;
    double* products = worker.coordinates.data() + rank * stride;
    metric.simd().dot_tile(&vector, 1, worker.rows.data(), block.count,
                           RoundUpToLanes(m), products, stride);
    sum = 0;
    for (int j = 0; j < block.count; ++j) {
      const double s = data.inverse_sqrt[columns_.row[block.first + j]];
      const double scaled = products[j] * s;
      worker.residual[j] = std::max(0.0, worker.residual[j] - scaled * scaled);
      sum += worker.residual[j];
    }
    worker.residual[pivot] = 0;
    ++rank;
  }
  return rank;
}

double FarFieldBlocks::KeepBasis(int b, Worker& worker) {
  Block& block = blocks_[b];
  const int rank = block.rank;
  const int64_t m = num_inducing_;
  const int64_t terms = static_cast<int64_t>(worker.basis.size()) / kMaxRank;
  const int64_t stride = RoundUpToLanes(block_size_);
  double* const basis = worker.basis.data();
  const int64_t width = RoundUpTo(kFarPanel, rank);
  const absl::Span<float> kept = worker.slabs.Filled(m * width, 0.0f);
  block.basis = kept.data();
  double norm = 0;
  for (int i = 0; i < rank; ++i) {
    for (int64_t c = 0; c < m; ++c) {
      const auto x = static_cast<float>(basis[i * terms + c]);
      kept[c * width + i] = x;
      basis[i * terms + c] = double{x};
      norm += double{x} * x;
    }
  }
  const absl::Span<float> panels =
      worker.slabs.Filled(int64_t{kFarPanel} * rank * num_panels(b), 0.0f);
  block.a = panels.data();
  const double unit = frame_.unit();
  for (int j = 0; j < block.count; ++j) {
    for (int i = 0; i < rank; ++i) {
      const auto rounded =
          static_cast<float>(unit * worker.coordinates[i * stride + j]);
      panels[(int64_t{j / kFarPanel} * rank + i) * kFarPanel + j % kFarPanel] =
          rounded;
      worker.rounded[int64_t{j} * kMaxRank + i] = static_cast<double>(rounded);
    }
  }
  return std::sqrt(norm);
}

void FarFieldBlocks::KeepPoints(const ResidualCorrelation& metric, int b,
                                double norm, Worker& worker) {
  Block& block = blocks_[b];
  const int rank = block.rank;
  const ResidualPoints& data = metric.data();
  const int64_t m = data.v.cols();
  const double unit = frame_.unit();
  std::vector<double> squares(block.count);
  routines_->rest_squares(worker.rows.data(), block.count, unit,
                          worker.rounded.data(), kMaxRank, worker.basis.data(),
                          data.v.stride(), rank, RoundUpToLanes(m),
                          squares.data());
  const double longest =
      std::sqrt(metric.kernel().variance()) * unit * (1 + 0x1p-20);
  const int dim = metric.dim();
  const double dot_error = scale_.rounding * (static_cast<double>(m) / 8 + 5) *
                           kUnitRoundoff * longest * longest;
  float min_root = kInfinity;
  float spread = 0;
  for (int j = 0; j < block.count; ++j) {
    const int64_t position = block.first + j;
    const int64_t panel = position / kFarPanel;
    const int32_t row = columns_.row[position];
    double a_squared = 0;
    double a_sum = 0;
    for (int i = 0; i < rank; ++i) {
      const double a = worker.rounded[int64_t{j} * kMaxRank + i];
      a_squared += a * a;
      a_sum += std::abs(a);
    }
    double v_squared = 0;
    metric.simd().dot_tile(&worker.rows[j], 1, &worker.rows[j], 1,
                           RoundUpToLanes(m), &v_squared, 1);
    v_squared *= unit * unit;
    const double a_length = std::sqrt(a_squared) * (1 + 0x1p-30);
    const double v_length = std::sqrt(v_squared) * (1 + 0x1p-30);
    const double rest =
        std::sqrt(squares[j]) * (1 + 0x1p-30) +
        (rank + 4) * kUnitRoundoff * (v_length + norm * a_length);
    columns_.shift[position] = frame_.LoadCoordinates(
        data, row, v_length <= longest ? v_squared : HUGE_VAL,
        columns_.z.data() + panel * kFarPanel * dim + position % kFarPanel,
        kFarPanel);
    columns_.rest[position] = FloatAbove(scale_.filter * rest);
    columns_.a_length[position] = FloatAbove(a_length);
    columns_.a_sum[position] = FloatAbove(a_sum * (1 + 0x1p-30));
    columns_.length[position] = FloatAbove(std::max(v_length + rest, a_length));
    if (a_sum > 0) {
      spread = std::max(spread,
                        columns_.a_sum[position] / columns_.length[position]);
    }
    columns_.error[position] =
        FloatAbove(static_cast<double>(columns_.shift[position]) +
                   longest * scale_.filter * rest + dot_error);
    const double s = frame_.InverseSqrt(data, row);
    columns_.root[position] = FloatBelow(1 / s);
    columns_.scale[position] = FloatAbove(s);
    float& panel_root = columns_.min_root[panel];
    panel_root = position % kFarPanel == 0
                     ? columns_.root[position]
                     : std::min(panel_root, columns_.root[position]);
    columns_.min_row[panel] = std::min(columns_.min_row[panel], row);
    min_root = std::min(min_root, columns_.root[position]);
  }
  block.min_root = min_root;
  block.spread = spread * (1 + 2 * kFloatRoundoff);
}

void FarFieldBlocks::BoundPairs(absl::Span<const int> made, int64_t i,
                                Worker& worker) {
  const int a = made[i];
  for (const int b : made.subspan(i)) {
    most_(a, b) =
        boxes_.BoundPair(a, b, frame_.unit(), *expansions_, worker.box);
    most_(b, a) = most_(a, b);
  }
}

int64_t FarFieldBlocks::bytes() const {
  auto floats = static_cast<int64_t>(
      columns_.z.size() + 9 * columns_.row.size() + positions_.size());
  for (int b = 0; b < num_blocks(); ++b) {
    floats += int64_t{kFarPanel} * blocks_[b].rank * num_panels(b) +
              num_inducing_ * width(b);
  }
  return 4 * floats + 4 * most_.rows() * most_.stride() + boxes_.bytes() +
         expansions_->bytes() + (balls_.has_value() ? balls_->bytes() : 0) +
         (inducing_.has_value() ? inducing_->bytes() : 0);
}

int64_t FarFieldBlocks::width(int b) const {
  return RoundUpTo(kFarPanel, blocks_[b].rank);
}

FarPoints FarFieldBlocks::points(int b) const {
  const Block& block = blocks_[b];
  const int64_t first = block.first;
  const int64_t panel = first / kFarPanel;
  return {block.a,
          block.rank,
          columns_.z.data() + first * dim_,
          columns_.length.data() + first,
          columns_.error.data() + first,
          columns_.root.data() + first,
          columns_.scale.data() + first,
          columns_.row.data() + first,
          columns_.min_root.data() + panel,
          columns_.min_row.data() + panel};
}

double FarFieldBlocks::Table(int a, int b, float* table) const {
  routines_->table(blocks_[a].basis, width(a), blocks_[a].rank,
                   blocks_[b].basis, width(b), num_inducing_, table);
  const int64_t size = blocks_[a].rank * width(b);
  return std::sqrt(static_cast<double>(routines_->product(table, table, size)) *
                   (1 + 0x1p-10));
}

void FarFieldBlocks::Project(const ResidualCorrelation& metric,
                             absl::Span<const int32_t> rows, int b, float* v,
                             float* table) const {
  const auto count = static_cast<int>(rows.size());
  for (int j = 0; j < count; ++j) {
    const double* row = metric.data().v.row(rows[j]);
    for (int64_t c = 0; c < num_inducing_; ++c) {
      v[c * kFarPanel + j] = static_cast<float>(frame_.unit() * row[c]);
    }
  }
  routines_->table(v, kFarPanel, count, blocks_[b].basis, width(b),
                   num_inducing_, table);
}

double FarFieldBlocks::Chains() const {
  return static_cast<double>(kTableChain + 1 + num_inducing_ / kTableChain);
}

float FarFieldBlocks::ProductError(int a, int b, double table_norm,
                                   float a_length, float a_sum,
                                   float y_length) const {
  return static_cast<float>(
      1.01 * scale_.filter * kFloatRoundoff *
      (Chains() * double{a_sum} * double{blocks_[b].spread} +
       (blocks_[a].rank + 2) * table_norm * double{a_length} +
       (blocks_[b].rank + 2) * double{y_length}));
}

float FarFieldBlocks::ProjectionError(int b, float v_length,
                                      float y_length) const {
  return static_cast<float>(
      1.01 * scale_.filter * kFloatRoundoff *
      ((Chains() + 1) * double{v_length} * double{blocks_[b].spread} +
       (blocks_[b].rank + 2) * double{y_length}));
}

}  // namespace rct
