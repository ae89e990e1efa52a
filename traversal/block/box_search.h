// What the searches of a box tree have in common: queries are shared out to
// threads one after the other, and the work of each thread is counted.

#ifndef RCT_TRAVERSAL_BLOCK_BOX_SEARCH_H_
#define RCT_TRAVERSAL_BLOCK_BOX_SEARCH_H_

#include <algorithm>
#include <cstdint>

#include "absl/types/span.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "traversal/block/box_tree.h"
#include "traversal/counters.h"
#include "traversal/neighbor_table.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {

// The queries of a task: enough to outweigh its start, few enough to share out.
inline constexpr int64_t kBoxQueriesOfATask = 256;

// The number of queries whose rows of the answer are asked for ahead of time:
// queries near each other in space may lie far from each other there.
inline constexpr int64_t kBoxQueriesAhead = 4;

// Returns how many of `threads` threads have queries to answer.
inline int BoxWorkers(int64_t queries, int threads) {
  const int64_t tasks = (queries + kBoxQueriesOfATask - 1) / kBoxQueriesOfATask;
  return static_cast<int>(std::min<int64_t>(threads, tasks));
}

// Calls search(query, worker) for each of `queries`, in the order of their
// positions (Searcher::PlacedQuery), on BoxWorkers() threads.
template <class Placed, class Search>
void SearchPlaced(absl::Span<const Placed> queries,
                  const SearchOptions& options, NeighborTable& neighbors,
                  Search search) {
  const auto count = static_cast<int64_t>(queries.size());
  const auto task = [&](int64_t task, int worker) {
    const int64_t first = task * kBoxQueriesOfATask;
    const int64_t last = std::min(first + kBoxQueriesOfATask, count);
    for (int64_t i = first; i < last; ++i) {
      if (i + kBoxQueriesAhead < last) {
        neighbors.Prefetch(queries[i + kBoxQueriesAhead].query);
      }
      search(queries[i], worker);
    }
  };
  ParallelFor(BoxWorkers(count, options.threads),
              (count + kBoxQueriesOfATask - 1) / kBoxQueriesOfATask,
              options.monitor, task);
}

// The work of one thread.
struct BoxWork {
  BoxTree::Counts counts;
  int64_t evaluations = 0;  // of the metric
  int64_t offered = 0;      // to the neighbors
  double seconds = 0;       // if there is telemetry
};

// Adds the work of a thread.
inline void AddBoxWork(const BoxWork& work, const SearchOptions& options,
                       SearchStatistics& statistics) {
  SearchCounters counters;
  counters.set_distance_evaluations(work.evaluations);
  counters.set_segments_expanded(work.counts.leaves);
  counters.set_prunes_lower_bound(work.counts.dismissed);
  counters.set_subtrees_pruned(work.counts.later);
  counters.set_predecessor_filtered(work.counts.later_points);
  counters.set_heap_pushes(work.offered);
  AddCounters(counters, statistics.counters);
  if (!options.telemetry) return;
  SearchTrace::Level& level = statistics.trace.level(0);
  level.frontier += work.counts.leaves + work.counts.dismissed;
  level.expanded += work.counts.leaves;
  level.pruned += work.counts.dismissed;
  level.evaluations += work.evaluations;
  level.survivors += work.offered;
  statistics.trace.descent_seconds += work.seconds;
}

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_BOX_SEARCH_H_
