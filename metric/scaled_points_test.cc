#include "metric/scaled_points.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/isa.h"
#include "metric/simd_routines.h"
#include "metric/test_reference.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Two columns, of which the second is in other units.
Matrix<double> TwoUnits(int64_t n) {
  Matrix<double> points = UniformPoints(n, 2, 1);
  for (int64_t i = 0; i < n; ++i) points(i, 1) *= 1000;
  return points;
}

TEST(ScaledPointsTest, Example) {
  const double data[] = {2, 30, -4, 50};
  const double inverse[] = {0.5, 0.1};
  const auto points =
      ScaledPoints::Create(MatrixView<const double>(data, 2, 2), inverse);
  ASSERT_THAT(points, IsOk());
  EXPECT_THAT(points->Place(1), ElementsAre(-2, 5));
  double squared[8];
  points->SquaredDistances(points->Place(0).data(), 0, 2, squared);
  EXPECT_EQ(squared[0], 0);
  EXPECT_EQ(squared[1], 13);
}

TEST(ScaledPointsTest, DistancesAreTheDefinitionOnEveryInstructionSet) {
  const Matrix<double> data = TwoUnits(1500);
  const double inverse[] = {3.0, 0.003};
  for (const Isa isa : AvailableIsas()) {
    SCOPED_TRACE(IsaName(isa));
    const auto points =
        ScaledPoints::Create(data.view(), inverse, *SimdRoutinesFor(isa));
    ASSERT_THAT(points, IsOk());
    const std::vector<double> place = points->Place(700);
    std::vector<double> squared(800);
    points->SquaredDistances(place.data(), 704, 796, squared.data());
    for (int64_t j = 0; j < 796; ++j) {
      double sum = 0;
      for (int t = 0; t < 2; ++t) {
        const double x = data(700, t) * inverse[t];
        const double y = data(704 + j, t) * inverse[t];
        sum = std::fma(x - y, x - y, sum);
      }
      ASSERT_EQ(std::bit_cast<uint64_t>(squared[j]),
                std::bit_cast<uint64_t>(sum))
          << j;
    }
  }
}

TEST(ScaledPointsTest, SegmentsHoldEachRowOnce) {
  for (const int64_t n : {0, 1, 7, 8, 1023, 1024, 1025, 65536, 65537, 100001}) {
    SCOPED_TRACE(n);
    const auto points =
        ScaledPoints::Create(Matrix<double>::Zeros(n, 1).view(), {});
    ASSERT_THAT(points, IsOk());
    int64_t next = 0;
    for (int64_t s = 0; s < points->num_segments(); ++s) {
      const RowSegment segment = points->segment(s);
      EXPECT_EQ(segment.begin, next);
      EXPECT_EQ(segment.begin % 8, 0);
      EXPECT_GT(segment.end, segment.begin);
      ForRowBlocks(segment, [&](int64_t first, int64_t count) {
        EXPECT_EQ(first, next);
        EXPECT_LE(count, kRowBlock);
        next += count;
      });
      EXPECT_EQ(segment.end, next);
    }
    EXPECT_EQ(next, n);
    EXPECT_LE(points->num_segments(), ScaledPoints::kMaxSegments);
  }
}

TEST(ScaledPointsTest, TheLowestRowStandsForItsPlace) {
  // The zeros are equal, and 1 and 1 + 2^-52 are equal after scaling by 0.75.
  const double data[] = {1, 0, 5, -0.0, 1 + 0x1p-52, 5};
  const double inverse[] = {0.75};
  const auto points =
      ScaledPoints::Create(MatrixView<const double>(data, 6, 1), inverse);
  ASSERT_THAT(points, IsOk());
  std::vector<int64_t> lowest;
  for (int64_t i = 0; i < 6; ++i) {
    lowest.push_back(points->LowestRowAtPlaceOf(i));
  }
  EXPECT_THAT(lowest, ElementsAre(0, 1, 2, 1, 4, 2));
}

TEST(ScaledPointsTest, RefusesCoordinatesOutOfRange) {
  Matrix<double> points = Matrix<double>::Zeros(3, 2);
  points(2, 1) = 1e200;
  EXPECT_THAT(ScaledPoints::Create(points.view(), {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("divided by lengthscales: points: row 2, "
                                 "column 1 is 1e+200")));
  const double inverse[] = {1, 1e-100};
  EXPECT_THAT(ScaledPoints::Create(points.view(), inverse), IsOk());
  const double tiny[] = {1, 1e-300};
  points(2, 1) = 1e100;
  EXPECT_THAT(ScaledPoints::Create(points.view(), tiny).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("the square of the difference vanishes")));
}

}  // namespace
}  // namespace rct
