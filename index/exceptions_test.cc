#include "index/exceptions.h"

#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "base/parallel.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::StartsWith;

template <class Call>
absl::Status Guarded(Call call) try {
  call();
  return absl::OkStatus();
} catch (...) {
  return StatusOfException("Search");
}

TEST(StatusOfExceptionTest, MemoryThatRanOut) {
  const auto out = StatusIs(absl::StatusCode::kResourceExhausted,
                            StartsWith("Search: memory ran out"));
  EXPECT_THAT(Guarded([] {}), IsOk());
  EXPECT_THAT(Guarded([] { throw std::bad_alloc(); }), out);
  EXPECT_THAT(Guarded([] { throw std::bad_array_new_length(); }), out);
  EXPECT_THAT(Guarded([] { std::vector<int>().reserve(~size_t{0}); }), out);
  EXPECT_THAT(Guarded([] {
                ParallelFor(3, 100, [](int64_t task, int) {
                  if (task == 70) throw std::bad_alloc();
                });
              }),
              out);
}

TEST(StatusOfExceptionTest, WhatTheSystemRefused) {
  EXPECT_THAT(Guarded([] {
                throw std::system_error(std::make_error_code(
                    std::errc::resource_unavailable_try_again));
              }),
              StatusIs(absl::StatusCode::kUnavailable, StartsWith("Search")));
}

TEST(StatusOfExceptionTest, OthersAreThrownOn) {
  EXPECT_THROW(static_cast<void>(Guarded([] { throw 7; })), int);
  EXPECT_THROW(static_cast<void>(Guarded([] { throw std::logic_error("x"); })),
               std::logic_error);
}

}  // namespace
}  // namespace rct
