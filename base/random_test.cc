#include "base/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <set>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Statistics are held to five standard deviations: with fixed seeds they pass
// or fail for good, and a true law fails one of them in 1.7 million.
constexpr double kDeviations = 5.0;

// Expects `count` of `draws` to be plausible for events of probability p.
void ExpectCount(int64_t count, int64_t draws, double p) {
  const double mean = p * static_cast<double>(draws);
  EXPECT_NEAR(static_cast<double>(count), mean,
              kDeviations * std::sqrt(mean * (1 - p)))
      << "of probability " << p;
}

// The Kolmogorov-Smirnov statistic: sqrt(n) times the largest distance between
// the sample's distribution function and `cdf`. Above 2 with probability
// 2 exp(-8) = 7e-4 if the sample follows cdf.
template <class Cdf>
double KolmogorovSmirnov(std::vector<double> sample, Cdf cdf) {
  std::sort(sample.begin(), sample.end());
  const double n = static_cast<double>(sample.size());
  double largest = 0;
  for (size_t i = 0; i < sample.size(); ++i) {
    const double expected = cdf(sample[i]);
    largest = std::max({largest, expected - static_cast<double>(i) / n,
                        static_cast<double>(i + 1) / n - expected});
  }
  return std::sqrt(n) * largest;
}

TEST(RandomStreamTest, Example) {
  RandomStream stream(/*seed=*/7, /*stream=*/0);
  RandomStream replay = stream;
  const uint64_t die = 1 + stream.UniformBelow(6);
  EXPECT_LE(die, 6u);
  EXPECT_EQ(die, 1 + replay.UniformBelow(6));
  EXPECT_EQ(stream.Normal(), replay.Normal());
}

TEST(RandomStreamTest, GoldenWords) {
  // Random123's known answer for a zero key and counter, and the words after
  // it, which NumPy's Philox gives too.
  RandomStream zero(0, 0);
  EXPECT_EQ(zero.Next64(), 0x16554d9eca36314c);
  EXPECT_EQ(zero.Next64(), 0xdb20fe9d672d0fdc);
  EXPECT_EQ(zero.Next64(), 0xd7e772cee186176b);
  EXPECT_EQ(zero.Next64(), 0x7e68b68aec7ba23b);
  EXPECT_EQ(zero.Next64(), 0x02f4ba6408e4d89b);
  // NumPy's Philox with key = [1, 2].
  RandomStream keyed(1, 2);
  EXPECT_EQ(keyed.Next64(), 0x46fdf329c224985e);
  EXPECT_EQ(keyed.Next64(), 0x49ebd8a28e9ec134);
  EXPECT_EQ(keyed.Next64(), 0x528e3ef07e630d40);
  EXPECT_EQ(keyed.Next64(), 0x69a57877b5c520c8);
  EXPECT_EQ(keyed.Next64(), 0x4f2f4313b5536b09);
}

TEST(RandomStreamTest, GoldenDistributions) {
  RandomStream uniform(42, 7);
  EXPECT_EQ(uniform.Uniform(), 0x1.7e8de06964348p-3);
  EXPECT_EQ(uniform.Uniform(), 0x1.1dc2fecf4a937p-1);
  RandomStream below(42, 7);
  EXPECT_EQ(below.UniformBelow(1000), 186u);
  EXPECT_EQ(below.UniformBelow(1000), 558u);
  RandomStream normal(42, 7);
  EXPECT_EQ(normal.Normal(), -0x1.bdce1f847e7d8p-4);
  EXPECT_EQ(normal.Normal(), -0x1.3f6f24d3a8606p-2);
  EXPECT_EQ(normal.Normal(), -0x1.0d7698e621366p-2);
  RandomStream sample(42, 7);
  EXPECT_THAT(SampleWithoutReplacement(100, 6, sample),
              ElementsAre(10, 17, 53, 64, 86, 88));
  RandomStream shuffle(42, 7);
  std::vector<int> values = {0, 1, 2, 3, 4, 5, 6, 7};
  Shuffle(absl::MakeSpan(values), shuffle);
  EXPECT_THAT(values, ElementsAre(5, 7, 6, 2, 4, 0, 3, 1));
}

TEST(RandomStreamTest, GoldenSequenceOfNormals) {
  // Any change of the arithmetic shows somewhere in a long sequence.
  RandomStream stream(42, 8);
  uint64_t digest = 0;
  for (int i = 0; i < 100000; ++i) {
    digest = 31 * digest + std::bit_cast<uint64_t>(stream.Normal());
  }
  EXPECT_EQ(digest, 10367429062742774263u);
}

TEST(RandomStreamTest, CopiesReplay) {
  RandomStream stream(3, 4);
  for (int i = 0; i < 7; ++i) stream.Next64();
  RandomStream copy = stream;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(stream.Next64(), copy.Next64());
}

TEST(RandomStreamTest, StreamsDiffer) {
  std::set<uint64_t> words;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    for (uint64_t stream = 0; stream < 50; ++stream) {
      RandomStream random(seed, stream);
      for (int i = 0; i < 8; ++i) words.insert(random.Next64());
    }
  }
  EXPECT_EQ(words.size(), 50u * 50u * 8u);
}

TEST(RandomStreamTest, NeighboringStreamsAreUncorrelated) {
  RandomStream a(5, 0), b(5, 1);
  constexpr int kDraws = 100000;
  int64_t equal_bits = 0;
  for (int i = 0; i < kDraws; ++i) {
    equal_bits += 64 - __builtin_popcountll(a.Next64() ^ b.Next64());
  }
  ExpectCount(equal_bits, 64 * kDraws, 0.5);
}

TEST(UniformTest, IsUniform) {
  RandomStream stream(11, 0);
  std::vector<double> sample(100000);
  for (double& x : sample) {
    x = stream.Uniform();
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    ASSERT_EQ(std::ldexp(x, 53), std::floor(std::ldexp(x, 53)));
  }
  EXPECT_LT(KolmogorovSmirnov(sample, [](double x) { return x; }), 2.0);
}

TEST(UniformBelowTest, SmallRanges) {
  RandomStream stream(12, 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(stream.UniformBelow(1), 0u);
  constexpr int64_t kDraws = 70000;
  std::vector<int64_t> counts(7);
  for (int64_t i = 0; i < kDraws; ++i) ++counts.at(stream.UniformBelow(7));
  for (const int64_t count : counts) ExpectCount(count, kDraws, 1.0 / 7);
}

TEST(UniformBelowTest, LargeRangesHaveNoBias) {
  // Without rejection a third of these answers would come up twice as often as
  // the others.
  constexpr uint64_t kThird = uint64_t{1} << 62;
  RandomStream stream(13, 0);
  constexpr int64_t kDraws = 30000;
  std::vector<int64_t> counts(3), odd(2);
  for (int64_t i = 0; i < kDraws; ++i) {
    const uint64_t draw = stream.UniformBelow(3 * kThird);
    ++counts.at(draw / kThird);
    ++odd[draw % 3 == 0];
  }
  for (const int64_t count : counts) ExpectCount(count, kDraws, 1.0 / 3);
  ExpectCount(odd[1], kDraws, 1.0 / 3);
  EXPECT_LE(RandomStream(14, 0).UniformBelow(~uint64_t{0}), ~uint64_t{1});
}

TEST(UniformBelowDeathTest, NothingToChooseFrom) {
  EXPECT_DEATH(RandomStream(1, 1).UniformBelow(0), "check failed: n > 0");
}

TEST(NormalTest, FollowsTheNormalLaw) {
  RandomStream stream(15, 0);
  std::vector<double> sample(1000000);
  for (double& x : sample) x = stream.Normal();
  const auto cdf = [](double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; };
  EXPECT_LT(KolmogorovSmirnov(sample, cdf), 2.0);
  // A law that is wrong by 1 % in scale would not get past that.
  std::vector<double> scaled = sample;
  for (double& x : scaled) x *= 1.01;
  EXPECT_GT(KolmogorovSmirnov(scaled, cdf), 2.0);
}

TEST(NormalTest, MomentsAndTails) {
  // Moments 1, 2, 3, 4, and the variances of x^1, ..., x^4.
  const std::vector<double> means = {0, 1, 0, 3};
  const std::vector<double> variances = {1, 2, 15, 96};
  const std::vector<double> bounds = {1, 2, 3, 4};
  constexpr int64_t kDraws = 1000000;
  std::vector<double> sums(4);
  std::vector<int64_t> beyond(4);
  RandomStream stream(16, 0);
  for (int64_t i = 0; i < kDraws; ++i) {
    const double x = stream.Normal();
    double power = 1;
    for (int m = 0; m < 4; ++m) {
      power *= x;
      sums[m] += power;
      beyond[m] += std::abs(x) > bounds[m];
    }
  }
  for (int m = 0; m < 4; ++m) {
    EXPECT_NEAR(sums[m] / kDraws, means[m],
                kDeviations * std::sqrt(variances[m] / kDraws))
        << "moment " << m + 1;
    ExpectCount(beyond[m], kDraws, std::erfc(bounds[m] / std::sqrt(2.0)));
  }
}

TEST(NormalTest, NeighborsAreIndependent) {
  RandomStream stream(17, 0);
  constexpr int kDraws = 100000;
  double before = stream.Normal();
  double products = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = stream.Normal();
    products += x * before;
    before = x;
  }
  EXPECT_NEAR(products / kDraws, 0, kDeviations / std::sqrt(kDraws));
}

TEST(SampleTest, IsSortedAndDistinct) {
  RandomStream stream(18, 0);
  EXPECT_THAT(SampleWithoutReplacement(0, 0, stream), IsEmpty());
  EXPECT_THAT(SampleWithoutReplacement(9, 0, stream), IsEmpty());
  EXPECT_THAT(SampleWithoutReplacement(4, 4, stream), ElementsAre(0, 1, 2, 3));
  constexpr int64_t kRange = int64_t{1} << 62;
  const std::vector<int64_t> sample =
      SampleWithoutReplacement(kRange, 1000, stream);
  ASSERT_EQ(sample.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(sample.begin(), sample.end()));
  EXPECT_EQ(std::adjacent_find(sample.begin(), sample.end()), sample.end());
  EXPECT_GE(sample.front(), 0);
  EXPECT_LT(sample.back(), kRange);
}

TEST(SampleTest, EverySetIsEquallyLikely) {
  RandomStream stream(19, 0);
  constexpr int64_t kDraws = 20000;
  std::vector<int64_t> counts(32);  // By the bits of the set.
  for (int64_t i = 0; i < kDraws; ++i) {
    int set = 0;
    for (const int64_t x : SampleWithoutReplacement(5, 3, stream)) {
      set |= 1 << x;
    }
    ++counts.at(set);
  }
  for (int set = 0; set < 32; ++set) {
    if (__builtin_popcount(set) == 3) {
      ExpectCount(counts[set], kDraws, 0.1);
    } else {
      EXPECT_EQ(counts[set], 0);
    }
  }
}

TEST(SampleDeathTest, MoreThanThereAre) {
  RandomStream stream(20, 0);
  EXPECT_DEATH(SampleWithoutReplacement(3, 4, stream), "count <= n");
  EXPECT_DEATH(SampleWithoutReplacement(3, -1, stream), "0 <= count");
}

TEST(ShuffleTest, EveryOrderIsEquallyLikely) {
  RandomStream stream(21, 0);
  constexpr int64_t kDraws = 24000;
  std::vector<int64_t> counts(4 * 4 * 4 * 4);
  for (int64_t i = 0; i < kDraws; ++i) {
    std::vector<int> values = {0, 1, 2, 3};
    Shuffle(absl::MakeSpan(values), stream);
    int code = 0;
    for (const int x : values) code = 4 * code + x;
    ++counts.at(code);
  }
  int orders = 0;
  for (const int64_t count : counts) {
    if (count == 0) continue;
    ++orders;
    ExpectCount(count, kDraws, 1.0 / 24);
  }
  EXPECT_EQ(orders, 24);
  Shuffle(absl::Span<int>(), stream);
}

}  // namespace
}  // namespace rct
