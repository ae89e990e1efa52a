// Holds forecasts against ranks that are threads: counts and bytes, no times.

#include "experiments/scale/scale_model.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/status_matchers.h"
#include "experiments/scale/rank_run.h"
#include "experiments/scale/scale_costs.h"
#include "experiments/scale/uniform_cloud.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/distributed/distributed_graph.h"
#include "metric/metric.pb.h"

namespace rct {
namespace {

// As few as make 128 cells.
constexpr int64_t kPoints = 66000;
constexpr int64_t kInducing = 32;

constexpr int64_t kTrialQueries = 64;

// Of a machine of this kind; what matters is what they are to each other.
constexpr ScaleCosts kCosts = {
    .projection = 1e-10, .evaluation = 1e-10, .unit_point = 1e-5};

DistributedOptions OptionsFor(KernelConfig::Family family, bool predecessor) {
  DistributedOptions options;
  ResidualConfig& residual = *options.index.mutable_residual();
  residual.mutable_kernel()->set_family(family);
  residual.mutable_kernel()->add_lengthscale(0.25);
  residual.mutable_inducing()->mutable_random()->set_count(kInducing);
  options.index.set_threads(1);
  options.k = 10;
  options.predecessor = predecessor;
  options.early_rows = predecessor ? 8192 : 0;
  options.memory_limit_bytes = int64_t{1} << 30;
  return options;
}

void ExpectWithin(int64_t real, int64_t forecast, double part,
                  const std::string& what) {
  EXPECT_LE(std::abs(static_cast<double>(real - forecast)),
            part * static_cast<double>(forecast))
      << what << ": " << real << ", the forecast says " << forecast;
}

void ExpectEven(const std::vector<double>& of_ranks, const std::string& what) {
  const double sum = std::accumulate(of_ranks.begin(), of_ranks.end(), 0.0);
  EXPECT_LE(*std::max_element(of_ranks.begin(), of_ranks.end()),
            1.2 * sum / static_cast<double>(of_ranks.size()))
      << what;
}

// Compares each of `ranks` ranks with its forecast, and with the mean.
void ExpectLikeForecast(const UniformCloud& cloud,
                        const DistributedOptions& options, ScaleModel& model,
                        int ranks) {
  const absl::StatusOr<ScaleForecast> forecast = model.Forecast(ranks, ranks);
  ASSERT_THAT(forecast.status(), IsOk());
  const absl::StatusOr<RankRun> run = RunRanks(cloud, options, ranks);
  ASSERT_THAT(run.status(), IsOk());
  EXPECT_EQ(run->report.bound, forecast->bound);
  EXPECT_EQ(run->report.cells, forecast->cells);
  std::vector<double> evaluations, projected, seconds;
  for (int r = 0; r < ranks; ++r) {
    SCOPED_TRACE("rank " + std::to_string(r) + " of " + std::to_string(ranks));
    const RankReport& real = run->report.ranks[r];
    const RankReport& said = forecast->ranks[r].report;
    EXPECT_EQ(real.points, said.points);
    EXPECT_EQ(real.units, said.units);
    EXPECT_EQ(real.fetched_points, said.fetched_points);
    // A rank that takes pairs of others makes V of their cells, and chance
    // decides which of those that have as much to do does.
    ExpectWithin(real.projected, said.projected, 0.08, "projected");
    ExpectWithin(real.bytes_sent, said.bytes_sent, 0.1, "bytes");
    ExpectWithin(real.traffic.points, said.traffic.points, 0.1, "points");
    ExpectWithin(real.traffic.bounds, said.traffic.bounds, 0.05, "bounds");
    // Small parts, where whole cells and a few queries that want most of them
    // decide.
    ExpectWithin(real.traffic.fetched, said.traffic.fetched, 0.15, "fetched");
    ExpectWithin(real.traffic.deferred, said.traffic.deferred, 0.4, "deferred");
    ExpectWithin(real.traffic.answers, said.traffic.answers, 0.1, "answers");
    ExpectWithin(real.evaluations, said.evaluations, 0.1, "evaluations");
    EXPECT_EQ(real.evaluations, real.searches.early + real.searches.units +
                                    real.searches.deferred);
    evaluations.push_back(static_cast<double>(real.evaluations));
    projected.push_back(static_cast<double>(real.projected));
    seconds.push_back(SecondsOf(real, forecast->ranks[r], kInducing, kCosts));
  }
  ExpectEven(evaluations, "evaluations");
  ExpectEven(projected, "projected");
  ExpectEven(seconds, "seconds");
}

struct Case {
  KernelConfig::Family family;
  bool predecessor;
  int ranks;
};

class ScaleModelTest : public testing::TestWithParam<Case> {};

TEST_P(ScaleModelTest, RanksDoWhatTheForecastSays) {
  const Case& test = GetParam();
  const UniformCloud cloud = {.n = kPoints, .dim = 2, .seed = 1};
  const DistributedOptions options = OptionsFor(test.family, test.predecessor);
  absl::StatusOr<std::unique_ptr<ScaleModel>> model =
      ScaleModel::Create(cloud, options, kTrialQueries);
  ASSERT_THAT(model.status(), IsOk());
  ExpectLikeForecast(cloud, options, **model, test.ranks);
}

INSTANTIATE_TEST_SUITE_P(All, ScaleModelTest,
                         testing::Values(Case{KernelConfig::MATERN12, false, 8},
                                         Case{KernelConfig::MATERN12, true, 4},
                                         Case{KernelConfig::RBF, false, 4},
                                         Case{KernelConfig::RBF, true, 8}));

TEST(ThinCellsTest, ForecastOfManyPoints) {
  UniformCloud cloud = {.n = 100'000'000, .dim = 2, .seed = 1};
  DistributedOptions options = OptionsFor(KernelConfig::MATERN12, false);
  options.memory_limit_bytes = int64_t{16} << 30;
  options.cells = 512;  // fewer than it would have, for time
  absl::StatusOr<std::unique_ptr<ScaleModel>> model =
      ScaleModel::Create(cloud, options, /*trial_queries=*/8);
  ASSERT_THAT(model.status(), IsOk());
  const absl::StatusOr<ScaleForecast> forecast =
      (*model)->Forecast(/*ranks=*/64, /*some=*/2);
  ASSERT_THAT(forecast.status(), IsOk());
  ASSERT_EQ(forecast->ranks.size(), 2);
  for (const RankForecast& rank : forecast->ranks) {
    ExpectWithin(rank.report.points, cloud.n / 64, 0.25, "points");
    EXPECT_GT(rank.report.fetched_points, 0);
    EXPECT_LT(rank.report.projected, 12 * rank.report.points);
    EXPECT_LE(rank.bytes_held, options.memory_limit_bytes);
  }
}

TEST(ThinCellsTest, NoBoundHelpsInManyDimensions) {
  const UniformCloud cloud = {.n = 20000, .dim = 8, .seed = 1};
  DistributedOptions options = OptionsFor(KernelConfig::MATERN12, false);
  options.memory_limit_bytes = int64_t{16} << 30;
  absl::StatusOr<std::unique_ptr<ScaleModel>> model =
      ScaleModel::Create(cloud, options, /*trial_queries=*/8);
  ASSERT_THAT(model.status(), IsOk());
  EXPECT_EQ((*model)->Forecast(4, 4).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace rct
