#include "index/ordering.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/ordering.pb.h"
#include "metric/test_data.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Order = std::vector<int64_t>;

OrderingConfig Config(OrderingConfig::Method method, int64_t num_first = 0,
                      int threads = 1) {
  OrderingConfig config;
  config.set_method(method);
  config.set_num_first(num_first);
  config.set_threads(threads);
  return config;
}

Matrix<double> FromRows(const std::vector<std::vector<double>>& rows) {
  Matrix<double> points(static_cast<int64_t>(rows.size()),
                        static_cast<int64_t>(rows.at(0).size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy(rows[i].begin(), rows[i].end(), points.row(i));
  }
  return points;
}

Order MustOrder(const Matrix<double>& points, const OrderingConfig& config) {
  absl::StatusOr<Order> order = OrderPoints(points.view(), config);
  EXPECT_THAT(order, IsOk());
  if (!order.ok()) return {};
  EXPECT_THAT(ValidateOrder(*order, points.rows()), IsOk());
  return *std::move(order);
}

double Squared(const double* x, const double* y, int64_t dim) {
  double sum = 0;
  for (int64_t t = 0; t < dim; ++t) {
    sum = std::fma(x[t] - y[t], x[t] - y[t], sum);
  }
  return sum;
}

// The plain algorithm: n^2 operations, and nothing that could be skipped.
class Oracle {
 public:
  Oracle(const Matrix<double>& points, const std::vector<double>& lengthscale)
      : points_(points.Clone()), squared_(points.rows(), kInfinity) {
    for (int64_t i = 0; i < points_.rows(); ++i) {
      for (int64_t t = 0; t < points_.cols() && !lengthscale.empty(); ++t) {
        points_(i, t) /= lengthscale[lengthscale.size() == 1 ? 0 : t];
      }
    }
  }

  Order Maxmin(int64_t num_first) {
    const int64_t n = points_.rows();
    if (n == 0) return {};
    const int64_t first_group = num_first == 0 ? n : num_first;
    Choose(Center(first_group));
    while (static_cast<int64_t>(order_.size()) < n) {
      const bool first = static_cast<int64_t>(order_.size()) < first_group;
      Choose(Farthest(first ? 0 : first_group, first ? first_group : n));
    }
    return order_;
  }

 private:
  int64_t Center(int64_t count) const {
    std::vector<double> mean(points_.cols());
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t t = 0; t < points_.cols(); ++t) mean[t] += points_(i, t);
    }
    for (double& value : mean) value /= static_cast<double>(count);
    int64_t best = 0;
    const auto from_mean = [&](int64_t i) {
      return Squared(points_.row(i), mean.data(), points_.cols());
    };
    for (int64_t i = 1; i < count; ++i) {
      if (from_mean(i) < from_mean(best)) best = i;
    }
    return best;
  }

  int64_t Farthest(int64_t begin, int64_t end) const {
    int64_t best = -1;
    for (int64_t i = begin; i < end; ++i) {
      if (chosen_[i]) continue;
      if (best < 0 || squared_[i] > squared_[best]) best = i;
    }
    return best;
  }

  void Choose(int64_t row) {
    order_.push_back(row);
    chosen_[row] = true;
    for (int64_t i = 0; i < points_.rows(); ++i) {
      squared_[i] =
          std::min(squared_[i],
                   Squared(points_.row(row), points_.row(i), points_.cols()));
    }
  }

  Matrix<double> points_;
  std::vector<double> squared_;
  std::vector<bool> chosen_ = std::vector<bool>(points_.rows());
  Order order_;
};

void ExpectMaxmin(const Matrix<double>& points, int64_t num_first = 0,
                  const std::vector<double>& lengthscale = {}) {
  const Order expected = Oracle(points, lengthscale).Maxmin(num_first);
  for (const int threads : {1, 2, 7}) {
    OrderingConfig config = Config(OrderingConfig::MAXMIN, num_first, threads);
    config.mutable_lengthscale()->Add(lengthscale.begin(), lengthscale.end());
    EXPECT_EQ(MustOrder(points, config), expected) << threads << " threads";
  }
}

constexpr PointSet kSets[] = {PointSet::kNormal, PointSet::kUniformCube,
                              PointSet::kClusters, PointSet::kGrid,
                              PointSet::kCircle};
constexpr int64_t kPoints = 2000;

class MaxminTest : public testing::TestWithParam<std::pair<PointSet, int>> {
 protected:
  Matrix<double> Points(int64_t n = kPoints) const {
    return MakePointSet(GetParam().first, n, GetParam().second, /*seed=*/5);
  }
};

TEST_P(MaxminTest, IsThatOfThePlainAlgorithm) { ExpectMaxmin(Points()); }

TEST_P(MaxminTest, WithDuplicates) {
  Matrix<double> points = Points();
  RandomStream stream(1, 0);
  for (int64_t i = 0; i < kPoints; ++i) {
    if (stream.UniformBelow(3) > 0) continue;
    std::copy_n(points.row(static_cast<int64_t>(stream.UniformBelow(kPoints))),
                points.cols(), points.row(i));
  }
  ExpectMaxmin(points);
}

TEST_P(MaxminTest, OfTwoGroups) {
  for (const int64_t num_first : {1, 700, 1999}) {
    ExpectMaxmin(Points(), num_first);
  }
}

TEST_P(MaxminTest, InUnitsOfLengthscales) {
  ExpectMaxmin(Points(), 500, {0.3});
  std::vector<double> lengthscale(GetParam().second);
  std::iota(lengthscale.begin(), lengthscale.end(), 1);
  ExpectMaxmin(Points(), 0, lengthscale);
}

std::vector<std::pair<PointSet, int>> AllSets() {
  std::vector<std::pair<PointSet, int>> all;
  for (const PointSet set : kSets) {
    for (const int dim : {1, 2, 3, 8}) all.emplace_back(set, dim);
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Sets, MaxminTest, testing::ValuesIn(AllSets()));

TEST(MaxminShapesTest, AdversarialSets) {
  for (const std::string& name : AdversarialNames()) {
    for (const int64_t dim : {1, 2, 3, 8}) {
      SCOPED_TRACE(absl::StrCat(name, " ", dim));
      const Matrix<double> points = MakePoints(name, 600, dim, /*seed=*/1);
      ExpectMaxmin(points);
      ExpectMaxmin(points, 200);
    }
  }
}

TEST(MaxminShapesTest, FewPoints) {
  EXPECT_THAT(MustOrder(Matrix<double>(0, 3), Config(OrderingConfig::MAXMIN)),
              IsEmpty());
  EXPECT_THAT(MustOrder(FromRows({{7}}), Config(OrderingConfig::MAXMIN)),
              ElementsAre(0));
  EXPECT_THAT(MustOrder(FromRows({{7}, {7}}), Config(OrderingConfig::MAXMIN)),
              ElementsAre(0, 1));
  EXPECT_THAT(
      MustOrder(FromRows({{0}, {1}, {10}}), Config(OrderingConfig::MAXMIN)),
      ElementsAre(1, 2, 0));
}

TEST(MaxminShapesTest, AllPointsEqual) {
  Matrix<double> points = Matrix<double>::Zeros(kPoints, 2);
  Order rows(kPoints);
  std::iota(rows.begin(), rows.end(), 0);
  EXPECT_EQ(MustOrder(points, Config(OrderingConfig::MAXMIN)), rows);
  ExpectMaxmin(points, 700);
}

TEST(MaxminShapesTest, GridOfTies) {
  Matrix<double> points(45 * 44, 2);
  for (int64_t i = 0; i < 45; ++i) {
    for (int64_t j = 0; j < 44; ++j) {
      points(i * 44 + j, 0) = static_cast<double>(i);
      points(i * 44 + j, 1) = static_cast<double>(j);
    }
  }
  ExpectMaxmin(points);
  ExpectMaxmin(points, 44 * 20);
}

TEST(MaxminShapesTest, Collinear) {
  Matrix<double> points(kPoints, 3);
  for (int64_t i = 0; i < kPoints; ++i) {
    const auto x = static_cast<double>(i * 37 % 1999);
    for (int t = 0; t < 3; ++t) points(i, t) = x * (t + 0.1);
  }
  ExpectMaxmin(points);
}

// Halves of halves, on alternating sides of a limit that is no point: clusters
// within clusters at all scales of float64.
TEST(MaxminShapesTest, ClustersAtAllScales) {
  Matrix<double> points(kPoints, 2);
  for (int64_t i = 0; i < kPoints; ++i) {
    const double scale =
        std::ldexp(i % 2 == 0 ? 1.0 : -1.0, static_cast<int>(-(i / 4) % 400));
    points(i, 0) = scale;
    points(i, 1) = scale * static_cast<double>(i % 3);
  }
  ExpectMaxmin(points);
}

TEST(MaxminShapesTest, GroupsFarApart) {
  Matrix<double> points = MakePointSet(PointSet::kNormal, kPoints, 2, 3);
  for (int64_t i = 1200; i < kPoints; ++i) points(i, 0) += 1000;
  ExpectMaxmin(points, 1200);
  ExpectMaxmin(points, 800);
}

TEST(MaxminShapesTest, LargeAndTinyCoordinates) {
  for (const double scale : {0x1p490, 0x1p-440}) {
    Matrix<double> points = MakePointSet(PointSet::kUniformCube, 300, 3, 3);
    for (int64_t i = 0; i < points.rows(); ++i) {
      for (int t = 0; t < 3; ++t) points(i, t) = (points(i, t) + 1) * scale;
    }
    ExpectMaxmin(points);
  }
}

TEST(OrderPointsTest, ByCoordinate) {
  const Matrix<double> points =
      FromRows({{3, 1}, {1, 2}, {3, -1}, {-5, 2}, {1, 0}});
  OrderingConfig config = Config(OrderingConfig::COORDINATE);
  EXPECT_THAT(MustOrder(points, config), ElementsAre(3, 1, 4, 0, 2));
  config.set_column(1);
  EXPECT_THAT(MustOrder(points, config), ElementsAre(2, 4, 0, 1, 3));
  config.set_num_first(2);
  EXPECT_THAT(MustOrder(points, config), ElementsAre(0, 1, 2, 4, 3));
}

TEST(OrderPointsTest, MiddleOut) {
  const Matrix<double> points = FromRows({{0}, {1}, {2}, {3}, {4}, {2}});
  OrderingConfig config = Config(OrderingConfig::MIDDLE_OUT);
  EXPECT_THAT(MustOrder(points, config), ElementsAre(2, 5, 1, 3, 0, 4));
  // The mean of the first two is 0.5.
  config.set_num_first(2);
  EXPECT_THAT(MustOrder(points, config), ElementsAre(0, 1, 2, 5, 3, 4));
}

// So many rows that they are sorted in several runs.
TEST(OrderPointsTest, ManyRows) {
  for (const int64_t n : {1 << 15, (1 << 15) + 1, 200'000}) {
    Matrix<double> points(n, 1);
    RandomStream stream(1, 0);
    for (int64_t i = 0; i < n; ++i) {
      points(i, 0) = static_cast<double>(stream.UniformBelow(1000));
    }
    for (const int64_t num_first : {int64_t{0}, n / 3}) {
      Order expected(n);
      std::iota(expected.begin(), expected.end(), 0);
      const auto less = [&](int64_t a, int64_t b) {
        return points(a, 0) < points(b, 0);
      };
      std::stable_sort(expected.begin(), expected.begin() + num_first, less);
      std::stable_sort(expected.begin() + num_first, expected.end(), less);
      for (const int threads : {1, 2, 7}) {
        EXPECT_EQ(MustOrder(points, Config(OrderingConfig::COORDINATE,
                                           num_first, threads)),
                  expected);
      }
    }
  }
}

TEST(OrderPointsTest, LengthscalesChangeDistances) {
  const Matrix<double> points =
      FromRows({{0, 0}, {8, 0}, {-8, 0}, {0, 3}, {0, -3}});
  OrderingConfig config = Config(OrderingConfig::MIDDLE_OUT);
  EXPECT_THAT(MustOrder(points, config), ElementsAre(0, 3, 4, 1, 2));
  config.add_lengthscale(10);
  config.add_lengthscale(1);
  EXPECT_THAT(MustOrder(points, config), ElementsAre(0, 1, 2, 3, 4));
}

TEST(OrderPointsTest, RandomIsAFunctionOfTheSeed) {
  const Matrix<double> points = MakePointSet(PointSet::kNormal, 10, 1, 1);
  OrderingConfig config = Config(OrderingConfig::RANDOM);
  const Order first = MustOrder(points, config);
  EXPECT_EQ(MustOrder(points, config), first);
  EXPECT_THAT(first, ElementsAre(6, 9, 7, 8, 4, 5, 2, 0, 1, 3));
  config.set_seed(2);
  EXPECT_NE(MustOrder(points, config), first);
}

TEST(OrderPointsTest, OrderOfTheFirstGroupDoesNotDependOnTheSecond) {
  const Matrix<double> all = MakePointSet(PointSet::kNormal, 500, 2, 1);
  const Matrix<double> some =
      Matrix<double>::Copy({all.data(), 200, all.cols(), all.stride()});
  for (int method = 1; method <= OrderingConfig::Method_MAX; ++method) {
    const auto named = static_cast<OrderingConfig::Method>(method);
    Order order = MustOrder(all, Config(named, 200));
    order.resize(200);
    EXPECT_EQ(order, MustOrder(some, Config(named)))
        << OrderingConfig::Method_Name(named);
  }
}

TEST(OrderPointsTest, BadInput) {
  const Matrix<double> good = MakePointSet(PointSet::kNormal, 5, 2, 1);
  const auto expect = [&](const OrderingConfig& config,
                          const std::string& message) {
    EXPECT_THAT(
        OrderPoints(good.view(), config).status(),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  expect(OrderingConfig(), "method: not given");
  OrderingConfig config = Config(OrderingConfig::MAXMIN, 6);
  expect(config, "num_first: is 6; must be from 0 to the number of rows, 5");
  config.set_num_first(-1);
  expect(config, "num_first: is -1");
  expect(Config(OrderingConfig::MAXMIN, 0, -1), "threads: is -1");
  config = Config(OrderingConfig::COORDINATE);
  config.set_column(2);
  expect(config, "column: is 2; must be from 0 to 1");
  for (const double bad : {0.0, -1.0, kInfinity, std::nan("")}) {
    config = Config(OrderingConfig::MAXMIN);
    config.add_lengthscale(1);
    config.add_lengthscale(bad);
    expect(config, "lengthscale[1]: is ");
  }
  config.add_lengthscale(1);
  expect(config, "lengthscale: has 3 values, the points have 2 coordinates");
}

TEST(OrderPointsTest, BadPoints) {
  Matrix<double> points = MakePointSet(PointSet::kNormal, 5, 2, 1);
  const auto status = [&](OrderingConfig::Method method,
                          double lengthscale = 1) {
    OrderingConfig config = Config(method);
    config.add_lengthscale(lengthscale);
    return OrderPoints(points.view(), config).status();
  };
  const auto invalid = [](const std::string& message) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message));
  };
  points(3, 1) = 1e200;
  EXPECT_THAT(status(OrderingConfig::MAXMIN),
              invalid("row 3, column 1 is 1e+200"));
  EXPECT_THAT(status(OrderingConfig::MIDDLE_OUT), invalid("overflow"));
  EXPECT_THAT(status(OrderingConfig::MAXMIN, 1e100), IsOk());
  EXPECT_THAT(status(OrderingConfig::COORDINATE), IsOk());
  EXPECT_THAT(status(OrderingConfig::MAXMIN, 1e-300), invalid("overflow"));
  points(3, 1) = std::nan("");
  for (int method = 1; method <= OrderingConfig::Method_MAX; ++method) {
    EXPECT_THAT(status(static_cast<OrderingConfig::Method>(method)),
                invalid("points: row 3, column 1"));
  }
}

TEST(OrderPointsTest, MonitorSeesProgressAndCancels) {
  const Matrix<double> points = MakePointSet(PointSet::kNormal, 80000, 2, 1);
  for (const auto& [method, num_first] :
       std::vector<std::pair<OrderingConfig::Method, int64_t>>{
           {OrderingConfig::MAXMIN, 0},
           {OrderingConfig::MAXMIN, 15000},
           {OrderingConfig::RANDOM, 0},
           {OrderingConfig::COORDINATE, 40000},
           {OrderingConfig::MIDDLE_OUT, 0}}) {
    double last = -1;
    Monitor watching([&](double done) {
      EXPECT_GE(done, last);
      last = done;
      return true;
    });
    const OrderingConfig config = Config(method, num_first);
    EXPECT_THAT(OrderPoints(points.view(), config, &watching), IsOk());
    Monitor refusing([](double) { return false; });
    EXPECT_THAT(OrderPoints(points.view(), config, &refusing).status(),
                StatusIs(absl::StatusCode::kCancelled, testing::_));
  }
}

TEST(ValidateOrderTest, NamesTheFirstElementAtFault) {
  const auto invalid = [](const std::string& message) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message));
  };
  EXPECT_THAT(ValidateOrder({}, 0), IsOk());
  EXPECT_THAT(ValidateOrder({2, 0, 1}, 3), IsOk());
  EXPECT_THAT(ValidateOrder({2, 0}, 3),
              invalid("order: has 2 elements, the data has 3 rows"));
  EXPECT_THAT(ValidateOrder({2, 3, -1}, 3),
              invalid("order: element 1 is 3; must be from 0 to 2"));
  EXPECT_THAT(ValidateOrder({2, -1, 2}, 3), invalid("element 1 is -1"));
  EXPECT_THAT(ValidateOrder({2, 0, 2}, 3),
              invalid("element 2 is 2, as element 0 is"));
}

TEST(RanksOfTest, IsTheInverse) {
  EXPECT_THAT(RanksOf({2, 0, 1}), ElementsAre(1, 2, 0));
}

}  // namespace
}  // namespace rct
