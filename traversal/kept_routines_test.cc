#include "traversal/kept_routines.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/isa.h"
#include "metric/tile.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"

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

TEST_P(KeptRoutinesTest, ChoosesTheBestAndThenThoseThatReachTheta) {
  float upper[kKeptPadding] = {0.9f, 0.3f, 0.5f, 0.8f};
  float lower[kKeptPadding] = {0.7f, 0.1f, 0.3f, 0.0f};
  int32_t row[kKeptPadding] = {7, 8, 9, 6};
  const KeptList list = {upper, lower, row, 4, 0};
  float middle[kKeptPadding];
  routines().middles(list, middle);
  EXPECT_FLOAT_EQ(middle[2], 0.4f);
  int32_t chosen[2 * kKeptPadding];
  ASSERT_EQ(routines().choose(list, middle, /*best=*/0.6f, chosen), 1);
  EXPECT_EQ(chosen[0], 7);
  ASSERT_EQ(
      routines().choose_others(list, middle, 0.6f, /*theta=*/0.5f, chosen), 2);
  EXPECT_EQ(chosen[0], 9);
  EXPECT_EQ(chosen[1], 6);
}

TEST_P(KeptRoutinesTest, ChoosesEachCandidateOnceAtMost) {
  for (const int count : {0, 1, 16, 17, 100}) {
    std::vector<float> upper = Uniform(count + kKeptPadding, 0, 1, count);
    std::vector<float> lower = Uniform(count + kKeptPadding, -1, 0, count + 1);
    std::vector<int32_t> row(upper.size());
    for (int j = 0; j < count; ++j) row[j] = 3 * j;
    const KeptList list = {upper.data(), lower.data(), row.data(), count, 0};
    std::vector<float> middle(upper.size());
    routines().middles(list, middle.data());
    std::vector<int32_t> best(upper.size() + kKeptPadding);
    std::vector<int32_t> others(best.size());
    const int num_best =
        routines().choose(list, middle.data(), 0.1f, best.data());
    const int num_others = routines().choose_others(list, middle.data(), 0.1f,
                                                    0.5f, others.data());
    std::vector<int32_t> expected_best, expected_others;
    for (int j = 0; j < count; ++j) {
      EXPECT_EQ(middle[j], 0.5f * (upper[j] + lower[j]));
      if (middle[j] >= 0.1f) {
        expected_best.push_back(row[j]);
      } else if (upper[j] >= 0.5f) {
        expected_others.push_back(row[j]);
      }
    }
    best.resize(num_best);
    others.resize(num_others);
    EXPECT_EQ(best, expected_best);
    EXPECT_EQ(others, expected_others);
  }
}

// A pair whose middle is no number is never among the best.
TEST_P(KeptRoutinesTest, AMiddleThatIsNoNumberIsAnother) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float upper[kKeptPadding] = {kInfinity};
  float lower[kKeptPadding] = {-kInfinity};
  int32_t row[kKeptPadding] = {5};
  const KeptList list = {upper, lower, row, 1, 0};
  float middle[kKeptPadding];
  routines().middles(list, middle);
  int32_t chosen[2 * kKeptPadding];
  EXPECT_EQ(routines().choose(list, middle, 0, chosen), 0);
  EXPECT_EQ(routines().choose_others(list, middle, 0, 0.9f, chosen), 1);
}

// The order is that of KnnHeap, whatever is tied, at distance 0 or beyond the
// limit, and no number counts that is none.
TEST_P(KeptRoutinesTest, SharesTheRowsOfBoth) {
  RandomStream random(5, 0);
  for (const int count_a : {0, 1, 15, 16, 17, 52, 128}) {
    for (const int count_b : {0, 1, 15, 16, 17, 52, 128}) {
      for (const int range : {130, 400}) {
        // Beyond the last row both have what must not count: rows of the other.
        std::vector<int32_t> all(range), a, b;
        std::iota(all.begin(), all.end(), 0);
        for (std::vector<int32_t>* some : {&a, &b}) {
          for (int i = 0; i < range; ++i) {
            std::swap(all[i], all[random.UniformBelow(range)]);
          }
          some->assign(all.begin(), all.begin() + 128);
        }
        for (int i = count_a; i < 128; ++i) a[i] = count_b > 0 ? b[0] : 7;
        for (int i = count_b; i < 128; ++i) b[i] = count_a > 0 ? a[0] : 7;
        a.resize(128 + kKeptPadding, a[0]);
        b.resize(128 + kKeptPadding, a[0]);
        std::vector<int32_t> both, only_a, only_b;
        const auto has = [](const std::vector<int32_t>& rows, int count,
                            int32_t row) {
          return std::find(rows.begin(), rows.begin() + count, row) !=
                 rows.begin() + count;
        };
        for (int i = 0; i < count_a; ++i) {
          (has(b, count_b, a[i]) ? both : only_a).push_back(a[i]);
        }
        for (int i = 0; i < count_b; ++i) {
          if (!has(a, count_a, b[i])) only_b.push_back(b[i]);
        }
        std::vector<int32_t> found(128 + kKeptPadding), of_a = found,
                                                        of_b = found;
        const int shared =
            routines().share(a.data(), count_a, b.data(), count_b, found.data(),
                             of_a.data(), of_b.data());
        ASSERT_EQ(shared, std::ssize(both));
        found.resize(shared);
        of_a.resize(count_a - shared);
        of_b.resize(count_b - shared);
        EXPECT_EQ(found, both);
        EXPECT_EQ(of_a, only_a);
        EXPECT_EQ(of_b, only_b);
      }
    }
  }
}

TEST_P(KeptRoutinesTest, NearestAreThoseOfTheHeap) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  RandomStream random(5, 0);
  for (const int count : {0, 1, 7, 8, 31, 32, 33, 64, 100, kMaxRanked}) {
    for (const int values : {1, 3, 1000000}) {
      std::vector<double> squared(count + 8, 0.0);
      std::vector<int32_t> row(count);
      for (int j = 0; j < count; ++j) {
        squared[j] = static_cast<double>(random.UniformBelow(values)) /
                         static_cast<double>(values) -
                     0.25;
        row[j] = (j * 37 + 11) % 1009;
      }
      if (count > 3) squared[3] = kNan;
      if (count > 4) squared[4] = kSelf;
      for (const double radius :
           {0.5, std::numeric_limits<double>::infinity()}) {
        for (const int k : {1, 5, 50, 200}) {
          KnnHeap heap;
          heap.Reset(k, radius);
          for (int j = 0; j < count; ++j) {
            if (squared[j] <= heap.threshold()) heap.Offer(squared[j], row[j]);
          }
          NeighborTable expected(1, k);
          heap.MoveTo(expected, 0);
          NeighborTable found(1, k);
          const int number = routines().nearest(
              squared.data(), row.data(), count, LargestSquaredWithin(radius),
              k, found.rows().row(0), found.distances().row(0));
          EXPECT_EQ(number, expected.count(0));
          EXPECT_EQ(found.Digest(), expected.Digest())
              << count << " " << values << " " << radius << " " << k;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, KeptRoutinesTest,
                         testing::ValuesIn(AvailableIsas()),
                         [](const auto& info) {
                           return std::string(IsaName(info.param));
                         });

}  // namespace
}  // namespace rct
