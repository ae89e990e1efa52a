// From a call of an index to its searcher: the part that does not depend on the
// metric. A call names queries, rows of the data or new points, and asks for
// the k nearest of each or for all within a radius.
//
// Options are those of the caller, checked already (validation.h); 0 threads
// means all. A call returns Cancelled where `options.monitor` is cancelled.

#ifndef RCT_INDEX_DISPATCH_H_
#define RCT_INDEX_DISPATCH_H_

#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/validation.h"
#include "traversal/range_search.h"
#include "traversal/searcher.h"

namespace rct {

// Returns the options.k nearest of each query.
template <class Metric>
absl::StatusOr<SearchResult> Nearest(
    const Searcher<Metric>& searcher,
    const Queries<typename Metric::Points>& queries, SearchOptions options) {
  options.threads = ResolveThreads(options.threads);
  const Monitor::Part whole(options.monitor);
  SearchResult result = searcher.Run(queries, options);
  RCT_RETURN_IF_ERROR(Monitor::Check(options.monitor));
  return result;
}

// Returns all within options.radius of each query.
template <class Metric>
absl::StatusOr<RangeResult> AllWithin(
    const Searcher<Metric>& searcher,
    const Queries<typename Metric::Points>& queries, SearchOptions options) {
  options.threads = ResolveThreads(options.threads);
  const Monitor::Part whole(options.monitor);
  RangeResult result = RangeSearch(
      queries.size(), searcher.metric().size(), options,
      [&](absl::Span<const int64_t> some, const SearchOptions& with_k) {
        return searcher.Run(queries.Some(some), with_k);
      });
  RCT_RETURN_IF_ERROR(Monitor::Check(options.monitor));
  return result;
}

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
  return Nearest(searcher, searcher.Rows(rows), options);
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
  return AllWithin(searcher, searcher.Rows(rows), options);
}

}  // namespace rct

#endif  // RCT_INDEX_DISPATCH_H_
