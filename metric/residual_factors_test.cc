#include "metric/residual_factors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"
#include "metric/test_model.h"
#include "metric/test_reference.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

using Wide = std::vector<std::vector<long double>>;

// L of K(Z, Z) + jitter I, by the definition.
Wide ReferenceCholesky(const KernelSpec& kernel, const Matrix<double>& z,
                       long double jitter) {
  const int64_t m = z.rows();
  Wide l(m, std::vector<long double>(m));
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      long double sum = ReferenceCovariance(kernel, z.row(i), z.row(j));
      if (i == j) sum += jitter;
      for (int64_t c = 0; c < j; ++c) sum -= l[i][c] * l[j][c];
      l[i][j] = i == j ? std::sqrt(sum) : sum / l[j][j];
    }
  }
  return l;
}

std::vector<long double> ReferenceRow(const KernelSpec& kernel, const Wide& l,
                                      const Matrix<double>& z,
                                      const double* x) {
  std::vector<long double> v(l.size());
  for (size_t r = 0; r < l.size(); ++r) {
    v[r] = ReferenceCovariance(kernel, x, z.row(static_cast<int64_t>(r)));
    for (size_t c = 0; c < r; ++c) v[r] -= l[r][c] * v[c];
    v[r] /= l[r][r];
  }
  return v;
}

// One inducing point at 0, the point 1: v = k(0, 1) = exp(-1/2).
TEST(InducingFactorTest, Example) {
  const Kernel kernel = MakeKernel(KernelFamily::kRbf, 1, {1}, 1);
  const auto factor = MakeFactor(kernel, Matrix<double>::Zeros(1, 1), 1e-12);
  ASSERT_THAT(factor, IsOk());
  const double x = 1;
  const auto points = factor->Project(MatrixView<const double>(&x, 1, 1), 1);
  ASSERT_THAT(points, IsOk());
  EXPECT_NEAR(points->v(0, 0), std::exp(-0.5), 1e-11);
  EXPECT_NEAR(points->variance[0], 1 - std::exp(-1), 1e-11);
}

TEST(InducingFactorTest, AgreesWithLongDouble) {
  constexpr double kJitter = 1e-6;
  constexpr int64_t kPoints = 200;
  const std::vector<double> lengthscales = {0.3, 0.7, 0.4, 1.5};
  for (const KernelFamily family : kAllFamilies) {
    for (int64_t dim = 1; dim <= 4; ++dim) {
      for (const int64_t m : {1, 7, 24}) {
        const Kernel kernel =
            MakeKernel(family, 1.7,
                       {lengthscales.begin(), lengthscales.begin() + dim}, dim);
        const KernelSpec spec = kernel.spec();
        const Matrix<double> z = UniformPoints(m, dim, 1);
        const Matrix<double> x = UniformPoints(kPoints, dim, 2);
        const auto factor = MakeFactor(kernel, z, kJitter);
        ASSERT_THAT(factor, IsOk());
        EXPECT_EQ(factor->num_inducing(), m);
        const auto points = factor->Project(x.view(), 1);
        ASSERT_THAT(points, IsOk());
        ASSERT_EQ(points->size(), kPoints);

        const Wide l = ReferenceCholesky(spec, z, kJitter * 1.7);
        long double worst_v = 0;
        long double worst_p = 0;
        for (int64_t i = 0; i < kPoints; ++i) {
          const std::vector<long double> v = ReferenceRow(spec, l, z, x.row(i));
          long double p = 1.7L;
          for (int64_t r = 0; r < m; ++r) {
            worst_v = std::max(worst_v, std::abs(points->v(i, r) - v[r]));
            p -= v[r] * v[r];
          }
          p = std::max(p, 1.7e-9L);
          worst_p = std::max(worst_p, std::abs(points->variance[i] - p));
          EXPECT_EQ(points->inverse_sqrt[i],
                    1 / std::sqrt(points->variance[i]));
          EXPECT_EQ(points->points(i, dim - 1), x(i, dim - 1));
          for (int64_t c = m; c < points->v.stride(); ++c) {
            ASSERT_EQ(points->v.row(i)[c], 0);
          }
        }
        // A factor's errors grow with the condition, at most 24 / jitter; what
        // v.v has of them is of second order.
        EXPECT_LT(worst_v, 1e-9L);
        EXPECT_LT(worst_p, 1e-12L);
      }
    }
  }
}

// V of the inducing points themselves is L^-1 (L L^T - jitter I) = L - jitter
// L^-T: L below the diagonal, and on it L_ii - jitter / L_ii.
TEST(InducingFactorTest, FactorReproducesTheCovariance) {
  constexpr double kJitter = 1e-2;
  constexpr int64_t kInducing = 27;
  for (const KernelFamily family : kAllFamilies) {
    const Kernel kernel = MakeKernel(family, 1, {0.5}, 2);
    const KernelSpec spec = kernel.spec();
    const Matrix<double> z = UniformPoints(kInducing, 2, 1);
    const auto points =
        MakeFactor(kernel, z, kJitter).value().Project(z.view(), 1);
    ASSERT_THAT(points, IsOk());
    Wide l(kInducing, std::vector<long double>(kInducing));
    for (int64_t i = 0; i < kInducing; ++i) {
      for (int64_t c = 0; c < i; ++c) l[i][c] = points->v(i, c);
      const long double v = points->v(i, i);
      l[i][i] = (v + std::sqrt(v * v + 4 * kJitter)) / 2;
    }
    for (int64_t i = 0; i < kInducing; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        long double product = 0;
        for (int64_t c = 0; c <= j; ++c) product += l[i][c] * l[j][c];
        const long double k = ReferenceCovariance(spec, z.row(i), z.row(j)) +
                              (i == j ? kJitter : 0.0);
        EXPECT_LT(std::abs(product - k), 2e-14L) << i << ", " << j;
      }
    }
  }
}

// However the work is divided: one fused chain for each element, in the order
// of the inducing index, times the inverse of the diagonal.
TEST(InducingFactorTest, BitsAreThoseOfPlainSubstitution) {
  constexpr int64_t kPoints = 100;
  constexpr double kJitter = 1e-6;
  const Matrix<double> x = UniformPoints(kPoints, 2, 2);
  const Kernel kernel = MakeKernel(KernelFamily::kMatern52, 1, {0.4}, 2);
  const auto covariance = [&](const double* a, const double* b) {
    double y[16] = {};
    for (int t = 0; t < 2; ++t) y[8 * t] = b[t];
    double k[8];
    SimdRoutinesFor(Isa::kScalar)
        ->covariance_row(kernel.spec(), a, {y, 8}, 1, k);
    return k[0];
  };
  for (const int64_t m : {1, 8, 29}) {
    const Matrix<double> z = UniformPoints(m, 2, 1);
    Matrix<double> l(m, m);
    std::vector<double> inverse(m);
    // The first `length` elements of v for a point, or of a row of L.
    const auto substitute = [&](const double* point, int64_t length,
                                double* v) {
      for (int64_t r = 0; r < length; ++r) {
        double value = covariance(z.row(r), point);
        for (int64_t c = 0; c < r; ++c) value = std::fma(-l(r, c), v[c], value);
        v[r] = value * inverse[r];
      }
    };
    for (int64_t i = 0; i < m; ++i) {
      substitute(z.row(i), i, l.row(i));
      double pivot = 1 + kJitter;
      for (int64_t c = 0; c < i; ++c) {
        pivot = std::fma(-l(i, c), l(i, c), pivot);
      }
      l(i, i) = std::sqrt(pivot);
      inverse[i] = 1 / l(i, i);
    }
    const ResidualPoints points =
        MakeFactor(kernel, z, kJitter).value().Project(x.view(), 1).value();
    std::vector<double> v(m);
    for (int64_t i = 0; i < kPoints; ++i) {
      substitute(x.row(i), m, v.data());
      ASSERT_EQ(Bits(absl::MakeConstSpan(points.v.row(i), m)), Bits(v));
      const double* row = points.v.row(i);
      double norm;
      SimdRoutinesFor(Isa::kScalar)
          ->dot_tile(&row, 1, &row, 1, points.v.stride(), &norm, 1);
      ASSERT_EQ(points.variance[i], std::max(1 - norm, 1e-9));
    }
  }
}

void ExpectSamePoint(const ResidualPoints& a, int64_t i,
                     const ResidualPoints& b, int64_t j) {
  const int64_t stride = a.v.stride();
  ASSERT_EQ(b.v.stride(), stride);
  ASSERT_EQ(Bits(absl::MakeConstSpan(a.v.row(i), stride)),
            Bits(absl::MakeConstSpan(b.v.row(j), stride)));
  ASSERT_EQ(a.variance[i], b.variance[j]);
  ASSERT_EQ(a.inverse_sqrt[i], b.inverse_sqrt[j]);
}

TEST(InducingFactorTest, BitsDependOnThePointAlone) {
  constexpr int64_t kPoints = 500;  // five chunks of 96, and 20 more
  const Matrix<double> x = UniformPoints(kPoints, 3, 2);
  for (const int64_t m : {5, 8, 37}) {
    const Matrix<double> z = UniformPoints(m, 3, 1);
    const Kernel kernel = MakeKernel(
        m == 8 ? KernelFamily::kRbf : KernelFamily::kMatern32, 1.3, {0.4}, 3);
    const ResidualPoints reference =
        MakeFactor(kernel, z, 1e-6, *SimdRoutinesFor(Isa::kScalar))
            .value()
            .Project(x.view(), 1)
            .value();
    for (const Isa isa : AvailableIsas()) {
      SCOPED_TRACE(IsaName(isa));
      const InducingFactor factor =
          MakeFactor(kernel, z, 1e-6, *SimdRoutinesFor(isa)).value();
      for (const int threads : {1, 2, 7}) {
        const ResidualPoints all = factor.Project(x.view(), threads).value();
        for (int64_t i = 0; i < kPoints; ++i) {
          ASSERT_NO_FATAL_FAILURE(ExpectSamePoint(all, i, reference, i));
        }
      }
      for (const int64_t i : {0, 7, 95, 96, 97, 480, 499}) {
        const ResidualPoints alone =
            factor.Project({x.row(i), 1, 3}, 1).value();
        ASSERT_NO_FATAL_FAILURE(ExpectSamePoint(alone, 0, reference, i));
      }
      for (const int64_t count : {9, 95, 96, 103, 193}) {
        const int64_t first = 3;
        const ResidualPoints some =
            factor.Project({x.row(first), count, 3}, 7).value();
        for (int64_t i = 0; i < count; ++i) {
          ASSERT_NO_FATAL_FAILURE(
              ExpectSamePoint(some, i, reference, first + i));
        }
      }
    }
  }
}

TEST(InducingFactorTest, NoPoints) {
  const InducingFactor factor =
      MakeFactor(MakeKernel(KernelFamily::kRbf, 1, {}, 2),
                 UniformPoints(9, 2, 1), 1e-6)
          .value();
  for (const int threads : {1, 7}) {
    const auto none = factor.Project(Matrix<double>(0, 2).view(), threads);
    ASSERT_THAT(none, IsOk());
    EXPECT_EQ(none->size(), 0);
    EXPECT_EQ(none->v.cols(), 9);
  }
}

// Multiplying the variance by 4^k multiplies V by 2^k, and is exact.
TEST(InducingFactorTest, VarianceIsAUnit) {
  const Matrix<double> z = UniformPoints(10, 2, 1);
  const Matrix<double> x = UniformPoints(30, 2, 2);
  const auto project = [&](double variance) {
    return MakeFactor(MakeKernel(KernelFamily::kMatern52, variance, {0.3}, 2),
                      z, 0x1p-20)
        .value()
        .Project(x.view(), 1)
        .value();
  };
  const ResidualPoints one = project(1);
  for (const int power : {1, -1, 200, -200}) {
    const ResidualPoints scaled = project(std::ldexp(1.0, 2 * power));
    for (int64_t i = 0; i < 30; ++i) {
      ASSERT_EQ(scaled.variance[i], std::ldexp(one.variance[i], 2 * power));
      for (int64_t r = 0; r < 10; ++r) {
        ASSERT_EQ(scaled.v(i, r), std::ldexp(one.v(i, r), power));
      }
    }
  }
}

TEST(InducingFactorTest, PointOnAnInducingPointKeepsTheJitter) {
  const Matrix<double> z = UniformPoints(20, 2, 1);
  for (const double jitter : {1e-3, 1e-6, 1e-8}) {
    const ResidualPoints points =
        MakeFactor(MakeKernel(KernelFamily::kMatern12, 3, {0.2}, 2), z, jitter)
            .value()
            .Project(z.view(), 1)
            .value();
    for (int64_t i = 0; i < 20; ++i) {
      EXPECT_NEAR(points.variance[i] / (3 * jitter), 1, 0.02);
    }
  }
}

TEST(InducingFactorTest, WithRowsChangesTheRowsAlone) {
  const Matrix<double> x = UniformPoints(50, 2, 2);
  std::optional<InducingFactor> factor =
      MakeFactor(MakeKernel(KernelFamily::kMatern32, 1.3, {0.4}, 2),
                 UniformPoints(19, 2, 1), 1e-6)
          .value();
  const ResidualPoints expected = factor->Project(x.view(), 1).value();
  std::vector<int64_t> rows(19);
  std::iota(rows.rbegin(), rows.rend(), 100);
  const InducingFactor other = factor->WithRows(rows);
  factor.reset();  // the memory lives on
  EXPECT_EQ(other.inducing().rows, rows);
  EXPECT_EQ(other.num_inducing(), 19);
  EXPECT_EQ(other.rounding().num_inducing, 19);
  EXPECT_EQ(other.rounding().jitter, 1e-6 * 1.3);
  const ResidualPoints found = other.Project(x.view(), 1).value();
  for (int64_t i = 0; i < found.size(); ++i) {
    ASSERT_NO_FATAL_FAILURE(ExpectSamePoint(found, i, expected, i));
  }
}

TEST(InducingFactorTest, VarianceIsNotBelowTheFloor) {
  ResidualConfig config;
  config.set_jitter(1e-6);
  config.set_variance_floor(1e-3);
  const Matrix<double> z = UniformPoints(20, 2, 1);
  const ResidualPoints points =
      InducingFactor::Create(MakeKernel(KernelFamily::kRbf, 2, {1}, 2),
                             {z.Clone(), {}}, config)
          .value()
          .Project(z.view(), 1)
          .value();
  for (int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(points.variance[i], 2e-3);
    EXPECT_EQ(points.inverse_sqrt[i], 1 / std::sqrt(2e-3));
  }
}

TEST(InducingFactorTest, RoundingModelIsThatOfTheFactor) {
  const InducingFactor factor =
      MakeFactor(MakeKernel(KernelFamily::kRbf, 2, {}, 3),
                 UniformPoints(9, 3, 1), 1e-5)
          .value();
  EXPECT_EQ(factor.rounding().num_inducing, 9);
  EXPECT_EQ(factor.rounding().variance, 2);
  EXPECT_EQ(factor.rounding().jitter, 2e-5);
  EXPECT_EQ(factor.rounding().kernel_ulps, 19);
}

TEST(InducingFactorTest, JitterAndFloorArePositiveAndFinite) {
  const Kernel kernel = MakeKernel(KernelFamily::kRbf, 1, {}, 1);
  const auto create = [&](double jitter, double floor) {
    ResidualConfig config;
    config.set_jitter(jitter);
    config.set_variance_floor(floor);
    return InducingFactor::Create(kernel, {UniformPoints(3, 1, 1), {}}, config);
  };
  EXPECT_THAT(create(1e-6, 1e-9), IsOk());
  for (const double bad : {0.0, -0.0, -1.0, kNan, kInfinity}) {
    EXPECT_THAT(create(bad, 1e-9),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith("jitter: is "),
                               HasSubstr("; must be positive and finite"))));
    EXPECT_THAT(create(1e-6, bad),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith("variance_floor: is "),
                               HasSubstr("; must be positive and finite"))));
  }
}

// Or 1 / sqrt(p) squared is infinite, and 0 times that is NaN.
TEST(InducingFactorTest, FloorIsANormalNumber) {
  EXPECT_THAT(MakeFactor(MakeKernel(KernelFamily::kRbf, 1e-305, {}, 1),
                         UniformPoints(3, 1, 1), 1e-2),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("variance_floor: is 1e-09 of a "
                                        "variance of 1e-305"))));
}

TEST(InducingFactorTest, DuplicatesNeedJitter) {
  const Kernel kernel = MakeKernel(KernelFamily::kRbf, 1, {}, 1);
  Matrix<double> z = UniformPoints(12, 1, 1);
  for (int64_t i = 0; i < 12; ++i) z(i, 0) = 100.0 * i;  // nearly independent
  z(10, 0) = z(4, 0);                                    // in another panel
  EXPECT_THAT(
      MakeFactor(kernel, z, 1e-30),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(StartsWith("inducing point 10: K(Z,Z) + jitter is not "
                                "positive definite there (pivot "),
                     HasSubstr("raise the jitter"))));
  EXPECT_THAT(MakeFactor(kernel, z, 1e-6), IsOk());

  // Rows of the data are named as such.
  z(10, 0) = 1000;
  z(3, 0) = z(1, 0);
  ResidualConfig config;
  config.set_jitter(1e-30);
  std::vector<int64_t> rows(12);
  for (int64_t i = 0; i < 12; ++i) rows[i] = 100 - i;
  EXPECT_THAT(InducingFactor::Create(kernel, {z.Clone(), rows}, config),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       StartsWith("inducing point 3 (row 97): ")));
}

TEST(InducingFactorTest, JitterTooSmallForSmoothCovariance) {
  const Kernel kernel = MakeKernel(KernelFamily::kRbf, 1, {5}, 1);
  EXPECT_THAT(MakeFactor(kernel, UniformPoints(40, 1, 1), 1e-20),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       StartsWith("inducing point ")));
}

TEST(InducingFactorTest, PivotOverflows) {
  EXPECT_THAT(MakeFactor(MakeKernel(KernelFamily::kRbf, 1.7e308, {}, 1),
                         UniformPoints(3, 1, 1), 0.5),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       StartsWith("inducing point 0: ")));
}

// The largest variance: L^-1 k squared rounds to infinity near the inducing
// point.
TEST(InducingFactorTest, FactorThatOverflowsNamesTheFirstRow) {
  const Kernel kernel =
      MakeKernel(KernelFamily::kRbf, std::numeric_limits<double>::max(), {}, 1);
  const auto factor = MakeFactor(kernel, Matrix<double>::Zeros(1, 1), 1e-17);
  ASSERT_THAT(factor, IsOk());
  Matrix<double> x(300, 1);
  for (int64_t i = 0; i < 300; ++i) x(i, 0) = i < 150 ? 3 : 0;
  for (const int threads : {1, 7}) {
    EXPECT_THAT(factor->Project(x.view(), threads),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         StartsWith("row 150: its residual factor is not "
                                    "finite")));
  }
}

struct UserFactors {
  Matrix<double> points = UniformPoints(4, 2, 1);
  Matrix<double> v = UniformPoints(4, 5, 2);
  std::vector<double> variance = {0.5, 1, 2, 1e-12};

  auto Take() const {
    return ResidualPointsFromFactors(points.view(), v.view(), variance);
  }
};

TEST(ResidualPointsFromFactorsTest, TakesThemAsTheyAre) {
  const UserFactors user;
  const auto points = user.Take();
  ASSERT_THAT(points, IsOk());
  ASSERT_EQ(points->size(), 4);
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(points->points(i, 1), user.points(i, 1));
    EXPECT_EQ(points->v(i, 4), user.v(i, 4));
    for (int64_t c = 5; c < 8; ++c) EXPECT_EQ(points->v.row(i)[c], 0);
    EXPECT_EQ(points->variance[i], user.variance[i]);
    EXPECT_EQ(points->inverse_sqrt[i], 1 / std::sqrt(user.variance[i]));
  }
}

TEST(ResidualPointsFromFactorsTest, ShapesAgree) {
  UserFactors user;
  user.variance.pop_back();
  EXPECT_THAT(user.Take(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "factors: 4 points, but V has 4 rows and the residual "
                       "variance 3 elements; all must agree"));
  user = {};
  user.v = UniformPoints(5, 5, 2);
  EXPECT_THAT(user.Take(), StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("4 points, but V has 5 rows")));
  user.v = Matrix<double>(4, 0);
  EXPECT_THAT(user.Take(), StatusIs(absl::StatusCode::kInvalidArgument,
                                    StartsWith("factors: V: has 0 columns")));
}

TEST(ResidualPointsFromFactorsTest, ValuesAreFinite) {
  for (const double bad : {kNan, kInfinity, -kInfinity}) {
    UserFactors user;
    user.v(2, 3) = bad;
    EXPECT_THAT(user.Take(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         StartsWith("factors: V: row 2, column 3 is ")));
  }
  // Two such rows could have infinities of both signs in their product.
  UserFactors user;
  user.v(1, 0) = 1e160;
  EXPECT_THAT(user.Take(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "factors: V, row 1: its squared length overflows"));
}

TEST(ResidualPointsFromFactorsTest, VarianceIsPositiveAndFinite) {
  for (const double bad : {0.0, -0.0, -1.0, kNan, kInfinity, 1e-310}) {
    UserFactors user;
    user.variance[2] = bad;
    EXPECT_THAT(user.Take(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith("factors: residual variance, row 2 "
                                          "is "),
                               HasSubstr("must be positive and finite"))));
  }
}

}  // namespace
}  // namespace rct
