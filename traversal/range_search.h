// All neighbors within a radius, by searches for the k nearest.
//
// The number of neighbors is not known before they are found. Each query is
// searched for its 62 nearest within the radius; queries whose lists come back
// full are searched again, for 8 times as many, and so on up to all points. So
// every strategy can do it with the bounds that it has, and all give the same
// bits.
//
// Cost. A query with r neighbors is searched for about log8(r / 62) + 1 times,
// the last time with a k below 8 r; against a k known in advance that is twice
// to three times the work where lists are long. BLOCK searches for 496
// neighbors at most and is exhaustive beyond: two rounds are by blocks. Memory
// is that of the answer, twice that while it is put in order, and a table of
// 128 MiB, or of 16 queries where that is more.

#ifndef RCT_TRAVERSAL_RANGE_SEARCH_H_
#define RCT_TRAVERSAL_RANGE_SEARCH_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"

namespace rct {

struct RangeResult : SearchStatistics {
  RangeTable neighbors;
};

// Returns the k nearest within options.radius of these queries, which are
// numbers in ascending order.
using SearchSome = absl::FunctionRef<SearchResult(
    absl::Span<const int64_t> queries, const SearchOptions& options)>;

// Returns all neighbors of queries [0, num_queries) among `num_points`.
// `options.k` is ignored. Statistics are sums over all searches. The monitor is
// told that each round is half of the work that is left, the last one all of
// it.
RangeResult RangeSearch(int64_t num_queries, int64_t num_points,
                        SearchOptions options, SearchSome search);

}  // namespace rct

#endif  // RCT_TRAVERSAL_RANGE_SEARCH_H_
