#include "metric/test_data.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"

namespace rct {
namespace {

std::vector<double> Row(const Matrix<double>& points, int64_t i) {
  return {points.row(i), points.row(i) + points.cols()};
}

double Distance(const Matrix<double>& points, int64_t i, int64_t j) {
  double sum = 0;
  for (int64_t t = 0; t < points.cols(); ++t) {
    sum += (points(i, t) - points(j, t)) * (points(i, t) - points(j, t));
  }
  return std::sqrt(sum);
}

TEST(MakePointsTest, AnyShape) {
  for (const std::string& name : AdversarialNames()) {
    for (const int64_t n : {0, 1, 2, 100}) {
      for (const int64_t dim : {1, 2, 8}) {
        const Matrix<double> points = MakePoints(name, n, dim, 1);
        ASSERT_EQ(points.rows(), n);
        ASSERT_EQ(points.cols(), dim);
        for (int64_t i = 0; i < n; ++i) {
          for (const double x : Row(points, i)) ASSERT_TRUE(std::isfinite(x));
        }
      }
    }
  }
}

TEST(MakePointsDeathTest, UnknownName) {
  EXPECT_DEATH(MakePoints("no such set", 1, 1, 1), "check failed");
}

TEST(MakePointsTest, SeedsDiffer) {
  for (const std::string& name : AdversarialNames()) {
    const Matrix<double> points = MakePoints(name, 50, 2, 1);
    EXPECT_EQ(Row(MakePoints(name, 50, 2, 1), 49), Row(points, 49));
    if (name != "grid") {
      EXPECT_NE(Row(MakePoints(name, 50, 2, 2), 49), Row(points, 49)) << name;
    }
  }
}

// Answers over these sets may be frozen elsewhere.
TEST(MakePointsTest, GoldenDigest) {
  Sha256 hash;
  for (const std::string& name : AdversarialNames()) {
    const Matrix<double> points = MakePoints(name, 100, 3, 7);
    hash.UpdateSpan(absl::MakeConstSpan(points.data(), 300));
  }
  EXPECT_EQ(hash.HexDigest(),
            "ee017a0259b65800dd5791609f97e9a8aee3b05797dd4330e5d48be6054206c4");
}

TEST(MakePointsTest, Distances) {
  const Matrix<double> duplicates = MakePoints("duplicates", 20, 3, 1);
  const Matrix<double> circle = MakePoints("circle", 20, 3, 1);
  const Matrix<double> outlier = MakePoints("outlier", 20, 3, 1);
  for (int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(Distance(duplicates, 0, i), 0);
    EXPECT_NEAR(std::hypot(circle(i, 0), circle(i, 1)), 1, 1e-15);
    EXPECT_EQ(circle(i, 2), 0);
    if (i != 10) {
      EXPECT_GT(Distance(outlier, 10, i), 1e3);
      EXPECT_LT(Distance(outlier, 0, i), 0.1);
    }
  }
}

TEST(MakePointsTest, PairsRepeat) {
  const Matrix<double> points = MakePoints("pairs", 200, 2, 1);
  std::set<std::vector<double>> different;
  for (int64_t i = 0; i < 200; ++i) different.insert(Row(points, i));
  EXPECT_GT(different.size(), 30);
  EXPECT_LE(different.size(), 51);
}

TEST(MakePointsTest, GridPlacesDiffer) {
  for (const auto& [n, dim] :
       std::vector<std::pair<int64_t, int64_t>>{{100, 1}, {100, 2}, {100, 8}}) {
    const Matrix<double> points = MakePoints("grid", n, dim, 1);
    std::set<std::vector<double>> different;
    for (int64_t i = 0; i < n; ++i) different.insert(Row(points, i));
    EXPECT_EQ(different.size(), n);
  }
}

TEST(MakePointsTest, ScalesSpreadEvenly) {
  const Matrix<double> points = MakePoints("scales", 1000, 2, 1);
  int small = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    small += std::hypot(points(i, 0), points(i, 1)) < 0x1p-15;
  }
  EXPECT_GT(small, 400);
  EXPECT_LT(small, 600);
}

TEST(MakeTestModelTest, HasAtMostAsManyInducingPointsAsRows) {
  for (const int64_t n : {0, 1, 5, 50}) {
    const Matrix<double> points = MakePoints("normal", n, 2, 1);
    const TestModel model = MakeTestModel(points.view(), KernelConfig::RBF, 20);
    EXPECT_EQ(model.metric->size(), n);
    EXPECT_EQ(model.factor->num_inducing(),
              n == 0 ? 1 : std::min(n, int64_t{20}));
  }
}

}  // namespace
}  // namespace rct
