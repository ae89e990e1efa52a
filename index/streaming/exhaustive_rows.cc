#include "index/streaming/exhaustive_rows.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/streaming/stream_factor.h"
#include "index/streaming/streamed_graph.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// The points of a piece.
constexpr int64_t kPiece = 1 << 16;

// Adds the neighbors among points [first, first + piece.rows()).
void Merge(const NeighborTable& piece, int64_t first, NeighborTable& all) {
  std::vector<std::pair<double, int64_t>> list;
  for (int64_t i = 0; i < all.num_queries(); ++i) {
    list.clear();
    for (int64_t j = 0; j < all.count(i); ++j) {
      list.emplace_back(all.distances()(i, j), all.rows()(i, j));
    }
    for (int64_t j = 0; j < piece.count(i); ++j) {
      list.emplace_back(piece.distances()(i, j), first + piece.rows()(i, j));
    }
    std::sort(list.begin(), list.end());
    const int64_t count = std::min<int64_t>(all.k(), std::ssize(list));
    for (int64_t j = 0; j < count; ++j) {
      all.distances()(i, j) = list[j].first;
      all.rows()(i, j) = list[j].second;
    }
  }
}

}  // namespace

absl::StatusOr<NeighborTable> ExhaustiveRows(MatrixView<const double> points,
                                             const StreamOptions& options,
                                             absl::Span<const int64_t> rows,
                                             Monitor* monitor) {
  const Monitor::Part whole(monitor, /*share=*/1, points.rows / kPiece + 1);
  SearchOptions search;
  search.k = options.k;
  search.predecessor = options.predecessor;
  search.exclude_self = true;
  search.threads = ResolveThreads(options.index.threads());
  RCT_ASSIGN_OR_RETURN(
      const std::shared_ptr<const InducingFactor> factor,
      StreamFactor(points, options.index.residual(), search.threads, nullptr));
  Matrix<double> places(static_cast<int64_t>(rows.size()), points.cols);
  for (int64_t i = 0; i < places.rows(); ++i) {
    std::copy_n(points.row(rows[i]), points.cols, places.row(i));
  }
  RCT_ASSIGN_OR_RETURN(const ResidualPoints queries,
                       factor->Project(std::move(places), search.threads));
  std::vector<int32_t> numbers(rows.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  NeighborTable all(static_cast<int64_t>(rows.size()), options.k);
  for (int64_t first = 0; first < points.rows; first += kPiece) {
    if (!Monitor::Go(monitor, 1)) return Monitor::Check(monitor);
    const int64_t size = std::min(kPiece, points.rows - first);
    RCT_ASSIGN_OR_RETURN(
        ResidualPoints data,
        factor->Project(MatrixView<const double>(points.row(first), size,
                                                 points.cols, points.stride),
                        search.threads));
    const ExhaustiveSearcher<ResidualCorrelation> exhaustive(
        std::make_shared<const ResidualCorrelation>(
            factor->kernel(), std::move(data), factor, factor->simd()));
    // As a query has it among the rows of the piece: its own row, or where it
    // would stand.
    std::vector<int64_t> local;
    for (const int64_t row : rows) {
      local.push_back(std::clamp<int64_t>(row - first, -1, size));
    }
    for (int64_t& row : local) {
      if (options.predecessor) row = std::max<int64_t>(row, 0);
    }
    const SearchResult found = exhaustive.Run(
        Queries<ResidualPoints>::Some(queries, numbers, local,
                                      absl::MakeConstSpan(numbers)),
        search);
    Merge(found.neighbors, first, all);
  }
  return all;
}

}  // namespace rct
