// Best-first search of a cover tree, with batched pops.
//
// Each query has a queue of segments in the order of their lower bounds
// (Hjaltason and Samet 1999). Segments are popped until their children fill a
// tile, which is evaluated at once; the neighbors found then shrink the
// threshold for all that follows. When the least bound in the queue is beyond
// the kth distance, so are all others, and the query is done (tree_search.h
// argues why that is exact).
//
// It evaluates fewer points than level-synchronous search, since far segments
// wait until the kth distance is small; but each row of V serves one query
// alone.

#ifndef RCT_TRAVERSAL_TREE_BEST_FIRST_H_
#define RCT_TRAVERSAL_TREE_BEST_FIRST_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/monitor.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/slots.h"
#include "traversal/tree/tree_search.h"

namespace rct {

// A segment in the queue. Balls are wide, and bounds often cannot tell segments
// apart; an order slot then sorts by `nearest`, t of the query and the node.
struct QueueEntry {
  double bound;
  double nearest;
  TreeVisit visit;

  // Returns whether this is popped after `other`. Of equals the one that is
  // stored first comes first.
  bool operator<(const QueueEntry& other) const {
    if (bound != other.bound) return bound > other.bound;
    if (nearest != other.nearest) return nearest > other.nearest;
    return visit.segment > other.visit.segment;
  }
};

template <class Metric, class SlotSet = EmptySlots>
class BestFirstSearcher final
    : public TreeSearcher<Metric, SlotSet, std::vector<QueueEntry>> {
 public:
  BestFirstSearcher(std::shared_ptr<const Metric> metric, RowOrder order,
                    MeasuredTree<Metric> tree, SlotSet slots = {})
      : Base(std::move(metric), std::move(order), std::move(tree),
             std::move(slots), /*batch_size=*/1) {}

 private:
  using Base = TreeSearcher<Metric, SlotSet, std::vector<QueueEntry>>;
  using typename Base::Batch;
  using typename Base::Worker;

  void Descend(const Batch& batch, Worker& worker) const override {
    const auto timed = ScopedSeconds(
        worker.trace == nullptr ? nullptr : &worker.trace->descent_seconds);
    std::vector<QueueEntry>& queue = worker.scratch;
    queue.clear();
    const bool nearest_first = worker.slots.order.NearestFirst();
    const auto push = [&](const TreeVisit& visit) {
      Push(batch, visit, nearest_first, worker);
    };
    this->EvaluateRoot(batch, worker, push);
    while (!queue.empty()) {
      if (!Monitor::Go(batch.request.options.monitor)) return;
      if (decltype(SlotSet::budget)::kLimits &&
          worker.slots.budget.Stopped() != 0 &&
          worker.slots.budget.ReturnsBest()) {
        return;
      }
      const int width =
          worker.slots.tile.Candidates(static_cast<int64_t>(queue.size()));
      // Pops until a tile has been gathered and evaluated.
      const int64_t before = worker.counts.distance_evaluations;
      while (!queue.empty() && worker.counts.distance_evaluations == before) {
        const QueueEntry entry = queue.front();
        if (entry.bound > worker.queries.threshold[0]) {
          Dismiss(worker);
          break;
        }
        std::pop_heap(queue.begin(), queue.end());
        queue.pop_back();
        const int32_t next = this->tree().segments[entry.visit.segment].next;
        if (next != -1) push({next, entry.visit.squared_slot, 1});
        this->Expand(batch, entry.visit.segment, 1, width, worker, push);
      }
      this->Flush(batch, worker, push);
    }
  }

  // Empties the queue, whose least bound is beyond the threshold.
  void Dismiss(Worker& worker) const {
    std::vector<QueueEntry>& queue = worker.scratch;
    worker.counts.prunes_lower_bound += static_cast<int64_t>(queue.size());
    if (worker.trace != nullptr) {
      for (const QueueEntry& entry : queue) {
        ++worker.trace->level(this->tree().segments[entry.visit.segment].level)
              .pruned;
      }
    }
    queue.clear();
  }

  // Puts a segment into the queue unless its bound dismisses it at once.
  void Push(const Batch& batch, const TreeVisit& visit, bool nearest_first,
            Worker& worker) const {
    const double* squared = this->NodeSquared(visit.squared_slot, worker);
    if (worker.trace != nullptr) {
      ++worker.trace->level(this->tree().segments[visit.segment].level)
            .frontier;
    }
    double bound;
    if (this->Need(batch, visit.segment, squared, visit.queries, worker,
                   &bound) == 0) {
      return;
    }
    worker.scratch.push_back({bound, nearest_first ? *squared : 0, visit});
    std::push_heap(worker.scratch.begin(), worker.scratch.end());
  }
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_TREE_BEST_FIRST_H_
