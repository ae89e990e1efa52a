#include "traversal/tree/cover_tree.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traversal/row_order.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ValidateCoverTreeConfigTest, AcceptsWholeRanges) {
  CoverTreeConfig config;
  EXPECT_THAT(ValidateCoverTreeConfig(config), IsOk());
  config.set_structure(CoverTreeConfig::STATIC);
  config.set_node_order(CoverTreeConfig::NATURAL);
  for (const double base : {1.05, 1.1, 16.0}) {
    config.set_base(base);
    for (const int32_t leaf_size :
         {1, 8, std::numeric_limits<int32_t>::max()}) {
      config.set_leaf_size(leaf_size);
      EXPECT_THAT(ValidateCoverTreeConfig(config), IsOk());
    }
  }
}

TEST(ValidateCoverTreeConfigTest, NamesTheField) {
  const auto invalid = [](const char* field) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field));
  };
  CoverTreeConfig config;
  config.set_structure(CoverTreeConfig::STRUCTURE_UNSPECIFIED);
  EXPECT_THAT(ValidateCoverTreeConfig(config), invalid("tree.structure"));

  config.Clear();
  config.set_node_order(CoverTreeConfig::NODE_ORDER_UNSPECIFIED);
  EXPECT_THAT(ValidateCoverTreeConfig(config), invalid("tree.node_order"));

  for (const double base :
       {std::nextafter(1.05, 1.0), 1.0, 0.0, -2.0, std::nextafter(16.0, 17.0),
        std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::quiet_NaN()}) {
    config.Clear();
    config.set_base(base);
    EXPECT_THAT(ValidateCoverTreeConfig(config), invalid("tree.base"));
  }
  for (const int32_t leaf_size : {0, -1}) {
    config.Clear();
    config.set_leaf_size(leaf_size);
    EXPECT_THAT(ValidateCoverTreeConfig(config), invalid("tree.leaf_size"));
  }
}

TEST(NetHierarchyTest, RadiiFallGeometrically) {
  NetHierarchy nets;
  nets.root_radius = 3;
  nets.base = 2;
  EXPECT_EQ(nets.Radius(0), 3);
  EXPECT_EQ(nets.Radius(1), 1.5);
  EXPECT_EQ(nets.Radius(10), 3 / 1024.0);
}

// Row 0 is the root; 2 and 4 enter at level 1, 1 at level 2 below the root and
// 3 below row 4; 5, 6 and 7 are leaves of rows 4, 0 and 4.
NetHierarchy EightRows() {
  NetHierarchy nets;
  nets.parent = {-1, 0, 0, 4, 0, 4, 0, 4};
  nets.level = {0, 2, 1, 2, 1, 3, 3, 3};
  nets.leaf_level = 3;
  return nets;
}

TEST(AssembleCoverTreeTest, SegmentsOfANodeAreOrderedByLevel) {
  const CoverTree tree = AssembleCoverTree(EightRows(), RowOrder::Natural(8));
  EXPECT_EQ(tree.size(), 8);
  EXPECT_EQ(tree.root, 0);
  EXPECT_THAT(tree.first_segment, ElementsAre(0, -1, -1, -1, 2, -1, -1, -1));
  ASSERT_EQ(tree.segments.size(), 5);
  const std::vector<int32_t> nodes = {0, 0, 4, 0, 4};
  const std::vector<int32_t> levels = {1, 2, 2, 3, 3};
  const std::vector<int32_t> next = {1, 3, 4, -1, -1};
  for (int s = 0; s < 5; ++s) {
    EXPECT_EQ(tree.segments[s].node, nodes[s]) << s;
    EXPECT_EQ(tree.segments[s].level, levels[s]) << s;
    EXPECT_EQ(tree.segments[s].next, next[s]) << s;
  }
  EXPECT_THAT(tree.Children(tree.segments[0]), ElementsAre(2, 4));
  EXPECT_THAT(tree.Children(tree.segments[1]), ElementsAre(1));
  EXPECT_THAT(tree.Children(tree.segments[2]), ElementsAre(3));
  EXPECT_THAT(tree.Children(tree.segments[3]), ElementsAre(6));
  EXPECT_THAT(tree.Children(tree.segments[4]), ElementsAre(5, 7));
}

TEST(AssembleCoverTreeTest, NodesArePositions) {
  // The same tree, stored back to front: row r is at 7 - r.
  const CoverTree tree =
      AssembleCoverTree(EightRows(), RowOrder({7, 6, 5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(tree.root, 7);
  const CoverTree::Segment& top = tree.segments[tree.first_segment[7]];
  EXPECT_EQ(top.node, 7);
  EXPECT_THAT(tree.Children(top), ElementsAre(3, 5));
  const CoverTree::Segment& second = tree.segments[tree.first_segment[3]];
  EXPECT_THAT(tree.Children(second), ElementsAre(4));
  EXPECT_THAT(tree.Children(tree.segments[second.next]), ElementsAre(0, 2));
}

TEST(AssembleCoverTreeTest, SmallestTrees) {
  const CoverTree none = AssembleCoverTree({}, RowOrder::Natural(0));
  EXPECT_EQ(none.root, -1);
  EXPECT_EQ(none.size(), 0);
  EXPECT_THAT(none.segments, IsEmpty());

  NetHierarchy root;
  root.parent = {-1};
  root.level = {0};
  const CoverTree one = AssembleCoverTree(root, RowOrder::Natural(1));
  EXPECT_EQ(one.root, 0);
  EXPECT_THAT(one.first_segment, ElementsAre(-1));
  EXPECT_THAT(one.children, IsEmpty());
}

}  // namespace
}  // namespace rct
