#include "traversal/block/inducing_bounds.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "gtest/gtest.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/test_data.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/inducing_pass.h"
#include "traversal/block/test_far_field.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using Code = InducingBounds::Code;

TEST(InducingCodeTest, IsTheLeastAboveABound) {
  for (int code = 0; code < InducingBounds::kCodes; ++code) {
    const float bound = InducingBounds::BoundOf(static_cast<Code>(code));
    EXPECT_EQ(InducingBounds::CodeAbove(bound), code);
    if (code == InducingBounds::kCodes - 1) break;
    const float next = InducingBounds::BoundOf(static_cast<Code>(code + 1));
    EXPECT_GT(next, bound);
    EXPECT_EQ(InducingBounds::CodeAbove(std::nextafter(bound, 9.0f)), code + 1);
    if (std::isfinite(next)) {
      EXPECT_LE(next, bound * 1.125f);
    }
  }
}

TEST(InducingCodeTest, CoversAllNumbers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(InducingBounds::CodeAbove(0), 0);
  EXPECT_EQ(InducingBounds::CodeAbove(1e-40f), 0);
  EXPECT_EQ(InducingBounds::BoundOf(0), 0x1p-30f);
  EXPECT_EQ(InducingBounds::BoundOf(InducingBounds::CodeAbove(1)), 1);
  for (const float none :
       {4.0f, 1e38f, kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_EQ(InducingBounds::CodeAbove(none), InducingBounds::kNoBound);
  }
  EXPECT_EQ(InducingBounds::BoundOf(InducingBounds::kNoBound), kInfinity);
}

// Points by the coordinate x, with some inducing points in panels, some among
// the others and some in neither.
struct Example {
  Example(const Matrix<double>& points, const FarFieldModel& model)
      : metric(MakeFarFieldMetric(points.view(), model)) {
    std::vector<char> left_out(metric->size());
    const auto& inducing = metric->factor()->inducing().rows;
    for (size_t i = 0; i < inducing.size(); ++i) {
      if (i % 3 == 0) left_out[inducing[i]] = 1;
      if (i % 3 == 1) {
        left_out[inducing[i]] = 1;
        others.push_back(static_cast<int32_t>(inducing[i]));
      }
    }
    for (int32_t row = 0; row < metric->size(); ++row) {
      if (row % 50 == 49) rows.push_back(kNoRow);
      if (left_out[row] == 0) rows.push_back(row);
    }
    std::sort(rows.begin(), rows.end(), [&](int32_t a, int32_t b) {
      return a != kNoRow && (b == kNoRow || points(a, 0) < points(b, 0));
    });
  }

  InducingBounds Bounds(int threads) const {
    InducingBounds bounds(*metric, rows, others,
                          WeightSlack(metric->factor()->rounding(), 1));
    bounds.Weigh(0, threads, nullptr);
    bounds.Finish(threads);
    return bounds;
  }

  std::shared_ptr<const ResidualCorrelation> metric;
  std::vector<int32_t> rows;
  std::vector<int32_t> others;
};

std::vector<Example> Examples() {
  std::vector<Example> examples;
  for (const char* set : {"normal", "cube", "clusters", "pairs", "collinear"}) {
    const Matrix<double> points = MakePoints(set, 1500, 2, 1);
    for (const KernelConfig::Family family :
         {KernelConfig::RBF, KernelConfig::MATERN52, KernelConfig::MATERN12}) {
      for (const auto& [jitter, floor] :
           {std::pair(1e-3, 1e-13), std::pair(1e-6, 1e-13),
            std::pair(1e-11, 1e-13), std::pair(1e-6, 1e-3)}) {
        Example example(points, {.family = family,
                                 .lengthscale = {0.5},
                                 .jitter = jitter,
                                 .variance_floor = floor,
                                 .num_inducing = 70});
        if (example.metric->rounding()->Validate().ok()) {
          examples.push_back(std::move(example));
        }
      }
    }
  }
  EXPECT_GE(examples.size(), 30u);
  return examples;
}

// Every row is in one panel or among the others, whose bound is none.
TEST(InducingBoundsTest, HoldForAllPairs) {
  for (const Example& example : Examples()) {
    const Matrix<double> rho = AllCorrelations(*example.metric);
    const InducingBounds bounds = example.Bounds(2);
    std::vector<int> held(example.metric->size());
    for (const int32_t row : bounds.others()) ++held[row];
    for (int64_t p = 0; p < bounds.num_panels(); ++p) {
      int32_t least = kNoRow;
      for (const int32_t row : bounds.panel_rows(p)) {
        least = std::min(least, row);
        if (row == kNoRow) continue;
        ++held[row];
        for (int64_t i = 0; i < std::ssize(bounds.rows()); ++i) {
          ASSERT_LE(std::abs(rho(bounds.rows()[i], row)),
                    InducingBounds::BoundOf(bounds.codes(i)[p]));
        }
      }
      EXPECT_EQ(bounds.min_row(p), least);
    }
    EXPECT_EQ(held, std::vector<int>(example.metric->size(), 1));
    for (int64_t i = 0; i < std::ssize(bounds.rows()); ++i) {
      EXPECT_EQ(bounds.number(bounds.rows()[i]), i);
    }
  }
}

TEST(InducingBoundsTest, AreTheSameWithAnyThreads) {
  const Example example = Examples().front();
  const InducingBounds one = example.Bounds(1), seven = example.Bounds(7);
  for (int64_t i = 0; i < std::ssize(one.rows()); ++i) {
    EXPECT_EQ(one.codes(i), seven.codes(i));
    ASSERT_EQ(one.near(i).size(), seven.near(i).size());
    for (size_t j = 0; j < one.near(i).size(); ++j) {
      EXPECT_EQ(one.near(i)[j].panel, seven.near(i)[j].panel);
      EXPECT_EQ(one.near(i)[j].codes, seven.near(i)[j].codes);
    }
  }
}

// Points of near panels have bounds of their own, none above the panel's. The
// panels are the first by code, and lie in their order.
TEST(InducingBoundsTest, NearPanelsBoundTheirPoints) {
  std::vector<Example> examples = Examples();
  examples.emplace_back(MakePoints("normal", 6000, 2, 1),
                        FarFieldModel{.lengthscale = {0.5}, .num_inducing = 9});
  bool some_are_left_out = false;
  for (const Example& example : examples) {
    const Matrix<double> rho = AllCorrelations(*example.metric);
    const InducingBounds bounds = example.Bounds(3);
    for (int64_t i = 0; i < std::ssize(bounds.rows()); ++i) {
      const absl::Span<const InducingBounds::NearPanel> near = bounds.near(i);
      ASSERT_EQ(std::ssize(near), std::min<int64_t>(InducingBounds::kMaxNear,
                                                    bounds.num_panels()));
      some_are_left_out |= std::ssize(near) < bounds.num_panels();
      std::vector<InducingBounds::NearPanel> all;
      for (int32_t p = 0; p < bounds.num_panels(); ++p) {
        all.push_back({p, bounds.codes(i)[p], {}});
      }
      std::sort(all.begin(), all.end());
      for (size_t j = 0; j < near.size(); ++j) {
        ASSERT_EQ(near[j].panel, all[j].panel);
        ASSERT_EQ(near[j].code, all[j].code);
        const absl::Span<const int32_t> rows = bounds.panel_rows(near[j].panel);
        for (int l = 0; l < InducingBounds::kPanel; ++l) {
          EXPECT_LE(near[j].codes[l], near[j].code);
          if (rows[l] == kNoRow) continue;
          ASSERT_LE(std::abs(rho(bounds.rows()[i], rows[l])),
                    InducingBounds::BoundOf(near[j].codes[l]));
        }
      }
    }
  }
  EXPECT_TRUE(some_are_left_out);
}

// Where near panels hold all neighbors, what is evaluated beside k points has a
// correlation close to that of a neighbor.
TEST(InducingPassTest, EvaluatesWhatIsCloseToANeighbor) {
  const Example example(
      MakePoints("cube", 1500, 1, 1),
      {.lengthscale = {0.02}, .jitter = 1e-3, .num_inducing = 70});
  const InducingBounds bounds = example.Bounds(2);
  const std::vector<int64_t> rows(bounds.rows().begin(), bounds.rows().end());
  const std::vector<int32_t> positions(rows.begin(), rows.end());
  std::vector<int32_t> queries(rows.size());
  std::iota(queries.begin(), queries.end(), 0);
  const ExhaustiveSearcher<ResidualCorrelation> owner(example.metric);
  const SearchOptions options = {.k = 50};
  const InducingPass::Request request = {
      example.metric->data(), example.metric->data(), positions, rows, options};
  NeighborTable neighbors(std::ssize(rows), options.k);
  SearchCounters counters;
  EXPECT_TRUE(
      SearchInducing(owner, bounds, request, queries, neighbors, counters)
          .empty());
  EXPECT_EQ(neighbors.Digest(),
            owner.SearchRows(rows, options).neighbors.Digest());
  const Matrix<double> rho = AllCorrelations(*example.metric);
  int64_t most = 0;
  for (int64_t i = 0; i < std::ssize(rows); ++i) {
    const double last = neighbors.distances()(i, options.k - 1);
    const double* of_query = rho.row(rows[i]);
    most += 1 + options.k + std::ssize(bounds.others()) +
            std::count_if(of_query, of_query + rho.cols(), [&](double r) {
              return std::abs(r) >= 0.85 * (1 - last * last);
            });
  }
  EXPECT_LE(counters.distance_evaluations(), most);
  EXPECT_LE(most, std::ssize(rows) * example.metric->size() / 6);
}

// Every inducing point is in one task, that of its block if there is one, and
// tasks stay in the order of their blocks.
TEST(InducingPassTest, InducingPointsJoinTheTasksOfTheirBlocks) {
  const Example example(MakePoints("cube", 1500, 2, 1), {.num_inducing = 70});
  const InducingBounds bounds = example.Bounds(2);
  const std::vector<int64_t> rows(bounds.rows().begin(), bounds.rows().end());
  const std::vector<int32_t> positions(rows.begin(), rows.end());
  const SearchOptions options;
  const InducingPass::Request request = {
      example.metric->data(), example.metric->data(), positions, rows, options};
  const std::vector<int32_t> queries = {1, 2, 3};
  for (const int64_t block_size : {16, 256, 1024}) {
    for (const bool with_tasks : {true, false}) {
      std::vector<int32_t> inducing(rows.size());
      std::iota(inducing.begin(), inducing.end(), 0);
      std::vector<BlockTask> tasks;
      if (with_tasks) tasks = {{0, queries, {}}, {1, queries, {}}};
      AddInducing(bounds, block_size, request, inducing, tasks);
      std::vector<int> met(rows.size());
      int64_t with_queries = 0;
      int last = 0;
      for (const BlockTask& task : tasks) {
        EXPECT_GE(task.block, last);
        last = task.block;
        with_queries += static_cast<int64_t>(!task.queries.empty());
        EXPECT_FALSE(task.queries.empty() && task.inducing.empty());
        EXPECT_LE(task.inducing.size(), 16u);
        for (const int32_t query : task.inducing) {
          ++met[query];
          EXPECT_EQ(bounds.nearest_panel(bounds.number(positions[query])) *
                        InducingBounds::kPanel / block_size,
                    task.block);
        }
      }
      EXPECT_EQ(met, std::vector<int>(rows.size(), 1));
      EXPECT_EQ(with_queries, with_tasks ? 2 : 0);
    }
  }
}

// What the pass does not give up is the answer of exhaustive search.
TEST(InducingPassTest, FindsTheNeighborsOfExhaustiveSearch) {
  for (const Example& example : Examples()) {
    const ResidualCorrelation& metric = *example.metric;
    const ExhaustiveSearcher<ResidualCorrelation> owner(example.metric);
    const InducingBounds bounds = example.Bounds(2);
    const std::vector<int64_t> rows(bounds.rows().begin(), bounds.rows().end());
    const auto allowed = std::make_unique<bool[]>(metric.size());
    for (int64_t i = 0; i < metric.size(); ++i) allowed[i] = i % 3 != 0;
    std::vector<SearchOptions> all = {
        {.k = 10, .threads = 2},         {.k = 1},
        {.k = 10, .exclude_self = true}, {.k = 10, .predecessor = true},
        {.k = 10, .radius = 0.9},        {.k = 2000}};
    all.push_back({.k = 10, .threads = 2});
    all.back().allowed = absl::MakeConstSpan(allowed.get(), metric.size());
    for (const SearchOptions& options : all) {
      const SearchResult expected = owner.SearchRows(rows, options);
      std::vector<int32_t> queries(rows.size());
      std::iota(queries.begin(), queries.end(), 0);
      const std::vector<int32_t> positions(rows.begin(), rows.end());
      const InducingPass::Request request = {metric.data(), metric.data(),
                                             positions, rows, options};
      NeighborTable neighbors(std::ssize(rows), expected.neighbors.k());
      SearchStatistics statistics;
      const std::vector<int32_t> hard = SearchInducing(
          owner, bounds, request, queries, neighbors, statistics.counters);
      owner.SearchSome(request, hard, neighbors, statistics);
      EXPECT_EQ(neighbors.Digest(), expected.neighbors.Digest());
    }
  }
}

}  // namespace
}  // namespace rct
