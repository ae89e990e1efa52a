#include "parity/soak/reference.h"

#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::Pair;

// Row 2's neighbors: 1 and 3 at one distance, then 0.
NeighborTable All() {
  NeighborTable all(1, 5);
  const double distances[] = {0, 0.5, 0.5, 0.75};
  const int64_t rows[] = {2, 1, 3, 0};
  for (int64_t j = 0; j < 4; ++j) {
    all.distances()(0, j) = distances[j];
    all.rows()(0, j) = rows[j];
  }
  return all;
}

TEST(ReferenceTest, ChoosesNeighbors) {
  const auto choose = [](Constraints constraints, bool own = true) {
    if (constraints.radii.empty()) constraints.radii = {1};
    const std::vector<int64_t> rows = {2};
    return ChooseNeighbors(All(), own ? rows : std::vector<int64_t>(),
                           constraints)[0];
  };
  EXPECT_THAT(choose({}), ElementsAre(Pair(0, 2), Pair(0.5, 1), Pair(0.5, 3),
                                      Pair(0.75, 0)));
  EXPECT_THAT(choose({.exclude_self = true, .radii = {0.75}}),
              ElementsAre(Pair(0.5, 1), Pair(0.5, 3)));
  EXPECT_THAT(choose({.predecessor = true}),
              ElementsAre(Pair(0.5, 1), Pair(0.75, 0)));
  EXPECT_THAT(choose({.allowed = {1, 0, 0, 1}}),
              ElementsAre(Pair(0.5, 3), Pair(0.75, 0)));
  // In the order 3, 2, 1, 0 row 3 alone comes before row 2, and ties turn.
  EXPECT_THAT(choose({.predecessor = true, .ranks = {3, 2, 1, 0}}),
              ElementsAre(Pair(0.5, 3)));
  EXPECT_THAT(choose({.exclude_self = true, .ranks = {3, 2, 1, 0}}),
              ElementsAre(Pair(0.5, 3), Pair(0.5, 1), Pair(0.75, 0)));
  EXPECT_THAT(choose({.radii = {0.5}}, /*own=*/false), ElementsAre(Pair(0, 2)));
}

}  // namespace
}  // namespace rct
