#include "base/aligned_buffer.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/sanitizers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr size_t kHugePage = size_t{1} << 21;

size_t MisalignedBy(const void* data, size_t alignment) {
  return reinterpret_cast<uintptr_t>(data) % alignment;
}

TEST(AlignedBufferTest, Example) {
  AlignedBuffer<double> buffer(3);
  std::iota(buffer.begin(), buffer.end(), 1.0);
  EXPECT_THAT(buffer.span(), ElementsAre(1, 2, 3));
  const AlignedBuffer<double> moved = std::move(buffer);
  EXPECT_EQ(moved[2], 3);
}

TEST(AlignedBufferTest, EmptyOwnsNothing) {
  EXPECT_EQ(AlignedBuffer<double>().data(), nullptr);
  const AlignedBuffer<double> none(0);
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_EQ(none.size(), 0u);
  EXPECT_EQ(none.begin(), none.end());
  EXPECT_TRUE(none.span().empty());
}

TEST(AlignedBufferTest, StartsOnACacheLine) {
  for (size_t size = 1; size < 200; ++size) {
    const AlignedBuffer<char> buffer(size);
    EXPECT_EQ(MisalignedBy(buffer.data(), 64), 0u);
  }
}

TEST(AlignedBufferTest, LargeOnesStartOnAHugePage) {
  for (const size_t size :
       {kHugePage - 1, kHugePage, 3 * kHugePage + 1, 3 * kHugePage - 1}) {
    AlignedBuffer<char> buffer(size);
    EXPECT_EQ(MisalignedBy(buffer.data(), size < kHugePage ? 64 : kHugePage),
              0u);
    buffer[0] = 'a';
    buffer[size - 1] = 'z';
    EXPECT_EQ(buffer[0], 'a');
    EXPECT_EQ(buffer[size - 1], 'z');
  }
}

TEST(AlignedBufferTest, AllWaysIn) {
  AlignedBuffer<int> buffer(4);
  std::iota(buffer.begin(), buffer.end(), 10);
  buffer[1] = 7;
  buffer.span()[2] = 8;
  const AlignedBuffer<int>& read = buffer;
  EXPECT_THAT(read.span(), ElementsAre(10, 7, 8, 13));
  EXPECT_EQ(read[3], 13);
  EXPECT_EQ(read.end() - read.begin(), 4);
}

TEST(AlignedBufferTest, MovesLeaveEmpty) {
  AlignedBuffer<int> first(3);
  for (int& x : first) x = 5;
  const int* const data = first.data();

  AlignedBuffer<int> second(std::move(first));
  EXPECT_EQ(second.data(), data);
  EXPECT_EQ(first.data(), nullptr);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(first.size(), 0u);

  AlignedBuffer<int> third(8);
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_THAT(third.span(), Each(5));
  EXPECT_EQ(second.size(), 0u);  // NOLINT(bugprone-use-after-move)

  AlignedBuffer<int>& same = third;
  third = std::move(same);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.size(), 3u);
}

TEST(AlignedBufferTest, BorrowedMemoryStaysWithItsOwner) {
  const auto owner = std::make_shared<AlignedBuffer<int>>(3);
  std::iota(owner->begin(), owner->end(), 1);
  const int* const data = owner->data();
  AlignedBuffer<int> third(2);
  {
    AlignedBuffer<int> first = AlignedBuffer<int>::Borrow(owner->span(), owner);
    EXPECT_EQ(first.data(), data);
    EXPECT_EQ(owner.use_count(), 2);
    AlignedBuffer<int> second(std::move(first));
    EXPECT_EQ(first.size(), 0u);  // NOLINT(bugprone-use-after-move)
    third = std::move(second);
  }
  EXPECT_EQ(owner.use_count(), 2);
  EXPECT_THAT(third.span(), ElementsAre(1, 2, 3));
  third = AlignedBuffer<int>(1);
  EXPECT_EQ(owner.use_count(), 1);
}

TEST(AlignedBufferTest, SharedMemoryOutlivesItsFirstOwner) {
  for (const size_t size : {size_t{3}, size_t{1} << 20}) {
    AlignedBuffer<int> third;
    {
      AlignedBuffer<int> first(size);
      std::iota(first.begin(), first.end(), 1);
      const AlignedBuffer<int> second = first.Share();
      EXPECT_EQ(second.data(), first.data());
      third = second.Share();
    }
    EXPECT_EQ(third.size(), size);
    EXPECT_EQ(third[size - 1], static_cast<int>(size));
  }
  EXPECT_EQ(AlignedBuffer<int>().Share().size(), 0u);
}

TEST(AlignedBufferTest, TooMuchIsBadAlloc) {
  constexpr size_t kMax = std::numeric_limits<size_t>::max();
  EXPECT_THROW(AlignedBuffer<double>{kMax}, std::bad_alloc);
  EXPECT_THROW(AlignedBuffer<double>{kMax / 8 + 2}, std::bad_alloc);
  if (kWatchesMemory) GTEST_SKIP() << "the sanitizer ends the program";
  EXPECT_THROW(AlignedBuffer<char>{kMax / 2}, std::bad_alloc);
  EXPECT_THROW(AlignedBuffer<char>{kMax / 2 - kHugePage}, std::bad_alloc);
  EXPECT_THROW(AlignedBuffer<char>{kMax / 4}, std::bad_alloc);
}

// Returns the pages that the process holds.
int64_t ResidentPages() {
  int64_t size = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident;
}

// The memory of large buffers goes back to the system as soon as they end,
// whatever was allocated meanwhile.
TEST(AlignedBufferTest, LargeOnesGiveTheirMemoryBack) {
  if (kWatchesMemory) GTEST_SKIP() << "the sanitizer keeps freed memory";
  constexpr size_t kSize = 5 * kHugePage / 2;
  const int64_t before = ResidentPages();
  for (int round = 0; round < 20; ++round) {
    AlignedBuffer<char> buffers[4];
    std::vector<std::unique_ptr<char[]>> others;
    for (AlignedBuffer<char>& buffer : buffers) {
      buffer = AlignedBuffer<char>(kSize + round * 4096);
      std::fill(buffer.begin(), buffer.end(), 'a');
      others.push_back(std::make_unique<char[]>(1000));
    }
  }
  const int64_t page = sysconf(_SC_PAGESIZE);
  EXPECT_LE((ResidentPages() - before) * page, int64_t{kHugePage});
}

}  // namespace
}  // namespace rct
