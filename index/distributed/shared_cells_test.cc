#include "index/distributed/shared_cells.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/distributed/communicator.h"
#include "index/distributed/rank_exchange.h"
#include "index/distributed/slices.h"
#include "index/distributed/thread_ranks.h"
#include "index/streaming/cell_points.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_factors.h"

namespace rct {
namespace {

constexpr int kRanks[] = {1, 3, 7};

// Returns the factor whose inducing points are these rows of the points.
InducingFactor FactorOf(const Matrix<double>& points,
                        std::vector<int64_t> rows) {
  ResidualConfig config;
  config.mutable_kernel()->set_family(KernelConfig::MATERN32);
  config.mutable_kernel()->add_lengthscale(1);
  Matrix<double> z(std::ssize(rows), points.cols());
  for (int64_t i = 0; i < z.rows(); ++i) {
    std::copy_n(points.row(rows[i]), points.cols(), z.row(i));
  }
  return *InducingFactor::Create(
      *Kernel::Create(config.kernel(), points.cols()),
      {std::move(z), std::move(rows)}, config);
}

// Expects that each row is once in the cells of all ranks, that own and
// fetched cells have the right points, and that no rank has more than
// `most` points.
void ExpectShared(const Matrix<double>& points, std::vector<int64_t> inducing,
                  int64_t cells, int size, int64_t most) {
  const InducingFactor factor = FactorOf(points, inducing);
  const int64_t n = points.rows();
  std::vector<int> owners(n, 0);
  RunThreadRanks(size, [&](Communicator& ranks) {
    RankExchange exchange(ranks, /*piece_bytes=*/1000);
    const RowRange slice = SliceOf(n, ranks.rank(), size);
    absl::StatusOr<SharedCells> shared = SharedCells::Create(
        {points.row(slice.first), slice.count, points.cols()}, n, factor, cells,
        /*groups=*/cells, /*early_rows=*/0, /*threads=*/1, exchange);
    ASSERT_THAT(shared.status(), IsOk());
    const CellPoints& all = shared->points();
    ASSERT_EQ(all.size(), cells);
    EXPECT_LE(shared->own_points(), most);
    std::vector<int32_t> every(cells);
    std::iota(every.begin(), every.end(), 0);
    ASSERT_THAT(shared->Fetch(every, exchange), IsOk());
    int64_t own = 0;
    for (int c = 0; c < cells; ++c) {
      const CellView& cell = all[c];
      ASSERT_GT(cell.size(), 0);
      EXPECT_EQ(cell.size(), all.count(c));
      EXPECT_EQ(cell.rows.front(), all.first_row(c));
      EXPECT_TRUE(std::is_sorted(cell.rows.begin(), cell.rows.end()));
      const bool mine = shared->owner(c) == ranks.rank();
      for (int64_t i = 0; i < cell.size(); ++i) {
        EXPECT_TRUE(std::equal(cell.point(i), cell.point(i) + points.cols(),
                               points.row(cell.rows[i])));
        if (mine) ++owners[cell.rows[i]];
      }
      own += mine ? cell.size() : 0;
    }
    EXPECT_EQ(own, shared->own_points());
    shared->Drop();
    for (int c = 0; c < cells; ++c) {
      EXPECT_EQ(all.here(c), shared->owner(c) == ranks.rank());
    }
  });
  for (const int64_t row : inducing) owners[row] += 1;
  EXPECT_THAT(owners, testing::Each(1));
}

TEST(SharedCellsTest, UniformPoints) {
  for (const int size : kRanks) {
    ExpectShared(MakePointSet(PointSet::kUniformCube, 4000, 2, /*seed=*/1),
                 {3, 0, 3999, 17}, /*cells=*/32, size, 6000 / size);
  }
}

TEST(SharedCellsTest, PointsThatAreEqual) {
  for (const int size : kRanks) {
    ExpectShared(Matrix<double>::Zeros(2000, 3), {}, /*cells=*/32, size,
                 3500 / size);
  }
}

TEST(SharedCellsTest, AGridThatIsStoredByRows) {
  Matrix<double> grid(4096, 2);
  for (int64_t i = 0; i < grid.rows(); ++i) {
    grid(i, 0) = static_cast<double>(i / 64);
    grid(i, 1) = static_cast<double>(i % 64);
  }
  for (const int size : kRanks) {
    ExpectShared(grid, {}, /*cells=*/32, size, 6500 / size);
  }
}

TEST(SharedCellsTest, FewerPointsThanRanks) {
  for (const int64_t n : {1, 2, 4}) {
    ExpectShared(MakePointSet(PointSet::kUniformCube, n, 2, /*seed=*/1), {},
                 /*cells=*/1, /*size=*/7, n);
  }
}

}  // namespace
}  // namespace rct
