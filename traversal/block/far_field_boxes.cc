#include "traversal/block/far_field_boxes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "base/packing.h"
#include "base/write_columns.h"
#include "metric/kernel.h"
#include "metric/point_lanes.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_expansions.h"
#include "traversal/block/far_field_routines.h"

namespace rct {
namespace {

int64_t RoundUpTo(int64_t multiple, int64_t count) {
  return (count + multiple - 1) / multiple * multiple;
}

AlignedBuffer<float> Zeros(int64_t size) {
  AlignedBuffer<float> zeros(size);
  std::fill(zeros.begin(), zeros.end(), 0.0f);
  return zeros;
}

// Makes `most` at least `x`; what is not a number stays.
void Raise(float x, float& most) {
  if (!std::isnan(most) && !(x <= most)) most = x;
}

}  // namespace

ChebyshevGrid FarFieldBoxes::GridOf(const Kernel& kernel) {
  const auto dim = static_cast<int>(kernel.dim());
  return ChebyshevGrid(ChebyshevGrid::SideFor(kernel.family(), dim), dim);
}

FarFieldBoxes::Worker::Worker(const FarFieldBoxes& boxes, int64_t piece)
    : piece(piece),
      padded(boxes.factor_->padded_inducing()),
      grid_stride(RoundUpToLanes(boxes.grid_.size())),
      lanes(piece, boxes.factor_->kernel().dim()),
      k(padded * piece),
      alpha(padded * piece),
      psi(boxes.grid_.size() * piece),
      k_nodes(padded * grid_stride),
      maxima(2 * padded),
      squares(piece + grid_stride),
      values(grid_stride * grid_stride),
      dots(values.size()),
      scratch(values.size()),
      v_rows(piece),
      a_rows(boxes.grid_.size()),
      b_rows(boxes.grid_.size()) {}

FarFieldBoxes::FarFieldBoxes(std::shared_ptr<const InducingFactor> factor,
                             const SimdRoutines& simd,
                             const FarFieldScale& scale, int64_t num_boxes)
    : factor_(std::move(factor)),
      simd_(&simd),
      routines_(FarFieldRoutinesFor(simd.isa)),
      grid_(GridOf(factor_->kernel())),
      scale_(scale),
      slack_(factor_->rounding(), grid_, scale),
      num_boxes_(num_boxes),
      stride_(RoundUpTo(kFarPanel, factor_->num_inducing())),
      scale_of_coordinates_(factor_->kernel().spec().inverse_lengthscale,
                            factor_->kernel().spec().inverse_lengthscale +
                                factor_->kernel().dim()),
      center_(num_boxes * grid_.dim()),
      half_(num_boxes * grid_.dim()),
      shift_(num_boxes),
      lengths_(num_boxes),
      weights_(Zeros(num_boxes * stride_)),
      errors_(Zeros(num_boxes * stride_)),
      rests_(Zeros(num_boxes * stride_)),
      nodes_(num_boxes * grid_.size(), grid_.dim()),
      v_(num_boxes * grid_.size(), factor_->num_inducing(),
         FactorStride(factor_->num_inducing())) {}

void FarFieldBoxes::DropNodes() {
  lengths_ = {};
  weights_ = {};
  errors_ = {};
  rests_ = {};
  nodes_ = {};
  v_ = {};
}

int64_t FarFieldBoxes::bytes() const {
  return 4 * static_cast<int64_t>(weights_.size() + errors_.size() +
                                  rests_.size()) +
         8 * v_.rows() * v_.stride();
}

void FarFieldBoxes::MakeBox(int b, MatrixView<const double> points,
                            absl::Span<const int32_t> rows) {
  const int dim = grid_.dim();
  double shift = 0;
  for (int c = 0; c < dim; ++c) {
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (const int32_t row : rows) {
      const double x = points(row, c);
      least = std::min(least, x);
      most = std::max(most, x);
    }
    const double center = std::midpoint(least, most);  // finite, too
    const double half =
        most > least ? std::max(most - center, center - least) : 0;
    center_[b * dim + c] = center;
    half_[b * dim + c] = half * scale_of_coordinates_[c];
    for (int t = 0; t < grid_.size(); ++t) {
      nodes_(int64_t{b} * grid_.size() + t, c) =
          center + half * grid_.node(t, c);
    }
    shift += 8 * kUnitRoundoff * std::max(std::abs(least), std::abs(most)) *
             scale_of_coordinates_[c];
  }
  shift_[b] = scale_.rounding * shift;
}

void FarFieldBoxes::AddPoints(int b, const ResidualPoints& points,
                              absl::Span<const int32_t> rows, Worker& worker) {
  // What pads a vector of points is the last one once more.
  std::vector<int32_t> padded(rows.begin(), rows.end());
  padded.resize(RoundUpToLanes(std::ssize(rows)), rows.back());
  LoadColumns(b, points, padded, worker);
  // Before the columns of the nodes become v.
  BoundErrors(b, points, padded, worker);
  BoundWeights(b, std::ssize(padded), worker);
}

void FarFieldBoxes::LoadColumns(int b, const ResidualPoints& points,
                                absl::Span<const int32_t> rows,
                                Worker& worker) const {
  const int64_t m = factor_->num_inducing();
  const int64_t stride = worker.piece;
  const auto padded_count = static_cast<int64_t>(rows.size());
  const int64_t first_node = int64_t{b} * grid_.size();
  worker.lanes.Gather(points.points.view(), rows);
  const PointLanes nodes(MatrixView<const double>(nodes_.row(first_node),
                                                  grid_.size(), grid_.dim()));
  const KernelSpec spec = factor_->kernel().spec();
  for (int64_t r = 0; r < m; ++r) {
    const double* z = factor_->inducing().coordinates.row(r);
    simd_->covariance_row(spec, z, worker.lanes.From(0), padded_count,
                          worker.k.data() + r * stride);
    simd_->covariance_row(spec, z, nodes.From(0), grid_.size(),
                          worker.k_nodes.data() + r * worker.grid_stride);
    // What pads the nodes is zero, and has no part in abar.
    std::fill_n(worker.k_nodes.data() + r * worker.grid_stride + grid_.size(),
                worker.grid_stride - grid_.size(), 0.0);
  }
  for (int64_t j = 0; j < padded_count; ++j) {
    worker.v_rows[j] = points.v.row(rows[j]);
  }
  WriteColumns(absl::MakeConstSpan(worker.v_rows).first(padded_count), m,
               stride, worker.alpha.data());
  for (int64_t r = m; r < worker.padded; ++r) {
    std::fill_n(worker.alpha.data() + r * stride, padded_count, 0.0);
    std::fill_n(worker.k_nodes.data() + r * worker.grid_stride,
                worker.grid_stride, 0.0);
  }
}

void FarFieldBoxes::CubeCoordinates(int b, const double* point,
                                    double* x) const {
  const int dim = grid_.dim();
  for (int c = 0; c < dim; ++c) {
    const double half = half_[b * dim + c];
    const double offset =
        (point[c] - center_[b * dim + c]) * scale_of_coordinates_[c];
    x[c] = half > 0 ? std::clamp(offset / half, -1.0, 1.0) : 0.0;
  }
}

void FarFieldBoxes::BoundErrors(int b, const ResidualPoints& points,
                                absl::Span<const int32_t> rows,
                                Worker& worker) {
  const int64_t m = factor_->num_inducing();
  const int64_t stride = worker.piece;
  const auto padded_count = static_cast<int64_t>(rows.size());
  std::vector<double> x(grid_.dim());
  for (int64_t j = 0; j < padded_count; ++j) {
    CubeCoordinates(b, points.points.row(rows[j]), x.data());
    grid_.Weights(x.data(), worker.psi.data() + j, stride);
  }
  routines_->interpolation_errors(worker.k.data(), stride, m, worker.psi.data(),
                                  stride, worker.k_nodes.data(),
                                  worker.grid_stride, grid_.size(),
                                  padded_count, worker.maxima.data());
  float* errors = errors_.data() + b * stride_;
  for (int64_t r = 0; r < m; ++r) {
    Raise(FloatAbove(scale_.interpolation * worker.maxima[r] +
                     slack_.Interpolation()),
          errors[r]);
  }
}

void FarFieldBoxes::BoundWeights(int b, int64_t padded_count, Worker& worker) {
  const int64_t m = factor_->num_inducing();
  const int64_t stride = worker.piece;
  const int64_t first_node = int64_t{b} * grid_.size();
  factor_->Solve(worker.grid_stride, worker.grid_stride, worker.k_nodes.data());
  for (int t = 0; t < grid_.size(); ++t) {
    double* row = v_.row(first_node + t);
    for (int64_t r = 0; r < m; ++r) {
      row[r] = worker.k_nodes[r * worker.grid_stride + t];
    }
    std::fill(row + m, row + v_.stride(), 0.0);
  }
  factor_->SolveTransposed(worker.grid_stride, worker.grid_stride,
                           worker.k_nodes.data());
  factor_->SolveTransposed(stride, padded_count, worker.alpha.data());
  std::fill(worker.squares.begin(), worker.squares.end(), 0.0);
  double* of_points = worker.maxima.data();
  double* rests = of_points + worker.padded;
  // Of the nodes only the lengths matter.
  routines_->row_maxima(worker.k_nodes.data(), worker.grid_stride, m,
                        worker.grid_stride, of_points,
                        worker.squares.data() + worker.piece);
  routines_->row_maxima(worker.alpha.data(), stride, m, padded_count, of_points,
                        worker.squares.data());
  routines_->interpolation_errors(worker.alpha.data(), stride, m,
                                  worker.psi.data(), stride,
                                  worker.k_nodes.data(), worker.grid_stride,
                                  grid_.size(), padded_count, rests);
  const double alpha = std::sqrt(
      *std::max_element(worker.squares.begin(), worker.squares.end()));
  const double length = alpha * (1 + 2 * slack_.Weight());
  lengths_[b] = std::max(lengths_[b], length);
  float* weights = weights_.data() + b * stride_;
  float* left = rests_.data() + b * stride_;
  for (int64_t r = 0; r < m; ++r) {
    Raise(FloatAbove(of_points[r] + slack_.Weight() * length), weights[r]);
    Raise(FloatAbove(scale_.interpolation * rests[r] + slack_.Rest(length)),
          left[r]);
  }
}

template <class Self, class Use>
void FarFieldBoxes::EachArray(Self& self, int b, Use use) {
  const int dim = self.grid_.dim();
  const int64_t size = self.grid_.size();
  use(&self.center_[int64_t{b} * dim], dim);
  use(&self.half_[int64_t{b} * dim], dim);
  use(&self.shift_[b], 1);
  use(&self.lengths_[b], 1);
  use(self.weights_.data() + b * self.stride_, self.stride_);
  use(self.errors_.data() + b * self.stride_, self.stride_);
  use(self.rests_.data() + b * self.stride_, self.stride_);
  use(self.nodes_.row(b * size), size * self.nodes_.stride());
  use(self.v_.row(b * size), size * self.v_.stride());
}

std::string FarFieldBoxes::PackBox(int b) const {
  std::string bytes;
  EachArray(*this, b, [&](const auto* array, int64_t count) {
    Pack(absl::MakeConstSpan(array, count), bytes);
  });
  return bytes;
}

void FarFieldBoxes::AddBox(int b, std::string_view bytes) {
  Unpacker unpacker(bytes);
  EachArray(*this, b,
            [&](auto* array, int64_t count) { unpacker.Read(count, array); });
}

double FarFieldBoxes::Distance(int a, int b) const {
  const int dim = grid_.dim();
  double squared = 0;
  for (int c = 0; c < dim; ++c) {
    const int64_t i = int64_t{a} * dim + c;
    const int64_t j = int64_t{b} * dim + c;
    const double apart =
        std::abs(center_[i] - center_[j]) * scale_of_coordinates_[c] -
        half_[i] - half_[j];
    if (apart > 0) squared += apart * apart;
  }
  return std::max(0.0,
                  std::sqrt(squared) * (1 - 0x1p-30) - shift_[a] - shift_[b]);
}

double FarFieldBoxes::CenterDistance(int a, int b) const {
  const int dim = grid_.dim();
  double squared = 0;
  for (int c = 0; c < dim; ++c) {
    const double apart =
        (center_[int64_t{a} * dim + c] - center_[int64_t{b} * dim + c]) *
        scale_of_coordinates_[c];
    squared += apart * apart;
  }
  return std::sqrt(squared);
}

double FarFieldBoxes::LeftBetween(int a, int b) const {
  const Kernel& kernel = factor_->kernel();
  const int dim = grid_.dim();
  const double lambda = grid_.lebesgue_of_grid();
  double reach[ChebyshevGrid::kMaxDim];
  for (int c = 0; c < dim; ++c) {
    const int64_t i = int64_t{a} * dim + c;
    const int64_t j = int64_t{b} * dim + c;
    reach[c] = (std::abs(center_[i] - center_[j]) * scale_of_coordinates_[c] +
                half_[i] + half_[j]) *
                   (1 + 0x1p-30) +
               shift_[a] + shift_[b];
  }
  const auto halves = absl::MakeConstSpan(half_);
  const Remainders own =
      RemainderBounds(kernel.family(), grid_,
                      {halves.subspan(int64_t{a} * dim, dim),
                       halves.subspan(int64_t{b} * dim, dim),
                       absl::MakeConstSpan(reach).first(dim), Distance(a, b)});
  const double shift = shift_[a] + shift_[b];
  const double of_kernel =
      scale_.remainder * (own.over_a + own.over_b + own.twice) +
      (1 + lambda) * (2 + lambda) * shift;
  const auto product = [&](const AlignedBuffer<float>& from, int i, int j) {
    return routines_->product(from.data() + i * stride_,
                              errors_.data() + j * stride_, stride_);
  };
  const float of_weights =
      product(weights_, a, b) + product(weights_, b, a) +
      std::min(product(rests_, a, b), product(rests_, b, a));
  return of_kernel * kernel.variance() +
         static_cast<double>(of_weights) * (1 + 0x1p-10);
}

float FarFieldBoxes::BoundPair(int a, int b, double unit,
                               FarFieldExpansions& expansions,
                               Worker& worker) const {
  const int size = grid_.size();
  const int64_t stride = worker.grid_stride;
  const Kernel& kernel = factor_->kernel();
  const double left = LeftBetween(a, b);
  if (!(left < kernel.variance())) return FloatAbove(HUGE_VAL);
  const KernelSpec spec = kernel.spec();
  const PointLanes lanes(MatrixView<const double>(nodes_.row(int64_t{a} * size),
                                                  size, grid_.dim()));
  for (int s = 0; s < size; ++s) {
    worker.a_rows[s] = v_.row(int64_t{a} * size + s);
    worker.b_rows[s] = v_.row(int64_t{b} * size + s);
  }
  simd_->dot_tile(worker.b_rows.data(), size, worker.a_rows.data(), size,
                  RoundUpToLanes(factor_->num_inducing()), worker.dots.data(),
                  stride);
  for (int t = 0; t < size; ++t) {
    double* row = worker.values.data() + t * stride;
    simd_->covariance_row(spec, nodes_.row(int64_t{b} * size + t),
                          lanes.From(0), size, row);
    for (int s = 0; s < size; ++s) row[s] -= worker.dots[t * stride + s];
    for (int64_t s = size; s < stride; ++s) row[s] = 0;
  }
  const double sum = routines_->coefficient_sum(
      grid_.transform(), grid_.side(), grid_.dim(), stride,
      worker.values.data(), worker.scratch.data());
  const double rest =
      left + slack_.Covariance(std::max(lengths_[a], lengths_[b]));
  expansions.Keep(a, b, worker.scratch.data(), stride, unit * unit, rest);
  return FloatAbove((sum * (1 + 0x1p-30) + rest) * unit * unit);
}

}  // namespace rct
