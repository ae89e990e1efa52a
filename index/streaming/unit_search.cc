#include "index/streaming/unit_search.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cell_points.h"
#include "index/streaming/streamed_points.h"
#include "metric/inducing_points.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// The shares of a unit's steps in its work.
constexpr double kBuildShare = 0.5;
constexpr double kSearchShare = 0.85;

int64_t PlaceOf(absl::Span<const int32_t> rows, int64_t row) {
  return std::lower_bound(rows.begin(), rows.end(), row) - rows.begin();
}

// Returns the queries of a unit, ascending.
std::vector<int32_t> QueriesOf(const StreamedPoints& all,
                               const StreamUnit& unit) {
  std::vector<int32_t> queries;
  const auto add = [&](int64_t row) {
    if (all.IsQuery(unit, static_cast<int32_t>(row))) {
      queries.push_back(static_cast<int32_t>(row));
    }
  };
  switch (unit.kind) {
    case StreamUnit::kEarly:
      for (int64_t row = 0; row < all.early_rows; ++row) add(row);
      break;
    case StreamUnit::kInducing:
      for (const int64_t row : all.factor->inducing().rows) add(row);
      break;
    case StreamUnit::kCells:
      for (int c = unit.first_cell; c < unit.last_cell; ++c) {
        for (const int32_t row : all.cells[c].rows) add(row);
      }
      break;
  }
  std::sort(queries.begin(), queries.end());
  const auto border = [&](int64_t part) {
    return queries.begin() + part * std::ssize(queries) / unit.parts;
  };
  return {border(unit.part), border(unit.part + 1)};
}

// The points of the index of a unit, by row.
struct UnitPoints {
  std::vector<int32_t> rows;
  Matrix<double> points;
};

UnitPoints PointsOf(const StreamedPoints& all, const StreamUnit& unit,
                    absl::Span<const int32_t> fetched, int32_t last_query) {
  std::vector<std::pair<int32_t, const double*>> placed;
  const auto add_cell = [&](int32_t c) {
    const CellView& cell = all.cells[c];
    for (int64_t i = 0; i < cell.size(); ++i) {
      placed.emplace_back(cell.rows[i], cell.point(i));
    }
  };
  // Of early rows, only those that come before a query matter.
  for (int32_t i = 0; unit.kind == StreamUnit::kEarly && i <= last_query; ++i) {
    placed.emplace_back(i, all.early.row(i));
  }
  for (int c = unit.first_cell; c < unit.last_cell; ++c) add_cell(c);
  for (const int32_t c : fetched) add_cell(c);
  const InducingPoints& z = all.factor->inducing();
  for (size_t i = 0; i < z.rows.size(); ++i) {
    placed.emplace_back(static_cast<int32_t>(z.rows[i]),
                        z.coordinates.row(static_cast<int64_t>(i)));
  }
  const auto by_row = [](const auto& a, const auto& b) {
    return a.first < b.first;
  };
  const auto same_row = [](const auto& a, const auto& b) {
    return a.first == b.first;
  };
  std::sort(placed.begin(), placed.end(), by_row);
  placed.erase(std::unique(placed.begin(), placed.end(), same_row),
               placed.end());
  const int64_t dim = all.factor->kernel().dim();
  UnitPoints unit_points = {{}, Matrix<double>(std::ssize(placed), dim)};
  unit_points.rows.reserve(placed.size());
  for (const auto& [row, point] : placed) {
    std::copy_n(point, dim, unit_points.points.row(unit_points.rows.size()));
    unit_points.rows.push_back(row);
  }
  return unit_points;
}

// Builds the index of a unit's points, whose rows are `rows`.
absl::StatusOr<ResidualIndex> BuildUnit(const StreamedPoints& all,
                                        const StreamUnit& unit,
                                        absl::Span<const int32_t> rows,
                                        Matrix<double> points,
                                        int64_t num_queries, int threads,
                                        Monitor* monitor) {
  IndexOptions options = all.options;
  options.set_threads(threads);
  InducingConfig& inducing = *options.mutable_residual()->mutable_inducing();
  const InducingPoints& z = all.factor->inducing();
  if (!z.rows.empty()) {
    auto& local = *inducing.mutable_rows()->mutable_row();
    local.Clear();
    for (const int64_t row : z.rows) local.Add(PlaceOf(rows, row));
  }
  const bool chooses = options.strategy() == BLOCK && !options.has_heuristics();
  if (chooses && unit.kind == StreamUnit::kCells && all.rms_residual > 0) {
    SkeletonBoundConfig& bound =
        *options.mutable_heuristics()->mutable_skeleton_bound();
    bound.set_form(SkeletonBoundConfig::TABLES);
    bound.set_rms_residual(all.rms_residual);
  } else if (chooses) {
    options.mutable_heuristics()
        ->mutable_skeleton_bound()
        ->set_expected_queries(num_queries);
  }
  return ResidualIndex::Build(std::as_const(points).view(), options, monitor);
}

// Fills in the neighbors of the queries, by an index over `rows`.
absl::Status Search(const StreamedPoints& all, const ResidualIndex& index,
                    absl::Span<const int32_t> rows, int threads,
                    Monitor* monitor, UnitAnswer& answer) {
  std::vector<int64_t> places;
  places.reserve(answer.rows.size());
  for (const int32_t row : answer.rows) places.push_back(PlaceOf(rows, row));
  RCT_ASSIGN_OR_RETURN(
      SearchResult result,
      index.Search(places, SearchOptionsOf(all, threads, monitor)));
  answer.evaluations = result.counters.distance_evaluations();
  const auto count = static_cast<int64_t>(answer.rows.size());
  answer.neighbors = Matrix<int32_t>(count, all.k);
  answer.distances = Matrix<double>(count, all.k);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < all.k; ++j) {
      const int64_t place = result.neighbors.rows()(i, j);
      answer.neighbors(i, j) = place == kNoNeighbor ? -1 : rows[place];
      answer.distances(i, j) = result.neighbors.distances()(i, j);
    }
  }
  return absl::OkStatus();
}

// Defers the pairs of a query and one of `others` that no bound dismisses.
void DeferFromCell(const StreamedPoints& all, const ResidualPoints& points,
                   absl::Span<const int32_t> rows,
                   absl::Span<const int32_t> others, const UnitAnswer& answer,
                   int cell, std::vector<DeferredQuery>& deferred) {
  std::vector<int32_t> positions, global;
  std::vector<double> distances, squared;
  for (const int32_t row : all.cells[cell].rows) {
    const int64_t query = PlaceOf(answer.rows, row);
    if (query == std::ssize(answer.rows) || answer.rows[query] != row) continue;
    positions.push_back(static_cast<int32_t>(PlaceOf(rows, row)));
    global.push_back(row);
    distances.push_back(answer.distances(query, all.k - 1));
    squared.push_back(LargestSquaredAt(distances.back()));
  }
  FindWanted(all, cell, {points, positions, squared}, global, others,
             [&](int32_t query, int32_t other) {
               deferred.push_back({other, global[query], distances[query]});
             });
}

absl::Status Certify(const StreamedPoints& all, const StreamUnit& unit,
                     const ResidualPoints& points,
                     absl::Span<const int32_t> rows,
                     absl::Span<const int32_t> fetched, int threads,
                     Monitor* monitor, UnitAnswer& answer) {
  std::vector<int32_t> others;
  for (int32_t c = 0; c < all.cells.size(); ++c) {
    const bool there = (c >= unit.first_cell && c < unit.last_cell) ||
                       std::binary_search(fetched.begin(), fetched.end(), c);
    if (!there) others.push_back(c);
  }
  std::vector<std::vector<DeferredQuery>> deferred(unit.last_cell -
                                                   unit.first_cell);
  ParallelFor(threads, std::ssize(deferred), monitor, [&](int64_t i, int) {
    DeferFromCell(all, points, rows, others, answer,
                  unit.first_cell + static_cast<int>(i), deferred[i]);
  });
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  for (std::vector<DeferredQuery>& of_cell : deferred) {
    answer.deferred.insert(answer.deferred.end(), of_cell.begin(),
                           of_cell.end());
    of_cell = {};
  }
  std::sort(answer.deferred.begin(), answer.deferred.end());
  return absl::OkStatus();
}

// Defers every query to every cell that has rows for it.
void DeferToAll(const StreamedPoints& all, UnitAnswer& answer) {
  for (int32_t c = 0; c < all.cells.size(); ++c) {
    for (size_t i = 0; i < answer.rows.size(); ++i) {
      const int32_t row = answer.rows[i];
      if (all.predecessor && all.cells.first_row(c) >= row) continue;
      answer.deferred.push_back(
          {c, row, answer.distances(static_cast<int64_t>(i), all.k - 1)});
    }
  }
}

// Appends the neighbors of `deferred`, all of one cell.
absl::Status SearchCell(const StreamedPoints& all,
                        absl::Span<const DeferredQuery> deferred,
                        const RowPoints& query_points, FoundNeighbors& found) {
  const absl::Span<const int32_t> rows = all.cells[deferred[0].cell].rows;
  RCT_ASSIGN_OR_RETURN(const auto metric, MetricOfCell(all, deferred[0].cell));
  const int64_t dim = all.factor->kernel().dim();
  std::vector<int32_t> queries;
  Matrix<double> coordinates(std::ssize(deferred), dim);
  for (const DeferredQuery& query : deferred) {
    std::copy_n(query_points[query.row], dim,
                coordinates.row(std::ssize(queries)));
    queries.push_back(query.row);
  }
  RCT_ASSIGN_OR_RETURN(
      const ResidualPoints points,
      all.factor->Project(std::move(coordinates), /*num_threads=*/1));
  // A query counts the rows of the cell that come before it.
  std::vector<int32_t> numbers(queries.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  std::vector<int64_t> places(queries.size(), kNoNeighbor);
  for (size_t i = 0; i < queries.size() && all.predecessor; ++i) {
    places[i] = PlaceOf(rows, queries[i]);
  }
  SearchOptions options = SearchOptionsOf(all, /*threads=*/1, nullptr);
  options.exclude_self = false;  // a query is in another cell
  const ExhaustiveSearcher<ResidualCorrelation> exhaustive(metric);
  const SearchResult result =
      exhaustive.Run(Queries<ResidualPoints>::Some(
                         points, numbers, places, absl::MakeConstSpan(numbers)),
                     options);
  found.evaluations = result.counters.distance_evaluations();
  found.projected = std::ssize(rows) + std::ssize(queries);
  for (size_t i = 0; i < queries.size(); ++i) {
    for (int64_t j = 0; j < all.k; ++j) {
      const auto query = static_cast<int64_t>(i);
      const int64_t place = result.neighbors.rows()(query, j);
      const double distance = result.neighbors.distances()(query, j);
      if (place == kNoNeighbor || distance > deferred[i].distance) break;
      found.query.push_back(queries[i]);
      found.row.push_back(rows[place]);
      found.distance.push_back(distance);
    }
  }
  return absl::OkStatus();
}

// Returns all of `parts`, by query.
FoundNeighbors Sorted(const std::vector<FoundNeighbors>& parts) {
  std::vector<std::tuple<int32_t, double, int32_t>> order;
  for (const FoundNeighbors& part : parts) {
    for (size_t i = 0; i < part.query.size(); ++i) {
      order.emplace_back(part.query[i], part.distance[i], part.row[i]);
    }
  }
  std::sort(order.begin(), order.end());
  FoundNeighbors sorted;
  for (const FoundNeighbors& part : parts) {
    sorted.evaluations += part.evaluations;
    sorted.projected += part.projected;
  }
  for (const auto& [query, distance, row] : order) {
    sorted.query.push_back(query);
    sorted.row.push_back(row);
    sorted.distance.push_back(distance);
  }
  return sorted;
}

}  // namespace

absl::StatusOr<UnitAnswer> SearchUnit(const StreamedPoints& all,
                                      const StreamUnit& unit,
                                      absl::Span<const int32_t> fetched,
                                      int threads, Monitor* monitor) {
  const Monitor::Part whole(monitor);
  UnitAnswer answer;
  answer.rows = QueriesOf(all, unit);
  if (answer.rows.empty()) return answer;
  UnitPoints own = PointsOf(all, unit, fetched, answer.rows.back());
  const std::vector<int32_t> rows = std::move(own.rows);
  for (const int32_t c : fetched) answer.fetched_points += all.cells.count(c);
  answer.own_points = std::ssize(rows) - answer.fetched_points;
  std::optional<Monitor::Part> part(std::in_place, monitor, kBuildShare);
  absl::StatusOr<ResidualIndex> index =
      BuildUnit(all, unit, rows, std::move(own.points), std::ssize(answer.rows),
                threads, monitor);
  RCT_RETURN_IF_ERROR(index.status());
  part.emplace(monitor, kSearchShare);
  RCT_RETURN_IF_ERROR(Search(all, *index, rows, threads, monitor, answer));
  part.reset();
  if (unit.kind == StreamUnit::kInducing) DeferToAll(all, answer);
  if (unit.kind != StreamUnit::kCells) return answer;
  // The factors stay, without what a search needs beside them.
  const std::shared_ptr<const ResidualCorrelation> metric =
      index->model().metric();
  index = absl::UnknownError("the index is not needed any more");
  RCT_RETURN_IF_ERROR(Certify(all, unit, metric->data(), rows, fetched, threads,
                              monitor, answer));
  return answer;
}

absl::StatusOr<FoundNeighbors> SearchOwned(
    const StreamedPoints& all, absl::Span<const DeferredQuery> deferred,
    const RowPoints& queries, int threads, Monitor* monitor) {
  const Monitor::Part whole(monitor);
  std::vector<absl::Span<const DeferredQuery>> of_cells;
  for (size_t begin = 0; begin < deferred.size();) {
    size_t end = begin + 1;
    while (end < deferred.size() &&
           deferred[end].cell == deferred[begin].cell) {
      ++end;
    }
    of_cells.push_back(deferred.subspan(begin, end - begin));
    begin = end;
  }
  std::vector<FoundNeighbors> found(of_cells.size());
  std::vector<absl::Status> errors(std::max(1, threads));
  ParallelFor(
      threads, std::ssize(of_cells), monitor, [&](int64_t i, int worker) {
        errors[worker].Update(SearchCell(all, of_cells[i], queries, found[i]));
      });
  for (const absl::Status& error : errors) RCT_RETURN_IF_ERROR(error);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  return Sorted(found);
}

}  // namespace rct
