// The common part of the strategies over a cover tree: the state of one batch
// of queries, the bound of a segment, and the evaluation of its children.
//
// A strategy decides in which order segments are visited. For each segment it
// calls Need(), which dismisses queries by bounds, and Expand(), which gathers
// the remaining children with the queries that need each. Flush() evaluates the
// gathered candidates and announces the nodes below which to go on.
//
// Exactness. A subtree is dismissed for a query only
//   - if MinSquared, which is below the computed t of each point in the ball
//     (residual_correlation.h), is above the heap's threshold, above which no t
//     can enter (knn_heap.h);
//   - if a cache slot has proof of the same (slots.h);
//   - or if the predecessor constraint excludes each row in it, since the
//     smallest row of a subtree is known.
// Thresholds only fall. Every other point is evaluated by the canonical
// arithmetic, once for a query, since each row is in the tree once; and the
// heap's result does not depend on the order of arrival.
//
// Cost. Candidates that all queries of a batch need are evaluated in one tile,
// so that a row of V is read once for up to 64 queries. For a batch of one, and
// where a slot or the predecessor constraint picks single children, candidates
// are gathered across segments; they are evaluated together if each query that
// needs any of them needs all, and otherwise one query at a time. Nothing is
// allocated for a query once the thread's buffers have grown.

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

// A segment that a strategy may go on with: t is known for its node, and its
// children are known to none.
struct TreeVisit {
  int32_t segment;
  int32_t squared_slot;  // the slot that holds t(query, node)
  QueryMask queries;     // those that may need the children
};

// `Scratch` is the state that the strategy keeps for each thread.
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

  struct Batch {
    const Request& request;
    absl::Span<const int32_t> queries;  // numbers of the request's queries
  };

  // The queries of the current batch.
  struct QueryStates {
    explicit QueryStates(int num_queries) : heaps(num_queries) {}

    std::vector<KnnHeap> heaps;
    double threshold[kBatchQueries];  // of the heap, as a slot is shown it
    double norm[kBatchQueries];       // inverse norm
    int32_t position[kBatchQueries];
    int64_t row[kBatchQueries];
    QueryMask full = 0;  // queries that hold k neighbors
  };

  // Candidates that wait for their tile, and the queries that need each.
  struct Gathered {
    int32_t nodes[kMaxTile];
    QueryMask needed[kMaxTile];
    int count = 0;
    int64_t level = 0;  // of the node that was gathered last
  };

  // Room for one tile.
  struct Tile {
    Tile(int64_t dim, int num_queries)
        : workspace(dim, num_queries, kMaxTile),
          squared(int64_t{num_queries} * kMaxTile),
          hits(kMaxTile + 8) {
      std::fill(squared.begin(), squared.end(), 0.0);
    }

    TileWorkspace workspace;
    AlignedBuffer<double> squared;  // rows of kMaxTile, one for each query
    std::vector<int32_t> hits;
  };

  // What a thread has done, in the words of SearchCounters.
  struct Counts {
    int64_t distance_evaluations = 0;
    int64_t segments_expanded = 0;
    int64_t prunes_lower_bound = 0;
    int64_t predecessor_filtered = 0;
    int64_t subtrees_pruned = 0;
    int64_t heap_pushes = 0;
  };

  // One thread's state.
  struct Worker {
    Worker(int64_t dim, int num_queries, const SlotSet& slot_set)
        : tile(dim, num_queries), queries(num_queries), slots(slot_set) {}

    Tile tile;
    QueryStates queries;
    Gathered gathered;
    // t(query, node) of visited nodes, a slot of batch_size numbers for each.
    std::vector<double> node_squared;
    SlotSet slots;
    Scratch scratch;
    Counts counts;
    SearchTrace* trace = nullptr;  // `own_trace`, or null without telemetry
    SearchTrace own_trace;
  };

  // Searches `tree`, which is in the order `order`, as `metric` is. Batches
  // have `batch_size` queries, and each thread has a copy of `slots`.
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

  // Evaluates the root for all queries and calls visit(TreeVisit) for it.
  template <class OnVisit>
  void EvaluateRoot(const Batch& batch, Worker& worker, OnVisit&& visit) const {
    const QueryMask all =
        ~QueryMask{0} >>
        (kBatchQueries - static_cast<int>(batch.queries.size()));
    const int32_t root[] = {tree_.root};
    EvaluateTile(batch, root, all, /*level=*/0, worker, visit);
  }

  // Returns those of `queries` that need anything of the segment; `squared`
  // holds t(query, node). `bound`, if not null, receives the least lower bound.
  QueryMask Need(const Batch& batch, int32_t index, const double* squared,
                 QueryMask queries, Worker& worker,
                 double* bound = nullptr) const {
    const CoverTree::Segment& segment = tree_.segments[index];
    const int asked = std::popcount(queries);
    if (batch.request.options.predecessor) {
      queries = After(segment_min_row_[index], queries, worker);
      worker.counts.subtrees_pruned += asked - std::popcount(queries);
    }
    Ball ball = balls_[index];
    worker.slots.bound.Widen(ball);
    const double node_norm = this->metric().InverseNorm(segment.node);
    double least = std::numeric_limits<double>::infinity();
    const int alive = std::popcount(queries);
    for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
      const int i = std::countr_zero(rest);
      const double lower = Metric::MinSquared(
          squared[i], worker.queries.norm[i], node_norm, ball);
      least = std::min(least, lower);
      if (lower > worker.queries.threshold[i]) queries &= ~(QueryMask{1} << i);
    }
    if (bound != nullptr) *bound = least;
    const int pruned = alive - std::popcount(queries);
    worker.counts.prunes_lower_bound += pruned;
    if (worker.trace != nullptr) {
      worker.trace->level(segment.level).pruned += pruned;
    }
    return queries;
  }

  // Gathers the children of a segment that `queries` need. Tiles of `width`
  // candidates are evaluated as they fill, and visit(TreeVisit) is called for
  // each evaluated node that has children.
  template <class OnVisit>
  void Expand(const Batch& batch, int32_t index, QueryMask queries, int width,
              Worker& worker, OnVisit&& visit) const {
    RCT_CHECK(width >= 1 && width <= kMaxTile);
    const CoverTree::Segment& segment = tree_.segments[index];
    const int expanded = std::popcount(queries);
    worker.counts.segments_expanded += expanded;
    if (worker.trace != nullptr) {
      worker.trace->level(segment.level).expanded += expanded;
    }
    if (!kFiltersChildren && !batch.request.options.predecessor &&
        batch_size_ > 1) {
      const absl::Span<const int32_t> children = tree_.Children(segment);
      for (size_t first = 0; first < children.size(); first += width) {
        EvaluateTile(batch, children.subspan(first, width), queries,
                     segment.level, worker, visit);
      }
      return;
    }
    Gather(batch, index, queries, width, worker, visit);
  }

  // Evaluates the candidates that were gathered.
  template <class OnVisit>
  void Flush(const Batch& batch, Worker& worker, OnVisit&& visit) const {
    Gathered& gathered = worker.gathered;
    const int width = gathered.count;
    if (width == 0) return;
    gathered.count = 0;
    QueryMask any = 0;
    int64_t pairs = 0;
    for (int j = 0; j < width; ++j) {
      any |= gathered.needed[j];
      pairs += std::popcount(gathered.needed[j]);
    }
    const absl::Span<const int32_t> nodes(gathered.nodes, width);
    if (pairs == std::popcount(any) * int64_t{width}) {
      EvaluateTile(batch, nodes, any, gathered.level, worker, visit);
    } else {
      EvaluateByQuery(batch, nodes, any, worker, visit);
    }
  }

  const double* NodeSquared(int32_t slot, const Worker& worker) const {
    return worker.node_squared.data() + int64_t{slot} * batch_size_;
  }

 private:
  // What a tile gave, in all and for each query that took part.
  struct TileSums {
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
                    worker.queries.heaps[i].MoveTo(neighbors, queries[i]);
                  }
                });
    for (const std::unique_ptr<Worker>& worker : workers) {
      AddCounts(worker->counts, statistics.counters);
      worker->slots.Report(statistics.counters);
      statistics.trace.Add(worker->own_trace);
    }
  }

  static void AddCounts(const Counts& counts, SearchCounters& counters) {
    const auto add = [&](int64_t more, auto get, auto set) {
      (counters.*set)((counters.*get)() + more);
    };
    add(counts.distance_evaluations, &SearchCounters::distance_evaluations,
        &SearchCounters::set_distance_evaluations);
    add(counts.segments_expanded, &SearchCounters::segments_expanded,
        &SearchCounters::set_segments_expanded);
    add(counts.prunes_lower_bound, &SearchCounters::prunes_lower_bound,
        &SearchCounters::set_prunes_lower_bound);
    add(counts.predecessor_filtered, &SearchCounters::predecessor_filtered,
        &SearchCounters::set_predecessor_filtered);
    add(counts.subtrees_pruned, &SearchCounters::subtrees_pruned,
        &SearchCounters::set_subtrees_pruned);
    add(counts.heap_pushes, &SearchCounters::heap_pushes,
        &SearchCounters::set_heap_pushes);
  }

  // Prepares a worker for a batch.
  void Start(const Batch& batch, Worker& worker) const {
    const Metric& metric = this->metric();
    const Request& request = batch.request;
    QueryStates& queries = worker.queries;
    const int count = static_cast<int>(batch.queries.size());
    for (int i = 0; i < count; ++i) {
      queries.heaps[i].Reset(std::min(request.options.k, metric.size()),
                             request.options.radius);
      queries.threshold[i] = queries.heaps[i].threshold();
      queries.position[i] = request.positions[batch.queries[i]];
      queries.row[i] = request.rows[batch.queries[i]];
      queries.norm[i] = metric.InverseNorm(request.from, queries.position[i]);
    }
    queries.full = 0;
    worker.node_squared.clear();
    worker.slots.cache.StartBatch(request.from,
                                  absl::MakeConstSpan(queries.position, count));
    worker.slots.dedupe.StartBatch();
    worker.slots.budget.StartBatch();
  }

  // Returns those of `queries` whose own rows come after `row`.
  static QueryMask After(int64_t row, QueryMask queries, const Worker& worker) {
    for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
      const int i = std::countr_zero(rest);
      if (row >= worker.queries.row[i]) queries &= ~(QueryMask{1} << i);
    }
    return queries;
  }

  // Gathers the children of a segment one by one, as the slots and the
  // predecessor constraint leave them to the queries.
  template <class OnVisit>
  void Gather(const Batch& batch, int32_t index, QueryMask queries, int width,
              Worker& worker, OnVisit&& visit) const {
    const CoverTree::Segment& segment = tree_.segments[index];
    const absl::Span<const int32_t> children = tree_.Children(segment);
    const bool predecessor = batch.request.options.predecessor;
    Gathered& gathered = worker.gathered;
    const QueryMask open =
        worker.slots.cache.Open(index, queries, worker.queries.threshold);
    const int count = static_cast<int>(children.size());
    QueryMask masks[kMaxTile];
    for (int first = 0; first < count && open != 0; first += kMaxTile) {
      const int asked = std::min(kMaxTile, count - first);
      worker.slots.cache.Filter(first, asked, open, worker.queries.threshold,
                                masks);
      for (int j = 0; j < asked; ++j) {
        const int32_t node = children[first + j];
        QueryMask needs = masks[j];
        if (predecessor) {
          const QueryMask after = After(node_min_row_[node], needs, worker);
          worker.counts.predecessor_filtered +=
              std::popcount(needs) - std::popcount(after);
          needs = after;
        }
        if (needs != 0) needs = worker.slots.dedupe.Fresh(node, needs);
        if (needs == 0) continue;
        gathered.nodes[gathered.count] = node;
        gathered.needed[gathered.count] = needs;
        gathered.level = segment.level;
        if (++gathered.count >= width) Flush(batch, worker, visit);
      }
    }
  }

  bool AnyInner(absl::Span<const int32_t> nodes) const {
    return std::any_of(nodes.begin(), nodes.end(), [&](int32_t node) {
      return tree_.first_segment[node] != -1;
    });
  }

  // Returns a new slot for t(query, node) of a node that has children; -1 for a
  // leaf.
  int32_t NewSlot(int32_t node, Worker& worker) const {
    if (tree_.first_segment[node] == -1) return -1;
    const auto slot =
        static_cast<int32_t>(worker.node_squared.size() / batch_size_);
    worker.node_squared.resize(worker.node_squared.size() + batch_size_);
    return slot;
  }

  // Evaluates one tile: `nodes` for all of `queries`.
  template <class OnVisit>
  void EvaluateTile(const Batch& batch, absl::Span<const int32_t> nodes,
                    QueryMask queries, int64_t level, Worker& worker,
                    OnVisit&& visit) const {
    int place[kBatchQueries];
    int32_t positions[kBatchQueries];
    int count = 0;
    for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
      place[count] = std::countr_zero(rest);
      positions[count] = worker.queries.position[place[count]];
      ++count;
    }
    const absl::Span<const int> places(place, count);
    const int width = static_cast<int>(nodes.size());
    const Candidates candidates = Distances(
        batch, places, absl::MakeConstSpan(positions, count), nodes, worker);
    TileSums sums;
    Offer(batch, places, candidates, worker, sums);
    for (int j = 0; j < width; ++j) {
      const int32_t slot = NewSlot(nodes[j], worker);
      if (slot == -1) continue;
      double* squared =
          worker.node_squared.data() + int64_t{slot} * batch_size_;
      for (int i = 0; i < count; ++i) {
        squared[place[i]] = worker.tile.squared[i * kMaxTile + j];
      }
      visit(TreeVisit{tree_.first_segment[nodes[j]], slot, queries});
    }
    Finish(queries, level, sums, width, worker);
  }

  // Evaluates the gathered `nodes` one query at a time, for those of `queries`
  // that need each.
  template <class OnVisit>
  void EvaluateByQuery(const Batch& batch, absl::Span<const int32_t> nodes,
                       QueryMask queries, Worker& worker,
                       OnVisit&& visit) const {
    const Gathered& gathered = worker.gathered;
    const int width = static_cast<int>(nodes.size());
    TileSums sums;
    int32_t list[kMaxTile];
    int32_t slot_of[kMaxTile];
    for (int j = 0; j < width; ++j) slot_of[j] = NewSlot(nodes[j], worker);
    for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
      const int i = std::countr_zero(rest);
      int count = 0;
      int32_t column[kMaxTile];
      for (int j = 0; j < width; ++j) {
        if (gathered.needed[j] >> i & 1) {
          column[count] = j;
          list[count++] = nodes[j];
        }
      }
      const int place[] = {i};
      const Candidates candidates = Distances(
          batch, place, absl::MakeConstSpan(&worker.queries.position[i], 1),
          absl::MakeConstSpan(list, count), worker);
      Offer(batch, place, candidates, worker, sums);
      for (int c = 0; c < count; ++c) {
        const int32_t slot = slot_of[column[c]];
        if (slot != -1) {
          worker.node_squared[int64_t{slot} * batch_size_ + i] =
              worker.tile.squared[c];
        }
      }
    }
    for (int j = 0; j < width; ++j) {
      if (slot_of[j] != -1) {
        visit(TreeVisit{tree_.first_segment[nodes[j]], slot_of[j],
                        gathered.needed[j]});
      }
    }
    Finish(queries, gathered.level, sums, width, worker);
  }

  // Computes t(query, node) of a tile, and returns its candidates. `queries`
  // are the positions of those at `places`.
  Candidates Distances(const Batch& batch, absl::Span<const int> places,
                       absl::Span<const int32_t> queries,
                       absl::Span<const int32_t> nodes, Worker& worker) const {
    const auto timed = Timed(worker, &SearchTrace::evaluation_seconds);
    const Metric& metric = this->metric();
    const Candidates candidates = InMemory(nodes);
    double* tile = worker.tile.squared.data();
    if constexpr (decltype(SlotSet::cache)::kKeeps) {
      if (AnyInner(nodes)) {
        metric.Correlations(batch.request.from, queries, candidates, tile,
                            kMaxTile, worker.tile.workspace);
        worker.slots.cache.Keep(places, nodes, tile, kMaxTile);
        for (size_t i = 0; i < places.size(); ++i) {
          for (int j = 0; j < candidates.size(); ++j) {
            double& value = tile[i * kMaxTile + j];
            value = Metric::SquaredFrom(value);
          }
        }
        if (&batch.request.from == &metric.data()) {
          MarkSelf(queries, candidates, tile, kMaxTile);
        }
        return candidates;
      }
    }
    metric.SquaredDistances(batch.request.from, queries, candidates, tile,
                            kMaxTile, worker.tile.workspace);
    return candidates;
  }

  // Returns `nodes` as a range where they are neighbors in memory. Siblings are
  // ascending, so that their first and last tell; tiles gathered across
  // segments may be out of order.
  static Candidates InMemory(absl::Span<const int32_t> nodes) {
    const auto width = static_cast<int32_t>(nodes.size());
    return nodes.back() - nodes.front() == width - 1 &&
                   std::is_sorted(nodes.begin(), nodes.end())
               ? Candidates::Range(nodes.front(), width)
               : Candidates::List(nodes);
  }

  // Offers the rows of a tile to their queries.
  void Offer(const Batch& batch, absl::Span<const int> places,
             Candidates candidates, Worker& worker, TileSums& sums) const {
    const auto timed = Timed(worker, &SearchTrace::selection_seconds);
    QueryStates& queries = worker.queries;
    for (size_t i = 0; i < places.size(); ++i) {
      const int place = places[i];
      KnnHeap& heap = queries.heaps[place];
      const int64_t entered = this->OfferTileRow(
          worker.tile.squared.data() + i * kMaxTile, candidates,
          queries.row[place], batch.request.options, heap,
          worker.tile.hits.data(), worker.counts.predecessor_filtered);
      if (entered > 0) queries.threshold[place] = heap.threshold();
      sums.survivors += entered;
      if constexpr (decltype(SlotSet::budget)::kLimits) {
        if (heap.full()) queries.full |= QueryMask{1} << place;
        sums.evaluations_of[place] = candidates.size();
        sums.survivors_of[place] = static_cast<int32_t>(entered);
      }
    }
    sums.evaluations += static_cast<int64_t>(places.size()) * candidates.size();
  }

  // Counts a tile of `width` candidates and tells the budget of it.
  void Finish(QueryMask queries, int64_t level, const TileSums& sums, int width,
              Worker& worker) const {
    worker.counts.distance_evaluations += sums.evaluations;
    worker.counts.heap_pushes += sums.survivors;
    if constexpr (decltype(SlotSet::budget)::kLimits) {
      worker.slots.budget.AfterTile({queries, worker.queries.full,
                                     sums.evaluations_of, sums.survivors_of});
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
