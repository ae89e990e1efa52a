#include "base/status_macros.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::Optional;
using testing::Pointee;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<int> Parse(int x) {
  if (x < 0) return absl::InvalidArgumentError("negative");
  return x;
}

template <class A, class B>
absl::StatusOr<std::pair<A, B>> MakePair(A a, B b) {
  return std::pair<A, B>(std::move(a), std::move(b));
}

TEST(ReturnIfErrorTest, GoesOnIfOk) {
  const auto run = [](const absl::Status& status) -> absl::Status {
    RCT_RETURN_IF_ERROR(status);
    return absl::AbortedError("went on");
  };
  EXPECT_THAT(run(absl::OkStatus()),
              StatusIs(absl::StatusCode::kAborted, "went on"));
  EXPECT_THAT(run(absl::InvalidArgumentError("stopped")),
              StatusIs(kInvalid, "stopped"));
}

TEST(ReturnIfErrorTest, IsOneStatementAndEvaluatesOnce) {
  int evaluations = 0;
  const auto run = [&](bool call) -> absl::StatusOr<int> {
    if (call)
      RCT_RETURN_IF_ERROR(
          (++evaluations, absl::InvalidArgumentError("called")));
    else
      return 7;
    return 8;
  };
  EXPECT_THAT(run(false), IsOkAndHolds(7));
  EXPECT_THAT(run(true), StatusIs(kInvalid, "called"));
  EXPECT_EQ(evaluations, 1);
}

TEST(AssignOrReturnTest, DeclaresAndAssigns) {
  const auto sum = [](int a, int b) -> absl::StatusOr<int> {
    RCT_ASSIGN_OR_RETURN(const int first, Parse(a));
    int second = 0;
    RCT_ASSIGN_OR_RETURN(second, Parse(b));
    return first + second;
  };
  EXPECT_THAT(sum(2, 3), IsOkAndHolds(5));
  EXPECT_THAT(sum(2, -3), StatusIs(kInvalid, "negative"));
  EXPECT_THAT(sum(-2, 3), StatusIs(kInvalid, "negative"));
}

TEST(AssignOrReturnTest, MovesTheValue) {
  const auto run = []() -> absl::StatusOr<std::unique_ptr<int>> {
    absl::StatusOr<std::unique_ptr<int>> source = std::make_unique<int>(4);
    RCT_ASSIGN_OR_RETURN(auto value, std::move(source));
    return value;
  };
  EXPECT_THAT(run(), IsOkAndHolds(Pointee(4)));
}

TEST(AssignOrReturnTest, TakesCommas) {
  const auto run = []() -> absl::StatusOr<std::vector<int>> {
    RCT_ASSIGN_OR_RETURN((auto [a, b]), MakePair<int, int>(1, 2));
    RCT_ASSIGN_OR_RETURN((const std::pair<int, int> ab), MakePair(a, b));
    std::vector<int> result(3);
    RCT_ASSIGN_OR_RETURN((result[0]), Parse(ab.first));
    RCT_ASSIGN_OR_RETURN(result[1], Parse(ab.second));
    RCT_ASSIGN_OR_RETURN(*(result.data() + 2), Parse(3));
    return result;
  };
  EXPECT_THAT(run(), IsOkAndHolds(ElementsAre(1, 2, 3)));
}

TEST(AnnotateTest, LeavesOkAlone) {
  EXPECT_THAT(Annotate(absl::OkStatus(), "kernel"), IsOk());
}

TEST(AnnotateTest, NestsFromTheOutsideIn) {
  const absl::Status inner =
      Annotate(absl::OutOfRangeError("expected > 0, found -1"), "variance");
  EXPECT_THAT(Annotate(inner, "kernel"),
              StatusIs(absl::StatusCode::kOutOfRange,
                       "kernel: variance: expected > 0, found -1"));
}

TEST(AnnotateTest, KeepsPayloads) {
  absl::Status status = absl::InvalidArgumentError("bad");
  status.SetPayload("row", absl::Cord("17"));
  EXPECT_THAT(Annotate(status, "points").GetPayload("row"),
              Optional(Eq(absl::Cord("17"))));
}

}  // namespace
}  // namespace rct
