// Slots: the places in a traversal where a heuristic may decide something.
//
// A traversal is a template over a Slots type and asks its slots at fixed
// places. Each slot has an empty default that compiles to nothing, so that a
// heuristic that is off costs not one instruction; a heuristic replaces the
// default of the slot it fills and knows nothing of the others. Slots may be
// stateful: each thread has a copy of its own.
//
// Contract. With slots that keep their promise below, a traversal returns the
// exact answer whatever they decide:
//
//   bound   may enlarge the ball of a subtree before its bound is formed. A
//           larger ball is dismissed less often.
//   cache   may dismiss a child for a query before it is evaluated, on proof
//           that its distance exceeds the query's threshold, and so do those of
//           all points below it: a dismissed child takes them along.
//   dedupe  may drop a node, and what is below it, that this batch of queries
//           has evaluated before.
//   block   decides how many candidates are evaluated together: the grouping of
//           the work, never its extent.
//   budget  may end a query. Exact only where it ends none that could improve.

#ifndef RCT_TRAVERSAL_SLOTS_H_
#define RCT_TRAVERSAL_SLOTS_H_

#include <concepts>
#include <cstdint>

namespace rct {

// Sets of queries of one batch, a bit for each.
using QueryMask = uint64_t;
inline constexpr int kBatchQueries = 64;

// No tile is wider.
inline constexpr int kMaxBlock = 128;

// Asked once for each subtree, before its bound.
template <class S, class Ball>
concept BoundSlot = requires(S slot, Ball& ball) {
  { slot.Widen(ball) } -> std::same_as<void>;
};
struct NoFloor {
  template <class Ball>
  void Widen(Ball&) const {}
};

// A child that any query needs is evaluated for all that are active.
//
// Asked once for each child of an expanded node; returns the queries of
// `active` for which it must be evaluated.
template <class S>
concept CacheSlot = requires(S slot, int32_t parent, int32_t child,
                             QueryMask active) {
  { slot.Needs(parent, child, active) } -> std::same_as<QueryMask>;
};
struct NoCache {
  QueryMask Needs(int32_t, int32_t, QueryMask active) const { return active; }
};

// Told of each new batch of queries; asked once for each child.
template <class S>
concept DedupeSlot = requires(S slot, int32_t node) {
  { slot.StartBatch() } -> std::same_as<void>;
  { slot.FirstVisit(node) } -> std::same_as<bool>;
};
struct NoDedupe {
  void StartBatch() const {}
  bool FirstVisit(int32_t) const { return true; }
};

// Asked before a node is expanded; returns 1 to kMaxBlock.
template <class S>
concept BlockSlot = requires(S slot, int active_queries, int64_t frontier) {
  { slot.Candidates(active_queries, frontier) } -> std::same_as<int>;
};
struct WidestBlock {
  int Candidates(int, int64_t) const { return kMaxBlock; }
};

// Told of each evaluated block; returns the queries of `active` that go on.
// `survivors` is how many candidates entered a query's neighbours.
template <class S>
concept BudgetSlot = requires(S slot, QueryMask active, int64_t count) {
  { slot.StartBatch() } -> std::same_as<void>;
  {
    slot.AfterBlock(active, /*evaluations=*/count, /*survivors=*/count)
    } -> std::same_as<QueryMask>;
};
struct NoBudget {
  void StartBatch() const {}
  QueryMask AfterBlock(QueryMask active, int64_t, int64_t) const {
    return active;
  }
};

template <class Bound = NoFloor, class Cache = NoCache, class Dedupe = NoDedupe,
          class Block = WidestBlock, class Budget = NoBudget>
requires CacheSlot<Cache> && DedupeSlot<Dedupe> && BlockSlot<Block> &&
    BudgetSlot<Budget>
struct Slots {
  [[no_unique_address]] Bound bound;
  [[no_unique_address]] Cache cache;
  [[no_unique_address]] Dedupe dedupe;
  [[no_unique_address]] Block block;
  [[no_unique_address]] Budget budget;
};

using EmptySlots = Slots<>;

}  // namespace rct

#endif  // RCT_TRAVERSAL_SLOTS_H_
