#include "traversal/kept_routines.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/isa.h"

namespace rct {
namespace {

std::vector<float> Uniform(int64_t count, double low, double high,
                           uint64_t seed) {
  RandomStream random(seed, 0);
  std::vector<float> values(count);
  for (float& x : values) {
    x = static_cast<float>(low + (high - low) * random.Uniform());
  }
  return values;
}

class KeptRoutinesTest : public testing::TestWithParam<Isa> {
 protected:
  const KeptRoutines& routines() const { return *KeptRoutinesFor(GetParam()); }
  const KeptRoutines& scalar() const { return *KeptRoutinesFor(Isa::kScalar); }
};

TEST_P(KeptRoutinesTest, DropsTheSecondOfThree) {
  float upper[kKeptPadding] = {0.9f, 0.3f, 0.5f};
  float lower[kKeptPadding] = {0.8f, 0.2f, 0.1f};
  int32_t row[kKeptPadding] = {7, 8, 9};
  KeptList list = {upper, lower, row, 3, 0};
  routines().drop_below(0.5f, list);
  EXPECT_EQ(list.size, 2);
  EXPECT_EQ(row[1], 9);
}

TEST_P(KeptRoutinesTest, ThresholdIsReachedByEnoughAndNearTheLast) {
  for (const int count : {1, 15, 16, 17, 200}) {
    std::vector<float> values = Uniform(count + kKeptPadding, -0.2, 1, count);
    std::vector<float> sorted(values.begin(), values.begin() + count);
    std::sort(sorted.rbegin(), sorted.rend());
    for (const int wanted : {1, 10, count}) {
      for (const float least : {0.0f, 0.5f}) {
        const float found =
            routines().threshold(values.data(), count, wanted, least);
        EXPECT_EQ(found,
                  scalar().threshold(values.data(), count, wanted, least));
        if (wanted > count || sorted[wanted - 1] < least) {
          EXPECT_EQ(found, -std::numeric_limits<float>::infinity());
        } else {
          EXPECT_LE(found, sorted[wanted - 1]);
          EXPECT_GE(found, sorted[wanted - 1] - 0x1p-12f);
        }
      }
    }
  }
}

TEST_P(KeptRoutinesTest, DropsWhatIsBelow) {
  for (const int count : {0, 1, 16, 17, 100}) {
    std::vector<float> upper = Uniform(count + kKeptPadding, 0, 1, count);
    const std::vector<float> before = upper;
    std::vector<float> lower(upper.size());
    std::vector<int32_t> row(upper.size());
    for (int j = 0; j < count; ++j) {
      lower[j] = -upper[j];
      row[j] = j;
    }
    KeptList list = {upper.data(), lower.data(), row.data(), count, 0};
    routines().drop_below(0.4f, list);
    int next = 0;
    for (int j = 0; j < count; ++j) {
      if (before[j] < 0.4f) continue;
      ASSERT_LT(next, list.size);
      EXPECT_EQ(list.row[next], j);
      EXPECT_EQ(list.upper[next], before[j]);
      EXPECT_EQ(list.lower[next], -before[j]);
      ++next;
    }
    EXPECT_EQ(next, list.size);
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, KeptRoutinesTest,
                         testing::ValuesIn(AvailableIsas()),
                         [](const auto& info) {
                           return std::string(IsaName(info.param));
                         });

}  // namespace
}  // namespace rct
