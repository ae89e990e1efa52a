// Level-synchronous search of a cover tree.
//
// Up to 64 queries descend together, all nodes of a level before the next. A
// frontier entry is a tree segment with the set of queries that still need it.
// Before a segment is expanded its ball is asked, for each of these queries,
// for a lower bound of the distance to all that remains below; queries whose
// kth neighbour is nearer leave the set, and an empty set ends the subtree. The
// children of what is left are evaluated in one tile for all queries that need
// them, so a row of V is read once for up to 64 queries.
//
// Exactness. A subtree is dismissed for a query only if MinSquared, which is
// below the computed t of each point in the ball (residual_correlation.h), is
// above the heap's threshold, above which no t can enter (knn_heap.h);
// thresholds only fall. Every other point is evaluated once by the canonical
// arithmetic, and the heap's result does not depend on the order of arrival.
//
// Cost: evaluations as the bounds decide; no allocation for a query once the
// thread's buffers have grown to the width of the tree.

#ifndef RCT_TRAVERSAL_LEVEL_SYNCHRONOUS_H_
#define RCT_TRAVERSAL_LEVEL_SYNCHRONOUS_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/parallel.h"
#include "metric/tile.h"
#include "traversal/cover_tree.h"
#include "traversal/knn_heap.h"
#include "traversal/searcher.h"
#include "traversal/slots.h"

namespace rct {

template <class Metric, class SlotSet = EmptySlots>
requires BoundSlot<decltype(SlotSet::bound), typename Metric::Ball>
class LevelSynchronousSearcher final : public Searcher<Metric> {
 public:
  using Ball = typename Metric::Ball;

  // `metric` holds the data in the order `order`, `tree` and `balls` (one for
  // each segment) are in the same order. `slots` are copied for each thread.
  LevelSynchronousSearcher(std::shared_ptr<const Metric> metric, RowOrder order,
                           CoverTree tree, std::vector<Ball> balls,
                           SlotSet slots = {})
      : Searcher<Metric>(std::move(metric), std::move(order)),
        tree_(std::move(tree)),
        balls_(std::move(balls)),
        slots_(std::move(slots)) {}

 private:
  using Request = typename Searcher<Metric>::Request;

  // Whether a slot may drop children before they are evaluated.
  static constexpr bool kFiltersChildren =
      !std::is_same_v<decltype(SlotSet::cache), NoCache> ||
      !std::is_same_v<decltype(SlotSet::dedupe), NoDedupe>;

  // A segment to visit, the queries that need it, and where t(query, node) is.
  struct Entry {
    int32_t segment;
    int32_t squared_slot;
    QueryMask queries;
  };

  struct Worker {
    Worker(int64_t dim, const SlotSet& slot_set)
        : tiles(dim, kBatchQueries, kMaxBlock),
          squared(kBatchQueries * kMaxBlock),
          hits(kMaxBlock + 8),
          heaps(kBatchQueries),
          query_norm(kBatchQueries),
          slots(slot_set) {
      std::fill(squared.begin(), squared.end(), 0.0);
    }

    TileWorkspace tiles;
    AlignedBuffer<double> squared;  // one tile
    std::vector<int32_t> hits;
    std::vector<KnnHeap> heaps;
    std::vector<double> query_norm;
    // t(query, node) of nodes in the frontier, kBatchQueries for each slot.
    std::vector<double> node_squared;
    std::vector<Entry> frontier;
    std::vector<Entry> next;
    SlotSet slots;
    SearchCounters counters;
  };

  struct Batch {
    const Request& request;
    absl::Span<const int32_t> queries;  // numbers of the request's queries
  };

  void Search(const Request& request, NeighborTable& neighbors,
              SearchCounters& counters) const override {
    const int64_t n = request.num_queries();
    const std::vector<int32_t> by_position = this->QueriesByPosition(request);
    const int64_t num_batches = (n + kBatchQueries - 1) / kBatchQueries;
    const int num_workers = static_cast<int>(
        std::min<int64_t>(request.options.threads, num_batches));
    std::vector<Worker> workers;
    workers.reserve(num_workers);
    for (int w = 0; w < num_workers; ++w) {
      workers.emplace_back(this->metric().dim(), slots_);
    }
    ParallelFor(num_workers, num_batches, [&](int64_t task, int worker) {
      const absl::Span<const int32_t> queries =
          absl::MakeConstSpan(by_position)
              .subspan(task * kBatchQueries, kBatchQueries);
      Descend({request, queries}, workers[worker]);
      for (size_t i = 0; i < queries.size(); ++i) {
        workers[worker].heaps[i].MoveTo(neighbors, queries[i]);
      }
    });
    for (const Worker& worker : workers) Add(worker.counters, counters);
  }

  static void Add(const SearchCounters& from, SearchCounters& to) {
    to.set_distance_evaluations(to.distance_evaluations() +
                                from.distance_evaluations());
    to.set_segments_expanded(to.segments_expanded() + from.segments_expanded());
    to.set_prunes_lower_bound(to.prunes_lower_bound() +
                              from.prunes_lower_bound());
    to.set_predecessor_filtered(to.predecessor_filtered() +
                                from.predecessor_filtered());
  }

  void Descend(const Batch& batch, Worker& worker) const {
    const Metric& metric = this->metric();
    const Request& request = batch.request;
    const int count = static_cast<int>(batch.queries.size());
    for (int i = 0; i < count; ++i) {
      worker.heaps[i].Reset(std::min(request.options.k, metric.size()));
      worker.query_norm[i] =
          metric.InverseNorm(request.from, request.positions[batch.queries[i]]);
    }
    worker.slots.dedupe.StartBatch();
    worker.slots.budget.StartBatch();
    worker.node_squared.clear();
    worker.frontier.clear();
    worker.next.clear();

    QueryMask active = ~QueryMask{0} >> (kBatchQueries - count);
    const int32_t root[] = {tree_.root};
    active = Evaluate(batch, root, active, worker);
    for (int32_t level = 1; !worker.next.empty() && active != 0; ++level) {
      std::swap(worker.frontier, worker.next);
      worker.next.clear();
      for (const Entry& entry : worker.frontier) {
        if (tree_.segments[entry.segment].level != level) {
          worker.next.push_back(entry);  // enters further down
        } else {
          active = Visit(batch, entry, active, worker);
        }
      }
    }
  }

  // Bounds, and where that does not dismiss it expands, one segment. Returns
  // the queries that go on.
  QueryMask Visit(const Batch& batch, const Entry& entry, QueryMask active,
                  Worker& worker) const {
    const CoverTree::Segment& segment = tree_.segments[entry.segment];
    const Metric& metric = this->metric();
    Ball ball = balls_[entry.segment];
    worker.slots.bound.Widen(ball);
    const double node_norm = metric.InverseNorm(segment.node);
    const double* squared = worker.node_squared.data() +
                            int64_t{entry.squared_slot} * kBatchQueries;
    QueryMask needed = entry.queries & active;
    const int asked = std::popcount(needed);
    for (QueryMask rest = needed; rest != 0; rest &= rest - 1) {
      const int i = std::countr_zero(rest);
      if (Metric::MinSquared(squared[i], worker.query_norm[i], node_norm,
                             ball) > worker.heaps[i].threshold()) {
        needed &= ~(QueryMask{1} << i);
      }
    }
    const int expanded = std::popcount(needed);
    worker.counters.set_prunes_lower_bound(
        worker.counters.prunes_lower_bound() + asked - expanded);
    if (needed == 0) return active;
    worker.counters.set_segments_expanded(worker.counters.segments_expanded() +
                                          expanded);
    if (segment.next != -1) {
      worker.next.push_back({segment.next, entry.squared_slot, needed});
    }
    const absl::Span<const int32_t> children = tree_.Children(segment);
    const int block = worker.slots.block.Candidates(
        expanded, static_cast<int64_t>(worker.frontier.size()));
    RCT_CHECK(block >= 1 && block <= kMaxBlock);
    for (size_t first = 0; first < children.size() && needed != 0;
         first += block) {
      active &= ~needed | EvaluateChildren(batch, segment.node,
                                           children.subspan(first, block),
                                           needed, worker);
      needed &= active;
    }
    return active;
  }

  // Evaluates the children that the cache and dedupe slots leave over.
  QueryMask EvaluateChildren(const Batch& batch, int32_t parent,
                             absl::Span<const int32_t> children,
                             QueryMask needed, Worker& worker) const {
    if constexpr (!kFiltersChildren) {
      return Evaluate(batch, children, needed, worker);
    }
    int32_t kept[kMaxBlock];
    int count = 0;
    for (const int32_t child : children) {
      if (worker.slots.cache.Needs(parent, child, needed) != 0 &&
          worker.slots.dedupe.FirstVisit(child)) {
        kept[count++] = child;
      }
    }
    return Evaluate(batch, absl::MakeConstSpan(kept, count), needed, worker);
  }

  // Computes one tile, offers its points to the queries of `needed` and puts
  // nodes that have children on the next frontier. Returns the queries of
  // `needed` that go on.
  QueryMask Evaluate(const Batch& batch, absl::Span<const int32_t> nodes,
                     QueryMask needed, Worker& worker) const {
    if (nodes.empty()) return needed;
    const Metric& metric = this->metric();
    const Request& request = batch.request;
    int place[kBatchQueries];
    int32_t positions[kBatchQueries];
    int count = 0;
    for (QueryMask rest = needed; rest != 0; rest &= rest - 1) {
      place[count] = std::countr_zero(rest);
      positions[count] = request.positions[batch.queries[place[count]]];
      ++count;
    }
    // Nodes are ascending, so the first and the last tell whether they are
    // neighbours in memory.
    const int width = static_cast<int>(nodes.size());
    const Candidates candidates = nodes.back() - nodes.front() == width - 1
                                      ? Candidates::Range(nodes.front(), width)
                                      : Candidates::List(nodes);
    metric.SquaredDistances(request.from, absl::MakeConstSpan(positions, count),
                            candidates, worker.squared.data(), kMaxBlock,
                            worker.tiles);
    const int64_t evaluations = int64_t{count} * width;
    worker.counters.set_distance_evaluations(
        worker.counters.distance_evaluations() + evaluations);

    int64_t entered = 0;
    for (int i = 0; i < count; ++i) {
      int64_t filtered = 0;
      entered += this->OfferTileRow(
          worker.squared.data() + i * kMaxBlock, candidates,
          request.rows[batch.queries[place[i]]], request.options,
          worker.heaps[place[i]], worker.hits.data(), filtered);
      worker.counters.set_predecessor_filtered(
          worker.counters.predecessor_filtered() + filtered);
    }
    for (int j = 0; j < width; ++j) {
      const int32_t segment = tree_.first_segment[nodes[j]];
      if (segment == -1) continue;
      const auto slot =
          static_cast<int32_t>(worker.node_squared.size() / kBatchQueries);
      worker.node_squared.resize(worker.node_squared.size() + kBatchQueries);
      double* squared =
          worker.node_squared.data() + int64_t{slot} * kBatchQueries;
      for (int i = 0; i < count; ++i) {
        squared[place[i]] = worker.squared[i * kMaxBlock + j];
      }
      worker.next.push_back({segment, slot, needed});
    }
    return worker.slots.budget.AfterBlock(needed, evaluations, entered);
  }

  CoverTree tree_;
  std::vector<Ball> balls_;
  SlotSet slots_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_LEVEL_SYNCHRONOUS_H_
