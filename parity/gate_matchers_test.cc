#include "parity/gate_matchers.h"

#include <cmath>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

NeighborTable Expected() {
  NeighborTable table(1, 2);
  table.rows()(0, 0) = 4;
  table.distances()(0, 0) = 0.25;
  table.rows()(0, 1) = 2;
  table.distances()(0, 1) = 0.5;
  return table;
}

// Returns the text that a failing assertion prints.
template <class Matcher>
std::string Failure(const NeighborTable& actual, const Matcher& matcher) {
  const testing::Matcher<const NeighborTable&> safe = matcher;
  testing::StringMatchResultListener listener;
  EXPECT_FALSE(safe.MatchAndExplain(actual, &listener));
  std::ostringstream text;
  text << "Expected: ";
  safe.DescribeTo(&text);
  text << "\nActual: " << testing::PrintToString(actual) << ", "
       << listener.str();
  return text.str();
}

TEST(GateMatchersTest, AcceptAndRefuseAsTheGatesDo) {
  const NeighborTable expected = Expected();
  NeighborTable actual = Expected();
  EXPECT_THAT(actual, MatchesExactly(expected));
  EXPECT_THAT(actual, SetEqualWithin(expected, 0));
  EXPECT_THAT(actual, RecallAtLeast(expected, 1));

  actual.distances()(0, 0) = std::nextafter(0.25, 1);
  EXPECT_THAT(actual, Not(MatchesExactly(expected)));
  EXPECT_THAT(actual, Not(SetEqualWithin(expected, 0)));
  EXPECT_THAT(actual, SetEqualWithin(expected, 1e-6));

  actual.rows()(0, 1) = 3;
  EXPECT_THAT(actual, Not(SetEqualWithin(expected, 1e-6)));
  EXPECT_THAT(actual, Not(RecallAtLeast(expected, 0.6)));
  EXPECT_THAT(actual, RecallAtLeast(expected, 0.5));
}

TEST(GateMatchersTest, SayWhatDiffers) {
  const NeighborTable expected = Expected();
  NeighborTable actual = Expected();
  actual.rows()(0, 1) = 3;
  const std::string failure = Failure(actual, MatchesExactly(expected));
  EXPECT_THAT(failure, HasSubstr("Expected: passes EXACT\nActual: 1 x 2"));
  EXPECT_THAT(failure,
              HasSubstr("query 0, rank 1: expected row 2 at 0x1p-1 (0.5), "
                        "found row 3 at 0x1p-1 (0.5)"));
  EXPECT_THAT(Failure(actual, SetEqualWithin(expected, 1e-6)),
              HasSubstr("Expected: passes SET_EQUAL_WITHIN(1e-06)\n"));
  EXPECT_THAT(Failure(actual, RecallAtLeast(expected, 0.75)),
              HasSubstr("Expected: passes RECALL_AT_LEAST(0.75)\n"));
  EXPECT_THAT(Failure(Expected(), Not(MatchesExactly(expected))),
              HasSubstr("Expected: does not pass EXACT\n"));
}

}  // namespace
}  // namespace rct
