#include "index/factor_check.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "metric/residual_points.h"
#include "metric/test_data.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr KernelConfig::Family kFamilies[] = {
    KernelConfig::RBF, KernelConfig::MATERN12, KernelConfig::MATERN32,
    KernelConfig::MATERN52};

ResidualConfig Config(KernelConfig::Family family, double variance,
                      double lengthscale, int64_t count) {
  ResidualConfig config;
  config.mutable_kernel()->set_family(family);
  config.mutable_kernel()->set_variance(variance);
  config.mutable_kernel()->add_lengthscale(lengthscale);
  config.mutable_inducing()->mutable_random()->set_count(count);
  return config;
}

// Factors as a user computes them.
struct Factors {
  explicit Factors(const Matrix<double>& points, const ResidualConfig& config)
      : points(points.Clone()) {
    const ResidualModel model =
        ResidualModel::Create(points.view(), config).value();
    const ResidualPoints& data = model.metric()->data();
    v = Matrix<double>::Copy(data.v.view());
    p.assign(data.variance.begin(), data.variance.end());
  }

  absl::Status StatusWith(const KernelConfig& kernel) const {
    return ResidualModel::FromFactors(points.view(), kernel, v.view(), p)
        .status();
  }

  Matrix<double> points;
  Matrix<double> v;
  std::vector<double> p;
};

testing::Matcher<absl::Status> Contradicts(const std::string& start) {
  return StatusIs(absl::StatusCode::kInvalidArgument,
                  AllOf(StartsWith("factors: " + start),
                        HasSubstr("correlation"), HasSubstr("lengthscale")));
}

// An example: factors of a process of variance 4 are none of variance 1.
TEST(CheckFactorsTest, FindsAVarianceThatWasForgotten) {
  const Factors factors(MakePoints("cube", 100, 2, 1),
                        Config(KernelConfig::RBF, /*variance=*/4, 0.4, 20));
  KernelConfig kernel = Config(KernelConfig::RBF, 4, 0.4, 20).kernel();
  EXPECT_THAT(factors.StatusWith(kernel), IsOk());
  kernel.set_variance(1);
  EXPECT_THAT(factors.StatusWith(kernel), Contradicts(""));
}

// There are no false alarms. Points of clusters repeat or nearly repeat others
// and inducing points, so that p is at the floor or the jitter.
TEST(CheckFactorsTest, HonestFactorsPass) {
  for (const KernelConfig::Family family : kFamilies) {
    for (const std::string set : {"cube", "clusters", "duplicates", "normal"}) {
      for (const double jitter : {1e-6, 1e-4, 1e-2}) {
        for (const double variance : {1.0, 2.5e-9, 4e7}) {
          SCOPED_TRACE(absl::StrCat(KernelConfig::Family_Name(family), " ", set,
                                    " ", jitter, " ", variance));
          ResidualConfig config = Config(family, variance, 0.4, 60);
          config.set_jitter(jitter);
          Factors factors(MakePoints(set, 600, 2, 3), config);
          EXPECT_THAT(factors.StatusWith(config.kernel()), IsOk());
          // p may hold a nugget, or a floor of the user's.
          Factors more(factors.points, config);
          for (double& p : more.p) p = std::max(p + 0.1 * variance, 0.2);
          EXPECT_THAT(more.StatusWith(config.kernel()), IsOk());
          // V may be in float32, with p as it was or with p of that V in
          // float32.
          for (int64_t i = 0; i < factors.v.rows(); ++i) {
            float squared = 0;
            for (int64_t t = 0; t < factors.v.cols(); ++t) {
              const auto v = static_cast<float>(factors.v(i, t));
              factors.v(i, t) = v;
              squared += v * v;
            }
            more.p[i] = std::max(static_cast<float>(variance) - squared,
                                 static_cast<float>(variance * 1e-9));
          }
          EXPECT_THAT(factors.StatusWith(config.kernel()), IsOk());
          factors.p = more.p;
          EXPECT_THAT(factors.StatusWith(config.kernel()), IsOk());
        }
      }
    }
  }
}

TEST(CheckFactorsTest, AnotherVariance) {
  for (const KernelConfig::Family family : kFamilies) {
    for (const double forgotten : {2.5, 1.1, 0.9, 0.01}) {
      SCOPED_TRACE(
          absl::StrCat(KernelConfig::Family_Name(family), " ", forgotten));
      const ResidualConfig config = Config(family, forgotten, 0.5, 60);
      const Factors factors(MakePoints("cube", 500, 2, 3), config);
      EXPECT_THAT(factors.StatusWith(config.kernel()), IsOk());
      KernelConfig kernel = config.kernel();
      kernel.set_variance(1);
      EXPECT_THAT(
          factors.StatusWith(kernel),
          Contradicts(forgotten > 1 ? "V, row" : "residual variance, row"));
    }
  }
}

TEST(CheckFactorsTest, AnotherLengthscaleOrFamily) {
  for (const KernelConfig::Family family : kFamilies) {
    const ResidualConfig config = Config(family, 1, 0.5, 80);
    const Factors factors(MakePoints("cube", 3000, 2, 3), config);
    for (const double lengthscale : {0.05, 0.3, 0.45, 0.6, 2.0}) {
      SCOPED_TRACE(
          absl::StrCat(KernelConfig::Family_Name(family), " ", lengthscale));
      KernelConfig kernel = config.kernel();
      kernel.set_lengthscale(0, lengthscale);
      // A rough process leaves such a large p that another kernel fits as well.
      if (family == KernelConfig::MATERN12 && lengthscale > 0.3) continue;
      EXPECT_THAT(factors.StatusWith(kernel), Contradicts("rows "));
    }
    for (const KernelConfig::Family other : kFamilies) {
      if (other == family || family == KernelConfig::MATERN12) continue;
      SCOPED_TRACE(absl::StrCat(KernelConfig::Family_Name(family), " as ",
                                KernelConfig::Family_Name(other)));
      KernelConfig kernel = config.kernel();
      kernel.set_family(other);
      EXPECT_THAT(factors.StatusWith(kernel), Contradicts("rows "));
    }
  }
}

TEST(CheckFactorsTest, AnotherOrder) {
  for (const KernelConfig::Family family : kFamilies) {
    SCOPED_TRACE(KernelConfig::Family_Name(family));
    const ResidualConfig config = Config(family, 1, 0.5, 60);
    const Matrix<double> points = MakePoints("cube", 500, 2, 3);
    Factors factors(points, config);
    // The rows of V and p are rotated together, and then those of V alone.
    std::rotate(factors.v.data(), factors.v.data() + factors.v.stride(),
                factors.v.data() + 500 * factors.v.stride());
    std::rotate(factors.p.begin(), factors.p.begin() + 1, factors.p.end());
    EXPECT_THAT(factors.StatusWith(config.kernel()), Contradicts("rows "));
    std::rotate(factors.p.begin(), factors.p.end() - 1, factors.p.end());
    EXPECT_THAT(factors.StatusWith(config.kernel()), Contradicts(""));
  }
}

TEST(CheckFactorsTest, Transposed) {
  const ResidualConfig config = Config(KernelConfig::MATERN32, 1, 0.5, 100);
  Factors factors(MakePoints("cube", 100, 2, 3), config);
  for (int64_t i = 0; i < 100; ++i) {
    for (int64_t j = 0; j < i; ++j) std::swap(factors.v(i, j), factors.v(j, i));
  }
  EXPECT_THAT(factors.StatusWith(config.kernel()), Contradicts(""));
}

TEST(CheckFactorsTest, ResidualVarianceOfOthers) {
  const ResidualConfig config = Config(KernelConfig::RBF, 1, 0.5, 30);
  Factors factors(MakePoints("cube", 200, 2, 3), config);
  // V explains most of the variance there, and p is small.
  ASSERT_GT(factors.p[117], 1e-3);
  factors.p[117] = 1e-9;
  EXPECT_THAT(factors.StatusWith(config.kernel()),
              Contradicts("residual variance, row 117 is 1e-09, less than"));
}

TEST(CheckFactorsTest, HardlyAnyPoints) {
  KernelConfig kernel;
  kernel.set_family(KernelConfig::RBF);
  for (const int64_t n : {0, 1, 2}) {
    const std::vector<double> ones(n, 1.0);
    EXPECT_THAT(
        ResidualModel::FromFactors(MakePoints("cube", n, 1, 1).view(), kernel,
                                   Matrix<double>::Zeros(n, 1).view(), ones)
            .status(),
        IsOk());
  }
}

}  // namespace
}  // namespace rct
