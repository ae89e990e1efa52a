#include "base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class FileTest : public FolderTest {};

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
  for (const auto& open : {ReadFileAligned, MapFile}) {
    EXPECT_THAT(open(Path("missing")),
                StatusIs(absl::StatusCode::kNotFound,
                         EndsWith("cannot open: No such file or directory")));
    EXPECT_THAT(open(Path("")),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         Path("") + ": cannot read: Is no regular file"));
  }
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
                       path + ": cannot create: No such file or directory"));
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(FileTest, AFailedRenameLeavesNothingBehind) {
  ASSERT_THAT(MakeDirectories(Path("a")), IsOk());
  EXPECT_THAT(WriteFileAtomically(Path("a"), "x"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(StartsWith(Path("a") + ": cannot rename"),
                             EndsWith("Is a directory"))));
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
      EXPECT_THAT(std::string(status.message()), StartsWith(bad + ": cannot "));
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
