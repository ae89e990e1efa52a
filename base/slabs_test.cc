#include "base/slabs.h"

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

// Arrays of many sizes keep what was written to them, whatever was cut off
// after them and wherever the slabs have moved.
void ExpectApart(int64_t expected, absl::Span<const int64_t> sizes) {
  Slabs slabs(expected);
  std::vector<absl::Span<uint8_t>> arrays;
  for (const int64_t size : sizes) {
    arrays.push_back(slabs.Allocate<uint8_t>(size));
    ASSERT_EQ(static_cast<int64_t>(arrays.back().size()), size);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(arrays.back().data()) % 32, 0);
    std::memset(arrays.back().data(), static_cast<int>(arrays.size() % 251),
                size);
  }
  const Slabs moved = std::move(slabs);
  for (size_t i = 0; i < arrays.size(); ++i) {
    for (const uint8_t x : arrays[i]) ASSERT_EQ(x, (i + 1) % 251);
  }
}

TEST(SlabsTest, ArraysAreApart) {
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < 300; ++i) sizes.push_back(i * i % 7919);
  for (const int64_t expected : {0, 100'000, 1'000'000'000}) {
    ExpectApart(expected, sizes);
  }
}

TEST(SlabsTest, AnArrayMayBeLargerThanASlab) {
  ExpectApart(0, {100, 5'000'000, 1, 0, 3'000'000, 64});
}

TEST(SlabsTest, ElementsOfOtherTypes) {
  Slabs slabs(0);
  const absl::Span<double> first = slabs.Allocate<double>(3);
  const absl::Span<uint16_t> second = slabs.Allocate<uint16_t>(5);
  first[2] = 1.5;
  second[0] = 7;
  EXPECT_EQ(first[2], 1.5);
  EXPECT_EQ(second[0], 7);
  for (const double x : slabs.Filled(9, 2.5)) EXPECT_EQ(x, 2.5);
}

}  // namespace
}  // namespace rct
