#include "index/dispatch.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/matrix.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "heuristics/composition/composition.h"
#include "metric/euclidean_distance.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using testing::ElementsAre;

EuclideanPoints Line(const std::vector<double>& x) {
  Matrix<double> points(static_cast<int64_t>(x.size()), 1);
  for (size_t i = 0; i < x.size(); ++i) points(i, 0) = x[i];
  return {std::move(points)};
}

// Exhaustive search among the points 0, 1, 3 and 7 of a line.
class DispatchTest : public testing::Test {
 protected:
  const ComposedSearcher<EuclideanDistance> composed_ =
      ComposeSearcher(
          std::make_shared<const EuclideanDistance>(Line({0, 1, 3, 7})),
          Composition(), /*threads=*/1)
          .value();
  const Searcher<EuclideanDistance>& searcher_ = *composed_.searcher;
};

TEST_F(DispatchTest, QueriesMayBeRows) {
  const int64_t rows[] = {3, 0};
  const SearchResult nearest =
      Nearest(searcher_, searcher_.Rows(rows), {.k = 1, .exclude_self = true})
          .value();
  EXPECT_EQ(nearest.neighbors.rows()(0, 0), 2);
  EXPECT_EQ(nearest.neighbors.rows()(1, 0), 1);
}

TEST_F(DispatchTest, QueriesMayBeNewPoints) {
  const EuclideanPoints points = Line({6, 2.5});
  const SearchResult nearest =
      Nearest(searcher_, Queries<EuclideanPoints>(points), {.k = 1}).value();
  EXPECT_EQ(nearest.neighbors.rows()(0, 0), 3);
  EXPECT_EQ(nearest.neighbors.rows()(1, 0), 2);
}

TEST_F(DispatchTest, QueriesMayHaveAnOrderOfTheirOwn) {
  const EuclideanPoints points = Line({6, 2.5});
  const SearchResult nearest =
      Nearest(searcher_, Queries<EuclideanPoints>(points, {1, 0}), {.k = 1})
          .value();
  EXPECT_EQ(nearest.neighbors.rows()(0, 0), 2);
  EXPECT_EQ(nearest.neighbors.rows()(1, 0), 3);
}

TEST_F(DispatchTest, FindsAllWithinARadius) {
  const EuclideanPoints points = Line({6, 2.5});
  const RangeResult within =
      AllWithin(searcher_, Queries<EuclideanPoints>(points),
                WithinRadius({}, 2))
          .value();
  EXPECT_THAT(within.neighbors.rows_of(0), ElementsAre(3));
  EXPECT_THAT(within.neighbors.rows_of(1), ElementsAre(2, 1));
}

}  // namespace
}  // namespace rct
