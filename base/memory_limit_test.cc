#include "base/memory_limit.h"

#include <sys/resource.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "base/sanitizers.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int64_t kKibibyte = 1024;
constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

// A machine that is made of files.
class AvailableMemoryTest : public FolderTest {
 protected:
  void Write(const std::string& name, const std::string& contents) const {
    const std::filesystem::path path = Path(name);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << contents;
  }
  void WriteMachine(int64_t free_kib, int64_t swap_kib) const {
    Write("proc/meminfo",
          "MemTotal:       99999999 kB\nMemFree:              17 kB\n"
          "MemAvailable:   " +
              std::to_string(free_kib) +
              " kB\n"
              "SwapTotal:      99999999 kB\n"
              "SwapFree:       " +
              std::to_string(swap_kib) + " kB\n");
  }
  int64_t Available() const { return AvailableMemoryBytes(Path("")); }
};

TEST(CheckMemoryTest, Example) {
  EXPECT_THAT(CheckMemory(1e6, "10^6 bytes", "ask for less"), IsOk());
  EXPECT_THAT(CheckMemory(1e18, "10^18 bytes", "ask for less"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(StartsWith("10^18 bytes take 888 PiB, of which "),
                             EndsWith(" are to be had; ask for less"))));
}

TEST_F(AvailableMemoryTest, WhatTheMachineHasLeft) {
  WriteMachine(1000, 0);
  EXPECT_EQ(Available(), 1000 * kKibibyte);
  WriteMachine(1000, 30);
  EXPECT_EQ(Available(), 1030 * kKibibyte);
}

TEST_F(AvailableMemoryTest, WhatCannotBeReadLimitsNothing) {
  EXPECT_EQ(Available(), kUnlimited);
  Write("proc/meminfo", "nonsense\n\nMemAvailable:\nMemAvailable: x kB\n");
  Write("proc/self/statm", "1 2");
  Write("proc/self/cgroup", "nonsense\n0:\n0::\n0::x\n1:memory:\n");
  EXPECT_EQ(Available(), kUnlimited);
}

TEST_F(AvailableMemoryTest, ControlGroupsOfVersion2) {
  WriteMachine(1000, 0);
  Write("proc/self/cgroup", "0::/a/b\n");
  Write("sys/fs/cgroup/a/b/memory.max", "max\n");
  Write("sys/fs/cgroup/a/b/memory.current", "500\n");
  EXPECT_EQ(Available(), 1000 * kKibibyte);
  Write("sys/fs/cgroup/a/b/memory.max", "70000\n");
  EXPECT_EQ(Available(), 69500);
  // Of a cache that can be dropped.
  Write("sys/fs/cgroup/a/b/memory.stat", "file 400\ninactive_file 300\n");
  EXPECT_EQ(Available(), 69800);
  // Groups above limit it as well.
  Write("sys/fs/cgroup/a/memory.max", "60000\n");
  Write("sys/fs/cgroup/a/memory.current", "20000\n");
  EXPECT_EQ(Available(), 40000);
  Write("sys/fs/cgroup/a/memory.current", "60001\n");
  EXPECT_EQ(Available(), 0);
  // What is used may be swapped.
  WriteMachine(1000, 5);
  EXPECT_EQ(Available(), 5 * kKibibyte);
}

TEST_F(AvailableMemoryTest, ControlGroupsOfVersion1) {
  WriteMachine(1000, 0);
  Write("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/box\n0::/\n");
  Write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "5000\n");
  Write("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "1500\n");
  EXPECT_EQ(Available(), 3500);
  Write("sys/fs/cgroup/memory/box/memory.stat", "total_inactive_file 500\n");
  EXPECT_EQ(Available(), 4000);
  Write("proc/self/cgroup", "4:memory:/\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "7\n");
  EXPECT_EQ(Available(), 1000 * kKibibyte);
  // Named as outside of the container: the top is the container's own.
  Write("proc/self/cgroup", "4:memory:/docker/0123\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "3000\n");
  EXPECT_EQ(Available(), 2993);
}

// In a process of its own.
void Limit(int resource, rlim_t bytes) {
  const rlimit limit = {bytes, bytes};
  if (setrlimit(resource, &limit) != 0) std::exit(2);
}

TEST_F(AvailableMemoryTest, LimitsOfTheProcess) {
  if (kShadowMemory) {
    GTEST_SKIP() << "The sanitizer needs address space of its own.";
  }
  WriteMachine(int64_t{1} << 40, 0);
  // Pages: 1000 of address space, 200 of them data.
  Write("proc/self/statm", "1000 900 800 700 0 200 0\n");
  const auto expect = [&](int resource, int64_t pages, int64_t left_pages) {
    EXPECT_EXIT(
        {
          Limit(resource, pages * 4096 + (int64_t{1} << 36));
          std::exit(Available() == left_pages * 4096 + (int64_t{1} << 36) ? 0
                                                                          : 1);
        },
        testing::ExitedWithCode(0), "");
  };
  expect(RLIMIT_AS, 1500, 500);
  expect(RLIMIT_DATA, 1500, 1300);
}

TEST(CheckMemoryTest, SaysWhatIsAskedForAndWhatThereIs) {
  EXPECT_THAT(CheckMemory(0, "nothing", ""), IsOk());
  EXPECT_THAT(CheckMemory(1 << 20, "a little", ""), IsOk());
  for (const double bytes : {0x1p80, 1e300, HUGE_VAL}) {
    EXPECT_THAT(CheckMemory(bytes, "k: 5 queries", "ask for less"),
                StatusIs(absl::StatusCode::kResourceExhausted,
                         AllOf(StartsWith("k: 5 queries take "),
                               HasSubstr(" are to be had"),
                               EndsWith("; ask for less"))))
        << bytes;
  }
}

TEST(CheckMemoryTest, KnowsTheLimitOfThisProcess) {
  if (kShadowMemory) {
    GTEST_SKIP() << "The sanitizer needs address space of its own.";
  }
  ASSERT_THAT(CheckMemory(100 << 20, "100 MiB", ""), IsOk());
  EXPECT_EXIT(
      {
        Limit(RLIMIT_AS, 80 << 20);
        std::exit(CheckMemory(100 << 20, "100 MiB", "").ok() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(HumanBytesTest, TwoOrThreeDigits) {
  EXPECT_EQ(HumanBytes(0), "0 bytes");
  EXPECT_EQ(HumanBytes(7), "7 bytes");
  EXPECT_EQ(HumanBytes(999), "999 bytes");
  EXPECT_EQ(HumanBytes(1000), "1.0 KiB");
  EXPECT_EQ(HumanBytes(1024), "1.0 KiB");
  EXPECT_EQ(HumanBytes(9.94 * 1024), "9.9 KiB");
  EXPECT_EQ(HumanBytes(9.96 * 1024), "10 KiB");
  EXPECT_EQ(HumanBytes(1023.9 * 1024), "1.0 MiB");
  EXPECT_EQ(HumanBytes(160e9), "149 GiB");
  EXPECT_EQ(HumanBytes(0x1p64), "16 EiB");
  EXPECT_EQ(HumanBytes(0x1p80), "1048576 EiB");
}

}  // namespace
}  // namespace rct
