#include "base/status_matchers.h"

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::_;
using testing::AnyOf;
using testing::Gt;
using testing::HasSubstr;
using testing::Not;
using testing::Pointee;
using testing::StringMatchResultListener;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;

template <class Matcher, class T>
std::string Explain(const Matcher& matcher, const T& value) {
  StringMatchResultListener listener;
  testing::ExplainMatchResult(matcher, value, &listener);
  return listener.str();
}

TEST(StatusMatchersTest, IsOk) {
  EXPECT_THAT(absl::OkStatus(), IsOk());
  EXPECT_THAT(absl::StatusOr<int>(3), IsOk());
  EXPECT_THAT(absl::NotFoundError("gone"), Not(IsOk()));
  EXPECT_THAT(absl::StatusOr<int>(absl::NotFoundError("gone")), Not(IsOk()));
}

TEST(StatusMatchersTest, IsOkAndHolds) {
  EXPECT_THAT(absl::StatusOr<int>(3), IsOkAndHolds(3));
  EXPECT_THAT(absl::StatusOr<int>(3), IsOkAndHolds(Gt(2)));
  EXPECT_THAT(absl::StatusOr<int>(3), Not(IsOkAndHolds(4)));
  EXPECT_THAT(absl::StatusOr<int>(absl::NotFoundError("gone")),
              Not(IsOkAndHolds(_)));
  EXPECT_THAT(absl::StatusOr<std::unique_ptr<int>>(std::make_unique<int>(3)),
              IsOkAndHolds(Pointee(3)));
}

TEST(StatusMatchersTest, StatusIs) {
  const absl::Status status = absl::NotFoundError("row 7 is gone");
  EXPECT_THAT(status, StatusIs(kNotFound));
  EXPECT_THAT(status, StatusIs(AnyOf(kInvalid, kNotFound)));
  EXPECT_THAT(status, StatusIs(kNotFound, "row 7 is gone"));
  EXPECT_THAT(status, StatusIs(kNotFound, HasSubstr("row 7")));
  EXPECT_THAT(absl::StatusOr<int>(status), StatusIs(kNotFound, _));
  EXPECT_THAT(status, Not(StatusIs(kInvalid)));
  EXPECT_THAT(status, Not(StatusIs(kInvalid, _)));
  EXPECT_THAT(status, Not(StatusIs(kNotFound, HasSubstr("row 8"))));
}

TEST(StatusMatchersTest, AFailurePrintsTheStatus) {
  const absl::StatusOr<int> error = absl::NotFoundError("gone");
  const std::string expected = "whose status is NOT_FOUND: gone";
  EXPECT_EQ(Explain(IsOk(), error), expected);
  EXPECT_EQ(Explain(IsOkAndHolds(3), error), expected);
  EXPECT_EQ(Explain(StatusIs(kInvalid), error), expected);
  EXPECT_EQ(Explain(StatusIs(kNotFound, "here"), error), expected);
}

}  // namespace
}  // namespace rct
