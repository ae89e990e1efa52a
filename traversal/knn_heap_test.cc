#include "traversal/knn_heap.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/tile.h"
#include "traversal/allocation_counter.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

using testing::ElementsAre;

using Offer = std::pair<double, int64_t>;  // squared distance, row

// As a search does it: what is above the threshold is never offered.
NeighborTable Collect(KnnHeap& heap, const std::vector<Offer>& offers,
                      int64_t k) {
  heap.Reset(k);
  for (const auto& [squared, row] : offers) {
    if (squared <= heap.threshold()) heap.Offer(squared, row);
  }
  NeighborTable table(1, k);
  heap.MoveTo(table, 0);
  return table;
}

NeighborTable Collect(const std::vector<Offer>& offers, int64_t k) {
  KnnHeap heap;
  return Collect(heap, offers, k);
}

// From the definition.
NeighborTable Sorted(std::vector<Offer> offers, int64_t k) {
  for (Offer& offer : offers) {
    offer.first = offer.first > 0 ? std::sqrt(offer.first) : 0.0;
  }
  std::sort(offers.begin(), offers.end());
  offers.resize(std::min<size_t>(offers.size(), k));
  NeighborTable table(1, k);
  for (size_t j = 0; j < offers.size(); ++j) {
    table.distances()(0, j) = offers[j].first;
    table.rows()(0, j) = offers[j].second;
  }
  return table;
}

std::vector<int64_t> Rows(const NeighborTable& table) {
  return {table.rows().row(0), table.rows().row(0) + table.k()};
}

// Neighboring doubles with one square root, the smaller at or above `start`.
std::pair<double, double> MergingSquares(double start) {
  double low = start;
  while (true) {
    const double high = std::nextafter(low, 2.0);
    if (std::sqrt(low) == std::sqrt(high)) return {low, high};
    low = high;
  }
}

TEST(KnnHeapTest, AnyOrderOfOffersGivesTheSameTable) {
  RandomStream random(1, 0);
  KnnHeap heap;  // reused, with k that grow and shrink
  for (int round = 0; round < 200; ++round) {
    const int64_t n = random.UniformBelow(60);
    std::vector<Offer> offers;
    for (int64_t row = 0; row < n; ++row) {
      // Many ties, some below zero, and the point itself.
      const double squared =
          row == 17
              ? kSelf
              : 0.125 * static_cast<double>(random.UniformBelow(9)) - 0x1p-53;
      offers.emplace_back(squared, row);
    }
    for (const int64_t k : {1, 2, 7, 30, 80}) {
      const std::string expected = Sorted(offers, k).Digest();
      for (int order = 0; order < 4; ++order) {
        Shuffle(absl::MakeSpan(offers), random);
        EXPECT_EQ(Collect(heap, offers, k).Digest(), expected)
            << n << " offers, k = " << k;
      }
    }
  }
}

TEST(KnnHeapTest, TiesGoToTheSmallerRow) {
  std::vector<Offer> offers = {{0.5, 4}, {0.5, 2}, {0.5, 9}, {0.25, 7}};
  std::sort(offers.begin(), offers.end());
  do {
    EXPECT_THAT(Rows(Collect(offers, 3)), ElementsAre(7, 2, 4));
  } while (std::next_permutation(offers.begin(), offers.end()));
}

// Two squared distances that differ, one distance: the row decides, even where
// the smaller row has the larger square and that square comes last.
TEST(KnnHeapTest, TiesAreThoseOfTheDistance) {
  for (const double start : {0.251, 0.3, 0.7, 0.99, 1e-3, 1e-12, 1e-300}) {
    const auto [low, high] = MergingSquares(start);
    ASSERT_LT(low, high);
    std::vector<Offer> offers = {{low / 2, 9}, {low, 7}, {high, 3}};
    std::sort(offers.begin(), offers.end());
    do {
      EXPECT_THAT(Rows(Collect(offers, 2)), ElementsAre(9, 3)) << low;
      EXPECT_THAT(Rows(Collect(offers, 3)), ElementsAre(9, 3, 7)) << low;
    } while (std::next_permutation(offers.begin(), offers.end()));
  }
}

TEST(KnnHeapTest, ThresholdAdmitsAllThatMayEnter) {
  RandomStream random(2, 0);
  std::vector<double> squares = {0,
                                 std::numeric_limits<double>::denorm_min(),
                                 std::numeric_limits<double>::min(),
                                 1,
                                 1e300,
                                 std::numeric_limits<double>::max(),
                                 std::numeric_limits<double>::infinity()};
  for (int i = 0; i < 20'000; ++i) {
    const int exponent = -static_cast<int>(random.UniformBelow(1080));
    squares.push_back(std::ldexp(random.Uniform(), exponent));
  }
  KnnHeap heap;
  for (const double squared : squares) {
    heap.Reset(1);
    EXPECT_EQ(heap.threshold(), std::numeric_limits<double>::infinity());
    heap.Offer(squared, 5);
    // The largest square with the same root, at most a few steps away.
    double largest = squared;
    for (int step = 0; step < 4; ++step) {
      const double next =
          std::nextafter(largest, std::numeric_limits<double>::infinity());
      if (std::sqrt(next) == std::sqrt(squared)) largest = next;
    }
    ASSERT_LE(largest, heap.threshold()) << squared;
  }
}

TEST(KnnHeapTest, ThresholdIsTight) {
  KnnHeap heap;
  heap.Reset(1);
  heap.Offer(0.5, 5);
  EXPECT_LE(heap.threshold(), 0.5 * (1 + 1e-14));
  heap.Reset(1);
  heap.Offer(kSelf, 5);
  EXPECT_EQ(heap.threshold(), 0);
}

TEST(KnnHeapTest, WhatIsBelowZeroIsZero) {
  const NeighborTable table = Collect(
      {{0x1p-60, 0}, {-0x1p-53, 8}, {0.0, 6}, {kSelf, 7}, {-0.0, 5}}, 5);
  EXPECT_THAT(Rows(table), ElementsAre(5, 6, 7, 8, 0));
  for (int64_t j = 0; j < 4; ++j) {
    EXPECT_EQ(table.distances()(0, j), 0);
    EXPECT_FALSE(std::signbit(table.distances()(0, j)));
  }
  EXPECT_EQ(table.distances()(0, 4), 0x1p-30);
}

TEST(KnnHeapTest, FewerOffersThanKArePadded) {
  KnnHeap heap;
  heap.Reset(5);
  heap.Offer(0.25, 1);
  heap.Offer(1e30, 0);
  EXPECT_FALSE(heap.full());
  EXPECT_EQ(heap.threshold(), std::numeric_limits<double>::infinity());
  NeighborTable table(2, 5);
  heap.MoveTo(table, 1);
  EXPECT_EQ(table.count(0), 0);
  EXPECT_EQ(table.count(1), 2);
  EXPECT_EQ(table.rows()(1, 0), 1);
  EXPECT_EQ(table.distances()(1, 1), 1e15);
  // MoveTo has emptied it.
  NeighborTable second(1, 5);
  heap.MoveTo(second, 0);
  EXPECT_EQ(second.count(0), 0);
}

TEST(KnnHeapTest, WantsKPairsAndNoMore) {
  std::vector<Offer> offers;
  for (int64_t row = 0; row < 10; ++row) {
    offers.emplace_back(static_cast<double>(row), row);
  }
  EXPECT_THAT(Rows(Collect(offers, 1)), ElementsAre(0));
  EXPECT_EQ(Collect(offers, 10).count(0), 10);
  EXPECT_EQ(Collect({}, 3).count(0), 0);
}

// What enters is decided by the distance, to the last bit: the largest square
// within a radius is admitted, the next one is not, whether or not there are k.
TEST(KnnHeapTest, StrictlyWithinTheRadius) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  RandomStream random(4, 0);
  std::vector<double> radii = {std::numeric_limits<double>::denorm_min(),
                               std::numeric_limits<double>::min(),
                               0x1p-537,
                               1e-170,
                               1,
                               1e100,
                               1e200,
                               std::numeric_limits<double>::max()};
  for (int i = 0; i < 2000; ++i) {
    radii.push_back(std::ldexp(random.Uniform(),
                               -static_cast<int>(random.UniformBelow(600))));
  }
  KnnHeap heap;
  for (const double radius : radii) {
    if (radius == 0) continue;
    heap.Reset(2, radius);
    const double limit = heap.threshold();
    ASSERT_LT(FinalDistance(limit), radius);
    ASSERT_GE(FinalDistance(std::nextafter(limit, kInfinity)), radius);
    heap.Offer(limit, 5);
    EXPECT_EQ(heap.threshold(), limit);
    heap.Offer(limit, 6);
    EXPECT_LE(heap.threshold(), limit) << radius;
  }
}

TEST(KnnHeapTest, AnInfiniteRadiusIsNoLimit) {
  KnnHeap heap;
  heap.Reset(2, std::numeric_limits<double>::infinity());
  EXPECT_EQ(heap.threshold(), std::numeric_limits<double>::infinity());
}

// Each offer is nearer than all before it, the most expensive order. Work in
// proportion to k for each of them would take minutes, and time out.
TEST(KnnHeapTest, LargeK) {
  constexpr int64_t kOffers = 400'000;
  constexpr int64_t kNeighbors = 100'000;
  std::vector<Offer> offers;
  for (int64_t row = 0; row < kOffers; ++row) {
    offers.emplace_back(static_cast<double>(kOffers - row), row);
  }
  const NeighborTable table = Collect(offers, kNeighbors);
  ASSERT_EQ(table.count(0), kNeighbors);
  for (int64_t j = 0; j < kNeighbors; ++j) {
    ASSERT_EQ(table.rows()(0, j), kOffers - 1 - j);
  }
}

TEST(KnnHeapTest, AllocatesInResetAlone) {
  RandomStream random(3, 0);
  KnnHeap heap;
  NeighborTable table(1, 500);
  const int64_t before = AllocationCount();
  heap.Reset(500);
  const int64_t after_reset = AllocationCount();
  EXPECT_EQ(after_reset, before + 1);
  for (const int64_t k : {500, 20, 499, 500}) {
    heap.Reset(k);
    for (int64_t row = 0; row < 2000; ++row) {
      heap.Offer(random.Uniform(), row);
    }
    heap.MoveTo(table, 0);
  }
  EXPECT_EQ(AllocationCount(), after_reset);
}

}  // namespace
}  // namespace rct
