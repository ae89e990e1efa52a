#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/monitor.h"
#include "base/sanitizers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::ThrowsMessage;

TEST(ParallelForTest, Example) {
  std::vector<int64_t> squares(5);
  ParallelFor(/*num_threads=*/2, /*num_tasks=*/5,
              [&](int64_t task, int) { squares[task] = task * task; });
  EXPECT_THAT(squares, ElementsAre(0, 1, 4, 9, 16));
}

TEST(ParallelForTest, EachTaskOnce) {
  for (const int threads : {-1, 0, 1, 2, 3, 8}) {
    for (const int64_t tasks : {0, 1, 2, 7, 1000}) {
      std::vector<int> calls(tasks);  // Without a lock, on purpose.
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

TEST(ParallelForTest, AnExceptionReachesTheCaller) {
  // Worker 0 is the caller itself, the others are threads of their own.
  for (const int thrower : {0, 1, 2}) {
    std::atomic<int> begun = 0, ended = 0;
    const auto call = [&] {
      ParallelFor(3, 1000, [&](int64_t, int worker) {
        // Each worker has one task before any of them throws.
        ++begun;
        while (begun < 3) std::this_thread::yield();
        if (worker == thrower) throw std::out_of_range("no such row");
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ++ended;
      });
    };
    EXPECT_THAT(call, ThrowsMessage<std::out_of_range>("no such row"));
    // What was under way was waited for, and little else was begun.
    EXPECT_EQ(ended + 1, begun);
    EXPECT_LT(begun, 900);
  }
}

TEST(ParallelForTest, OfSeveralExceptionsOneReachesTheCaller) {
  std::atomic<int> begun = 0;
  const auto call = [&] {
    ParallelFor(4, 4, [&](int64_t, int) {
      ++begun;
      while (begun < 4) std::this_thread::yield();
      throw std::bad_alloc();
    });
  };
  EXPECT_THROW(call(), std::bad_alloc);
}

TEST(ParallelForTest, AnExceptionWithoutThreads) {
  std::vector<int64_t> begun;
  const auto call = [&] {
    ParallelFor(1, 5, [&](int64_t task, int) {
      begun.push_back(task);
      if (task == 2) throw std::bad_alloc();
    });
  };
  EXPECT_THROW(call(), std::bad_alloc);
  EXPECT_THAT(begun, ElementsAre(0, 1, 2));
}

TEST(ParallelForTest, AWatchedCallThrowsOn) {
  Monitor monitor([](double) { return true; });
  const auto call = [&] {
    ParallelFor(2, 50, &monitor, [&](int64_t task, int) {
      if (task == 20) throw std::bad_alloc();
    });
  };
  EXPECT_THROW(call(), std::bad_alloc);
  // The monitor can watch another one.
  std::atomic<int> tasks = 0;
  ParallelFor(2, 50, &monitor, [&](int64_t, int) { ++tasks; });
  EXPECT_EQ(tasks, 50);
}

// In a process of its own, which has memory for the stacks of a few threads, or
// of none.
void RunWithoutRoomForThreads(int64_t room) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 20);
  if (pthread_setattr_default_np(&attributes) != 0) std::exit(2);
  std::ifstream statm("/proc/self/statm");
  int64_t pages = 0;
  statm >> pages;
  const rlim_t limit = pages * sysconf(_SC_PAGESIZE) + room;
  const rlimit memory = {limit, limit};
  if (setrlimit(RLIMIT_AS, &memory) != 0) std::exit(2);
  std::vector<int> calls(500);
  std::atomic<int> most = 0;
  ParallelFor(16, 500, [&](int64_t task, int worker) {
    ++calls[task];
    for (int seen = most; seen < worker;)
      most.compare_exchange_weak(seen, worker);
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  });
  const bool all_once = calls == std::vector<int>(500, 1);
  std::exit(all_once && most < 15 ? 0 : 1);
}

TEST(ParallelForTest, GoesOnWithTheThreadsThatStart) {
  if (kShadowMemory) {
    GTEST_SKIP() << "The sanitizer needs address space of its own.";
  }
  for (const int64_t mebibytes : {8, 200}) {
    EXPECT_EXIT(RunWithoutRoomForThreads(mebibytes << 20),
                testing::ExitedWithCode(0), "")
        << mebibytes;
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
