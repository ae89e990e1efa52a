// The gates as matchers for tests.
//
//     EXPECT_THAT(result.neighbors, MatchesExactly(exhaustive));
//     EXPECT_THAT(result.neighbors, SetEqualWithin(gold, 1e-6));
//     EXPECT_THAT(result.neighbors, RecallAtLeast(gold, 0.95));
//
// A failure prints the gate's message. The expected table must outlive the
// matcher.

#ifndef RCT_PARITY_GATE_MATCHERS_H_
#define RCT_PARITY_GATE_MATCHERS_H_

#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "parity/gates.h"
#include "traversal/neighbor_table.h"

namespace rct {

// Makes GoogleTest print a table without its cells.
inline void PrintTo(const NeighborTable& table, std::ostream* os) {
  *os << table.num_queries() << " x " << table.k() << " neighbors with digest "
      << table.Digest();
}

namespace internal_gate_matchers {

MATCHER_P2(Passes, gate, check,
           absl::StrCat(negation ? "does not pass " : "passes ", gate)) {
  const Verdict verdict = check(arg);
  *result_listener << verdict.message;
  return verdict.pass;
}

}  // namespace internal_gate_matchers

inline auto MatchesExactly(const NeighborTable& expected) {
  return internal_gate_matchers::Passes(
      std::string("EXACT"), [&expected](const NeighborTable& actual) {
        return CheckExact(actual, expected);
      });
}

inline auto SetEqualWithin(const NeighborTable& expected, double tolerance) {
  return internal_gate_matchers::Passes(
      absl::StrCat("SET_EQUAL_WITHIN(", tolerance, ")"),
      [&expected, tolerance](const NeighborTable& actual) {
        return CheckSetEqualWithin(actual, expected, tolerance);
      });
}

inline auto RecallAtLeast(const NeighborTable& expected, double threshold) {
  return internal_gate_matchers::Passes(
      absl::StrCat("RECALL_AT_LEAST(", threshold, ")"),
      [&expected, threshold](const NeighborTable& actual) {
        return CheckRecallAtLeast(actual, expected, threshold);
      });
}

}  // namespace rct

#endif  // RCT_PARITY_GATE_MATCHERS_H_
