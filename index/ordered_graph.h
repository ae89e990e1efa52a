// The graph of the rows in an order, from a searcher over the data in that
// order.
//
// In such data a row's number is its rank in the order, so that `predecessor`,
// which compares row numbers, means earlier in the order, and ties by row are
// ties by rank. The queries are the ranks of rows 0, 1, ...: row i of the table
// belongs to row i of the caller's data, and only the neighbors in it have to
// be renamed.

#ifndef RCT_INDEX_ORDERED_GRAPH_H_
#define RCT_INDEX_ORDERED_GRAPH_H_

#include <algorithm>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "index/dispatch.h"
#include "index/ordering.h"
#include "index/validation.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {

// The share of the work that a monitor is told the index in the order takes.
inline constexpr double kShareOfOrderedIndex = 0.5;

// Returns the errors of a graph in an order that do not need its index.
inline absl::Status ValidateOrderedGraph(const SearchOptions& options,
                                         absl::Span<const int64_t> order,
                                         int64_t size) {
  RCT_RETURN_IF_ERROR(ValidateSearch(options, size));
  RCT_RETURN_IF_ERROR(ValidateOrder(order, size));
  return CheckAnswerMemory(size, options.k);
}

// Returns whether a valid order is 0, 1, ...
inline bool IsNatural(absl::Span<const int64_t> order) {
  return std::is_sorted(order.begin(), order.end());
}

// Returns the flags in a valid order, or null where there are none.
inline std::unique_ptr<bool[]> FlagsInOrder(absl::Span<const bool> flags,
                                            absl::Span<const int64_t> order) {
  if (flags.empty()) return nullptr;
  auto ordered = std::make_unique<bool[]>(order.size());
  for (size_t i = 0; i < order.size(); ++i) ordered[i] = flags[order[i]];
  return ordered;
}

// Turns ranks in a valid order into rows; kNoNeighbor stays.
inline void RanksToRows(absl::Span<const int64_t> order,
                        absl::Span<int64_t> ranks) {
  for (int64_t& rank : ranks) {
    if (rank != kNoNeighbor) rank = order[rank];
  }
}

// Returns the neighbors of every row, itself excluded, in a valid order.
// `ordered` searches the data in that order; the options are those of the
// caller, checked already.
template <class Metric>
absl::StatusOr<SearchResult> NearestInOrder(const Searcher<Metric>& ordered,
                                            absl::Span<const int64_t> order,
                                            SearchOptions options) {
  const std::unique_ptr<bool[]> allowed = FlagsInOrder(options.allowed, order);
  if (allowed != nullptr) {
    options.allowed = absl::MakeConstSpan(allowed.get(), order.size());
  }
  options.exclude_self = true;
  RCT_ASSIGN_OR_RETURN(SearchResult result,
                       NearestToRows(ordered, RanksOf(order), options));
  NeighborTable& table = result.neighbors;
  for (int64_t i = 0; i < table.num_queries(); ++i) {
    RanksToRows(order, absl::MakeSpan(table.rows().row(i), table.k()));
  }
  return result;
}

}  // namespace rct

#endif  // RCT_INDEX_ORDERED_GRAPH_H_
