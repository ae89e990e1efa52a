#include "index/streaming/stream_plan.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/streaming/streamed_graph.h"

namespace rct {
namespace {

StreamPlan PlanFor(int64_t n, int64_t m, int64_t ranks) {
  StreamOptions options;
  options.memory_limit_bytes = int64_t{64} << 30;
  options.k = 10;
  absl::StatusOr<StreamPlan> plan =
      PlanStream(options, {.n = n, .dim = 2, .m = m, .ranks = ranks});
  EXPECT_THAT(plan.status(), IsOk());
  return plan.ok() ? *plan : StreamPlan();
}

TEST(StreamPlanTest, CellsFollowFromInducingPoints) {
  EXPECT_EQ(PlanFor(1'000'000, 128, 1).cells, 1024);
  EXPECT_EQ(PlanFor(10'000'000, 128, 16).cells, 1024);
  EXPECT_EQ(PlanFor(10'000'000, 256, 16).cells, 2048);
}

TEST(StreamPlanTest, CellsOfManyPointsAreMore) {
  EXPECT_EQ(PlanFor(33'000'000, 128, 16).cells, 1024);
  EXPECT_EQ(PlanFor(34'000'000, 128, 16).cells, 2048);
  EXPECT_EQ(PlanFor(100'000'000, 128, 64).cells, 4096);
  EXPECT_EQ(PlanFor(1'000'000'000, 128, 256).cells, 4096);
  EXPECT_EQ(PlanFor(10'000'000, 128, 16).groups, 512);
  EXPECT_EQ(PlanFor(100'000'000, 128, 64).groups, 2048);
  // As many as units want.
  EXPECT_EQ(PlanFor(1'000'000'000, 128, 256).groups, 4096);
}

TEST(StreamPlanTest, FewPointsHaveFewCells) {
  EXPECT_EQ(PlanFor(100'000, 64, 16).cells, 128);
  EXPECT_EQ(PlanFor(600, 64, 1).cells, 1);
}

TEST(StreamPlanTest, EarlyRowsAreFewWhereCellsAreFew) {
  const auto early = [](int64_t n, int64_t ranks) {
    StreamOptions options;
    options.memory_limit_bytes = int64_t{64} << 30;
    options.predecessor = true;
    const absl::StatusOr<StreamPlan> plan =
        PlanStream(options, {.n = n, .dim = 2, .m = 64, .ranks = ranks});
    EXPECT_THAT(plan.status(), IsOk());
    return plan.ok() ? plan->early_rows : -1;
  };
  EXPECT_EQ(early(40'000, 1), 40'000);  // no cells
  EXPECT_EQ(early(100'000, 16), 256 * 128);
  EXPECT_EQ(early(1'000'000, 16), 65536);
}

TEST(StreamPlanTest, CellsAreEnoughForAllUnits) {
  const StreamPlan plan = PlanFor(100'000'000, 16, 512);
  EXPECT_GE(plan.cells, 4 * 512 * plan.units);
  EXPECT_GE(plan.groups, 4 * 512 * plan.units);
}

TEST(StreamPlanTest, AnswersInMemoryTakeRoom) {
  StreamOptions options;
  options.memory_limit_bytes = int64_t{4} << 30;
  options.k = 20;
  StreamSize size = {.n = 10'000'000, .dim = 2, .m = 128};
  const absl::StatusOr<StreamPlan> without = PlanStream(options, size);
  ASSERT_THAT(without.status(), IsOk());
  size.holds_slice = true;
  // 10^7 points with 20 answers of 12 bytes: 2.4 GB, and their coordinates.
  const absl::StatusOr<StreamPlan> with = PlanStream(options, size);
  ASSERT_THAT(with.status(), IsOk());
  EXPECT_GT(with->units, without->units);
}

TEST(StreamPlanTest, TooLittleMemory) {
  StreamOptions options;
  options.memory_limit_bytes = 1 << 20;
  EXPECT_EQ(
      PlanStream(options, {.n = 1'000'000, .dim = 2, .m = 128}).status().code(),
      absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace rct
