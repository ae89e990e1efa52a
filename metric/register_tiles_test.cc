#include "metric/register_tiles.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct::simd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// The first row and the rows of each tile.
template <int kMost>
std::vector<std::pair<int64_t, int>> Tiles(int64_t count) {
  std::vector<std::pair<int64_t, int>> tiles;
  EachTile<kMost>(count, [&](int64_t first, auto rows) {
    tiles.emplace_back(first, rows());
  });
  return tiles;
}

TEST(RegisterTilesTest, WhatIsLeftIsOneTile) {
  EXPECT_THAT(Tiles<8>(0), IsEmpty());
  EXPECT_THAT(Tiles<8>(3), ElementsAre(Pair(0, 3)));
  EXPECT_THAT(Tiles<8>(8), ElementsAre(Pair(0, 8)));
  EXPECT_THAT(Tiles<8>(23), ElementsAre(Pair(0, 8), Pair(8, 8), Pair(16, 7)));
  EXPECT_THAT(Tiles<1>(2), ElementsAre(Pair(0, 1), Pair(1, 1)));
}

}  // namespace
}  // namespace rct::simd
