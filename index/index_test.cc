#include "index/index.h"

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "metric/test_data.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::HasSubstr;

testing::Matcher<absl::Status> Invalid(const std::string& what) {
  return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what));
}

class IndexTest : public testing::Test {
 protected:
  static constexpr int64_t kPoints = 400;

  static KernelConfig MakeKernel() {
    KernelConfig kernel;
    kernel.set_family(KernelConfig::MATERN32);
    kernel.add_lengthscale(0.3);
    kernel.add_lengthscale(0.5);
    return kernel;
  }
  static MetricConfig MakeResidual() {
    MetricConfig metric;
    *metric.mutable_residual()->mutable_kernel() = MakeKernel();
    metric.mutable_residual()->mutable_inducing()->mutable_random()->set_count(
        20);
    return metric;
  }
  static MetricConfig MakeCorrelation() {
    MetricConfig metric;
    *metric.mutable_correlation() = MakeKernel();
    return metric;
  }
  static MetricConfig MakeEuclidean() {
    MetricConfig metric;
    metric.mutable_euclidean()->add_lengthscale(0.3);
    metric.mutable_euclidean()->add_lengthscale(0.5);
    return metric;
  }

  const Matrix<double> points_ = MakePoints("normal", kPoints, 2, 1);
  const Matrix<double> queries_ = MakePoints("normal", 30, 2, 2);
};

TEST_F(IndexTest, IsTheIndexOfItsMetric) {
  const Index residual = *Index::Build(points_.view(), MakeResidual());
  const Index euclidean = *Index::Build(points_.view(), MakeEuclidean());
  ASSERT_NE(residual.residual(), nullptr);
  EXPECT_EQ(residual.euclidean(), nullptr);
  ASSERT_NE(euclidean.euclidean(), nullptr);
  EXPECT_EQ(euclidean.residual(), nullptr);
  const auto expect_same = [&](const Index& index, const auto& direct) {
    EXPECT_EQ(index.size(), kPoints);
    EXPECT_EQ(index.dim(), 2);
    EXPECT_EQ(index.strategy(), BLOCK);
    const SearchOptions options = {.k = 6};
    EXPECT_EQ(index.Search({3, 1}, options)->neighbors.Digest(),
              direct.Search({3, 1}, options)->neighbors.Digest());
    EXPECT_EQ(index.Graph(options)->neighbors.Digest(),
              direct.Graph(options)->neighbors.Digest());
    std::vector<int64_t> order(kPoints);
    std::iota(order.rbegin(), order.rend(), 0);
    EXPECT_EQ(
        index.Graph({.k = 6, .predecessor = true}, order)->neighbors.Digest(),
        direct.Graph({.k = 6, .predecessor = true}, order)->neighbors.Digest());
    EXPECT_EQ(
        index.SearchPoints(queries_.view(), options)->neighbors.Digest(),
        direct.SearchPoints(queries_.view(), options)->neighbors.Digest());
    EXPECT_EQ(index.RangeSearch({5}, 0.3, {})->neighbors.rows,
              direct.RangeSearch({5}, 0.3, {})->neighbors.rows);
    EXPECT_EQ(
        index.RangeSearchPoints(queries_.view(), 0.3, {})->neighbors.rows,
        direct.RangeSearchPoints(queries_.view(), 0.3, {})->neighbors.rows);
  };
  expect_same(residual, *residual.residual());
  expect_same(euclidean, *euclidean.euclidean());
}

// The correlation of a stationary process falls with the scaled distance.
TEST_F(IndexTest, CorrelationAndEuclideanDistanceHaveTheSameNeighbors) {
  const Index correlation = *Index::Build(points_.view(), MakeCorrelation());
  const Index euclidean = *Index::Build(points_.view(), MakeEuclidean());
  for (const bool predecessor : {false, true}) {
    const SearchOptions options = {.k = 9, .predecessor = predecessor};
    const auto one = correlation.Graph(options);
    const auto other = euclidean.Graph(options);
    for (int64_t i = 0; i < kPoints; ++i) {
      for (int64_t j = 0; j < 9; ++j) {
        ASSERT_EQ(one->neighbors.rows()(i, j), other->neighbors.rows()(i, j));
      }
    }
  }
}

TEST_F(IndexTest, AppendIsThatOfTheKind) {
  for (const MetricConfig& metric :
       {MakeResidual(), MakeCorrelation(), MakeEuclidean()}) {
    const Index before = *Index::Build(points_.view(), metric);
    const Index after = *before.Append(queries_.view());
    EXPECT_EQ(before.size(), kPoints);
    EXPECT_EQ(after.size(), kPoints + queries_.rows());
    EXPECT_EQ(after.euclidean() != nullptr, before.euclidean() != nullptr);
    const SearchOptions options = {.k = 7, .predecessor = true};
    std::vector<int64_t> rows(kPoints);
    std::iota(rows.begin(), rows.end(), 0);
    EXPECT_EQ(after.Search(rows, options)->neighbors.Digest(),
              before.Search(rows, options)->neighbors.Digest());
    EXPECT_THAT(
        before.Append(Matrix<double>(1, 3).view()).status(),
        Invalid("points: the number of columns is 3, that of the index is 2"));
  }
}

TEST_F(IndexTest, PassesOptionsOn) {
  IndexOptions options;
  options.set_strategy(BEST_FIRST);
  options.set_threads(1);
  options.mutable_tree()->set_leaf_size(3);
  options.mutable_heuristics()->mutable_child_order();
  const Index index = *Index::Build(points_.view(), MakeEuclidean(), options);
  EXPECT_EQ(index.strategy(), BEST_FIRST);
  EXPECT_EQ(index.euclidean()->options().tree().leaf_size(), 3);
  EXPECT_TRUE(index.euclidean()->options().heuristics().has_child_order());
  EXPECT_EQ(Index::Build(points_.view(), MakeResidual(), options)->strategy(),
            BEST_FIRST);
}

TEST_F(IndexTest, Errors) {
  EXPECT_THAT(Index::Build(points_.view(), {}).status(),
              Invalid("metric: not given"));
  IndexOptions options;
  options.mutable_residual();
  EXPECT_THAT(Index::Build(points_.view(), MakeEuclidean(), options).status(),
              Invalid("residual: "));
  MetricConfig metric;
  metric.mutable_correlation();
  EXPECT_THAT(Index::Build(points_.view(), metric).status(),
              Invalid("kernel.family"));
  metric.mutable_euclidean()->add_lengthscale(0);
  EXPECT_THAT(Index::Build(points_.view(), metric).status(),
              Invalid("lengthscale[0]: is 0"));
  metric.mutable_euclidean()->set_lengthscale(0, 1);
  for (int i = 0; i < 2; ++i) metric.mutable_euclidean()->add_lengthscale(1);
  EXPECT_THAT(Index::Build(points_.view(), metric).status(),
              Invalid("lengthscale: 3 values for points of 2 coordinates"));
}

}  // namespace
}  // namespace rct
