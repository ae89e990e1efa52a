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
#include "metric/point_lanes.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/space_partition.h"

namespace rct {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The part of a block's points that stands first: those with the smallest p.
constexpr int kSmallPart = 16;

// The shares of the two steps of the build that a monitor is told.
constexpr double kPointShare = 0.7;

int64_t RoundUpTo(int64_t multiple, int64_t count) {
  return (count + multiple - 1) / multiple * multiple;
}

ChebyshevGrid GridOf(const ResidualCorrelation& metric) {
  return ChebyshevGrid(
      ChebyshevGrid::SideFor(metric.kernel().family(), metric.dim()),
      metric.dim());
}

}  // namespace

// The scratch space of one thread.
struct FarFieldBlocks::Worker {
  Worker(const ResidualCorrelation& metric, const ChebyshevGrid& grid,
         int64_t block_size)
      : padded(metric.factor()->padded_inducing()),
        grid_stride(RoundUpToLanes(grid.size())),
        lanes(block_size, metric.dim()),
        k(padded * block_size),
        alpha(padded * block_size),
        psi(grid.size() * block_size),
        k_nodes(padded * grid_stride),
        alpha_nodes(padded * grid_stride),
        maxima(2 * padded),
        squares(block_size + grid_stride),
        values(grid_stride * grid_stride),
        dots(values.size()),
        scratch(values.size()),
        basis(kMaxRank * metric.data().v.stride()),
        coordinates(kMaxRank * RoundUpToLanes(block_size)),
        rounded(block_size * kMaxRank),
        residual(block_size),
        rows(block_size),
        a_rows(grid.size()),
        b_rows(grid.size()) {}

  int64_t padded;
  int64_t grid_stride;
  PointLanes lanes;
  AlignedBuffer<double> k;
  AlignedBuffer<double> alpha;
  AlignedBuffer<double> psi;
  AlignedBuffer<double> k_nodes;
  AlignedBuffer<double> alpha_nodes;
  std::vector<double> maxima;
  AlignedBuffer<double> squares;
  AlignedBuffer<double> values;
  AlignedBuffer<double> dots;
  AlignedBuffer<double> scratch;
  AlignedBuffer<double> basis;
  AlignedBuffer<double> coordinates;
  AlignedBuffer<double> rounded;
  std::vector<double> residual;
  std::vector<const double*> rows;
  std::vector<const double*> a_rows;
  std::vector<const double*> b_rows;
};

// The parts of one block whose sizes are not known before.
struct FarFieldBlocks::Draft {
  int rank = 0;
  std::vector<float> a;      // panels
  std::vector<float> basis;  // terms x width
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
    : grid_(GridOf(metric)),
      scale_(options.scale),
      slack_(*metric.rounding(), grid_, options.scale),
      frame_(metric, options.scale.filter),
      routines_(FarFieldRoutinesFor(metric.simd().isa)),
      block_size_(partition.block_size()),
      stride_(RoundUpTo(kFarPanel, metric.data().v.cols())),
      blocks_(partition.num_blocks()),
      positions_(metric.size(), -1),
      scale_of_coordinates_(
          metric.kernel().spec().inverse_lengthscale,
          metric.kernel().spec().inverse_lengthscale + metric.dim()) {
  const Monitor::Part whole(monitor);
  const int64_t num_blocks = partition.num_blocks();
  const int dim = metric.dim();
  OrderRows(metric, partition);
  boxes_.center.resize(num_blocks * dim);
  boxes_.half.resize(num_blocks * dim);
  boxes_.shift.resize(num_blocks);
  boxes_.weights = {stride_, AlignedBuffer<float>(num_blocks * stride_),
                    std::vector<double>(num_blocks)};
  boxes_.errors = AlignedBuffer<float>(num_blocks * stride_);
  boxes_.rests = AlignedBuffer<float>(num_blocks * stride_);
  boxes_.nodes = Matrix<double>(num_blocks * grid_.size(), dim);
  boxes_.v = Matrix<double>(num_blocks * grid_.size(), metric.data().v.cols(),
                            metric.data().v.stride());
  std::vector<int> made(only.begin(), only.end());
  if (only.empty()) {
    made.resize(num_blocks);
    std::iota(made.begin(), made.end(), 0);
  }
  const auto num_made = static_cast<int64_t>(made.size());
  const int workers_wanted = static_cast<int>(
      std::max<int64_t>(1, std::min<int64_t>(threads, num_made)));
  std::vector<Worker> workers;
  workers.reserve(workers_wanted);
  for (int w = 0; w < workers_wanted; ++w) {
    workers.emplace_back(metric, grid_, block_size_);
  }
  std::vector<Draft> drafts(num_blocks);
  {
    const Monitor::Part part(monitor, kPointShare);
    ParallelFor(workers_wanted, num_made, monitor,
                [&](int64_t number, int worker) {
                  const int block = made[number];
                  MakeBox(metric, block);
                  Interpolate(metric, block, workers[worker]);
                  MakeBasis(metric, options.rms_rest, block, workers[worker],
                            drafts[block]);
                });
  }
  if (!Monitor::Go(monitor)) return;
  Join(drafts);
  if (only.empty()) {
    inducing_.emplace(metric, columns_.row,
                      /*others=*/absl::Span<const int32_t>(), block_size_,
                      boxes_.weights, slack_);
  }
  most_ = Matrix<float>(num_blocks, num_blocks);
  expansions_.emplace(grid_, num_blocks,
                      8 * metric.data().v.rows() * metric.data().v.stride() /
                          FarFieldExpansions::kPartOfV,
                      scale_.filter);
  {
    const Monitor::Part part(monitor, 1 - kPointShare);
    ParallelFor(workers_wanted, num_made, monitor, [&](int64_t i, int worker) {
      BoundPairs(metric, made, i, workers[worker]);
    });
  }
}

void FarFieldBlocks::Join(const std::vector<Draft>& drafts) {
  int64_t a_size = 0;
  int64_t basis_size = 0;
  for (int64_t b = 0; b < num_blocks(); ++b) {
    blocks_[b].rank = drafts[b].rank;
    blocks_[b].a = a_size;
    blocks_[b].basis = basis_size;
    a_size += static_cast<int64_t>(drafts[b].a.size());
    basis_size += static_cast<int64_t>(drafts[b].basis.size());
    max_rank_ = std::max(max_rank_, drafts[b].rank);
  }
  a_ = AlignedBuffer<float>(a_size);
  basis_ = AlignedBuffer<float>(basis_size);
  for (int64_t b = 0; b < num_blocks(); ++b) {
    std::copy(drafts[b].a.begin(), drafts[b].a.end(),
              a_.begin() + blocks_[b].a);
    std::copy(drafts[b].basis.begin(), drafts[b].basis.end(),
              basis_.begin() + blocks_[b].basis);
  }
}

void FarFieldBlocks::OrderRows(const ResidualCorrelation& metric,
                               const SpacePartition& partition) {
  const int64_t num_positions = partition.num_blocks() * block_size_;
  const int dim = metric.dim();
  columns_.row.assign(num_positions, kNoRow);
  columns_.z = AlignedBuffer<float>(num_positions * dim);
  for (AlignedBuffer<float>* column :
       {&columns_.length, &columns_.a_length, &columns_.a_sum, &columns_.rest,
        &columns_.shift, &columns_.error, &columns_.root, &columns_.scale}) {
    *column = AlignedBuffer<float>(num_positions);
    std::fill(column->begin(), column->end(), 0.0f);
  }
  std::fill(columns_.z.begin(), columns_.z.end(), 0.0f);
  columns_.min_root.assign(num_positions / kFarPanel, 0);
  columns_.min_row.assign(num_positions / kFarPanel, kNoRow);
  const AlignedBuffer<double>& p = metric.data().variance;
  for (int64_t b = 0; b < partition.num_blocks(); ++b) {
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
    std::sort(begin, small);
    std::sort(small, begin + count);
    blocks_[b] = {};
    blocks_[b].first = first;
    blocks_[b].count = count;
    blocks_[b].min_row =
        std::min(*begin, small == begin + count ? *begin : *small);
    for (int j = 0; j < count; ++j) {
      positions_[columns_.row[first + j]] = static_cast<int32_t>(first + j);
    }
  }
}

void FarFieldBlocks::MakeBox(const ResidualCorrelation& metric, int b) {
  const Block& block = blocks_[b];
  const int dim = metric.dim();
  const Matrix<double>& points = metric.data().points;
  double shift = 0;
  for (int c = 0; c < dim; ++c) {
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (int j = 0; j < block.count; ++j) {
      const double x = points(columns_.row[block.first + j], c);
      least = std::min(least, x);
      most = std::max(most, x);
    }
    const double center = std::midpoint(least, most);  // finite, too
    const double half =
        most > least ? std::max(most - center, center - least) : 0;
    boxes_.center[b * dim + c] = center;
    boxes_.half[b * dim + c] = half * scale_of_coordinates_[c];
    for (int t = 0; t < grid_.size(); ++t) {
      boxes_.nodes(int64_t{b} * grid_.size() + t, c) =
          center + half * grid_.node(t, c);
    }
    shift += 8 * kUnitRoundoff * std::max(std::abs(least), std::abs(most)) *
             scale_of_coordinates_[c];
  }
  boxes_.shift[b] = scale_.rounding * shift;
}

void FarFieldBlocks::Interpolate(const ResidualCorrelation& metric, int b,
                                 Worker& worker) {
  const Block& block = blocks_[b];
  // What pads a vector of points is the last one once more.
  std::vector<int32_t> rows(RoundUpToLanes(block.count));
  for (int64_t j = 0; j < std::ssize(rows); ++j) {
    rows[j] = columns_.row[block.first + std::min<int64_t>(j, block.count - 1)];
  }
  LoadColumns(metric, b, rows, worker);
  // Before the columns of the nodes become v.
  BoundErrors(metric, b, rows, worker);
  BoundWeights(*metric.factor(), b, std::ssize(rows), worker);
}

void FarFieldBlocks::LoadColumns(const ResidualCorrelation& metric, int b,
                                 absl::Span<const int32_t> rows,
                                 Worker& worker) const {
  const InducingFactor& factor = *metric.factor();
  const SimdRoutines& simd = metric.simd();
  const int64_t m = factor.num_inducing();
  const int64_t stride = block_size_;
  const auto padded_count = static_cast<int64_t>(rows.size());
  const int64_t first_node = int64_t{b} * grid_.size();
  const Matrix<double>& v = metric.data().v;
  worker.lanes.Gather(metric.data().points.view(), rows);
  const PointLanes nodes(MatrixView<const double>(boxes_.nodes.row(first_node),
                                                  grid_.size(), metric.dim()));
  for (int64_t r = 0; r < m; ++r) {
    const double* z = factor.inducing().coordinates.row(r);
    simd.covariance_row(metric.kernel().spec(), z, worker.lanes.From(0),
                        padded_count, worker.k.data() + r * stride);
    simd.covariance_row(metric.kernel().spec(), z, nodes.From(0), grid_.size(),
                        worker.k_nodes.data() + r * worker.grid_stride);
    // What pads the nodes is zero, and has no part in abar.
    std::fill_n(worker.k_nodes.data() + r * worker.grid_stride + grid_.size(),
                worker.grid_stride - grid_.size(), 0.0);
    for (int64_t j = 0; j < padded_count; ++j) {
      worker.alpha[r * stride + j] = v(rows[j], r);
    }
  }
  for (int64_t r = m; r < worker.padded; ++r) {
    std::fill_n(worker.alpha.data() + r * stride, padded_count, 0.0);
    std::fill_n(worker.k_nodes.data() + r * worker.grid_stride,
                worker.grid_stride, 0.0);
  }
}

void FarFieldBlocks::CubeCoordinates(const ResidualCorrelation& metric, int b,
                                     int64_t row, double* x) const {
  const int dim = metric.dim();
  for (int c = 0; c < dim; ++c) {
    const double half = boxes_.half[b * dim + c];
    const double offset =
        (metric.data().points(row, c) - boxes_.center[b * dim + c]) *
        scale_of_coordinates_[c];
    x[c] = half > 0 ? std::clamp(offset / half, -1.0, 1.0) : 0.0;
  }
}

void FarFieldBlocks::BoundErrors(const ResidualCorrelation& metric, int b,
                                 absl::Span<const int32_t> rows,
                                 Worker& worker) {
  const int dim = metric.dim();
  const int64_t m = metric.data().v.cols();
  const int64_t stride = block_size_;
  const auto padded_count = static_cast<int64_t>(rows.size());
  std::vector<double> x(dim);
  for (int64_t j = 0; j < padded_count; ++j) {
    CubeCoordinates(metric, b, rows[j], x.data());
    grid_.Weights(x.data(), worker.psi.data() + j, stride);
  }
  routines_->interpolation_errors(worker.k.data(), stride, m, worker.psi.data(),
                                  stride, worker.k_nodes.data(),
                                  worker.grid_stride, grid_.size(),
                                  padded_count, worker.maxima.data());
  float* errors = boxes_.errors.data() + b * stride_;
  std::fill_n(errors, stride_, 0.0f);
  for (int64_t r = 0; r < m; ++r) {
    errors[r] = FloatAbove(scale_.interpolation * worker.maxima[r] +
                           slack_.Interpolation());
  }
}

void FarFieldBlocks::BoundWeights(const InducingFactor& factor, int b,
                                  int64_t padded_count, Worker& worker) {
  const int64_t m = factor.num_inducing();
  const int64_t stride = block_size_;
  const int64_t first_node = int64_t{b} * grid_.size();
  factor.Solve(worker.grid_stride, worker.grid_stride, worker.k_nodes.data());
  for (int t = 0; t < grid_.size(); ++t) {
    double* row = boxes_.v.row(first_node + t);
    for (int64_t r = 0; r < m; ++r) {
      row[r] = worker.k_nodes[r * worker.grid_stride + t];
    }
    std::fill(row + m, row + boxes_.v.stride(), 0.0);
  }
  factor.SolveTransposed(worker.grid_stride, worker.grid_stride,
                         worker.k_nodes.data());
  factor.SolveTransposed(stride, padded_count, worker.alpha.data());
  std::fill(worker.squares.begin(), worker.squares.end(), 0.0);
  double* of_points = worker.maxima.data();
  double* rests = of_points + worker.padded;
  // Of the nodes only the lengths matter.
  routines_->row_maxima(worker.k_nodes.data(), worker.grid_stride, m,
                        worker.grid_stride, of_points,
                        worker.squares.data() + block_size_);
  routines_->row_maxima(worker.alpha.data(), stride, m, padded_count, of_points,
                        worker.squares.data());
  routines_->interpolation_errors(worker.alpha.data(), stride, m,
                                  worker.psi.data(), stride,
                                  worker.k_nodes.data(), worker.grid_stride,
                                  grid_.size(), padded_count, rests);
  const double alpha = std::sqrt(
      *std::max_element(worker.squares.begin(), worker.squares.end()));
  const double length = alpha * (1 + 2 * slack_.Weight());
  boxes_.weights.length[b] = length;
  float* weights = boxes_.weights.largest.data() + b * stride_;
  float* left = boxes_.rests.data() + b * stride_;
  std::fill_n(weights, stride_, 0.0f);
  std::fill_n(left, stride_, 0.0f);
  for (int64_t r = 0; r < m; ++r) {
    weights[r] = FloatAbove(of_points[r] + slack_.Weight() * length);
    left[r] = FloatAbove(scale_.interpolation * rests[r] + slack_.Rest(length));
  }
}

void FarFieldBlocks::MakeBasis(const ResidualCorrelation& metric,
                               double rms_rest, int b, Worker& worker,
                               Draft& draft) {
  draft.rank = Orthonormalize(metric, rms_rest, b, worker);
  const double norm = KeepBasis(metric, b, worker, draft);
  KeepPoints(metric, b, draft.rank, norm, worker);
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

double FarFieldBlocks::KeepBasis(const ResidualCorrelation& metric, int b,
                                 Worker& worker, Draft& draft) const {
  const Block& block = blocks_[b];
  const int rank = draft.rank;
  const int64_t terms = metric.data().v.stride();
  const int64_t m = metric.data().v.cols();
  const int64_t stride = RoundUpToLanes(block_size_);
  double* const basis = worker.basis.data();
  const int64_t width = RoundUpTo(kFarPanel, rank);
  draft.basis.assign(m * width, 0.0f);
  double norm = 0;
  for (int i = 0; i < rank; ++i) {
    for (int64_t c = 0; c < m; ++c) {
      const auto x = static_cast<float>(basis[i * terms + c]);
      draft.basis[c * width + i] = x;
      basis[i * terms + c] = double{x};
      norm += double{x} * x;
    }
  }
  draft.a.assign(int64_t{kFarPanel} * rank * num_panels(b), 0.0f);
  const double unit = frame_.unit();
  for (int j = 0; j < block.count; ++j) {
    for (int i = 0; i < rank; ++i) {
      const auto rounded =
          static_cast<float>(unit * worker.coordinates[i * stride + j]);
      draft.a[(int64_t{j / kFarPanel} * rank + i) * kFarPanel + j % kFarPanel] =
          rounded;
      worker.rounded[int64_t{j} * kMaxRank + i] = static_cast<double>(rounded);
    }
  }
  return std::sqrt(norm);
}

void FarFieldBlocks::KeepPoints(const ResidualCorrelation& metric, int b,
                                int rank, double norm, Worker& worker) {
  Block& block = blocks_[b];
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

double FarFieldBlocks::Distance(int a, int b) const {
  const auto dim = static_cast<int>(scale_of_coordinates_.size());
  double squared = 0;
  for (int c = 0; c < dim; ++c) {
    const int64_t i = int64_t{a} * dim + c;
    const int64_t j = int64_t{b} * dim + c;
    const double apart = std::abs(boxes_.center[i] - boxes_.center[j]) *
                             scale_of_coordinates_[c] -
                         boxes_.half[i] - boxes_.half[j];
    if (apart > 0) squared += apart * apart;
  }
  return std::max(0.0, std::sqrt(squared) * (1 - 0x1p-30) - boxes_.shift[a] -
                           boxes_.shift[b]);
}

double FarFieldBlocks::CenterDistance(int a, int b) const {
  const auto dim = static_cast<int>(scale_of_coordinates_.size());
  double squared = 0;
  for (int c = 0; c < dim; ++c) {
    const double apart = (boxes_.center[int64_t{a} * dim + c] -
                          boxes_.center[int64_t{b} * dim + c]) *
                         scale_of_coordinates_[c];
    squared += apart * apart;
  }
  return std::sqrt(squared);
}

double FarFieldBlocks::LeftBetween(const ResidualCorrelation& metric, int a,
                                   int b) const {
  const int dim = metric.dim();
  const double lambda = grid_.lebesgue_of_grid();
  double reach[ChebyshevGrid::kMaxDim];
  for (int c = 0; c < dim; ++c) {
    const int64_t i = int64_t{a} * dim + c;
    const int64_t j = int64_t{b} * dim + c;
    reach[c] = (std::abs(boxes_.center[i] - boxes_.center[j]) *
                    scale_of_coordinates_[c] +
                boxes_.half[i] + boxes_.half[j]) *
                   (1 + 0x1p-30) +
               boxes_.shift[a] + boxes_.shift[b];
  }
  const auto halves = absl::MakeConstSpan(boxes_.half);
  const Remainders own =
      RemainderBounds(metric.kernel().family(), grid_,
                      {halves.subspan(int64_t{a} * dim, dim),
                       halves.subspan(int64_t{b} * dim, dim),
                       absl::MakeConstSpan(reach).first(dim), Distance(a, b)});
  const double shift = boxes_.shift[a] + boxes_.shift[b];
  const double of_kernel =
      scale_.remainder * (own.over_a + own.over_b + own.twice) +
      (1 + lambda) * (2 + lambda) * shift;
  const auto product = [&](const AlignedBuffer<float>& from, int i, int j) {
    return routines_->product(from.data() + i * stride_,
                              boxes_.errors.data() + j * stride_, stride_);
  };
  const AlignedBuffer<float>& weights = boxes_.weights.largest;
  const float of_weights =
      product(weights, a, b) + product(weights, b, a) +
      std::min(product(boxes_.rests, a, b), product(boxes_.rests, b, a));
  return of_kernel * metric.kernel().variance() +
         static_cast<double>(of_weights) * (1 + 0x1p-10);
}

void FarFieldBlocks::BoundPairs(const ResidualCorrelation& metric,
                                absl::Span<const int> made, int64_t i,
                                Worker& worker) {
  const int a = made[i];
  const int dim = metric.dim();
  const int size = grid_.size();
  const int64_t stride = worker.grid_stride;
  const double variance = metric.kernel().variance();
  const double unit = frame_.unit();
  const KernelSpec spec = metric.kernel().spec();
  const PointLanes lanes(
      MatrixView<const double>(boxes_.nodes.row(int64_t{a} * size), size, dim));
  for (int s = 0; s < size; ++s) {
    worker.a_rows[s] = boxes_.v.row(int64_t{a} * size + s);
  }
  for (const int b : made.subspan(i)) {
    const double left = LeftBetween(metric, a, b);
    double most = HUGE_VAL;
    if (left < variance) {
      for (int t = 0; t < size; ++t) {
        worker.b_rows[t] = boxes_.v.row(int64_t{b} * size + t);
      }
      metric.simd().dot_tile(worker.b_rows.data(), size, worker.a_rows.data(),
                             size, RoundUpToLanes(metric.data().v.cols()),
                             worker.dots.data(), stride);
      for (int t = 0; t < size; ++t) {
        double* row = worker.values.data() + t * stride;
        metric.simd().covariance_row(spec,
                                     boxes_.nodes.row(int64_t{b} * size + t),
                                     lanes.From(0), size, row);
        for (int s = 0; s < size; ++s) row[s] -= worker.dots[t * stride + s];
        for (int64_t s = size; s < stride; ++s) row[s] = 0;
      }
      const double sum = routines_->coefficient_sum(
          grid_.transform(), grid_.side(), dim, stride, worker.values.data(),
          worker.scratch.data());
      const double rest =
          left + slack_.Covariance(std::max(boxes_.weights.length[a],
                                            boxes_.weights.length[b]));
      most = sum * (1 + 0x1p-30) + rest;
      expansions_->Keep(a, b, worker.scratch.data(), stride, unit * unit, rest);
    }
    most_(a, b) = FloatAbove(most * unit * unit);
    most_(b, a) = most_(a, b);
  }
}

int64_t FarFieldBlocks::bytes() const {
  const auto floats = static_cast<int64_t>(
      a_.size() + basis_.size() + columns_.z.size() + 9 * columns_.row.size() +
      boxes_.weights.largest.size() + boxes_.errors.size() +
      boxes_.rests.size() + positions_.size());
  return 4 * floats + 4 * most_.rows() * most_.stride() +
         8 * boxes_.v.rows() * boxes_.v.stride() + expansions_->bytes();
}

int64_t FarFieldBlocks::width(int b) const {
  return RoundUpTo(kFarPanel, blocks_[b].rank);
}

FarPoints FarFieldBlocks::points(int b) const {
  const Block& block = blocks_[b];
  const int64_t first = block.first;
  const int64_t panel = first / kFarPanel;
  const auto dim = static_cast<int64_t>(scale_of_coordinates_.size());
  return {a_.data() + block.a,
          block.rank,
          columns_.z.data() + first * dim,
          columns_.length.data() + first,
          columns_.error.data() + first,
          columns_.root.data() + first,
          columns_.scale.data() + first,
          columns_.row.data() + first,
          columns_.min_root.data() + panel,
          columns_.min_row.data() + panel};
}

double FarFieldBlocks::Table(int a, int b, float* table) const {
  routines_->table(basis_.data() + blocks_[a].basis, width(a), blocks_[a].rank,
                   basis_.data() + blocks_[b].basis, width(b), boxes_.v.cols(),
                   table);
  const int64_t size = blocks_[a].rank * width(b);
  return std::sqrt(static_cast<double>(routines_->product(table, table, size)) *
                   (1 + 0x1p-10));
}

float FarFieldBlocks::ProductError(int a, int b, double table_norm,
                                   float a_length, float a_sum,
                                   float y_length) const {
  const auto chains =
      static_cast<double>(kTableChain + 1 + boxes_.v.cols() / kTableChain);
  return static_cast<float>(
      1.01 * scale_.filter * kFloatRoundoff *
      (chains * double{a_sum} * double{blocks_[b].spread} +
       (blocks_[a].rank + 2) * table_norm * double{a_length} +
       (blocks_[b].rank + 2) * double{y_length}));
}

}  // namespace rct
