// All neighbours within a radius, by searches for the k nearest.
//
// How many there are is not known before they are found. Queries are searched
// for their 62 nearest within the radius; those whose lists come back full once
// more, for 8 times as many, and so on up to all points. So every strategy can
// do it with the bounds that it has, and answers have the bits of any other.
//
// Cost. A query with r neighbours is searched for about log8(r / 62) + 1 times,
// the last of them with a k below 8 r; against a k known in advance that is
// twice to three times the work where lists are long. BLOCK searches for 496
// neighbours at most and is exhaustive beyond: two rounds are by blocks. Memory
// is that of the answer, while it is put in order twice that, and of a table of
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

// The k nearest within options.radius of these queries, numbers in ascending
// order.
using SearchSome = absl::FunctionRef<SearchResult(
    absl::Span<const int64_t> queries, const SearchOptions& options)>;

// All neighbours of queries [0, num_queries) among `num_points`. `options.k`
// counts for nothing. Statistics are sums over all searches. A monitor is told
// that each round is half of what is left, the last one all of it.
RangeResult RangeSearch(int64_t num_queries, int64_t num_points,
                        SearchOptions options, SearchSome search);

}  // namespace rct

#endif  // RCT_TRAVERSAL_RANGE_SEARCH_H_
