#include "base/fvecs.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

template <class T>
std::string Bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string Vector(int32_t dim, const std::vector<float>& values) {
  std::string bytes = Bytes(dim);
  for (const float value : values) bytes += Bytes(value);
  return bytes;
}

TEST(FvecsTest, Vectors) {
  const absl::StatusOr<Matrix<double>> vectors =
      ParseFvecs(Vector(3, {1, -2, 0.1f}) + Vector(3, {4, 5, 6}));
  ASSERT_THAT(vectors, IsOk());
  ASSERT_EQ(vectors->rows(), 2);
  ASSERT_EQ(vectors->cols(), 3);
  EXPECT_EQ((*vectors)(0, 1), -2);
  EXPECT_EQ((*vectors)(0, 2), static_cast<double>(0.1f));
  EXPECT_EQ((*vectors)(1, 0), 4);
}

TEST(FvecsTest, TruncatedAtEveryByte) {
  const std::string bytes = Vector(2, {1, 2}) + Vector(2, {3, 4});
  for (size_t size = 0; size < bytes.size(); ++size) {
    // Whole vectors are a file of their own.
    EXPECT_EQ(ParseFvecs(bytes.substr(0, size)).ok(), size == 12) << size;
  }
  EXPECT_THAT(
      ParseFvecs(""),
      StatusIs(kInvalid, "is empty; a file of vectors has at least one"));
  EXPECT_THAT(
      ParseFvecs(bytes.substr(0, 23)),
      StatusIs(kInvalid, "truncated: ends, after 23 bytes, within vector 1"));
  EXPECT_THAT(
      ParseFvecs(bytes.substr(0, 3)),
      StatusIs(kInvalid, "truncated: ends, after 3 bytes, within vector 0"));
}

TEST(FvecsTest, BadDimensions) {
  EXPECT_THAT(ParseFvecs(Vector(2, {1, 2}) + Vector(1, {1, 2})),
              StatusIs(kInvalid,
                       "vector 1: has dimension 1, those before it "
                       "have 2"));
  for (const int32_t dim : {0, -1, (1 << 20) + 1}) {
    EXPECT_THAT(ParseFvecs(Vector(dim, {1, 2})),
                StatusIs(kInvalid, HasSubstr("not a .fvecs file")));
  }
  EXPECT_THAT(ParseFvecs("\x93NUMPY and so on"),
              StatusIs(kInvalid, HasSubstr("not a .fvecs file")));
  // Allocates nothing for a promise.
  EXPECT_THAT(ParseFvecs(Vector(1 << 20, {1})),
              StatusIs(kInvalid, HasSubstr("truncated")));
}

TEST(FvecsTest, Files) {
  const std::string path = testing::TempDir() + "/fvecs_test.fvecs";
  ASSERT_THAT(WriteFileAtomically(path, Vector(1, {7})), IsOk());
  EXPECT_THAT(ReadFvecs(path), IsOk());
  ASSERT_THAT(WriteFileAtomically(path, ""), IsOk());
  EXPECT_THAT(
      ReadFvecs(path),
      StatusIs(kInvalid,
               path + ": is empty; a file of vectors has at least one"));
  EXPECT_THAT(ReadFvecs(path + ".missing"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace rct
