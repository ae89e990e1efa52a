#include "metric/correlation_tile.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "metric/tile.h"

namespace rct {
namespace {

TEST(CorrelationTileTest, HasTheBitsOfTheMetric) {
  const Matrix<double> points = MakePoints("clusters", 60, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::MATERN52, 20).metric;
  const std::vector<int32_t> ids = {5, 0, 59, 7, 31, 8, 2, 44, 13, 13, 20};
  const int count = static_cast<int>(ids.size());
  TilePoints all(60, 3);
  all.Assign(metric->data(), ids);
  TilePoints some(4, 3);
  some.Assign(all, {3, 0, 8});
  ASSERT_EQ(some.size(), 3);
  double rho[3 * 16];
  CorrelationTile(*metric, some, 1, 2, all, 2, count - 2, rho, 16);
  TileWorkspace workspace(3, 1, 64);
  double squared[64];
  const int32_t queries[] = {ids[0], ids[8]};
  for (int i = 0; i < 2; ++i) {
    metric->SquaredDistances(metric->data(),
                             absl::MakeConstSpan(&queries[i], 1),
                             Candidates::List(ids), squared, 64, workspace);
    for (int j = 2; j < count; ++j) {
      if (ids[j] == queries[i]) continue;
      EXPECT_EQ(1 - std::abs(rho[i * 16 + j - 2]), squared[j]);
    }
  }
}

TEST(CorrelationTileTest, KeepsTheSign) {
  // Points on both sides of an inducing point's neighborhood.
  const Matrix<double> points = MakePoints("collinear", 80, 1, 1);
  const auto metric = MakeTestModel(points.view(), KernelConfig::RBF, 4).metric;
  std::vector<int32_t> ids(80);
  for (int32_t i = 0; i < 80; ++i) ids[i] = i;
  TilePoints all(80, 1);
  all.Assign(metric->data(), ids);
  std::vector<double> rho(80 * 80);
  CorrelationTile(*metric, all, 0, 80, all, 0, 80, rho.data(), 80);
  int negative = 0;
  for (int i = 0; i < 80; ++i) {
    for (int j = 0; j < 80; ++j) {
      EXPECT_EQ(rho[i * 80 + j], rho[j * 80 + i]);
      negative += static_cast<int>(rho[i * 80 + j] < -0.5);
    }
  }
  EXPECT_GT(negative, 0);
}

}  // namespace
}  // namespace rct
