#include "tools/mpi/mpi_communicator.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "index/distributed/communicator.h"
#include "index/distributed/thread_ranks.h"
#include "tools/mpi/communicator_cases.h"
#include "tools/mpi/mpirun.h"

namespace rct {
namespace {

struct Lengths {
  int64_t piece_bytes;
  int64_t most_bytes;
};

// The last goes by rendezvous, which waits for the receiver.
constexpr Lengths kLengths[] = {{1, 3}, {5, 40}, {1 << 17, 1'000'000}};

TEST(CommunicatorCasesTest, OverThreads) {
  for (const int size : {1, 2, 3, 5}) {
    for (const Lengths& lengths : kLengths) {
      RunThreadRanks(size, [&](Communicator& ranks) {
        EXPECT_EQ(FailedCommunicatorCases(ranks, lengths.piece_bytes,
                                          lengths.most_bytes),
                  0);
      });
    }
  }
}

TEST(CommunicatorCasesTest, OverMpi) {
  SetUpMpirun();
  const std::string program = MpiProgram("communicator_cases_main");
  for (const int size : {1, 2, 5}) {
    for (const Lengths& lengths : kLengths) {
      const std::string line =
          absl::StrCat("mpirun -n ", size, " ", program, " ",
                       lengths.piece_bytes, " ", lengths.most_bytes);
      EXPECT_EQ(std::system(line.c_str()), 0) << line;
    }
  }
}

// A process that nobody launched is a job of one rank.
TEST(CommunicatorCasesTest, WithoutALauncher) {
  const MpiSession session;
  MpiCommunicator ranks;
  EXPECT_EQ(ranks.size(), 1);
  EXPECT_EQ(FailedCommunicatorCases(ranks, 5, 40), 0);
}

}  // namespace
}  // namespace rct
