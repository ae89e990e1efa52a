#include "traversal/block/box_searcher.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/matrix.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/simd_routines.h"
#include "metric/test_data.h"
#include "traversal/block/box_routines.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/exhaustive/test_exhaustive.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

std::shared_ptr<const EuclideanDistance> MakeMetric(
    Matrix<double> points, const SimdRoutines& simd = BestSimdRoutines()) {
  return std::make_shared<const EuclideanDistance>(
      EuclideanPoints{std::move(points)}, simd);
}

class BoxSearcherSetsTest : public testing::TestWithParam<std::string> {};

// Sizes at which leaves and levels are full, begin or end.
TEST_P(BoxSearcherSetsTest, IsExhaustiveSearch) {
  for (const int64_t n : {1, 16, 17, 129, 1025}) {
    for (const int dim : {1, 2, 3, 9}) {
      SCOPED_TRACE(testing::Message() << n << " x " << dim);
      const auto metric = MakeMetric(MakePoints(GetParam(), n, dim, dim));
      ExpectExhaustive(metric, *BoxSearcher::Create(*metric, 2),
                       {7, 1, n < 200 ? n + 1 : 40});
      if (HasFatalFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PointSets, BoxSearcherSetsTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

TEST(BoxSearcherTest, LooksAtFewPoints) {
  constexpr int64_t n = 20'000;
  const auto metric = MakeMetric(MakePoints("cube", n, 2, 1));
  const auto searcher = BoxSearcher::Create(*metric, 2);
  const auto evaluations = [&](bool predecessor) {
    return searcher
        ->SearchRows(AllRows(n), {.k = 10, .predecessor = predecessor})
        .counters.distance_evaluations();
  };
  EXPECT_LT(evaluations(false), n * 60);
  EXPECT_LT(evaluations(true), n * 200);
}

TEST(BoxSearcherTest, SameBitsAndWorkForEachInstructionSet) {
  const Matrix<double> points = MakePoints("normal", 3000, 3, 1);
  const auto best = BoxSearcher::Create(*MakeMetric(points.Clone()), 1)
                        ->SearchRows(AllRows(3000), {.k = 10});
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    const SimdRoutines* const simd = SimdRoutinesFor(isa);
    if (simd == nullptr) continue;
    const auto result =
        BoxSearcher::Create(*MakeMetric(points.Clone(), *simd), 1)
            ->SearchRows(AllRows(3000), {.k = 10});
    EXPECT_EQ(result.neighbors.Digest(), best.neighbors.Digest());
    EXPECT_EQ(result.counters.SerializeAsString(),
              best.counters.SerializeAsString());
  }
}

TEST(BoxSearcherTest, Telemetry) {
  const auto metric = MakeMetric(MakePoints("normal", 1000, 2, 1));
  const auto searcher = BoxSearcher::Create(*metric, 1);
  const auto result =
      searcher->SearchRows(AllRows(1000), {.k = 5, .telemetry = true});
  ASSERT_EQ(result.trace.levels.size(), 1);
  EXPECT_EQ(result.trace.levels[0].evaluations,
            result.counters.distance_evaluations());
  EXPECT_GT(result.trace.descent_seconds, 0);
  EXPECT_TRUE(searcher->SearchRows(AllRows(10), {.k = 5}).trace.levels.empty());
}

// The bound of a box is at most the computed squared distance of any point in
// it, bit for bit, and is that of the nearest point where this is a corner.
TEST(BoxRoutinesTest, BoundsHoldBitForBit) {
  const Matrix<double> points = MakePoints("scales", kBoxLeaf, 3, 5);
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    const BoxRoutines* const routines = BoxRoutinesFor(isa);
    if (routines == nullptr) continue;
    for (int corner = 0; corner < kBoxFan; ++corner) {
      // Boxes of which each is a point and the next ones.
      double boxes[3 * 2 * kBoxFan], leaf[4 * kBoxLeaf];
      for (int t = 0; t < 3; ++t) {
        for (int b = 0; b < kBoxFan; ++b) {
          double low = points(b, t), high = low;
          for (int i = b; i <= b + corner; ++i) {
            low = std::fmin(low, points(i, t));
            high = std::fmax(high, points(i, t));
          }
          boxes[2 * kBoxFan * t + b] = low;
          boxes[2 * kBoxFan * t + kBoxFan + b] = high;
        }
        for (int i = 0; i < kBoxLeaf; ++i) {
          leaf[kBoxLeaf * t + i] = points(i, t);
        }
      }
      for (int i = 0; i < kBoxLeaf; ++i) leaf[3 * kBoxLeaf + i] = i;
      const Matrix<double> queries = MakePoints("normal", 50, 3, corner);
      for (int64_t q = 0; q < queries.rows(); ++q) {
        double bound[kBoxFan], squared[kBoxLeaf];
        routines->boxes(queries.row(q), 3, boxes, 1, bound);
        const LeafHits hits =
            routines->points(queries.row(q), 3, leaf, 1, 11, squared);
        int later = 0;
        for (int i = 0; i < kBoxLeaf; ++i) {
          double expected = 0;
          for (int t = 0; t < 3; ++t) {
            const double difference = queries(q, t) - points(i, t);
            expected = std::fma(difference, difference, expected);
          }
          ASSERT_EQ(squared[i], expected);
          ASSERT_EQ(hits.near >> i & 1, expected <= 1 && i <= 11);
          later += expected <= 1 && i > 11;
        }
        EXPECT_EQ(hits.later, later);
        for (int b = 0; b < kBoxFan; ++b) {
          for (int i = b; i <= b + corner; ++i) {
            ASSERT_LE(bound[b], squared[i]);
          }
          if (corner == 0) {
            ASSERT_EQ(bound[b], squared[b]);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace rct
