// Makes each system call of a call fail once. Files that are replaced must be
// the old ones or whole new ones, a call that returns an error must leave
// nothing behind, and what is only interrupted or done in part must succeed.

#include <errno.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "base/file.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "base/test_system_calls.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

int64_t OpenFiles() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       std::filesystem::directory_iterator());
}

class FileFaultsTest : public FolderTest {
 protected:
  static void TearDownTestSuite() {
    std::printf("%lld system calls failed or done in part, nothing lost\n",
                static_cast<long long>(SystemCallFaults()));
  }

  // Returns the names of temporary files.
  std::vector<std::string> Temporaries() const {
    std::vector<std::string> names;
    for (const std::string& name : Names()) {
      if (absl::StartsWith(name, ".rct.")) names.push_back(name);
    }
    return names;
  }

  // Runs `prepare` and then `call` with the fault at its first system call, its
  // second, and so on until none is left. Each time `examine` is told the
  // result.
  void InjectEach(Fault fault, const std::function<void()>& prepare,
                  const std::function<absl::Status()>& call,
                  const std::function<void(const absl::Status&)>& examine) {
    bool happened = true;
    for (int64_t number = 0; happened; ++number) {
      ASSERT_LT(number, 10'000);
      prepare();
      const int64_t open_files = OpenFiles();
      absl::Status status;
      std::string name;
      {
        const SystemCallFault injected(number, fault);
        status = call();
        happened = injected.happened();
        name = injected.call();
      }
      SCOPED_TRACE(name + ": " + status.ToString());
      EXPECT_EQ(OpenFiles(), open_files);
      if (fault.error == 0 || fault.error == EINTR || !happened) {
        EXPECT_THAT(status, IsOk());
      }
      // A name that cannot be taken away stays.
      if (name != "unlink" && !fault.for_good) {
        EXPECT_THAT(Temporaries(), testing::IsEmpty());
      }
      examine(status);
      for (const std::string& left : Temporaries()) {
        std::filesystem::remove(Path(left));
      }
      if (HasFailure()) return;
    }
  }
};

constexpr Fault kFaults[] = {{ENOSPC},
                             {EIO},
                             {EDQUOT},
                             {EINTR},
                             {.error = 0},
                             {EIO, /*for_good=*/true},
                             {.error = 0, .for_good = true}};

TEST_F(FileFaultsTest, AFileThatIsReplaced) {
  const std::string contents(300, 'n');
  for (const Fault& fault : kFaults) {
    InjectEach(
        fault,
        [&] { ASSERT_THAT(WriteFileAtomically(Path("a"), "old"), IsOk()); },
        [&] {
          return WriteFileAtomically(Path("a"), {contents, "end"});
        },
        [&](const absl::Status& status) {
          EXPECT_THAT(ReadFile(Path("a")),
                      IsOkAndHolds(status.ok() ? contents + "end" : "old"));
        });
  }
}

TEST_F(FileFaultsTest, AFileThatIsNew) {
  for (const Fault& fault : kFaults) {
    InjectEach(
        fault, [&] { std::filesystem::remove(Path("a")); },
        [&] { return WriteFileAtomically(Path("a"), "new"); },
        [&](const absl::Status& status) {
          EXPECT_EQ(std::filesystem::exists(Path("a")), status.ok());
          if (status.ok()) {
            EXPECT_THAT(ReadFile(Path("a")), IsOkAndHolds("new"));
          }
        });
  }
}

TEST_F(FileFaultsTest, FilesThatBelongTogether) {
  const auto prepare = [&] {
    ASSERT_THAT(WriteFileAtomically(Path("a"), "old"), IsOk());
    ASSERT_THAT(WriteFileAtomically(Path("b"), "old"), IsOk());
    std::filesystem::remove(Path("c"));
  };
  const auto call = [&] {
    return WriteFilesAtomically(
        {{Path("a"), "new"}, {Path("c"), "new"}, {Path("b"), "new"}});
  };
  for (const Fault& fault : kFaults) {
    InjectEach(fault, prepare, call, [&](const absl::Status& status) {
      const auto a = ReadFile(Path("a")), b = ReadFile(Path("b"));
      if (fault.for_good && fault.error != 0) {
        // A disk that is gone cannot be put in order, but no file is in halves.
        EXPECT_TRUE(a.ok() && (*a == "old" || *a == "new"));
        EXPECT_TRUE(b.ok() && (*b == "old" || *b == "new"));
        return;
      }
      EXPECT_THAT(a, IsOkAndHolds(status.ok() ? "new" : "old"));
      EXPECT_THAT(b, IsOkAndHolds(status.ok() ? "new" : "old"));
      EXPECT_EQ(std::filesystem::exists(Path("c")), status.ok());
    });
  }
}

TEST_F(FileFaultsTest, Reading) {
  const std::string contents(300, 'x');
  const std::function<absl::StatusOr<std::string>()> calls[] = {
      [&] { return ReadFile(Path("a")); },
      [&]() -> absl::StatusOr<std::string> {
        const auto read = ReadFileAligned(Path("a"));
        return read.ok() ? absl::StatusOr<std::string>(read->bytes)
                         : read.status();
      },
      [&]() -> absl::StatusOr<std::string> {
        const auto mapped = MapFile(Path("a"));
        return mapped.ok() ? absl::StatusOr<std::string>(mapped->bytes)
                           : mapped.status();
      }};
  ASSERT_THAT(WriteFileAtomically(Path("a"), contents), IsOk());
  for (const auto& call : calls) {
    for (const Fault& fault : kFaults) {
      absl::StatusOr<std::string> result;
      InjectEach(
          fault, [] {},
          [&] {
            result = call();
            return result.status();
          },
          [&](const absl::Status& status) {
            if (status.ok()) {
              EXPECT_THAT(result, IsOkAndHolds(contents));
            }
          });
    }
  }
}

TEST_F(FileFaultsTest, Checking) {
  for (const Fault& fault : kFaults) {
    InjectEach(
        fault, [] {}, [&] { return CheckWritable(Path("a")); },
        [&](const absl::Status&) {
          EXPECT_FALSE(std::filesystem::exists(Path("a")));
        });
  }
}

}  // namespace
}  // namespace rct
