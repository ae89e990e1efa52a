// Slots: the places in a tree search where a heuristic may decide something.
//
// A tree strategy is a template over a Slots type and asks its slots at fixed
// places. Each slot has an empty default that compiles to nothing, so that a
// heuristic that is off costs not one instruction; a heuristic replaces the
// default of the slot it fills and knows nothing of the others. Slots may be
// stateful: each thread has a copy of its own.
//
// Contract. With slots that keep their promise below, a search returns the
// exact answer whatever they decide:
//
//   bound   may enlarge the ball of a subtree before its bound is formed. A
//           larger ball is dismissed less often.
//   cache   is told of distances that were evaluated, and may dismiss children
//           for a query before they are evaluated, on proof that all points at
//           and below the child are beyond the query's threshold: a dismissed
//           child takes its subtree along.
//   dedupe  may drop, for a query, a node that it has evaluated for it before.
//   tile    decides how many candidates are evaluated together: the grouping of
//           the work, never its extent.
//   order   decides whether frontiers are sorted: the order of the work only.
//   budget  may stop spending on a query. The strategy then puts off the rest
//           of that query's search and does it last. With a budget that returns
//           the best it has, the rest is never done: that one answer is
//           approximate.
//
// A batch is up to 64 queries that are searched together; sets of its queries
// are masks. A tile is up to 128 candidates that are evaluated together for
// queries of a batch. A threshold is the squared distance above which nothing
// can enter a query's neighbors; each query of the batch has one, and it only
// falls.
//
// Every slot reports its counts, once for each thread at the end of a search.

#ifndef RCT_TRAVERSAL_TREE_SLOTS_H_
#define RCT_TRAVERSAL_TREE_SLOTS_H_

#include <concepts>
#include <cstdint>

#include "absl/types/span.h"
#include "traversal/traversal.pb.h"

namespace rct {

// A set of queries of one batch, a bit for each.
using QueryMask = uint64_t;
inline constexpr int kBatchQueries = 64;

// The largest number of candidates in a tile.
inline constexpr int kMaxTile = 128;

template <class S>
concept ReportingSlot = requires(const S slot, SearchCounters& counters) {
  { slot.Report(counters) } -> std::same_as<void>;
};

// Is asked once for each subtree, before its bound is formed.
template <class S, class Ball>
concept BoundSlot = ReportingSlot<S> && requires(S slot, Ball& ball) {
  { slot.Widen(ball) } -> std::same_as<void>;
};
struct NoFloor {
  template <class Ball>
  void Widen(Ball&) const {}
  void Report(SearchCounters&) const {}
};

// `kFilters` is false for a slot that never dismisses anything, and `kKeeps`
// for one that wants no correlations.
template <class S, class Metric>
concept CacheSlot = ReportingSlot<S> &&
    requires(S slot, const typename Metric::Points& from,
             absl::Span<const int32_t> positions,
             absl::Span<const int32_t> nodes, const double* values,
             int64_t stride, int32_t segment, int count, QueryMask queries,
             QueryMask* masks) {
  { S::kFilters } -> std::convertible_to<bool>;
  { S::kKeeps } -> std::convertible_to<bool>;
  // Begins a batch: query i is point positions[i] of `from`.
  { slot.StartBatch(from, positions) } -> std::same_as<void>;
  // Is told that values[i * stride + j] is rho(query places[i], nodes[j]), for
  // every evaluated node that has children.
  {
    slot.Keep(/*places=*/positions, nodes, values, stride)
    } -> std::same_as<void>;
  // Is told that a segment is about to be expanded for `queries`. Returns those
  // for which any of its children may be needed.
  {
    slot.Open(segment, queries, /*thresholds=*/values)
    } -> std::same_as<QueryMask>;
  // Sets masks[j] to those of `queries` that need child first + j or anything
  // below it. `queries` is what Open() has just returned for this segment.
  {
    slot.Filter(/*first=*/count, count, queries, /*thresholds=*/values, masks)
    } -> std::same_as<void>;
};
struct NoCache {
  static constexpr bool kFilters = false;
  static constexpr bool kKeeps = false;
  template <class Points>
  void StartBatch(const Points&, absl::Span<const int32_t>) const {}
  void Keep(absl::Span<const int32_t>, absl::Span<const int32_t>, const double*,
            int64_t) const {}
  QueryMask Open(int32_t, QueryMask queries, const double*) const {
    return queries;
  }
  void Filter(int, int count, QueryMask queries, const double*,
              QueryMask* masks) const {
    for (int j = 0; j < count; ++j) masks[j] = queries;
  }
  void Report(SearchCounters&) const {}
};

// Is asked once for each child that is about to be evaluated for `queries`;
// returns those that have not evaluated it yet.
template <class S>
concept DedupeSlot = ReportingSlot<S> &&
    requires(S slot, int32_t node, QueryMask queries) {
  { S::kFilters } -> std::convertible_to<bool>;
  { slot.StartBatch() } -> std::same_as<void>;
  { slot.Fresh(node, queries) } -> std::same_as<QueryMask>;
};
struct NoDedupe {
  static constexpr bool kFilters = false;
  void StartBatch() const {}
  QueryMask Fresh(int32_t, QueryMask queries) const { return queries; }
  void Report(SearchCounters&) const {}
};

// Is asked before a tile is gathered, with the number of pairs of a query and a
// segment that wait on the frontier; returns the width of the tile, from 1 to
// `kMaxTile`. (The heuristic that fills this slot is named dynamic_block: its
// config, its flags and its counter keep the word "block" for a tile.)
template <class S>
concept TileSlot = ReportingSlot<S> && requires(S slot, int64_t active) {
  { slot.Candidates(active) } -> std::same_as<int>;
};
struct WidestTile {
  int Candidates(int64_t) const { return kMaxTile; }
  void Report(SearchCounters&) const {}
};

// Is asked whether segments that bounds cannot tell apart are expanded nearest
// first; otherwise they are expanded in the order of storage.
template <class S>
concept OrderSlot = ReportingSlot<S> && requires(S slot) {
  { slot.NearestFirst() } -> std::same_as<bool>;
};
struct StorageOrder {
  bool NearestFirst() const { return false; }
  void Report(SearchCounters&) const {}
};

// The result of one evaluated tile: how many candidates were evaluated for
// query i, and how many of them entered its neighbors.
struct TileYield {
  QueryMask queries;           // the queries that took part
  QueryMask full;              // the queries that hold k neighbors
  const int32_t* evaluations;  // [kBatchQueries]
  const int32_t* survivors;    // [kBatchQueries]
};
template <class S>
concept BudgetSlot = ReportingSlot<S> &&
    requires(S slot, const TileYield& yield) {
  { S::kLimits } -> std::convertible_to<bool>;
  { slot.StartBatch() } -> std::same_as<void>;
  // Is told of each evaluated tile.
  { slot.AfterTile(yield) } -> std::same_as<void>;
  // Returns the queries on which nothing more is spent for now.
  { slot.Stopped() } -> std::same_as<QueryMask>;
  // Returns whether the rest of their search is never done.
  { slot.ReturnsBest() } -> std::same_as<bool>;
};
struct NoBudget {
  static constexpr bool kLimits = false;
  void StartBatch() const {}
  void AfterTile(const TileYield&) const {}
  QueryMask Stopped() const { return 0; }
  bool ReturnsBest() const { return false; }
  void Report(SearchCounters&) const {}
};

template <class Bound = NoFloor, class Cache = NoCache, class Dedupe = NoDedupe,
          class Tile = WidestTile, class Order = StorageOrder,
          class Budget = NoBudget>
requires DedupeSlot<Dedupe> && TileSlot<Tile> && OrderSlot<Order> &&
    BudgetSlot<Budget>
struct Slots {
  void Report(SearchCounters& counters) const {
    bound.Report(counters);
    cache.Report(counters);
    dedupe.Report(counters);
    tile.Report(counters);
    order.Report(counters);
    budget.Report(counters);
  }

  [[no_unique_address]] Bound bound;
  [[no_unique_address]] Cache cache;
  [[no_unique_address]] Dedupe dedupe;
  [[no_unique_address]] Tile tile;
  [[no_unique_address]] Order order;
  [[no_unique_address]] Budget budget;
};

using EmptySlots = Slots<>;

// The slots of `SlotSet` fit the metric.
template <class SlotSet, class Metric>
concept SlotsFor = BoundSlot<decltype(SlotSet::bound), typename Metric::Ball> &&
    CacheSlot<decltype(SlotSet::cache), Metric>;

}  // namespace rct

#endif  // RCT_TRAVERSAL_TREE_SLOTS_H_
