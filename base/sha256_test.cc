#include "base/sha256.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

// The examples of FIPS 180-4's supplement, and the digest of nothing.
constexpr char kOfNothing[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kOfAbc[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kOfMillionA[] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256Test, KnownAnswers) {
  EXPECT_EQ(Sha256Hex(""), kOfNothing);
  EXPECT_EQ(Sha256Hex("abc"), kOfAbc);
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')), kOfMillionA);
}

TEST(Sha256Test, PiecesDoNotCount) {
  Sha256 sha256;
  sha256.Update("a");
  sha256.Update("");
  sha256.Update("bc", 2);
  EXPECT_EQ(sha256.HexDigest(), kOfAbc);
}

TEST(Sha256Test, GoesOnAfterADigest) {
  Sha256 sha256;
  EXPECT_EQ(sha256.HexDigest(), kOfNothing);
  EXPECT_EQ(sha256.HexDigest(), kOfNothing);
  sha256.Update("abc");
  EXPECT_EQ(sha256.HexDigest(), kOfAbc);
}

TEST(Sha256Test, NumbersAreLittleEndianBytes) {
  const std::vector<int32_t> values = {0x636261, -1};
  Sha256 sha256;
  sha256.UpdateSpan<int32_t>(values);
  EXPECT_EQ(sha256.HexDigest(),
            Sha256Hex(std::string("abc\0\xff\xff\xff\xff", 8)));
  sha256.UpdateSpan(absl::Span<const double>());
  EXPECT_EQ(sha256.HexDigest(),
            Sha256Hex(std::string("abc\0\xff\xff\xff\xff", 8)));
}

}  // namespace
}  // namespace rct
