// From a call of an index to its searcher: what is the same whatever the
// metric. A call names queries, rows of the data or new points, and asks for
// the k nearest of each or for all within a radius.
//
// Options are as callers give them, checked already (validation.h) and with 0
// threads for all. Cancelled where `options.monitor` is.

#ifndef RCT_INDEX_DISPATCH_H_
#define RCT_INDEX_DISPATCH_H_

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/validation.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/searcher.h"

namespace rct {

// Queries where a searcher finds them: Searcher::Request says what is what.
template <class Metric>
struct Queries {
  const typename Metric::Points& from;
  std::vector<int32_t> positions;
  std::vector<int64_t> rows;
};

// Rows of the data, each in [0, size).
template <class Metric>
Queries<Metric> RowQueries(const Searcher<Metric>& searcher,
                           absl::Span<const int64_t> rows) {
  Queries<Metric> queries{searcher.metric().data(),
                          std::vector<int32_t>(rows.size()),
                          {rows.begin(), rows.end()}};
  for (size_t i = 0; i < rows.size(); ++i) {
    queries.positions[i] = searcher.order().position(rows[i]);
  }
  return queries;
}

// New points, which must outlive the queries: query i is point positions[i].
template <class Metric>
Queries<Metric> PointQueries(const typename Metric::Points& points,
                             std::vector<int32_t> positions) {
  std::vector<int64_t> no_rows(positions.size(), kNoNeighbor);
  return {points, std::move(positions), std::move(no_rows)};
}

// New points in turn.
template <class Metric>
Queries<Metric> PointQueries(const typename Metric::Points& points) {
  std::vector<int32_t> positions(points.size());
  std::iota(positions.begin(), positions.end(), 0);
  return PointQueries<Metric>(points, std::move(positions));
}

// The options.k nearest of each.
template <class Metric>
absl::StatusOr<SearchResult> Nearest(const Searcher<Metric>& searcher,
                                     const Queries<Metric>& queries,
                                     SearchOptions options) {
  options.threads = ResolveThreads(options.threads);
  const Monitor::Part whole(options.monitor);
  SearchResult result =
      searcher.Run({queries.from, queries.positions, queries.rows, options});
  RCT_RETURN_IF_ERROR(Monitor::Check(options.monitor));
  return result;
}

// All within options.radius.
template <class Metric>
absl::StatusOr<RangeResult> AllWithin(const Searcher<Metric>& searcher,
                                      const Queries<Metric>& queries,
                                      SearchOptions options) {
  options.threads = ResolveThreads(options.threads);
  const Monitor::Part whole(options.monitor);
  std::vector<int32_t> positions;
  std::vector<int64_t> rows;
  RangeResult result = rct::RangeSearch(
      static_cast<int64_t>(queries.positions.size()), searcher.metric().size(),
      options,
      [&](absl::Span<const int64_t> some, const SearchOptions& with_k) {
        positions.clear();
        rows.clear();
        for (const int64_t i : some) {
          positions.push_back(queries.positions[i]);
          rows.push_back(queries.rows[i]);
        }
        return searcher.Run({queries.from, positions, rows, with_k});
      });
  RCT_RETURN_IF_ERROR(Monitor::Check(options.monitor));
  return result;
}

// The calls of an index whose queries are rows, errors of their validation
// included.

template <class Metric>
absl::StatusOr<SearchResult> NearestToRows(const Searcher<Metric>& searcher,
                                           absl::Span<const int64_t> rows,
                                           const SearchOptions& options) {
  const int64_t size = searcher.metric().size();
  RCT_RETURN_IF_ERROR(ValidateSearch(options, size));
  RCT_RETURN_IF_ERROR(ValidateRows(rows, size));
  RCT_RETURN_IF_ERROR(
      CheckAnswerMemory(static_cast<int64_t>(rows.size()), options.k));
  return Nearest(searcher, RowQueries(searcher, rows), options);
}

// Every row in turn, but not as its own neighbour.
template <class Metric>
absl::StatusOr<SearchResult> NearestToAllRows(const Searcher<Metric>& searcher,
                                              SearchOptions options) {
  options.exclude_self = true;
  std::vector<int64_t> rows(searcher.metric().size());
  std::iota(rows.begin(), rows.end(), 0);
  return NearestToRows(searcher, rows, options);
}

template <class Metric>
absl::StatusOr<RangeResult> AllWithinOfRows(const Searcher<Metric>& searcher,
                                            absl::Span<const int64_t> rows,
                                            double radius,
                                            SearchOptions options) {
  options.k = 1;
  options.radius = radius;
  const int64_t size = searcher.metric().size();
  RCT_RETURN_IF_ERROR(ValidateSearch(options, size));
  RCT_RETURN_IF_ERROR(ValidateRows(rows, size));
  RCT_RETURN_IF_ERROR(
      CheckRangeMemory(static_cast<int64_t>(rows.size()), options, size));
  return AllWithin(searcher, RowQueries(searcher, rows), options);
}

}  // namespace rct

#endif  // RCT_INDEX_DISPATCH_H_
