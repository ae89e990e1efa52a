#include "index/places.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/test_data.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Compares all pairs of points.
std::vector<int64_t> FirstEqualRows(const Matrix<double>& points) {
  std::vector<int64_t> first(points.rows());
  for (int64_t i = 0; i < points.rows(); ++i) {
    int64_t j = 0;
    while (!std::equal(points.row(i), points.row(i) + points.cols(),
                       points.row(j))) {
      ++j;
    }
    first[i] = j;
  }
  return first;
}

TEST(PlacesTest, InOrderOfFirstAppearance) {
  Matrix<double> points(6, 2);
  const double values[][2] = {{3, 1}, {0.0, 2},  {3, 1},
                              {1, 3}, {-0.0, 2}, {3, 1}};
  for (int64_t i = 0; i < 6; ++i) std::copy_n(values[i], 2, points.row(i));
  const Places places = UniquePlaces(points.view());
  EXPECT_EQ(places.size(), 3);
  EXPECT_THAT(places.first_rows, ElementsAre(0, 1, 3));
  EXPECT_THAT(places.counts, ElementsAre(3, 2, 1));
  EXPECT_THAT(places.places, ElementsAre(0, 1, 0, 2, 1, 0));
}

TEST(PlacesTest, AgreesWithAComparisonOfAllPairs) {
  for (const std::string& name : AdversarialNames()) {
    const Matrix<double> points = MakePoints(name, 300, 2, /*seed=*/1);
    const std::vector<int64_t> first = FirstEqualRows(points);
    const Places places = UniquePlaces(points.view());
    std::vector<int64_t> counts(places.size(), 0);
    for (int64_t i = 0; i < points.rows(); ++i) {
      EXPECT_EQ(places.first_rows[places.places[i]], first[i]) << name;
      ++counts[places.places[i]];
    }
    EXPECT_EQ(places.counts, counts) << name;
    EXPECT_TRUE(
        std::is_sorted(places.first_rows.begin(), places.first_rows.end()));
  }
}

TEST(PlacesTest, LittleData) {
  const Places none = UniquePlaces(MatrixView<const double>(nullptr, 0, 3));
  EXPECT_EQ(none.size(), 0);
  EXPECT_THAT(none.places, IsEmpty());
  const double point[] = {1, 2, 3};
  const Places one = UniquePlaces(MatrixView<const double>(point, 1, 3));
  EXPECT_THAT(one.first_rows, ElementsAre(0));
  EXPECT_THAT(one.counts, ElementsAre(1));
}

// The padding of a matrix is no coordinate.
TEST(PlacesTest, Stride) {
  const double rows[] = {1, 2, 77, 1, 2, 78, 2, 1, 79};
  const Places places = UniquePlaces(MatrixView<const double>(rows, 3, 2, 3));
  EXPECT_THAT(places.places, ElementsAre(0, 0, 1));
}

}  // namespace
}  // namespace rct
