#include "metric/point_lanes.h"

#include <cstdint>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "gtest/gtest.h"
#include "metric/simd_routines.h"
#include "metric/test_reference.h"

namespace rct {
namespace {

double At(CoordinateLanes lanes, int64_t point, int64_t dimension) {
  return lanes.data[dimension * lanes.stride + point];
}

TEST(PointLanesTest, HoldsEachDimensionInARow) {
  for (const int64_t n : {1, 7, 8, 9, 16, 17}) {
    const Matrix<double> points = UniformPoints(n, 3, 1);
    const PointLanes lanes(points.view());
    EXPECT_EQ(lanes.dim(), 3);
    for (int64_t first = 0; first < n; ++first) {
      for (int64_t t = 0; t < 3; ++t) {
        // A vector that begins at the last point is still inside, and zero.
        for (int64_t j = 0; j < 8; ++j) {
          EXPECT_EQ(At(lanes.From(first), j, t),
                    first + j < n ? points(first + j, t) : 0);
        }
      }
    }
  }
}

TEST(PointLanesTest, ReadsViewsWithPadding) {
  const double data[] = {1, 2, -1, 3, 4, -1};
  const PointLanes lanes(MatrixView<const double>(data, 2, 2, 3));
  EXPECT_EQ(At(lanes.From(0), 0, 1), 2);
  EXPECT_EQ(At(lanes.From(1), 0, 0), 3);
}

TEST(PointLanesTest, NoPoints) {
  const PointLanes lanes(Matrix<double>(0, 2).view());
  EXPECT_EQ(lanes.dim(), 2);
  for (int64_t j = 0; j < 8; ++j) EXPECT_EQ(At(lanes.From(0), j, 1), 0);
}

TEST(PointLanesTest, GathersByNumber) {
  const Matrix<double> points = UniformPoints(20, 2, 2);
  const PointLanes source(points.view());
  PointLanes gathered(9, 2);
  const int32_t ids[] = {19, 0, 0, 7, 8, 3, 19, 5, 11};
  PointLanes from_rows(9, 2);
  gathered.Gather(source, ids);
  from_rows.Gather(points.view(), ids);
  for (int64_t i = 0; i < 9; ++i) {
    EXPECT_EQ(At(from_rows.From(i), 0, 1), points(ids[i], 1));
    for (int64_t t = 0; t < 2; ++t) {
      EXPECT_EQ(At(gathered.From(0), i, t), points(ids[i], t));
    }
  }
  // Fewer than there is room for: the rest stays.
  gathered.Gather(source, absl::MakeConstSpan(ids, 1));
  EXPECT_EQ(At(gathered.From(0), 1, 0), points(0, 0));
  gathered.Gather(source, {});
  EXPECT_EQ(At(gathered.From(0), 0, 0), points(19, 0));
}

}  // namespace
}  // namespace rct
