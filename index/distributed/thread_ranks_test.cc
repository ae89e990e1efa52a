#include "index/distributed/thread_ranks.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/distributed/communicator.h"

namespace rct {
namespace {

constexpr int kSizes[] = {1, 2, 3, 7};

TEST(ThreadRanksTest, RunsEachRankOnce) {
  for (const int size : kSizes) {
    std::vector<std::atomic<int>> runs(size);
    RunThreadRanks(size, [&](Communicator& ranks) {
      EXPECT_EQ(ranks.size(), size);
      ++runs[ranks.rank()];
    });
    for (const std::atomic<int>& of_rank : runs) EXPECT_EQ(of_rank, 1);
  }
}

TEST(ThreadRanksTest, ExchangeBringsWhatWasSent) {
  for (const int size : kSizes) {
    RunThreadRanks(size, [&](Communicator& ranks) {
      for (int round = 0; round < 20; ++round) {
        const auto text = [&](int from, int to) {
          return (from + to) % 3 == 0
                     ? std::string()
                     : absl::StrCat(round, " from ", from, " to ", to);
        };
        std::vector<std::string> send(size);
        for (int to = 0; to < size; ++to) send[to] = text(ranks.rank(), to);
        const std::vector<std::string> received = ranks.Exchange(send);
        ASSERT_EQ(static_cast<int>(received.size()), size);
        for (int from = 0; from < size; ++from) {
          EXPECT_EQ(received[from], text(from, ranks.rank()));
        }
      }
    });
  }
}

TEST(ThreadRanksTest, GatherBringsAllToAll) {
  for (const int size : kSizes) {
    RunThreadRanks(size, [&](Communicator& ranks) {
      for (int round = 0; round < 20; ++round) {
        const std::vector<std::string> received =
            ranks.Gather(absl::StrCat(round, " ", ranks.rank()));
        ASSERT_EQ(static_cast<int>(received.size()), size);
        for (int from = 0; from < size; ++from) {
          EXPECT_EQ(received[from], absl::StrCat(round, " ", from));
        }
      }
    });
  }
}

TEST(ThreadRanksTest, AgreeReturnsTheErrorOfTheLowestRank) {
  for (const int size : kSizes) {
    RunThreadRanks(size, [&](Communicator& ranks) {
      EXPECT_THAT(ranks.Agree(absl::OkStatus()), IsOk());
      for (int lowest = 0; lowest < size; ++lowest) {
        absl::Status own;
        if (ranks.rank() >= lowest) {
          own = absl::NotFoundError(absl::StrCat("rank ", ranks.rank()));
        }
        EXPECT_THAT(ranks.Agree(own), StatusIs(absl::StatusCode::kNotFound,
                                               absl::StrCat("rank ", lowest)));
      }
      EXPECT_THAT(ranks.Agree(absl::OkStatus()), IsOk());
    });
  }
}

TEST(ThreadRanksTest, CountsTheBytesForOthers) {
  RunThreadRanks(3, [](Communicator& ranks) {
    EXPECT_EQ(ranks.bytes_sent(), 0);
    ranks.Exchange({"12345", "12345", "12345"});
    EXPECT_EQ(ranks.bytes_sent(), 10);
    ranks.Gather("123");
    EXPECT_EQ(ranks.bytes_sent(), 16);
  });
}

TEST(ThreadRanksDeathTest, DifferentCallsEndTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(RunThreadRanks(2,
                              [](Communicator& ranks) {
                                if (ranks.rank() == 0) ranks.Gather("");
                              }),
               "check failed");
}

}  // namespace
}  // namespace rct
