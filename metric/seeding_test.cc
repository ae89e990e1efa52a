#include "metric/seeding.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/isa.h"
#include "metric/scaled_points.h"
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

// Returns `points` of which every third row repeats an earlier one.
Matrix<double> WithRepeats(Matrix<double> points) {
  RandomStream random(5, 0);
  for (int64_t i = 3; i < points.rows(); i += 3) {
    std::copy_n(points.row(static_cast<int64_t>(random.UniformBelow(i))),
                points.cols(), points.row(i));
  }
  return points;
}

struct NamedPoints {
  std::string name;
  Matrix<double> points;
};

std::vector<NamedPoints> AllPoints() {
  std::vector<NamedPoints> all;
  all.push_back({"uniform", UniformPoints(5000, 2, 1)});
  all.push_back({"odd size", UniformPoints(1031, 3, 2)});
  all.push_back({"repeats", WithRepeats(UniformPoints(3000, 2, 3))});
  all.push_back({"grid", MakePointSet(PointSet::kGrid, 1000, 3, 1)});
  all.push_back({"clusters", MakePointSet(PointSet::kClusters, 4000, 2, 1,
                                          {.count = 20, .radius = 1e-3})});
  all.push_back({"a line", UniformPoints(2000, 1, 4)});
  all.push_back({"few", UniformPoints(9, 2, 5)});
  Matrix<double> large = UniformPoints(2000, 2, 6);
  Matrix<double> small = UniformPoints(2000, 2, 6);
  for (int64_t i = 0; i < 4000; ++i) {
    large.data()[i] *= 0x1p499;
    small.data()[i] *= 0x1p-390;
  }
  all.push_back({"large", std::move(large)});
  all.push_back({"small", std::move(small)});
  return all;
}

double Squared(const double* x, const double* y, int64_t dim) {
  double sum = 0;
  for (int64_t t = 0; t < dim; ++t) {
    sum = std::fma(x[t] - y[t], x[t] - y[t], sum);
  }
  return sum;
}

// Returns the lowest row that equals `row`.
int64_t Lowest(const Matrix<double>& points, int64_t row) {
  int64_t i = 0;
  while (!std::equal(points.row(i), points.row(i) + points.cols(),
                     points.row(row))) {
    ++i;
  }
  return i;
}

// Chooses rows by the definition. `next` returns a row of the given squared
// distances to the nearest row that is chosen.
template <class Next>
std::vector<int64_t> ByDefinition(const Matrix<double>& points, int64_t first,
                                  int64_t count, Next next) {
  std::vector<double> nearest(points.rows(), kInfinity);
  std::vector<int64_t> rows = {first};
  while (static_cast<int64_t>(rows.size()) < count) {
    for (int64_t i = 0; i < points.rows(); ++i) {
      nearest[i] = std::min(nearest[i], Squared(points.row(rows.back()),
                                                points.row(i), points.cols()));
    }
    if (*std::max_element(nearest.begin(), nearest.end()) == 0) break;
    rows.push_back(next(nearest));
  }
  return rows;
}

std::vector<int64_t> FarthestFirstByDefinition(const Matrix<double>& points,
                                               int64_t count) {
  return ByDefinition(points, 0, count, [](const std::vector<double>& nearest) {
    return std::max_element(nearest.begin(), nearest.end()) - nearest.begin();
  });
}

// Draws with sums in long double: the same rows unless a draw falls within the
// rounding of a sum.
std::vector<int64_t> KMeansPlusPlusByDefinition(const Matrix<double>& points,
                                                int64_t count, uint64_t seed) {
  RandomStream stream(seed, 0x6b6d65616e732b2b);
  const auto first = static_cast<int64_t>(stream.UniformBelow(points.rows()));
  return ByDefinition(points, Lowest(points, first), count,
                      [&](const std::vector<double>& nearest) {
                        long double total = 0;
                        for (const double squared : nearest) total += squared;
                        const long double target = stream.Uniform() * total;
                        int64_t row = 0;
                        long double sum = nearest[0];
                        while (sum <= target) sum += nearest[++row];
                        return Lowest(points, row);
                      });
}

TEST(SeedingTest, Example) {
  const double data[] = {0, 0, 4, 10, 9};
  const auto points =
      ScaledPoints::Create(MatrixView<const double>(data, 5, 1), {}).value();
  EXPECT_THAT(FarthestFirst(points, 3, 1), ElementsAre(0, 3, 2));
  // There are four places.
  EXPECT_THAT(FarthestFirst(points, 5, 1), ElementsAre(0, 3, 2, 4));
  EXPECT_EQ(KMeansPlusPlus(points, 5, 1, 1).size(), 4);
}

TEST(SeedingTest, RowsAreThoseOfTheDefinition) {
  for (const auto& [name, points] : AllPoints()) {
    SCOPED_TRACE(name);
    const ScaledPoints scaled = Scaled(points);
    for (const int64_t count : {1, 2, 9, 60}) {
      if (count > points.rows()) continue;
      EXPECT_EQ(FarthestFirst(scaled, count, 1),
                FarthestFirstByDefinition(points, count));
      for (const uint64_t seed : {1, 2, 3}) {
        EXPECT_EQ(KMeansPlusPlus(scaled, count, seed, 1),
                  KMeansPlusPlusByDefinition(points, count, seed));
      }
    }
  }
}

TEST(SeedingTest, RowsDoNotDependOnThreadsOrInstructionSet) {
  for (const auto& [name, points] : AllPoints()) {
    SCOPED_TRACE(name);
    const int64_t count = std::min<int64_t>(60, points.rows());
    const ScaledPoints best = Scaled(points);
    const std::vector<int64_t> drawn = KMeansPlusPlus(best, count, 1, 1);
    const std::vector<int64_t> farthest = FarthestFirst(best, count, 1);
    for (const Isa isa : AvailableIsas()) {
      const ScaledPoints scaled = Scaled(points, *SimdRoutinesFor(isa));
      for (const int threads : {1, 2, 7}) {
        EXPECT_EQ(KMeansPlusPlus(scaled, count, 1, threads), drawn);
        EXPECT_EQ(FarthestFirst(scaled, count, threads), farthest);
      }
    }
  }
}

// All places are chosen, each once and by its lowest row, and no more.
TEST(SeedingTest, EveryPlaceOnce) {
  const Matrix<double> points = WithRepeats(UniformPoints(200, 2, 7));
  std::set<int64_t> places;
  for (int64_t i = 0; i < 200; ++i) places.insert(Lowest(points, i));
  const ScaledPoints scaled = Scaled(points);
  for (const std::vector<int64_t>& rows :
       {FarthestFirst(scaled, 200, 2), KMeansPlusPlus(scaled, 200, 3, 2)}) {
    EXPECT_EQ(std::set<int64_t>(rows.begin(), rows.end()), places);
    EXPECT_EQ(rows.size(), places.size());
  }
}

TEST(SeedingTest, AllPointsEqual) {
  Matrix<double> points = Matrix<double>::Zeros(3000, 2);
  for (int64_t i = 0; i < 6000; ++i) points.data()[i] = 0.1;
  const ScaledPoints scaled = Scaled(points);
  EXPECT_THAT(FarthestFirst(scaled, 5, 2), ElementsAre(0));
  EXPECT_THAT(KMeansPlusPlus(scaled, 5, 1, 2), ElementsAre(0));
}

TEST(SeedingTest, FewerRowsAreTheFirstOfMore) {
  const ScaledPoints scaled = Scaled(UniformPoints(2000, 2, 8));
  const std::vector<int64_t> farthest = FarthestFirst(scaled, 50, 1);
  const std::vector<int64_t> drawn = KMeansPlusPlus(scaled, 50, 9, 1);
  for (const int64_t count : {1, 2, 20}) {
    EXPECT_EQ(FarthestFirst(scaled, count, 1),
              std::vector<int64_t>(farthest.begin(), farthest.begin() + count));
    EXPECT_EQ(KMeansPlusPlus(scaled, count, 9, 1),
              std::vector<int64_t>(drawn.begin(), drawn.begin() + count));
  }
}

// Clusters so far apart that the chance to miss one is below 1e-6.
TEST(SeedingTest, EachSeparatedClusterGetsARow) {
  const Matrix<double> points = MakePointSet(PointSet::kClusters, 4000, 2, 1,
                                             {.count = 20, .radius = 1e-7});
  const ScaledPoints scaled = Scaled(points);
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    std::set<int64_t> clusters;
    for (const int64_t row : KMeansPlusPlus(scaled, 20, seed, 1)) {
      clusters.insert(row % 20);
    }
    EXPECT_EQ(clusters.size(), 20);
  }
  std::set<int64_t> clusters;
  for (const int64_t row : FarthestFirst(scaled, 20, 1)) {
    clusters.insert(row % 20);
  }
  EXPECT_EQ(clusters.size(), 20);
}

TEST(SeedingTest, FarthestFirstRowsAreANet) {
  const Matrix<double> points = UniformPoints(3000, 2, 10);
  const std::vector<int64_t> rows = FarthestFirst(Scaled(points), 41, 1);
  const auto squared = [&](int64_t a, int64_t b) {
    return Squared(points.row(a), points.row(b), 2);
  };
  double radius = kInfinity;
  for (int i = 0; i < 40; ++i) {
    radius = std::min(radius, squared(rows[i], rows[40]));
  }
  for (int i = 0; i < 40; ++i) {
    for (int j = 0; j < i; ++j) EXPECT_GE(squared(rows[i], rows[j]), radius);
  }
  for (int64_t row = 0; row < 3000; ++row) {
    double nearest = kInfinity;
    for (int i = 0; i < 40; ++i) {
      nearest = std::min(nearest, squared(rows[i], row));
    }
    EXPECT_LE(nearest, radius);
  }
}

// Rows at 0, 1 and 3: after row 0 the others have 1/10 and 9/10 of the chance.
TEST(SeedingTest, ChancesAreThoseOfSquaredDistances) {
  const double data[] = {0, 1, 3};
  const auto points =
      ScaledPoints::Create(MatrixView<const double>(data, 3, 1), {}).value();
  NearestPlace nearest(points, 1);
  nearest.Add(points.Place(0).data());
  RandomStream random(1, 0);
  constexpr int kDraws = 100000;
  int ones = 0;
  for (int i = 0; i < kDraws; ++i) {
    const int64_t row = nearest.Draw(random);
    ASSERT_NE(row, 0);
    ones += static_cast<int>(row == 1);
  }
  // Five standard deviations.
  EXPECT_NEAR(ones, 0.1 * kDraws, 5 * std::sqrt(0.09 * kDraws));
}

TEST(SeedingTest, ProgressAndCancellation) {
  const ScaledPoints scaled = Scaled(UniformPoints(2000, 2, 11));
  double last = 0;
  Monitor watch([&last](double done) {
    last = done;
    return true;
  });
  EXPECT_EQ(KMeansPlusPlus(scaled, 30, 1, 2, &watch),
            KMeansPlusPlus(scaled, 30, 1, 2));
  Monitor cancelled([](double) { return false; });
  const Monitor::Part whole(&cancelled);
  EXPECT_LT(FarthestFirst(scaled, 2000, 2, &cancelled).size(), 2000);
  EXPECT_FALSE(Monitor::Check(&cancelled).ok());
}

}  // namespace
}  // namespace rct
