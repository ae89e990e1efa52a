#include "traversal/neighbor_table.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

NeighborTable SmallTable() {
  NeighborTable table(2, 2);
  table.rows()(0, 0) = 3;
  table.distances()(0, 0) = 0;
  table.rows()(0, 1) = 0;
  table.distances()(0, 1) = 0.5;
  table.rows()(1, 0) = 1;
  table.distances()(1, 0) = 0.25;
  return table;
}

template <class T>
void FlipBit(T& value, int bit) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  bits ^= uint64_t{1} << bit;
  std::memcpy(&value, &bits, sizeof(bits));
}

TEST(NeighborTableTest, StartsPadded) {
  const NeighborTable table(3, 4);
  EXPECT_EQ(table.num_queries(), 3);
  EXPECT_EQ(table.k(), 4);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(table.count(i), 0);
    for (int64_t j = 0; j < 4; ++j) {
      EXPECT_EQ(table.rows()(i, j), kNoNeighbor);
      EXPECT_EQ(table.distances()(i, j), kInfinity);
    }
  }
}

TEST(NeighborTableTest, EmptyShapes) {
  EXPECT_EQ(NeighborTable().num_queries(), 0);
  EXPECT_EQ(NeighborTable().k(), 0);
  EXPECT_EQ(NeighborTable(0, 5).k(), 5);
  EXPECT_EQ(NeighborTable(5, 0).count(4), 0);
}

TEST(NeighborTableTest, CountsUpToThePadding) {
  const NeighborTable table = SmallTable();
  EXPECT_EQ(table.count(0), 2);
  EXPECT_EQ(table.count(1), 1);
}

TEST(NeighborTableTest, AnInfiniteDistanceIsANeighbor) {
  NeighborTable table = SmallTable();
  table.rows()(1, 1) = 7;
  EXPECT_EQ(table.count(1), 2);
}

TEST(NeighborTableTest, CloneIsACopy) {
  NeighborTable table = SmallTable();
  const NeighborTable copy = table.Clone();
  EXPECT_EQ(copy.Digest(), table.Digest());
  table.rows()(0, 0) = 4;
  EXPECT_EQ(copy.rows()(0, 0), 3);
  EXPECT_EQ(NeighborTable().Clone().Digest(), NeighborTable().Digest());
}

// SHA-256 of 80 bytes: shape, rows and distances, little endian.
TEST(NeighborTableTest, GoldenDigest) {
  EXPECT_EQ(SmallTable().Digest(),
            "da8972fa3ab1f41eba1cef88f9ff0f8954ab57747c67ca8a8d853df2c4dd4824");
}

TEST(NeighborTableTest, EachBitChangesTheDigest) {
  NeighborTable table = SmallTable();
  std::set<std::string> digests = {table.Digest()};
  size_t variants = 1;
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 2; ++j) {
      for (int bit = 0; bit < 64; ++bit, variants += 2) {
        FlipBit(table.rows()(i, j), bit);
        digests.insert(table.Digest());
        FlipBit(table.rows()(i, j), bit);
        FlipBit(table.distances()(i, j), bit);
        digests.insert(table.Digest());
        FlipBit(table.distances()(i, j), bit);
      }
    }
  }
  EXPECT_EQ(digests.size(), variants);
}

TEST(NeighborTableTest, TheShapeChangesTheDigest) {
  std::set<std::string> digests;
  for (const auto& [queries, k] : {std::pair<int64_t, int64_t>(0, 0),
                                   {0, 1},
                                   {1, 0},
                                   {1, 6},
                                   {2, 3},
                                   {3, 2},
                                   {6, 1}}) {
    digests.insert(NeighborTable(queries, k).Digest());
  }
  EXPECT_EQ(digests.size(), 7);
}

TEST(NeighborTableTest, FirstKeepsTheNearest) {
  NeighborTable table(2, 3);
  for (int64_t j = 0; j < 3; ++j) {
    table.rows()(1, j) = 10 + j;
    table.distances()(1, j) = 0.25 * static_cast<double>(j);
  }
  const NeighborTable first = table.First(2);
  ASSERT_EQ(first.num_queries(), 2);
  ASSERT_EQ(first.k(), 2);
  EXPECT_EQ(first.count(0), 0);
  EXPECT_EQ(first.rows()(1, 1), 11);
  EXPECT_EQ(first.distances()(1, 1), 0.25);
  EXPECT_EQ(table.First(3).Digest(), table.Digest());
}

}  // namespace
}  // namespace rct
