#include "base/packing.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;

TEST(PackingTest, ReadsWhatWasPacked) {
  const std::vector<double> values = {1.5, -2, 1e300};
  std::string bytes;
  Pack('x', bytes);
  Pack(int64_t{1} << 40, bytes);
  Pack(absl::MakeConstSpan(values), bytes);
  Pack(absl::Span<const float>(), bytes);
  EXPECT_EQ(bytes.size(), 1 + 8 + 3 * 8);

  Unpacker unpacker(bytes);
  EXPECT_FALSE(unpacker.done());
  EXPECT_EQ(unpacker.Value<char>(), 'x');
  EXPECT_EQ(unpacker.Value<int64_t>(), int64_t{1} << 40);
  std::vector<double> read(3);
  unpacker.Read(3, read.data());
  EXPECT_THAT(read, ElementsAre(1.5, -2, 1e300));
  unpacker.Read(0, read.data());
  EXPECT_TRUE(unpacker.done());
}

TEST(PackingDeathTest, ReadingTooMuchIsAMistake) {
  std::string bytes;
  Pack(int32_t{1}, bytes);
  Unpacker unpacker(bytes);
  EXPECT_DEATH(unpacker.Value<int64_t>(), "check failed");
}

}  // namespace
}  // namespace rct
