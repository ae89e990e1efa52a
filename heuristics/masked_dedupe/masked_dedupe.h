// Masked dedupe: no node is evaluated twice for a query.
//
// Fills DedupeSlot: it is asked for each child that is about to be evaluated,
// returns those of the queries that have not evaluated the node in this batch,
// and remembers them.
//
// Invariant. Only repeats are removed: the distance of each pair is offered to
// the query's neighbors the first time, and the answer keeps its bits.
// Cost. 16 bytes for a node and thread, one of them read and written for each
// child and batch, and most often a cache miss: a bit for each query, and the
// generation in which the bits were set. A new batch is a new generation, so
// that nothing is cleared between batches; `duplicates_dropped` counts pairs of
// a query and a node.
// Helps strategies in which a node can arrive twice, such as those with several
// trees or with overlapping nodes.
// Hurts everywhere else. A cover tree holds each row once: nothing is ever
// dropped there, the bits cost what is said above, and a strategy that asks for
// single children gathers them one by one instead of taking whole segments.
// The idea is that of covertreex.

#ifndef RCT_HEURISTICS_MASKED_DEDUPE_MASKED_DEDUPE_H_
#define RCT_HEURISTICS_MASKED_DEDUPE_MASKED_DEDUPE_H_

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/statusor.h"
#include "heuristics/masked_dedupe/masked_dedupe.pb.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/slots.h"

namespace rct {

class MaskedDedupe {
 public:
  static constexpr bool kFilters = true;

  // Returns the heuristic for nodes 0 to `num_nodes` - 1; every config is
  // valid.
  static absl::StatusOr<MaskedDedupe> Create(const MaskedDedupeConfig& config,
                                             int64_t num_nodes);

  void StartBatch() {
    if (generation_ == std::numeric_limits<uint32_t>::max()) Clear();
    ++generation_;
  }

  // Returns those of `queries` that did not ask for `node` in this batch, and
  // remembers them.
  QueryMask Fresh(int32_t node, QueryMask queries) {
    Visits& visits = visits_[node];
    if (visits.generation != generation_) visits = {0, generation_};
    const QueryMask repeated = queries & visits.queries;
    if (repeated != 0) dropped_ += std::popcount(repeated);
    visits.queries |= queries;
    return queries & ~repeated;
  }

  // Sets `duplicates_dropped`.
  void Report(SearchCounters& counters) const;

 private:
  friend class MaskedDedupePeer;

  struct Visits {
    QueryMask queries;
    uint32_t generation;  // the one to which `queries` belong; 0 for none
  };

  explicit MaskedDedupe(int64_t num_nodes) : num_nodes_(num_nodes) {}

  // Forgets all visits and begins the numbers of generations anew.
  void Clear();

  int64_t num_nodes_;
  // One for each node. The first batch allocates them, so that only copies that
  // search have them: before that the generation is the last possible one.
  std::vector<Visits> visits_;
  uint32_t generation_ = std::numeric_limits<uint32_t>::max();
  int64_t dropped_ = 0;
};

}  // namespace rct

#endif  // RCT_HEURISTICS_MASKED_DEDUPE_MASKED_DEDUPE_H_
