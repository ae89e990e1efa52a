// Makes each system call on files and each allocation of whole commands fail
// once: the command must give its answer, or end with a message and leave every
// file as it was.

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "base/test_system_calls.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/rct_commands.h"
#include "traversal/allocation_counter.h"

#if defined(__SANITIZE_ADDRESS__)
// A message of protobuf that runs out of memory while it is copied leaks its
// copies, and a repeated field the element that it has no room for.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT
  return "leak:rct::*Config::*Config\nleak:rct::*Options::*Options\n"
         "leak:rct::*Header::*Header\n"
         "leak:google::protobuf::RepeatedPtrField\n";
}
#endif

namespace rct {
namespace {

int64_t allocations_failed = 0;

CommandOutcome Rct(const std::string& line) {
  const std::vector<std::string> arguments = absl::StrSplit(line, ' ');
  return RunCommand(arguments);
}

using Files = std::map<std::string, std::string>;

// Returns the names of files that differ.
std::string Changed(const Files& before, const Files& after) {
  std::string names;
  for (const auto& [name, contents] : after) {
    const auto old = before.find(name);
    if (old == before.end() || old->second != contents) {
      absl::StrAppend(&names, " ", name);
    }
  }
  return names;
}

class RctFaultsTest : public FolderTest {
 protected:
  RctFaultsTest() {
    EXPECT_EQ(chdir(Path("").c_str()), 0);
    std::string points = "id,x,y\n";
    for (int i = 0; i < 12; ++i) {
      absl::StrAppend(&points, "p", i, ",", i * 37 % 101, ",", i * 53 % 97,
                      "\n");
    }
    Write("p.csv", points);
    const std::string graph =
        "graph --points=p.csv --columns=x,y "
        "--metric=euclidean --k=2 --threads=1 ";
    for (const std::string& line :
         {std::string("build --points=p.csv --columns=x,y --kernel=rbf "
                      "--lengthscale=20 --num_inducing=3 --threads=1 "
                      "--index=p.rct"),
          graph + "--shard=1/2 --out_part=1.rctpart",
          graph + "--shard=2/2 --out_part=2.rctpart"}) {
      EXPECT_EQ(Rct(line).exit_code, 0);
    }
  }

  static void TearDownTestSuite() {
    std::printf(
        "%lld system calls failed or done in part and %lld allocations "
        "failed in whole commands, nothing lost\n",
        static_cast<long long>(SystemCallFaults()),
        static_cast<long long>(allocations_failed));
  }

  static void Write(const std::string& name, const std::string& contents) {
    ASSERT_THAT(WriteFileAtomically(name, contents), IsOk());
  }

  // Returns all files of the folder.
  Files Contents() const {
    Files files;
    for (const std::string& name : Names()) {
      files[name] = ReadFile(name).value_or("cannot be read");
    }
    return files;
  }

  // Commands, each with the files that it writes.
  struct Command {
    std::string line;
    std::vector<std::string> outputs;
  };
  static std::vector<Command> Commands() {
    return {
        {"graph --points=p.csv --columns=x,y --id_column=id "
         "--metric=euclidean --k=3 --threads=1 --out_indices=i.csv "
         "--out_distances=d.npy",
         {"i.csv", "d.npy"}},
        {"build --points=p.csv --columns=x,y --kernel=matern32 "
         "--lengthscale=30 --num_inducing=4 --threads=1 --index=new.rct",
         {"new.rct"}},
        {"graph --index=p.rct --k=2 --predecessor --threads=1 "
         "--out_indices=i.npy",
         {"i.npy"}},
        {"graph --index=p.rct --k=2 --threads=1 --shard=1/3 "
         "--out_part=new.rctpart",
         {"new.rctpart"}},
        {"join 1.rctpart 2.rctpart --out_indices=i.csv", {"i.csv"}},
        {"order --points=p.csv --columns=x,y --method=maxmin "
         "--out_order=o.npy",
         {"o.npy"}},
        {"unique --points=p.csv --columns=x,y --out_points=u.csv "
         "--out_inverse=v.npy",
         {"u.csv", "v.npy"}},
        {"info 1.rctpart p.rct", {}},
    };
  }

  // Runs a command with the fault that inject(number, run) makes, for numbers
  // from 0 until it returns false. The outputs exist before.
  void InjectEach(
      const Command& command,
      const std::function<bool(int64_t number,
                               const std::function<void()>& run)>& inject,
      bool must_succeed) {
    SCOPED_TRACE(command.line);
    // What the command writes, and what is made at a first call.
    ASSERT_EQ(Rct(command.line).exit_code, 0);
    const Files done = Contents();
    for (const std::string& name : command.outputs) Write(name, "as before");
    const Files before = Contents();
    bool happened = true;
    for (int64_t number = 0; happened; ++number) {
      ASSERT_LT(number, 100'000);
      CommandOutcome outcome;
      bool threw = false;
      happened = inject(number, [&] {
        try {
          outcome = Rct(command.line);
        } catch (const std::bad_alloc&) {
          threw = true;  // main says so
        }
      });
      const bool ok = !threw && outcome.exit_code == 0;
      const Files now = Contents();
      // Memory may run out while the command says what it has written.
      ASSERT_TRUE(now == (ok ? done : before) ||
                  (now == done && absl::StrContains(outcome.err, "memory")) ||
                  (now == done && threw))
          << number << ": " << outcome.exit_code << " " << outcome.err
          << Changed(before, now);
      if (!happened || must_succeed) {
        ASSERT_TRUE(ok) << outcome.err;
      }
      if (!ok && !threw) {
        ASSERT_EQ(outcome.exit_code, 1);
        ASSERT_TRUE(absl::StartsWith(outcome.err, "rct ")) << outcome.err;
      }
      if (now == done) {
        for (const std::string& name : command.outputs) {
          Write(name, "as before");
        }
      }
    }
  }
};

TEST_F(RctFaultsTest, EachSystemCall) {
  for (const Command& command : Commands()) {
    for (const int error : {ENOSPC, EIO, EINTR, 0}) {
      InjectEach(
          command,
          [&](int64_t number, const std::function<void()>& run) {
            std::string name;
            bool happened = false;
            {
              const SystemCallFault fault(number, {error});
              run();
              happened = fault.happened();
              name = fault.call();
            }
            // A name that cannot be taken away stays.
            for (const std::string& left : Names()) {
              if (name == "unlink" && absl::StartsWith(left, ".rct.")) {
                unlink(left.c_str());
              }
            }
            return happened;
          },
          /*must_succeed=*/error == EINTR || error == 0);
      if (HasFatalFailure()) return;
    }
  }
}

// But for `rct info`, which changes nothing: the formatting of Abseil, by which
// it shows numbers, ends the process where memory runs out in it.
TEST_F(RctFaultsTest, EachAllocation) {
  for (const Command& command : Commands()) {
    if (command.outputs.empty()) continue;
    for (const bool for_good : {false, true}) {
      InjectEach(
          command,
          [&](int64_t number, const std::function<void()>& run) {
            const AllocationFailure failure(number, for_good);
            run();
            allocations_failed += failure.happened() ? 1 : 0;
            return failure.happened();
          },
          /*must_succeed=*/false);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace rct
