#include "traversal/block/box_searcher.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "metric/euclidean_distance.h"
#include "metric/simd_routines.h"
#include "traversal/block/box_tree.h"
#include "traversal/counters.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// The queries of a task: enough to outweigh its start, few enough to share out.
constexpr int64_t kQueriesOfATask = 256;

// The number of queries whose rows of the answer are asked for ahead of time:
// queries near each other in space may lie far from each other there.
constexpr int64_t kAhead = 4;

// Offers the points that it is shown to the neighbors of one query.
class Nearest {
 public:
  Nearest(const RowOrder& order, int64_t query_row,
          const SearchOptions& options, KnnHeap& heap)
      : order_(order),
        query_row_(query_row),
        options_(options),
        heap_(heap),
        free_(options.allowed.empty() && !options.exclude_self) {}

  double threshold() const { return heap_.threshold(); }

  void Show(int32_t position, double squared) {
    const int64_t row = order_.row(position);
    if (!free_ && ((options_.exclude_self && row == query_row_) ||
                   !options_.Allows(row))) {
      return;
    }
    heap_.Offer(squared, row);
    ++offered_;
  }

  int64_t offered() const { return offered_; }

 private:
  const RowOrder& order_;
  int64_t query_row_;
  const SearchOptions& options_;
  KnnHeap& heap_;
  bool free_;
  int64_t offered_ = 0;
};

}  // namespace

// On cache lines of its own: it is written all the time.
struct alignas(128) BoxSearcher::Worker {
  KnnHeap heap;
  BoxTree::Path path;
  BoxTree::Counts counts;
  int64_t offered = 0;
};

std::unique_ptr<const BoxSearcher> BoxSearcher::Create(
    const EuclideanDistance& metric, int threads) {
  BoxTree tree(metric.data().points.view(), metric.simd().isa, threads);
  auto ordered =
      std::make_shared<const EuclideanDistance>(metric.Reordered(tree.rows()));
  RowOrder order({tree.rows().begin(), tree.rows().end()});
  return std::unique_ptr<const BoxSearcher>(
      new BoxSearcher(std::move(ordered), std::move(order), std::move(tree)));
}

void BoxSearcher::SearchOne(const Request& request, PlacedQuery query,
                            Worker& worker, NeighborTable& neighbors) const {
  const SearchOptions& options = request.options;
  const double* const x = request.from.points.row(query.position);
  const int64_t row = request.own() ? order().row(query.position) : kNoNeighbor;
  const int64_t leaf =
      request.own() ? query.position / kBoxLeaf : tree_.Locate(x);
  worker.heap.Reset(options.k, options.radius);
  Nearest nearest(order(), row, options, worker.heap);
  tree_.Visit(
      x, tree_.Around(leaf, options.k),
      options.predecessor ? static_cast<double>(row - 1) : BoxTree::kAllRows,
      nearest, worker.path, worker.counts);
  worker.heap.MoveTo(neighbors, query.query);
  worker.offered += nearest.offered();
}

void BoxSearcher::Search(const Request& request, NeighborTable& neighbors,
                         SearchStatistics& statistics) const {
  const std::vector<PlacedQuery> queries = PlacedQueries(request);
  const int64_t tasks =
      (request.num_queries() + kQueriesOfATask - 1) / kQueriesOfATask;
  const int threads =
      static_cast<int>(std::min<int64_t>(request.options.threads, tasks));
  std::vector<Worker> workers(threads);
  ParallelFor(threads, tasks, request.options.monitor,
              [&](int64_t task, int id) {
                const int64_t first = task * kQueriesOfATask;
                const int64_t last =
                    std::min(first + kQueriesOfATask, request.num_queries());
                for (int64_t i = first; i < last; ++i) {
                  if (i + kAhead < last) {
                    neighbors.Prefetch(queries[i + kAhead].query);
                  }
                  SearchOne(request, queries[i], workers[id], neighbors);
                }
              });
  for (const Worker& worker : workers) {
    SearchCounters counters;
    counters.set_distance_evaluations(worker.counts.points);
    counters.set_segments_expanded(worker.counts.leaves);
    counters.set_prunes_lower_bound(worker.counts.dismissed);
    counters.set_subtrees_pruned(worker.counts.later);
    counters.set_predecessor_filtered(worker.counts.later_points);
    counters.set_heap_pushes(worker.offered);
    AddCounters(counters, statistics.counters);
  }
}

}  // namespace rct
