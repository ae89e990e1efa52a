#include "traversal/kept_candidates.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "metric/tile.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/kept_routines.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using Exhaustive = ExhaustiveSearcher<ResidualCorrelation>;
using Request = KeptCandidates::Request;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Exhaustive MakeSearcher(const std::string& points, int64_t n,
                        KernelConfig::Family family) {
  return Exhaustive(
      MakeTestModel(MakePoints(points, n, 2, 1).view(), family, 8).metric);
}

// |rho| below this has t above `threshold`.
double ThetaOf(double threshold) { return 1 - threshold - 0x1p-50; }

TEST(KeptCandidatesTest, KeepsRaisesAndDrops) {
  const Exhaustive searcher = MakeSearcher("normal", 10, KernelConfig::RBF);
  KeptCandidates kept(searcher, /*num_queries=*/1, /*capacity=*/16, /*k=*/2,
                      /*tile=*/8);
  kept.Add(0, /*row=*/4, /*lower=*/0.5f, /*upper=*/0.6f);
  kept.Add(0, /*row=*/5, /*lower=*/0.1f, /*upper=*/0.2f);
  kept.Add(0, /*row=*/6, /*lower=*/0.3f, /*upper=*/0.9f);
  EXPECT_EQ(kept.KthLower(0), 0.3f);
  kept.DropBelow(0, 0.25f);
  ASSERT_EQ(kept[0].size, 2);
  EXPECT_EQ(kept[0].row[1], 6);
}

// Lists of all lengths up to the capacity, of which many outgrow the room in
// which they begin, keep what was added to them, whatever the others do.
TEST(KeptCandidatesTest, ListsGrowToTheirCapacity) {
  constexpr int kLists = 128;
  constexpr int kCapacity = 3000;
  const Exhaustive searcher = MakeSearcher("normal", 10, KernelConfig::RBF);
  KeptCandidates kept(searcher, kLists, kCapacity, 5, 16);
  RandomStream random(3, 0);
  for (int round = 0; round < 3; ++round) {
    std::vector<int> sizes(kLists);
    for (int i = 0; i < kLists; ++i) {
      kept.Clear(i);
      ASSERT_EQ(kept[i].size, 0);
      sizes[i] = i % 7 == round
                     ? kCapacity
                     : static_cast<int>(random.UniformBelow(kCapacity));
    }
    for (int j = 0; j < kCapacity; ++j) {
      for (int i = 0; i < kLists; ++i) {
        if (j >= sizes[i]) continue;
        if (j % 100 == 0) kept.Reserve(i, std::min(256, kCapacity - j));
        kept.Add(i, 7 * j + i, static_cast<float>(j), static_cast<float>(i));
      }
    }
    for (int i = 0; i < kLists; ++i) {
      ASSERT_EQ(kept[i].size, sizes[i]);
      for (int j = 0; j < sizes[i]; ++j) {
        ASSERT_EQ(kept[i].row[j], 7 * j + i);
        ASSERT_EQ(kept[i].lower[j], static_cast<float>(j));
        ASSERT_EQ(kept[i].upper[j], static_cast<float>(i));
      }
    }
  }
}

TEST(KeptCandidatesTest, AboutIsBelowTheKthAndNear) {
  const Exhaustive searcher = MakeSearcher("normal", 10, KernelConfig::RBF);
  RandomStream random(3, 0);
  for (const int64_t k : {1, 7, 50}) {
    KeptCandidates kept(searcher, 2, 200, k, 8);
    for (int j = 0; j < 150; ++j) {
      const auto lower = static_cast<float>(random.Uniform());
      kept.Add(1, j, lower, lower + 0.1f);
    }
    const float kth = kept.KthLower(1);
    EXPECT_LE(kept.AboutKthLower(1, 0), kth);
    EXPECT_GT(kept.AboutKthLower(1, 0), kth - 0x1p-11f);
    EXPECT_EQ(kept.AboutKthLower(1, 2), -kInfinity);
  }
}

TEST(KeptCandidatesTest, DropsForbiddenOnesFromANumberOn) {
  const Exhaustive searcher = MakeSearcher("normal", 10, KernelConfig::RBF);
  KeptCandidates kept(searcher, 1, 16, 1, 8);
  for (int row = 0; row < 4; ++row) kept.Add(0, row, 0, 1);
  const bool allowed[] = {false, false, true, false};
  kept.DropForbidden(0, 1, allowed);
  ASSERT_EQ(kept[0].size, 2);
  EXPECT_EQ(kept[0].row[0], 0);
  EXPECT_EQ(kept[0].row[1], 2);
}

// Fills list `list` with all points as candidates for row `query`, with bounds
// of any width in any order, and raises theta at any time.
void FillList(const ResidualCorrelation& metric, int32_t query, int64_t k,
              int list, KeptCandidates& kept) {
  const auto size = static_cast<int32_t>(metric.size());
  TileWorkspace workspace(metric.dim(), 1, size);
  std::vector<double> rho(size + 8);
  metric.Correlations(metric.data(), absl::MakeConstSpan(&query, 1),
                      Candidates::Range(0, size), rho.data(), size + 8,
                      workspace);
  RandomStream random(query, 0);
  const double width = query % 3 * 0.02;
  kept.Clear(list);
  for (int64_t j = 0; j < size; ++j) {
    const auto row = static_cast<int32_t>((j * 7 + query) % size);
    if (row == query) {
      kept.Add(list, row, kInfinity, kInfinity);
      continue;
    }
    const double other = std::abs(rho[row]);
    kept.Add(list, row,
             static_cast<float>(other - width * random.Uniform()) - 1e-6f,
             static_cast<float>(other + width * random.Uniform()) + 1e-6f);
    if (kept[list].size >= k && random.Uniform() < 0.1) {
      kept.DropBelow(list, std::min(kept.KthLower(list), 1.0f) - 0x1p-24f);
    }
  }
}

// The answers have the bits of exhaustive search, whether queries are evaluated
// together or not, and whether their candidates fit a tile or not. In every
// kind of point set, ties, duplicates and correlations beyond 1 among them.
TEST(KeptCandidatesTest, AnswersAreExactWhateverTheBounds) {
  constexpr int64_t kSize = 120;
  constexpr int kLists = 3;
  std::vector<int32_t> positions(kSize);
  std::iota(positions.begin(), positions.end(), 0);
  const std::vector<int64_t> rows(positions.begin(), positions.end());
  for (const std::string& name : AdversarialNames()) {
    for (const auto family : {KernelConfig::RBF, KernelConfig::MATERN12}) {
      SCOPED_TRACE(name);
      const Exhaustive searcher = MakeSearcher(name, kSize, family);
      const ResidualCorrelation& metric = searcher.metric();
      for (const int64_t k : {1, 5, 30, 120}) {
        const SearchOptions options = {.k = k};
        const Request request = {metric.data(), metric.data(), positions, rows,
                                 options};
        const std::string expected =
            searcher.SearchRows(rows, options).neighbors.Digest();
        for (const int tile : {16, 128}) {
          KeptCandidates kept(searcher, kLists, kSize, k, tile);
          NeighborTable found(kSize, k);
          for (int32_t query = 0; query < kSize; query += kLists) {
            KeptCandidates::Asked asked[kLists];
            for (int list = 0; list < kLists; ++list) {
              FillList(metric, query + list, k, list, kept);
              asked[list] = {query + list, list};
            }
            kept.EvaluateAll(request, asked, {}, ThetaOf, found);
          }
          EXPECT_EQ(found.Digest(), expected);
        }
      }
    }
  }
}

// Two queries that share candidates evaluate what each would alone.
TEST(KeptCandidatesTest, TogetherTheyEvaluateAsMuchAsAlone) {
  constexpr int64_t kSize = 100;
  const Exhaustive searcher = MakeSearcher("normal", kSize, KernelConfig::RBF);
  const ResidualCorrelation& metric = searcher.metric();
  const std::vector<int32_t> positions = {3, 4};
  const std::vector<int64_t> rows = {3, 4};
  const SearchOptions options = {.k = 10};
  const Request request = {metric.data(), metric.data(), positions, rows,
                           options};
  NeighborTable found(2, 10);
  int64_t evaluations[2];
  for (const bool together : {false, true}) {
    KeptCandidates kept(searcher, 2, kSize, 10, 64);
    for (int q = 0; q < 2; ++q) FillList(metric, positions[q], 10, q, kept);
    if (together) {
      kept.Evaluate(request, {{0, 0}, {1, 1}}, {}, ThetaOf, found);
    } else {
      kept.Evaluate(request, {{0, 0}}, {}, ThetaOf, found);
      kept.Evaluate(request, {{1, 1}}, {}, ThetaOf, found);
    }
    evaluations[static_cast<int>(together)] =
        kept.counters().distance_evaluations();
  }
  EXPECT_EQ(evaluations[0], evaluations[1]);
  EXPECT_GT(evaluations[0], 20);
}

// A last theta that is too large loses neighbors: the test above can fail.
TEST(KeptCandidatesTest, AThetaThatIsTooLargeIsSeen) {
  const Exhaustive searcher = MakeSearcher("normal", 60, KernelConfig::RBF);
  const ResidualCorrelation& metric = searcher.metric();
  KeptCandidates kept(searcher, 1, 64, 5, 16);
  const int32_t position = 0;
  const int64_t row = 0;
  const SearchOptions options = {.k = 5};
  const Request request = {metric.data(), metric.data(),
                           absl::MakeConstSpan(&position, 1),
                           absl::MakeConstSpan(&row, 1), options};
  // Bounds that are true, but no better for the nearest ones.
  const NeighborTable nearest = searcher.SearchRows({0}, options).neighbors;
  for (int32_t j = 0; j < 60; ++j) {
    const auto end = nearest.rows().row(0) + 5;
    const bool near = std::find(nearest.rows().row(0), end, j) != end;
    kept.Add(0, j, 0, near ? 1.0f : 1.0f + 0x1p-6f);
  }
  NeighborTable found(1, 5);
  kept.Evaluate(
      request, {{0, 0}}, {}, [](double) { return 1.5; }, found);
  EXPECT_NE(found.Digest(), nearest.Digest());
  kept.Evaluate(request, {{0, 0}}, {}, ThetaOf, found);
  EXPECT_EQ(found.Digest(), nearest.Digest());
}

TEST(KeptCandidatesTest, PointsWithoutBoundsAreEvaluatedIfAllowed) {
  const Exhaustive searcher = MakeSearcher("normal", 30, KernelConfig::RBF);
  const ResidualCorrelation& metric = searcher.metric();
  KeptCandidates kept(searcher, 1, 16, 3, 16);
  const int32_t position = 0;
  const int64_t row = 0;
  const std::vector<int32_t> more = {3, 4, 5};
  bool allowed[30] = {};
  allowed[3] = allowed[5] = true;
  const SearchOptions options = {.k = 3, .allowed = allowed};
  const Request request = {metric.data(), metric.data(),
                           absl::MakeConstSpan(&position, 1),
                           absl::MakeConstSpan(&row, 1), options};
  NeighborTable found(1, 3);
  kept.Evaluate(request, {{0, 0}}, more, ThetaOf, found);
  EXPECT_EQ(found.count(0), 2);
  EXPECT_EQ(kept.counters().distance_evaluations(), 2);
}

}  // namespace
}  // namespace rct
