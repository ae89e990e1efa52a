#include "base/progress.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kErase[] = "\r\x1b[K";

// A terminal that notes what is written, and a clock that is set by hand.
class ProgressTest : public testing::Test {
 protected:
  Progress::Display Display() {
    return {.is_terminal = true,
            .now = [this] { return now_; },
            .write =
                [this](std::string_view text) { written_.emplace_back(text); }};
  }

  Progress::Clock::time_point now_{seconds(1000)};
  std::vector<std::string> written_;
};

TEST_F(ProgressTest, Example) {
  Progress progress("factorizing", 512, Display());
  now_ += seconds(10);
  progress.Advance(128);
  EXPECT_THAT(written_,
              ElementsAre("\r\x1b[Kfactorizing: 128/512 25% 0:30 left"));
}

TEST_F(ProgressTest, SilentForTwoSeconds) {
  {
    Progress progress("short", 10, Display());
    for (int i = 0; i < 10; ++i) {
      progress.Advance(1);
      now_ += milliseconds(199);
    }
  }
  EXPECT_THAT(written_, IsEmpty());
}

TEST_F(ProgressTest, SaysLinesAboveItsOwn) {
  {
    Progress progress("work", 400, Display());
    progress.Say("begun");
    now_ += seconds(25);
    progress.Advance(100);
    progress.Say("a part is done");
  }
  EXPECT_THAT(written_,
              ElementsAre("begun\n",
                          std::string(kErase) + "work: 100/400 25% 1:15 left",
                          std::string(kErase) + "a part is done\n"));
}

TEST_F(ProgressTest, SaysLinesWhereThereIsNoTerminal) {
  Progress::Display display = Display();
  display.is_terminal = false;
  Progress("work", 400, display).Say("begun");
  EXPECT_THAT(written_, ElementsAre("begun\n"));
}

TEST_F(ProgressTest, ShowsAndErases) {
  {
    Progress progress("work", 400, Display());
    progress.Advance(99);
    now_ += seconds(25);
    progress.Advance(1);
    EXPECT_THAT(written_, ElementsAre(std::string(kErase) +
                                      "work: 100/400 25% 1:15 left"));
  }
  EXPECT_EQ(written_.size(), 2u);
  EXPECT_EQ(written_.back(), kErase);
}

TEST_F(ProgressTest, HoursLeft) {
  Progress progress("long", 1000, Display());
  now_ += seconds(10);
  progress.Advance(1);
  EXPECT_THAT(written_, ElementsAre(std::string(kErase) +
                                    "long: 1/1000 0% 2:46:30 left"));
}

TEST_F(ProgressTest, NothingDoneOrToDo) {
  Progress none("none", 0, Display());
  Progress some("some", 5, Display());
  now_ += seconds(3);
  none.Advance(0);
  some.Advance(0);
  EXPECT_THAT(written_, ElementsAre(std::string(kErase) + "none: 0/0",
                                    std::string(kErase) + "some: 0/5"));
}

TEST_F(ProgressTest, AtMostTenTimesASecond) {
  Progress progress("often", 3000, Display());
  now_ += seconds(2);
  for (int i = 0; i < 1000; ++i) {
    progress.Advance(1);
    now_ += milliseconds(1);
  }
  EXPECT_EQ(written_.size(), 10u);
}

TEST_F(ProgressTest, OnlyOnATerminal) {
  {
    Progress::Display display = Display();
    display.is_terminal = false;
    Progress progress("file", 10, display);
    now_ += seconds(5);
    progress.Advance(5);
  }
  EXPECT_THAT(written_, IsEmpty());
}

TEST_F(ProgressTest, CountsFromAllThreads) {
  Progress progress("many", 4000, Display());
  now_ += seconds(5);  // The first Advance prints, the others find it too soon.
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&progress] {
      for (int step = 0; step < 1000; ++step) progress.Advance(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(written_.size(), 1u);
  now_ += seconds(1);
  progress.Advance(0);
  EXPECT_EQ(written_.back(),
            std::string(kErase) + "many: 4000/4000 100% 0:00 left");
}

}  // namespace
}  // namespace rct
