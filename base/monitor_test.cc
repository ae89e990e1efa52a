#include "base/monitor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "base/parallel.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

void Sleep(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

// Keeps what it is told.
struct Recorder {
  Monitor::Callback callback() {
    return [this](double done) {
      seen.push_back(done);
      return true;
    };
  }
  std::vector<double> seen;
};

TEST(MonitorTest, Example) {
  double shown = -1;
  Monitor monitor([&shown](double done) {
    shown = done;
    return false;  // Stop.
  });
  const Monitor::Part part(&monitor, /*share=*/1, /*steps=*/10);
  EXPECT_EQ(shown, 0);
  EXPECT_FALSE(Monitor::Go(&monitor, 1));
  EXPECT_THAT(Monitor::Check(&monitor), StatusIs(absl::StatusCode::kCancelled));
}

TEST(MonitorTest, NobodyWatches) {
  const Monitor::Part part(nullptr, 0.5, 10);
  EXPECT_TRUE(Monitor::Go(nullptr));
  EXPECT_TRUE(Monitor::Go(nullptr, 3));
  EXPECT_THAT(Monitor::Check(nullptr), IsOk());
}

TEST(MonitorTest, PartsMakeUpTheWhole) {
  Recorder recorder;
  Monitor monitor(recorder.callback());
  EXPECT_THAT(recorder.seen, IsEmpty());
  {
    const Monitor::Part whole(&monitor);
    {
      const Monitor::Part first(&monitor, 0.5, 4);
      for (int i = 0; i < 2; ++i) {
        Sleep(60);
        EXPECT_TRUE(Monitor::Go(&monitor, 1));
      }
      // Too many steps are no more than all.
      Sleep(60);
      Monitor::Go(&monitor, 10);
    }
    const Monitor::Part second(&monitor, 0.5);
    {
      const Monitor::Part inner(&monitor, 0.5, 1);
      Sleep(60);
      Monitor::Go(&monitor, 1);
    }
    Sleep(60);
    Monitor::Go(&monitor);
  }
  EXPECT_THAT(recorder.seen, ElementsAre(0, 0.125, 0.25, 0.5, 0.625, 0.625));
  // The next call begins anew.
  const Monitor::Part next(&monitor);
  EXPECT_EQ(recorder.seen.back(), 0);
}

TEST(MonitorTest, NotMoreOftenThanEvery50Milliseconds) {
  Recorder recorder;
  Monitor monitor(recorder.callback());
  const auto start = std::chrono::steady_clock::now();
  const Monitor::Part part(&monitor, 1, 1000);
  int64_t milliseconds = 0;
  for (; milliseconds < 200;
       milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::steady_clock::now() - start)
                          .count()) {
    Monitor::Go(&monitor, 1);
  }
  EXPECT_LE(recorder.seen.size(), milliseconds / 50 + 1);
  EXPECT_GE(recorder.seen.size(), 2);
}

TEST(MonitorTest, FalseCancels) {
  int calls = 0;
  Monitor monitor([&](double) { return ++calls < 2; });
  const Monitor::Part part(&monitor, 1, 10);
  EXPECT_TRUE(Monitor::Go(&monitor, 1));
  EXPECT_THAT(Monitor::Check(&monitor), IsOk());
  Sleep(60);
  EXPECT_FALSE(Monitor::Go(&monitor, 1));
  EXPECT_TRUE(monitor.cancelled());
  EXPECT_THAT(Monitor::Check(&monitor),
              StatusIs(absl::StatusCode::kCancelled, testing::_));
  Sleep(60);
  EXPECT_FALSE(Monitor::Go(&monitor));
  // For good; the callback is asked no more.
  const Monitor::Part next(&monitor);
  EXPECT_FALSE(Monitor::Go(&monitor));
  EXPECT_EQ(calls, 2);
}

// Only the thread of the call calls back, the fraction never falls, and nothing
// races.
TEST(MonitorTest, ManyThreads) {
  const std::thread::id caller = std::this_thread::get_id();
  std::vector<double> seen;
  Monitor monitor([&](double done) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    seen.push_back(done);
    return true;
  });
  std::atomic<int64_t> tasks = 0;
  const Monitor::Part part(&monitor, 0.5);
  ParallelFor(4, 400, &monitor, [&](int64_t, int) {
    Sleep(1);
    ++tasks;
  });
  EXPECT_EQ(tasks, 400);
  EXPECT_GE(seen.size(), 2);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_LE(seen.back(), 0.5);
}

TEST(MonitorTest, TasksThatHaveNotBegunAreLeftOut) {
  Monitor monitor([](double) { return true; });
  std::atomic<int64_t> tasks = 0;
  ParallelFor(3, 100'000, &monitor, [&](int64_t task, int) {
    ++tasks;
    if (task == 10) monitor.Cancel();
  });
  EXPECT_LT(tasks, 100'000);
  tasks = 0;
  ParallelFor(3, 100, &monitor, [&](int64_t, int) { ++tasks; });
  EXPECT_EQ(tasks, 0);
  ParallelFor(3, 100, nullptr, [&](int64_t, int) { ++tasks; });
  EXPECT_EQ(tasks, 100);
}

TEST(MonitorTest, WhatTheCallbackThrowsComesOutOfTheCall) {
  bool throws = true;
  std::vector<double> seen;
  Monitor monitor([&](double done) {
    seen.push_back(done);
    if (throws) throw std::runtime_error("no terminal");
    return true;
  });
  const auto begin = [&] { const Monitor::Part whole(&monitor); };
  EXPECT_THROW(begin(), std::runtime_error);
  throws = false;
  {
    const Monitor::Part whole(&monitor);
    Sleep(60);
    throws = true;
    const auto work = [&] {
      ParallelFor(2, 8, &monitor, [](int64_t, int) { Sleep(60); });
    };
    EXPECT_THROW(work(), std::runtime_error);
    throws = false;
  }
  // The next call begins anew.
  const Monitor::Part next(&monitor);
  EXPECT_EQ(seen.back(), 0);
  EXPECT_TRUE(Monitor::Go(&monitor));
}

}  // namespace
}  // namespace rct
