#include "index/advice.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "metric/test_data.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr AdvisedMetric kResidual = AdvisedMetric::kResidual;
constexpr AdvisedMetric kEuclidean = AdvisedMetric::kEuclidean;
const SearchOptions kOthers = {.exclude_self = true};

// Returns a table of `count` queries with these distances each.
NeighborTable Table(int64_t count, const std::vector<double>& distances) {
  NeighborTable table(count, static_cast<int64_t>(distances.size()));
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < table.k(); ++j) {
      table.distances()(i, j) = distances[j];
      table.rows()(i, j) = distances[j] < kInfinity ? j : kNoNeighbor;
    }
  }
  return table;
}

// Returns a table whose `first` queries have distance `one` and the others
// another.
NeighborTable Mixed(int64_t first, double one, int64_t second, double other) {
  NeighborTable table(first + second, 1);
  for (int64_t i = 0; i < first + second; ++i) {
    table.rows()(i, 0) = i;
    table.distances()(i, 0) = i < first ? one : other;
  }
  return table;
}

std::vector<std::string> Advice(const NeighborTable& table,
                                const SearchOptions& options = kOthers,
                                AdvisedMetric metric = kResidual) {
  return AdviceOnNeighbors(table, options, metric);
}

ResidualIndex Line(double spacing, int64_t count, double lengthscale,
                   const std::vector<int64_t>& inducing = {}) {
  Matrix<double> points(count, 1);
  for (int64_t i = 0; i < count; ++i) {
    points(i, 0) = spacing * static_cast<double>(i);
  }
  IndexOptions options;
  KernelConfig& kernel = *options.mutable_residual()->mutable_kernel();
  kernel.set_family(KernelConfig::RBF);
  kernel.add_lengthscale(lengthscale);
  InducingConfig& config = *options.mutable_residual()->mutable_inducing();
  if (inducing.empty()) {
    config.mutable_none();
  } else {
    config.mutable_rows()->mutable_row()->Add(inducing.begin(), inducing.end());
  }
  auto index = ResidualIndex::Build(points.view(), options);
  EXPECT_THAT(index.status(), IsOk());
  return *std::move(index);
}

std::vector<std::string> AdviceOnGraph(const ResidualIndex& index, int64_t k) {
  const auto graph = index.Graph({.k = k});
  EXPECT_THAT(graph.status(), IsOk());
  return Advice(graph->neighbors);
}

TEST(AdviceTest, ALengthscaleInTheWrongUnit) {
  EXPECT_THAT(AdviceOnGraph(Line(1, 20, /*lengthscale=*/1), 3), IsEmpty());
  // The lengthscale is in kilometers, the points in meters.
  EXPECT_THAT(
      AdviceOnGraph(Line(1, 20, /*lengthscale=*/1e-3), 3),
      ElementsAre(AllOf(HasSubstr("the last neighbors of 20 of 20 queries are "
                                  "unrelated to them"),
                        HasSubstr("the lengthscale is small against"))));
  // The lengthscale is in meters, the points in kilometers, and beyond.
  EXPECT_THAT(AdviceOnGraph(Line(1, 20, /*lengthscale=*/1e3), 3), IsEmpty());
  EXPECT_THAT(AdviceOnGraph(Line(1, 20, /*lengthscale=*/1e9), 3),
              ElementsAre(AllOf(HasSubstr("20 of 20 queries are at distance 0"),
                                HasSubstr("the lengthscale is far above"))));
}

TEST(AdviceTest, MostQueriesMustAgree) {
  EXPECT_THAT(Advice(Mixed(11, 1, 10, 0.5)),
              ElementsAre(HasSubstr("of 11 of 21 queries are unrelated")));
  EXPECT_THAT(Advice(Mixed(10, 1, 10, 0.5)), IsEmpty());
  EXPECT_THAT(Advice(Mixed(11, 0, 10, 0.5)),
              ElementsAre(HasSubstr("of 11 of 21 queries are at distance 0")));
  EXPECT_THAT(Advice(Mixed(10, 0, 10, 0.5)), IsEmpty());
}

TEST(AdviceTest, SmallAnswersAreNotJudged) {
  EXPECT_THAT(Advice(Table(7, {1, 1})), IsEmpty());
  EXPECT_THAT(Advice(Table(8, {1, 1})), ElementsAre(HasSubstr("unrelated")));
  EXPECT_THAT(Advice(Table(7, {0, 0})), IsEmpty());
  EXPECT_THAT(Advice(Table(8, {0, 0})), ElementsAre(HasSubstr("distance 0")));
  EXPECT_THAT(Advice(NeighborTable()), IsEmpty());
  EXPECT_THAT(Advice(Table(8, {})), IsEmpty());
}

TEST(AdviceTest, WhichNeighborDecides) {
  EXPECT_THAT(Advice(Table(9, {0.5, 0.6, 1})), ElementsAre(HasSubstr("1e-6")));
  EXPECT_THAT(Advice(Table(9, {0.5, 0.6})), IsEmpty());
  EXPECT_THAT(Advice(Table(9, {0, 0, 0.6})), ElementsAre(HasSubstr("at dist")));
  EXPECT_THAT(Advice(Table(9, {0, 0.5, 0.6})), IsEmpty());
  EXPECT_THAT(Advice(Table(9, {1 - 4e-7})), ElementsAre(HasSubstr("1e-6")));
  EXPECT_THAT(Advice(Table(9, {1 - 6e-7})), IsEmpty());
  EXPECT_THAT(Advice(Table(9, {9e-8})), ElementsAre(HasSubstr("distance 0")));
  EXPECT_THAT(Advice(Table(9, {2e-7})), IsEmpty());
}

TEST(AdviceTest, PaddingDoesNotCount) {
  EXPECT_THAT(Advice(Table(9, {0.5, kInfinity, kInfinity})), IsEmpty());
  EXPECT_THAT(Advice(Table(9, {0.5, 1, 1, kInfinity, kInfinity})),
              ElementsAre(HasSubstr("unrelated")));
  EXPECT_THAT(Advice(Table(9, {kInfinity})), IsEmpty());
}

TEST(AdviceTest, AQueryIsNoNeighborOfItsOwn) {
  const ResidualIndex index = Line(1, 20, 1);
  std::vector<int64_t> rows(20);
  for (int64_t i = 0; i < 20; ++i) rows[i] = i;
  for (const int64_t k : {1, 2}) {
    const auto nearest = index.Search(rows, {.k = k});
    ASSERT_THAT(nearest.status(), IsOk());
    EXPECT_THAT(Advice(nearest->neighbors, {.k = k}), IsEmpty());
  }
  EXPECT_THAT(Advice(Table(9, {0, 1}), {}), ElementsAre(HasSubstr("unrelat")));
  EXPECT_THAT(Advice(Table(9, {0, 0}), {}), ElementsAre(HasSubstr("distance")));
  EXPECT_THAT(Advice(Table(9, {0}), {.predecessor = true}),
              ElementsAre(HasSubstr("distance 0")));
}

TEST(AdviceTest, EuclideanDistancesHaveNoScale) {
  EXPECT_THAT(Advice(Table(9, {1}), kOthers, kEuclidean), IsEmpty());
  EXPECT_THAT(Advice(Table(9, {1e-9}), kOthers, kEuclidean), IsEmpty());
  EXPECT_THAT(
      Advice(Table(9, {1e-9}), {.exclude_self = true, .radius = 7}, kEuclidean),
      IsEmpty());
  EXPECT_THAT(Advice(Table(9, {0}), kOthers, kEuclidean),
              ElementsAre(AllOf(HasSubstr("the points repeat one another"),
                                Not(HasSubstr("lengthscale")))));
}

TEST(AdviceTest, ARadiusThatLimitsNothing) {
  const NeighborTable table = Table(3, {0.5});
  EXPECT_THAT(Advice(table, {.radius = 1}), IsEmpty());
  EXPECT_THAT(Advice(table, {.radius = kInfinity}), IsEmpty());
  EXPECT_THAT(Advice(table, {.radius = 2.5}),
              ElementsAre(HasSubstr("a radius of 2.5 limits nothing")));
}

TEST(AdviceTest, Ranges) {
  const ResidualIndex narrow = Line(1, 20, /*lengthscale=*/1e-3);
  const ResidualIndex wide = Line(1, 20, /*lengthscale=*/1e9);
  const std::vector<int64_t> rows = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto advice = [&](const ResidualIndex& index, double radius) {
    const auto within = index.RangeSearch(rows, radius, {});
    EXPECT_THAT(within.status(), IsOk());
    return AdviceOnRange(within->neighbors, radius, {}, kResidual);
  };
  EXPECT_THAT(advice(narrow, 0.5), IsEmpty());
  EXPECT_THAT(advice(narrow, kInfinity), IsEmpty());
  EXPECT_THAT(advice(narrow, 1.5),
              ElementsAre(HasSubstr("a radius of 1.5 limits nothing")));
  EXPECT_THAT(advice(wide, 0.5), ElementsAre(HasSubstr("are at distance 0")));
  EXPECT_THAT(AdviceOnRange(RangeTable(), 0.5, {}, kResidual), IsEmpty());
}

TEST(AdviceTest, InducingPointsAtOnePlace) {
  EXPECT_THAT(AdviceOnModel(Line(1, 9, 1).model()), IsEmpty());
  EXPECT_THAT(AdviceOnModel(Line(1, 9, 1, {7, 2, 4}).model()), IsEmpty());
  // All points lie at 0.
  EXPECT_THAT(AdviceOnModel(Line(0, 9, 1, {7, 2}).model()),
              ElementsAre("inducing points 0 and 1 (rows 7 and 2) have the "
                          "same coordinates; a repeated inducing point takes "
                          "time and explains nothing; leave it out"));
  EXPECT_THAT(AdviceOnModel(Line(0, 9, 1, {7, 2, 4}).model()),
              ElementsAre(HasSubstr("2 of 3 repeat another one")));

  IndexOptions options;
  options.mutable_residual()->mutable_kernel()->set_family(KernelConfig::RBF);
  auto& z = *options.mutable_residual()->mutable_inducing();
  for (const double value : {0., 1., 2., 3., 0., 2., -0., 1.}) {
    z.mutable_coordinates()->add_value(value);
  }
  const double point[] = {5, 5};
  const auto index = ResidualIndex::Build({point, 1, 2}, options);
  ASSERT_THAT(index.status(), IsOk());
  EXPECT_THAT(AdviceOnModel(index->model()),
              ElementsAre(HasSubstr("inducing points 0 and 3 have the same")));
}

TEST(AdviceTest, HealthyDataIsLeftAlone) {
  for (const std::string name : {"normal", "cube", "circle", "grid", "pairs"}) {
    const Matrix<double> points = MakePoints(name, 300, 2, 1);
    IndexOptions options;
    auto& residual = *options.mutable_residual();
    residual.mutable_kernel()->set_family(KernelConfig::MATERN32);
    residual.mutable_inducing()->mutable_random()->set_count(10);
    const auto index = ResidualIndex::Build(points.view(), options);
    ASSERT_THAT(index.status(), IsOk()) << name;
    for (const int64_t k : {1, 10, 20}) {
      if (name == "pairs" && k == 1) continue;
      EXPECT_THAT(AdviceOnGraph(*index, k), IsEmpty()) << name << " " << k;
    }
  }
}

}  // namespace
}  // namespace rct
