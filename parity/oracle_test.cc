#include "parity/oracle.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kJitter = 1e-6;
constexpr double kFloor = 1e-9;

// Within `error` in long double; EXPECT_NEAR would round to double.
MATCHER_P2(IsNear, value, error, "") {
  const long double off = std::abs(arg - value);
  *result_listener << "off by " << static_cast<double>(off);
  return off <= error;
}

Matrix<double> MakeMatrix(int64_t rows, int64_t cols,
                          const std::vector<double>& values) {
  Matrix<double> matrix(rows, cols);
  std::copy(values.begin(), values.end(), matrix.data());
  return matrix;
}

Matrix<double> RandomMatrix(int64_t rows, int64_t cols, uint64_t stream) {
  RandomStream random(1, stream);
  Matrix<double> matrix(rows, cols);
  for (int64_t i = 0; i < rows * cols; ++i) matrix.data()[i] = random.Normal();
  return matrix;
}

KernelConfig MakeKernel(KernelConfig::Family family, double variance = 1,
                        const std::vector<double>& lengthscale = {}) {
  KernelConfig kernel;
  kernel.set_family(family);
  kernel.set_variance(variance);
  for (const double value : lengthscale) kernel.add_lengthscale(value);
  return kernel;
}

OracleProblem Residual(const Matrix<double>& points, const KernelConfig& kernel,
                       const Matrix<double>& inducing) {
  return OracleProblem::Residual(points.view(), kernel, inducing.view(),
                                 kJitter, kFloor, 1)
      .value();
}

OracleProblem Euclidean(const Matrix<double>& points) {
  return OracleProblem::Euclidean(points.view()).value();
}

std::vector<int64_t> AllRows(const OracleProblem& problem) {
  std::vector<int64_t> rows(problem.size());
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::vector<int64_t> RowsOf(const NeighborTable& table, int64_t query) {
  const int64_t* row = table.rows().row(query);
  return {row, row + table.k()};
}

std::vector<double> DistancesOf(const NeighborTable& table, int64_t query) {
  const double* row = table.distances().row(query);
  return {row, row + table.k()};
}

// Returns a table by its definition: all candidates, sorted.
NeighborTable SortAll(const OracleProblem& problem,
                      const std::vector<int64_t>& queries, int64_t k,
                      OracleSearchOptions options) {
  NeighborTable table(queries.size(), k);
  for (size_t q = 0; q < queries.size(); ++q) {
    std::vector<std::pair<double, int64_t>> all;
    for (int64_t j = 0; j < problem.size(); ++j) {
      if (options.exclude_self && j == queries[q]) continue;
      if (options.predecessor && j >= queries[q]) continue;
      all.emplace_back(static_cast<double>(problem.Distance(queries[q], j)), j);
    }
    std::sort(all.begin(), all.end());
    for (int64_t r = 0; r < std::min<int64_t>(k, all.size()); ++r) {
      table.distances()(q, r) = all[r].first;
      table.rows()(q, r) = all[r].second;
    }
  }
  return table;
}

// An example of use: 3, 4 and 5 are the sides of a triangle.
TEST(OracleProblemTest, FindsTheNearestRows) {
  const Matrix<double> points = MakeMatrix(3, 2, {0, 0, 3, 0, 3, 4});
  const OracleProblem problem = Euclidean(points);
  EXPECT_EQ(problem.Distance(0, 2), 5);
  const NeighborTable nearest =
      problem.Search({2}, /*k=*/2, {.exclude_self = true}, 1).value();
  EXPECT_EQ(nearest.rows()(0, 0), 1);
  EXPECT_EQ(nearest.distances()(0, 0), 4);
  EXPECT_EQ(nearest.rows()(0, 1), 0);
}

// Far from all inducing points the residual process is the process itself, and
// d = sqrt(1 - k / variance) at distance r, r^2 = 0.5^2 + 1^2, to 28 digits.
TEST(KernelTest, AgreesWithDecimalArithmetic) {
  const Matrix<double> points = MakeMatrix(2, 2, {0.25, -1, 1, 0.5});
  const Matrix<double> far_away = MakeMatrix(1, 2, {1e6, 1e6});
  const std::pair<KernelConfig::Family, long double> cases[] = {
      {KernelConfig::RBF, 0.6817173692088311153179427480L},
      {KernelConfig::MATERN12, 0.8204133742499826463490960691L},
      {KernelConfig::MATERN32, 0.7592967043002793484080749685L},
      {KernelConfig::MATERN52, 0.7359973444358104885454139077L},
  };
  for (const auto& [family, distance] : cases) {
    SCOPED_TRACE(KernelConfig::Family_Name(family));
    const OracleProblem problem =
        Residual(points, MakeKernel(family, 2.5, {1.5}), far_away);
    EXPECT_THAT(problem.Distance(0, 1), IsNear(distance, 1e-18L));
    EXPECT_EQ(problem.ResidualVariance(0), 2.5L);
  }
}

TEST(KernelTest, OneLengthscaleForEachDimensionScalesThatDimension) {
  const Matrix<double> points = RandomMatrix(8, 3, 1);
  const Matrix<double> inducing = RandomMatrix(2, 3, 2);
  const double lengthscale[] = {0.5, 2, 4};  // Divides without rounding.
  Matrix<double> scaled_points = points.Clone();
  Matrix<double> scaled_inducing = inducing.Clone();
  for (Matrix<double>* scaled : {&scaled_points, &scaled_inducing}) {
    for (int64_t i = 0; i < scaled->rows(); ++i) {
      for (int64_t t = 0; t < 3; ++t) (*scaled)(i, t) /= lengthscale[t];
    }
  }
  const OracleProblem problem = Residual(
      points, MakeKernel(KernelConfig::MATERN32, 1, {0.5, 2, 4}), inducing);
  const OracleProblem scaled = Residual(
      scaled_points, MakeKernel(KernelConfig::MATERN32), scaled_inducing);
  for (int64_t i = 0; i < 8; ++i) {
    for (int64_t j = 0; j < 8; ++j) {
      EXPECT_EQ(problem.Distance(i, j), scaled.Distance(i, j));
    }
  }
}

// The residual covariance is the Schur complement that Gaussian elimination of
// the inducing points leaves in the covariance of (Z, x, y).
TEST(ResidualTest, IsTheSchurComplement) {
  constexpr int64_t kInducing = 12;
  const Matrix<double> points = RandomMatrix(6, 2, 3);
  const Matrix<double> inducing = RandomMatrix(kInducing, 2, 4);
  const OracleProblem problem =
      Residual(points, MakeKernel(KernelConfig::RBF, 3), inducing);
  const auto covariance = [](const double* x, const double* y) {
    const long double u = static_cast<long double>(x[0]) - y[0];
    const long double v = static_cast<long double>(x[1]) - y[1];
    return 3 * std::exp(-(u * u + v * v) / 2);
  };
  for (int64_t i = 0; i < points.rows(); ++i) {
    for (int64_t j = 0; j < points.rows(); ++j) {
      constexpr int64_t kAll = kInducing + 2;
      std::vector<const double*> all;
      for (int64_t r = 0; r < kInducing; ++r) all.push_back(inducing.row(r));
      all.push_back(points.row(i));
      all.push_back(points.row(j));
      long double a[kAll][kAll];
      for (int64_t r = 0; r < kAll; ++r) {
        for (int64_t c = 0; c < kAll; ++c) a[r][c] = covariance(all[r], all[c]);
        if (r < kInducing) a[r][r] += kJitter * 3;
      }
      for (int64_t r = 0; r < kInducing; ++r) {
        for (int64_t s = r + 1; s < kAll; ++s) {
          const long double factor = a[s][r] / a[r][r];
          for (int64_t c = r; c < kAll; ++c) a[s][c] -= factor * a[r][c];
        }
      }
      const long double p_i = a[kInducing][kInducing];
      const long double p_j = a[kInducing + 1][kInducing + 1];
      const long double rho = a[kInducing][kInducing + 1] / sqrtl(p_i * p_j);
      EXPECT_THAT(problem.ResidualVariance(i), IsNear(p_i, 1e-15L));
      if (i != j) {
        EXPECT_THAT(
            problem.Distance(i, j),
            IsNear(std::sqrt(1 - std::min(std::abs(rho), 1.0L)), 1e-12L));
      }
    }
  }
}

TEST(ResidualTest, NegativeCorrelationIsAsNearAsPositive) {
  // The residuals of two points on different sides of an inducing point have
  // opposite signs; the distance depends on the absolute value only.
  const Matrix<double> points = MakeMatrix(3, 1, {-1, 1, 30});
  const Matrix<double> inducing = MakeMatrix(1, 1, {0});
  const OracleProblem problem =
      Residual(points, MakeKernel(KernelConfig::RBF), inducing);
  const long double z = std::exp(-0.5L);  // k(0, 1)
  const long double scale = 1 + static_cast<long double>(kJitter);
  const long double p = 1 - z * z / scale;
  const long double rho = (std::exp(-2.0L) - z * z / scale) / p;
  EXPECT_LT(rho, 0);
  EXPECT_THAT(problem.Distance(0, 1), IsNear(std::sqrt(1 + rho), 1e-17L));
}

TEST(ResidualTest, VarianceHasAFloor) {
  // A point on an inducing point has p = jitter / (1 + jitter).
  const Matrix<double> points = MakeMatrix(2, 1, {0, 0.5});
  const Matrix<double> inducing = MakeMatrix(1, 1, {0});
  const KernelConfig kernel = MakeKernel(KernelConfig::RBF, 4);
  const auto variance = [&](double floor) {
    return OracleProblem::Residual(points.view(), kernel, inducing.view(), 1e-6,
                                   floor, 1)
        ->ResidualVariance(0);
  };
  const long double jitter = 1e-6;
  EXPECT_THAT(variance(1e-9), IsNear(4 * jitter / (1 + jitter), 1e-17L));
  EXPECT_EQ(variance(1e-3), 4 * static_cast<long double>(1e-3));
}

TEST(ResidualTest, IsSymmetricBitForBit) {
  const OracleProblem problem =
      Residual(RandomMatrix(40, 3, 5), MakeKernel(KernelConfig::MATERN52),
               RandomMatrix(10, 3, 6));
  for (int64_t i = 0; i < 40; ++i) {
    EXPECT_EQ(problem.Distance(i, i), 0);
    for (int64_t j = 0; j < i; ++j) {
      const long double distance = problem.Distance(i, j);
      EXPECT_EQ(distance, problem.Distance(j, i));
      EXPECT_GE(distance, 0);
      EXPECT_LE(distance, 1);
    }
  }
}

TEST(ResidualTest, FactorsFromElsewhereAreTakenForExact) {
  const Matrix<double> points = MakeMatrix(3, 1, {0, 1, 3});
  const Matrix<double> v = MakeMatrix(3, 2, {0.5, 0.25, 0.25, 0.5, 0, 0});
  const OracleProblem problem =
      OracleProblem::ResidualFromFactors(points.view(),
                                         MakeKernel(KernelConfig::MATERN12),
                                         v.view(), {0.25, 0.5, 2})
          .value();
  EXPECT_EQ(problem.ResidualVariance(1), 0.5L);
  const long double rho = (std::exp(-1.0L) - 0.25L) / std::sqrt(0.125L);
  EXPECT_THAT(problem.Distance(0, 1), IsNear(std::sqrt(1 - rho), 1e-18L));
  EXPECT_THAT(problem.Distance(1, 2),
              IsNear(std::sqrt(1 - std::exp(-2.0L)), 1e-18L));
  EXPECT_THAT(problem.SearchPoints(points.view(), 1, 1),
              StatusIs(absl::StatusCode::kFailedPrecondition));

  // The factors need not belong to a process: |rho| is clamped.
  const OracleProblem clamped =
      OracleProblem::ResidualFromFactors(points.view(),
                                         MakeKernel(KernelConfig::MATERN12),
                                         v.view(), {0.01, 0.01, 0.01})
          .value();
  EXPECT_EQ(clamped.Distance(0, 1), 0);
}

TEST(ResidualTest, OwnFactorsGiveTheSameAnswer) {
  // One inducing point: V and p in closed form.
  const Matrix<double> points = RandomMatrix(30, 1, 7);
  const Matrix<double> inducing = MakeMatrix(1, 1, {0.5});
  Matrix<double> v(30, 1);
  std::vector<double> variance(30);
  for (int64_t i = 0; i < 30; ++i) {
    v(i, 0) = std::exp(-std::abs(points(i, 0) - 0.5)) / std::sqrt(1 + kJitter);
    variance[i] = 1 - v(i, 0) * v(i, 0);
  }
  const KernelConfig kernel = MakeKernel(KernelConfig::MATERN12);
  const OracleProblem problem = Residual(points, kernel, inducing);
  const OracleProblem given = OracleProblem::ResidualFromFactors(
                                  points.view(), kernel, v.view(), variance)
                                  .value();
  for (int64_t i = 0; i < 30; ++i) {
    for (int64_t j = 0; j < 30; ++j) {
      EXPECT_THAT(problem.Distance(i, j), IsNear(given.Distance(i, j), 1e-11L));
    }
  }
}

TEST(EuclideanTest, IsTheLengthOfTheDifference) {
  const OracleProblem problem =
      Euclidean(MakeMatrix(3, 2, {1, 1, 4, 5, 1e-200, 1}));
  EXPECT_EQ(problem.Distance(0, 1), 5);
  EXPECT_EQ(problem.Distance(2, 0), 1 - static_cast<long double>(1e-200));
}

TEST(SearchTest, OrdersByDistanceThenRow) {
  // Rows 1 and 3 coincide; rows 0, 2 and 4 are one away from them.
  const OracleProblem problem = Euclidean(MakeMatrix(6, 1, {2, 1, 0, 1, 2, 9}));
  const NeighborTable table =
      problem.Search({3, 0}, 4, OracleSearchOptions{}, 1).value();
  EXPECT_THAT(RowsOf(table, 0), ElementsAre(1, 3, 0, 2));
  EXPECT_THAT(DistancesOf(table, 0), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(RowsOf(table, 1), ElementsAre(0, 4, 1, 3));
}

TEST(SearchTest, ConstraintsChooseCandidates) {
  const OracleProblem problem = Euclidean(MakeMatrix(5, 1, {0, 1, 2, 3, 4}));
  const auto rows = [&](int64_t query, OracleSearchOptions options) {
    return RowsOf(problem.Search({query}, 3, options, 1).value(), 0);
  };
  EXPECT_THAT(rows(2, {}), ElementsAre(2, 1, 3));
  EXPECT_THAT(rows(2, {.exclude_self = true}), ElementsAre(1, 3, 0));
  EXPECT_THAT(rows(2, {.predecessor = true}), ElementsAre(1, 0, kNoNeighbor));
  EXPECT_THAT(rows(2, {.predecessor = true, .exclude_self = true}),
              ElementsAre(1, 0, kNoNeighbor));
  EXPECT_THAT(rows(0, {.predecessor = true}),
              ElementsAre(kNoNeighbor, kNoNeighbor, kNoNeighbor));
}

TEST(SearchTest, PadsWhereNeighborsRunOut) {
  const OracleProblem problem = Euclidean(MakeMatrix(2, 1, {0, 3}));
  const NeighborTable table = problem.Search({1}, 4, {}, 1).value();
  EXPECT_THAT(RowsOf(table, 0), ElementsAre(1, 0, kNoNeighbor, kNoNeighbor));
  EXPECT_THAT(DistancesOf(table, 0), ElementsAre(0, 3, kInfinity, kInfinity));
}

TEST(SearchTest, ServesNoPointAndOne) {
  const Matrix<double> inducing = MakeMatrix(1, 2, {0, 0});
  const KernelConfig kernel = MakeKernel(KernelConfig::RBF);
  const Matrix<double> one_point = MakeMatrix(1, 2, {1, 1});
  for (const bool residual : {false, true}) {
    const auto make = [&](const Matrix<double>& points) {
      return residual ? Residual(points, kernel, inducing) : Euclidean(points);
    };
    const OracleProblem none = make(Matrix<double>(0, 2));
    EXPECT_EQ(none.size(), 0);
    EXPECT_EQ(none.Search({}, 3, {}, 2)->num_queries(), 0);
    EXPECT_THAT(RowsOf(none.SearchPoints(one_point.view(), 2, 2).value(), 0),
                ElementsAre(kNoNeighbor, kNoNeighbor));

    const OracleProblem one = make(one_point);
    EXPECT_THAT(RowsOf(one.Search({0}, 2, {}, 2).value(), 0),
                ElementsAre(0, kNoNeighbor));
    EXPECT_THAT(
        RowsOf(one.Search({0}, 1, {.exclude_self = true}, 2).value(), 0),
        ElementsAre(kNoNeighbor));
  }
}

TEST(SearchTest, AgreesWithSortingEveryPair) {
  // Points on a coarse grid, so that there are duplicates and ties; queries
  // that repeat; more than one task.
  Matrix<double> points = RandomMatrix(90, 2, 8);
  for (int64_t i = 0; i < 180; ++i) {
    points.data()[i] = std::round(points.data()[i]);
  }
  const OracleProblem problem = Residual(
      points, MakeKernel(KernelConfig::MATERN52), RandomMatrix(6, 2, 9));
  std::vector<int64_t> queries = AllRows(problem);
  queries.insert(queries.end(), {7, 7, 0, 89});
  for (const int64_t k : {1, 5, 90, 120}) {
    for (const bool predecessor : {false, true}) {
      for (const bool exclude_self : {false, true}) {
        const OracleSearchOptions options{predecessor, exclude_self};
        const std::string expected =
            SortAll(problem, queries, k, options).Digest();
        for (const int threads : {0, 1, 3}) {
          EXPECT_EQ(problem.Search(queries, k, options, threads)->Digest(),
                    expected);
        }
      }
    }
  }
}

TEST(SearchTest, ThreadsDoNotChangeTheProblem) {
  const Matrix<double> points = RandomMatrix(100, 3, 10);
  const Matrix<double> inducing = RandomMatrix(20, 3, 11);
  const KernelConfig kernel = MakeKernel(KernelConfig::RBF);
  const auto make = [&](int threads) {
    return OracleProblem::Residual(points.view(), kernel, inducing.view(),
                                   kJitter, kFloor, threads)
        .value();
  };
  const OracleProblem one = make(1);
  const OracleProblem four = make(4);
  for (int64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(one.ResidualVariance(i), four.ResidualVariance(i));
    EXPECT_EQ(one.Distance(i, 0), four.Distance(i, 0));
  }
}

TEST(SearchTest, NewPointsAreTreatedAsRowsAre) {
  const Matrix<double> points = RandomMatrix(60, 2, 12);
  const Matrix<double> inducing = RandomMatrix(5, 2, 13);
  for (const bool residual : {false, true}) {
    const OracleProblem problem =
        residual ? Residual(points, MakeKernel(KernelConfig::RBF), inducing)
                 : Euclidean(points);
    EXPECT_EQ(problem.SearchPoints(points.view(), 10, 2)->Digest(),
              problem.Search(AllRows(problem), 10, {}, 2)->Digest());
  }
}

TEST(SearchTest, ReadsStridedViews) {
  const Matrix<double> points = RandomMatrix(20, 2, 14);
  Matrix<double> wide(20, 2, 5);
  for (int64_t i = 0; i < 20; ++i) {
    std::copy_n(points.row(i), 2, wide.row(i));
    std::fill(wide.row(i) + 2, wide.row(i) + 5, kNan);
  }
  EXPECT_EQ(Euclidean(wide).Search({1, 2}, 5, {}, 1)->Digest(),
            Euclidean(points).Search({1, 2}, 5, {}, 1)->Digest());
}

class ErrorTest : public testing::Test {
 protected:
  absl::Status Make() {
    return OracleProblem::Residual(points_.view(), kernel_, inducing_.view(),
                                   jitter_, floor_, threads_)
        .status();
  }

  static testing::Matcher<absl::Status> Invalid(const char* text) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text));
  }

  Matrix<double> points_ = RandomMatrix(4, 2, 15);
  Matrix<double> inducing_ = RandomMatrix(2, 2, 16);
  KernelConfig kernel_ = MakeKernel(KernelConfig::RBF);
  double jitter_ = kJitter;
  double floor_ = kFloor;
  int threads_ = 1;
};

TEST_F(ErrorTest, NamesWhatIsWrongWithTheProblem) {
  EXPECT_THAT(Make(), IsOk());
  points_(2, 1) = kNan;
  EXPECT_THAT(Make(), Invalid("points: row 2, column 1 is nan"));
  EXPECT_THAT(OracleProblem::Euclidean(points_.view()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("points: row 2, column 1 is nan")));
  points_ = Matrix<double>(4, 0);
  EXPECT_THAT(Make(), Invalid("points: has no columns"));
  points_ = RandomMatrix(4, 3, 15);
  EXPECT_THAT(Make(), Invalid("inducing: has 2 columns, the points have 3"));
  points_ = RandomMatrix(4, 2, 15);
  inducing_(0, 0) = kInfinity;
  EXPECT_THAT(Make(), Invalid("inducing: row 0, column 0 is inf"));
  inducing_ = Matrix<double>(0, 2);
  EXPECT_THAT(Make(), Invalid("inducing: has no rows"));
}

TEST_F(ErrorTest, NamesWhatIsWrongWithTheNumbers) {
  for (const double bad : {0.0, -1.0, kNan, kInfinity}) {
    jitter_ = bad;
    EXPECT_THAT(Make(), Invalid("jitter: is"));
    jitter_ = kJitter;
    floor_ = bad;
    EXPECT_THAT(Make(), Invalid("variance_floor: is"));
    floor_ = kFloor;
    kernel_ = MakeKernel(KernelConfig::RBF, bad);
    EXPECT_THAT(Make(), Invalid("kernel.variance: is"));
    kernel_ = MakeKernel(KernelConfig::RBF, 1, {1, bad});
    EXPECT_THAT(Make(), Invalid("kernel.lengthscale[1]: is"));
    kernel_ = MakeKernel(KernelConfig::RBF);
  }
  kernel_ = MakeKernel(KernelConfig::RBF, 1, {1, 1, 1});
  EXPECT_THAT(Make(), Invalid("kernel.lengthscale: 3 values for 2 columns"));
  kernel_ = KernelConfig();
  EXPECT_THAT(Make(), Invalid("kernel.family: not given"));
  kernel_ = MakeKernel(KernelConfig::RBF);
  threads_ = -1;
  EXPECT_THAT(Make(), Invalid("num_threads: is -1"));
}

TEST_F(ErrorTest, NamesTheInducingPointThatBreaksTheFactorization) {
  inducing_ = MakeMatrix(3, 2, {0, 0, 1, 1, 0, 0});
  jitter_ = 1e-30;
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("inducing: row 2")));
  jitter_ = kJitter;
  EXPECT_THAT(Make(), IsOk());
}

TEST_F(ErrorTest, NamesWhatIsWrongWithTheFactors) {
  Matrix<double> v = RandomMatrix(4, 2, 17);
  std::vector<double> variance = {1, 1, 1, 1};
  const auto make = [&] {
    return OracleProblem::ResidualFromFactors(points_.view(), kernel_, v.view(),
                                              variance)
        .status();
  };
  EXPECT_THAT(make(), IsOk());
  variance[3] = 0;
  EXPECT_THAT(make(), Invalid("residual_variance: row 3: is 0"));
  variance.pop_back();
  EXPECT_THAT(make(), Invalid("points: has 4 rows, v has 4, residual_variance "
                              "3; all must agree"));
  v(1, 0) = kNan;
  EXPECT_THAT(make(), Invalid("v: row 1, column 0 is nan"));
}

TEST_F(ErrorTest, NamesWhatIsWrongWithTheSearch) {
  const OracleProblem problem = Euclidean(points_);
  const auto search = [&](absl::Span<const int64_t> rows, int64_t k,
                          int threads) {
    return problem.Search(rows, k, {}, threads).status();
  };
  EXPECT_THAT(search({0}, 0, 1), Invalid("k: is 0"));
  EXPECT_THAT(search({0, 4}, 1, 1), Invalid("query_rows[1]: row 4 is out of"));
  EXPECT_THAT(search({-1}, 1, 1), Invalid("query_rows[0]: row -1"));
  EXPECT_THAT(search({0}, 1, -2), Invalid("num_threads: is -2"));
  const auto search_points = [&](const Matrix<double>& queries) {
    return problem.SearchPoints(queries.view(), 1, 1).status();
  };
  EXPECT_THAT(search_points(MakeMatrix(1, 3, {0, 0, 0})),
              Invalid("queries: has 3 columns, the points have 2"));
  EXPECT_THAT(search_points(MakeMatrix(1, 2, {0, kNan})),
              Invalid("queries: row 0, column 1 is nan"));
}

}  // namespace
}  // namespace rct
