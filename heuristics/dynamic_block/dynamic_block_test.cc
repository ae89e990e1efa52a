#include "heuristics/dynamic_block/dynamic_block.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/slots.h"

namespace rct {
namespace {

using ::testing::ElementsAre;

static_assert(TileSlot<DynamicBlock>);

DynamicBlockConfig Ladder(const std::vector<int32_t>& blocks,
                          const std::vector<int64_t>& limits) {
  DynamicBlockConfig config;
  config.mutable_block()->Add(blocks.begin(), blocks.end());
  config.mutable_active_up_to()->Add(limits.begin(), limits.end());
  return config;
}

TEST(DynamicBlockTest, Defaults) {
  DynamicBlock block = *DynamicBlock::Create({});
  EXPECT_EQ(block.Candidates(1), 16);
  EXPECT_EQ(block.Candidates(32), 16);
  EXPECT_EQ(block.Candidates(33), 32);
  EXPECT_EQ(block.Candidates(128), 32);
  EXPECT_EQ(block.Candidates(129), 64);
  EXPECT_EQ(block.Candidates(512), 64);
  EXPECT_EQ(block.Candidates(513), 128);
  EXPECT_EQ(block.Candidates(std::numeric_limits<int64_t>::max()), 128);
}

TEST(DynamicBlockTest, OneBlockIsAFixedWidth) {
  DynamicBlock block = *DynamicBlock::Create(Ladder({7}, {}));
  for (const int64_t active : {0, 1, 1000}) {
    EXPECT_EQ(block.Candidates(active), 7);
  }
}

TEST(DynamicBlockTest, RefusesWhatIsNoLadder) {
  const auto error = [](const std::vector<int32_t>& blocks,
                        const std::vector<int64_t>& limits) {
    const auto block = DynamicBlock::Create(Ladder(blocks, limits));
    EXPECT_THAT(block, StatusIs(absl::StatusCode::kInvalidArgument));
    return std::string(block.status().message());
  };
  EXPECT_EQ(error({16, 32, 0}, {1, 2}),
            "dynamic_block.block[2]: is 0; must be from 1 to 128");
  EXPECT_EQ(error({129}, {}),
            "dynamic_block.block[0]: is 129; must be from 1 to 128");
  EXPECT_EQ(error({16, 16}, {1}),
            "dynamic_block.block[1]: is 16; must be above the one before it, "
            "16");
  EXPECT_EQ(error({16, 32}, {}),
            "dynamic_block.active_up_to: has 0 values for 2 blocks; must have "
            "one fewer");
  EXPECT_EQ(error({}, {32}),
            "dynamic_block.active_up_to: has 1 values for 0 blocks; must have "
            "one fewer");
  EXPECT_EQ(error({16, 32}, {0}),
            "dynamic_block.active_up_to[0]: is 0; must be at least 1");
  EXPECT_EQ(error({16, 32, 64}, {5, 4}),
            "dynamic_block.active_up_to[1]: is 4; must be above the one before "
            "it, 5");
}

TEST(DynamicBlockTest, WidthsGrowWithTheWorkAndAreCounted) {
  RandomStream stream(1, 0);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<int32_t> widths;
    std::vector<int64_t> limits;
    for (const int64_t i : SampleWithoutReplacement(
             kMaxTile, 1 + static_cast<int64_t>(stream.UniformBelow(9)),
             stream)) {
      widths.push_back(static_cast<int32_t>(i + 1));
    }
    for (const int64_t i : SampleWithoutReplacement(
             1000, static_cast<int64_t>(widths.size()) - 1, stream)) {
      limits.push_back(i + 1);
    }
    DynamicBlock block = *DynamicBlock::Create(Ladder(widths, limits));
    std::map<int, int64_t> blocks;
    int previous = 0;
    for (int64_t active = 1; active < 1100; ++active) {
      const int width = block.Candidates(active);
      EXPECT_GE(width, previous);
      previous = width;
      ++blocks[width];
    }
    EXPECT_EQ(previous, widths.back());
    SearchCounters counters;
    block.Report(counters);
    ASSERT_EQ(counters.dynamic_blocks_size(), widths.size());
    for (size_t i = 0; i < widths.size(); ++i) {
      EXPECT_EQ(counters.dynamic_blocks(static_cast<int>(i)),
                blocks[widths[i]]);
    }
  }
}

TEST(DynamicBlockTest, ReportsOfSeveralThreadsAddUp) {
  const DynamicBlock block = *DynamicBlock::Create({});
  DynamicBlock here = block;
  DynamicBlock there = block;
  here.Candidates(1);
  here.Candidates(100);
  there.Candidates(100);
  there.Candidates(1000);
  SearchCounters counters;
  here.Report(counters);
  there.Report(counters);
  EXPECT_THAT(counters.dynamic_blocks(), ElementsAre(1, 2, 0, 1));
}

}  // namespace
}  // namespace rct
