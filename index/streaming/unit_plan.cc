#include "index/streaming/unit_plan.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cell_points.h"
#include "index/streaming/streamed_points.h"
#include "metric/residual_correlation.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Queries of a cell that stand for the others.
constexpr int64_t kTrialQueries = 32;

// Adds to `wants` how many queries of a cell want each of `others`, by trial
// queries: theta is what the cell itself gives them. Returns the distance of
// the kth neighbor in the middle of the trials.
absl::StatusOr<double> CountWants(const StreamedPoints& all,
                                  const StreamUnit& unit, int cell,
                                  absl::Span<const int32_t> others,
                                  std::vector<double>& wants) {
  const absl::Span<const int32_t> rows = all.cells[cell].rows;
  std::vector<int64_t> queries;
  for (int64_t i = 0; i < std::ssize(rows); ++i) {
    if (all.IsQuery(unit, rows[i])) queries.push_back(i);
  }
  if (queries.empty()) return kInfinity;
  const auto count = static_cast<int64_t>(queries.size());
  const int64_t trials = std::min(count, kTrialQueries);
  std::vector<int64_t> some(trials);
  std::vector<int32_t> positions(trials), global(trials);
  for (int64_t i = 0; i < trials; ++i) {
    some[i] = queries[i * count / trials];
    positions[i] = static_cast<int32_t>(some[i]);
    global[i] = rows[some[i]];
  }
  RCT_ASSIGN_OR_RETURN(const auto metric, MetricOfCell(all, cell));
  const ExhaustiveSearcher<ResidualCorrelation> exhaustive(metric);
  const SearchResult found =
      exhaustive.SearchRows(some, SearchOptionsOf(all, /*threads=*/1, nullptr));
  std::vector<double> squared(trials), distances(trials);
  for (int64_t i = 0; i < trials; ++i) {
    distances[i] = found.neighbors.distances()(i, all.k - 1);
    squared[i] = LargestSquaredAt(distances[i]);
  }
  FindWanted(all, cell, {metric->data(), positions, squared}, global, others,
             [&](int32_t, int32_t other) {
               wants[other] +=
                   static_cast<double>(count) / static_cast<double>(trials);
             });
  std::nth_element(distances.begin(), distances.begin() + trials / 2,
                   distances.end());
  return distances[trials / 2];
}

// Returns those of `others` that are worth fetching, by how many queries of
// each cell of the unit want them.
std::vector<int32_t> MostWanted(const StreamedPoints& all,
                                absl::Span<const int32_t> others,
                                const std::vector<std::vector<double>>& wants) {
  std::vector<std::pair<double, int32_t>> by_wants;
  for (const int32_t c : others) {
    double sum = 0;
    for (const std::vector<double>& of_cell : wants) sum += of_cell[c];
    if (sum >= static_cast<double>(all.defer_below) && sum > 0) {
      by_wants.emplace_back(-sum, c);
    }
  }
  std::sort(by_wants.begin(), by_wants.end());
  std::vector<int32_t> fetched;
  int64_t left = all.max_fetched;
  for (const auto& [wanted, c] : by_wants) {
    left -= all.cells.count(c);
    if (left < 0) break;
    fetched.push_back(c);
  }
  std::sort(fetched.begin(), fetched.end());
  return fetched;
}

}  // namespace

absl::StatusOr<std::vector<int32_t>> PlanUnit(const StreamedPoints& all,
                                              const StreamUnit& unit,
                                              int threads, Monitor* monitor) {
  const Monitor::Part whole(monitor);
  std::vector<int32_t> others;
  for (int32_t c = 0; c < all.cells.size(); ++c) {
    if (c < unit.first_cell || c >= unit.last_cell) others.push_back(c);
  }
  if (unit.kind != StreamUnit::kCells || others.empty() ||
      all.max_fetched == 0) {
    return std::vector<int32_t>();
  }
  const int own = unit.last_cell - unit.first_cell;
  std::vector<std::vector<double>> wants(own,
                                         std::vector<double>(all.cells.size()));
  std::vector<absl::Status> errors(own);
  ParallelFor(threads, own, monitor, [&](int64_t i, int) {
    errors[i] = CountWants(all, unit, unit.first_cell + static_cast<int>(i),
                           others, wants[i])
                    .status();
  });
  for (const absl::Status& error : errors) RCT_RETURN_IF_ERROR(error);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  return MostWanted(all, others, wants);
}

absl::StatusOr<CellTrial> TryCell(const StreamedPoints& all, int cell) {
  std::vector<int32_t> others;
  for (int32_t c = 0; c < all.cells.size(); ++c) {
    if (c != cell) others.push_back(c);
  }
  std::vector<double> wants(all.cells.size());
  CellTrial trial;
  RCT_ASSIGN_OR_RETURN(trial.distance,
                       CountWants(all, {StreamUnit::kCells, cell, cell + 1},
                                  cell, others, wants));
  const double pairs = static_cast<double>(others.size()) *
                       static_cast<double>(all.cells.count(cell));
  trial.part_wanted =
      std::accumulate(wants.begin(), wants.end(), 0.0) / std::max(1.0, pairs);
  return trial;
}

CellTrial TogetherOf(std::vector<CellTrial> trials) {
  CellTrial together;
  for (const CellTrial& trial : trials) {
    together.part_wanted +=
        trial.part_wanted / static_cast<double>(std::ssize(trials));
  }
  std::sort(trials.begin(), trials.end(),
            [](const CellTrial& a, const CellTrial& b) {
              return a.distance < b.distance;
            });
  together.distance = trials[trials.size() / 2].distance;
  return together;
}

}  // namespace rct
