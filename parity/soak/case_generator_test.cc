#include "parity/soak/case_generator.h"

#include <cstdint>
#include <set>
#include <string>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/sha256.h"
#include "gtest/gtest.h"
#include "parity/soak/soak.pb.h"
#include "parity/soak/soak_points.h"

namespace rct {
namespace {

// A case that failed somewhere is repeated by seed and number: whoever changes
// what is drawn changes this digest, and says so.
TEST(CaseGeneratorTest, ASeedHasTheSameCasesOnEveryMachine) {
  Sha256 sha;
  for (int64_t number = 0; number < 200; ++number) {
    const SoakCase drawn = MakeSoakCase(/*seed=*/1, number);
    sha.Update(drawn.SerializeAsString());
    const Matrix<double> points = MakeSoakPoints(drawn.points());
    for (int64_t i = 0; i < points.rows(); ++i) {
      sha.UpdateSpan(absl::MakeConstSpan(points.row(i), points.cols()));
    }
  }
  EXPECT_EQ(sha.HexDigest(),
            "8cf8471d475ac9fdc15222bc152cb2065132ecd449181c0b850ae7226f87a39c");
}

TEST(CaseGeneratorTest, CasesOfOtherSeedsAreOthers) {
  EXPECT_EQ(MakeSoakCase(1, 2).SerializeAsString(),
            MakeSoakCase(1, 2).SerializeAsString());
  EXPECT_NE(MakeSoakCase(1, 2).SerializeAsString(),
            MakeSoakCase(2, 2).SerializeAsString());
  EXPECT_NE(MakeSoakCase(1, 2).SerializeAsString(),
            MakeSoakCase(1, 3).SerializeAsString());
}

// What a few minutes of soak must not miss.
TEST(CaseGeneratorTest, AFewHundredCasesHaveOneOfEachKind) {
  std::set<int> calls, changes, metrics, strategies, forms;
  int many = 0, clusters = 0, far_fields = 0, long_ranges = 0;
  for (int64_t number = 0; number < 300; ++number) {
    const SoakCase drawn = MakeSoakCase(/*seed=*/1, number);
    metrics.insert(drawn.metric().metric_case());
    strategies.insert(drawn.options().strategy());
    const auto& heuristics = drawn.options().heuristics();
    if (heuristics.has_skeleton_bound()) {
      forms.insert(heuristics.skeleton_bound().form());
    }
    many += drawn.points().count() > 4000 ? 1 : 0;
    clusters += drawn.points().clusters() > 0 ? 1 : 0;
    far_fields += heuristics.has_far_field() ? 1 : 0;
    for (const SoakStep& step : drawn.step()) {
      changes.insert(step.step_case());
      if (!step.has_call()) continue;
      calls.insert(step.call().kind());
      const bool range = step.call().kind() == SoakCall::RANGE ||
                         step.call().kind() == SoakCall::RANGE_POINTS;
      long_ranges += range && step.call().radius_rank() > 496 ? 1 : 0;
    }
  }
  EXPECT_EQ(calls.size(), 7);
  EXPECT_EQ(changes.size(), 5);
  EXPECT_EQ(metrics.size(), 3);
  EXPECT_EQ(strategies.size(), 4);
  EXPECT_EQ(forms.size(), 4);
  EXPECT_GT(many, 0);
  EXPECT_GT(clusters, 30);
  EXPECT_GT(far_fields, 10);
  EXPECT_GT(long_ranges, 3);
}

}  // namespace
}  // namespace rct
