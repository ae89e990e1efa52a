// Level-synchronous search of a cover tree.
//
// Up to 64 queries descend together, all nodes of a level before the next. A
// frontier entry is a tree segment with the set of queries that still need it;
// queries whose kth neighbor is nearer than the segment's bound leave the set,
// and an empty set ends the subtree (tree_search.h argues why that is exact).
//
// An order slot may sort each level's frontier, nearest first, so that kth
// distances shrink before far segments are visited. Segments that a budget slot
// puts off for a query are visited last, from their level down.

#ifndef RCT_TRAVERSAL_TREE_LEVEL_SYNCHRONOUS_H_
#define RCT_TRAVERSAL_TREE_LEVEL_SYNCHRONOUS_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/monitor.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/slots.h"
#include "traversal/tree/tree_search.h"

namespace rct {

// A visit, and the distance by which an order slot sorts its level.
struct FrontierEntry {
  TreeVisit visit;
  double nearest = 0;
};

// The frontiers of one thread.
struct Frontiers {
  std::vector<FrontierEntry> now;
  std::vector<FrontierEntry> next;
  std::vector<FrontierEntry> put_off;
};

template <class Metric, class SlotSet = EmptySlots>
class LevelSynchronousSearcher final
    : public TreeSearcher<Metric, SlotSet, Frontiers> {
 public:
  LevelSynchronousSearcher(std::shared_ptr<const Metric> metric, RowOrder order,
                           MeasuredTree<Metric> tree, SlotSet slots = {})
      : Base(std::move(metric), std::move(order), std::move(tree),
             std::move(slots), kBatchQueries) {}

 private:
  using Base = TreeSearcher<Metric, SlotSet, Frontiers>;
  using typename Base::Batch;
  using typename Base::Worker;

  // Whether the tile slot looks at the number of pairs on the frontier.
  static constexpr bool kAsksForWork =
      !std::is_same_v<decltype(SlotSet::tile), WidestTile>;

  void Descend(const Batch& batch, Worker& worker) const override {
    const auto timed = ScopedSeconds(
        worker.trace == nullptr ? nullptr : &worker.trace->descent_seconds);
    Frontiers& frontiers = worker.scratch;
    frontiers.next.clear();
    frontiers.put_off.clear();
    this->EvaluateRoot(batch, worker, PushTo(frontiers.next));
    DescendFrom(batch, /*limited=*/true, worker);
    if (frontiers.put_off.empty() || worker.slots.budget.ReturnsBest()) return;
    std::swap(frontiers.next, frontiers.put_off);
    DescendFrom(batch, /*limited=*/false, worker);
  }

  // Visits the entries of `frontiers.next` and all below them; `limited` by the
  // budget slot or not.
  void DescendFrom(const Batch& batch, bool limited, Worker& worker) const {
    Frontiers& frontiers = worker.scratch;
    for (int32_t level = 1; !frontiers.next.empty(); ++level) {
      TakeLevel(level, frontiers);
      if (worker.slots.order.NearestFirst()) SortNearestFirst(worker);
      int64_t waiting = CountWaiting(level, worker);
      for (const FrontierEntry& entry : frontiers.now) {
        if (!Monitor::Go(batch.request.options.monitor)) return;
        Visit(batch, entry.visit, limited, waiting, worker);
        waiting -= std::popcount(entry.visit.queries);
      }
      this->Flush(batch, worker, PushTo(frontiers.next));
    }
  }

  static auto PushTo(std::vector<FrontierEntry>& frontier) {
    return [&frontier](const TreeVisit& visit) { frontier.push_back({visit}); };
  }

  // Moves the segments of a level from `frontiers.next` to `frontiers.now`.
  // Those whose children enter further down stay.
  void TakeLevel(int32_t level, Frontiers& frontiers) const {
    std::swap(frontiers.now, frontiers.next);
    frontiers.next.clear();
    std::erase_if(frontiers.now, [&](const FrontierEntry& entry) {
      if (this->tree().segments[entry.visit.segment].level == level) {
        return false;
      }
      frontiers.next.push_back(entry);
      return true;
    });
  }

  // Returns the number of pairs of a query and a segment on the frontier, or 0
  // if no one asks for it.
  int64_t CountWaiting(int32_t level, Worker& worker) const {
    int64_t waiting = 0;
    if (kAsksForWork || worker.trace != nullptr) {
      for (const FrontierEntry& entry : worker.scratch.now) {
        waiting += std::popcount(entry.visit.queries);
      }
    }
    if (worker.trace != nullptr) worker.trace->level(level).frontier += waiting;
    return waiting;
  }

  // Expands a segment for the queries that need it and whose budget allows it.
  // The node's next segment joins the frontier.
  void Visit(const Batch& batch, TreeVisit visit, bool limited, int64_t waiting,
             Worker& worker) const {
    Frontiers& frontiers = worker.scratch;
    if (limited && decltype(SlotSet::budget)::kLimits) {
      const QueryMask stopped = visit.queries & worker.slots.budget.Stopped();
      if (stopped != 0) {
        frontiers.put_off.push_back(
            {{visit.segment, visit.squared_slot, stopped}});
        visit.queries &= ~stopped;
      }
    }
    visit.queries = this->Need(batch, visit.segment,
                               this->NodeSquared(visit.squared_slot, worker),
                               visit.queries, worker);
    if (visit.queries == 0) return;
    const auto push = PushTo(frontiers.next);
    const int32_t next = this->tree().segments[visit.segment].next;
    if (next != -1) push({next, visit.squared_slot, visit.queries});
    this->Expand(batch, visit.segment, visit.queries,
                 worker.slots.tile.Candidates(waiting), worker, push);
  }

  // Sorts the frontier by the least t of any query that needs the entry.
  void SortNearestFirst(Worker& worker) const {
    std::vector<FrontierEntry>& frontier = worker.scratch.now;
    for (FrontierEntry& entry : frontier) {
      const double* squared =
          this->NodeSquared(entry.visit.squared_slot, worker);
      entry.nearest = std::numeric_limits<double>::infinity();
      for (QueryMask rest = entry.visit.queries; rest != 0; rest &= rest - 1) {
        entry.nearest =
            std::min(entry.nearest, squared[std::countr_zero(rest)]);
      }
    }
    std::sort(frontier.begin(), frontier.end(),
              [](const FrontierEntry& a, const FrontierEntry& b) {
                return a.nearest != b.nearest
                           ? a.nearest < b.nearest
                           : a.visit.segment < b.visit.segment;
              });
  }
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_TREE_LEVEL_SYNCHRONOUS_H_
