#include "traversal/block/box_searcher.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "metric/euclidean_distance.h"
#include "metric/simd_routines.h"
#include "traversal/block/box_search.h"
#include "traversal/block/box_tree.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

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
  BoxWork work;
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
      nearest, worker.path, worker.work.counts);
  worker.heap.MoveTo(neighbors, query.query);
  worker.work.offered += nearest.offered();
}

void BoxSearcher::Search(const Request& request, NeighborTable& neighbors,
                         SearchStatistics& statistics) const {
  const SearchOptions& options = request.options;
  const std::vector<PlacedQuery> queries = PlacedQueries(request);
  std::vector<Worker> workers(
      BoxWorkers(request.num_queries(), options.threads));
  SearchPlaced<PlacedQuery>(
      queries, options, neighbors, [&](PlacedQuery query, int id) {
        Worker& worker = workers[id];
        const ScopedSeconds timed(options.telemetry ? &worker.work.seconds
                                                    : nullptr);
        SearchOne(request, query, worker, neighbors);
      });
  for (Worker& worker : workers) {
    worker.work.evaluations = worker.work.counts.points;
    AddBoxWork(worker.work, options, statistics);
  }
}

}  // namespace rct
