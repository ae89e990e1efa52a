#include "base/gzip.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/monitor.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "zlib.h"

namespace rct {
namespace {

using testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::string Gzip(std::string_view contents) {
  z_stream stream = {};
  EXPECT_EQ(
      deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
      Z_OK);
  std::string bytes(deflateBound(&stream, contents.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(contents.data()));
  stream.avail_in = static_cast<uInt>(contents.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  return bytes;
}

// Returns text that is larger than the steps of the decoder.
std::string LongText() {
  RandomStream random(1, 1);
  std::string text;
  while (text.size() < 3'000'000) text += std::to_string(random.Uniform());
  return text;
}

TEST(GzipTest, Contents) {
  for (const std::string& text : {std::string("x,y\n1,2\n"), std::string(),
                                  std::string(5'000'000, 'a'), LongText()}) {
    EXPECT_TRUE(IsGzip(Gzip(text)));
    EXPECT_TRUE(Gunzip(Gzip(text)).value() == text);
  }
  EXPECT_FALSE(IsGzip("x,y\n"));
  EXPECT_FALSE(IsGzip(""));
}

TEST(GzipTest, SeveralMembers) {
  const auto contents = Gunzip(Gzip("x,y\n1,") + Gzip("") + Gzip("2\n"));
  EXPECT_THAT(contents, IsOkAndHolds("x,y\n1,2\n"));
}

TEST(GzipTest, CutShort) {
  const std::string bytes = Gzip("longitude,latitude\n13.41,52.52\n");
  for (size_t size = 2; size < bytes.size(); ++size) {
    EXPECT_THAT(Gunzip(bytes.substr(0, size)),
                StatusIs(kInvalid, HasSubstr("was cut short")))
        << size;
    // In its second member.
    EXPECT_THAT(Gunzip(bytes + bytes.substr(0, size)),
                StatusIs(kInvalid, HasSubstr("was cut short")));
  }
  EXPECT_THAT(Gunzip(bytes + bytes.substr(0, 1)), StatusIs(kInvalid));
}

// Apart from the header's time, flags and system, which mean nothing.
TEST(GzipTest, DamagedInAnyByte) {
  const std::string text = "longitude,latitude\n13.41,52.52\n-43.17,-22.91\n";
  const std::string bytes = Gzip(text);
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      const absl::StatusOr<std::string> contents = Gunzip(damaged);
      if (contents.ok()) {
        EXPECT_TRUE(*contents == text && i >= 3 && i < 10) << i;
      } else {
        EXPECT_THAT(contents, StatusIs(kInvalid));
      }
    }
  }
}

TEST(GzipTest, OtherBytes) {
  EXPECT_THAT(
      Gunzip("x,y\n1,2\n"),
      StatusIs(kInvalid, "is no gzip'd file; leave .gz out of its name"));
  EXPECT_THAT(Gunzip(""), StatusIs(kInvalid));
  EXPECT_THAT(Gunzip(Gzip("x\n1\n") + "2\n"),
              StatusIs(kInvalid, HasSubstr("2 bytes of something else")));
}

TEST(GzipTest, Cancelled) {
  Monitor monitor([](double) { return true; });
  monitor.Cancel();
  EXPECT_THAT(Gunzip(Gzip("x\n1\n"), &monitor),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace rct
