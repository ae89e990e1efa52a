#include "metric/kmeans.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/point_sets.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/isa.h"
#include "metric/scaled_points.h"
#include "metric/seeding.h"
#include "metric/simd_routines.h"
#include "metric/test_reference.h"

namespace rct {
namespace {

using testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

ScaledPoints Scaled(const Matrix<double>& points,
                    const SimdRoutines& simd = BestSimdRoutines()) {
  return ScaledPoints::Create(points.view(), {}, simd).value();
}

double Squared(const double* x, const double* y, int64_t dim) {
  double sum = 0;
  for (int64_t t = 0; t < dim; ++t) {
    sum = std::fma(x[t] - y[t], x[t] - y[t], sum);
  }
  return sum;
}

int64_t NearestCenter(const double* x, const Matrix<double>& centers) {
  int64_t nearest = 0;
  for (int64_t c = 1; c < centers.rows(); ++c) {
    if (Squared(x, centers.row(c), centers.cols()) <
        Squared(x, centers.row(nearest), centers.cols())) {
      nearest = c;
    }
  }
  return nearest;
}

double Cost(const Matrix<double>& points, const Matrix<double>& centers) {
  double cost = 0;
  for (int64_t i = 0; i < points.rows(); ++i) {
    const int64_t c = NearestCenter(points.row(i), centers);
    cost += Squared(points.row(i), centers.row(c), points.cols());
  }
  return cost;
}

// One iteration by the definition, in long double.
Matrix<double> Means(const Matrix<double>& points,
                     const Matrix<double>& centers) {
  std::vector<long double> sum(centers.rows() * centers.cols());
  std::vector<int64_t> count(centers.rows());
  for (int64_t i = 0; i < points.rows(); ++i) {
    const int64_t c = NearestCenter(points.row(i), centers);
    ++count[c];
    for (int64_t t = 0; t < points.cols(); ++t) {
      sum[c * points.cols() + t] += points(i, t);
    }
  }
  Matrix<double> means = centers.Clone();
  for (int64_t c = 0; c < centers.rows(); ++c) {
    for (int64_t t = 0; t < points.cols(); ++t) {
      if (count[c] == 0) continue;
      means(c, t) = static_cast<double>(sum[c * points.cols() + t] /
                                        static_cast<long double>(count[c]));
    }
  }
  return means;
}

TEST(KMeansTest, Example) {
  const double data[] = {0, 1, 2, 10, 11};
  const auto points =
      ScaledPoints::Create(MatrixView<const double>(data, 5, 1), {}).value();
  const Matrix<double> centers = KMeansCenters(points, {0, 1}, 10, 1);
  EXPECT_EQ(centers(0, 0), 1);
  EXPECT_EQ(centers(1, 0), 10.5);
  // Row 3 is as near as row 4 and comes first.
  EXPECT_THAT(NearestRows(points, centers.view(), 1), ElementsAre(1, 3));
  // Without iterations the centers are the rows.
  EXPECT_EQ(KMeansCenters(points, {0, 1}, 0, 1)(1, 0), 1);
}

TEST(KMeansTest, AnIterationMovesCentersToTheMeansOfTheirRows) {
  const Matrix<double> points = UniformPoints(5003, 3, 1);
  const ScaledPoints scaled = Scaled(points);
  const std::vector<int64_t> rows = KMeansPlusPlus(scaled, 40, 1, 1);
  for (int iterations = 0; iterations < 4; ++iterations) {
    const Matrix<double> expected =
        Means(points, KMeansCenters(scaled, rows, iterations, 1));
    const Matrix<double> centers =
        KMeansCenters(scaled, rows, iterations + 1, 1);
    for (int64_t i = 0; i < 40 * 3; ++i) {
      EXPECT_NEAR(centers.data()[i], expected.data()[i], 1e-14);
    }
  }
}

TEST(KMeansTest, CostDoesNotGrow) {
  for (const PointSet set :
       {PointSet::kUniformCube, PointSet::kClusters, PointSet::kGrid}) {
    const Matrix<double> points = MakePointSet(set, 2000, 2, 1);
    const ScaledPoints scaled = Scaled(points);
    const std::vector<int64_t> rows = KMeansPlusPlus(scaled, 25, 1, 1);
    double cost = kInfinity;
    for (int iterations = 0; iterations < 12; ++iterations) {
      const double next =
          Cost(points, KMeansCenters(scaled, rows, iterations, 1));
      EXPECT_LE(next, cost * (1 + 1e-12));
      cost = next;
    }
  }
}

TEST(KMeansTest, BitsDoNotDependOnThreadsOrInstructionSet) {
  const Matrix<double> points = UniformPoints(9001, 2, 2);
  const ScaledPoints best = Scaled(points);
  const std::vector<int64_t> seeds = KMeansPlusPlus(best, 30, 1, 1);
  const Matrix<double> centers = KMeansCenters(best, seeds, 6, 1);
  const std::vector<int64_t> rows = NearestRows(best, centers.view(), 1);
  for (const Isa isa : AvailableIsas()) {
    const ScaledPoints scaled = Scaled(points, *SimdRoutinesFor(isa));
    for (const int threads : {1, 2, 7}) {
      const Matrix<double> same = KMeansCenters(scaled, seeds, 6, threads);
      EXPECT_EQ(Bits({same.data(), 60}), Bits({centers.data(), 60}));
      EXPECT_EQ(NearestRows(scaled, same.view(), threads), rows);
    }
  }
}

// A cluster of one place has it as its center exactly, and iterations end.
TEST(KMeansTest, PlacesOfRepeatedPointsAreCenters) {
  Matrix<double> points(3000, 1);
  for (int64_t i = 0; i < 3000; ++i) {
    points(i, 0) = 0.1 * static_cast<double>(i % 3);
  }
  const Matrix<double> centers = KMeansCenters(Scaled(points), {2, 1, 0}, 9, 2);
  EXPECT_EQ(centers(0, 0), points(2, 0));
  EXPECT_EQ(centers(1, 0), points(1, 0));
  EXPECT_EQ(centers(2, 0), points(0, 0));
}

// In the second iteration the last center has no rows. It moves to row 0, the
// farthest from the other two, which are at (1, 5/3) and (-6.5, -5) by then.
TEST(KMeansTest, ACenterThatLosesItsRowsMoves) {
  const double data[] = {-6, 4, 1, 0, -8, -5, 8, 1, -5, -5};
  const auto points =
      ScaledPoints::Create(MatrixView<const double>(data, 5, 2), {}).value();
  const auto centers = [&points](int iterations) {
    const Matrix<double> all = KMeansCenters(points, {0, 2, 4}, iterations, 2);
    return std::vector<double>(all.data(), all.data() + 6);
  };
  EXPECT_THAT(centers(1), ElementsAre(1, 2.5, -8, -5, -2, -2.5));
  const std::vector<double> moved = centers(2);
  EXPECT_THAT(std::vector<double>(moved.begin() + 2, moved.end()),
              ElementsAre(-6.5, -5, -6, 4));
  EXPECT_THAT(centers(9), ElementsAre(4.5, 0.5, -6.5, -5, -6, 4));
}

TEST(KMeansTest, NearestRowsAreAtDistinctPlaces) {
  // The centers share their nearest row, and rows 0 and 1 are one place.
  const double data[] = {0, 0, 3, -7, 100};
  const auto points =
      ScaledPoints::Create(MatrixView<const double>(data, 5, 1), {}).value();
  Matrix<double> centers(4, 1);
  for (int64_t c = 0; c < 4; ++c) {
    centers(c, 0) = 0.25 * static_cast<double>(c);
  }
  EXPECT_THAT(NearestRows(points, centers.view(), 1), ElementsAre(0, 2, 3, 4));
}

TEST(KMeansTest, UnscaledCentersAreDistinct) {
  const double data[] = {0, 4, 20, 10};
  const double inverse[] = {0.5};
  const MatrixView<const double> view(data, 4, 1);
  const auto points = ScaledPoints::Create(view, inverse).value();
  Matrix<double> centers(3, 1);
  centers(0, 0) = 1;
  centers(1, 0) = 1;
  centers(2, 0) = 9;
  const Matrix<double> unscaled =
      UnscaledCenters(points, view, inverse, centers.view(), 1);
  EXPECT_EQ(unscaled(0, 0), 2);
  EXPECT_EQ(unscaled(1, 0), 10);  // the row farthest from 2 and 18
  EXPECT_EQ(unscaled(2, 0), 18);
}

TEST(KMeansTest, Cancellation) {
  const ScaledPoints scaled = Scaled(UniformPoints(5000, 2, 3));
  const std::vector<int64_t> seeds = KMeansPlusPlus(scaled, 30, 1, 1);
  Monitor monitor([](double) { return false; });
  const Monitor::Part whole(&monitor);
  KMeansCenters(scaled, seeds, 1000, 2, &monitor);
  EXPECT_TRUE(monitor.cancelled());
}

}  // namespace
}  // namespace rct
