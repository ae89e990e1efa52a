// `rct_mpi graph` over threads of one process, where what it asks of the system
// can be made to fail: it gives its answer, or the same error on all ranks, and
// then every file is as it was.

#include "tools/mpi/ranks_graph.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "base/test_system_calls.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/distributed/communicator.h"
#include "index/distributed/thread_ranks.h"
#include "tools/mpi/file_guard.h"
#include "tools/mpi/rct_mpi_flags.h"

namespace rct {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr int kRanks = 2;

class RanksGraphTest : public FolderTest {
 protected:
  RanksGraphTest() {
    // As in the program: a guard may fail, too.
    signal(SIGPIPE, SIG_IGN);
    EXPECT_THAT(WriteNpy(Path("p.npy"),
                         MakePointSet(PointSet::kUniformCube, 30, 2, 1).view()),
                IsOk());
    WriteOld();
  }

  void WriteOld() const {
    for (const char* name : {"i.npy", "d.npy", "r.json"}) {
      ASSERT_THAT(WriteFileAtomically(Path(name), "as before"), IsOk());
    }
  }

  RanksTask Task() const {
    return ParseRanksTask({absl::StrCat("--points=", Path("p.npy")),
                           "--kernel=rbf", "--lengthscale=1",
                           "--num_inducing=3", "--k=2", "--threads=1",
                           absl::StrCat("--out_indices=", Path("i.npy")),
                           absl::StrCat("--out_distances=", Path("d.npy")),
                           absl::StrCat("--report=", Path("r.json"))})
        .value();
  }

  // Returns what all ranks return.
  static absl::Status Run(const RanksTask& task) {
    std::vector<absl::Status> statuses(kRanks);
    RunThreadRanks(kRanks, [&](Communicator& ranks) {
      FileGuard guard;
      statuses[ranks.rank()] = RunRanksGraph(task, ranks, guard).status();
    });
    EXPECT_EQ(statuses[0], statuses[1]);
    return statuses[0];
  }

  std::string Read(const std::string& name) const {
    return ReadFile(Path(name)).value_or("none");
  }
  bool IsOld() const {
    return Read("i.npy") == "as before" && Read("d.npy") == "as before" &&
           Read("r.json") == "as before";
  }
};

TEST_F(RanksGraphTest, WritesItsFiles) {
  EXPECT_THAT(Run(Task()), IsOk());
  EXPECT_EQ(ReadNpyIndexMatrix(Path("i.npy")).value().rows(), 30);
  EXPECT_EQ(ReadNpyMatrix(Path("d.npy")).value().cols(), 2);
  EXPECT_THAT(Read("r.json"), HasSubstr("\"points\": 30"));
  EXPECT_THAT(Names(),
              UnorderedElementsAre("p.npy", "i.npy", "d.npy", "r.json"));
}

TEST_F(RanksGraphTest, EachSystemCall) {
  const RanksTask task = Task();
  ASSERT_THAT(Run(task), IsOk());
  const std::string indices = Read("i.npy"), distances = Read("d.npy");
  int64_t faults = 0;
  for (const int error : {EIO, EINTR}) {
    bool happened = true;
    for (int64_t number = 0; happened; ++number) {
      WriteOld();
      absl::Status status;
      std::string call;
      {
        const SystemCallFault fault(number, {error});
        status = Run(task);
        happened = fault.happened();
        call = fault.call();
      }
      faults += happened ? 1 : 0;
      SCOPED_TRACE(absl::StrCat(call, " ", number, ": ", status.ToString()));
      ASSERT_TRUE(status.ok()
                      ? Read("i.npy") == indices && Read("d.npy") == distances
                      : IsOld());
      if (!happened || error == EINTR) {
        ASSERT_THAT(status, IsOk());
      }
      for (const std::string& name : Names()) {
        if (!absl::StartsWith(name, ".rct.")) continue;
        // A name that cannot be taken away stays.
        ASSERT_EQ(call, "unlink");
        unlink(Path(name).c_str());
      }
    }
  }
  std::printf("%lld system calls failed, nothing lost\n",
              static_cast<long long>(faults));
  EXPECT_GT(faults, 50);
}

}  // namespace
}  // namespace rct
