// Matchers for absl::Status and absl::StatusOr<T> in tests.
//
//     EXPECT_THAT(WriteNpy(path, view), IsOk());
//     EXPECT_THAT(ReadNpyVector(path), IsOkAndHolds(ElementsAre(1.0, 2.0)));
//     EXPECT_THAT(ReadNpyVector(path),
//                 StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
//
// Each matcher takes a status, or a StatusOr where that makes sense; code and
// message may be values or matchers. A failure prints the status.

#ifndef RCT_BASE_STATUS_MATCHERS_H_
#define RCT_BASE_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace rct {

namespace internal_status_matchers {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}

template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

}  // namespace internal_status_matchers

// Matches a status that is OK, whatever it holds.
MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  *result_listener << "whose status is "
                   << internal_status_matchers::StatusOf(arg);
  return arg.ok();
}

// Matches a StatusOr that is OK and whose value matches.
MATCHER_P(IsOkAndHolds, value_matcher,
          negation ? "is not OK or holds another value"
                   : "is OK and holds the value") {
  if (!arg.ok()) {
    *result_listener << "whose status is " << arg.status();
    return false;
  }
  return testing::ExplainMatchResult(value_matcher, *arg, result_listener);
}

// Matches a status with this code.
MATCHER_P(StatusIs, code_matcher,
          negation ? "has another status code" : "has the status code") {
  const absl::Status& status = internal_status_matchers::StatusOf(arg);
  *result_listener << "whose status is " << status;
  return testing::Matches(code_matcher)(status.code());
}

// Matches a status with this code whose message matches.
MATCHER_P2(StatusIs, code_matcher, message_matcher,
           negation ? "has another status code or message"
                    : "has the status code and message") {
  const absl::Status& status = internal_status_matchers::StatusOf(arg);
  *result_listener << "whose status is " << status;
  const std::string message(status.message());
  return testing::Matches(code_matcher)(status.code()) &&
         testing::Matches(message_matcher)(message);
}

}  // namespace rct

#endif  // RCT_BASE_STATUS_MATCHERS_H_
