// EuclideanIndex::Append: an index over more points, with the bits of one that
// is built over all of them.

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "metric/test_data.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::HasSubstr;

constexpr int64_t kOld = 150;
constexpr int64_t kNew = 90;
constexpr int64_t kDim = 2;
constexpr int64_t kK = 8;

testing::Matcher<absl::Status> Invalid(const std::string& what) {
  return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what));
}

MatrixView<const double> Old(const Matrix<double>& points) {
  return {points.row(0), kOld, kDim, points.stride()};
}
MatrixView<const double> New(const Matrix<double>& points) {
  return {points.row(kOld), points.rows() - kOld, kDim, points.stride()};
}

// Lengthscales whose quotients are rounded, so that dividing twice would show.
EuclideanIndexOptions Options(Strategy strategy) {
  EuclideanIndexOptions options;
  options.set_strategy(strategy);
  options.set_threads(1);
  options.add_lengthscale(0.3);
  options.add_lengthscale(0.7);
  return options;
}

NeighborTable Sets(const EuclideanIndex& index, bool predecessor) {
  return index.Graph({.k = kK, .predecessor = predecessor}).value().neighbors;
}

// Returns whether the first rows of `a` have the bits of those of `b`.
bool SameRows(const NeighborTable& a, const NeighborTable& b, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) {
    if (std::memcmp(a.rows().row(i), b.rows().row(i),
                    a.k() * sizeof(int64_t)) != 0 ||
        std::memcmp(a.distances().row(i), b.distances().row(i),
                    a.k() * sizeof(double)) != 0) {
      return false;
    }
  }
  return true;
}

bool SameBits(const Matrix<double>& a, const Matrix<double>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         a.stride() == b.stride() &&
         (a.rows() == 0 ||
          std::memcmp(a.data(), b.data(),
                      a.rows() * a.stride() * sizeof(double)) == 0);
}

class EuclideanAppendTest : public testing::TestWithParam<Strategy> {};

TEST_P(EuclideanAppendTest, IsAFreshIndex) {
  for (const std::string& name : AdversarialNames()) {
    SCOPED_TRACE(name);
    const Matrix<double> points = MakePoints(name, kOld + kNew, kDim, 3);
    const EuclideanIndexOptions options = Options(GetParam());
    const absl::StatusOr<EuclideanIndex> before =
        EuclideanIndex::Build(Old(points), options);
    ASSERT_THAT(before, IsOk());
    const EuclideanIndex fresh = *EuclideanIndex::Build(points.view(), options);
    for (const int threads : {1, 3}) {
      const absl::StatusOr<EuclideanIndex> after =
          before->Append(New(points), threads);
      ASSERT_THAT(after, IsOk());
      ASSERT_EQ(after->size(), kOld + kNew);
      EXPECT_TRUE(SameBits(after->ScaledPoints(), fresh.ScaledPoints()));
      for (const bool predecessor : {false, true}) {
        EXPECT_EQ(Sets(*after, predecessor).Digest(),
                  Sets(fresh, predecessor).Digest());
      }
      EXPECT_EQ(after->SearchPoints(New(points), {.k = 3})->neighbors.Digest(),
                fresh.SearchPoints(New(points), {.k = 3})->neighbors.Digest());
    }
  }
}

TEST_P(EuclideanAppendTest, EarlierSetsStay) {
  const Matrix<double> points = MakePoints("cube", kOld + kNew, kDim, 4);
  const EuclideanIndex before =
      *EuclideanIndex::Build(Old(points), Options(GetParam()));
  const NeighborTable sets = Sets(before, /*predecessor=*/true);
  const EuclideanIndex after = *before.Append(New(points));
  EXPECT_TRUE(SameRows(Sets(after, true), sets, kOld));
  EXPECT_EQ(before.size(), kOld);
  EXPECT_EQ(Sets(before, true).Digest(), sets.Digest());
  // Point by point.
  absl::StatusOr<EuclideanIndex> grown = before.Append(Old(points), 1);
  grown = before.Append(MatrixView<const double>(points.row(kOld), 1, kDim));
  for (int64_t i = kOld + 1; i < kOld + 5; ++i) {
    grown = grown->Append(MatrixView<const double>(points.row(i), 1, kDim));
    ASSERT_THAT(grown, IsOk());
  }
  EXPECT_TRUE(SameRows(Sets(*grown, true), Sets(after, true), kOld + 5));
}

TEST_P(EuclideanAppendTest, NoPointsAndToNoPoints) {
  const Matrix<double> points = MakePoints("cube", kNew, kDim, 5);
  const EuclideanIndex all =
      *EuclideanIndex::Build(points.view(), Options(GetParam()));
  const MatrixView<const double> nothing(nullptr, 0, kDim);
  EXPECT_EQ(Sets(*all.Append(nothing), false).Digest(),
            Sets(all, false).Digest());
  const EuclideanIndex none =
      *EuclideanIndex::Build(nothing, Options(GetParam()));
  EXPECT_EQ(none.Append(nothing)->size(), 0);
  const EuclideanIndex after = *none.Append(points.view());
  EXPECT_EQ(Sets(after, true).Digest(), Sets(all, true).Digest());
  EXPECT_EQ(after.options().strategy(), GetParam());
  EXPECT_EQ(after.options().lengthscale(1), 0.7);
}

TEST_P(EuclideanAppendTest, Errors) {
  Matrix<double> points = MakePoints("normal", kOld + kNew, kDim, 7);
  const EuclideanIndex index =
      *EuclideanIndex::Build(Old(points), Options(GetParam()));
  EXPECT_THAT(
      index.Append(MatrixView<const double>(points.row(0), 1, 1)).status(),
      Invalid("points: the number of columns is 1, that of the index is 2; "
              "both must be the same"));
  EXPECT_THAT(index.Append(New(points), -1).status(), Invalid("threads: "));
  points(kOld + 3, 1) = 1e200;
  EXPECT_THAT(index.Append(New(points)).status(),
              Invalid("points: row 3, column 1 is 1"));
  points(kOld + 3, 1) = std::numeric_limits<double>::infinity();
  EXPECT_THAT(index.Append(New(points)).status(),
              Invalid("points: row 3, column 1 is inf"));
  Monitor monitor([](double) { return true; });
  monitor.Cancel();
  EXPECT_THAT(index.Append(Old(points), 1, &monitor).status(),
              StatusIs(absl::StatusCode::kCancelled));
}

INSTANTIATE_TEST_SUITE_P(Strategies, EuclideanAppendTest,
                         testing::Values(EXHAUSTIVE, LEVEL_SYNCHRONOUS,
                                         BEST_FIRST, BLOCK),
                         [](const auto& info) {
                           return Strategy_Name(info.param);
                         });

// Each half is in range, and the difference between them vanishes.
TEST(EuclideanAppendRangeTest, PairsOfOldAndNewPoints) {
  const double old[] = {0, 1, 1e-200, 2};
  const double added[] = {5, 5, 0, 2};
  const EuclideanIndex index = *EuclideanIndex::Build({old, 2, 2});
  EXPECT_THAT(index.Append({added, 2, 2}).status(),
              Invalid("points: rows 1 and 3 differ by "));
}

}  // namespace
}  // namespace rct
