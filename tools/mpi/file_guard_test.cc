#include "tools/mpi/file_guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/types/span.h"
#include "base/file.h"
#include "base/replacement.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

class FileGuardTest : public FolderTest {
 protected:
  // Makes temporary files for files a and b, of which a exists, in a process
  // that is killed after `work`, and waits until its guard is gone as well.
  void KillAfter(
      const std::function<void(FileGuard&, absl::Span<Replacement>)>& work,
      const std::vector<std::string>& names = {"a", "b"}) {
    ASSERT_THAT(WriteFileAtomically(Path("a"), "old"), IsOk());
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      FileGuard guard;
      std::vector<Replacement> files(names.size());
      for (size_t i = 0; i < names.size(); ++i) {
        files[i].target = FindTarget(Path(names[i])).value();
        const int fd = files[i].CreateTemporary().value();
        if (write(fd, "new", 3) != 3) _exit(1);
      }
      guard.Watch(files);
      work(guard, absl::MakeSpan(files));
      kill(getpid(), SIGKILL);
    }
    close(ends[1]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    close(ends[0]);
    // The guard is nobody's child that can be waited for.
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }

  std::string Read(const std::string& name) const {
    return ReadFile(Path(name)).value_or("none");
  }
};

TEST_F(FileGuardTest, RemovesTemporaryFiles) {
  KillAfter([](FileGuard&, absl::Span<Replacement>) {});
  EXPECT_THAT(Names(), UnorderedElementsAre("a"));
  EXPECT_EQ(Read("a"), "old");
}

TEST_F(FileGuardTest, RestoresWhereOnlySomeAreRenamed) {
  for (const std::vector<std::string>& order :
       {std::vector<std::string>{"a", "b"}, {"b", "a"}}) {
    KillAfter(
        [](FileGuard& guard, absl::Span<Replacement> files) {
          guard.Renaming();
          std::vector<Replacement> both(files.begin(), files.end());
          // The second fails: it has no temporary file any more.
          unlink(files[1].temporary.c_str());
          EXPECT_FALSE(RenameAll(absl::MakeSpan(both)).ok());
        },
        order);
    EXPECT_EQ(Read("a"), "old");
    EXPECT_THAT(Names(), testing::Contains("a"));
    for (const std::string& name : Names()) {
      EXPECT_THAT(name, testing::Not(testing::HasSubstr(".rct.")));
    }
  }
}

TEST_F(FileGuardTest, LeavesWhatIsRenamed) {
  KillAfter([](FileGuard& guard, absl::Span<Replacement> files) {
    guard.Renaming();
    if (!RenameAll(files).ok()) _exit(1);
    guard.Renamed();
  });
  EXPECT_THAT(Names(), UnorderedElementsAre("a", "b"));
  EXPECT_EQ(Read("a"), "new");
  EXPECT_EQ(Read("b"), "new");
}

TEST_F(FileGuardTest, ASingleFileIsOldOrNew) {
  KillAfter([](FileGuard& guard, absl::Span<Replacement>) { guard.Renaming(); },
            {"a"});
  EXPECT_THAT(Names(), UnorderedElementsAre("a"));
  EXPECT_EQ(Read("a"), "old");
  KillAfter(
      [](FileGuard& guard, absl::Span<Replacement> files) {
        guard.Renaming();
        if (!RenameAll(files).ok()) _exit(1);
      },
      {"a"});
  EXPECT_THAT(Names(), UnorderedElementsAre("a"));
  EXPECT_EQ(Read("a"), "new");
}

TEST_F(FileGuardTest, EndsWithItsParent) {
  {
    FileGuard guard;
    Replacement file;
    file.target = FindTarget(Path("a")).value();
    close(file.CreateTemporary().value());
    guard.Watch({&file, 1});
    guard.End();
    EXPECT_THAT(Names(), IsEmpty());
  }
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // no child
}

}  // namespace
}  // namespace rct
