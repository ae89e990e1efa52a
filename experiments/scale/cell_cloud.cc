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

// Points up to which a cloud is counted.
constexpr int64_t kMostCounted = int64_t{1} << 21;

// Four times those that a skeleton is made of, for it tells little of others.
constexpr int64_t kThinPoints = 1024;

// The stream of thin points: "thin" in ASCII.
constexpr uint64_t kThinStream = 0x7468696e;

std::vector<int64_t> SortedRows(const InducingFactor& factor) {
  std::vector<int64_t> rows = factor.inducing().rows;
  std::sort(rows.begin(), rows.end());
  return rows;
}

CellTree TreeOf(const UniformCloud& cloud, const InducingFactor& factor,
                int64_t count, int threads) {
  const std::vector<int32_t> rows =
      CellSampleRows(cloud.n, SortedRows(factor), count);
  const std::vector<int64_t> wide(rows.begin(), rows.end());
  const Matrix<double> sample = cloud.Rows(wide);
  return CellTree(sample.view(), rows, factor.kernel().inverse_lengthscale(),
                  count, threads);
}

// Returns how far away the nearest of `count` points is, that are uniform in a
// volume around a point.
double NearestOf(double count, double volume, int64_t dim) {
  const double d = static_cast<double>(dim);
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
      thin_({}, {}) {
  for (int64_t c = 0; c < count; ++c) {
    std::fill_n(low_.row(c), cloud.dim, 0.0);
    std::fill_n(high_.row(c), cloud.dim, 1.0);
    tree_.Narrow(static_cast<int>(c), absl::MakeSpan(low_.row(c), cloud.dim),
                 absl::MakeSpan(high_.row(c), cloud.dim));
  }
  Count(cloud, factor, threads);
  MakeThin(cloud, factor);
}

void CellCloud::Count(const UniformCloud& cloud, const InducingFactor& factor,
                      int threads) {
  if (cloud.n > kMostCounted) {
    const auto others =
        static_cast<double>(cloud.n - std::ssize(factor.inducing().rows));
    for (int c = 0; c < size(); ++c) {
      double volume = 1;
      for (int64_t j = 0; j < cloud.dim; ++j) volume *= high(c)[j] - low(c)[j];
      counts_[c] = std::max<int64_t>(1, std::llround(volume * others));
    }
    return;
  }
  constexpr int64_t kPiece = 1 << 14;
  const int64_t pieces = (cloud.n + kPiece - 1) / kPiece;
  std::vector<int32_t> cell_of(cloud.n);
  ParallelFor(threads, pieces, [&](int64_t piece, int) {
    const int64_t first = piece * kPiece;
    const int64_t count = std::min(kPiece, cloud.n - first);
    const Matrix<double> points = cloud.Range(first, count);
    for (int64_t i = 0; i < count; ++i) {
      cell_of[first + i] =
          tree_.CellOf(points.row(i), static_cast<int32_t>(first + i));
    }
  });
  for (const int32_t c : cell_of) ++counts_[c];
  for (const int64_t row : factor.inducing().rows) --counts_[cell_of[row]];
}

void CellCloud::MakeThin(const UniformCloud& cloud,
                         const InducingFactor& factor) {
  const int64_t dim = cloud.dim;
  const Matrix<double>& z = factor.inducing().coordinates;
  std::vector<std::vector<int64_t>> inducing(size());
  for (int64_t i = 0; i < z.rows(); ++i)
    inducing[CellOf(z.row(i))].push_back(i);
  std::vector<int64_t> thin_counts;
  for (int c = 0; c < size(); ++c) {
    RandomStream stream(cloud.seed + static_cast<uint64_t>(c), kThinStream);
    const int64_t count = std::min(counts_[c], kThinPoints);
    Matrix<double>& points = thin_points_.emplace_back(count, dim);
    double volume = 1;
    for (int64_t j = 0; j < dim; ++j) volume *= high(c)[j] - low(c)[j];
    int64_t i = 0;
    for (; i < std::min(count, int64_t{1} << dim); ++i) {
      for (int64_t j = 0; j < dim; ++j) {
        points(i, j) = (i >> j) % 2 == 1 ? high(c)[j] : low(c)[j];
      }
    }
    const double near = NearestOf(static_cast<double>(counts_[c]), volume, dim);
    for (const int64_t number : inducing[c]) {
      if (i == count) break;
      std::copy_n(z.row(number), dim, points.row(i));
      points(i, 0) = std::clamp(points(i, 0) + near, low(c)[0], high(c)[0]);
      ++i;
    }
    for (; i < count; ++i) {
      for (int64_t j = 0; j < dim; ++j) {
        points(i, j) = low(c)[j] + stream.Uniform() * (high(c)[j] - low(c)[j]);
      }
    }
    thin_counts.push_back(count);
  }
  thin_rows_.resize(kThinPoints);
  std::iota(thin_rows_.begin(), thin_rows_.end(), 0);
  thin_ = CellPoints(thin_counts, std::vector<int32_t>(size(), 0));
  for (int c = 0; c < size(); ++c) {
    thin_.Put(c, absl::MakeConstSpan(thin_rows_).first(thin_counts[c]),
              std::as_const(thin_points_[c]).view());
  }
}

}  // namespace rct
