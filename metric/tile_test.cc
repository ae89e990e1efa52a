#include "metric/tile.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/point_lanes.h"

namespace rct {
namespace {

using testing::Each;
using testing::ElementsAre;

TEST(FinalDistanceTest, ClampsBeforeTheRoot) {
  EXPECT_EQ(FinalDistance(0.25), 0.5);
  EXPECT_EQ(FinalDistance(1), 1);
  EXPECT_EQ(FinalDistance(0), 0);
  EXPECT_EQ(FinalDistance(-1e-17), 0);
  EXPECT_EQ(FinalDistance(kSelf), 0);
  EXPECT_EQ(FinalDistance(-std::numeric_limits<double>::infinity()), 0);
}

TEST(CandidatesTest, RangeCountsUp) {
  const Candidates range = Candidates::Range(5, 3);
  EXPECT_TRUE(range.is_range());
  EXPECT_EQ(range.size(), 3);
  EXPECT_EQ(range[0], 5);
  EXPECT_EQ(range[2], 7);
  EXPECT_EQ(Candidates::Range(5, 0).size(), 0);
}

TEST(CandidatesTest, ListBorrows) {
  std::vector<int32_t> ids = {9, 2, 9};
  const Candidates list = Candidates::List(ids);
  EXPECT_FALSE(list.is_range());
  EXPECT_EQ(list.size(), 3);
  EXPECT_EQ(list[1], 2);
  EXPECT_EQ(list.list().data(), ids.data());
  EXPECT_EQ(Candidates::List({}).size(), 0);
}

TEST(TileWorkspaceTest, HasRoomForWholeVectors) {
  const TileWorkspace workspace(2, 3, 9);
  EXPECT_EQ(workspace.query_rows.size(), 3u);
  EXPECT_EQ(workspace.candidate_rows.size(), 9u);
  EXPECT_EQ(workspace.lanes.dim(), 2);
  EXPECT_EQ(workspace.scale.size(), 16u);
  EXPECT_THAT(workspace.scale.span(), Each(0));
}

TEST(MarkSelfTest, InRanges) {
  const std::vector<int32_t> queries = {4, 6, 3, 7, 0};
  std::vector<double> out(5 * 4, 0.5);
  MarkSelf(queries, Candidates::Range(4, 3), out.data(), 4);
  EXPECT_THAT(out, ElementsAre(kSelf, .5, .5, .5,  //
                               .5, .5, kSelf, .5,  //
                               .5, .5, .5, .5,     // one before the range
                               .5, .5, .5, .5,     // one behind it
                               .5, .5, .5, .5));
}

TEST(MarkSelfTest, InListsWhereverItIs) {
  const std::vector<int32_t> queries = {4, 6};
  const std::vector<int32_t> ids = {6, 1, 6};
  std::vector<double> out(2 * 3, 0.5);
  MarkSelf(queries, Candidates::List(ids), out.data(), 3);
  EXPECT_THAT(out, ElementsAre(.5, .5, .5, kSelf, .5, kSelf));
}

TEST(MarkSelfTest, NothingToMark) {
  const std::vector<int32_t> queries = {4};
  double out = 0.5;
  MarkSelf(queries, Candidates::List({}), &out, 1);
  MarkSelf({}, Candidates::Range(4, 1), &out, 1);
  EXPECT_EQ(out, 0.5);
}

}  // namespace
}  // namespace rct
