// Graphs in an order, of both indexes.

#include "index/ordered_graph.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/ordering.h"
#include "index/ordering.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "metric/residual_points.h"
#include "metric/test_data.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::HasSubstr;
using Order = std::vector<int64_t>;

constexpr int64_t kRows = 400;
constexpr int64_t kNeighbors = 9;

Order Natural(int64_t n) {
  Order order(n);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

Order Reversed(int64_t n) {
  Order order = Natural(n);
  std::reverse(order.begin(), order.end());
  return order;
}

Order Shuffled(int64_t n) {
  Order order = Natural(n);
  RandomStream stream(3, 0);
  Shuffle(absl::MakeSpan(order), stream);
  return order;
}

// Returns all neighbors of every row by exhaustive search.
template <class Index>
NeighborTable AllNeighbors(const Index& exhaustive) {
  const int64_t n = exhaustive.size();
  return exhaustive.Search(Natural(n), {.k = n}).value().neighbors.Clone();
}

// Returns the graph in `order` that follows from all neighbors, which know of
// no order.
NeighborTable Oracle(const NeighborTable& all, const SearchOptions& options,
                     const Order& order) {
  const int64_t n = all.num_queries();
  const Order ranks = RanksOf(order);
  NeighborTable expected(n, options.k);
  for (int64_t i = 0; i < n; ++i) {
    std::vector<std::pair<double, int64_t>> found;  // distance, rank
    for (int64_t j = 0; j < all.count(i); ++j) {
      const int64_t row = all.rows()(i, j);
      if (row == i || !options.Allows(row)) continue;
      if (all.distances()(i, j) >= options.radius) break;
      if (options.predecessor && ranks[row] >= ranks[i]) continue;
      found.emplace_back(all.distances()(i, j), ranks[row]);
    }
    std::sort(found.begin(), found.end());
    const auto count = std::min(options.k, std::ssize(found));
    for (int64_t j = 0; j < count; ++j) {
      expected.distances()(i, j) = found[j].first;
      expected.rows()(i, j) = order[found[j].second];
    }
  }
  return expected;
}

template <class Index>
void ExpectGraphs(const Index& index, const NeighborTable& all) {
  const int64_t n = index.size();
  const auto allowed = std::make_unique<bool[]>(n);
  for (int64_t i = 0; i < n; ++i) allowed[i] = i % 3 != 0;
  const auto flags = absl::MakeConstSpan(allowed.get(), n);
  for (const Order& order : {Reversed(n), Shuffled(n)}) {
    for (const SearchOptions& options : std::vector<SearchOptions>{
             {.k = kNeighbors, .predecessor = true},
             {.k = kNeighbors, .predecessor = true, .threads = 2},
             {.k = n + 3, .predecessor = true},
             {.k = kNeighbors},
             {.k = kNeighbors, .predecessor = true, .radius = 0.7},
             {.k = kNeighbors, .predecessor = true, .allowed = flags}}) {
      const auto graph = index.Graph(options, order);
      ASSERT_THAT(graph, IsOk());
      EXPECT_EQ(graph->neighbors.Digest(),
                Oracle(all, options, order).Digest());
    }
  }
  const SearchOptions options = {.k = kNeighbors, .predecessor = true};
  EXPECT_EQ(index.Graph(options, Natural(n))->neighbors.Digest(),
            index.Graph(options)->neighbors.Digest());
}

IndexOptions Options() {
  IndexOptions options;
  ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(KernelConfig::MATERN32);
  residual.mutable_inducing()->mutable_random()->set_count(40);
  return options;
}

ResidualIndex MustBuild(const Matrix<double>& points,
                        const IndexOptions& options) {
  return ResidualIndex::Build(points.view(), options).value();
}

ResidualIndex ExhaustiveOf(const ResidualModel& model) {
  IndexOptions options;
  options.set_strategy(EXHAUSTIVE);
  return ResidualIndex::Build(model, options).value();
}

class ResidualGraphTest : public testing::TestWithParam<std::string> {};

TEST_P(ResidualGraphTest, IsThatOfExhaustiveSearch) {
  const Matrix<double> points = MakePoints(GetParam(), kRows, 3, /*seed=*/1);
  const ResidualIndex index = MustBuild(points, Options());
  const NeighborTable all = AllNeighbors(ExhaustiveOf(index.model()));
  ExpectGraphs(index, all);
  for (const Strategy strategy : {EXHAUSTIVE, LEVEL_SYNCHRONOUS, BEST_FIRST}) {
    IndexOptions options;
    options.set_strategy(strategy);
    const auto other = ResidualIndex::Build(index.model(), options);
    ASSERT_THAT(other, IsOk());
    ExpectGraphs(*other, all);
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, ResidualGraphTest,
                         testing::Values("normal", "clusters", "pairs", "grid",
                                         "duplicates"));

// So many points that the default strategy has blocks and fields.
TEST(ResidualGraphsTest, ManyPoints) {
  constexpr int64_t kMany = 2000;
  const Matrix<double> points = MakePoints("cube", kMany, 2, /*seed=*/1);
  IndexOptions options = Options();
  options.mutable_residual()->mutable_kernel()->add_lengthscale(0.1);
  options.mutable_residual()->mutable_inducing()->mutable_random()->set_count(
      100);
  const ResidualIndex index = MustBuild(points, options);
  ASSERT_EQ(index.options().strategy(), BLOCK);
  OrderingConfig config;
  config.set_method(OrderingConfig::MAXMIN);
  const Order order = OrderPoints(points.view(), config).value();
  const SearchOptions search = {.k = 15, .predecessor = true};
  EXPECT_EQ(index.Graph(search, order)->neighbors.Digest(),
            Oracle(AllNeighbors(ExhaustiveOf(index.model())), search, order)
                .Digest());
}

TEST(ResidualGraphsTest, OtherInducingPoints) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, /*seed=*/1);
  IndexOptions options = Options();
  InducingConfig& inducing = *options.mutable_residual()->mutable_inducing();
  inducing.mutable_none();
  const ResidualIndex none = MustBuild(points, options);
  ExpectGraphs(none, AllNeighbors(ExhaustiveOf(none.model())));
  for (const double value : {0.0, 0.0, 1.0, -1.0, 0.5, 0.25}) {
    inducing.mutable_coordinates()->add_value(value);
  }
  const ResidualIndex coordinates = MustBuild(points, options);
  ExpectGraphs(coordinates, AllNeighbors(ExhaustiveOf(coordinates.model())));
}

TEST(ResidualGraphsTest, OfFactorsFromElsewhere) {
  const Matrix<double> points = MakePoints("normal", 200, 2, /*seed=*/1);
  const ResidualIndex index = MustBuild(points, Options());
  const ResidualPoints& data = index.model().metric()->data();
  const auto model =
      ResidualModel::FromFactors(points.view(), Options().residual().kernel(),
                                 data.v.view(), data.variance.span());
  ASSERT_THAT(model, IsOk());
  const ResidualIndex exhaustive = ExhaustiveOf(*model);
  ExpectGraphs(exhaustive, AllNeighbors(exhaustive));
}

using ReorderedModelTest = FolderTest;

// Inducing points are rows of the data, whose numbers change.
TEST_F(ReorderedModelTest, IsAModelInItsOwnRight) {
  const Matrix<double> points = MakePoints("normal", kRows, 3, /*seed=*/1);
  const Order order = Shuffled(kRows);
  const ResidualIndex index = MustBuild(points, Options());
  const auto reordered = index.model().Reordered(order);
  ASSERT_THAT(reordered, IsOk());
  Matrix<double> in_order(kRows, 3);
  for (int64_t i = 0; i < kRows; ++i) {
    std::copy_n(points.row(order[i]), 3, in_order.row(i));
  }
  IndexOptions options;
  *options.mutable_residual() = reordered->config();
  const SearchOptions search = {.k = kNeighbors, .predecessor = true};
  const std::string expected =
      MustBuild(in_order, options).Graph(search)->neighbors.Digest();

  const auto built = ResidualIndex::Build(*reordered, IndexOptions());
  ASSERT_THAT(built, IsOk());
  EXPECT_EQ(built->Graph(search)->neighbors.Digest(), expected);
  const std::string path = Path("index.rct");
  ASSERT_THAT(built->Save(path), IsOk());
  const auto loaded = ResidualIndex::Load(path);
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(loaded->Graph(search)->neighbors.Digest(), expected);
}

TEST(EuclideanGraphTest, IsThatOfExhaustiveSearch) {
  for (const std::string name :
       {"normal", "clusters", "pairs", "grid", "duplicates"}) {
    const Matrix<double> points = MakePoints(name, kRows, 2, /*seed=*/1);
    EuclideanIndexOptions options;
    options.set_strategy(EXHAUSTIVE);
    const auto exhaustive = EuclideanIndex::Build(points.view(), options);
    const NeighborTable all = AllNeighbors(*exhaustive);
    ExpectGraphs(*exhaustive, all);
    for (const Strategy strategy : {LEVEL_SYNCHRONOUS, BEST_FIRST, BLOCK}) {
      options.set_strategy(strategy);
      ExpectGraphs(*EuclideanIndex::Build(points.view(), options), all);
    }
  }
}

template <class Index>
void ExpectErrors(const Index& index) {
  const auto expect = [&](const SearchOptions& options, const Order& order,
                          const std::string& message) {
    EXPECT_THAT(
        index.Graph(options, order).status(),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  Order order = Reversed(index.size());
  expect({.k = 0}, order, "k: is 0");
  expect({.k = 1, .threads = -1}, order, "threads: is -1");
  order[4] = order[2];
  expect({.k = 1}, order, "order: element 4 is");
  order.pop_back();
  expect({.k = 1}, order, "order: has 49 elements, the data has 50 rows");
  Monitor refusing([](double) { return false; });
  EXPECT_THAT(
      index.Graph({.k = 1, .monitor = &refusing}, Reversed(index.size()))
          .status(),
      StatusIs(absl::StatusCode::kCancelled, testing::_));
}

TEST(OrderedGraphErrorsTest, BothIndexes) {
  const Matrix<double> points = MakePoints("normal", 50, 2, /*seed=*/1);
  ExpectErrors(MustBuild(points, Options()));
  ExpectErrors(*EuclideanIndex::Build(points.view()));
  EXPECT_THAT(MustBuild(points, Options()).model().Reordered({1, 0}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("order: has 2 elements")));
}

TEST(OrderedGraphTest, NoPoints) {
  const auto index = EuclideanIndex::Build(Matrix<double>(0, 2).view());
  ASSERT_THAT(index, IsOk());
  EXPECT_EQ(index->Graph({.k = 3}, Order())->neighbors.num_queries(), 0);
}

}  // namespace
}  // namespace rct
