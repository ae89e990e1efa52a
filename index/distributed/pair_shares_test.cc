#include "index/distributed/pair_shares.h"

#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::DoubleEq;
using testing::SizeIs;

// Returns what each rank does with these runs, and checks that every pair is in
// one of them.
std::vector<double> WorkWith(const PairWork& work,
                             const std::vector<std::vector<PairRun>>& runs) {
  std::vector<double> all(work.done.begin(), work.done.end());
  EXPECT_THAT(runs, SizeIs(work.points.size()));
  for (size_t c = 0; c < runs.size(); ++c) {
    double first = 0;
    for (const PairRun& run : runs[c]) {
      EXPECT_GE(run.last, first);
      if (run.last > first) {
        all[run.rank] += static_cast<double>(work.points[c]) *
                         (run.last - first + work.of_point);
      }
      first = run.last;
    }
    EXPECT_THAT(first, DoubleEq(work.pairs[c]));
  }
  return all;
}

TEST(PairSharesTest, PairsOfFullCellsMove) {
  const std::vector<int64_t> points = {100, 100, 100, 100};
  const std::vector<double> pairs = {10, 4000, 20, 30};
  const std::vector<int> first_cell = {0, 2, 3, 4};
  const std::vector<double> done = {0, 1000, 200000};
  const PairWork work = {points, pairs, first_cell, done, /*of_point=*/16};
  const std::vector<double> all = WorkWith(work, ShareOutPairs(work));
  const double mean = (all[0] + all[1] + all[2]) / 3;
  for (const double of_rank : all) EXPECT_NEAR(of_rank, mean, 0.03 * mean);
}

TEST(PairSharesTest, OwnersSearchWhatIsNotWorthMoving) {
  const std::vector<int64_t> points = {100, 100};
  const std::vector<double> pairs = {40, 0};
  const std::vector<int> first_cell = {0, 1, 2};
  const std::vector<double> done = {0, 0};
  const PairWork work = {points, pairs, first_cell, done, /*of_point=*/64};
  const std::vector<std::vector<PairRun>> runs = ShareOutPairs(work);
  ASSERT_THAT(runs[0], SizeIs(1));
  EXPECT_EQ(runs[0][0].rank, 0);
}

TEST(PairSharesTest, RanksWithoutCellsTakePairs) {
  const std::vector<int64_t> points = {1000};
  const std::vector<double> pairs = {900};
  const std::vector<int> first_cell = {0, 0, 1, 1};
  const std::vector<double> done = {0, 0, 0};
  const PairWork work = {points, pairs, first_cell, done, /*of_point=*/8};
  const std::vector<double> all = WorkWith(work, ShareOutPairs(work));
  EXPECT_GT(all[0], 250000);
  EXPECT_GT(all[2], 250000);
  EXPECT_LT(all[1], 350000);
}

TEST(PairSharesTest, NothingToShare) {
  const std::vector<int> first_cell = {0, 0, 0};
  const std::vector<double> done = {5, 0};
  EXPECT_TRUE(ShareOutPairs({{}, {}, first_cell, done, 1}).empty());
  const std::vector<int64_t> points = {3, 4};
  const std::vector<double> pairs = {0, 0};
  const std::vector<int> owners = {0, 1, 2};
  const PairWork work = {points, pairs, owners, done, 1};
  EXPECT_THAT(WorkWith(work, ShareOutPairs(work)), testing::ElementsAre(5, 0));
}

}  // namespace
}  // namespace rct
