#include "traversal/block/correlation_searcher.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
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
#include "traversal/exhaustive/test_exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

struct Model {
  KernelConfig::Family family = KernelConfig::MATERN32;
  std::vector<double> lengthscale = {1};
  double variance = 1;
  double floor = 1e-9;
};

// Returns the factor of no inducing points.
std::shared_ptr<const InducingFactor> MakeFactor(int64_t dim,
                                                 const Model& model) {
  ResidualConfig config;
  config.set_variance_floor(model.floor);
  KernelConfig& kernel = *config.mutable_kernel();
  kernel.set_family(model.family);
  kernel.set_variance(model.variance);
  kernel.mutable_lengthscale()->Assign(model.lengthscale.begin(),
                                       model.lengthscale.end());
  return std::make_shared<const InducingFactor>(
      InducingFactor::Create(Kernel::Create(kernel, dim).value(),
                             InducingPoints{Matrix<double>(0, dim), {}}, config,
                             BestSimdRoutines())
          .value());
}

std::shared_ptr<const ResidualCorrelation> MakeMetric(
    const Matrix<double>& points, const Model& model,
    const SimdRoutines& simd = BestSimdRoutines()) {
  const auto factor = MakeFactor(points.cols(), model);
  return std::make_shared<const ResidualCorrelation>(
      factor->kernel(), factor->Project(points.Clone(), 1).value(), factor,
      simd);
}

class CorrelationSearcherSetsTest : public testing::TestWithParam<std::string> {
};

// Lengthscales far above the distances, where correlations are equal but for
// roundings, and far below, where they are 0; and points far from the origin,
// whose scaled coordinates are rounded.
TEST_P(CorrelationSearcherSetsTest, IsExhaustiveSearch) {
  for (const int dim : {1, 2, 8}) {
    for (const double offset : {0.0, 1e7}) {
      Matrix<double> points = MakePoints(GetParam(), 160, dim, dim);
      for (int64_t i = 0; i < points.rows(); ++i) points(i, 0) += offset;
      for (const KernelConfig::Family family : kFamilies) {
        for (const double lengthscale : {1e-3, 0.3, 1e4}) {
          SCOPED_TRACE(testing::Message()
                       << dim << " " << KernelConfig::Family_Name(family) << " "
                       << lengthscale << " offset " << offset);
          const auto metric = MakeMetric(
              points, {.family = family, .lengthscale = {lengthscale}});
          ASSERT_TRUE(CorrelationSearcher::Offered(*metric));
          ExpectExhaustive(metric, *CorrelationSearcher::Create(*metric, 2),
                           {7, 1, 170});
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_P(CorrelationSearcherSetsTest, ManyPointsWithTheirOwnLengthscales) {
  const Matrix<double> points = MakePoints(GetParam(), 5000, 2, 3);
  for (const KernelConfig::Family family : kFamilies) {
    const auto metric = MakeMetric(
        points, {.family = family, .lengthscale = {0.07, 0.2}, .variance = 3});
    const auto searcher = CorrelationSearcher::Create(*metric, 2);
    for (const bool predecessor : {false, true}) {
      const SearchOptions options = {.k = 12, .predecessor = predecessor};
      const SearchResult result = searcher->SearchRows(AllRows(5000), options);
      EXPECT_EQ(result.neighbors.Digest(),
                ExhaustiveNeighbors(metric, options).Digest());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PointSets, CorrelationSearcherSetsTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

class CorrelationSearcherTest : public testing::Test {
 protected:
  const Matrix<double> points_ = MakePoints("normal", 3000, 2, 1);
  const std::shared_ptr<const ResidualCorrelation> metric_ =
      MakeMetric(points_, {});
  const std::unique_ptr<const CorrelationSearcher> searcher_ =
      CorrelationSearcher::Create(*metric_, 1);
  const ExhaustiveSearcher<ResidualCorrelation> reference_{metric_};

  void ExpectSame(const SearchOptions& options) const {
    const std::vector<int64_t> rows = {0, 2999, 17, 4, 17};
    EXPECT_EQ(searcher_->SearchRows(rows, options).neighbors.Digest(),
              reference_.SearchRows(rows, options).neighbors.Digest());
  }
};

TEST_F(CorrelationSearcherTest, EvaluatesFewPoints) {
  const SearchResult result =
      searcher_->SearchRows(AllRows(3000), {.k = 10, .exclude_self = true});
  EXPECT_LT(result.counters.distance_evaluations(), 3000 * 12);
  EXPECT_GE(result.counters.distance_evaluations(), 3000 * 10);
}

TEST_F(CorrelationSearcherTest, RadiusAndAllowedRows) {
  const auto allowed = std::make_unique<bool[]>(3000);
  for (int i = 0; i < 3000; ++i) allowed[i] = i % 97 == 3;
  const absl::Span<const bool> flags = absl::MakeConstSpan(allowed.get(), 3000);
  ExpectSame({.k = 5, .radius = 0.1});
  ExpectSame({.k = 3000, .radius = 0.3});
  ExpectSame({.k = 9, .allowed = flags});
  ExpectSame({.k = 9, .predecessor = true, .allowed = flags});
}

TEST_F(CorrelationSearcherTest, NewPoints) {
  const auto factor = MakeFactor(2, {});
  for (const double scale : {1.0, 1e-9, 1e9, 1e180}) {
    Matrix<double> points = MakePoints("normal", 40, 2, 7);
    for (int64_t i = 0; i < 40; ++i) points(i, 1) *= scale;
    const ResidualPoints queries =
        factor->Project(std::move(points), 1).value();
    for (const int64_t k : {1, 10, 3001}) {
      EXPECT_EQ(searcher_->SearchPoints(queries, {.k = k}).neighbors.Digest(),
                reference_.SearchPoints(queries, {.k = k}).neighbors.Digest())
          << scale << " " << k;
    }
  }
}

TEST_F(CorrelationSearcherTest, SameBitsForEachInstructionSet) {
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    const SimdRoutines* const simd = SimdRoutinesFor(isa);
    if (simd == nullptr) continue;
    const auto searcher =
        CorrelationSearcher::Create(*MakeMetric(points_, {}, *simd), 1);
    EXPECT_EQ(
        searcher->SearchRows(AllRows(3000), {.k = 10}).neighbors.Digest(),
        searcher_->SearchRows(AllRows(3000), {.k = 10}).neighbors.Digest());
  }
}

// A floor above the variance makes correlations of at most 1/2.
TEST(CorrelationSearcherModelTest, AFloorAboveTheVariance) {
  const Matrix<double> points = MakePoints("pairs", 300, 2, 1);
  for (const double floor : {2.0, 1e12}) {
    const auto metric = MakeMetric(points, {.floor = floor});
    ExpectExhaustive(metric, *CorrelationSearcher::Create(*metric, 1), {5});
  }
}

TEST(CorrelationSearcherModelTest, OfferedWhereItIsProven) {
  const auto offered = [](int64_t dim, double scale) {
    Matrix<double> points = MakePoints("normal", 20, dim, 1);
    points(3, 0) *= scale;
    return CorrelationSearcher::Offered(*MakeMetric(points, {}));
  };
  EXPECT_TRUE(offered(2, 1));
  EXPECT_TRUE(offered(8, 1));
  EXPECT_FALSE(offered(9, 1));
  EXPECT_FALSE(offered(2, 1e200));
  EXPECT_FALSE(CorrelationSearcher::Offered(
      *MakeTestModel(MakePoints("normal", 20, 2, 1).view(), KernelConfig::RBF,
                     3)
           .metric));
  EXPECT_FALSE(
      CorrelationSearcher::Offered(*MakeMetric(Matrix<double>(0, 2), {})));
}

}  // namespace
}  // namespace rct
