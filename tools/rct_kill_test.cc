// What happens to the program from outside, at moments that nobody chooses:
// signals, files that change under it, others that write where it writes, and
// machines that are full.

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "base/sanitizers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/test_program.h"

namespace rct {
namespace {

using std::chrono::duration;
using std::chrono::steady_clock;
using testing::AnyOf;
using testing::HasSubstr;

double SecondsSince(steady_clock::time_point begin) {
  return duration<double>(steady_clock::now() - begin).count();
}

class RctKillTest : public ProgramTest {
 protected:
  RctKillTest() {
    Write(
        "p.npy",
        SerializeNpy(MakePointSet(PointSet::kUniformCube, 4000, 3, 1).view()));
  }

  // Starts the program in the folder, with its words on stderr in "err".
  pid_t Start(const std::string& line) const {
    std::vector<std::string> words = absl::StrSplit(line, ' ');
    std::vector<char*> arguments = {const_cast<char*>("rct")};
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string folder = Path("");
    const pid_t child = fork();
    if (child == 0) {
      if (chdir(folder.c_str()) != 0 || !std::freopen("err", "w", stderr)) {
        _exit(99);
      }
      execv(program().c_str(), arguments.data());
      _exit(98);
    }
    return child;
  }

  static int Wait(pid_t child) {
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return status;
  }

  // Returns the names of temporary files.
  std::vector<std::string> Temporaries() const {
    std::vector<std::string> names = Names();
    names.erase(std::remove_if(names.begin(), names.end(),
                               [](const std::string& name) {
                                 return !absl::StrContains(name, ".rct.");
                               }),
                names.end());
    return names;
  }
};

// Signals at moments between the start and the end of a command. It ends soon,
// with the code that shells know, and its output is the old file or the whole
// new one.
TEST_F(RctKillTest, SignalsAtRandomMoments) {
  const std::pair<std::string, std::string> commands[] = {
      {"build --points=p.npy --kernel=matern32 --lengthscale=0.3 "
       "--num_inducing=200 --strategy=level_synchronous --index=out.rct",
       "out.rct"},
      {"graph --points=p.npy --kernel=matern32 --lengthscale=0.3 "
       "--num_inducing=100 --strategy=exhaustive --k=20 --out_indices=out.npy",
       "out.npy"},
  };
  RandomStream random(18, 0);
  double slowest = 0;
  int stopped = 0, finished = 0;
  for (const auto& [line, output] : commands) {
    const auto begin = steady_clock::now();
    ASSERT_EQ(Wait(Start(line)), 0) << Read("err");
    double whole = SecondsSince(begin);
    const std::string done = Read(output);
    for (int round = 0; round < 10; ++round) {
      Write(output, "as before");
      const int number = round % 2 == 0 ? SIGINT : SIGTERM;
      const pid_t child = Start(line);
      const double moment = 1.1 * whole * random.Uniform();
      std::this_thread::sleep_for(duration<double>(moment));
      kill(child, number);
      const auto asked = steady_clock::now();
      const int status = Wait(child);
      slowest = std::max(slowest, SecondsSince(asked));
      SCOPED_TRACE(Read("err"));
      EXPECT_THAT(Temporaries(), testing::IsEmpty());
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        ++finished;
        EXPECT_TRUE(Read(output) == done);
        // The machine may have become faster since the first command.
        whole = std::min(whole, moment);
        continue;
      }
      ++stopped;
      // Before the program listens to signals, and once it has done its work,
      // they end it as they end any.
      const bool wrote = Read(output) == done;
      EXPECT_TRUE(wrote || Read(output) == "as before");
      if (wrote || WIFSIGNALED(status)) {
        EXPECT_TRUE(WIFSIGNALED(status));
        EXPECT_EQ(WTERMSIG(status), number);
      } else {
        EXPECT_EQ(WEXITSTATUS(status), 128 + number);
        EXPECT_THAT(Read("err"), HasSubstr("interrupted; nothing is written"));
      }
    }
  }
  std::printf(
      "%d commands stopped by a signal and %d finished, nothing half "
      "written; the slowest ended after %.2f s\n",
      stopped, finished, slowest);
  EXPECT_GT(stopped, 5);
  // A second on a machine that has nothing else to do.
  EXPECT_LT(slowest, 10);
}

// Processes that write to one path at once: the file is one of theirs, whole.
TEST_F(RctKillTest, TwoWriteToOnePath) {
  const auto build = [](int lengthscale) {
    return absl::StrCat(
        "build --points=p.npy --kernel=rbf --lengthscale=", lengthscale,
        " --num_inducing=10 --strategy=exhaustive "
        "--threads=1 --index=out.rct");
  };
  std::vector<std::string> each;
  for (const int lengthscale : {1, 2}) {
    ASSERT_EQ(Wait(Start(build(lengthscale))), 0);
    each.push_back(Read("out.rct"));
  }
  for (int round = 0; round < 5; ++round) {
    std::vector<pid_t> children;
    for (const int lengthscale : {1, 2, 1, 2}) {
      children.push_back(Start(build(lengthscale)));
    }
    for (const pid_t child : children) EXPECT_EQ(Wait(child), 0);
    EXPECT_THAT(Read("out.rct"), AnyOf(each[0], each[1]));
    EXPECT_THAT(Temporaries(), testing::IsEmpty());
  }
}

// A part that is cut short while the program uses it where it lies: a message
// in place of a crash, and no output.
TEST_F(RctKillTest, AFileThatIsCutShortWhileItIsRead) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  ASSERT_EQ(Wait(Start("build --points=p.npy --kernel=rbf --lengthscale=1 "
                       "--num_inducing=50 --index=p.rct")),
            0);
  Write("i.rctpart", "as before");
  // The index is mapped, and the queries come later.
  const pid_t child = Start(
      "neighbors --index=p.rct --query_rows=pipe --k=5 --shard=1/1 "
      "--out_part=i.rctpart");
  std::this_thread::sleep_for(duration<double>(2));
  EXPECT_EQ(truncate(Path("p.rct").c_str(), 4096), 0);
  Shell("printf 'row\\n1\\n2\\n' >pipe");
  const int status = Wait(child);
  ASSERT_TRUE(WIFEXITED(status)) << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(Read("i.rctpart"), "as before");
  EXPECT_THAT(Temporaries(), testing::IsEmpty());
  std::printf("%s", Read("err").c_str());
}

// Whatever memory the process may have, it gives the answer or a message.
TEST_F(RctKillTest, AnyLimitOfMemory) {
  if (kShadowMemory) {
    GTEST_SKIP() << "The sanitizer needs address space of its own.";
  }
  const std::string line =
      "rct graph --points=p.npy --kernel=rbf --lengthscale=1 "
      "--num_inducing=200 --k=5 --threads=2 --out_indices=out.npy";
  ASSERT_EQ(Shell(line).exit_code, 0);
  const std::string done = Read("out.npy");
  int refused = 0, answered = 0;
  for (int kibibytes = 20'000; kibibytes < 400'000; kibibytes += 10'000) {
    Write("out.npy", "as before");
    const std::string limit = absl::StrCat("ulimit -v ", kibibytes);
    // Below this the system cannot even start it.
    if (Shell(absl::StrCat("(", limit, "; rct --version)")).exit_code != 0) {
      continue;
    }
    const Outcome outcome = Shell(absl::StrCat("(", limit, "; ", line, ")"));
    SCOPED_TRACE(absl::StrCat(limit, ": ", outcome.err));
    if (outcome.exit_code == 0) {
      ++answered;
      EXPECT_EQ(Read("out.npy"), done);
      continue;
    }
    ++refused;
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(Read("out.npy"), "as before");
    EXPECT_THAT(outcome.err, testing::StartsWith("rct"));
    EXPECT_THAT(outcome.err, HasSubstr("memory"));
  }
  std::printf("%d limits refused with a message, %d answered\n", refused,
              answered);
  EXPECT_GT(refused, 0);
  EXPECT_GT(answered, 0);
}

// A small file system that fills up.
TEST_F(RctKillTest, AFullDisk) {
  const std::string mounted =
      "mkdir -p small && unshare --user --map-root-user --mount sh -ec '"
      "mount -t tmpfs -o size=64k tmpfs small; ";
  if (Shell(mounted + "true'").exit_code != 0) {
    GTEST_SKIP() << "cannot mount a file system here";
  }
  const Outcome outcome = Shell(
      mounted +
      "printf \"as before\" >small/i.npy; set +e; \"$0\" graph --points=p.npy "
      "--metric=euclidean --k=9 --out_indices=small/i.npy; echo \"exit $?\"; "
      "ls "
      "-A small; cat small/i.npy' \"$program\"");
  EXPECT_EQ(outcome.out, "exit 1\ni.npy\nas before");
  EXPECT_EQ(outcome.err,
            "rct graph: small/i.npy: cannot write: No space left on device\n");
}

}  // namespace
}  // namespace rct
