// Gates: does an answer pass?
//
// Three compare an actual NeighborTable with an expected one, the fourth looks
// at the counters (gate.proto defines them). The first three also ask of both
// tables that they are well-formed, before they compare: an answer with a row
// twice or with a NaN passes none of them, and no answer passes against an
// expectation that is broken itself.
//
// Ties. Tables are ordered by (distance, row), which leaves no choice among
// equal distances: EXACT holds an answer to it, and for the others a row that
// ties with the last expected one, and is not expected, is wrong. Where that is
// too strict, the two do not compute the same distances, and their order is
// chance: ask for less recall.

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

  // Of the expected rows, those found, whatever the gate: each query's rows as
  // a set, padding apart, all queries together. 1 where none are expected, 0
  // where the tables differ in shape.
  double recall = 0;

  // Which gate: "EXACT", "SET_EQUAL_WITHIN(1e-06)", "RECALL_AT_LEAST(0.95)",
  // "COUNTER_AT_MOST(distance_evaluations, 60 per query)".
  std::string label;

  // What is wrong; empty if it passes. Of tables, the first difference: query
  // (its position in the table) and rank, both from 0, and what was expected
  // and found there, distances in hexadecimal too.
  std::string message;
};

// Whether each query's neighbours have rows >= 0, none of them twice, finite
// distances >= 0, and the order of (distance, row); and what follows them is
// padding alone. InvalidArgument, naming query and rank.
absl::Status ValidateTable(const NeighborTable& table);

Verdict CheckExact(const NeighborTable& actual, const NeighborTable& expected);

// `tolerance` >= 0.
Verdict CheckSetEqualWithin(const NeighborTable& actual,
                            const NeighborTable& expected, double tolerance);

// `threshold` from 0 to 1.
Verdict CheckRecallAtLeast(const NeighborTable& actual,
                           const NeighborTable& expected, double threshold);

// InvalidArgument, naming the field, where no kind is set, something required
// is missing, a number is out of its range, or SearchCounters has no such
// field.
absl::Status ValidateGate(const Gate& gate);

// Any gate, of a search that returned `actual` and counted `counters`. Errors
// as ValidateGate.
absl::StatusOr<Verdict> CheckGate(const Gate& gate, const NeighborTable& actual,
                                  const NeighborTable& expected,
                                  const SearchCounters& counters);

}  // namespace rct

#endif  // RCT_PARITY_GATES_H_
