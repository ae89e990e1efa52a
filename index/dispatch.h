// From a call of an index to its searcher: the part that does not depend on the
// metric. A call names queries, rows of the data or new points, and asks for
// the k nearest of each or for all within a radius.
//
// Options are those of the caller, checked already (validation.h); 0 threads
// means all. A call returns Cancelled where `options.monitor` is cancelled.

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

// The queries of one call, in the terms of Searcher::Request.
template <class Metric>
class Queries {
 public:
  using Points = typename Metric::Points;

  // Queries are rows of the data, each in [0, size).
  Queries(const Searcher<Metric>& searcher, absl::Span<const int64_t> rows)
      : searcher_(searcher),
        from_(searcher.metric().data()),
        positions_(rows.size()),
        rows_(rows.begin(), rows.end()) {
    for (size_t i = 0; i < rows.size(); ++i) {
      positions_[i] = searcher.order().position(rows[i]);
    }
  }

  // Query i is point positions[i] of `points`, which must outlive the queries.
  Queries(const Searcher<Metric>& searcher, const Points& points,
          std::vector<int32_t> positions)
      : searcher_(searcher),
        from_(points),
        positions_(std::move(positions)),
        rows_(positions_.size(), kNoNeighbor) {}

  // Query i is point i of `points`, which must outlive the queries.
  Queries(const Searcher<Metric>& searcher, const Points& points)
      : Queries(searcher, points, std::vector<int32_t>(points.size())) {
    std::iota(positions_.begin(), positions_.end(), 0);
  }

  // Returns the options.k nearest of each query.
  absl::StatusOr<SearchResult> Nearest(SearchOptions options) const {
    options.threads = ResolveThreads(options.threads);
    const Monitor::Part whole(options.monitor);
    SearchResult result = searcher_.Run({from_, positions_, rows_, options});
    RCT_RETURN_IF_ERROR(Monitor::Check(options.monitor));
    return result;
  }

  // Returns all within options.radius of each query.
  absl::StatusOr<RangeResult> AllWithin(SearchOptions options) const {
    options.threads = ResolveThreads(options.threads);
    const Monitor::Part whole(options.monitor);
    std::vector<int32_t> positions;
    std::vector<int64_t> rows;
    RangeResult result = RangeSearch(
        static_cast<int64_t>(positions_.size()), searcher_.metric().size(),
        options,
        [&](absl::Span<const int64_t> some, const SearchOptions& with_k) {
          positions.clear();
          rows.clear();
          for (const int64_t i : some) {
            positions.push_back(positions_[i]);
            rows.push_back(rows_[i]);
          }
          return searcher_.Run({from_, positions, rows, with_k});
        });
    RCT_RETURN_IF_ERROR(Monitor::Check(options.monitor));
    return result;
  }

 private:
  const Searcher<Metric>& searcher_;
  const Points& from_;
  std::vector<int32_t> positions_;
  std::vector<int64_t> rows_;
};

// Returns the options of a search for all neighbors within `radius`.
inline SearchOptions WithinRadius(SearchOptions options, double radius) {
  options.k = 1;
  options.radius = radius;
  return options;
}

// The calls of an index whose queries are rows, with the errors of their
// validation.

template <class Metric>
absl::StatusOr<SearchResult> NearestToRows(const Searcher<Metric>& searcher,
                                           absl::Span<const int64_t> rows,
                                           const SearchOptions& options) {
  const int64_t size = searcher.metric().size();
  RCT_RETURN_IF_ERROR(ValidateSearch(options, size));
  RCT_RETURN_IF_ERROR(ValidateRows(rows, size));
  RCT_RETURN_IF_ERROR(
      CheckAnswerMemory(static_cast<int64_t>(rows.size()), options.k));
  return Queries(searcher, rows).Nearest(options);
}

// Queries are all rows in turn; no row is its own neighbor.
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
  options = WithinRadius(options, radius);
  const int64_t size = searcher.metric().size();
  RCT_RETURN_IF_ERROR(ValidateSearch(options, size));
  RCT_RETURN_IF_ERROR(ValidateRows(rows, size));
  RCT_RETURN_IF_ERROR(
      CheckRangeMemory(static_cast<int64_t>(rows.size()), options, size));
  return Queries(searcher, rows).AllWithin(options);
}

}  // namespace rct

#endif  // RCT_INDEX_DISPATCH_H_
