#include "traversal/tree/node_order.h"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/test_data.h"
#include "traversal/row_order.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/cover_tree_builder.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

std::vector<int32_t> Iota(int64_t n) {
  std::vector<int32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

TEST(HilbertOrderTest, FourCornersOfASquare) {
  Matrix<double> points(4, 2);  // (0, 0), (1, 1), (0, 1) and (1, 0)
  points(0, 0) = points(0, 1) = points(2, 0) = points(3, 1) = 0;
  points(1, 0) = points(1, 1) = points(2, 1) = points(3, 0) = 1;
  EXPECT_THAT(HilbertOrder(points.view()).rows(), ElementsAre(0, 2, 1, 3));
}

// All cells of a grid with `side` cells along each of `dim` edges, in random
// order.
Matrix<double> FullGrid(int64_t side, int64_t dim) {
  int64_t n = 1;
  for (int64_t t = 0; t < dim; ++t) n *= side;
  std::vector<int32_t> cells = Iota(n);
  RandomStream random(1, 0);
  Shuffle(absl::MakeSpan(cells), random);
  Matrix<double> points(n, dim);
  for (int64_t i = 0; i < n; ++i) {
    int64_t cell = cells[i];
    for (int64_t t = 0; t < dim; ++t, cell /= side) {
      points(i, t) = static_cast<double>(cell % side);
    }
  }
  return points;
}

// The curve is continuous, which defines it.
TEST(HilbertOrderTest, EachStepMovesByOneCell) {
  for (const auto& [side, dim] : std::vector<std::pair<int64_t, int64_t>>{
           {2, 2}, {4, 2}, {32, 2}, {2, 3}, {4, 3}, {16, 3}, {4, 4}, {2, 8}}) {
    const Matrix<double> points = FullGrid(side, dim);
    const RowOrder order = HilbertOrder(points.view());
    ASSERT_EQ(order.size(), points.rows());
    for (int32_t i = 1; i < order.size(); ++i) {
      double moved = 0;
      for (int64_t t = 0; t < dim; ++t) {
        moved +=
            std::abs(points(order.row(i), t) - points(order.row(i - 1), t));
      }
      ASSERT_EQ(moved, 1) << "step " << i << ", side " << side << ", dim "
                          << dim;
    }
  }
}

TEST(HilbertOrderTest, OneDimensionIsSorted) {
  const Matrix<double> points = MakePoints("cube", 1000, 1, 1);
  const RowOrder order = HilbertOrder(points.view());
  for (int32_t i = 1; i < 1000; ++i) {
    // 2^16 cells.
    EXPECT_LE(points(order.row(i - 1), 0), points(order.row(i), 0) + 0x1p-16);
  }
}

TEST(HilbertOrderTest, AnyShape) {
  for (const int64_t dim : {1, 2, 3, 16, 31, 32, 62, 63, 64, 100}) {
    for (const int64_t n : {0, 1, 2, 100}) {
      const Matrix<double> points = MakePoints("normal", n, dim, 1);
      // RowOrder's constructor checks that it is a permutation.
      EXPECT_EQ(HilbertOrder(points.view()).size(), n);
    }
  }
}

TEST(HilbertOrderTest, OnlyTheFirst63CoordinatesCount) {
  Matrix<double> points = MakePoints("normal", 100, 64, 1);
  const RowOrder order = HilbertOrder(points.view());
  for (int64_t i = 0; i < 100; ++i) points(i, 63) = 0;
  EXPECT_THAT(HilbertOrder(points.view()).rows(),
              ElementsAreArray(order.rows()));
}

TEST(HilbertOrderTest, TiesKeepRowOrder) {
  const Matrix<double> points = MakePoints("duplicates", 100, 3, 1);
  EXPECT_THAT(HilbertOrder(points.view()).rows(), ElementsAreArray(Iota(100)));
}

TEST(HilbertOrderTest, AConstantCoordinate) {
  Matrix<double> points = MakePoints("cube", 200, 2, 1);
  for (int64_t i = 0; i < 200; ++i) points(i, 1) = -7.5;
  const RowOrder order = HilbertOrder(points.view());
  for (int32_t i = 1; i < 200; ++i) {
    EXPECT_LE(points(order.row(i - 1), 0), points(order.row(i), 0) + 0x1p-16);
  }
}

TEST(HilbertOrderTest, AnyMagnitude) {
  // The range of the first is larger than any double, that of the last smaller
  // than any normal one.
  for (const double scale : {1e308, 1e300, 1e-300, 1e-308, 5e-324}) {
    Matrix<double> points = MakePoints("cube", 100, 2, 1);
    for (int64_t i = 0; i < 100; ++i) {
      points(i, 0) = (points(i, 0) > 0.5 ? 1.7 : -1.7) * scale;
      points(i, 1) = (points(i, 1) - 0.5) * scale;
    }
    EXPECT_EQ(HilbertOrder(points.view()).size(), 100) << scale;
  }
}

TEST(HilbertOrderTest, KeepsNeighborsTogether) {
  const Matrix<double> points = MakePoints("cube", 4096, 2, 1);
  const auto length = [&](const RowOrder& order) {
    double sum = 0;
    for (int32_t i = 1; i < order.size(); ++i) {
      sum += std::hypot(points(order.row(i), 0) - points(order.row(i - 1), 0),
                        points(order.row(i), 1) - points(order.row(i - 1), 1));
    }
    return sum;
  };
  // Near sqrt(n) along the curve, n / 2 otherwise.
  EXPECT_LT(length(HilbertOrder(points.view())), 80);
  EXPECT_GT(length(RowOrder::Natural(4096)), 1800);
}

TEST(BreadthFirstOrderTest, SmallTree) {
  // Row 3 enters first below the root, and so its children come before 1's.
  NetHierarchy nets;
  nets.parent = {-1, 0, 1, 0, 3, 1, 3};
  nets.level = {0, 2, 3, 1, 3, 3, 2};
  nets.leaf_level = 3;
  EXPECT_THAT(BreadthFirstOrder(nets).rows(), ElementsAre(0, 3, 1, 6, 4, 2, 5));
}

TEST(BreadthFirstOrderTest, SegmentsAreRanges) {
  for (const std::string& name : AdversarialNames()) {
    for (const int64_t n : {0, 1, 2, 3, 400}) {
      const EuclideanDistance metric({MakePoints(name, n, 2, 1)});
      const NetHierarchy nets = BuildNets(metric, CoverTreeConfig(), 1);
      const RowOrder order = BreadthFirstOrder(nets);
      ASSERT_EQ(order.size(), n);
      const CoverTree tree = AssembleCoverTree(nets, order);
      for (const CoverTree::Segment& segment : tree.segments) {
        const absl::Span<const int32_t> children = tree.Children(segment);
        EXPECT_EQ(children.back() - children.front() + 1, segment.num_children)
            << name;
        EXPECT_LT(segment.node, children.front());
      }
    }
  }
}

TEST(MakeNodeOrderTest, IsTheOneThatTheConfigNames) {
  const EuclideanDistance metric({MakePoints("normal", 100, 2, 1)});
  const MatrixView<const double> points = metric.data().points.view();
  const NetHierarchy nets = BuildNets(metric, CoverTreeConfig(), 1);
  const auto rows = [&](CoverTreeConfig::NodeOrder order) {
    const RowOrder made = MakeNodeOrder(order, nets, points);
    return std::vector<int32_t>(made.rows().begin(), made.rows().end());
  };
  EXPECT_THAT(rows(CoverTreeConfig::NATURAL), ElementsAreArray(Iota(100)));
  EXPECT_THAT(rows(CoverTreeConfig::HILBERT),
              ElementsAreArray(HilbertOrder(points).rows()));
  EXPECT_THAT(rows(CoverTreeConfig::BREADTH_FIRST),
              ElementsAreArray(BreadthFirstOrder(nets).rows()));
  EXPECT_DEATH(rows(CoverTreeConfig::NODE_ORDER_UNSPECIFIED), "check failed");
}

}  // namespace
}  // namespace rct
