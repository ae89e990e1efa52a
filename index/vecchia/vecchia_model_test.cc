// Likelihood and predictions against the dense model, and against a plain long
// double program of the definition.

#include "index/vecchia/vecchia_model.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/simd_routines.h"
#include "metric/test_data.h"
#include "metric/test_reference.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

using testing::HasSubstr;

using Real = long double;

constexpr double kJitter = 1e-6;

// A symmetric positive definite matrix with its Cholesky factor, in long
// double.
class Dense {
 public:
  explicit Dense(std::vector<std::vector<Real>> a) : l_(std::move(a)) {
    for (size_t j = 0; j < l_.size(); ++j) {
      for (size_t i = j; i < l_.size(); ++i) {
        Real sum = l_[i][j];
        for (size_t t = 0; t < j; ++t) sum -= l_[i][t] * l_[j][t];
        l_[i][j] = i == j ? std::sqrt(sum) : sum / l_[j][j];
      }
    }
  }

  std::vector<Real> Lower(std::vector<Real> x) const {
    for (size_t i = 0; i < x.size(); ++i) {
      for (size_t t = 0; t < i; ++t) x[i] -= l_[i][t] * x[t];
      x[i] /= l_[i][i];
    }
    return x;
  }
  std::vector<Real> Solve(std::vector<Real> x) const {
    x = Lower(std::move(x));
    for (size_t i = x.size(); i-- > 0;) {
      for (size_t t = i + 1; t < x.size(); ++t) x[i] -= l_[t][i] * x[t];
      x[i] /= l_[i][i];
    }
    return x;
  }
  Real LogDensity(const std::vector<double>& y) const {
    Real sum = 0;
    for (const Real z : Lower({y.begin(), y.end()})) sum += z * z;
    for (size_t i = 0; i < l_.size(); ++i) {
      sum += 2 * std::log(l_[i][i]) + std::log(2 * std::numbers::pi_v<Real>);
    }
    return -sum / 2;
  }

 private:
  std::vector<std::vector<Real>> l_;
};

Real Dot(const std::vector<Real>& a, const std::vector<Real>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), Real{0});
}

// The covariances of an index's kernel and residual process, in long double.
class Covariances {
 public:
  explicit Covariances(const ResidualIndex& index)
      : index_(index), kernel_(index.model().metric()->kernel()) {
    const Matrix<double>& z = index.model().factor()->inducing().coordinates;
    std::vector<std::vector<Real>> zz(z.rows(), std::vector<Real>(z.rows()));
    for (int64_t i = 0; i < z.rows(); ++i) {
      for (int64_t j = 0; j < z.rows(); ++j) {
        zz[i][j] = Kernel(z.row(i), z.row(j)) +
                   (i == j ? kJitter * kernel_.variance() : 0);
      }
      inducing_.push_back(z.row(i));
    }
    factor_.emplace_back(std::move(zz));
  }

  Real Kernel(const double* x, const double* y) const {
    return ReferenceCovariance(kernel_.spec(), x, y);
  }
  std::vector<Real> V(const double* x) const {
    std::vector<Real> column;
    for (const double* z : inducing_) column.push_back(Kernel(z, x));
    return factor_[0].Lower(std::move(column));
  }
  Real Residual(const double* x, const double* y) const {
    return Kernel(x, y) - Dot(V(x), V(y));
  }
  const double* point(int64_t i) const {
    return index_.model().metric()->data().points.row(i);
  }

 private:
  const ResidualIndex& index_;
  const class Kernel& kernel_;
  std::vector<const double*> inducing_;
  std::vector<Dense> factor_;  // one, made late
};

// What is said of a point by the observations at some rows, by definition.
struct Given {
  Given(const Covariances& c, const double* x, const std::vector<int64_t>& rows,
        double noise) {
    std::vector<std::vector<Real>> r(rows.size(),
                                     std::vector<Real>(rows.size()));
    std::vector<Real> cross;
    for (size_t i = 0; i < rows.size(); ++i) {
      const double* a = c.point(rows[i]);
      for (size_t j = 0; j < rows.size(); ++j) {
        r[i][j] = c.Residual(a, c.point(rows[j])) + (i == j ? noise : 0);
      }
      cross.push_back(c.Residual(a, x));
    }
    weights = Dense(std::move(r)).Solve(cross);
    variance = c.Residual(x, x) - Dot(weights, cross);
  }
  std::vector<Real> weights;
  Real variance;
};

// The model by its definition: dense matrices and nothing shared.
struct Reference {
  Reference(const ResidualIndex& index, MatrixView<const int64_t> sets,
            absl::Span<const int64_t> order, double noise)
      : covariances(index) {
    const int64_t n = index.size();
    // Row by row in the order: the covariance of residual i with those before
    // is that of the combination of its set, and D is what is left.
    std::vector<std::vector<Real>> c(n, std::vector<Real>(n));
    for (int64_t rank = 0; rank < n; ++rank) {
      const int64_t i = order[rank];
      const int64_t* const end =
          std::find(sets.row(i), sets.row(i) + sets.cols, kNoNeighbor);
      const std::vector<int64_t> set(sets.row(i), end);
      const Given given(covariances, covariances.point(i), set, noise);
      for (int64_t other = 0; other < rank; ++other) {
        const int64_t j = order[other];
        Real sum = 0;
        for (size_t t = 0; t < set.size(); ++t) {
          sum += given.weights[t] * c[set[t]][j];
        }
        c[i][j] = c[j][i] = sum;
      }
      c[i][i] = given.variance + noise;
      for (size_t t = 0; t < set.size(); ++t) {
        c[i][i] += given.weights[t] * c[i][set[t]];
      }
    }
    for (int64_t i = 0; i < n; ++i)
      v.push_back(covariances.V(covariances.point(i)));
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) c[i][j] += Dot(v[i], v[j]);
    }
    dense.emplace_back(std::move(c));
  }

  Covariances covariances;
  std::vector<std::vector<Real>> v;
  std::vector<Dense> dense;  // one, made late
};

ResidualIndex MakeIndex(MatrixView<const double> points, KernelFamily family,
                        int64_t num_inducing, double variance = 1.7) {
  IndexOptions options;
  ResidualConfig& residual = *options.mutable_residual();
  *residual.mutable_kernel() = MakeKernelConfig(family, variance, {0.4});
  residual.set_jitter(kJitter);
  if (num_inducing > 0) {
    residual.mutable_inducing()->mutable_random()->set_count(num_inducing);
  } else {
    residual.mutable_inducing()->mutable_none();
  }
  return ResidualIndex::Build(points, options).value();
}

std::vector<double> Observations(int64_t n, uint64_t seed = 3) {
  RandomStream random(seed, 0);
  std::vector<double> y(n);
  for (double& value : y) value = random.Normal();
  return y;
}

std::vector<int64_t> Natural(int64_t n) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::vector<int64_t> Shuffled(int64_t n) {
  std::vector<int64_t> order = Natural(n);
  for (int64_t i = 0; i < n; ++i) std::swap(order[i], order[(i * 7919) % n]);
  return order;
}

void ExpectClose(double computed, Real expected, double relative) {
  EXPECT_NEAR(computed, static_cast<double>(expected),
              relative * std::max(Real{1}, std::abs(expected)));
}

using Case = std::tuple<KernelFamily, int64_t, double>;  // family, m, noise

class VecchiaModelTest : public testing::TestWithParam<Case> {
 protected:
  static constexpr int64_t kSize = 120;

  KernelFamily family() const { return std::get<0>(GetParam()); }
  int64_t num_inducing() const { return std::get<1>(GetParam()); }
  double noise() const { return std::get<2>(GetParam()); }

  const Matrix<double> points_ = UniformPoints(kSize, 2, 5);
  const Matrix<double> queries_ = UniformPoints(40, 2, 6);
  const std::vector<double> y_ = Observations(kSize);
  const ResidualIndex index_ =
      MakeIndex(points_.view(), family(), num_inducing());
};

TEST_P(VecchiaModelTest, AllEarlierRowsMakeTheDenseModel) {
  const std::vector<int64_t> order = Shuffled(kSize);
  const VecchiaModel model =
      VecchiaModel::Create(index_,
                           {.k = kSize - 1, .noise = noise(), .order = order})
          .value();
  const Covariances c(index_);
  std::vector<std::vector<Real>> k(kSize, std::vector<Real>(kSize));
  for (int64_t i = 0; i < kSize; ++i) {
    for (int64_t j = 0; j < kSize; ++j) {
      k[i][j] = c.Kernel(c.point(i), c.point(j)) + (i == j ? noise() : 0);
    }
  }
  const Dense dense(std::move(k));
  ExpectClose(model.LogLikelihood(y_).value(), dense.LogDensity(y_), 1e-8);

  // k = n - 1 of n rows leave one out; a model with k = n predicts from all.
  const VecchiaModel all =
      VecchiaModel::Create(index_, {.k = kSize, .noise = noise()}).value();
  const VecchiaPrediction found = all.Predict(queries_.view(), y_).value();
  const std::vector<Real> solved = dense.Solve({y_.begin(), y_.end()});
  for (int64_t i = 0; i < queries_.rows(); ++i) {
    std::vector<Real> cross;
    for (int64_t j = 0; j < kSize; ++j) {
      cross.push_back(c.Kernel(queries_.row(i), c.point(j)));
    }
    ExpectClose(found.mean[i], Dot(cross, solved), 1e-7);
    ExpectClose(found.variance[i],
                c.Kernel(queries_.row(i), queries_.row(i)) -
                    Dot(cross, dense.Solve(cross)),
                1e-7);
  }
}

TEST_P(VecchiaModelTest, SmallSetsMakeTheDefinition) {
  for (const int64_t k : {0, 1, 6}) {
    for (const std::vector<int64_t>& order :
         {Natural(kSize), Shuffled(kSize)}) {
      const VecchiaModel model =
          VecchiaModel::Create(index_,
                               {.k = k, .noise = noise(), .order = order})
              .value();
      const Matrix<int64_t> sets =
          k == 0 ? Matrix<int64_t>(kSize, 0)
                 : Matrix<int64_t>::Copy(
                       index_.Graph({.k = k, .predecessor = true}, order)
                           .value()
                           .neighbors.rows());
      const Reference expected(index_, sets.view(), order, noise());
      ExpectClose(model.LogLikelihood(y_).value(),
                  expected.dense[0].LogDensity(y_), 1e-8);

      const std::vector<Real> solved =
          expected.dense[0].Solve({y_.begin(), y_.end()});
      const std::vector<double> computed = model.Solve(y_).value();
      Real largest = 1;
      for (const Real x : solved) largest = std::max(largest, std::abs(x));
      for (int64_t i = 0; i < kSize; ++i) {
        EXPECT_NEAR(computed[i], static_cast<double>(solved[i]),
                    1e-8 * static_cast<double>(largest));
      }
    }
  }
}

TEST_P(VecchiaModelTest, PredictionsAreTheirDefinition) {
  constexpr int64_t kK = 6;
  const VecchiaModel model =
      VecchiaModel::Create(index_, {.k = kK, .noise = noise()}).value();
  const VecchiaPrediction found = model.Predict(queries_.view(), y_).value();
  const NeighborTable own =
      index_.Graph({.k = kK, .predecessor = true}).value().neighbors;
  const NeighborTable near =
      index_.SearchPoints(queries_.view(), {.k = kK}).value().neighbors;
  const Reference reference(index_, own.rows(), Natural(kSize), noise());
  const std::vector<Real> solved =
      reference.dense[0].Solve({y_.begin(), y_.end()});
  for (int64_t i = 0; i < queries_.rows(); ++i) {
    const std::vector<int64_t> set(near.rows().row(i), near.rows().row(i) + kK);
    const Given given(reference.covariances, queries_.row(i), set, noise());
    std::vector<Real> rest = reference.covariances.V(queries_.row(i));
    Real mean = 0;
    for (int64_t j = 0; j < kK; ++j) {
      mean += given.weights[j] * y_[set[j]];
      for (size_t t = 0; t < rest.size(); ++t) {
        rest[t] -= given.weights[j] * reference.v[set[j]][t];
      }
    }
    // The mean of u given y is V' C^-1 y, its covariance I - V' C^-1 V.
    std::vector<Real> v_rest(kSize);
    for (int64_t j = 0; j < kSize; ++j) v_rest[j] = Dot(reference.v[j], rest);
    ExpectClose(found.mean[i], mean + Dot(v_rest, solved), 1e-7);
    ExpectClose(found.variance[i],
                given.variance + Dot(rest, rest) -
                    Dot(v_rest, reference.dense[0].Solve(v_rest)),
                1e-7);
  }
}

TEST_P(VecchiaModelTest, WithoutNoisePredictionsAtTheRowsAreTheData) {
  const VecchiaModel model =
      VecchiaModel::Create(index_, {.k = 8, .noise = 0}).value();
  const VecchiaPrediction found = model.Predict(points_.view(), y_).value();
  for (int64_t i = 0; i < kSize; ++i) {
    EXPECT_NEAR(found.mean[i], y_[i], 1e-5) << i;
    EXPECT_NEAR(found.variance[i], 0, 1e-7) << i;
  }
}

TEST_P(VecchiaModelTest, BitsDoNotDependOnThreadsOrOnTheBatch) {
  const auto create = [&](int threads) {
    return VecchiaModel::Create(index_,
                                {.k = 7, .noise = noise(), .threads = threads})
        .value();
  };
  const VecchiaModel one = create(1);
  const VecchiaPrediction expected = one.Predict(queries_.view(), y_).value();
  for (const int threads : {2, 7}) {
    const VecchiaModel other = create(threads);
    EXPECT_EQ(other.LogLikelihood(y_).value(), one.LogLikelihood(y_).value());
    EXPECT_EQ(Bits(other.factor().b.values), Bits(one.factor().b.values));
    EXPECT_EQ(Bits(other.factor().d), Bits(one.factor().d));
    EXPECT_EQ(Bits(other.Solve(y_).value()), Bits(one.Solve(y_).value()));
    const VecchiaPrediction found = other.Predict(queries_.view(), y_).value();
    EXPECT_EQ(Bits(found.mean), Bits(expected.mean));
    EXPECT_EQ(Bits(found.variance), Bits(expected.variance));
  }
  for (const int64_t i : {0, 17, 39}) {
    const MatrixView<const double> single(queries_.row(i), 1, 2);
    const VecchiaPrediction found = one.Predict(single, y_).value();
    EXPECT_EQ(found.mean[0], expected.mean[i]);
    EXPECT_EQ(found.variance[0], expected.variance[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, VecchiaModelTest,
                         testing::Values(Case(KernelFamily::kMatern12, 0, 0),
                                         Case(KernelFamily::kMatern12, 10, 0),
                                         Case(KernelFamily::kMatern32, 0, 0),
                                         Case(KernelFamily::kMatern32, 10, 0.3),
                                         Case(KernelFamily::kMatern52, 10,
                                              1e-3),
                                         Case(KernelFamily::kRbf, 0, 0.2),
                                         Case(KernelFamily::kRbf, 15, 0.05)));

TEST(VecchiaModelSizesTest, ManyRowsAreSummedInGroups) {
  constexpr int64_t kMany = 3000;
  const Matrix<double> points = UniformPoints(kMany, 2, 1);
  const ResidualIndex index =
      MakeIndex(points.view(), KernelFamily::kMatern32, 20);
  const std::vector<double> y = Observations(kMany);
  const auto likelihood = [&](int threads) {
    return VecchiaModel::Create(index,
                                {.k = 5, .noise = 0.1, .threads = threads})
        .value()
        .LogLikelihood(y)
        .value();
  };
  EXPECT_EQ(likelihood(1), likelihood(2));
  EXPECT_EQ(likelihood(1), likelihood(7));
}

TEST(VecchiaModelSizesTest, NoneAndOne) {
  const Matrix<double> none(0, 2);
  IndexOptions options;
  ResidualConfig& residual = *options.mutable_residual();
  *residual.mutable_kernel() = MakeKernelConfig(KernelFamily::kRbf, 2, {1});
  for (const double x : {0.0, 0.0}) {
    residual.mutable_inducing()->mutable_coordinates()->add_value(x);
  }
  const ResidualIndex empty =
      ResidualIndex::Build(none.view(), options).value();
  const VecchiaModel nothing =
      VecchiaModel::Create(empty, {.k = 3, .noise = 1}).value();
  EXPECT_EQ(nothing.LogLikelihood({}).value(), 0);
  const Matrix<double> at = UniformPoints(2, 2, 1);
  const VecchiaPrediction prior = nothing.Predict(at.view(), {}).value();
  EXPECT_EQ(prior.mean, (std::vector<double>{0, 0}));
  EXPECT_NEAR(prior.variance[0], 2, 1e-12);

  const Matrix<double> one = UniformPoints(1, 2, 1);
  const ResidualIndex index = ResidualIndex::Build(one.view(), options).value();
  const VecchiaModel model =
      VecchiaModel::Create(index, {.k = 3, .noise = 1}).value();
  const std::vector<double> y = {1.5};
  EXPECT_NEAR(model.LogLikelihood(y).value(),
              -(std::log(2 * std::numbers::pi * 3) + 2.25 / 3) / 2, 1e-12);
  EXPECT_NEAR(model.Predict(one.view(), y).value().mean[0], 1.5 * 2 / 3, 1e-6);
}

TEST(VecchiaModelAdversarialTest, EverySetHasAFiniteLikelihoodWithNoise) {
  for (const std::string& name : AdversarialNames()) {
    SCOPED_TRACE(name);
    constexpr int64_t kSize = 200;
    const Matrix<double> points = MakePoints(name, kSize, 3, 1);
    const std::vector<double> y = Observations(kSize);
    for (const KernelFamily family : kAllFamilies) {
      const ResidualIndex index = MakeIndex(points.view(), family, 1);
      const VecchiaModel model =
          VecchiaModel::Create(index, {.k = 10, .noise = 1e-3}).value();
      EXPECT_TRUE(std::isfinite(model.LogLikelihood(y).value()));
      const VecchiaPrediction found = model.Predict(points.view(), y).value();
      for (int64_t i = 0; i < kSize; ++i) {
        EXPECT_TRUE(std::isfinite(found.mean[i]));
        EXPECT_GE(found.variance[i], 0);
        EXPECT_LE(found.variance[i], 1.7 * (1 + 1e-9));
      }
    }
  }
}

TEST(VecchiaModelAdversarialTest, RepeatedPlacesWithoutNoiseAreAnError) {
  Matrix<double> points = UniformPoints(50, 2, 1);
  std::copy_n(points.row(17), 2, points.row(31));
  for (const int64_t num_inducing : {0, 5}) {
    const ResidualIndex index =
        MakeIndex(points.view(), KernelFamily::kMatern12, num_inducing);
    for (const int threads : {1, 7}) {
      const absl::StatusOr<VecchiaModel> model =
          VecchiaModel::Create(index, {.k = 5, .noise = 0, .threads = threads});
      EXPECT_THAT(model,
                  StatusIs(absl::StatusCode::kFailedPrecondition,
                           HasSubstr("noise: with 0, row 31 has no variance "
                                     "left but rounding once rows 17, ")));
    }
    EXPECT_THAT(VecchiaModel::Create(index, {.k = 5, .noise = 1e-6}), IsOk());
  }
}

TEST(VecchiaModelAdversarialTest, RowsOnInducingPoints) {
  const Matrix<double> points = UniformPoints(60, 2, 2);
  // All points are inducing points: the residual process is jitter.
  const ResidualIndex index =
      MakeIndex(points.view(), KernelFamily::kMatern32, 60);
  const std::vector<double> y = Observations(60);
  const VecchiaModel model =
      VecchiaModel::Create(index, {.k = 59, .noise = 0.1}).value();
  const Covariances c(index);
  std::vector<std::vector<Real>> k(60, std::vector<Real>(60));
  for (int64_t i = 0; i < 60; ++i) {
    for (int64_t j = 0; j < 60; ++j) {
      k[i][j] = c.Kernel(c.point(i), c.point(j)) + (i == j ? 0.1 : 0);
    }
  }
  ExpectClose(model.LogLikelihood(y).value(), Dense(std::move(k)).LogDensity(y),
              1e-8);
}

TEST(VecchiaModelOrderTest, AnOrderIsThePermutedData) {
  constexpr int64_t kSize = 80;
  const Matrix<double> points = UniformPoints(kSize, 2, 3);
  const std::vector<double> y = Observations(kSize);
  const std::vector<int64_t> order = Shuffled(kSize);
  Matrix<double> permuted(kSize, 2);
  std::vector<double> permuted_y(kSize);
  for (int64_t i = 0; i < kSize; ++i) {
    std::copy_n(points.row(order[i]), 2, permuted.row(i));
    permuted_y[i] = y[order[i]];
  }
  const VecchiaModel given =
      VecchiaModel::Create(MakeIndex(points.view(), KernelFamily::kMatern12, 0),
                           {.k = 4, .noise = 0.2, .order = order})
          .value();
  const VecchiaModel natural =
      VecchiaModel::Create(
          MakeIndex(permuted.view(), KernelFamily::kMatern12, 0),
          {.k = 4, .noise = 0.2})
          .value();
  EXPECT_NEAR(given.LogLikelihood(y).value(),
              natural.LogLikelihood(permuted_y).value(), 1e-10);
  for (int64_t i = 0; i < kSize; ++i) {
    EXPECT_EQ(given.factor().d[order[i]], natural.factor().d[i]);
  }
}

TEST(VecchiaModelInstructionsTest, EveryInstructionSetGivesTheSameBits) {
  constexpr int64_t kSize = 150;
  const Matrix<double> points = UniformPoints(kSize, 3, 4);
  const std::vector<double> y = Observations(kSize);
  std::vector<double> likelihoods;
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    const SimdRoutines* const simd = SimdRoutinesFor(isa);
    if (simd == nullptr) continue;
    ResidualConfig config;
    *config.mutable_kernel() =
        MakeKernelConfig(KernelFamily::kMatern52, 1, {0.5});
    config.mutable_inducing()->mutable_random()->set_count(17);
    const ResidualIndex index =
        ResidualIndex::Build(
            ResidualModel::Create(points.view(), config, 1, *simd).value(), {})
            .value();
    likelihoods.push_back(VecchiaModel::Create(index, {.k = 9, .noise = 0.01})
                              .value()
                              .LogLikelihood(y)
                              .value());
    EXPECT_EQ(likelihoods.back(), likelihoods[0]);
  }
}

class VecchiaModelErrorTest : public testing::Test {
 protected:
  static constexpr int64_t kSize = 30;
  const Matrix<double> points_ = UniformPoints(kSize, 2, 1);
  const ResidualIndex index_ =
      MakeIndex(points_.view(), KernelFamily::kMatern12, 3);
  const std::vector<double> y_ = Observations(kSize);
};

TEST_F(VecchiaModelErrorTest, OptionsOutOfRange) {
  const auto error = [&](const VecchiaOptions& options, const char* text) {
    EXPECT_THAT(VecchiaModel::Create(index_, options),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
  };
  error({.k = -1}, "k: must be from 0 to ");
  error({.noise = -0.5}, "noise: must be a finite variance of at least 0");
  error({.noise = std::nan("")}, "noise: ");
  error({.noise = HUGE_VAL}, "noise: ");
  error({.threads = -1}, "threads: ");
  const std::vector<int64_t> order = {0, 1};
  error({.order = order}, "order");
}

TEST_F(VecchiaModelErrorTest, ObservationsThatAreNone) {
  const VecchiaModel model =
      VecchiaModel::Create(index_, {.k = 3, .noise = 1}).value();
  const auto error = [&](const std::vector<double>& y, const char* text) {
    const auto matcher =
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text));
    EXPECT_THAT(model.LogLikelihood(y), matcher);
    EXPECT_THAT(model.Solve(y), matcher);
    EXPECT_THAT(model.Predict(points_.view(), y), matcher);
  };
  error({1, 2}, "y: there are 2 observations of 30 points");
  std::vector<double> y = y_;
  y[7] = std::nan("");
  error(y, "y: the observation of row 7 is nan");
  y[7] = HUGE_VAL;
  error(y, "y: the observation of row 7 is inf");
}

TEST_F(VecchiaModelErrorTest, NewPointsThatAreNone) {
  const VecchiaModel model =
      VecchiaModel::Create(index_, {.k = 3, .noise = 1}).value();
  const Matrix<double> flat = UniformPoints(4, 1, 1);
  EXPECT_THAT(model.Predict(flat.view(), y_),
              StatusIs(absl::StatusCode::kInvalidArgument));
  Matrix<double> bad = UniformPoints(4, 2, 1);
  bad(2, 1) = std::nan("");
  EXPECT_THAT(model.Predict(bad.view(), y_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2")));
}

TEST_F(VecchiaModelErrorTest, SetsThatAreNone) {
  Matrix<int64_t> sets(kSize, 2);
  for (int64_t i = 0; i < kSize; ++i) sets(i, 0) = sets(i, 1) = kNoNeighbor;
  const auto error = [&](int64_t row, int64_t first, int64_t second,
                         const char* text,
                         absl::Span<const int64_t> order = {}) {
    Matrix<int64_t> bad = sets.Clone();
    bad(row, 0) = first;
    bad(row, 1) = second;
    EXPECT_THAT(VecchiaModel::FromSets(index_, bad.view(),
                                       {.noise = 1, .order = order}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
  };
  error(5, 5, kNoNeighbor, "sets: row 5, entry 0: row 5 does not come before");
  error(5, 4, 6, "sets: row 5, entry 1: row 6 does not come before row 5; ask");
  error(5, 4, 4, "sets: row 5, entry 1: row 4 is in the set twice");
  error(5, kNoNeighbor, 4, "sets: row 5, entry 1: row 4 comes after -1");
  error(5, 30, kNoNeighbor, "sets: row 5, entry 0: 30 is no row of 30 points");
  error(5, -2, kNoNeighbor, "sets: row 5, entry 0: -2 is no row of 30 points");
  std::vector<int64_t> order = Natural(kSize);
  std::reverse(order.begin(), order.end());
  error(5, 4, kNoNeighbor, "row 4 does not come before row 5 in the order",
        order);
  EXPECT_THAT(
      VecchiaModel::FromSets(index_, {sets.data(), kSize - 1, 2}, {.noise = 1}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("sets: there are 29 rows for 30 points")));
}

TEST_F(VecchiaModelErrorTest, CancelledCallsSaySo) {
  Monitor monitor([](double) { return false; });
  EXPECT_THAT(VecchiaModel::Create(index_, {.noise = 1, .monitor = &monitor}),
              StatusIs(absl::StatusCode::kCancelled));
  const VecchiaModel model = VecchiaModel::Create(index_, {.noise = 1}).value();
  EXPECT_THAT(model.Predict(points_.view(), y_, &monitor),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(VecchiaModelErrorTest, ModelsFromFactorsHaveALikelihoodAlone) {
  const ResidualPoints& data = index_.model().metric()->data();
  const ResidualIndex from_factors =
      ResidualIndex::Build(
          ResidualModel::FromFactors(
              points_.view(), index_.model().config().kernel(), data.v.view(),
              absl::MakeConstSpan(data.variance.data(), kSize))
              .value(),
          {})
          .value();
  const VecchiaModel model =
      VecchiaModel::Create(from_factors, {.k = 4, .noise = 0.1}).value();
  EXPECT_EQ(model.LogLikelihood(y_).value(),
            VecchiaModel::Create(index_, {.k = 4, .noise = 0.1})
                .value()
                .LogLikelihood(y_)
                .value());
  EXPECT_THAT(model.Predict(points_.view(), y_),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace rct
