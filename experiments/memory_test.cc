#include "experiments/memory.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "gtest/gtest.h"

namespace rct {
namespace {

constexpr int64_t kBytes = 64 << 20;
// The memory that the process may allocate or free in between.
constexpr int64_t kSlack = 8 << 20;

// Makes kBytes resident for a moment, without an allocator that would keep
// them.
void TouchMemory() {
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  memset(memory, 1, kBytes);
  ASSERT_EQ(munmap(memory, kBytes), 0);
}

TEST(MemoryTest, ThePeakOutlivesTheMemory) {
  ResetPeakResidentBytes();
  const int64_t before = PeakResidentBytes();
  ASSERT_GT(before, 0);
  TouchMemory();
  EXPECT_GE(PeakResidentBytes(), before + kBytes - kSlack);
}

TEST(MemoryTest, AResetStartsFromWhatIsResident) {
  const int fd = open("/proc/self/clear_refs", O_WRONLY);
  if (fd < 0) GTEST_SKIP() << "this kernel allows no reset";
  close(fd);
  TouchMemory();
  const int64_t peak = PeakResidentBytes();
  ResetPeakResidentBytes();
  EXPECT_LE(PeakResidentBytes(), peak - kBytes + kSlack);
}

}  // namespace
}  // namespace rct
