#include "traversal/block/far_field_searcher.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"
#include "metric/test_data.h"
#include "traversal/allocation_counter.h"
#include "traversal/block/far_field.pb.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_costs.h"
#include "traversal/block/far_field_pass.h"
#include "traversal/block/test_far_field.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/exhaustive/test_exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using Exhaustive = ExhaustiveSearcher<ResidualCorrelation>;
using Metric = std::shared_ptr<const ResidualCorrelation>;

FarFieldConfig Config(int block_size, double rms_rest = 0) {
  FarFieldConfig config;
  config.set_block_size(block_size);
  config.set_rms_rest(rms_rest);
  return config;
}

std::unique_ptr<const FarFieldSearcher> MakeSearcher(
    const Metric& metric, const FarFieldConfig& config = Config(32)) {
  return FarFieldSearcher::Create(metric, config, 2).value();
}

// Points on a line with an inducing point on each side: c falls as they part.
TEST(FarFieldSearcherTest, FindsTheNearest) {
  Matrix<double> points(40, 1);
  for (int i = 0; i < 40; ++i) points(i, 0) = 0.1 * (i + i % 2);
  const Metric metric =
      MakeFarFieldMetric(points.view(), {.coordinates = {-1, 6}});
  const SearchResult result =
      MakeSearcher(metric)->SearchRows({4, 9}, {.k = 2, .exclude_self = true});
  EXPECT_EQ(result.neighbors.rows()(0, 0), 3);  // at the same place as row 4
  EXPECT_EQ(result.neighbors.rows()(1, 0), 10);
  EXPECT_GT(result.counters.points_screened(), 0);
}

class FarFieldSearcherSetsTest : public testing::TestWithParam<std::string> {};

TEST_P(FarFieldSearcherSetsTest, IsExhaustiveSearch) {
  int64_t pruned = 0;
  for (const int dim : {1, 2, 3, 5}) {
    const Matrix<double> points = MakePoints(GetParam(), 320, dim, dim);
    for (const KernelConfig::Family family : kFamilies) {
      for (const double lengthscale : {0.1, 1.0}) {
        SCOPED_TRACE(testing::Message()
                     << dim << " " << KernelConfig::Family_Name(family) << " "
                     << lengthscale);
        const Metric metric =
            MakeFarFieldMetric(points.view(), {.family = family,
                                               .lengthscale = {lengthscale},
                                               .num_inducing = 40});
        const auto searcher =
            MakeSearcher(metric, Config(32, dim == 2 ? 0.2 : 0));
        ASSERT_NE(searcher->blocks(), nullptr);
        ExpectExhaustive(metric, *searcher, {7, 50, 1, 330});
        if (HasFatalFailure()) return;
        const SearchCounters counters =
            searcher->SearchRows(AllRows(320), {.k = 7}).counters;
        pruned += counters.prunes_lower_bound() + counters.sub_block_prunes();
      }
    }
  }
  if (GetParam() != "duplicates") {
    EXPECT_GT(pruned, 1000);
  }
}

// Rows that are early enough to be searched exhaustively, and later ones, whose
// predecessors are filtered.
TEST_P(FarFieldSearcherSetsTest, PredecessorsAreThoseOfExhaustiveSearch) {
  constexpr int64_t n = 4000;
  const Matrix<double> points = MakePoints(GetParam(), n, 2, 1);
  for (const KernelConfig::Family family :
       {KernelConfig::MATERN12, KernelConfig::MATERN52}) {
    const Metric metric = MakeFarFieldMetric(
        points.view(),
        {.family = family, .lengthscale = {0.2}, .num_inducing = 60});
    const auto searcher = MakeSearcher(metric);
    for (const int64_t k : {1, 20}) {
      const SearchOptions options = {.k = k, .predecessor = true};
      const SearchResult result = searcher->SearchRows(AllRows(n), options);
      EXPECT_EQ(result.neighbors.Digest(),
                ExhaustiveNeighbors(metric, options).Digest());
      EXPECT_GT(result.counters.predecessor_filtered(), 0);
      EXPECT_GT(result.counters.points_screened(), 0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PointSets, FarFieldSearcherSetsTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

class FarFieldSearcherOptionsTest : public testing::Test {
 protected:
  static constexpr int64_t kRows = 6000;
  const Matrix<double> points_ = MakePoints("cube", kRows, 2, 1);
  const Metric metric_ = MakeFarFieldMetric(
      points_.view(), {.lengthscale = {0.2}, .num_inducing = 100});
  const std::unique_ptr<const FarFieldSearcher> searcher_ =
      MakeSearcher(metric_);

  // Expects the answers of exhaustive search, and returns those of `searcher_`.
  SearchResult ExpectSame(const SearchOptions& options) const {
    SearchResult result = searcher_->SearchRows(AllRows(kRows), options);
    SearchOptions unwatched = options;
    unwatched.monitor = nullptr;
    EXPECT_EQ(result.neighbors.Digest(),
              ExhaustiveNeighbors(metric_, unwatched).Digest());
    return result;
  }
};

TEST_F(FarFieldSearcherOptionsTest, EveryConstraint) {
  for (const bool predecessor : {false, true}) {
    SearchOptions options = {
        .k = 10, .exclude_self = true, .predecessor = predecessor};
    const SearchResult result = ExpectSame(options);
    EXPECT_EQ(result.counters.predecessor_filtered() > 0, predecessor);
    // Within a distance that occurs, of which theta knows from the start.
    options.radius = result.neighbors.distances()(kRows - 1, 3);
    EXPECT_LT(ExpectSame(options).counters.points_screened(),
              result.counters.points_screened());
    options.radius = HUGE_VAL;
    // Seven of eight rows are allowed to nobody, and two inducing points of
    // three.
    bool allowed[kRows];
    for (int64_t i = 0; i < kRows; ++i) allowed[i] = i % 8 == 0;
    const absl::Span<const int32_t> inducing =
        searcher_->blocks()->inducing().rows();
    for (size_t i = 0; i < inducing.size(); ++i) {
      allowed[inducing[i]] = i % 3 == 0;
    }
    options.allowed = allowed;
    EXPECT_NE(ExpectSame(options).neighbors.Digest(),
              result.neighbors.Digest());
    // A query that is not allowed itself says nothing of the others.
    options.k = 1;
    options.exclude_self = false;
    ExpectSame(options);
    options.exclude_self = true;
    options.radius = result.neighbors.distances()(kRows - 1, 3);
    ExpectSame(options);
    // Nothing is near enough, or allowed.
    options.radius = 0;
    ExpectSame(options);
    options.radius = HUGE_VAL;
    std::fill_n(allowed, kRows, false);
    ExpectSame(options);
  }
}

TEST_F(FarFieldSearcherOptionsTest, AnyNumberOfThreads) {
  for (const bool predecessor : {false, true}) {
    std::set<std::string> answers, counters;
    for (const int threads : {1, 2, 7}) {
      const auto searcher =
          FarFieldSearcher::Create(metric_, Config(32), threads).value();
      const SearchResult result = searcher->SearchRows(
          AllRows(kRows),
          {.k = 9, .predecessor = predecessor, .threads = threads});
      answers.insert(result.neighbors.Digest());
      counters.insert(result.counters.SerializeAsString());
    }
    EXPECT_EQ(answers.size(), 1);
    EXPECT_EQ(counters.size(), 1);
  }
}

// The queries may be any rows, in any order, and repeated.
TEST_F(FarFieldSearcherOptionsTest, AnyQueries) {
  for (const int64_t count : {0, 1, 17, 1000}) {
    RandomStream random(1, count);
    std::vector<int64_t> rows(count);
    for (int64_t& row : rows) row = random.UniformBelow(kRows);
    for (const bool predecessor : {false, true}) {
      const SearchOptions options = {.k = 5, .predecessor = predecessor};
      EXPECT_EQ(
          searcher_->SearchRows(rows, options).neighbors.Digest(),
          Exhaustive(metric_).SearchRows(rows, options).neighbors.Digest());
    }
  }
}

// The point of it all: few points are screened, and fewer evaluated.
TEST_F(FarFieldSearcherOptionsTest, EvaluatesLittle) {
  const SearchResult result = searcher_->SearchRows(AllRows(kRows), {.k = 10});
  EXPECT_LT(result.counters.distance_evaluations(), kRows * kRows / 50);
  EXPECT_LT(result.counters.points_screened(), kRows * kRows / 4);
  EXPECT_GT(result.counters.prunes_lower_bound(),
            result.counters.segments_expanded());
}

// Memory is allocated for the call and its threads.
TEST_F(FarFieldSearcherOptionsTest, AllocatesNothingForAQuery) {
  const auto allocations = [&](int64_t repeats) {
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < repeats; ++i) {
      for (int64_t row = 0; row < 200; ++row) rows.push_back(row);
    }
    const int64_t before = AllocationCount();
    const SearchResult result = searcher_->SearchRows(rows, {.k = 10});
    EXPECT_LT(result.counters.distance_evaluations(),
              static_cast<int64_t>(rows.size()) * kRows / 4);
    return AllocationCount() - before;
  };
  const int64_t first = allocations(1);
  EXPECT_EQ(allocations(1), first);
  EXPECT_LT(allocations(20), first + 40);
}

TEST_F(FarFieldSearcherOptionsTest, ACancelledMonitorEndsIt) {
  Monitor cancelled([](double) { return false; });
  EXPECT_THAT(FarFieldSearcher::Create(metric_, Config(32), 2, {}, &cancelled),
              StatusIs(absl::StatusCode::kCancelled));
  const SearchResult result = searcher_->SearchRows(
      AllRows(kRows), {.k = 9, .monitor = &cancelled, .threads = 2});
  EXPECT_TRUE(cancelled.cancelled());
  EXPECT_EQ(result.counters.distance_evaluations(), 0);
  // In the middle of it, and the next search is whole.
  int calls = 0;
  Monitor later([&](double) { return ++calls < 2; });
  searcher_->SearchRows(AllRows(kRows), {.k = 9, .monitor = &later});
  double done = 0;
  Monitor watched([&](double now) {
    EXPECT_GE(now, done);
    done = now;
    return true;
  });
  ExpectSame({.k = 9, .monitor = &watched});
  EXPECT_LE(done, 1);
}

class FarFieldSearcherBallsTest
    : public testing::TestWithParam<KernelConfig::Family> {
 protected:
  static constexpr int64_t kRows = 4000;
  const Matrix<double> points_ = MakePoints("cube", kRows, 2, 1);
  const Metric metric_ = MakeFarFieldMetric(
      points_.view(),
      {.family = GetParam(), .lengthscale = {0.3}, .num_inducing = 30});
};

// Blocks of sixteen panels, whose nearest ones come first for a small k.
TEST_P(FarFieldSearcherBallsTest, EveryConstraint) {
  const auto searcher = MakeSearcher(metric_, Config(256));
  bool allowed[kRows];
  for (int64_t i = 0; i < kRows; ++i) allowed[i] = i % 3 == 0;
  const SearchOptions options[] = {{.k = 1},
                                   {.k = 20, .exclude_self = true},
                                   {.k = 60},
                                   {.k = 7, .predecessor = true},
                                   {.k = 30, .radius = 0.5},
                                   {.k = 5, .allowed = allowed}};
  for (SearchOptions one : options) {
    const std::string expected = ExhaustiveNeighbors(metric_, one).Digest();
    std::set<std::string> counters;
    for (const int threads : {1, 2, 7}) {
      one.threads = threads;
      const SearchResult result = searcher->SearchRows(AllRows(kRows), one);
      EXPECT_EQ(result.neighbors.Digest(), expected);
      counters.insert(result.counters.SerializeAsString());
    }
    EXPECT_EQ(counters.size(), 1);
  }
}

// A third fewer points are bounded than panels sorted by row leave.
TEST_P(FarFieldSearcherBallsTest, LeaveFewerPoints) {
  if (GetParam() == KernelConfig::MATERN12) return;
  const FarFieldOptions options = FarFieldOptionsFor(*metric_, Config(128));
  EXPECT_TRUE(options.balls);
  const FarFieldCosts costs(*metric_, 128, /*balls=*/true, /*mean_rank=*/20,
                            /*nodes=*/25, {});
  const auto screened = [&](bool predecessor) {
    const FarFieldSearcher searcher(metric_, Config(128), costs,
                                    /*screens=*/false);
    // The call that makes the blocks decides.
    searcher.SearchRows(AllRows(kRows), {.k = 5, .predecessor = predecessor});
    EXPECT_TRUE(searcher.settled());
    EXPECT_EQ(searcher.blocks()->balls() == nullptr, predecessor);
    return searcher.SearchRows(AllRows(kRows), {.k = 5})
        .counters.points_screened();
  };
  EXPECT_LT(3 * screened(false), 2 * screened(true));
}

INSTANTIATE_TEST_SUITE_P(Families, FarFieldSearcherBallsTest,
                         testing::ValuesIn(kFamilies), [](const auto& info) {
                           return KernelConfig::Family_Name(info.param);
                         });

TEST(FarFieldSearcherSizesTest, AnyNumberOfPointsAndNeighbors) {
  for (const int64_t n : {1, 2, 5, 16, 31, 33, 200}) {
    const Matrix<double> points = MakePoints("normal", n, 3, 1);
    for (const int64_t m : {1, 5, 200}) {
      const Metric metric =
          MakeTestModel(points.view(), KernelConfig::MATERN32, m).metric;
      for (const int block_size : {0, 32, 64}) {
        ExpectExhaustive(metric, *MakeSearcher(metric, Config(block_size)),
                         {n + 3, n, 7, 1});
      }
    }
  }
}

TEST(FarFieldSearcherSizesTest, NoPoints) {
  const Matrix<double> points(0, 3);
  const TestModel model = MakeTestModel(points.view(), KernelConfig::RBF, 1);
  const ResidualPoints queries =
      *model.factor->Project(MakePoints("normal", 7, 3, 1).view(), 1);
  const auto searcher = MakeSearcher(model.metric);
  EXPECT_EQ(searcher->SearchPoints(queries, {.k = 2}).neighbors.Digest(),
            NeighborTable(7, 2).Digest());
  EXPECT_EQ(searcher->SearchRows({}, {.k = 2}).neighbors.num_queries(), 0);
}

TEST(FarFieldSearcherNewPointsTest, AreSearchedForExactly) {
  for (const char* name : {"normal", "clusters", "pairs", "outlier"}) {
    const Matrix<double> points = MakePoints(name, 900, 3, 1);
    const TestModel model =
        MakeTestModel(points.view(), KernelConfig::MATERN12, 60);
    const auto searcher = MakeSearcher(model.metric);
    Matrix<double> queries = MakePoints(name, 300, 3, 2);
    // Some are points of the data, but do not know it.
    for (int64_t i = 0; i < 300; i += 5) {
      std::copy_n(points.row(i), 3, queries.row(i));
    }
    const ResidualPoints from = *model.factor->Project(queries.view(), 1);
    for (const int64_t k : {1, 15}) {
      EXPECT_EQ(searcher->SearchPoints(from, {.k = k}).neighbors.Digest(),
                Exhaustive(model.metric)
                    .SearchPoints(from, {.k = k})
                    .neighbors.Digest())
          << name;
    }
  }
}

// Inducing points that are rows, none, or rows with others at their place or
// hardly beside it.
TEST(FarFieldSearcherInducingTest, AnyInducingPoints) {
  Matrix<double> points = MakePoints("cube", 700, 2, 1);
  std::vector<int64_t> rows;
  std::vector<double> coordinates;
  for (int64_t i = 0; i < 30; ++i) {
    const int64_t row = 699 - 20 * i;
    rows.push_back(row);
    for (int c = 0; c < 2; ++c) {
      coordinates.push_back(points(row, c));
      points(row - 1, c) = points(row, c);
      points(row - 2, c) = points(row, c) + 1e-9;
      points(row - 3, c) = points(row, c) + 1e-4;
    }
  }
  const std::vector<FarFieldModel> models = {
      {.lengthscale = {0.2}, .rows = rows},
      {.lengthscale = {0.2}, .coordinates = coordinates},
      {.lengthscale = {0.2}, .jitter = 1e-3, .rows = rows},
      {.lengthscale = {0.2}, .jitter = 1e-11, .rows = rows},
      {.lengthscale = {0.2}, .variance_floor = 1e-3, .rows = rows},
      {.lengthscale = {0.2}, .coordinates = {0.5, 0.5, 100, 100, 0.5, 0.6}}};
  for (FarFieldModel model : models) {
    for (const KernelConfig::Family family : kFamilies) {
      model.family = family;
      const Metric metric = MakeFarFieldMetric(points.view(), model);
      const auto searcher = MakeSearcher(metric);
      ASSERT_NE(searcher->blocks(), nullptr);
      EXPECT_EQ(searcher->blocks()->inducing().rows().size(),
                model.rows.size());
      ExpectExhaustive(metric, *searcher, {10, 1, 100});
    }
  }
}

// Where all rows are inducing points, no block is left.
TEST(FarFieldSearcherInducingTest, AllRowsAreInducingPoints) {
  const Metric metric = MakeTestModel(MakePoints("normal", 50, 2, 1).view(),
                                      KernelConfig::MATERN12, 50)
                            .metric;
  const auto searcher = MakeSearcher(metric);
  EXPECT_EQ(searcher->blocks()->num_blocks(), 0);
  ExpectExhaustive(metric, *searcher, {5, 1, 50});
}

// More inducing points reach theta than a query may keep: it is a hard one. All
// other points are fewer than that.
TEST(FarFieldSearcherInducingTest, ManyInducingPoints) {
  constexpr int64_t n = 1600;
  const Metric metric = MakeFarFieldMetric(
      MakePoints("cube", n, 1, 1).view(),
      {.lengthscale = {3000}, .jitter = 1, .num_inducing = 1300});
  const std::vector<int64_t>& inducing = metric->factor()->inducing().rows;
  const std::set<int64_t> left_out(inducing.begin(), inducing.end());
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < n; ++row) {
    if (left_out.count(row) == 0) rows.push_back(row);
  }
  const SearchOptions options = {.k = 10};
  const SearchResult result = MakeSearcher(metric)->SearchRows(rows, options);
  EXPECT_EQ(result.neighbors.Digest(),
            ExhaustiveSearcher<ResidualCorrelation>(metric)
                .SearchRows(rows, options)
                .neighbors.Digest());
  EXPECT_GE(result.counters.exhaustive_queries(), 10);
}

// Coordinates whose distances, squares or middles overflow.
TEST(FarFieldSearcherRangeTest, HugeCoordinates) {
  for (const double huge : {1e60, 1e160, 1.7e308}) {
    for (const int dim : {1, 2, 3, 7}) {
      Matrix<double> points = MakePoints("cube", 250, dim, 1);
      for (int64_t i = 0; i < 250; i += 3) {
        for (int c = 0; c < dim; ++c) {
          points(i, c) = (i >> c) % 2 == 0 ? huge : -huge;
        }
      }
      for (const KernelConfig::Family family : kFamilies) {
        const Metric metric = MakeFarFieldMetric(
            points.view(),
            {.family = family, .lengthscale = {0.3}, .num_inducing = 30});
        ExpectExhaustive(metric, *MakeSearcher(metric), {40});
      }
    }
  }
}

// Without the bound, and for more neighbors than a pass can keep.
TEST(FarFieldSearcherFallbackTest, IsExhaustiveSearch) {
  const Matrix<double> points = MakePoints("normal", 700, 2, 1);
  const Metric known =
      MakeTestModel(points.view(), KernelConfig::MATERN12, 20).metric;
  std::vector<int32_t> order(700);
  std::iota(order.begin(), order.end(), 0);
  const auto unknown = std::make_shared<const ResidualCorrelation>(
      known->kernel(), known->data().Reordered(order), known->rounding());
  const auto given = std::make_shared<const ResidualCorrelation>(
      known->kernel(), known->data().Reordered(order), std::nullopt);
  const Metric high = MakeTestModel(MakePoints("normal", 300, 8, 1).view(),
                                    KernelConfig::MATERN52, 20)
                          .metric;
  for (const Metric& metric : {Metric(unknown), Metric(given), high}) {
    const auto searcher = MakeSearcher(metric);
    EXPECT_EQ(searcher->blocks(), nullptr);
    ExpectExhaustive(metric, *searcher, {5});
    EXPECT_EQ(searcher->SearchRows({1}, {.k = 5}).counters.points_screened(),
              0);
  }
  const auto searcher = MakeSearcher(known);
  for (const int64_t k :
       {FarFieldPass::kMaxNeighbors, FarFieldPass::kMaxNeighbors + 1}) {
    const SearchResult result = searcher->SearchRows(AllRows(700), {.k = k});
    EXPECT_EQ(result.neighbors.Digest(),
              ExhaustiveNeighbors(known, {.k = k}).Digest());
    EXPECT_EQ(result.counters.points_screened() > 0,
              k == FarFieldPass::kMaxNeighbors);
  }
}

TEST(FarFieldSearcherSimdTest, AnyInstructionSet) {
  const Matrix<double> points = MakePoints("cube", 1000, 3, 1);
  for (const KernelConfig::Family family : kFamilies) {
    std::set<std::string> answers, counters;
    for (const Isa isa : AvailableIsas()) {
      const Metric metric = MakeFarFieldMetric(
          points.view(),
          {.family = family, .lengthscale = {0.2}, .num_inducing = 60},
          *SimdRoutinesFor(isa));
      const SearchResult result = MakeSearcher(metric, Config(128))
                                      ->SearchRows(AllRows(1000), {.k = 9});
      answers.insert(result.neighbors.Digest());
      counters.insert(result.counters.SerializeAsString());
    }
    EXPECT_EQ(answers.size(), 1);
    EXPECT_EQ(counters.size(), 1);
  }
}

TEST(FarFieldConfigTest, FieldsHaveRanges) {
  EXPECT_THAT(ValidateFarFieldConfig({}), IsOk());
  EXPECT_THAT(ValidateFarFieldConfig(Config(32, 0.5)), IsOk());
  EXPECT_THAT(ValidateFarFieldConfig(Config(8192)), IsOk());
  for (const int size : {-32, 16, 48, 16384}) {
    EXPECT_THAT(ValidateFarFieldConfig(Config(size)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         testing::HasSubstr("block_size")));
  }
  for (const double rest : {-1.0, 1.0, std::nan("")}) {
    EXPECT_THAT(ValidateFarFieldConfig(Config(32, rest)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         testing::HasSubstr("rms_rest")));
  }
}

}  // namespace
}  // namespace rct
