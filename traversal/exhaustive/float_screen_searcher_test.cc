#include "traversal/exhaustive/float_screen_searcher.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/matrix.h"
#include "base/point_sets.h"
#include "gtest/gtest.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"
#include "metric/test_data.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/exhaustive/float_screen.pb.h"
#include "traversal/exhaustive/test_exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using Exhaustive = ExhaustiveSearcher<ResidualCorrelation>;

std::unique_ptr<const FloatScreenSearcher> MakeSearcher(
    std::shared_ptr<const ResidualCorrelation> metric, double error_scale = 1) {
  return FloatScreenSearcher::Create(std::move(metric), FloatScreenConfig(), 2,
                                     error_scale);
}

class FamilyTest : public testing::TestWithParam<KernelConfig::Family> {};

TEST_P(FamilyTest, SameBitsAsExhaustiveSearch) {
  for (const std::string& name : AdversarialNames()) {
    SCOPED_TRACE(name);
    const TestModel model =
        MakeTestModel(MakePoints(name, 300, 2, 1).view(), GetParam(), 30);
    ExpectExhaustive(model.metric, *MakeSearcher(model.metric),
                     {5, 1, 20, 90, 301});
  }
}

INSTANTIATE_TEST_SUITE_P(Families, FamilyTest, testing::ValuesIn(kFamilies),
                         [](const auto& info) {
                           return KernelConfig::Family_Name(info.param);
                         });

TEST(FloatScreenSearcherTest, NewPoints) {
  for (const KernelConfig::Family family : kFamilies) {
    const Matrix<double> points = MakePoints("normal", 1000, 3, 1);
    const TestModel model = MakeTestModel(points.view(), family, 64);
    // Some of the data among them, which are points like any other here.
    Matrix<double> others = MakePoints("normal", 300, 3, 2);
    for (int64_t i = 0; i < 20; ++i) {
      std::copy_n(points.row(i), 3, others.row(7 * i));
    }
    const ResidualPoints from = *model.factor->Project(others.view(), 1);
    const auto searcher = MakeSearcher(model.metric);
    for (const int64_t k : {1, 10, 100, 1000}) {
      const NeighborTable expected =
          Exhaustive(model.metric).SearchPoints(from, {.k = k}).neighbors;
      std::string counters;
      for (const int threads : {1, 3}) {
        const SearchResult result =
            searcher->SearchPoints(from, {.k = k, .threads = threads});
        EXPECT_EQ(result.neighbors.Digest(), expected.Digest());
        if (threads == 1) counters = result.counters.SerializeAsString();
        EXPECT_EQ(result.counters.SerializeAsString(), counters);
      }
    }
  }
}

// Inducing points have residual variances near the jitter, and so have their
// neighbors.
TEST(FloatScreenSearcherTest, PointsOnInducingPoints) {
  for (const KernelConfig::Family family : kFamilies) {
    const Matrix<double> points = MakePoints("normal", 600, 2, 4);
    const TestModel model = MakeTestModel(points.view(), family, 600);
    ExpectExhaustive(model.metric, *MakeSearcher(model.metric), {5, 60});
  }
}

TEST(FloatScreenSearcherTest, NoInducingPoints) {
  const Matrix<double> points = MakePoints("normal", 600, 2, 4);
  ResidualConfig config;
  config.mutable_kernel()->set_family(KernelConfig::MATERN32);
  config.mutable_inducing()->mutable_none();
  const Kernel kernel = *Kernel::Create(config.kernel(), 2);
  const InducingFactor factor = *InducingFactor::Create(
      kernel, *SelectInducingPoints(config.inducing(), points.view()), config);
  const auto metric = std::make_shared<const ResidualCorrelation>(
      kernel, *factor.Project(points.view(), 1), factor.rounding());
  ExpectExhaustive(metric, *MakeSearcher(metric), {5, 60});
}

// Factors from outside may hold anything.
TEST(FloatScreenSearcherTest, FactorsFromOutside) {
  const TestModel model = MakeTestModel(MakePoints("normal", 600, 2, 4).view(),
                                        KernelConfig::MATERN12, 40);
  ResidualPoints data =
      model.metric->data().Reordered(RowOrder::Natural(600).rows());
  for (int64_t i = 0; i < 600; i += 50) {
    data.v(i, 2) = 30;               // no bound
    data.v(i + 1, 3) = 5;            // |rho| beyond 1
    data.inverse_sqrt[i + 2] = 1e3;  // nor are correlations these
    data.variance[i + 2] = 1e-6;
    data.inverse_sqrt[i + 3] = 1e20;
    data.variance[i + 3] = 1e-40;
    data.inverse_sqrt[i + 4] = 0;
    data.variance[i + 4] = std::numeric_limits<double>::infinity();
  }
  const auto metric = std::make_shared<const ResidualCorrelation>(
      model.metric->kernel(), std::move(data), std::nullopt);
  ExpectExhaustive(metric, *MakeSearcher(metric), {5, 60});
}

TEST(FloatScreenSearcherTest, FewPoints) {
  for (const int64_t n : {0, 1, 2, 47, 48, 49}) {
    const TestModel model = MakeTestModel(MakePoints("normal", n, 2, 1).view(),
                                          KernelConfig::MATERN52, 8);
    const auto searcher = MakeSearcher(model.metric);
    const NeighborTable table =
        searcher->SearchRows(AllRows(n), {.k = 3}).neighbors;
    EXPECT_EQ(table.Digest(),
              ExhaustiveNeighbors(model.metric, {.k = 3}).Digest());
    EXPECT_EQ(searcher->SearchRows({}, {.k = 1}).neighbors.num_queries(), 0);
    EXPECT_EQ(searcher->bytes() > 0, n > 0);
  }
}

TEST(FloatScreenSearcherTest, AnyInstructionSet) {
  const Matrix<double> points = MakePoints("normal", 700, 3, 1);
  std::string digest, counters;
  for (const Isa isa : AvailableIsas()) {
    const TestModel model = MakeTestModel(points.view(), KernelConfig::MATERN32,
                                          50, *SimdRoutinesFor(isa));
    const SearchResult result =
        MakeSearcher(model.metric)->SearchRows(AllRows(700), {.k = 9});
    if (digest.empty()) {
      digest = result.neighbors.Digest();
      counters = result.counters.SerializeAsString();
    }
    EXPECT_EQ(result.neighbors.Digest(), digest);
    EXPECT_EQ(result.counters.SerializeAsString(), counters);
  }
}

// 4,096 points and a kernel of which residual variances are large.
TEST(FloatScreenSearcherTest, EvaluatesHardlyMoreThanTheNeighbors) {
  for (const bool sorted : {false, true}) {
    Matrix<double> points = MakePoints("normal", 4096, 3, 1);
    if (sorted) {
      std::vector<int64_t> rows = AllRows(4096);
      std::sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) {
        return points(a, 0) < points(b, 0);
      });
      Matrix<double> copy(4096, 3);
      for (int64_t i = 0; i < 4096; ++i) {
        std::copy_n(points.row(rows[i]), 3, copy.row(i));
      }
      points = std::move(copy);
    }
    const TestModel model =
        MakeTestModel(points.view(), KernelConfig::MATERN12, 40);
    const SearchOptions options = {.k = 20, .telemetry = true, .threads = 2};
    const SearchResult result =
        MakeSearcher(model.metric)->SearchRows(AllRows(4096), options);
    EXPECT_EQ(result.neighbors.Digest(),
              ExhaustiveNeighbors(model.metric, options).Digest());
    // But for the inducing points, which may be given up.
    EXPECT_LT(result.counters.distance_evaluations(), 4096 * (21 + 40));
    EXPECT_GT(result.counters.heap_pushes(), 0);
    int64_t evaluations = 0;
    for (const SearchTrace::Level& level : result.trace.levels) {
      evaluations += level.evaluations;
    }
    EXPECT_EQ(evaluations, result.counters.distance_evaluations());
  }
}

TEST(FloatScreenSearcherTest, KnowsWhereItPays) {
  const Matrix<double> points = MakePoints("normal", 2000, 3, 1);
  const auto model = [&](KernelConfig::Family family) {
    return MakeTestModel(points.view(), family, 200);
  };
  const auto rough = model(KernelConfig::MATERN12);
  const auto smooth = model(KernelConfig::RBF);
  EXPECT_TRUE(FloatScreenSearcher::Pays(*rough.metric));
  EXPECT_FALSE(FloatScreenSearcher::Pays(*smooth.metric));
  EXPECT_GT(FloatScreenSearcher::TypicalError(*rough.metric), 1e-6);
  EXPECT_LT(FloatScreenSearcher::TypicalError(*rough.metric), 1e-4);
  // Where it does not, queries are given up, and it is seen early.
  const SearchResult result =
      MakeSearcher(smooth.metric)->SearchRows(AllRows(2000), {.k = 5});
  EXPECT_LE(result.counters.distance_evaluations(), 2000 * 2000);
  EXPECT_TRUE(FloatScreenSearcher::Pays(
      *MakeTestModel(MakePoints("normal", 0, 2, 1).view(),
                     KernelConfig::MATERN12, 8)
           .metric));
}

// Tight clusters, whose correlations differ by less than float32 resolves.
TEST(FloatScreenSearcherTest, WithoutTheErrorsNeighborsAreLost) {
  constexpr int64_t kRows = 4096;
  const Matrix<double> points = MakePointSet(PointSet::kClusters, kRows, 2, 1,
                                             {.count = 64, .radius = 1e-3});
  ResidualConfig config;
  config.mutable_kernel()->set_family(KernelConfig::MATERN52);
  config.mutable_kernel()->add_lengthscale(0.3);
  config.mutable_inducing()->mutable_random()->set_count(128);
  const Kernel kernel = *Kernel::Create(config.kernel(), 2);
  const InducingFactor factor = *InducingFactor::Create(
      kernel, *SelectInducingPoints(config.inducing(), points.view()), config);
  const auto metric = std::make_shared<const ResidualCorrelation>(
      kernel, *factor.Project(points.view(), 2), factor.rounding());
  const SearchOptions options = {.k = 20, .threads = 2};
  const NeighborTable expected = ExhaustiveNeighbors(metric, options);
  const auto wrong = [&](double error_scale) {
    return CountDifferences(MakeSearcher(metric, error_scale)
                                ->SearchRows(AllRows(kRows), options)
                                .neighbors,
                            expected);
  };
  EXPECT_EQ(wrong(1), 0);
  EXPECT_GT(wrong(0), 1000);
  // A thirtieth of them is not enough: the bound is no more generous than that.
  EXPECT_GT(wrong(0.03), 100);
}

}  // namespace
}  // namespace rct
