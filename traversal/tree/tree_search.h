// What the strategies over a cover tree share: the state of one batch of
// queries, the bound of a segment, and the evaluation of its children.
//
// A strategy decides in which order segments are visited. For each it calls
// Need(), which dismisses queries by bounds; Expand(), which gathers the
// children that are left, with the queries that need each; and Flush(), which
// evaluates what was gathered and announces the nodes below which to go on.
//
// Exactness. A subtree is dismissed for a query only if MinSquared, which is
// below the computed t of each point in the ball (residual_correlation.h), is
// above the heap's threshold, above which no t can enter (knn_heap.h); if a
// cache slot has proof of the same (slots.h); or if the predecessor constraint
// excludes each row in it, the smallest row of a subtree being known.
// Thresholds only fall. Every other point is evaluated by the canonical
// arithmetic, once for a query, since each row is in the tree once; and the
// heap's result does not depend on the order of arrival.
//
// Cost. Candidates that all queries of a batch need are evaluated in one tile,
// so a row of V is read once for up to 64 queries. For a batch of one, and
// where a slot or the predecessor constraint picks single children, blocks are
// gathered across segments; a block that all its queries need is evaluated as a
// tile, any other one query at a time. No allocation for a query once the
// thread's buffers have grown.

#ifndef RCT_TRAVERSAL_TREE_TREE_SEARCH_H_
#define RCT_TRAVERSAL_TREE_TREE_SEARCH_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/parallel.h"
#include "metric/tile.h"
#include "traversal/knn_heap.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/slots.h"

namespace rct {

// A node of which t is known, a segment of its children, and the queries that
// may need them.
struct TreeVisit {
  int32_t segment;
  int32_t squared_slot;  // where t(query, node) is kept
  QueryMask queries;
};

// `Scratch` is what the strategy keeps for each thread.
template <class Metric, class SlotSet, class Scratch>
requires SlotsFor<SlotSet, Metric>
class TreeSearcher : public Searcher<Metric> {
 public:
  using Ball = typename Metric::Ball;

 protected:
  using Request = typename Searcher<Metric>::Request;

  // Whether a slot may drop single children before they are evaluated.
  static constexpr bool kFiltersChildren =
      decltype(SlotSet::cache)::kFilters || decltype(SlotSet::dedupe)::kFilters;

  // One thread's state.
  struct Worker {
    Worker(int64_t dim, int num_queries, const SlotSet& slot_set)
        : tiles(dim, num_queries, kMaxBlock),
          squared(int64_t{num_queries} * kMaxBlock),
          hits(kMaxBlock + 8),
          heaps(num_queries),
          slots(slot_set) {
      std::fill(squared.begin(), squared.end(), 0.0);
    }

    TileWorkspace tiles;
    AlignedBuffer<double> squared;  // one tile
    std::vector<int32_t> hits;
    std::vector<KnnHeap> heaps;
    double threshold[kBatchQueries];
    double query_norm[kBatchQueries];
    int32_t position[kBatchQueries];
    int64_t row[kBatchQueries];
    QueryMask full = 0;  // queries that hold k neighbours

    // t(query, node) of visited nodes, a slot of batch_size numbers for each.
    std::vector<double> node_squared;

    // The block being gathered, and which queries need which of it.
    int32_t gathered[kMaxBlock];
    QueryMask needed[kMaxBlock];
    int num_gathered = 0;
    int64_t block_level = 0;

    SlotSet slots;
    Scratch scratch;

    int64_t evaluations = 0;
    int64_t expanded = 0;
    int64_t pruned = 0;
    int64_t filtered = 0;
    int64_t later = 0;
    int64_t pushes = 0;
    SearchTrace* trace = nullptr;
    SearchTrace own_trace;
  };

  struct Batch {
    const Request& request;
    absl::Span<const int32_t> queries;  // numbers of the request's queries
  };

  // `metric` holds the data in the order `order`, and so does `tree`. `slots`
  // are copied for each thread. Batches have `batch_size` queries.
  TreeSearcher(std::shared_ptr<const Metric> metric, RowOrder order,
               MeasuredTree<Metric> tree, SlotSet slots, int batch_size)
      : Searcher<Metric>(std::move(metric), std::move(order)),
        tree_(std::move(tree.tree)),
        balls_(std::move(tree.balls)),
        slots_(std::move(slots)),
        batch_size_(batch_size) {
    FindMinRows();
  }

  // Searches one batch from the root down.
  virtual void Descend(const Batch& batch, Worker& worker) const = 0;

  const CoverTree& tree() const { return tree_; }

  // Evaluates the root for all queries; visit(TreeVisit) is called for it.
  template <class OnVisit>
  void EvaluateRoot(const Batch& batch, Worker& worker, OnVisit&& visit) const {
    const QueryMask all =
        ~QueryMask{0} >>
        (kBatchQueries - static_cast<int>(batch.queries.size()));
    const int32_t root[] = {tree_.root};
    EvaluateTile(batch, root, all, /*level=*/0, worker, visit);
  }

  // Those of `queries` that need anything of the segment; `squared` holds
  // t(query, node). `bound`, if not null, receives the least lower bound.
  QueryMask Need(const Batch& batch, int32_t index, const double* squared,
                 QueryMask queries, Worker& worker,
                 double* bound = nullptr) const {
    const CoverTree::Segment& segment = tree_.segments[index];
    const int asked = std::popcount(queries);
    if (batch.request.options.predecessor) {
      for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
        const int i = std::countr_zero(rest);
        if (segment_min_row_[index] >= worker.row[i]) {
          queries &= ~(QueryMask{1} << i);
        }
      }
      worker.later += asked - std::popcount(queries);
    }
    Ball ball = balls_[index];
    worker.slots.bound.Widen(ball);
    const double node_norm = this->metric().InverseNorm(segment.node);
    double least = std::numeric_limits<double>::infinity();
    const int alive = std::popcount(queries);
    for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
      const int i = std::countr_zero(rest);
      const double lower =
          Metric::MinSquared(squared[i], worker.query_norm[i], node_norm, ball);
      least = std::min(least, lower);
      if (lower > worker.threshold[i]) queries &= ~(QueryMask{1} << i);
    }
    if (bound != nullptr) *bound = least;
    worker.pruned += alive - std::popcount(queries);
    if (worker.trace != nullptr) {
      worker.trace->level(segment.level).pruned +=
          alive - std::popcount(queries);
    }
    return queries;
  }

  // Gathers the children of a segment that `queries` need. Blocks of `block`
  // candidates are evaluated as they fill, and visit(TreeVisit) is called for
  // each evaluated node that has children.
  template <class OnVisit>
  void Expand(const Batch& batch, int32_t index, QueryMask queries, int block,
              Worker& worker, OnVisit&& visit) const {
    RCT_CHECK(block >= 1 && block <= kMaxBlock);
    const CoverTree::Segment& segment = tree_.segments[index];
    const int expanded = std::popcount(queries);
    worker.expanded += expanded;
    if (worker.trace != nullptr) {
      worker.trace->level(segment.level).expanded += expanded;
    }
    const absl::Span<const int32_t> children = tree_.Children(segment);
    const bool predecessor = batch.request.options.predecessor;
    if (!kFiltersChildren && !predecessor && batch_size_ > 1) {
      for (size_t first = 0; first < children.size(); first += block) {
        EvaluateTile(batch, children.subspan(first, block), queries,
                     segment.level, worker, visit);
      }
      return;
    }
    const QueryMask open =
        worker.slots.cache.Open(index, queries, worker.threshold);
    const int count = static_cast<int>(children.size());
    QueryMask masks[kMaxBlock];
    for (int first = 0; first < count && open != 0; first += kMaxBlock) {
      const int width = std::min(kMaxBlock, count - first);
      worker.slots.cache.Filter(first, width, open, worker.threshold, masks);
      for (int j = 0; j < width; ++j) {
        const int32_t node = children[first + j];
        QueryMask needs = masks[j];
        if (predecessor) needs = Earlier(needs, node, worker);
        if (needs != 0) needs = worker.slots.dedupe.Fresh(node, needs);
        if (needs == 0) continue;
        worker.gathered[worker.num_gathered] = node;
        worker.needed[worker.num_gathered] = needs;
        worker.block_level = segment.level;
        if (++worker.num_gathered >= block) Flush(batch, worker, visit);
      }
    }
  }

  // Evaluates what was gathered.
  template <class OnVisit>
  void Flush(const Batch& batch, Worker& worker, OnVisit&& visit) const {
    const int width = worker.num_gathered;
    if (width == 0) return;
    worker.num_gathered = 0;
    QueryMask any = 0;
    int64_t pairs = 0;
    for (int j = 0; j < width; ++j) {
      any |= worker.needed[j];
      pairs += std::popcount(worker.needed[j]);
    }
    const absl::Span<const int32_t> nodes(worker.gathered, width);
    if (pairs == std::popcount(any) * int64_t{width}) {
      EvaluateTile(batch, nodes, any, worker.block_level, worker, visit);
      return;
    }
    BlockSums sums;
    int32_t list[kMaxBlock];
    int32_t slot_of[kMaxBlock];
    for (int j = 0; j < width; ++j) {
      slot_of[j] = NewSlot(nodes[j], worker);
    }
    for (QueryMask rest = any; rest != 0; rest &= rest - 1) {
      const int i = std::countr_zero(rest);
      int count = 0;
      int32_t column[kMaxBlock];
      for (int j = 0; j < width; ++j) {
        if (worker.needed[j] >> i & 1) {
          column[count] = j;
          list[count++] = nodes[j];
        }
      }
      const int place[] = {i};
      const Candidates candidates =
          Distances(batch, place, absl::MakeConstSpan(&worker.position[i], 1),
                    absl::MakeConstSpan(list, count), worker);
      Offer(batch, place, candidates, worker, sums);
      for (int c = 0; c < count; ++c) {
        const int32_t slot = slot_of[column[c]];
        if (slot != -1) {
          worker.node_squared[int64_t{slot} * batch_size_ + i] =
              worker.squared[c];
        }
      }
    }
    for (int j = 0; j < width; ++j) {
      if (slot_of[j] != -1) {
        visit(TreeVisit{tree_.first_segment[nodes[j]], slot_of[j],
                        worker.needed[j]});
      }
    }
    Finish(any, worker.block_level, sums, width, worker);
  }

  const double* NodeSquared(int32_t slot, const Worker& worker) const {
    return worker.node_squared.data() + int64_t{slot} * batch_size_;
  }

 private:
  struct BlockSums {
    int64_t evaluations = 0;
    int64_t survivors = 0;
    int32_t evaluations_of[kBatchQueries];
    int32_t survivors_of[kBatchQueries];
  };

  void FindMinRows() {
    // Segments of a level come after those of the levels above, so that those
    // below a segment have larger numbers.
    segment_min_row_.assign(tree_.segments.size(), 0);
    node_min_row_.resize(tree_.size());
    for (int64_t i = 0; i < tree_.size(); ++i) {
      node_min_row_[i] = this->order().row(static_cast<int32_t>(i));
    }
    for (auto s = static_cast<int64_t>(tree_.segments.size()) - 1; s >= 0;
         --s) {
      const CoverTree::Segment& segment = tree_.segments[s];
      int64_t least = std::numeric_limits<int64_t>::max();
      for (const int32_t child : tree_.Children(segment)) {
        least = std::min(least, node_min_row_[child]);
      }
      if (segment.next != -1) {
        least = std::min(least, segment_min_row_[segment.next]);
      }
      segment_min_row_[s] = least;
      if (tree_.first_segment[segment.node] == s) {
        node_min_row_[segment.node] =
            std::min(node_min_row_[segment.node], least);
      }
    }
  }

  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override {
    const int64_t n = request.num_queries();
    const std::vector<int32_t> by_position = this->QueriesByPosition(request);
    const int64_t num_batches = (n + batch_size_ - 1) / batch_size_;
    const int num_workers = static_cast<int>(
        std::min<int64_t>(request.options.threads, num_batches));
    std::vector<std::unique_ptr<Worker>> workers(num_workers);
    for (std::unique_ptr<Worker>& worker : workers) {
      worker =
          std::make_unique<Worker>(this->metric().dim(), batch_size_, slots_);
      if (request.options.telemetry) worker->trace = &worker->own_trace;
    }
    ParallelFor(num_workers, num_batches, request.options.monitor,
                [&](int64_t task, int w) {
                  Worker& worker = *workers[w];
                  const absl::Span<const int32_t> queries =
                      absl::MakeConstSpan(by_position)
                          .subspan(task * batch_size_, batch_size_);
                  const Batch batch{request, queries};
                  Start(batch, worker);
                  Descend(batch, worker);
                  for (size_t i = 0; i < queries.size(); ++i) {
                    worker.heaps[i].MoveTo(neighbors, queries[i]);
                  }
                });
    for (const std::unique_ptr<Worker>& worker : workers) {
      SearchCounters& counters = statistics.counters;
      const auto add = [&](int64_t more, auto get, auto set) {
        (counters.*set)((counters.*get)() + more);
      };
      add(worker->evaluations, &SearchCounters::distance_evaluations,
          &SearchCounters::set_distance_evaluations);
      add(worker->expanded, &SearchCounters::segments_expanded,
          &SearchCounters::set_segments_expanded);
      add(worker->pruned, &SearchCounters::prunes_lower_bound,
          &SearchCounters::set_prunes_lower_bound);
      add(worker->filtered, &SearchCounters::predecessor_filtered,
          &SearchCounters::set_predecessor_filtered);
      add(worker->later, &SearchCounters::subtrees_pruned,
          &SearchCounters::set_subtrees_pruned);
      add(worker->pushes, &SearchCounters::heap_pushes,
          &SearchCounters::set_heap_pushes);
      worker->slots.Report(counters);
      statistics.trace.Add(worker->own_trace);
    }
  }

  void Start(const Batch& batch, Worker& worker) const {
    const Metric& metric = this->metric();
    const Request& request = batch.request;
    const int count = static_cast<int>(batch.queries.size());
    for (int i = 0; i < count; ++i) {
      worker.heaps[i].Reset(std::min(request.options.k, metric.size()),
                            request.options.radius);
      worker.threshold[i] = worker.heaps[i].threshold();
      worker.position[i] = request.positions[batch.queries[i]];
      worker.row[i] = request.rows[batch.queries[i]];
      worker.query_norm[i] =
          metric.InverseNorm(request.from, worker.position[i]);
    }
    worker.full = 0;
    worker.node_squared.clear();
    worker.slots.cache.StartBatch(request.from,
                                  absl::MakeConstSpan(worker.position, count));
    worker.slots.dedupe.StartBatch();
    worker.slots.budget.StartBatch();
  }

  // Those of `queries` that come after any row at or below `node`.
  QueryMask Earlier(QueryMask queries, int32_t node, Worker& worker) const {
    const QueryMask asked = queries;
    const int64_t least = node_min_row_[node];
    for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
      const int i = std::countr_zero(rest);
      if (least >= worker.row[i]) queries &= ~(QueryMask{1} << i);
    }
    worker.filtered += std::popcount(asked) - std::popcount(queries);
    return queries;
  }

  bool AnyInner(absl::Span<const int32_t> nodes) const {
    return std::any_of(nodes.begin(), nodes.end(), [&](int32_t node) {
      return tree_.first_segment[node] != -1;
    });
  }

  // Room for t(query, node) of a node that has children; -1 for a leaf.
  int32_t NewSlot(int32_t node, Worker& worker) const {
    if (tree_.first_segment[node] == -1) return -1;
    const auto slot =
        static_cast<int32_t>(worker.node_squared.size() / batch_size_);
    worker.node_squared.resize(worker.node_squared.size() + batch_size_);
    return slot;
  }

  // One tile: `nodes` for all of `queries`.
  template <class OnVisit>
  void EvaluateTile(const Batch& batch, absl::Span<const int32_t> nodes,
                    QueryMask queries, int64_t level, Worker& worker,
                    OnVisit&& visit) const {
    int place[kBatchQueries];
    int32_t positions[kBatchQueries];
    int count = 0;
    for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
      place[count] = std::countr_zero(rest);
      positions[count] = worker.position[place[count]];
      ++count;
    }
    const absl::Span<const int> places(place, count);
    const int width = static_cast<int>(nodes.size());
    const Candidates candidates = Distances(
        batch, places, absl::MakeConstSpan(positions, count), nodes, worker);
    BlockSums sums;
    Offer(batch, places, candidates, worker, sums);
    for (int j = 0; j < width; ++j) {
      const int32_t slot = NewSlot(nodes[j], worker);
      if (slot == -1) continue;
      double* squared =
          worker.node_squared.data() + int64_t{slot} * batch_size_;
      for (int i = 0; i < count; ++i) {
        squared[place[i]] = worker.squared[i * kMaxBlock + j];
      }
      visit(TreeVisit{tree_.first_segment[nodes[j]], slot, queries});
    }
    Finish(queries, level, sums, width, worker);
  }

  // t(query, node) of a tile, and its candidates. `queries` are the positions
  // of those at `places`.
  Candidates Distances(const Batch& batch, absl::Span<const int> places,
                       absl::Span<const int32_t> queries,
                       absl::Span<const int32_t> nodes, Worker& worker) const {
    const auto timed = Timed(worker, &SearchTrace::evaluation_seconds);
    const Metric& metric = this->metric();
    const Candidates candidates = InMemory(nodes);
    double* tile = worker.squared.data();
    if constexpr (decltype(SlotSet::cache)::kKeeps) {
      if (AnyInner(nodes)) {
        metric.Correlations(batch.request.from, queries, candidates, tile,
                            kMaxBlock, worker.tiles);
        worker.slots.cache.Keep(places, nodes, tile, kMaxBlock);
        for (size_t i = 0; i < places.size(); ++i) {
          for (int j = 0; j < candidates.size(); ++j) {
            double& value = tile[i * kMaxBlock + j];
            value = Metric::SquaredFrom(value);
          }
        }
        if (&batch.request.from == &metric.data()) {
          MarkSelf(queries, candidates, tile, kMaxBlock);
        }
        return candidates;
      }
    }
    metric.SquaredDistances(batch.request.from, queries, candidates, tile,
                            kMaxBlock, worker.tiles);
    return candidates;
  }

  // Siblings are ascending, so the first and the last tell whether they are
  // neighbours in memory; blocks gathered across segments may be out of order.
  static Candidates InMemory(absl::Span<const int32_t> nodes) {
    const auto width = static_cast<int32_t>(nodes.size());
    return nodes.back() - nodes.front() == width - 1 &&
                   std::is_sorted(nodes.begin(), nodes.end())
               ? Candidates::Range(nodes.front(), width)
               : Candidates::List(nodes);
  }

  // Offers the rows of a tile to their queries.
  void Offer(const Batch& batch, absl::Span<const int> places,
             Candidates candidates, Worker& worker, BlockSums& sums) const {
    const auto timed = Timed(worker, &SearchTrace::selection_seconds);
    for (size_t i = 0; i < places.size(); ++i) {
      const int place = places[i];
      KnnHeap& heap = worker.heaps[place];
      const int64_t entered = this->OfferTileRow(
          worker.squared.data() + i * kMaxBlock, candidates, worker.row[place],
          batch.request.options, heap, worker.hits.data(), worker.filtered);
      if (entered > 0) worker.threshold[place] = heap.threshold();
      sums.survivors += entered;
      if constexpr (decltype(SlotSet::budget)::kLimits) {
        if (heap.full()) worker.full |= QueryMask{1} << place;
        sums.evaluations_of[place] = candidates.size();
        sums.survivors_of[place] = static_cast<int32_t>(entered);
      }
    }
    sums.evaluations += static_cast<int64_t>(places.size()) * candidates.size();
  }

  void Finish(QueryMask queries, int64_t level, const BlockSums& sums,
              int width, Worker& worker) const {
    worker.evaluations += sums.evaluations;
    worker.pushes += sums.survivors;
    if constexpr (decltype(SlotSet::budget)::kLimits) {
      worker.slots.budget.AfterBlock(
          {queries, worker.full, sums.evaluations_of, sums.survivors_of});
    }
    if (worker.trace != nullptr) {
      worker.trace->AddBlock(level, width, sums.evaluations, sums.survivors);
    }
  }

  static ScopedSeconds Timed(Worker& worker, double SearchTrace::*phase) {
    return ScopedSeconds(worker.trace == nullptr ? nullptr
                                                 : &(worker.trace->*phase));
  }

  CoverTree tree_;
  std::vector<Ball> balls_;
  std::vector<int64_t> segment_min_row_;  // of all rows at and below children
  std::vector<int64_t> node_min_row_;     // of the node and all rows below
  SlotSet slots_;
  int batch_size_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_TREE_TREE_SEARCH_H_
