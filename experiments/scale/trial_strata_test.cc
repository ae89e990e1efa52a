#include "experiments/scale/trial_strata.h"

#include <cstdint>
#include <numeric>
#include <utility>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "experiments/scale/cell_cloud.h"
#include "experiments/scale/uniform_cloud.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_factors.h"

namespace rct {
namespace {

constexpr int64_t kInducing = 8;
constexpr int64_t kTrials = 16;

// The first rows of the cloud are its inducing points.
InducingFactor FactorOf(const UniformCloud& cloud) {
  ResidualConfig config;
  config.mutable_kernel()->set_family(KernelConfig::MATERN32);
  config.mutable_kernel()->add_lengthscale(0.25);
  for (int64_t row = 0; row < kInducing; ++row) {
    config.mutable_inducing()->mutable_rows()->add_row(row);
  }
  InducingPoints inducing;
  inducing.rows.resize(kInducing);
  std::iota(inducing.rows.begin(), inducing.rows.end(), 0);
  inducing.coordinates = cloud.Range(0, kInducing);
  absl::StatusOr<Kernel> kernel = Kernel::Create(config.kernel(), cloud.dim);
  EXPECT_THAT(kernel.status(), IsOk());
  absl::StatusOr<InducingFactor> factor =
      InducingFactor::Create(*std::move(kernel), std::move(inducing), config);
  EXPECT_THAT(factor.status(), IsOk());
  return *std::move(factor);
}

// Trial queries stand for all queries of the cells together, to a part.
void ExpectAllQueries(int64_t n, const TrialSearch& search, double part) {
  const UniformCloud cloud = {.n = n, .dim = 2, .seed = 3};
  const InducingFactor factor = FactorOf(cloud);
  const CellCloud cells(cloud, factor, /*count=*/16, /*threads=*/1);
  const TrialStrata strata(cloud, cells, factor, search);
  double weights = 0, queries = 0, alone = 0;
  for (int c = 0; c < cells.size(); ++c) {
    const TrialQueries trial = strata.Make(c, kTrials);
    ASSERT_EQ(trial.points.rows(), trial.weights.size());
    ASSERT_EQ(trial.points.rows(), trial.before.size());
    for (int64_t i = 0; i < trial.points.rows(); ++i) {
      weights += trial.weights[i];
      alone += trial.weights[i] <= 1 ? 1 : 0;
      EXPECT_GE(trial.before[i], search.predecessor
                                     ? static_cast<double>(search.early_rows) /
                                           static_cast<double>(n)
                                     : 1.0);
      EXPECT_LE(trial.before[i], 1);
      // Rows that lie on a split are in one cell or the other by their number.
      if (!cells.whole()) {
        EXPECT_EQ(cells.CellOf(trial.points.row(i)), c);
      }
    }
    queries += strata.QueriesOf(c);
  }
  EXPECT_NEAR(weights, queries, part * queries);
  // Those next to inducing points stand for nobody else.
  EXPECT_GT(alone, kInducing * kTrials / 2);
}

TEST(TrialStrataTest, RowsOfWholeCells) {
  ExpectAllQueries(4000, {.k = 5}, 1e-12);
  ExpectAllQueries(4000, {.k = 5, .predecessor = true, .early_rows = 1000},
                   0.02);
}

TEST(TrialStrataTest, NewPointsOfThinCells) {
  ExpectAllQueries(10'000'000, {.k = 5}, 0.01);
  ExpectAllQueries(10'000'000,
                   {.k = 5, .predecessor = true, .early_rows = 65536}, 0.01);
}

}  // namespace
}  // namespace rct
