#include "parity/soak/shrink.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "parity/soak/case_generator.h"
#include "parity/soak/soak.pb.h"

namespace rct {
namespace {

TEST(ShrinkTest, FindsTheSmallestSizes) {
  int64_t shrunk = 0;
  for (int64_t number = 0; number < 200; ++number) {
    const auto fails = [](const SoakCase& soak_case) {
      for (const SoakStep& step : soak_case.step()) {
        if (step.call().k() >= 5 && step.call().predecessor() &&
            soak_case.points().count() >= 37) {
          return true;
        }
      }
      return false;
    };
    const SoakCase failing = MakeSoakCase(/*seed=*/1, number);
    if (!fails(failing)) continue;
    ++shrunk;
    SoakCase smallest;
    smallest.mutable_points()->set_count(37);
    SoakCall& call = *smallest.add_step()->mutable_call();
    call.set_k(5);
    call.set_predecessor(true);
    EXPECT_EQ(ShrinkSoakCase(failing, fails).DebugString(),
              smallest.DebugString());
  }
  EXPECT_GT(shrunk, 50);
}

TEST(ShrinkTest, KeepsWhatTheFailureNeeds) {
  SoakCase failing = MakeSoakCase(/*seed=*/1, /*number=*/0);
  failing.mutable_options()
      ->mutable_heuristics()
      ->mutable_dynamic_block()
      ->add_block(7);
  const auto fails = [](const SoakCase& soak_case) {
    const auto& block = soak_case.options().heuristics().dynamic_block();
    return block.block_size() > 0 && block.block(block.block_size() - 1) == 7;
  };
  SoakCase smallest;
  smallest.mutable_options()
      ->mutable_heuristics()
      ->mutable_dynamic_block()
      ->add_block(7);
  EXPECT_EQ(ShrinkSoakCase(failing, fails).DebugString(),
            smallest.DebugString());
}

}  // namespace
}  // namespace rct
