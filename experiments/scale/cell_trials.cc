#include "experiments/scale/cell_trials.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/tile.h"

namespace rct {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Points of a window for each neighbor, and the least number of them.
constexpr double kWindowOfNeighbor = 16;
constexpr double kLeastWindow = 192;
// A window that a border cuts grows until it has half of its points here, or
// this many of all.
constexpr double kMostWindow = 32;

constexpr int kTile = 120;

// The streams of trial queries and windows: "trial" and "window" in ASCII.
constexpr uint64_t kTrialStream = 0x747269616c;
constexpr uint64_t kWindowStream = 0x77696e646f77;

}  // namespace

struct CellTrials::Window {
  std::vector<double> points;
  std::vector<int32_t> cells;
  std::vector<bool> here;
};

double CellTrials::QueriesOf(int cell) const {
  const auto count = static_cast<double>(cells_.count(cell));
  if (!search_.predecessor) return count;
  const double early =
      static_cast<double>(search_.early_rows) / static_cast<double>(cloud_.n);
  return count * (1 - early);
}

absl::StatusOr<CellQueriesTrial> CellTrials::Make(int cell,
                                                  int64_t count) const {
  CellQueriesTrial trial;
  Matrix<double> points = cells_.whole() ? RowsOf(cell, count, trial.before)
                                         : NewPoints(cell, count, trial.before);
  trial.positions.resize(points.rows());
  std::iota(trial.positions.begin(), trial.positions.end(), 0);
  RCT_ASSIGN_OR_RETURN(ResidualPoints projected,
                       factor_->Project(std::move(points), /*num_threads=*/1));
  trial.points = std::make_shared<const ResidualPoints>(std::move(projected));
  return trial;
}

Matrix<double> CellTrials::RowsOf(int cell, int64_t count,
                                  std::vector<double>& before) const {
  const CellView& points = cells_.thin()[cell];
  const int64_t first =
      search_.predecessor
          ? std::lower_bound(points.rows.begin(), points.rows.end(),
                             search_.early_rows) -
                points.rows.begin()
          : 0;
  const int64_t queries = points.size() - first;
  const int64_t some = std::min(count, queries);
  Matrix<double> rows(some, cloud_.dim);
  for (int64_t i = 0; i < some; ++i) {
    const int64_t place = first + i * queries / some;
    std::copy_n(points.point(place), cloud_.dim, rows.row(i));
    before.push_back(search_.predecessor
                         ? static_cast<double>(points.rows[place]) /
                               static_cast<double>(cloud_.n)
                         : 1.0);
  }
  return rows;
}

Matrix<double> CellTrials::NewPoints(int cell, int64_t count,
                                     std::vector<double>& before) const {
  RandomStream stream(cloud_.seed + static_cast<uint64_t>(cell), kTrialStream);
  Matrix<double> points(count, cloud_.dim);
  const double early =
      static_cast<double>(search_.early_rows) / static_cast<double>(cloud_.n);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < cloud_.dim; ++j) {
      const double low = cells_.low(cell)[j];
      points(i, j) = low + stream.Uniform() * (cells_.high(cell)[j] - low);
    }
    // Queries that stand for as many rows each, in the order of rows.
    const double rows =
        (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    before.push_back(search_.predecessor ? early + (1 - early) * rows : 1.0);
  }
  return points;
}

CellTrials::Window CellTrials::MakeWindow(
    const double* point, double before, uint64_t stream,
    absl::FunctionRef<bool(int cell)> here) const {
  const int64_t dim = cloud_.dim;
  const double density = before * static_cast<double>(cloud_.n);
  const double wanted = std::max(
      kLeastWindow, kWindowOfNeighbor * static_cast<double>(search_.k));
  const absl::Span<const double> scale =
      factor_->kernel().inverse_lengthscale();
  double scale_volume = 1;
  for (int64_t j = 0; j < dim; ++j) scale_volume *= scale[j];
  const double d = static_cast<double>(dim);
  double half = 0.5 * std::pow(wanted / density * scale_volume, 1 / d);
  std::vector<double> low(dim), high(dim);
  for (;; half *= std::pow(2.0, 1 / d)) {
    double volume = 1;
    for (int64_t j = 0; j < dim; ++j) {
      low[j] = std::max(0.0, point[j] - half / scale[j]);
      high[j] = std::min(1.0, point[j] + half / scale[j]);
      volume *= high[j] - low[j];
    }
    const double count = volume * density;
    if (count < 0.75 * wanted && volume < 1) continue;
    RandomStream random(cloud_.seed + stream, kWindowStream);
    Window window;
    double inside = 0;
    for (int64_t i = 0; i < std::llround(count); ++i) {
      for (int64_t j = 0; j < dim; ++j) {
        window.points.push_back(low[j] + random.Uniform() * (high[j] - low[j]));
      }
      const int cell =
          cells_.CellOf(window.points.data() + window.points.size() - dim);
      window.cells.push_back(cell);
      window.here.push_back(here(cell));
      inside += window.here.back() ? 1 : 0;
    }
    if (inside >= wanted / 2 || volume >= 1 || count > kMostWindow * wanted) {
      return window;
    }
  }
}

absl::StatusOr<std::vector<TrialFound>> CellTrials::Find(
    const CellQueriesTrial& trial,
    absl::FunctionRef<bool(int cell)> here) const {
  std::vector<TrialFound> all;
  TileWorkspace workspace(cloud_.dim, 1, kTile);
  std::vector<double> tile(kTile + 8);
  for (const int32_t query : trial.positions) {
    const double* point = trial.points->points.row(query);
    // The same window for a query whatever is here, but for its size.
    const auto stream = static_cast<uint64_t>(point[0] * 0x1p53);
    const Window window = MakeWindow(point, trial.before[query], stream, here);
    const auto count = std::ssize(window.cells);
    Matrix<double> points(count, cloud_.dim);
    for (int64_t i = 0; i < count; ++i) {
      std::copy_n(window.points.data() + i * cloud_.dim, cloud_.dim,
                  points.row(i));
    }
    RCT_ASSIGN_OR_RETURN(
        ResidualPoints projected,
        factor_->Project(std::move(points), /*num_threads=*/1));
    const ResidualCorrelation metric(factor_->kernel(), std::move(projected),
                                     factor_, factor_->simd());
    std::vector<double> squared(count), of_here;
    for (int64_t i = 0; i < count; i += kTile) {
      const int size = static_cast<int>(std::min<int64_t>(kTile, count - i));
      metric.SquaredDistances(*trial.points, absl::MakeConstSpan(&query, 1),
                              Candidates::Range(static_cast<int32_t>(i), size),
                              tile.data(), std::ssize(tile), workspace);
      std::copy_n(tile.begin(), size, squared.begin() + i);
    }
    for (int64_t i = 0; i < count; ++i) {
      if (window.here[i]) of_here.push_back(squared[i]);
    }
    TrialFound& found = all.emplace_back();
    found.squared = kInfinity;
    if (std::ssize(of_here) >= search_.k) {
      std::nth_element(of_here.begin(), of_here.begin() + search_.k - 1,
                       of_here.end());
      found.squared = of_here[search_.k - 1];
    }
    for (int64_t i = 0; i < count; ++i) {
      if (!window.here[i] && squared[i] < found.squared) {
        found.elsewhere.push_back(window.cells[i]);
      }
    }
  }
  return all;
}

}  // namespace rct
