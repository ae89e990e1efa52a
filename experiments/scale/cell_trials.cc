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
#include "experiments/scale/trial_strata.h"
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

// The stream of windows: "window" in ASCII.
constexpr uint64_t kWindowStream = 0x77696e646f77;

}  // namespace

struct CellTrials::Window {
  std::vector<double> points;
  std::vector<int32_t> cells;
  std::vector<bool> here;
};

absl::StatusOr<CellQueriesTrial> CellTrials::Make(int cell,
                                                  int64_t count) const {
  TrialQueries queries = strata_.Make(cell, count);
  CellQueriesTrial trial;
  trial.before = std::move(queries.before);
  trial.weights = std::move(queries.weights);
  trial.positions.resize(queries.points.rows());
  std::iota(trial.positions.begin(), trial.positions.end(), 0);
  RCT_ASSIGN_OR_RETURN(
      ResidualPoints projected,
      factor_->Project(std::move(queries.points), /*num_threads=*/1));
  trial.points = std::make_shared<const ResidualPoints>(std::move(projected));
  return trial;
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
