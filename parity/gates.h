// Gates decide whether an answer passes. gate.proto defines them.
//
// Three gates compare an actual NeighborTable with an expected one; the fourth
// checks a counter. The first three also check that both tables are
// well-formed: an answer with a NaN, or with a row twice, passes none of them,
// and no answer passes against a malformed expectation.
//
// Ties. Tables are ordered by (distance, row), which leaves no choice among
// equal distances. EXACT checks this order. For the others, a row that ties
// with the last expected one but is not expected itself is wrong. That is too
// strict only where the two sides do not compute the same distances and the
// order of ties is chance: then ask for less recall.

#ifndef RCT_PARITY_GATES_H_
#define RCT_PARITY_GATES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parity/gate.pb.h"
#include "traversal/neighbor_table.h"
#include "traversal/traversal.pb.h"

namespace rct {

struct Verdict {
  bool pass = false;

  // The fraction of expected rows that were found, over all queries together,
  // whatever the gate: each query's rows count as a set, without padding. 1
  // where none are expected, 0 where the tables differ in shape.
  double recall = 0;

  // The name of the gate: "EXACT", "SET_EQUAL_WITHIN(1e-06)",
  // "RECALL_AT_LEAST(0.95)", "COUNTER_AT_MOST(distance_evaluations, 60 per
  // query)".
  std::string label;

  // The reason of a failure; empty if the gate passes. For tables it is the
  // first difference: the query (its position in the table) and the rank, both
  // from 0, and the entries expected and found there, with distances in
  // hexadecimal too.
  std::string message;
};

// Returns InvalidArgument, naming query and rank, unless each query's neighbors
// have distinct rows >= 0, finite distances >= 0 and the order of (distance,
// row), and only padding follows them.
absl::Status ValidateTable(const NeighborTable& table);

// Checks that both tables have the same rows and the same bits of distances.
Verdict CheckExact(const NeighborTable& actual, const NeighborTable& expected);

// Checks that each query has the same set of rows, and that each row's
// distances differ by at most `tolerance` >= 0.
Verdict CheckSetEqualWithin(const NeighborTable& actual,
                            const NeighborTable& expected, double tolerance);

// Checks that the recall is at least `threshold`, which is from 0 to 1.
Verdict CheckRecallAtLeast(const NeighborTable& actual,
                           const NeighborTable& expected, double threshold);

// Returns InvalidArgument, naming the field, where no kind is set, a required
// field is missing, a number is out of its range, or SearchCounters has no such
// field.
absl::Status ValidateGate(const Gate& gate);

// Checks any gate of a search that returned `actual` and counted `counters`.
// Errors are those of ValidateGate.
absl::StatusOr<Verdict> CheckGate(const Gate& gate, const NeighborTable& actual,
                                  const NeighborTable& expected,
                                  const SearchCounters& counters);

}  // namespace rct

#endif  // RCT_PARITY_GATES_H_
