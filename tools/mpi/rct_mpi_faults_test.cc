// What happens to a job of several ranks from outside, at moments that nobody
// chooses: ranks that are killed, launchers that are, and disks that are full.
// Each file is the old one or the whole new one afterwards.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "base/sanitizers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/mpi/mpirun.h"
#include "tools/test_program.h"

namespace rct {
namespace {

using std::chrono::duration;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kSearch =
    "rct_mpi graph --points=p.npy --kernel=matern32 --lengthscale=0.3 "
    "--num_inducing=64 --k=20 --out_indices=i.npy --out_distances=d.npy";

double SecondsSince(steady_clock::time_point begin) {
  return duration<double>(steady_clock::now() - begin).count();
}

class RctMpiFaultsTest : public ProgramTest {
 protected:
  RctMpiFaultsTest() {
    SetUpMpirun();
    WritePoints(6000);
    setenv("PATH", absl::StrCat(MpiProgram(""), ":", getenv("PATH")).c_str(),
           1);
  }

  void WritePoints(int64_t n) const {
    Write("p.npy",
          SerializeNpy(MakePointSet(PointSet::kUniformCube, n, 3, 1).view()));
  }

  void WriteOld() const {
    Write("i.npy", "as before");
    Write("d.npy", "as before");
  }
  bool IsOld() const {
    return Read("i.npy") == "as before" && Read("d.npy") == "as before";
  }

  // Starts a job in the folder, with its words on stderr in "err".
  pid_t Start(int ranks) const {
    const std::string line =
        absl::StrCat("mpirun --quiet -n ", ranks, " ", kSearch);
    std::vector<std::string> words = absl::StrSplit(line, ' ');
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string folder = Path("");
    const pid_t child = fork();
    if (child == 0) {
      if (chdir(folder.c_str()) != 0 || !std::freopen("err", "w", stderr)) {
        _exit(99);
      }
      execvp(arguments[0], arguments.data());
      _exit(98);
    }
    return child;
  }

  // Returns the processes that `parent` has started.
  static std::vector<pid_t> ChildrenOf(pid_t parent) {
    std::vector<pid_t> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      pid_t pid = 0;
      if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
      std::ifstream file(entry.path() / "stat");
      std::string stat;
      std::getline(file, stat);
      // The name, in parentheses, may hold anything.
      const std::vector<std::string> fields =
          absl::StrSplit(stat.substr(stat.rfind(')') + 1), ' ');
      if (fields.size() > 2 && fields[2] == absl::StrCat(parent)) {
        children.push_back(pid);
      }
    }
    return children;
  }

  std::vector<std::string> Temporaries() const {
    std::vector<std::string> names;
    for (const std::string& name : Names()) {
      if (absl::StrContains(name, ".rct.")) names.push_back(name);
    }
    return names;
  }
  // Returns those that are there after five seconds: guards end after mpirun.
  std::vector<std::string> LastingTemporaries() const {
    const auto begin = steady_clock::now();
    std::vector<std::string> names = Temporaries();
    while (!names.empty() && SecondsSince(begin) < 5) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      names = Temporaries();
    }
    return names;
  }
};

TEST_F(RctMpiFaultsTest, KilledAtRandomMoments) {
  const auto begin = steady_clock::now();
  int status = 0;
  ASSERT_EQ(waitpid(Start(3), &status, 0) > 0 ? status : -1, 0) << Read("err");
  double whole = SecondsSince(begin);
  const std::string indices = Read("i.npy"), distances = Read("d.npy");
  RandomStream random(20, 0);
  int stopped = 0, finished = 0;
  double slowest = 0;
  for (int round = 0; round < 20; ++round) {
    WriteOld();
    const pid_t mpirun = Start(2 + round % 3);
    const double moment = whole * (0.2 + 0.9 * random.Uniform());
    std::this_thread::sleep_for(duration<double>(moment));
    // Ranks, or the launcher, by signals that can be handled or not.
    const int kind = round % 5;
    const std::vector<pid_t> ranks = ChildrenOf(mpirun);
    const auto victim = static_cast<size_t>(random.Uniform() *
                                            static_cast<double>(ranks.size()));
    const bool is_rank = kind < 2 && !ranks.empty();
    constexpr int kSignals[] = {SIGKILL, SIGTERM, SIGTERM, SIGINT, SIGKILL};
    kill(is_rank ? ranks[victim] : mpirun, kSignals[kind]);
    const auto asked = steady_clock::now();
    ASSERT_EQ(waitpid(mpirun, &status, 0), mpirun);
    SCOPED_TRACE(absl::StrCat("round ", round, ": ", Read("err")));
    EXPECT_THAT(LastingTemporaries(), IsEmpty());
    slowest = std::max(slowest, SecondsSince(asked));
    const bool is_new = Read("i.npy") == indices && Read("d.npy") == distances;
    EXPECT_TRUE(is_new || IsOld());
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      EXPECT_TRUE(is_new);
      ++finished;
      // The machine may have become faster since the first job.
      whole = std::min(whole, moment);
    } else {
      ++stopped;
    }
  }
  std::printf(
      "%d jobs stopped and %d finished, nothing half written; the slowest "
      "ended after %.2f s, where a whole job takes %.2f s\n",
      stopped, finished, slowest, whole);
  EXPECT_GT(stopped, 8);
  // Two seconds on a machine that has nothing else to do.
  EXPECT_LT(slowest, 20);
}

// One message, for a user who wants it to end.
TEST_F(RctMpiFaultsTest, SaysOnceThatItWasInterrupted) {
  WritePoints(60000);
  WriteOld();
  const pid_t mpirun = Start(3);
  while (Temporaries().empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  kill(mpirun, SIGTERM);
  int status = 0;
  ASSERT_EQ(waitpid(mpirun, &status, 0), mpirun);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_NE(WEXITSTATUS(status), 0);
  // mpirun passes on what it has read before it ends.
  EXPECT_THAT(Read("err"),
              testing::AnyOf("",
                             "rct_mpi graph: interrupted, or another rank "
                             "has ended; nothing is written\n"));
  EXPECT_TRUE(IsOld());
}

// A rank whose files may not grow.
TEST_F(RctMpiFaultsTest, OneRankCannotWrite) {
  WriteOld();
  const Outcome outcome = Shell(absl::StrCat(
      "mpirun --quiet -n 1 ", kSearch, " : -n 1 sh -c 'ulimit -f 8; exec ",
      kSearch, "' : -n 1 ", kSearch));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err,
              testing::MatchesRegex("rct_mpi graph: rank 1 on [^ ]*: i.npy: "
                                    "cannot write: File too large\n"));
  EXPECT_TRUE(IsOld());
  EXPECT_THAT(Temporaries(), IsEmpty());
}

// A small file system that has no room: found before the work.
TEST_F(RctMpiFaultsTest, AFullDisk) {
  const std::string mounted =
      "mkdir -p small && unshare --user --map-root-user --mount sh -ec '"
      "mount -t tmpfs -o size=64k tmpfs small; ";
  if (Shell(mounted + "true'").exit_code != 0) {
    GTEST_SKIP() << "cannot mount a file system here";
  }
  const Outcome outcome = Shell(absl::StrCat(
      mounted,
      "printf \"as before\" >small/i.npy; set +e; mpirun --quiet -n 2 rct_mpi "
      "graph --points=p.npy --kernel=rbf --lengthscale=1 --num_inducing=9 "
      "--k=9 --out_indices=small/i.npy; echo \"exit $?\"; ls -A small; cat "
      "small/i.npy'"));
  EXPECT_EQ(outcome.out, "exit 1\ni.npy\nas before");
  EXPECT_EQ(outcome.err,
            "rct_mpi graph: --out_indices: small/i.npy: cannot write: No space "
            "left on device\n");
}

// Files that a machine without power has left are no obstacle, and stay.
TEST_F(RctMpiFaultsTest, LeftoversDisturbNobody) {
  WriteOld();
  Write(".rct.1.0.tmp", "left");
  const Outcome outcome = Shell(absl::StrCat("mpirun -n 2 ", kSearch));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(Temporaries(), testing::ElementsAre(".rct.1.0.tmp"));
  EXPECT_EQ(Read(".rct.1.0.tmp"), "left");
}

// Memory that is enough for MPI, and not for the points of a rank.
TEST_F(RctMpiFaultsTest, NoMemory) {
  if (kShadowMemory) {
    GTEST_SKIP() << "The sanitizer needs address space of its own.";
  }
  WriteOld();
  const Outcome outcome = Shell(
      absl::StrCat("mpirun --quiet -n 2 ", kSearch, " --memory_limit=1KiB"));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("rct_mpi graph: --memory_limit: "));
  EXPECT_TRUE(IsOld());
  EXPECT_THAT(Temporaries(), IsEmpty());
}

}  // namespace
}  // namespace rct
