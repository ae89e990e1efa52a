#include "experiments/growth.h"

#include <optional>

#include "experiments/record.pb.h"
#include "experiments/test_data.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

// Queries are all rows; the workload in the middle is the largest.
constexpr char kRecord[] = R"pb(
  deterministic {
    workload {
      name: "a"
      num_points: 100
      dimension: 3
      num_inducing: 16
      num_queries: 100
      case {
        name: "block"
        k: 5
        counters { distance_evaluations: 700 }
        build_distance_evaluations: 300
        build_bytes: 6400
        verdict { gate: "EXACT" pass: true }
      }
    }
    workload {
      name: "b"
      num_points: 400
      dimension: 3
      num_inducing: 8
      num_queries: 400
      case {
        name: "block"
        k: 5
        verdict { gate: "EXACT" pass: false }
      }
    }
    workload {
      name: "c"
      num_points: 200
      dimension: 3
      num_inducing: 16
      num_queries: 200
      case { name: "block" k: 5 }
    }
  }
  measured {
    workload {
      name: "a"
      factor_seconds: [ 1e-4, 5e-4, 2e-4 ]
      case {
        name: "block"
        index_seconds: [ 3e-4, 1e-4, 9e-4 ]
        search_seconds: [ 6e-4, 7e-4, 4e-4 ]
      }
    }
    workload {
      name: "b"
      factor_seconds: [ 1, 1, 1 ]
      case {
        name: "block"
        index_seconds: [ 1, 1, 1 ]
        search_seconds: [ 1, 1, 1 ]
      }
    }
    workload {
      name: "c"
      case { name: "block" }
    }
  }
)pb";

class GrowthTest : public testing::Test {
 protected:
  RunRecord::Deterministic::Workload& Known(int w) {
    return *record_.mutable_deterministic()->mutable_workload(w);
  }
  std::optional<Growth> Found() const { return GrowthOf(record_); }

  RunRecord record_ = ParseText<RunRecord>(kRecord);
};

TEST_F(GrowthTest, WorkloadsAreInOrderOfTheirSize) {
  const Growth growth = Found().value();
  EXPECT_TRUE(growth.of_points);
  ASSERT_EQ(growth.cases.size(), 1u);
  ASSERT_EQ(growth.cases[0].size(), 3u);
  EXPECT_EQ(growth.cases[0][0].workload, "a");
  EXPECT_EQ(growth.cases[0][1].workload, "c");
  EXPECT_EQ(growth.cases[0][2].workload, "b");
}

TEST_F(GrowthTest, ARowIsOnesShare) {
  const GrowthRow row = Found()->cases[0][0];
  EXPECT_EQ(row.name, "block");
  EXPECT_EQ(row.num_points, 100);
  EXPECT_EQ(row.num_inducing, 16);
  EXPECT_EQ(row.search_evaluations, 7);
  EXPECT_EQ(row.index_evaluations, 3);
  EXPECT_EQ(row.index_bytes, 64);
  EXPECT_EQ(row.factor_bytes, 128);
  EXPECT_TRUE(row.timed);
  EXPECT_DOUBLE_EQ(row.factor_us, 2);
  EXPECT_DOUBLE_EQ(row.index_us, 3);
  EXPECT_DOUBLE_EQ(row.search_us, 6);
}

TEST_F(GrowthTest, WhatFailedOrWasNotTimedHasNoTime) {
  EXPECT_FALSE(Found()->cases[0][1].timed);  // not timed
  EXPECT_FALSE(Found()->cases[0][2].timed);  // failed
  EXPECT_EQ(Found()->cases[0][2].search_us, 0);
}

TEST_F(GrowthTest, OfInducingPointsWhereThePointsStay) {
  for (const int w : {0, 1, 2}) {
    Known(w).set_num_points(100);
    Known(w).set_num_queries(10);
    Known(w).set_num_inducing(10 * (3 - w));
  }
  ASSERT_TRUE(Found().has_value());
  EXPECT_FALSE(Found()->of_points);
  EXPECT_EQ(Found()->cases[0][0].workload, "c");
  Known(1).set_num_inducing(10);
  EXPECT_FALSE(Found().has_value()) << "10 inducing points twice";
}

TEST_F(GrowthTest, TwoAreNoGrowth) {
  record_.mutable_deterministic()->mutable_workload()->RemoveLast();
  EXPECT_FALSE(Found().has_value());
  EXPECT_FALSE(GrowthOf(RunRecord()).has_value());
}

TEST_F(GrowthTest, WhatElseMustNotDiffer) {
  const RunRecord record = record_;
  const auto expect_none = [&](const char* why) {
    EXPECT_FALSE(Found().has_value()) << why;
    record_ = record;
  };
  Known(1).set_dimension(2);
  expect_none("dimension");
  Known(1).mutable_case_(0)->set_k(6);
  expect_none("k");
  Known(1).mutable_case_(0)->set_name("tree");
  expect_none("case");
  Known(1).set_num_queries(399);
  expect_none("queries");
  Known(1).set_num_points(100);
  Known(1).set_num_queries(100);
  expect_none("two of one size, and others");
  for (const int w : {0, 1, 2}) Known(w).clear_case_();
  expect_none("no cases");
  for (const int w : {0, 1, 2}) Known(w).set_num_queries(7);
  EXPECT_TRUE(Found().has_value()) << "always as many queries";
}

TEST_F(GrowthTest, NothingIsDividedByZero) {
  for (const int w : {0, 1, 2}) Known(w).set_num_queries(0);
  EXPECT_EQ(Found()->cases[0][0].search_evaluations, 700);
  for (const int w : {0, 1, 2}) {
    Known(w).set_num_points(0);
    Known(w).set_num_inducing(w + 1);
  }
  EXPECT_FALSE(Found().has_value());
}

}  // namespace
}  // namespace rct
