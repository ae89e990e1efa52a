#include "experiments/paths.h"

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "gtest/gtest.h"

namespace rct {
namespace {

// Sets the variables by which Bazel tells a program its folders.
class PathsTest : public testing::Test {
 protected:
  PathsTest() {
    const char* tests = getenv("TEST_SRCDIR");
    if (tests != nullptr) tests_ = tests;
    unsetenv("BUILD_WORKING_DIRECTORY");
    unsetenv("BUILD_WORKSPACE_DIRECTORY");
  }
  ~PathsTest() override {
    setenv("TEST_SRCDIR", tests_.c_str(), 1);
    unsetenv("BUILD_WORKING_DIRECTORY");
    unsetenv("BUILD_WORKSPACE_DIRECTORY");
  }

  std::string tests_;
};

TEST_F(PathsTest, TheCallersPathsAreAsInResolvePath) {
  EXPECT_EQ(ResolveProjectPath("a/b"), "a/b");
  setenv("BUILD_WORKING_DIRECTORY", "/home/user", 1);
  EXPECT_EQ(ResolveProjectPath("a/b"), "/home/user/a/b");
  EXPECT_EQ(ResolveProjectPath("/a//b"), "/a//b");
  EXPECT_EQ(ResolveProjectPath(""), "");
}

TEST_F(PathsTest, ProjectFilesDoNotDependOnTheCaller) {
  setenv("BUILD_WORKING_DIRECTORY", "/home/user", 1);
  setenv("BUILD_WORKSPACE_DIRECTORY", "/home/user/project", 1);
  const std::string path =
      ResolveProjectPath("//experiments/configs/gold.textproto");
  EXPECT_EQ(path, tests_ + "/rct/experiments/configs/gold.textproto");
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(PathsTest, BazelRunStartsInTheFolderOfProjectFiles) {
  unsetenv("TEST_SRCDIR");
  setenv("BUILD_WORKSPACE_DIRECTORY", "/home/user/project", 1);
  EXPECT_EQ(ResolveProjectPath("//a/b"),
            std::filesystem::current_path().string() + "/a/b");
}

}  // namespace
}  // namespace rct
