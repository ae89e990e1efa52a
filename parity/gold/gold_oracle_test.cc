#include "parity/gold/gold_oracle.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "parity/gold/gold.h"
#include "parity/oracle.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

using ::testing::HasSubstr;

// Compares a few frozen queries, for which only their neighbors are projected.
// gold_oracle_slow_test compares all.
TEST(FrozenGoldTest, ASampleHasTheOraclesDistances) {
  const Gold gold = LoadGold("parity/gold").value();
  const Matrix<double> inducing = gold.Inducing();
  for (const GoldAnswers& answers : gold.answers) {
    SCOPED_TRACE(answers.name);
    for (const int64_t query : {0, 500, 1023}) {
      const int64_t count = answers.neighbors.count(query);
      std::vector<int64_t> rows = {gold.query_rows[query]};
      const int64_t* neighbors = answers.neighbors.rows().row(query);
      rows.insert(rows.end(), neighbors, neighbors + count);
      Matrix<double> points(rows.size(), gold.points.cols());
      for (size_t i = 0; i < rows.size(); ++i) {
        std::copy_n(gold.points.row(rows[i]), points.cols(), points.row(i));
      }
      const OracleProblem oracle =
          OracleProblem::Residual(std::as_const(points).view(),
                                  answers.residual.kernel(), inducing.view(),
                                  answers.residual.jitter(),
                                  answers.residual.variance_floor(), 2)
              .value();
      for (int64_t rank = 0; rank < count; ++rank) {
        const int64_t row = rows[rank + 1];
        EXPECT_NEAR(
            answers.residual_variance[row] / oracle.ResidualVariance(rank + 1),
            1, 1e-7);
        if (row == rows[0]) continue;  // Its copy is another row here.
        EXPECT_NEAR(answers.neighbors.distances()(query, rank),
                    oracle.Distance(0, rank + 1), 1e-7);
      }
    }
  }
}

// Four points on a line, one of them inducing, two queries and k = 2, answered
// by the oracle itself.
class VerifyGoldTest : public testing::Test {
 protected:
  VerifyGoldTest() {
    gold_.points = Matrix<double>(4, 1);
    const double coordinates[] = {0, 1, 3, 7};
    std::copy_n(coordinates, 4, gold_.points.data());
    gold_.query_rows = {2, 0};
    gold_.inducing_rows = {1};
    GoldOracle oracle(gold_, 1);
    for (const bool predecessor : {false, true}) {
      GoldAnswers& answers = gold_.answers.emplace_back();
      answers.name = predecessor ? "predecessor" : "all";
      answers.residual.mutable_kernel()->set_family(KernelConfig::MATERN12);
      answers.predecessor = predecessor;
      const OracleProblem* problem = oracle.Problem(answers.residual).value();
      OracleSearchOptions options;
      options.predecessor = predecessor;
      answers.neighbors =
          problem->Search(gold_.query_rows, 2, options, 1).value();
      for (int64_t i = 0; i < 4; ++i) {
        answers.residual_variance.push_back(
            static_cast<double>(problem->ResidualVariance(i)));
      }
    }
  }

  // Returns the reports on both answers.
  std::vector<GoldReport> Verify() {
    std::vector<GoldReport> reports;
    const auto add = [&reports](const GoldReport& report) {
      reports.push_back(report);
    };
    EXPECT_THAT(VerifyGold(gold_, 2, add), IsOk());
    EXPECT_EQ(reports.size(), 2u);
    return reports;
  }

  Gold gold_;
};

TEST_F(VerifyGoldTest, FindsNothingInItsOwnAnswers) {
  const std::vector<GoldReport> reports = Verify();
  for (const GoldReport& report : reports) {
    EXPECT_TRUE(report.verdict.pass) << report.verdict.message;
    EXPECT_EQ(report.max_distance_difference, 0);
    EXPECT_LT(report.max_variance_difference, 1e-15);
  }
  EXPECT_EQ(reports[0].name, "all");
  EXPECT_EQ(reports[1].name, "predecessor");

  // The gap is between the last two of three distances; no query has three
  // predecessors.
  GoldOracle oracle(gold_, 1);
  const OracleProblem& problem = **oracle.Problem(gold_.answers[0].residual);
  double gap = std::numeric_limits<double>::infinity();
  for (const int64_t query : gold_.query_rows) {
    std::vector<double> distances;
    for (int64_t j = 0; j < 4; ++j) {
      distances.push_back(static_cast<double>(problem.Distance(query, j)));
    }
    std::sort(distances.begin(), distances.end());
    gap = std::min(gap, distances[2] - distances[1]);
  }
  EXPECT_EQ(reports[0].smallest_gap, gap);
  EXPECT_EQ(reports[1].smallest_gap, std::numeric_limits<double>::infinity());
}

TEST_F(VerifyGoldTest, MeasuresWhatIsOff) {
  gold_.answers[0].neighbors.distances()(1, 1) += 1e-7;
  gold_.answers[0].residual_variance[3] *= 1 + 1e-6;
  gold_.answers[1].neighbors.distances()(0, 1) += 1e-3;
  const std::vector<GoldReport> reports = Verify();
  EXPECT_TRUE(reports[0].verdict.pass);
  EXPECT_NEAR(reports[0].max_distance_difference, 1e-7, 1e-15);
  EXPECT_NEAR(reports[0].max_variance_difference, 1e-6, 1e-14);
  EXPECT_FALSE(reports[1].verdict.pass);
  EXPECT_NEAR(reports[1].max_distance_difference, 1e-3, 1e-15);
  EXPECT_THAT(reports[1].verdict.message, HasSubstr("query 0, rank"));
}

TEST_F(VerifyGoldTest, PassesOnWhatTheOracleSays) {
  gold_.answers[0].residual.mutable_kernel()->set_variance(-1);
  EXPECT_THAT(VerifyGold(gold_, 1, [](const GoldReport&) {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("kernel.variance")));
}

TEST_F(VerifyGoldTest, MetricsDoNotShareAProblem) {
  GoldOracle oracle(gold_, 1);
  ResidualConfig residual = gold_.answers[0].residual;
  const long double before = (*oracle.Problem(residual))->ResidualVariance(0);
  residual.mutable_kernel()->set_family(KernelConfig::RBF);
  EXPECT_NE((*oracle.Problem(residual))->ResidualVariance(0), before);
  residual.mutable_kernel()->set_family(KernelConfig::MATERN12);
  EXPECT_EQ((*oracle.Problem(residual))->ResidualVariance(0), before);
}

}  // namespace
}  // namespace rct
