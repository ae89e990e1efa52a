#include "metric/kernel.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "metric/test_reference.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(KernelTest, IsWhatItsConfigSays) {
  for (const KernelFamily family : kAllFamilies) {
    const auto kernel =
        Kernel::Create(MakeKernelConfig(family, 2.5, {0.5, 4}), 2);
    ASSERT_THAT(kernel, IsOk());
    EXPECT_EQ(kernel->family(), family);
    EXPECT_EQ(kernel->dim(), 2);
    EXPECT_EQ(kernel->variance(), 2.5);
    EXPECT_EQ(kernel->rounding_ulps(), 18);
    const KernelSpec spec = kernel->spec();
    EXPECT_EQ(spec.family, family);
    EXPECT_EQ(spec.dim, 2);
    EXPECT_EQ(spec.variance, 2.5);
    EXPECT_EQ(spec.inverse_lengthscale[0], 2);
    EXPECT_EQ(spec.inverse_lengthscale[1], 0.25);
  }
}

TEST(KernelTest, DefaultsAreOne) {
  KernelConfig config;
  config.set_family(KernelConfig::RBF);
  const auto kernel = Kernel::Create(config, 3);
  ASSERT_THAT(kernel, IsOk());
  EXPECT_EQ(kernel->variance(), 1);
  for (int t = 0; t < 3; ++t) {
    EXPECT_EQ(kernel->spec().inverse_lengthscale[t], 1);
  }
}

TEST(KernelTest, OneLengthscaleIsThatOfAllDimensions) {
  for (const KernelFamily family : kAllFamilies) {
    const Kernel one =
        Kernel::Create(MakeKernelConfig(family, 1, {0.3}), 3).value();
    const Kernel each =
        Kernel::Create(MakeKernelConfig(family, 1, {0.3, 0.3, 0.3}), 3).value();
    const double x[] = {0.1, 0.2, 0.3};
    double y[3 * 8];
    for (int i = 0; i < 24; ++i) y[i] = 0.01 * i * i;
    double k[2][8];
    BestSimdRoutines().covariance_row(one.spec(), x, {y, 8}, 8, k[0]);
    BestSimdRoutines().covariance_row(each.spec(), x, {y, 8}, 8, k[1]);
    EXPECT_EQ(Bits(k[0]), Bits(k[1]));
  }
}

TEST(KernelTest, FamilyIsRequired) {
  EXPECT_THAT(Kernel::Create(KernelConfig(), 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("kernel.family: not given"),
                             HasSubstr("RBF"), HasSubstr("MATERN52"))));
}

TEST(KernelTest, DimensionIsPositive) {
  for (const int64_t dim : {0, -1}) {
    EXPECT_THAT(
        Kernel::Create(MakeKernelConfig(KernelFamily::kRbf, 1, {}), dim),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr(absl::StrCat("have ", dim, " coordinates"))));
  }
}

TEST(KernelTest, VarianceIsPositiveAndFinite) {
  for (const double variance : {0.0, -0.0, -1.0, kNan, kInfinity, -kInfinity}) {
    EXPECT_THAT(
        Kernel::Create(MakeKernelConfig(KernelFamily::kRbf, variance, {}), 1),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 absl::StrCat("kernel.variance: is ", variance,
                              "; must be positive and finite")));
  }
}

TEST(KernelTest, LengthscalesAreNoneOneOrOneForEachDimension) {
  for (const int given : {2, 4}) {
    EXPECT_THAT(
        Kernel::Create(MakeKernelConfig(KernelFamily::kMatern32, 1,
                                        std::vector<double>(given, 1)),
                       3),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 absl::StrCat("kernel.lengthscale: ", given,
                              " values for points of 3 coordinates; give one, "
                              "or one for each coordinate")));
  }
}

TEST(KernelTest, LengthscalesAndTheirInversesArePositiveAndFinite) {
  // The inverse of 1e-320 is infinite.
  for (const double bad : {0.0, -0.0, -2.0, kNan, kInfinity, 1e-320}) {
    EXPECT_THAT(
        Kernel::Create(MakeKernelConfig(KernelFamily::kRbf, 1, {bad}), 2),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 absl::StrCat("kernel.lengthscale[0]: is ", bad,
                              "; it and its inverse must be positive and "
                              "finite")));
    EXPECT_THAT(
        Kernel::Create(MakeKernelConfig(KernelFamily::kRbf, 1, {1, bad}), 2),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 StartsWith("kernel.lengthscale[1]: is ")));
  }
}

}  // namespace
}  // namespace rct
