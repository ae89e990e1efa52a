#include "traversal/block/space_partition.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "gtest/gtest.h"
#include "metric/test_data.h"

namespace rct {
namespace {

std::vector<int32_t> AllRows(int64_t n) {
  std::vector<int32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

const std::vector<double> kUnit(8, 1.0);

TEST(SpacePartitionTest, IsAPermutationForAnySizeAndNumberOfThreads) {
  for (const std::string& name : AdversarialNames()) {
    for (const int64_t n : {0, 1, 15, 16, 17, 31, 64, 65, 300, 1000}) {
      const Matrix<double> points = MakePoints(name, n, 2, 1);
      for (const int64_t block_size : {16, 64, 256}) {
        for (const int row_splits : {0, 2, 9}) {
          const SpacePartition one(points.view(), kUnit, AllRows(n), block_size,
                                   1, row_splits);
          EXPECT_EQ(one.num_blocks(), (n + block_size - 1) / block_size);
          std::vector<int32_t> sorted(one.rows().begin(), one.rows().end());
          std::sort(sorted.begin(), sorted.end());
          EXPECT_EQ(sorted, AllRows(n));
          const SpacePartition three(points.view(), kUnit, AllRows(n),
                                     block_size, 3, row_splits);
          EXPECT_EQ(one.rows(), three.rows());
        }
      }
    }
  }
}

TEST(SpacePartitionTest, BlocksOfALineAreIntervals) {
  const int64_t n = 500;
  const Matrix<double> points = MakePoints("normal", n, 1, 1);
  const SpacePartition partition(points.view(), kUnit, AllRows(n), 32, 1);
  for (int64_t i = 16; i < n; i += 16) {
    double before = points(partition.rows()[0], 0);
    for (int64_t j = 0; j < i; ++j) {
      before = std::max(before, points(partition.rows()[j], 0));
    }
    for (int64_t j = i; j < n; ++j) {
      EXPECT_LE(before, points(partition.rows()[j], 0));
    }
  }
}

TEST(SpacePartitionTest, LocatesItsOwnPoints) {
  for (const int64_t n : {1, 100, 1000}) {
    const Matrix<double> points = MakePoints("normal", n, 3, 1);
    const SpacePartition partition(points.view(), kUnit, AllRows(n), 64, 1);
    for (int64_t i = 0; i < n; ++i) {
      EXPECT_EQ(partition.Locate(points.row(partition.rows()[i])), i / 64);
    }
  }
}

// The earlier half of each block comes first, and in it the earlier quarter;
// the rest is as near in space as it was. Blocks hold the same points.
TEST(SpacePartitionTest, SplitsBlocksByRow) {
  const int64_t n = 1000, block_size = 128;
  const Matrix<double> points = MakePoints("normal", n, 3, 1);
  const SpacePartition in_space(points.view(), kUnit, AllRows(n), block_size,
                                1);
  const SpacePartition by_row(points.view(), kUnit, AllRows(n), block_size, 1,
                              2);
  bool ordered = true;
  for (int64_t first = 0; first < n; first += block_size) {
    const int64_t count = std::min(block_size, n - first);
    std::vector<int32_t> block(by_row.rows().begin() + first,
                               by_row.rows().begin() + first + count);
    std::vector<int32_t> sorted(in_space.rows().begin() + first,
                                in_space.rows().begin() + first + count);
    std::sort(sorted.begin(), sorted.end());
    for (const int64_t part : {block_size / 4, block_size / 2, count}) {
      if (part > count) continue;
      std::vector<int32_t> earliest(block.begin(), block.begin() + part);
      ordered = ordered && std::is_sorted(earliest.begin(), earliest.end());
      std::sort(earliest.begin(), earliest.end());
      EXPECT_TRUE(std::equal(earliest.begin(), earliest.end(), sorted.begin()))
          << first << ", " << part;
    }
  }
  EXPECT_FALSE(ordered);
}

// A dimension that a kernel hardly sees is not split.
// The rows of each sub-block, in order.
std::vector<int32_t> SubBlocks(const SpacePartition& partition) {
  std::vector<int32_t> rows(partition.rows().begin(), partition.rows().end());
  for (size_t i = 0; i < rows.size(); i += SpacePartition::kSubBlock) {
    std::sort(
        rows.begin() + i,
        rows.begin() + std::min(rows.size(), i + SpacePartition::kSubBlock));
  }
  return rows;
}

TEST(SpacePartitionTest, RegroupedBlocksAreThoseOfAPartitionMadeSo) {
  for (const std::string& name : AdversarialNames()) {
    for (const int64_t n : {0, 1, 16, 65, 300, 1000}) {
      const Matrix<double> points = MakePoints(name, n, 2, 1);
      for (const int64_t block_size : {16, 64, 256}) {
        for (const int row_splits : {0, 1, 2, 9}) {
          const SpacePartition made(points.view(), kUnit, AllRows(n),
                                    block_size, 1, row_splits);
          const SpacePartition other(points.view(), kUnit, AllRows(n),
                                     block_size, 1, 2 - row_splits / 9);
          EXPECT_EQ(
              SubBlocks(other.Regrouped(points.view(), kUnit, 2, row_splits)),
              SubBlocks(made))
              << name << " " << n << " " << block_size << " " << row_splits;
        }
      }
    }
  }
}

TEST(SpacePartitionTest, SplitsWhereScaledCoordinatesAreWide) {
  const Matrix<double> points = MakePoints("cube", 64, 2, 1);
  const std::vector<double> scale = {1e-3, 1.0};
  const SpacePartition partition(points.view(), scale, AllRows(64), 32, 1);
  for (int64_t i = 0; i < 32; ++i) {
    for (int64_t j = 32; j < 64; ++j) {
      EXPECT_LT(points(partition.rows()[i], 1), points(partition.rows()[j], 1));
    }
  }
}

}  // namespace
}  // namespace rct
