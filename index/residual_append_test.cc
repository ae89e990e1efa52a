// ResidualIndex::Append: an index over more points, with the inducing points
// and the bits of the old one.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "metric/residual_points.h"
#include "metric/test_data.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr int64_t kOld = 150;
constexpr int64_t kNew = 90;
constexpr int64_t kDim = 2;
constexpr int64_t kK = 8;

MatrixView<const double> Old(const Matrix<double>& points) {
  return {points.row(0), kOld, kDim, points.stride()};
}
MatrixView<const double> New(const Matrix<double>& points) {
  return {points.row(kOld), points.rows() - kOld, kDim, points.stride()};
}

IndexOptions Options(Strategy strategy) {
  IndexOptions options;
  ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(KernelConfig::MATERN32);
  residual.mutable_kernel()->add_lengthscale(0.7);
  residual.mutable_inducing()->mutable_random()->set_count(11);
  options.set_strategy(strategy);
  options.set_threads(1);
  options.add_coordinate_name("x");
  options.add_coordinate_name("y");
  return options;
}

// Returns `options` with the inducing points of `index` as coordinates.
IndexOptions WithItsInducingPoints(IndexOptions options,
                                   const ResidualIndex& index) {
  const Matrix<double>& z = index.model().factor()->inducing().coordinates;
  auto& values = *options.mutable_residual()
                      ->mutable_inducing()
                      ->mutable_coordinates()
                      ->mutable_value();
  for (int64_t i = 0; i < z.rows(); ++i) {
    values.Add(z.row(i), z.row(i) + z.cols());
  }
  return options;
}

// Returns whether the first rows of `a` have the bits of those of `b`, `rows`
// of them.
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

bool SameFactors(const ResidualPoints& a, const ResidualPoints& b,
                 int64_t rows) {
  const auto same = [](const double* x, const double* y, int64_t count) {
    return std::memcmp(x, y, count * sizeof(double)) == 0;
  };
  return a.v.stride() == b.v.stride() &&
         same(a.points.data(), b.points.data(), rows * a.points.stride()) &&
         same(a.v.data(), b.v.data(), rows * a.v.stride()) &&
         same(a.variance.data(), b.variance.data(), rows) &&
         same(a.inverse_sqrt.data(), b.inverse_sqrt.data(), rows);
}

const ResidualPoints& DataOf(const ResidualIndex& index) {
  return index.model().metric()->data();
}

NeighborTable Sets(const ResidualIndex& index, bool predecessor) {
  return index.Graph({.k = kK, .predecessor = predecessor}).value().neighbors;
}

class AppendTest : public testing::TestWithParam<Strategy> {};

TEST_P(AppendTest, IsAFreshIndexWithTheseInducingPoints) {
  for (const std::string& name : AdversarialNames()) {
    SCOPED_TRACE(name);
    const Matrix<double> points = MakePoints(name, kOld + kNew, kDim, 3);
    IndexOptions options = Options(GetParam());
    options.mutable_residual()->set_jitter(1e-3);  // for points that crowd
    const absl::StatusOr<ResidualIndex> before =
        ResidualIndex::Build(Old(points), options);
    ASSERT_THAT(before, IsOk());
    for (const int threads : {1, 3}) {
      const absl::StatusOr<ResidualIndex> after =
          before->Append(New(points), threads);
      ASSERT_THAT(after, IsOk());
      ASSERT_EQ(after->size(), kOld + kNew);
      const ResidualIndex fresh = *ResidualIndex::Build(
          points.view(), WithItsInducingPoints(options, *before));
      EXPECT_TRUE(SameFactors(DataOf(*after), DataOf(fresh), kOld + kNew));
      for (const bool predecessor : {false, true}) {
        EXPECT_TRUE(SameRows(Sets(*after, predecessor),
                             Sets(fresh, predecessor), kOld + kNew));
      }
    }
  }
}

TEST_P(AppendTest, EarlierSetsStay) {
  const Matrix<double> points = MakePoints("cube", kOld + kNew, kDim, 4);
  const ResidualIndex before =
      *ResidualIndex::Build(Old(points), Options(GetParam()));
  const NeighborTable sets = Sets(before, /*predecessor=*/true);
  // In one piece, and point by point.
  const ResidualIndex after = *before.Append(New(points));
  EXPECT_TRUE(SameFactors(DataOf(after), DataOf(before), kOld));
  EXPECT_TRUE(SameRows(Sets(after, true), sets, kOld));
  absl::StatusOr<ResidualIndex> grown = before.Append(New(points), 1);
  grown = before.Append(MatrixView<const double>(points.row(kOld), 1, kDim));
  for (int64_t i = kOld + 1; i < kOld + 5; ++i) {
    grown = grown->Append(MatrixView<const double>(points.row(i), 1, kDim));
    ASSERT_THAT(grown, IsOk());
  }
  EXPECT_TRUE(SameRows(Sets(*grown, true), Sets(after, true), kOld + 5));
}

TEST_P(AppendTest, NoPoints) {
  const Matrix<double> points = MakePoints("cube", kOld, kDim, 5);
  const ResidualIndex before =
      *ResidualIndex::Build(points.view(), Options(GetParam()));
  const ResidualIndex after =
      *before.Append(MatrixView<const double>(nullptr, 0, kDim));
  EXPECT_TRUE(SameRows(Sets(after, false), Sets(before, false), kOld));
}

TEST_P(AppendTest, ToNoPoints) {
  const Matrix<double> points = MakePoints("cube", kNew, kDim, 5);
  IndexOptions options = Options(GetParam());
  options.mutable_residual()->mutable_inducing()->mutable_none();
  const ResidualIndex none = *ResidualIndex::Build(
      MatrixView<const double>(nullptr, 0, kDim), options);
  const ResidualIndex after = *none.Append(points.view());
  const ResidualIndex fresh = *ResidualIndex::Build(points.view(), options);
  EXPECT_TRUE(SameRows(Sets(after, true), Sets(fresh, true), kNew));
  EXPECT_TRUE(after.options().strategy() == GetParam());
}

// A file holds the inducing rows, which are no longer a draw.
TEST_P(AppendTest, SavedAndRebuilt) {
  const Matrix<double> points = MakePoints("normal", kOld + kNew, kDim, 6);
  const ResidualIndex before =
      *ResidualIndex::Build(Old(points), Options(GetParam()));
  const ResidualIndex after = *before.Append(New(points));
  const InducingConfig& inducing = after.model().config().inducing();
  EXPECT_THAT(inducing.rows().row(),
              ElementsAreArray(before.model().factor()->inducing().rows));
  EXPECT_EQ(after.options().coordinate_name_size(), kDim);

  const std::string path =
      testing::TempDir() + "/appended_" + Strategy_Name(GetParam()) + ".rct";
  ASSERT_THAT(after.Save(path), IsOk());
  const absl::StatusOr<ResidualIndex> loaded = ResidualIndex::Load(path);
  ASSERT_THAT(loaded, IsOk());
  EXPECT_TRUE(SameRows(Sets(*loaded, true), Sets(after, true), kOld + kNew));
  // One that lies in a file can be appended to as well.
  const ResidualIndex mapped = *ResidualIndex::Load(path, {.map = true});
  EXPECT_EQ(mapped.Append(New(points))->size(), kOld + 2 * kNew);

  KernelConfig kernel = after.model().config().kernel();
  kernel.set_lengthscale(0, 0.3);
  IndexOptions options = WithItsInducingPoints(Options(GetParam()), before);
  *options.mutable_residual()->mutable_kernel() = kernel;
  EXPECT_TRUE(SameRows(
      Sets(*after.Rebuild(kernel), true),
      Sets(*ResidualIndex::Build(points.view(), options), true), kOld + kNew));
}

// Another kernel moves no inducing point, though a choice from all rows would.
TEST_P(AppendTest, RebuildKeepsChosenInducingPoints) {
  const Matrix<double> points = MakePoints("normal", kOld + kNew, kDim, 3);
  std::vector<InducingConfig> sources(5);
  sources[0].mutable_random()->set_count(11);
  sources[1].mutable_kmeans_plus_plus()->set_count(11);
  sources[2].mutable_kmeans()->set_count(11);
  sources[3].mutable_kmeans()->set_count(11);
  sources[3].mutable_kmeans()->set_nearest_rows(true);
  sources[4].mutable_cover_tree()->set_count(11);
  for (const InducingConfig& source : sources) {
    SCOPED_TRACE(source.ShortDebugString());
    IndexOptions options = Options(GetParam());
    *options.mutable_residual()->mutable_inducing() = source;
    const auto index = ResidualIndex::Build(Old(points), options);
    ASSERT_THAT(index.status(), IsOk());
    IndexOptions given = WithItsInducingPoints(options, *index);
    for (const double lengthscale : {0.7, 0.9}) {
      KernelConfig& kernel = *given.mutable_residual()->mutable_kernel();
      kernel.set_family(KernelConfig::RBF);
      kernel.set_lengthscale(0, lengthscale);
      const auto rebuilt = index->Append(New(points))->Rebuild(kernel);
      ASSERT_THAT(rebuilt.status(), IsOk());
      const auto fresh = ResidualIndex::Build(points.view(), given);
      EXPECT_TRUE(SameFactors(DataOf(*rebuilt), DataOf(*fresh), kOld + kNew));
      EXPECT_TRUE(
          SameRows(Sets(*rebuilt, false), Sets(*fresh, false), kOld + kNew));
    }
  }
}

TEST_P(AppendTest, Errors) {
  Matrix<double> points = MakePoints("normal", kOld + kNew, kDim, 7);
  const ResidualIndex index =
      *ResidualIndex::Build(Old(points), Options(GetParam()));
  const auto error = [&index](MatrixView<const double> view, int threads = 0) {
    return index.Append(view, threads).status();
  };
  EXPECT_THAT(error(MatrixView<const double>(points.row(0), 1, 1)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("points: the number of columns is 1, that of "
                                 "the index is 2; both must be the same")));
  EXPECT_THAT(
      error(New(points), -1),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("threads: ")));
  points(kOld + 3, 1) = std::numeric_limits<double>::infinity();
  EXPECT_THAT(error(New(points)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("points: row 3, column 1 is inf")));
  Monitor monitor([](double) { return true; });
  monitor.Cancel();
  EXPECT_THAT(index.Append(Old(points), 1, &monitor).status(),
              StatusIs(absl::StatusCode::kCancelled));
}

INSTANTIATE_TEST_SUITE_P(Strategies, AppendTest,
                         testing::Values(EXHAUSTIVE, LEVEL_SYNCHRONOUS,
                                         BEST_FIRST, BLOCK),
                         [](const auto& info) {
                           return Strategy_Name(info.param);
                         });

TEST(AppendFactorsTest, AModelFromFactorsIsExtendedByItsMaker) {
  const Matrix<double> points = MakePoints("normal", 5, kDim, 8);
  const Matrix<double> v = Matrix<double>::Zeros(5, 1);
  KernelConfig kernel;
  kernel.set_family(KernelConfig::RBF);
  const std::vector<double> variance(5, 1.0);
  const ResidualModel model =
      *ResidualModel::FromFactors(points.view(), kernel, v.view(), variance);
  EXPECT_THAT(model.Append(points.view()).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("a model from factors")));
}

}  // namespace
}  // namespace rct
