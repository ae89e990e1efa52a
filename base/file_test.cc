#include "base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/monitor.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class FileTest : public FolderTest {};

TEST_F(FileTest, Example) {
  ASSERT_THAT(WriteFileAtomically(Path("a.txt"), "one line\n"), IsOk());
  EXPECT_THAT(ReadFile(Path("a.txt")), IsOkAndHolds("one line\n"));
  EXPECT_THAT(ReadFile(Path("b.txt")),
              StatusIs(absl::StatusCode::kNotFound,
                       StartsWith(Path("b.txt") + ": cannot open")));
}

TEST_F(FileTest, ReadsWhatWasWritten) {
  std::string all_bytes;
  for (unsigned i = 0; i < 300000; ++i) {
    all_bytes += static_cast<char>(i * i / 7);
  }
  for (const std::string& contents : {std::string(), std::string("\0\n", 2),
                                      std::string(1 << 16, 'x'), all_bytes}) {
    ASSERT_THAT(WriteFileAtomically(Path("a"), contents), IsOk());
    EXPECT_THAT(ReadFile(Path("a")), IsOkAndHolds(contents));
    EXPECT_THAT(Names(), ElementsAre("a"));
  }
}

TEST_F(FileTest, ReadsWhatHasNoSize) {
  EXPECT_THAT(ReadFile("/proc/self/comm"), IsOkAndHolds(EndsWith("\n")));
  EXPECT_THAT(ReadFile("/dev/null"), IsOkAndHolds(""));
}

TEST_F(FileTest, BytesThatAreShared) {
  for (const std::string& contents :
       {std::string("abc"), std::string(5 << 20, 'x'), std::string()}) {
    ASSERT_THAT(WriteFileAtomically(
                    Path("a"), {contents.substr(0, 2), std::string_view(),
                                std::string_view(contents).substr(
                                    std::min<size_t>(2, contents.size()))}),
                IsOk());
    auto read = ReadFileAligned(Path("a"));
    auto mapped = MapFile(Path("a"));
    ASSERT_THAT(read.status(), IsOk());
    ASSERT_THAT(mapped.status(), IsOk());
    // The name may go, or mean another file.
    ASSERT_THAT(WriteFileAtomically(Path("a"), "other"), IsOk());
    std::filesystem::remove(Path("a"));
    EXPECT_TRUE(read->bytes == contents);
    EXPECT_TRUE(mapped->bytes == contents);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(read->bytes.data()) % 64, 0u);
  }
  for (const auto& status : {ReadFileAligned(Path("missing")).status(),
                             MapFile(Path("missing")).status()}) {
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kNotFound,
                         EndsWith("cannot open: No such file or directory")));
  }
  for (const auto& status :
       {ReadFileAligned(Path("")).status(), MapFile(Path("")).status()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                                 Path("") + ": cannot read: Is a directory"));
  }
  EXPECT_THAT(MapFile("/dev/null").status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "/dev/null: cannot map what is no regular file; read it "
                       "instead"));
}

// The other end of a pipe may come later, and say little at a time.
TEST_F(FileTest, ReadsAndWritesPipes) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_TRUE(IsStream(Path("pipe")));
  const std::string contents(300'000, 'x');  // more than a pipe holds
  for (const bool aligned : {false, true}) {
    absl::Status written;
    std::thread writer(
        [&] { written = WriteFileAtomically(Path("pipe"), contents); });
    if (aligned) {
      EXPECT_TRUE(ReadFileAligned(Path("pipe"))->bytes == contents);
    } else {
      EXPECT_TRUE(ReadFile(Path("pipe")).value() == contents);
    }
    writer.join();
    EXPECT_THAT(written, IsOk());
  }
  EXPECT_THAT(Names(), ElementsAre("pipe"));
}

TEST_F(FileTest, StreamsAreNoFilesOnADisk) {
  ASSERT_THAT(WriteFileAtomically(Path("a"), "x"), IsOk());
  for (const std::string& path : {Path("a"), Path(""), Path("missing"),
                                  Path("a") + std::string(1, '\0')}) {
    EXPECT_FALSE(IsStream(path)) << path;
  }
  for (const char* path : {"/dev/null", "/dev/stdin", "/dev/fd/0"}) {
    EXPECT_TRUE(IsStream(path)) << path;
  }
}

// What waits for another ends soon after its monitor is cancelled.
TEST_F(FileTest, CanBeCancelled) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  ASSERT_THAT(WriteFileAtomically(Path("a"), "old"), IsOk());
  const auto cancelled = StatusIs(absl::StatusCode::kCancelled);
  const auto after = [](int calls) {
    return [calls](double) mutable { return --calls > 0; };
  };
  Monitor nobody_writes(after(3)), nobody_reads(after(3)), at_once(after(0));
  EXPECT_THAT(ReadFile(Path("pipe"), &nobody_writes).status(), cancelled);
  EXPECT_THAT(WriteFileAtomically(Path("pipe"), "x", &nobody_reads), cancelled);
  EXPECT_THAT(WriteFileAtomically(Path("a"), "x", &at_once), cancelled);
  // A reader that has stopped to read.
  const int reader = open(Path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  Monitor full(after(3));
  EXPECT_THAT(
      WriteFileAtomically(Path("pipe"), std::string(300'000, 'x'), &full),
      cancelled);
  close(reader);
  EXPECT_THAT(ReadFile(Path("a")), IsOkAndHolds("old"));
  EXPECT_THAT(Names(), UnorderedElementsAre("a", "pipe"));
}

// A monitor hears how far the writing of a large file is.
TEST_F(FileTest, WritingIsWatched) {
  std::vector<double> heard;
  Monitor monitor([&heard](double done) {
    heard.push_back(done);
    return true;
  });
  ASSERT_THAT(
      WriteFileAtomically(Path("a"), std::string(1 << 20, 'x'), &monitor),
      IsOk());
  EXPECT_FALSE(heard.empty());
}

TEST_F(FileTest, ANulEndsNoPath) {
  // The name before the NUL exists, and is another file.
  ASSERT_THAT(WriteFileAtomically(Path("a"), "old"), IsOk());
  const std::string path = Path("a") + std::string("\0b", 2);
  const auto refused =
      StatusIs(absl::StatusCode::kInvalidArgument,
               Path("a") +
                   "...: the path has a NUL in it, which no file name "
                   "has");
  EXPECT_THAT(WriteFileAtomically(path, "new"), refused);
  EXPECT_THAT(WriteFilesAtomically({{path, "new"}}), refused);
  EXPECT_THAT(CheckWritable(path), refused);
  EXPECT_THAT(ReadFile(path).status(), refused);
  EXPECT_THAT(ReadFileAligned(path).status(), refused);
  EXPECT_THAT(MapFile(path).status(), refused);
  EXPECT_THAT(MakeDirectories(path), refused);
  EXPECT_THAT(WriteFileAtomically("", "x"),
              StatusIs(absl::StatusCode::kNotFound,
                       "the path is empty: No such file or directory"));
  EXPECT_THAT(ReadFile(Path("a")), IsOkAndHolds("old"));
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(FileTest, LinksStay) {
  ASSERT_THAT(MakeDirectories(Path("folder")), IsOk());
  ASSERT_THAT(WriteFileAtomically(Path("folder/target"), "old"), IsOk());
  // Relative ones count from where the link is; one points to another.
  ASSERT_EQ(symlink("folder/target", Path("first").c_str()), 0);
  ASSERT_EQ(symlink(Path("first").c_str(), Path("folder/second").c_str()), 0);
  ASSERT_EQ(symlink("new", Path("dangling").c_str()), 0);
  ASSERT_THAT(WriteFileAtomically(Path("folder/second"), "new"), IsOk());
  EXPECT_THAT(ReadFile(Path("folder/target")), IsOkAndHolds("new"));
  ASSERT_THAT(WriteFilesAtomically(
                  {{Path("dangling"), "made"}, {Path("first"), "newer"}}),
              IsOk());
  EXPECT_THAT(ReadFile(Path("new")), IsOkAndHolds("made"));
  EXPECT_THAT(ReadFile(Path("folder/target")), IsOkAndHolds("newer"));
  for (const char* link : {"first", "folder/second", "dangling"}) {
    EXPECT_TRUE(std::filesystem::is_symlink(Path(link))) << link;
  }
  ASSERT_EQ(symlink("loop", Path("loop").c_str()), 0);
  EXPECT_THAT(std::string(WriteFileAtomically(Path("loop"), "x").message()),
              EndsWith("Too many levels of symbolic links"));
  EXPECT_THAT(CheckWritable(Path("loop")), testing::Not(IsOk()));
}

TEST_F(FileTest, DevicesAreWrittenToAndStay) {
  EXPECT_THAT(WriteFileAtomically("/dev/null", "x"), IsOk());
  EXPECT_THAT(std::string(WriteFileAtomically("/dev/full", "x").message()),
              "/dev/full: cannot write: No space left on device");
  struct stat info;
  ASSERT_EQ(stat("/dev/null", &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
}

// A device that fails keeps its companions from being replaced.
TEST_F(FileTest, WhereADeviceFailsFilesAreAsTheyWere) {
  ASSERT_THAT(WriteFileAtomically(Path("a"), "old"), IsOk());
  for (const bool device_first : {true, false}) {
    std::vector<FileToWrite> files = {{Path("a"), "new"}, {"/dev/full", "x"}};
    if (device_first) std::swap(files[0], files[1]);
    EXPECT_THAT(WriteFilesAtomically(files), testing::Not(IsOk()));
    EXPECT_THAT(ReadFile(Path("a")), IsOkAndHolds("old"));
    EXPECT_THAT(Names(), ElementsAre("a"));
  }
}

// What the process has open is written to where it stands.
TEST_F(FileTest, OwnDescriptors) {
  ASSERT_THAT(WriteFileAtomically(Path("a"), "begun "), IsOk());
  const int fd = open(Path("a").c_str(), O_WRONLY | O_APPEND);
  EXPECT_THAT(WriteFileAtomically(absl::StrCat("/dev/fd/", fd), "and ended"),
              IsOk());
  close(fd);
  EXPECT_THAT(ReadFile(Path("a")), IsOkAndHolds("begun and ended"));
  EXPECT_THAT(Names(), ElementsAre("a"));
  EXPECT_THAT(ReadFile("/dev/fd/9999").status(), testing::Not(IsOk()));
}

TEST_F(FileTest, PermissionsAreHandedDown) {
  for (const mode_t mode : {0600, 0644, 0640, 0666}) {
    ASSERT_THAT(WriteFileAtomically(Path("a"), "old"), IsOk());
    ASSERT_EQ(chmod(Path("a").c_str(), mode), 0);
    for (const bool together : {false, true}) {
      ASSERT_THAT(together ? WriteFilesAtomically(
                                 {{Path("a"), "new"}, {Path("b"), "new"}})
                           : WriteFileAtomically(Path("a"), "new"),
                  IsOk());
      struct stat info;
      ASSERT_EQ(stat(Path("a").c_str(), &info), 0);
      EXPECT_EQ(info.st_mode & 07777, mode);
    }
  }
}

TEST_F(FileTest, NamesAsLongAsTheFileSystemTakes) {
  const std::string longest(255, 'o');
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(CheckWritable(Path(longest)), IsOk());
    EXPECT_THAT(WriteFileAtomically(Path(longest), "x"), IsOk());
    EXPECT_THAT(WriteFilesAtomically({{Path(longest), "y"}, {Path("a"), "z"}}),
                IsOk());
  }
  EXPECT_THAT(Names(), UnorderedElementsAre(longest, "a"));
  EXPECT_THAT(std::string(CheckWritable(Path(longest + "o")).message()),
              EndsWith("File name too long"));
}

TEST_F(FileTest, ChecksBeforeTheWork) {
  EXPECT_THAT(CheckWritable(Path("new")), IsOk());
  EXPECT_THAT(CheckWritable("/dev/null"), IsOk());
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_THAT(CheckWritable(Path("missing/a")),
              StatusIs(absl::StatusCode::kNotFound,
                       Path("missing/a") +
                           ": its folder does not exist; make it first"));
  EXPECT_THAT(CheckWritable(Path("")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       Path("") + ": is a folder; name a file"));
  EXPECT_THAT(CheckWritable("/proc/new"), testing::Not(IsOk()));
  ASSERT_THAT(WriteFileAtomically(Path("file"), "x"), IsOk());
  EXPECT_THAT(CheckWritable(Path("file/a")), testing::Not(IsOk()));
}

// Root may do anything, so that a child gives up being root.
TEST_F(FileTest, PermissionsAreObeyed) {
  ASSERT_THAT(WriteFileAtomically(Path("read_only"), "old"), IsOk());
  ASSERT_EQ(chmod(Path("read_only").c_str(), 0444), 0);
  ASSERT_THAT(MakeDirectories(Path("closed")), IsOk());
  ASSERT_EQ(chmod(Path("closed").c_str(), 0555), 0);
  ASSERT_EQ(chmod(Path("").c_str(), 0777), 0);
  const pid_t child = fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (geteuid() == 0 && setuid(kNobody) != 0) _exit(9);
    if (CheckWritable(Path("read_only")).ok()) _exit(1);
    if (WriteFileAtomically(Path("read_only"), "new").ok()) _exit(2);
    if (CheckWritable(Path("closed/a")).ok()) _exit(3);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 9) GTEST_SKIP() << "cannot become another user";
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_THAT(ReadFile(Path("read_only")), IsOkAndHolds("old"));
}

TEST_F(FileTest, NewFilesFollowTheUmask) {
  const mode_t old = umask(027);
  const absl::Status written = WriteFileAtomically(Path("a"), "x");
  umask(old);
  ASSERT_THAT(written, IsOk());
  struct stat info;
  ASSERT_EQ(stat(Path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST_F(FileTest, ReadErrorsNameFileAndReason) {
  const std::string missing = Path("missing");
  EXPECT_THAT(ReadFile(missing),
              StatusIs(absl::StatusCode::kNotFound,
                       missing + ": cannot open: No such file or directory"));
  EXPECT_THAT(ReadFile(Path("")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       Path("") + ": cannot read: Is a directory"));
}

TEST_F(FileTest, WritingCreatesNoFolders) {
  const std::string path = Path("missing/a");
  EXPECT_THAT(WriteFileAtomically(path, "x"),
              StatusIs(absl::StatusCode::kNotFound,
                       path + ": cannot create a file in its folder: No such "
                              "file or directory"));
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(FileTest, AFolderIsNotReplaced) {
  ASSERT_THAT(MakeDirectories(Path("a")), IsOk());
  EXPECT_THAT(WriteFileAtomically(Path("a"), "x"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       Path("a") + ": is a folder; name a file"));
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(FileTest, AFailedWriteKeepsTheOldFile) {
  ASSERT_THAT(WriteFileAtomically(Path("a"), "old"), IsOk());
  // No file may grow past 4096 bytes for a moment.
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status written =
      WriteFileAtomically(Path("a"), std::string(5000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);

  EXPECT_THAT(written, StatusIs(absl::StatusCode::kOutOfRange,
                                Path("a") + ": cannot write: File too large"));
  EXPECT_THAT(Names(), ElementsAre("a"));
  EXPECT_THAT(ReadFile(Path("a")), IsOkAndHolds("old"));
}

TEST_F(FileTest, SeveralFilesOrNone) {
  ASSERT_THAT(WriteFileAtomically(Path("a"), "old"), IsOk());
  EXPECT_THAT(WriteFilesAtomically({{Path("a"), "A"}, {Path("b"), "B"}}),
              IsOk());
  EXPECT_THAT(ReadFile(Path("a")), IsOkAndHolds("A"));
  EXPECT_THAT(ReadFile(Path("b")), IsOkAndHolds("B"));
  EXPECT_THAT(Names(), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(WriteFilesAtomically({}), IsOk());
}

// Whichever fails, and at whichever step.
TEST_F(FileTest, WhereOneFailsAllAreAsTheyWere) {
  ASSERT_THAT(WriteFileAtomically(Path("old"), "old"), IsOk());
  ASSERT_THAT(MakeDirectories(Path("folder/full")), IsOk());
  const std::string good[] = {Path("old"), Path("new")};
  for (const std::string& bad : {Path("folder"), Path("missing/file")}) {
    for (size_t at = 0; at <= 2; ++at) {
      std::vector<FileToWrite> files = {{good[0], "x"}, {good[1], "y"}};
      files.insert(files.begin() + at, {bad, "z"});
      const absl::Status status = WriteFilesAtomically(files);
      EXPECT_THAT(std::string(status.message()), StartsWith(bad + ": "));
      EXPECT_THAT(ReadFile(Path("old")), IsOkAndHolds("old"));
      EXPECT_THAT(Names(), UnorderedElementsAre("old", "folder")) << at;
    }
  }
}

TEST_F(FileTest, MakeDirectories) {
  EXPECT_THAT(MakeDirectories(Path("a/b/c")), IsOk());
  EXPECT_THAT(MakeDirectories(Path("a/b/c")), IsOk());
  EXPECT_THAT(MakeDirectories(Path("a/d/")), IsOk());
  EXPECT_THAT(WriteFileAtomically(Path("a/b/c/file"), "x"), IsOk());
  const std::string taken = Path("a/b/c/file/d");
  EXPECT_THAT(MakeDirectories(taken),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       taken + ": cannot create the folder: Not a directory"));
  EXPECT_THAT(MakeDirectories(Path("a/b/c/file")), testing::Not(IsOk()));
}

TEST(ResolvePathTest, RelativePathsCountFromTheCaller) {
  ASSERT_EQ(unsetenv("BUILD_WORKING_DIRECTORY"), 0);
  EXPECT_EQ(ResolvePath("a/b"), "a/b");
  ASSERT_EQ(setenv("BUILD_WORKING_DIRECTORY", "/home/user", 1), 0);
  EXPECT_EQ(ResolvePath("a/b"), "/home/user/a/b");
  EXPECT_EQ(ResolvePath("/a/b"), "/a/b");
  EXPECT_EQ(ResolvePath(""), "");
  ASSERT_EQ(unsetenv("BUILD_WORKING_DIRECTORY"), 0);
}

}  // namespace
}  // namespace rct
