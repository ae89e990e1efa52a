#include "traversal/searcher.h"

#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/test_data.h"
#include "metric/tile.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"

namespace rct {
namespace {

using testing::ElementsAre;

// The simplest strategy over points in an order of their own: one query at a
// time, all candidates in one tile, as storage has them.
class PlainSearcher final : public Searcher<EuclideanDistance> {
 public:
  PlainSearcher(const EuclideanDistance& metric, RowOrder order)
      // Braces: the order is moved from last.
      : Searcher{
            std::make_shared<EuclideanDistance>(metric.Reordered(order.rows())),
            std::move(order)} {}

  // What OfferTileRow returned, over all queries.
  mutable int64_t offered = 0;

 private:
  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override {
    const auto n = static_cast<int>(metric().size());
    TileWorkspace tiles(metric().dim(), 1, n);
    AlignedBuffer<double> squared(n + 8);
    std::vector<int32_t> hits(n + 8);
    KnnHeap heap;
    int64_t filtered = 0;
    for (int64_t i = 0; i < request.num_queries(); ++i) {
      heap.Reset(request.options.k);
      const Candidates all = Candidates::Range(0, n);
      metric().SquaredDistances(request.from, request.positions.subspan(i, 1),
                                all, squared.data(), n + 8, tiles);
      offered += OfferTileRow(squared.data(), all, request.rows[i],
                              request.options, heap, hits.data(), filtered);
      heap.MoveTo(neighbors, i);
    }
    statistics.counters.set_predecessor_filtered(filtered);
  }
};

EuclideanDistance Line(int64_t n) {
  Matrix<double> points(n, 1);
  for (int64_t i = 0; i < n; ++i) points(i, 0) = static_cast<double>(i);
  return EuclideanDistance({std::move(points)});
}

// No fixed points for n >= 2.
RowOrder Rotation(int64_t n) {
  std::vector<int32_t> rows(n);
  for (int64_t i = 0; i < n; ++i) rows[i] = static_cast<int32_t>((i + 1) % n);
  return RowOrder(std::move(rows));
}

std::vector<int64_t> RowsOf(const NeighborTable& table, int64_t query) {
  const int64_t* rows = table.rows().row(query);
  return {rows, rows + table.k()};
}

// A position that left for a row number, or a row number taken for a position,
// is wrong for every query here.
TEST(SearcherTest, PositionsNeverLeave) {
  RandomStream random(1, 0);
  for (const char* name : {"normal", "pairs", "duplicates", "grid"}) {
    constexpr int64_t kRows = 50;
    const EuclideanDistance metric({MakePoints(name, kRows, 2, 1)});
    std::vector<int32_t> shuffled(kRows);
    std::iota(shuffled.begin(), shuffled.end(), 0);
    Shuffle(absl::MakeSpan(shuffled), random);
    const PlainSearcher natural(metric, RowOrder::Natural(kRows));
    const PlainSearcher rotated(metric, Rotation(kRows));
    const PlainSearcher random_order(metric, RowOrder(shuffled));

    std::vector<int64_t> queries(kRows);
    std::iota(queries.rbegin(), queries.rend(), 0);
    const EuclideanPoints new_points{MakePoints(name, 20, 2, 2)};
    for (const bool predecessor : {false, true}) {
      for (const bool exclude_self : {false, true}) {
        const SearchOptions options = {
            .k = 7, .exclude_self = exclude_self, .predecessor = predecessor};
        const std::string expected =
            natural.SearchRows(queries, options).neighbors.Digest();
        EXPECT_EQ(rotated.SearchRows(queries, options).neighbors.Digest(),
                  expected);
        EXPECT_EQ(random_order.SearchRows(queries, options).neighbors.Digest(),
                  expected);
      }
    }
    const std::string expected =
        natural.SearchPoints(new_points, {.k = 7}).neighbors.Digest();
    EXPECT_EQ(rotated.SearchPoints(new_points, {.k = 7}).neighbors.Digest(),
              expected);
    EXPECT_EQ(
        random_order.SearchPoints(new_points, {.k = 7}).neighbors.Digest(),
        expected);
  }
}

TEST(SearcherTest, ConstraintsAreAboutRows) {
  const PlainSearcher searcher(Line(10), Rotation(10));
  const std::vector<int64_t> queries = {0, 4};
  const auto rows = [&](SearchOptions options, int64_t query) {
    return RowsOf(searcher.SearchRows(queries, options).neighbors, query);
  };
  EXPECT_THAT(rows({.k = 3}, 1), ElementsAre(4, 3, 5));
  EXPECT_THAT(rows({.k = 3, .exclude_self = true}, 1), ElementsAre(3, 5, 2));
  EXPECT_THAT(rows({.k = 3, .predecessor = true}, 1), ElementsAre(3, 2, 1));
  EXPECT_THAT(rows({.k = 3, .exclude_self = true, .predecessor = true}, 1),
              ElementsAre(3, 2, 1));
  EXPECT_THAT(rows({.k = 5, .predecessor = true}, 1),
              ElementsAre(3, 2, 1, 0, -1));
  EXPECT_THAT(rows({.k = 2, .predecessor = true}, 0), ElementsAre(-1, -1));
}

TEST(SearcherTest, CountsWhatItOffersAndFilters) {
  const PlainSearcher searcher(Line(10), Rotation(10));
  const std::vector<int64_t> queries = {4};
  // k is large, so that every candidate is near enough.
  EXPECT_EQ(
      searcher.SearchRows(queries, {.k = 10}).counters.predecessor_filtered(),
      0);
  EXPECT_EQ(searcher.offered, 10);
  EXPECT_EQ(searcher.SearchRows(queries, {.k = 10, .predecessor = true})
                .counters.predecessor_filtered(),
            6);
  EXPECT_EQ(searcher.offered, 14);
  searcher.SearchRows(queries, {.k = 10, .exclude_self = true});
  EXPECT_EQ(searcher.offered, 23);
}

// Rows of the data know themselves; the same coordinates from outside do not,
// though here their distance is 0 as well.
TEST(SearcherTest, NewPointsHaveNoSelf) {
  const EuclideanDistance metric = Line(4);
  const PlainSearcher searcher(metric, RowOrder::Natural(4));
  const EuclideanPoints same{metric.data().points.Clone()};
  const SearchResult result = searcher.SearchPoints(same, {.k = 2});
  EXPECT_THAT(RowsOf(result.neighbors, 3), ElementsAre(3, 2));
  EXPECT_EQ(result.neighbors.distances()(3, 0), 0);
}

TEST(SearcherTest, NothingToDo) {
  const PlainSearcher empty(Line(0), RowOrder::Natural(0));
  const EuclideanPoints two_points{MakePoints("normal", 2, 1, 1)};
  const SearchResult nobody = empty.SearchPoints(two_points, {.k = 3});
  EXPECT_EQ(nobody.neighbors.num_queries(), 2);
  EXPECT_EQ(nobody.neighbors.k(), 3);
  EXPECT_EQ(nobody.neighbors.count(1), 0);

  const PlainSearcher searcher(Line(4), RowOrder::Natural(4));
  const SearchResult no_query = searcher.SearchRows({}, {.k = 3});
  EXPECT_EQ(no_query.neighbors.num_queries(), 0);
  EXPECT_EQ(no_query.neighbors.k(), 3);
}

TEST(SearcherDeathTest, OptionsOutOfRange) {
  const PlainSearcher searcher(Line(4), RowOrder::Natural(4));
  EXPECT_DEATH(searcher.SearchRows({}, {.k = 0}), "check failed");
  EXPECT_DEATH(searcher.SearchRows({}, {.k = 1, .threads = 0}), "check failed");
}

}  // namespace
}  // namespace rct
