// What happens to indexes when their files change under them, and when the
// process is doubled.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/sanitizers.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "metric/test_data.h"
#include "traversal/neighbor_table.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int64_t kRows = 3000;

class MappedIndexTest : public FolderTest {
 protected:
  MappedIndexTest() : path_(Path("index")) {
    IndexOptions options;
    options.mutable_residual()->mutable_kernel()->set_family(KernelConfig::RBF);
    options.mutable_residual()->mutable_inducing()->mutable_random()->set_count(
        16);
    const auto index =
        ResidualIndex::Build(MakePoints("normal", kRows, 2, 1).view(), options);
    EXPECT_THAT(index.status(), IsOk());
    EXPECT_THAT(index->Save(path_), IsOk());
    contents_ = ReadFile(path_).value();
    digest_ = Digest(*index);
  }

  static std::string Digest(const ResidualIndex& index) {
    return index.Graph({.k = 5, .threads = 2}).value().neighbors.Digest();
  }

  // Changes the file in place.
  void Overwrite(const std::string& contents) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << contents;
  }

  const std::string path_;
  std::string contents_;
  std::string digest_;
};

// An index that was read has all that it needs.
TEST_F(MappedIndexTest, WhatWasReadDoesNotNeedItsFile) {
  const auto index = ResidualIndex::Load(path_);
  ASSERT_THAT(index.status(), IsOk());
  ASSERT_EQ(truncate(path_.c_str(), 100), 0);
  EXPECT_EQ(Digest(*index), digest_);
  Overwrite(std::string(contents_.size(), 'x'));
  EXPECT_EQ(Digest(*index), digest_);
}

TEST_F(MappedIndexTest, AFileThatChangedBeforeIsRefused) {
  for (const bool map : {false, true}) {
    std::string changed = contents_;
    changed[contents_.size() / 2] ^= 1;
    Overwrite(changed);
    EXPECT_THAT(ResidualIndex::Load(path_, {.map = map}).status(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         testing::HasSubstr("damaged")));
    Overwrite(contents_.substr(0, contents_.size() / 2));
    EXPECT_THAT(ResidualIndex::Load(path_, {.map = map}).status(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         testing::HasSubstr("truncated")));
  }
}

// To replace a file is no change of the one that is mapped.
TEST_F(MappedIndexTest, AFileThatIsReplacedStaysMapped) {
  const auto index = ResidualIndex::Load(path_, {.map = true});
  ASSERT_THAT(index.status(), IsOk());
  ASSERT_THAT(WriteFileAtomically(path_, "other"), IsOk());
  EXPECT_EQ(Digest(*index), digest_);
}

// As the header says: touching what was cut off ends the process.
TEST_F(MappedIndexTest, AFileThatIsCutShortEndsTheProcess) {
  if (kShadowMemory) {
    GTEST_SKIP() << "The sanitizer handles the signal itself.";
  }
  EXPECT_EXIT(
      {
        const auto index = ResidualIndex::Load(path_, {.map = true});
        if (!index.ok() || truncate(path_.c_str(), 4096) != 0) std::exit(1);
        Digest(*index);
        std::exit(0);
      },
      testing::KilledBySignal(SIGBUS), "");
}

// Calls start their threads and end them, so that a child of a process with
// threads that search can search as well, once no call makes tables for later
// ones.
TEST_F(MappedIndexTest, AChildOfAProcessWithThreadsSearches) {
  if (kShadowMemory) {
    GTEST_SKIP() << "The thread sanitizer starts no threads after a fork, and "
                    "the address sanitizer may leave its allocator locked.";
  }
  const auto index = ResidualIndex::Load(path_);
  ASSERT_THAT(index.status(), IsOk());
  for (int calls = 0; !index->settled(); ++calls) {
    ASSERT_LT(calls, 50);
    EXPECT_EQ(Digest(*index), digest_);
  }
  std::atomic<bool> done = false;
  std::vector<std::thread> searching;
  for (int i = 0; i < 2; ++i) {
    searching.emplace_back([&] {
      while (!done) EXPECT_EQ(Digest(*index), digest_);
    });
  }
  for (int round = 0; round < 5; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      _exit(Digest(*index) == digest_ ? 0 : 1);
    }
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  done = true;
  for (std::thread& thread : searching) thread.join();
}

}  // namespace
}  // namespace rct
