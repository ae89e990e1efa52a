#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Ge;

TEST(ParallelForTest, EachTaskOnce) {
  for (const int threads : {-1, 0, 1, 2, 3, 8}) {
    for (const int64_t tasks : {0, 1, 2, 7, 1000}) {
      std::vector<int> calls(tasks);  // Unsynchronised on purpose.
      ParallelFor(threads, tasks, [&](int64_t task, int) { ++calls[task]; });
      EXPECT_THAT(calls, Each(1)) << threads << " threads";
    }
  }
}

TEST(ParallelForTest, NoTasks) {
  ParallelFor(4, 0, [](int64_t, int) { FAIL(); });
  ParallelFor(4, -1, [](int64_t, int) { FAIL(); });
}

TEST(ParallelForTest, WorkersDoNotOverlap) {
  constexpr int kThreads = 4;
  std::vector<std::atomic<int>> busy(kThreads);
  std::atomic<bool> overlap = false;
  const auto caller = std::this_thread::get_id();
  ParallelFor(kThreads, 2000, [&](int64_t, int worker) {
    ASSERT_GE(worker, 0);
    ASSERT_LT(worker, kThreads);
    if (busy[worker]++ != 0) overlap = true;
    EXPECT_EQ(worker == 0, std::this_thread::get_id() == caller);
    std::this_thread::yield();
    busy[worker]--;
  });
  EXPECT_FALSE(overlap);
}

TEST(ParallelForTest, AllWorkersTakePart) {
  // Each of the first tasks waits until all of them have begun, which needs as
  // many workers.
  constexpr int kThreads = 3;
  std::atomic<int> begun = 0;
  ParallelFor(kThreads, kThreads, [&](int64_t, int) {
    ++begun;
    while (begun < kThreads) std::this_thread::yield();
  });
  EXPECT_EQ(begun, kThreads);
}

TEST(ParallelForTest, TasksBeginInOrder) {
  // With one worker the order is exact.
  std::vector<int64_t> order;
  ParallelFor(1, 5, [&](int64_t task, int worker) {
    EXPECT_EQ(worker, 0);
    order.push_back(task);
  });
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));

  // With several, each worker's own tasks ascend.
  std::vector<std::vector<int64_t>> orders(3);
  ParallelFor(3, 500, [&](int64_t task, int worker) {
    orders[worker].push_back(task);
  });
  for (const auto& own : orders) {
    EXPECT_TRUE(std::is_sorted(own.begin(), own.end()));
  }
}

TEST(HardwareThreadsTest, FollowsTheAffinityMask) {
  EXPECT_THAT(HardwareThreads(), Ge(1));
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_EQ(HardwareThreads(), CPU_COUNT(&before));
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(HardwareThreads(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

TEST(ResolveThreadsTest, ZeroMeansAll) {
  EXPECT_EQ(ResolveThreads(0), HardwareThreads());
  EXPECT_EQ(ResolveThreads(1), 1);
  EXPECT_EQ(ResolveThreads(1000), 1000);
}

TEST(ResolveThreadsDeathTest, NegativeIsAMistake) {
  EXPECT_DEATH(ResolveThreads(-1), "check failed: requested >= 0");
}

}  // namespace
}  // namespace rct
