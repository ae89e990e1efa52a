#include "traversal/block/skeleton_tables.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

#include "base/matrix.h"
#include "gtest/gtest.h"
#include "metric/correlation_tile.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/compact_table.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_bounds.h"

namespace rct {
namespace {

BlockSkeletons MakeSkeletons(const ResidualCorrelation& metric,
                             const SkeletonOptions& options) {
  return BlockSkeletons(metric, options,
                        BlockSkeletons::Partition(metric, options, 1), 1);
}

// The coordinates of a point in its own block.
std::vector<double> Coordinates(const BlockSkeletons& skeletons, int b,
                                int64_t position) {
  const PointPanels points = skeletons.points(b, nullptr);
  const int64_t j = position - skeletons.block(b).first;
  std::vector<double> w;
  for (int c = 0; c < points.rank; ++c) {
    w.push_back(points.w[(j / kPanel * points.rank + c) * kPanel + j % kPanel]);
  }
  return w;
}

std::vector<double> Times(const SkeletonTables::Table& table, int rows,
                          const std::vector<double>& w) {
  std::vector<double> y(rows, 0.0);
  for (int i = 0; i < rows; ++i) {
    for (size_t c = 0; c < w.size(); ++c) {
      y[i] += static_cast<double>(
                  table.data[i * table.row_stride +
                             static_cast<int64_t>(c) * table.column_stride]) *
              w[c];
    }
  }
  return y;
}

// Room for any table.
std::vector<float> Room(const BlockSkeletons& skeletons) {
  return std::vector<float>(skeletons.max_rank() * skeletons.max_rank() +
                            CompactTable::kPadding);
}

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// The members of two skeletons, whose own e are 0: bound (1) is its slack
// alone, and a compact table's error is most of that.
class MemberPairs {
 public:
  MemberPairs(const ResidualCorrelation& metric,
              const BlockSkeletons& skeletons, const SkeletonTables& tables)
      : metric_(metric),
        skeletons_(skeletons),
        tables_(tables),
        room_(Room(skeletons)),
        projection_(skeletons.block_size(), skeletons.max_rank()),
        panels_(skeletons.block_size() * skeletons.max_rank()) {}

  // How many products y . w_j, and how many gaps, are off by more than their
  // slack.
  struct Excess {
    int64_t products = 0;
    int64_t gaps = 0;
  };

  // Adds those of the members of block a as queries of block b; `share` is the
  // part of the table's error that is counted.
  void Count(int b, int a, double share, Excess& excess) {
    const std::vector<int64_t> queries = Members(a), points = Members(b);
    const int64_t from = std::ssize(queries), to = std::ssize(points);
    const TilePoints tile = Tile(queries), others = Tile(points);
    skeletons_.Project(metric_, b, tile, projection_, panels_.data());
    const double norm = tables_.norm(b, a);
    const double error = share * tables_.error(b, a);
    const double slack = skeletons_.slack().Product(
        static_cast<int>(from), static_cast<int>(to), norm, error);
    const double gap_slack = skeletons_.slack().Gap(
        static_cast<int>(from), static_cast<int>(to), norm, error);
    const SkeletonTables::Table table = tables_.Load(b, a, room_.data());
    std::vector<double> rho(to + 8);
    for (int64_t i = 0; i < from; ++i) {
      const std::vector<double> w = Coordinates(skeletons_, a, queries[i]);
      const std::vector<double> y = Times(table, static_cast<int>(to), w);
      CorrelationTile(metric_, tile, i, 1, others, 0, static_cast<int>(to),
                      rho.data(), to + 8);
      for (int64_t j = 0; j < to; ++j) {
        const double product = Dot(y, Coordinates(skeletons_, b, points[j]));
        excess.products += std::abs(rho[j] - product) > slack ? 1 : 0;
      }
      const double gap = Dot(w, w) - projection_.squared_length[i];
      excess.gaps += Dot(w, w) - Dot(y, y) + gap_slack < gap ? 1 : 0;
    }
  }

 private:
  // Returns the positions of a skeleton's members.
  std::vector<int64_t> Members(int b) const {
    const BlockSkeletons::Block& block = skeletons_.block(b);
    std::vector<int64_t> members;
    for (int64_t j = block.first; j < block.first + block.count; ++j) {
      if (skeletons_.e()[j] == 0) members.push_back(j);
    }
    return members;
  }

  TilePoints Tile(const std::vector<int64_t>& positions) const {
    std::vector<int32_t> rows;
    for (const int64_t position : positions) {
      rows.push_back(skeletons_.partition().rows()[position]);
    }
    TilePoints tile(std::ssize(rows), metric_.dim());
    tile.Assign(metric_.data(), rows);
    return tile;
  }

  const ResidualCorrelation& metric_;
  const BlockSkeletons& skeletons_;
  const SkeletonTables& tables_;
  std::vector<float> room_;
  BlockSkeletons::Projection projection_;
  std::vector<float> panels_;
};

// Bound (1), and its block form, for every pair of points of different blocks.
TEST(SkeletonTablesTest, BoundsHold) {
  for (const char* name : {"normal", "clusters", "crowded", "scales"}) {
    const Matrix<double> points = MakePoints(name, 220, 2, 1);
    for (const auto family : {KernelConfig::RBF, KernelConfig::MATERN32}) {
      const auto metric = MakeTestModel(points.view(), family, 15).metric;
      const BlockSkeletons skeletons =
          MakeSkeletons(*metric, {.block_size = 64, .rms_residual = 0.1});
      for (const bool keep_gaps : {false, true}) {
        const SkeletonTables tables(*metric, skeletons, keep_gaps, 2);
        EXPECT_TRUE(tables.sound());
        std::vector<float> room = Room(skeletons);
        std::vector<int32_t> rows(skeletons.partition().rows().begin(),
                                  skeletons.partition().rows().end());
        TilePoints all(220, 2);
        all.Assign(metric->data(), rows);
        std::vector<double> rho(228);
        for (int64_t q = 0; q < 220; ++q) {
          const int a = static_cast<int>(q / 64);
          CorrelationTile(*metric, all, q, 1, all, 0, 220, rho.data(), 224);
          const std::vector<double> w = Coordinates(skeletons, a, q);
          for (int b = 0; b < skeletons.num_blocks(); ++b) {
            if (b == a) continue;
            const BlockSkeletons::Block& block = skeletons.block(b);
            const std::vector<double> y =
                Times(tables.Load(b, a, room.data()), block.rank, w);
            const double slack = skeletons.slack().Product(
                skeletons.block(a).rank, block.rank, tables.norm(b, a),
                tables.error(b, a));
            const double gap = std::sqrt(
                std::max(0.0, Dot(w, w) - Dot(y, y)) +
                skeletons.slack().Gap(skeletons.block(a).rank, block.rank,
                                      tables.norm(b, a), tables.error(b, a)));
            // Of C itself, not of what is kept of it.
            const double kept = 2.2 * 2 * 1.25 * tables.error(b, a);
            EXPECT_GE(tables.gaps(b, a)[q % 64] * static_cast<double>(kGapUnit),
                      std::sqrt(std::max(0.0, gap * gap - kept)) - 1e-4);
            const double outside =
                std::min<double>(skeletons.norm()[q], gap + skeletons.e()[q]);
            double most = 0;
            for (int64_t j = block.first; j < block.first + block.count; ++j) {
              const double error = outside * skeletons.e()[j] +
                                   skeletons.e()[q] *
                                       tables.gaps(a, b)[j - block.first] *
                                       static_cast<double>(kGapUnit) +
                                   slack;
              EXPECT_LE(std::abs(rho[j] - Dot(y, Coordinates(skeletons, b, j))),
                        error);
              EXPECT_LE(tables.gaps(a, b)[j - block.first],
                        tables.cone_gaps(a, b)[(j - block.first) / kPanel]);
              EXPECT_LE(tables.gaps(a, b)[j - block.first] * kGapUnit,
                        tables.block_gap(a, b));
              most = std::max(most, std::abs(rho[j]));
            }
            EXPECT_LE(most,
                      std::sqrt(Dot(y, y)) * block.length + outside * block.e +
                          skeletons.e()[q] * tables.block_gap(a, b) + slack);
          }
        }
      }
    }
  }
}

TEST(SkeletonTablesTest, IsOneTableReadBothWays) {
  const Matrix<double> points = MakePoints("normal", 200, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 15).metric;
  const BlockSkeletons skeletons = MakeSkeletons(*metric, {.block_size = 64});
  const SkeletonTables tables(*metric, skeletons, true, 1);
  for (int a = 0; a < skeletons.num_blocks(); ++a) {
    for (int b = 0; b < skeletons.num_blocks(); ++b) {
      if (a == b) continue;
      std::vector<float> room = Room(skeletons), other = Room(skeletons);
      const SkeletonTables::Table there = tables.Load(b, a, room.data());
      const SkeletonTables::Table back = tables.Load(a, b, other.data());
      double squared = 0;
      for (int i = 0; i < skeletons.block(b).rank; ++i) {
        for (int c = 0; c < skeletons.block(a).rank; ++c) {
          const float x =
              there.data[i * there.row_stride + c * there.column_stride];
          EXPECT_EQ(x, back.data[c * back.row_stride + i * back.column_stride]);
          squared += static_cast<double>(x) * x;
        }
      }
      const double error = tables.error(a, b);
      EXPECT_EQ(tables.error(b, a), tables.error(a, b));
      EXPECT_LE(error, 0.0021);
      EXPECT_LE(std::sqrt(squared), tables.norm(a, b) * (1 + 1e-6) + error);
      EXPECT_GE(std::sqrt(squared), tables.norm(a, b) * (1 - 1e-5) - error);
    }
    // All others, once each.
    std::vector<int32_t> order(tables.order(a).begin(), tables.order(a).end());
    std::sort(order.begin(), order.end());
    order.insert(order.begin() + a, a);
    for (int b = 0; b < skeletons.num_blocks(); ++b) EXPECT_EQ(order[b], b);
  }
}

// Of the Matern kernel with so many blocks that tables are compact.
TEST(SkeletonTablesTest, CompactTablesAreOffByNoMoreThanTheySay) {
  const Matrix<double> points = MakePoints("normal", 6000, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::MATERN12, 60).metric;
  const BlockSkeletons skeletons =
      MakeSkeletons(*metric, {.block_size = 64, .rms_residual = 0.001});
  const SkeletonTables tables(*metric, skeletons, true, 2);
  std::vector<float> room = Room(skeletons);
  int compact = 0;
  for (int b = 0; b < skeletons.num_blocks(); ++b) {
    for (int a = 0; a < b; ++a) {
      const SkeletonTables::Table table = tables.Load(b, a, room.data());
      double squared = 0;
      for (int i = 0; i < skeletons.block(a).rank * skeletons.block(b).rank;
           ++i) {
        squared += static_cast<double>(table.data[i]) * table.data[i];
      }
      const double error = tables.error(a, b);
      EXPECT_NEAR(std::sqrt(squared), tables.norm(a, b),
                  error + 1e-5 * tables.norm(a, b));
      EXPECT_LE(error, tables.far(a, b) ? 0x1p-6 : 0x1p-9);
      if (error > 0) ++compact;
    }
  }
  EXPECT_GT(compact, 0);
}

// Without the error of compact tables both bounds are violated; with it none.
TEST(SkeletonTablesTest, CompactTablesNeedTheirErrorInBothBounds) {
  const Matrix<double> points = MakePoints("normal", 6000, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::MATERN12, 60).metric;
  const BlockSkeletons skeletons =
      MakeSkeletons(*metric, {.block_size = 64, .rms_residual = 0.001});
  const SkeletonTables tables(*metric, skeletons, false, 2);
  MemberPairs pairs(*metric, skeletons, tables);
  MemberPairs::Excess with, without;
  for (int a = 0; a < skeletons.num_blocks(); a += 9) {
    for (int b = 0; b < skeletons.num_blocks(); ++b) {
      if (a == b) continue;
      pairs.Count(b, a, /*share=*/1, with);
      pairs.Count(b, a, /*share=*/0, without);
    }
  }
  EXPECT_EQ(with.products, 0);
  EXPECT_EQ(with.gaps, 0);
  EXPECT_GT(without.products, 1000);
  EXPECT_GT(without.gaps, 1000);
}

TEST(SkeletonTablesTest, ThreadsChangeNothing) {
  const Matrix<double> points = MakePoints("normal", 600, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::MATERN52, 40).metric;
  const BlockSkeletons skeletons = MakeSkeletons(*metric, {.block_size = 64});
  const SkeletonTables one(*metric, skeletons, true, 1);
  const SkeletonTables five(*metric, skeletons, true, 5);
  EXPECT_EQ(one.evaluations(), five.evaluations());
  for (int b = 0; b < skeletons.num_blocks(); ++b) {
    EXPECT_EQ(one.order(b), five.order(b));
    for (int64_t i = 0; i < 600; ++i) {
      const auto a = static_cast<int>(i / 64);
      if (a == b) continue;
      EXPECT_EQ(one.gaps(b, a)[i % 64], five.gaps(b, a)[i % 64]);
    }
  }
}

TEST(SkeletonTablesTest, OneBlock) {
  const Matrix<double> points = MakePoints("normal", 20, 2, 1);
  const auto metric = MakeTestModel(points.view(), KernelConfig::RBF, 5).metric;
  const BlockSkeletons skeletons = MakeSkeletons(*metric, {.block_size = 64});
  const SkeletonTables tables(*metric, skeletons, true, 3);
  EXPECT_TRUE(tables.order(0).empty());
  EXPECT_EQ(tables.evaluations(), 0);
}

}  // namespace
}  // namespace rct
