#include "heuristics/masked_dedupe/masked_dedupe.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/slots.h"

namespace rct {

// Lets a test see the last of 2^32 generations.
class MaskedDedupePeer {
 public:
  static void SkipTo(uint32_t generation, MaskedDedupe& dedupe) {
    dedupe.generation_ = generation;
  }
};

namespace {

static_assert(DedupeSlot<MaskedDedupe>);

constexpr uint32_t kLastGeneration = std::numeric_limits<uint32_t>::max();

int64_t Dropped(const MaskedDedupe& dedupe) {
  SearchCounters counters;
  dedupe.Report(counters);
  return counters.duplicates_dropped();
}

TEST(MaskedDedupeTest, Defaults) {
  EXPECT_THAT(MaskedDedupe::Create({}, 10), IsOk());
  EXPECT_THAT(MaskedDedupe::Create({}, 0), IsOk());
}

TEST(MaskedDedupeTest, DropsWhatArrivesAgain) {
  MaskedDedupe dedupe = *MaskedDedupe::Create({}, 2);
  dedupe.StartBatch();
  EXPECT_EQ(dedupe.Fresh(0, 0b0011), 0b0011);
  EXPECT_EQ(dedupe.Fresh(0, 0b0110), 0b0100);
  EXPECT_EQ(dedupe.Fresh(0, 0b0111), 0);
  EXPECT_EQ(dedupe.Fresh(1, 0b0111), 0b0111) << "another node";
  EXPECT_EQ(Dropped(dedupe), 1 + 3);
  dedupe.StartBatch();
  EXPECT_EQ(dedupe.Fresh(0, 0b0111), 0b0111) << "another batch";
  EXPECT_EQ(Dropped(dedupe), 4);
}

TEST(MaskedDedupeTest, CopiesRememberForThemselves) {
  MaskedDedupe here = *MaskedDedupe::Create({}, 1);
  here.StartBatch();
  here.Fresh(0, 1);
  MaskedDedupe there = here;
  EXPECT_EQ(there.Fresh(0, 0b10), 0b10);
  EXPECT_EQ(here.Fresh(0, 0b11), 0b10);
  EXPECT_EQ(there.Fresh(0, 0b11), 0);
  SearchCounters counters;
  here.Report(counters);
  there.Report(counters);
  EXPECT_EQ(counters.duplicates_dropped(), 1 + 2);
}

// Against one set of pairs for each batch, across the end of the generations.
TEST(MaskedDedupeTest, AgreesWithASetOfPairs) {
  constexpr int kNodes = 20;
  RandomStream stream(1, 0);
  MaskedDedupe dedupe = *MaskedDedupe::Create({}, kNodes);
  int64_t dropped = 0;
  for (int batch = 0; batch < 200; ++batch) {
    if (batch == 100) MaskedDedupePeer::SkipTo(kLastGeneration - 50, dedupe);
    dedupe.StartBatch();
    std::vector<QueryMask> seen(kNodes);
    for (int call = 0; call < 100; ++call) {
      const auto node = static_cast<int32_t>(stream.UniformBelow(kNodes));
      const QueryMask queries = stream.Next64() & stream.Next64();
      EXPECT_EQ(dedupe.Fresh(node, queries), queries & ~seen[node]);
      dropped += std::popcount(queries & seen[node]);
      seen[node] |= queries;
    }
  }
  EXPECT_EQ(Dropped(dedupe), dropped);
}

// Bits of generation 1 that are still there when the next generation 1 begins.
TEST(MaskedDedupeTest, GenerationsBeginAnew) {
  MaskedDedupe dedupe = *MaskedDedupe::Create({}, 1);
  dedupe.StartBatch();
  EXPECT_EQ(dedupe.Fresh(0, 1), 1);
  MaskedDedupePeer::SkipTo(kLastGeneration - 1, dedupe);
  for (int batch = 0; batch < 3; ++batch) {
    dedupe.StartBatch();
    if (batch > 0) {
      EXPECT_EQ(dedupe.Fresh(0, 1), 1);
      EXPECT_EQ(dedupe.Fresh(0, 1), 0);
    }
  }
}

}  // namespace
}  // namespace rct
