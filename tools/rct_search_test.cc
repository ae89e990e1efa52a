#include "tools/rct_search.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

using testing::HasSubstr;

// The program gives no wrong answers, so the comparison is tested by itself.
TEST(CompareAuditTest, SeesOneBit) {
  NeighborTable answers(5, 2);
  for (int64_t i = 0; i < 5; ++i) {
    answers.rows()(i, 0) = i;
    answers.distances()(i, 0) = 0.125 * i;
  }
  const std::vector<int64_t> queries = {1, 4};
  NeighborTable expected(2, 2);
  for (int64_t i = 0; i < 2; ++i) {
    expected.rows()(i, 0) = queries[i];
    expected.distances()(i, 0) = 0.125 * queries[i];
  }
  EXPECT_THAT(CompareAudit(answers, queries, expected), IsOk());

  expected.distances()(1, 0) = 0.5000000000000001;
  EXPECT_THAT(CompareAudit(answers, queries, expected),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("--audit: the answer differs from exhaustive "
                                 "search: ")));
  expected.distances()(1, 0) = 0.5;
  EXPECT_THAT(CompareAudit(answers, queries, expected), IsOk());
  expected.rows()(0, 0) = 2;
  EXPECT_THAT(CompareAudit(answers, queries, expected),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("query 0")));
}

}  // namespace
}  // namespace rct
