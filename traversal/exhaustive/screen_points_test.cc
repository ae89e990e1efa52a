// The bound of screen_bound.h, pair by pair, against the metric itself and
// against wider arithmetic.

#include "traversal/exhaustive/screen_points.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
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
#include "metric/test_reference.h"
#include "metric/tile.h"
#include "traversal/exhaustive/screen_bound.h"
#include "traversal/exhaustive/screen_routines.h"

namespace rct {
namespace {

// A number of pairs, and how many of them miss.
struct Count {
  int64_t pairs = 0;
  int64_t outside_metric = 0;     // |rho^| beyond the bounds
  int64_t outside_reference = 0;  // k - v.v, in wider arithmetic, beyond E
  double most = 0;                // of the error of c32, in E
  double furthest = 0;            // the same in the unit of covariances
  double of_kernel = 0;           // the part of E that is the kernel's
};

// Every point of `from` against every point of the data.
Count Check(const ResidualCorrelation& metric, const ResidualPoints& from,
            double error_scale) {
  const ScreenPoints points(metric, 2, error_scale);
  const ScreenBound& bound = points.bound();
  const ScreenRoutines& kernels = *ScreenRoutinesFor(metric.simd().isa);
  const int64_t n = metric.size();
  const int64_t room = points.num_panels() * kScreenPanel;
  std::vector<float> group(kScreenGroup * points.terms(), 0.0f);
  std::vector<float> dots(kScreenGroup * room);
  std::vector<float> z(metric.dim()), size(room + 16), error(room + 16);
  std::vector<int32_t> candidate(room + 16);
  TileWorkspace workspace(metric.dim(), 1, static_cast<int>(n));
  std::vector<double> rho(n + 8);
  const double unit = ScreenUnit(metric.kernel().variance());
  Count count;
  count.of_kernel = bound.Typical(0);
  for (int64_t i = 0; i < from.size(); ++i) {
    const ScreenPoints::Terms terms =
        points.Load(from, i, group.data(), kScreenGroup, z.data(), 1);
    for (int64_t p = 0; p < points.num_panels(); ++p) {
      kernels.dots(group.data(), 1, points.terms(), points.panel(p),
                   points.end(), dots.data() + p * kScreenPanel, room);
    }
    const ScreenQuery query = {z.data(),
                               bound.Product(static_cast<double>(terms.length)),
                               bound.Rest(terms.shift), -1};
    const int found =
        kernels.screen(points.covariance(), query, points.Candidates(0),
                       static_cast<int>(points.num_panels()), dots.data(),
                       {candidate.data(), size.data(), error.data()});
    EXPECT_EQ(found, room);
    const auto number = static_cast<int32_t>(i);
    metric.Correlations(from, absl::MakeConstSpan(&number, 1),
                        Candidates::Range(0, static_cast<int>(n)), rho.data(),
                        n + 8, workspace);
    for (int64_t j = 0; j < n; ++j) {
      const double scales = terms.inverse_sqrt * points.inverse_sqrt(j);
      const double exact = std::abs(rho[j]);
      const bool outside =
          exact > static_cast<double>(bound.Upper(size[j], error[j], scales)) ||
          exact < static_cast<double>(bound.Lower(size[j], error[j], scales));
      long double covariance =
          ReferenceCovariance(metric.kernel().spec(), from.points.row(i),
                              metric.data().points.row(j));
      for (int64_t c = 0; c < from.v.cols(); ++c) {
        covariance -=
            static_cast<long double>(from.v(i, c)) * metric.data().v(j, c);
      }
      const auto reference =
          static_cast<double>(std::abs(covariance) * unit * unit);
      const double missed = std::abs(reference - static_cast<double>(size[j])) -
                            static_cast<double>(size[j]) * kFloatRoundoff;
      count.furthest = std::max(count.furthest, missed);
      ++count.pairs;
      count.outside_metric += static_cast<int64_t>(outside);
      count.outside_reference +=
          static_cast<int64_t>(missed > static_cast<double>(error[j]));
      if (error[j] > 0) {
        count.most =
            std::max(count.most, missed / static_cast<double>(error[j]));
      }
    }
  }
  return count;
}

TEST(ScreenPointsTest, BoundsHoldForEveryPair) {
  double most = 0;
  for (const KernelConfig::Family family :
       {KernelConfig::RBF, KernelConfig::MATERN12, KernelConfig::MATERN32,
        KernelConfig::MATERN52}) {
    for (const std::string& name : AdversarialNames()) {
      for (const int64_t dim : {1, 3}) {
        SCOPED_TRACE(name + " " + KernelConfig::Family_Name(family));
        const TestModel model =
            MakeTestModel(MakePoints(name, 150, dim, 1).view(), family, 40);
        const Count own = Check(*model.metric, model.metric->data(), 1);
        EXPECT_EQ(own.outside_metric, 0);
        EXPECT_EQ(own.outside_reference, 0);
        most = std::max(most, own.most);
        const Count others = Check(
            *model.metric,
            *model.factor->Project(MakePoints("normal", 20, dim, 2).view(), 1),
            1);
        EXPECT_EQ(others.outside_metric, 0);
        EXPECT_EQ(others.outside_reference, 0);
        most = std::max(most, others.most);

        // Without the errors, many correlations lie outside.
        if (name == "normal" || name == "cube") {
          const Count bare = Check(*model.metric, model.metric->data(), 0);
          EXPECT_GT(bare.outside_metric, bare.pairs / 2);
        }
      }
    }
  }
  // Nor is the bound generous beyond what chains of this length cost.
  EXPECT_GT(most, 0.05);
  RecordProperty("most", std::to_string(most));
}

// A metric of factors from outside: `scale` is the size of the elements of v.
ResidualCorrelation OfFactors(KernelConfig::Family family,
                              const Matrix<double>& points, int64_t terms,
                              double scale) {
  ResidualPoints data(points.rows(), points.cols(), terms);
  const Matrix<double> elements =
      MakePoints("normal", points.rows(), terms, /*seed=*/5);
  std::fill_n(data.v.data(), data.v.rows() * data.v.stride(), 0.0);
  for (int64_t i = 0; i < points.rows(); ++i) {
    std::copy_n(points.row(i), points.cols(), data.points.row(i));
    for (int64_t c = 0; c < terms; ++c) data.v(i, c) = scale * elements(i, c);
    data.variance[i] = data.inverse_sqrt[i] = 1;
  }
  KernelConfig config;
  config.set_family(family);
  return ResidualCorrelation(*Kernel::Create(config, points.cols()),
                             std::move(data), std::nullopt);
}

// Points whose coordinates float32 holds, around 0.
Matrix<double> Lattice(double step) {
  Matrix<double> points(128, 1);
  for (int64_t i = 0; i < 128; ++i) {
    points(i, 0) = step * static_cast<double>(i - 64);
  }
  return points;
}

class ScreenPartsTest : public testing::TestWithParam<KernelConfig::Family> {};

// Each part of E on data of which the errors are in that part alone: in the
// product, where |v| is about 12 and covariances are sums of hundreds; in the
// kernel, where v is 0; in the coordinates, far from the center.
TEST_P(ScreenPartsTest, OfTheProduct) {
  const ResidualCorrelation metric =
      OfFactors(GetParam(), Lattice(64), 96, 1.2);
  const Count count = Check(metric, metric.data(), 1);
  EXPECT_EQ(count.outside_metric, 0);
  EXPECT_EQ(count.outside_reference, 0);
  EXPECT_GT(count.furthest, 5 * count.of_kernel);
}

TEST_P(ScreenPartsTest, OfTheKernel) {
  const ResidualCorrelation metric =
      OfFactors(GetParam(), Lattice(0x1p-6), 1, 0);
  const Count count = Check(metric, metric.data(), 1);
  EXPECT_EQ(count.outside_metric, 0);
  EXPECT_EQ(count.outside_reference, 0);
  EXPECT_GT(count.furthest, 0.02 * count.of_kernel);
}

TEST_P(ScreenPartsTest, OfTheCoordinates) {
  Matrix<double> points = Lattice(0.11);
  for (int64_t i = 0; i < 64; ++i) points(i, 0) += 1e6;
  const ResidualCorrelation metric = OfFactors(GetParam(), points, 1, 0);
  const Count count = Check(metric, metric.data(), 1);
  EXPECT_EQ(count.outside_metric, 0);
  EXPECT_EQ(count.outside_reference, 0);
  EXPECT_GT(count.furthest, 100 * count.of_kernel);
}

INSTANTIATE_TEST_SUITE_P(
    Families, ScreenPartsTest,
    testing::Values(KernelConfig::RBF, KernelConfig::MATERN12,
                    KernelConfig::MATERN32, KernelConfig::MATERN52),
    [](const auto& info) { return KernelConfig::Family_Name(info.param); });

// Nothing depends on the units of the kernel or of the coordinates.
TEST(ScreenPointsTest, BoundsHoldInAnyUnit) {
  for (const double variance : {1e-12, 0.3, 2.0, 3e9}) {
    EXPECT_GE(variance * ScreenUnit(variance) * ScreenUnit(variance), 0.5);
    EXPECT_LT(variance * ScreenUnit(variance) * ScreenUnit(variance), 2);
    for (const double unit : {1e-6, 1.0, 1e7}) {
      Matrix<double> points = MakePoints("normal", 150, 2, 3);
      for (int64_t i = 0; i < points.rows(); ++i) {
        // Far from the origin, too.
        for (int t = 0; t < 2; ++t) points(i, t) = (points(i, t) + 1e3) * unit;
      }
      const KernelConfig config =
          MakeKernelConfig(KernelFamily::kMatern32, variance, {unit});
      ResidualConfig residual;
      *residual.mutable_kernel() = config;
      residual.mutable_inducing()->mutable_random()->set_count(20);
      const Kernel kernel = *Kernel::Create(config, 2);
      const InducingFactor factor = *InducingFactor::Create(
          kernel, *SelectInducingPoints(residual.inducing(), points.view()),
          residual);
      const ResidualCorrelation metric(
          kernel, *factor.Project(points.view(), 1), factor.rounding());
      const Count count = Check(metric, metric.data(), 1);
      EXPECT_EQ(count.outside_metric, 0);
      EXPECT_EQ(count.outside_reference, 0);
    }
  }
}

// Points for which the derivation does not hold have no bound.
TEST(ScreenPointsTest, WhatIsTooLargeHasNoBound) {
  const TestModel model = MakeTestModel(MakePoints("normal", 100, 2, 1).view(),
                                        KernelConfig::MATERN12, 10);
  const ScreenPoints points(*model.metric, 1, 1);
  ResidualPoints from =
      *model.factor->Project(MakePoints("normal", 4, 2, 2).view(), 1);
  from.v(0, 3) = 100;
  from.v(1, 3) = std::numeric_limits<double>::quiet_NaN();
  from.points(2, 1) = 1e200;
  std::vector<float> v(points.terms(), 7.0f), z(2);
  for (int64_t i = 0; i < 4; ++i) {
    const ScreenPoints::Terms terms =
        points.Load(from, i, v.data(), 1, z.data(), 1);
    EXPECT_EQ(std::isinf(terms.shift), i < 3);
    for (const float x : v) EXPECT_TRUE(std::isfinite(x));
    for (const float x : z) EXPECT_TRUE(std::isfinite(x));
  }
}

}  // namespace
}  // namespace rct
