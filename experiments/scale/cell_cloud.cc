#include "experiments/scale/cell_cloud.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "base/random.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/shared_cells.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_factors.h"

namespace rct {
namespace {

// Four times those that a skeleton is made of, which it knows too well.
constexpr int64_t kThinPoints = 1024;

// Points whose cells are one task.
constexpr int64_t kPiece = 1 << 14;

// The stream of thin points: "thin" in ASCII.
constexpr uint64_t kThinStream = 0x7468696e;

CellTree TreeOf(const UniformCloud& cloud, const InducingFactor& factor,
                int64_t count, int threads) {
  std::vector<int64_t> inducing = factor.inducing().rows;
  std::sort(inducing.begin(), inducing.end());
  const std::vector<int32_t> rows = CellSampleRows(cloud.n, inducing, count);
  const Matrix<double> sample =
      cloud.Rows(std::vector<int64_t>(rows.begin(), rows.end()));
  return CellTree(sample.view(), rows, factor.kernel().inverse_lengthscale(),
                  count, threads);
}

// Returns how far away the nearest of `count` points is, that are uniform in a
// volume around a point.
double NearestOf(double count, double volume, int64_t dim) {
  const auto d = static_cast<double>(dim);
  const double ball =
      std::pow(std::numbers::pi, d / 2) / std::tgamma(d / 2 + 1);
  return std::pow(volume / (count * ball), 1 / d);
}

}  // namespace

CellCloud::CellCloud(const UniformCloud& cloud, const InducingFactor& factor,
                     int64_t count, int threads)
    : tree_(TreeOf(cloud, factor, count, threads)),
      low_(count, cloud.dim),
      high_(count, cloud.dim),
      counts_(count),
      has_inducing_(count),
      whole_(cloud.n <= kThinPoints * count),
      thin_rows_(count),
      thin_({}, {}) {
  for (int c = 0; c < size(); ++c) {
    std::fill_n(low_.row(c), cloud.dim, 0.0);
    std::fill_n(high_.row(c), cloud.dim, 1.0);
    tree_.Narrow(c, absl::MakeSpan(low_.row(c), cloud.dim),
                 absl::MakeSpan(high_.row(c), cloud.dim));
  }
  const Matrix<double>& z = factor.inducing().coordinates;
  for (int64_t i = 0; i < z.rows(); ++i) has_inducing_[CellOf(z.row(i))] = true;
  if (whole_) {
    MakeWhole(cloud, factor, threads);
  } else {
    MakeThin(cloud, factor);
  }
  std::vector<int64_t> thin_counts;
  std::vector<int32_t> first_rows;
  for (const std::vector<int32_t>& rows : thin_rows_) {
    thin_counts.push_back(std::ssize(rows));
    first_rows.push_back(rows.front());
  }
  thin_ = CellPoints(std::move(thin_counts), std::move(first_rows));
  for (int c = 0; c < size(); ++c) {
    thin_.Put(c, thin_rows_[c], std::as_const(thin_points_[c]).view());
  }
}

double CellCloud::VolumeOf(int cell) const {
  double volume = 1;
  for (int64_t j = 0; j < low_.cols(); ++j) {
    volume *= high(cell)[j] - low(cell)[j];
  }
  return volume;
}

void CellCloud::MakeWhole(const UniformCloud& cloud,
                          const InducingFactor& factor, int threads) {
  std::vector<int32_t> cell_of(cloud.n);
  ParallelFor(
      threads, (cloud.n + kPiece - 1) / kPiece, [&](int64_t piece, int) {
        const int64_t first = piece * kPiece;
        const int64_t count = std::min(kPiece, cloud.n - first);
        const Matrix<double> points = cloud.Range(first, count);
        for (int64_t i = 0; i < count; ++i) {
          cell_of[first + i] =
              tree_.CellOf(points.row(i), static_cast<int32_t>(first + i));
        }
      });
  for (const int64_t row : factor.inducing().rows) cell_of[row] = -1;
  for (int64_t row = 0; row < cloud.n; ++row) {
    if (cell_of[row] < 0) continue;
    thin_rows_[cell_of[row]].push_back(static_cast<int32_t>(row));
  }
  for (int c = 0; c < size(); ++c) {
    counts_[c] = std::ssize(thin_rows_[c]);
    thin_points_.push_back(cloud.Rows(
        std::vector<int64_t>(thin_rows_[c].begin(), thin_rows_[c].end())));
  }
}

void CellCloud::MakeThin(const UniformCloud& cloud,
                         const InducingFactor& factor) {
  const Matrix<double>& z = factor.inducing().coordinates;
  std::vector<std::vector<int64_t>> inducing(size());
  for (int64_t i = 0; i < z.rows(); ++i) {
    inducing[CellOf(z.row(i))].push_back(i);
  }
  const auto others =
      static_cast<double>(cloud.n - std::ssize(factor.inducing().rows));
  for (int c = 0; c < size(); ++c) {
    counts_[c] = std::max<int64_t>(1, std::llround(VolumeOf(c) * others));
    const int64_t count = std::min(counts_[c], kThinPoints);
    thin_points_.push_back(ThinPoints(c, count, cloud.seed, z, inducing[c]));
    thin_rows_[c].resize(count);
    std::iota(thin_rows_[c].begin(), thin_rows_[c].end(), 0);
  }
}

Matrix<double> CellCloud::ThinPoints(
    int cell, int64_t count, uint64_t seed, const Matrix<double>& inducing,
    const std::vector<int64_t>& in_cell) const {
  RandomStream stream(seed + static_cast<uint64_t>(cell), kThinStream);
  const int64_t dim = low_.cols();
  Matrix<double> points(count, dim);
  int64_t i = 0;
  for (; i < std::min(count, int64_t{1} << std::min<int64_t>(dim, 8)); ++i) {
    for (int64_t j = 0; j < dim; ++j) {
      points(i, j) = (i >> j) % 2 == 1 ? high(cell)[j] : low(cell)[j];
    }
  }
  const double near =
      NearestOf(static_cast<double>(counts_[cell]), VolumeOf(cell), dim);
  for (const int64_t number : in_cell) {
    if (i == count) break;
    std::copy_n(inducing.row(number), dim, points.row(i));
    points(i, 0) += points(i, 0) + near < high(cell)[0] ? near : -near;
    ++i;
  }
  for (; i < count; ++i) {
    for (int64_t j = 0; j < dim; ++j) {
      const double side = high(cell)[j] - low(cell)[j];
      points(i, j) = low(cell)[j] + stream.Uniform() * side;
    }
  }
  return points;
}

}  // namespace rct
