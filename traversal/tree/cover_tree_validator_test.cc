#include "traversal/tree/cover_tree_validator.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "traversal/row_order.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/cover_tree_builder.h"

namespace rct {
namespace {

using testing::HasSubstr;

auto Violates(const char* what) {
  return StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(what));
}

// Seven points of a line, and nets of radii 8, 4, 2 and 1 over them.
class ValidateNetsTest : public testing::Test {
 protected:
  ValidateNetsTest() : metric_(Points()) {
    nets_.parent = {-1, 0, 0, 1, 0, 1, 3};
    nets_.level = {0, 1, 2, 2, 3, 3, 3};
    nets_.leaf_level = 3;
    nets_.root_radius = 8;
    nets_.base = 2;
  }

  static EuclideanPoints Points() {
    const double places[] = {0, 8, 3, 5.5, 0.9, 7, 4.5};
    Matrix<double> points(7, 1);
    for (int64_t i = 0; i < 7; ++i) points(i, 0) = places[i];
    return {std::move(points)};
  }

  absl::Status Validate() const { return ValidateNets(metric_, nets_); }

  EuclideanDistance metric_;
  NetHierarchy nets_;
};

TEST_F(ValidateNetsTest, Undamaged) { EXPECT_THAT(Validate(), IsOk()); }

TEST_F(ValidateNetsTest, Shape) {
  nets_.parent.pop_back();
  EXPECT_THAT(Validate(), Violates("nets"));
  nets_.level.pop_back();
  EXPECT_THAT(Validate(), Violates("nets"));
}

TEST_F(ValidateNetsTest, TheRoot) {
  nets_.level[0] = 1;
  EXPECT_THAT(Validate(), Violates("root"));
  nets_.level[0] = 0;
  nets_.parent[0] = 1;
  EXPECT_THAT(Validate(), Violates("root"));
}

TEST_F(ValidateNetsTest, ParentsThatAreNone) {
  for (const int32_t parent : {-1, 7, 4}) {
    nets_.parent[4] = parent;
    EXPECT_THAT(Validate(), Violates("nesting: row 4"));
  }
}

TEST_F(ValidateNetsTest, AParentAtNoHigherLevel) {
  nets_.parent[6] = 4;
  EXPECT_THAT(Validate(), Violates("nesting: row 6"));
}

TEST_F(ValidateNetsTest, AFurtherParent) {
  nets_.parent[6] = 2;  // 1.5 away, the nearest is 1 away
  EXPECT_THAT(Validate(), Violates("row 6 is nearer to net point 3"));
}

TEST_F(ValidateNetsTest, AParentOutOfReach) {
  nets_.parent[5] = 3;  // 1.5 away, and its true parent is 1 away
  EXPECT_THAT(Validate(), Violates("row 5"));
  nets_.parent[5] = 0;
  EXPECT_THAT(Validate(), Violates("covering: row 5 at level 3 is 7"));
}

TEST_F(ValidateNetsTest, ALevelTooHigh) {
  nets_.level[2] = 1;  // 3 from the root, where 4 is needed
  EXPECT_THAT(Validate(), Violates("separation: rows 2 and 0"));
}

TEST_F(ValidateNetsTest, ALevelTooLow) {
  nets_.level[2] = 3;  // 3 from the root, where 2 is allowed
  EXPECT_THAT(Validate(), Violates("covering: row 2 at level 3 is 3"));
}

TEST_F(ValidateNetsTest, ALevelBelowTheLeaves) {
  nets_.level[6] = 4;
  EXPECT_THAT(Validate(), Violates("nesting: row 6"));
}

TEST_F(ValidateNetsTest, NetPointsTooClose) {
  nets_.leaf_level = 4;
  nets_.level = {0, 1, 2, 2, 3, 4, 4};  // row 4 enters, 0.9 from the root
  EXPECT_THAT(Validate(), Violates("separation: rows 4 and 0"));
}

TEST_F(ValidateNetsTest, TheRootsRadius) {
  nets_.root_radius = 7.9;
  EXPECT_THAT(Validate(), Violates("covering: row 1"));
  nets_.root_radius = 16;
  EXPECT_THAT(Validate(), Violates("separation"));
  nets_.root_radius = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(Validate(), Violates("covering"));
}

class ValidateTreeTest : public testing::Test {
 protected:
  static constexpr int64_t kRows = 300;

  ValidateTreeTest()
      : points_(MakePoints("normal", kRows, 2, 1)),
        metric_(MakeTestModel(points_.view(), KernelConfig::RBF, 20).metric),
        order_(RowOrder::Natural(kRows)) {
    CoverTreeConfig config;
    config.set_leaf_size(3);
    nets_ = BuildNets(*metric_, config, 1);
    tree_ = AssembleCoverTree(nets_, order_);
    balls_ = MeasureBalls(*metric_, tree_, 1);
  }

  absl::Status Validate() const {
    return ValidateTree(*metric_, nets_, order_, tree_, balls_);
  }

  // A node with two segments or more, not the root.
  int32_t NodeWithSegments() const {
    int32_t node = 1;
    while (tree_.first_segment[node] == -1 ||
           tree_.segments[tree_.first_segment[node]].next == -1) {
      ++node;
    }
    return node;
  }
  CoverTree::Segment& SegmentWithChildren(int32_t count) {
    for (CoverTree::Segment& segment : tree_.segments) {
      if (segment.num_children >= count) return segment;
    }
    ADD_FAILURE() << "no segment has " << count << " children";
    return tree_.segments[0];
  }

  Matrix<double> points_;
  std::shared_ptr<const ResidualCorrelation> metric_;
  RowOrder order_;
  NetHierarchy nets_;
  CoverTree tree_;
  std::vector<ResidualCorrelation::Ball> balls_;
};

TEST_F(ValidateTreeTest, Undamaged) { EXPECT_THAT(Validate(), IsOk()); }

TEST_F(ValidateTreeTest, Shape) {
  balls_.pop_back();
  EXPECT_THAT(Validate(), Violates("balls"));
  balls_.emplace_back();
  tree_.first_segment.pop_back();
  EXPECT_THAT(Validate(), Violates("nodes"));
}

TEST_F(ValidateTreeTest, TheRoot) {
  for (const int32_t root : {-1, 1, 300}) {
    tree_.root = root;
    EXPECT_THAT(Validate(), Violates("is the root"));
  }
}

TEST_F(ValidateTreeTest, AChildIsMissing) {
  CoverTree::Segment& segment = SegmentWithChildren(2);
  --segment.num_children;
  EXPECT_THAT(Validate(), Violates("is in the tree 0 times"));
}

TEST_F(ValidateTreeTest, AChildIsThereTwice) {
  CoverTree::Segment& segment = SegmentWithChildren(2);
  tree_.children[segment.first_child + 1] = tree_.children[segment.first_child];
  EXPECT_THAT(Validate(), Violates("not ascending"));
}

// A search takes children between the first and the last for a range.
TEST_F(ValidateTreeTest, ChildrenOutOfOrder) {
  CoverTree::Segment& segment = SegmentWithChildren(2);
  std::swap(tree_.children[segment.first_child],
            tree_.children[segment.first_child + 1]);
  EXPECT_THAT(Validate(), Violates("not ascending"));
}

TEST_F(ValidateTreeTest, AChildOfAnother) {
  CoverTree::Segment& segment = SegmentWithChildren(1);
  ++segment.first_child;
  EXPECT_FALSE(Validate().ok());
}

TEST_F(ValidateTreeTest, ChildrenThatDoNotExist) {
  CoverTree::Segment& last = tree_.segments.back();
  ++last.num_children;
  EXPECT_THAT(Validate(), Violates("out of range"));
  last.num_children = 0;
  EXPECT_THAT(Validate(), Violates("out of range"));
  last.num_children = 1;
  tree_.children[last.first_child] = kRows;
  EXPECT_THAT(Validate(), Violates("not ascending"));
}

TEST_F(ValidateTreeTest, ASegmentAtAnotherLevel) {
  CoverTree::Segment& segment =
      tree_.segments[tree_.first_segment[NodeWithSegments()]];
  --segment.level;
  EXPECT_THAT(Validate(), Violates("is not where the nets have it"));
  segment.level = 1000;
  EXPECT_FALSE(Validate().ok());
}

TEST_F(ValidateTreeTest, SegmentsOutOfOrder) {
  const int32_t first = tree_.first_segment[NodeWithSegments()];
  tree_.segments[tree_.segments[first].next].next = first;  // a circle
  EXPECT_THAT(Validate(), Violates("out of order"));
}

TEST_F(ValidateTreeTest, SegmentsOfAnotherNode) {
  tree_.first_segment[NodeWithSegments()] = tree_.first_segment[0];
  EXPECT_THAT(Validate(), Violates("out of order"));
}

TEST_F(ValidateTreeTest, UnreachableSegments) {
  const int32_t node = NodeWithSegments();
  const int32_t first = tree_.first_segment[node];
  const int32_t next = std::exchange(tree_.segments[first].next, -1);
  EXPECT_THAT(Validate(), Violates("is in the tree 0 times"));
  tree_.segments[first].next = next;
  tree_.first_segment[node] = -1;
  EXPECT_THAT(Validate(), Violates("is in the tree 0 times"));
}

// The smallest damage that could cost an answer its exactness.
TEST_F(ValidateTreeTest, ABallThatIsSmallerByOneBit) {
  for (size_t s = 0; s < balls_.size(); s += 7) {
    const ResidualCorrelation::Ball ball = balls_[s];
    balls_[s].cos_radius = std::nextafter(ball.cos_radius, 2.0);
    balls_[s].sin_radius =
        std::sqrt((1 - balls_[s].cos_radius) * (1 + balls_[s].cos_radius));
    EXPECT_THAT(Validate(), Violates("is outside the ball of")) << s;
    balls_[s] = ball;
    balls_[s].norm = std::nextafter(ball.norm, 0.0);
    EXPECT_THAT(Validate(), Violates("is outside the ball of")) << s;
    balls_[s] = ball;
  }
}

TEST_F(ValidateTreeTest, ALargerBallIsNoDamage) {
  for (ResidualCorrelation::Ball& ball : balls_) {
    ball.cos_radius /= 2;
    ball.sin_radius = std::sqrt((1 - ball.cos_radius) * (1 + ball.cos_radius));
    ball.norm *= 2;
  }
  EXPECT_THAT(Validate(), IsOk());
}

TEST(ValidateTreeEuclideanTest, ABallThatIsSmallerByOneBit) {
  const EuclideanDistance metric({MakePoints("normal", 100, 2, 1)});
  const NetHierarchy nets = BuildNets(metric, CoverTreeConfig(), 1);
  const RowOrder order = RowOrder::Natural(100);
  const CoverTree tree = AssembleCoverTree(nets, order);
  std::vector<EuclideanDistance::Ball> balls = MeasureBalls(metric, tree, 1);
  EXPECT_THAT(ValidateTree(metric, nets, order, tree, balls), IsOk());
  balls[0].radius = std::nextafter(balls[0].radius, 0.0);
  EXPECT_THAT(ValidateTree(metric, nets, order, tree, balls),
              Violates("is outside the ball of row 0"));
}

TEST(ValidateTreeEuclideanTest, NoPoints) {
  const EuclideanDistance metric({Matrix<double>(0, 2)});
  EXPECT_THAT(ValidateNets(metric, {}), IsOk());
  EXPECT_THAT(ValidateTree(metric, {}, RowOrder::Natural(0), {}, {}), IsOk());
}

}  // namespace
}  // namespace rct
