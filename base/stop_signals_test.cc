#include "base/stop_signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace rct {
namespace {

TEST(StopSignalsTest, Example) {
  const StopSignals signals;
  EXPECT_EQ(signals.noted(), 0);
  raise(SIGINT);
  EXPECT_EQ(signals.noted(), SIGINT);
}

TEST(StopSignalsTest, NotesTheFirst) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const StopSignals signals;
    EXPECT_EQ(signals.noted(), 0);
    raise(signal);
    EXPECT_EQ(signals.noted(), signal);
    raise(signal == SIGINT ? SIGTERM : SIGINT);
    EXPECT_EQ(signals.noted(), signal);
  }
}

TEST(StopSignalsTest, ASecondOneLaterEndsTheProcess) {
  EXPECT_EXIT(
      {
        const StopSignals signals;
        raise(SIGTERM);
        raise(SIGTERM);
        usleep(600'000);
        raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

TEST(StopSignalsTest, WhatWasBeforeIsThereAfterwards) {
  { const StopSignals signals; }
  EXPECT_EXIT(raise(SIGHUP), testing::KilledBySignal(SIGHUP), "");
}

// As nohup leaves it.
TEST(StopSignalsTest, AnIgnoredSignalStaysIgnored) {
  signal(SIGHUP, SIG_IGN);
  {
    const StopSignals signals;
    raise(SIGHUP);
    raise(SIGHUP);
    EXPECT_EQ(signals.noted(), 0);
  }
  signal(SIGHUP, SIG_DFL);
}

TEST(StopSignalsTest, ACallThatWaitsReturns) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const StopSignals signals;
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child == 0) {
    usleep(100'000);
    kill(self, SIGINT);
    _exit(0);
  }
  char byte;
  EXPECT_EQ(read(ends[0], &byte, 1), -1);
  EXPECT_EQ(errno, EINTR);
  EXPECT_EQ(signals.noted(), SIGINT);
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace rct
