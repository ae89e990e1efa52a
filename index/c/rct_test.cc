// The answers of the C interface are those of the C++ classes, bit for bit.

#include "index/c/rct.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "base/version.h"
#include "gtest/gtest.h"
#include "index/c/test_handles.h"
#include "index/index.h"
#include "index/index.pb.h"
#include "index/ordering.h"
#include "index/ordering.pb.h"
#include "index/vecchia/vecchia_model.h"
#include "metric/metric.pb.h"
#include "metric/sphere.h"
#include "metric/test_data.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

constexpr int64_t kRows = 300;
constexpr int64_t kDim = 3;
constexpr int64_t kK = 7;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// One metric, in both languages.
struct Case {
  std::string name;
  MetricConfig metric;
  CConfig config;
};

Case MakeCase(const std::string& name) {
  const std::vector<double> scales = {0.5, 0.75, 1};
  Case made = {name, {}, CConfig(rct_config_new())};
  rct_config* const config = made.config.get();
  EXPECT_EQ(rct_config_set_metric(config, name.c_str(), nullptr), RCT_OK);
  EXPECT_EQ(rct_config_set_lengthscales(config, scales.data(), 3, nullptr),
            RCT_OK);
  if (name == "euclidean") {
    made.metric.mutable_euclidean()->mutable_lengthscale()->Add(scales.begin(),
                                                                scales.end());
    return made;
  }
  KernelConfig kernel;
  kernel.set_family(KernelConfig::MATERN32);
  kernel.set_variance(2.5);
  kernel.mutable_lengthscale()->Add(scales.begin(), scales.end());
  EXPECT_EQ(rct_config_set_kernel(config, "matern32", nullptr), RCT_OK);
  EXPECT_EQ(rct_config_set_variance(config, 2.5, nullptr), RCT_OK);
  if (name == "correlation") {
    *made.metric.mutable_correlation() = kernel;
    return made;
  }
  ResidualConfig& residual = *made.metric.mutable_residual();
  *residual.mutable_kernel() = kernel;
  residual.mutable_inducing()->mutable_random()->set_count(20);
  residual.mutable_inducing()->mutable_random()->set_seed(5);
  residual.set_jitter(1e-5);
  EXPECT_EQ(rct_config_set_inducing(config, "random", 20, 5, nullptr), RCT_OK);
  EXPECT_EQ(rct_config_set_jitter(config, 1e-5, nullptr), RCT_OK);
  return made;
}

CIndex BuildC(MatrixView<const double> points, const rct_config* config) {
  rct_index* index = nullptr;
  const Said said = Say([&](rct_error** error) {
    return rct_index_build(points.data, points.rows, points.cols, config,
                           nullptr, &index, error);
  });
  EXPECT_EQ(said.code, RCT_OK) << said.message;
  return CIndex(index);
}

Index BuildCpp(MatrixView<const double> points, const MetricConfig& metric) {
  absl::StatusOr<Index> index = Index::Build(points, metric);
  EXPECT_THAT(index.status(), IsOk());
  return *std::move(index);
}

// The caller's arrays for an answer.
struct Arrays {
  explicit Arrays(int64_t q, int64_t k = kK)
      : rows(q * k, -99), distances(q * k, -99) {}
  std::vector<int64_t> rows;
  std::vector<double> distances;
};

// Returns whether both answers have the same bits.
bool Same(const Arrays& arrays, const absl::StatusOr<SearchResult>& result) {
  EXPECT_THAT(result.status(), IsOk());
  const NeighborTable& table = result->neighbors;
  const size_t count = table.num_queries() * table.k();
  if (count == 0) return arrays.rows.empty();
  return count == arrays.rows.size() &&
         std::memcmp(arrays.rows.data(), table.rows().data,
                     count * sizeof(int64_t)) == 0 &&
         std::memcmp(arrays.distances.data(), table.distances().data,
                     count * sizeof(double)) == 0;
}

bool Same(const CRanges& ranges, const absl::StatusOr<RangeResult>& result) {
  EXPECT_THAT(result.status(), IsOk());
  const RangeTable& table = result->neighbors;
  const size_t count = table.rows.size();
  return rct_ranges_num_queries(ranges.get()) == table.num_queries() &&
         rct_ranges_num_neighbors(ranges.get()) ==
             static_cast<int64_t>(count) &&
         std::equal(table.offsets.begin(), table.offsets.end(),
                    rct_ranges_offsets(ranges.get())) &&
         std::equal(table.rows.begin(), table.rows.end(),
                    rct_ranges_rows(ranges.get())) &&
         (count == 0 || std::memcmp(table.distances.data(),
                                    rct_ranges_distances(ranges.get()),
                                    count * sizeof(double)) == 0);
}

class RctTest : public testing::TestWithParam<std::string> {
 protected:
  RctTest()
      : points_(MakePoints("pairs", kRows, kDim, 1)),
        new_points_(MakePoints("normal", 11, kDim, 2)),
        case_(MakeCase(GetParam())),
        c_(BuildC(points_.view(), case_.config.get())),
        cpp_(BuildCpp(points_.view(), case_.metric)) {}

  const Matrix<double> points_;
  const Matrix<double> new_points_;
  const Case case_;
  const CIndex c_;
  const Index cpp_;
};

INSTANTIATE_TEST_SUITE_P(Metrics, RctTest,
                         testing::Values("residual", "correlation",
                                         "euclidean"));

TEST_P(RctTest, Describes) {
  EXPECT_EQ(rct_index_size(c_.get()), kRows);
  EXPECT_EQ(rct_index_dim(c_.get()), kDim);
  EXPECT_EQ(rct_index_metric(c_.get()), GetParam());
  EXPECT_EQ(rct_index_num_inducing(c_.get()),
            GetParam() == "residual" ? 20 : 0);
}

TEST_P(RctTest, Searches) {
  const std::vector<int64_t> rows = {0, 299, 17, 17, 4};
  Arrays arrays(5);
  ASSERT_EQ(
      rct_index_search(c_.get(), rows.data(), 5, kK, nullptr, nullptr,
                       arrays.rows.data(), arrays.distances.data(), nullptr),
      RCT_OK);
  EXPECT_TRUE(Same(arrays, cpp_.Search(rows, {.k = kK})));

  Arrays at_points(11);
  ASSERT_EQ(rct_index_search_points(c_.get(), new_points_.data(), 11, kDim, kK,
                                    nullptr, nullptr, at_points.rows.data(),
                                    at_points.distances.data(), nullptr),
            RCT_OK);
  EXPECT_TRUE(
      Same(at_points, cpp_.SearchPoints(new_points_.view(), {.k = kK})));
}

TEST_P(RctTest, SearchesUnderFilters) {
  std::vector<uint8_t> flags(kRows);
  const auto allowed = std::make_unique<bool[]>(kRows);
  for (int64_t i = 0; i < kRows; ++i) {
    flags[i] = i % 3 == 0 ? 2 : 0;
    allowed[i] = i % 3 == 0;
  }
  std::vector<int64_t> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0);
  for (const bool predecessor : {false, true}) {
    for (const bool exclude_self : {false, true}) {
      const double radius = predecessor ? 0.9 : kInfinity;
      const CFilter filter(rct_filter_new());
      rct_filter_set_predecessor(filter.get(), predecessor, nullptr);
      rct_filter_set_exclude_self(filter.get(), exclude_self, nullptr);
      rct_filter_set_radius(filter.get(), radius, nullptr);
      rct_filter_set_allowed(filter.get(), flags.data(), kRows, nullptr);
      const SearchOptions options = {
          .k = kK,
          .exclude_self = exclude_self,
          .predecessor = predecessor,
          .radius = radius,
          .allowed = absl::MakeConstSpan(allowed.get(), kRows)};
      Arrays arrays(kRows);
      ASSERT_EQ(rct_index_search(c_.get(), rows.data(), kRows, kK, filter.get(),
                                 nullptr, arrays.rows.data(),
                                 arrays.distances.data(), nullptr),
                RCT_OK);
      EXPECT_TRUE(Same(arrays, cpp_.Search(rows, options)));
      // No flags allow all rows again.
      rct_filter_set_allowed(filter.get(), nullptr, 0, nullptr);
      SearchOptions all = options;
      all.allowed = {};
      Arrays more(kRows);
      ASSERT_EQ(rct_index_search(c_.get(), rows.data(), kRows, kK, filter.get(),
                                 nullptr, more.rows.data(),
                                 more.distances.data(), nullptr),
                RCT_OK);
      EXPECT_TRUE(Same(more, cpp_.Search(rows, all)));
    }
  }
}

TEST_P(RctTest, Graphs) {
  OrderingConfig config;
  config.set_method(OrderingConfig::MAXMIN);
  const auto order = OrderPoints(points_.view(), config);
  ASSERT_THAT(order.status(), IsOk());
  const CFilter filter(rct_filter_new());
  rct_filter_set_predecessor(filter.get(), 1, nullptr);
  const SearchOptions options = {.k = kK, .predecessor = true};
  Arrays natural(kRows);
  ASSERT_EQ(
      rct_index_graph(c_.get(), kK, nullptr, 0, filter.get(), nullptr,
                      natural.rows.data(), natural.distances.data(), nullptr),
      RCT_OK);
  EXPECT_TRUE(Same(natural, cpp_.Graph(options)));
  Arrays ordered(kRows);
  ASSERT_EQ(
      rct_index_graph(c_.get(), kK, order->data(), kRows, filter.get(), nullptr,
                      ordered.rows.data(), ordered.distances.data(), nullptr),
      RCT_OK);
  EXPECT_TRUE(Same(ordered, cpp_.Graph(options, *order)));
  // Distances are not always wanted.
  Arrays rows_alone(kRows);
  ASSERT_EQ(rct_index_graph(c_.get(), kK, nullptr, 0, filter.get(), nullptr,
                            rows_alone.rows.data(), nullptr, nullptr),
            RCT_OK);
  EXPECT_EQ(rows_alone.rows, natural.rows);
}

TEST_P(RctTest, RangeSearches) {
  const std::vector<int64_t> rows = {5, 1, 299};
  for (const double radius : {0.0, 0.5, 0.99, kInfinity}) {
    rct_ranges* ranges = nullptr;
    ASSERT_EQ(rct_index_range(c_.get(), rows.data(), 3, radius, nullptr,
                              nullptr, &ranges, nullptr),
              RCT_OK);
    EXPECT_TRUE(Same(CRanges(ranges), cpp_.RangeSearch(rows, radius, {})));
    ASSERT_EQ(
        rct_index_range_points(c_.get(), new_points_.data(), 11, kDim, radius,
                               nullptr, nullptr, &ranges, nullptr),
        RCT_OK);
    EXPECT_TRUE(Same(CRanges(ranges),
                     cpp_.RangeSearchPoints(new_points_.view(), radius, {})));
  }
}

TEST_P(RctTest, StrategiesAndThreadsGiveTheSame) {
  const SearchOptions options = {.k = kK};
  const absl::StatusOr<SearchResult> expected = cpp_.Graph(options);
  const CRun run(rct_run_new());
  ASSERT_EQ(rct_run_set_threads(run.get(), 3, nullptr), RCT_OK);
  for (const std::string strategy :
       {"exhaustive", "level_synchronous", "best_first", "block"}) {
    ASSERT_EQ(
        rct_config_set_strategy(case_.config.get(), strategy.c_str(), nullptr),
        RCT_OK);
    const CIndex index = BuildC(points_.view(), case_.config.get());
    EXPECT_EQ(rct_index_strategy(index.get()), strategy);
    Arrays arrays(kRows);
    ASSERT_EQ(
        rct_index_graph(index.get(), kK, nullptr, 0, nullptr, run.get(),
                        arrays.rows.data(), arrays.distances.data(), nullptr),
        RCT_OK);
    EXPECT_TRUE(Same(arrays, expected)) << strategy;
  }
}

TEST_P(RctTest, Appends) {
  rct_index* longer = nullptr;
  ASSERT_EQ(rct_index_append(c_.get(), new_points_.data(), 11, kDim, nullptr,
                             &longer, nullptr),
            RCT_OK);
  const CIndex owner(longer);
  EXPECT_EQ(rct_index_size(longer), kRows + 11);
  EXPECT_EQ(rct_index_size(c_.get()), kRows);
  const auto expected = cpp_.Append(new_points_.view());
  ASSERT_THAT(expected.status(), IsOk());
  Arrays arrays(kRows + 11);
  ASSERT_EQ(
      rct_index_graph(longer, kK, nullptr, 0, nullptr, nullptr,
                      arrays.rows.data(), arrays.distances.data(), nullptr),
      RCT_OK);
  EXPECT_TRUE(Same(arrays, expected->Graph({.k = kK})));
}

TEST_P(RctTest, SavesAndLoads) {
  const std::string path = testing::TempDir() + "/saved_" + GetParam() + ".rct";
  ASSERT_EQ(rct_index_save(c_.get(), path.c_str(), nullptr, nullptr), RCT_OK);
  for (const int32_t map : {0, 1}) {
    rct_index* loaded = nullptr;
    const Said said = Say([&](rct_error** error) {
      return rct_index_load(path.c_str(), map, nullptr, &loaded, error);
    });
    ASSERT_EQ(said.code, RCT_OK) << said.message;
    const CIndex owner(loaded);
    EXPECT_EQ(rct_index_metric(loaded), GetParam());
    Arrays arrays(kRows);
    ASSERT_EQ(
        rct_index_graph(loaded, kK, nullptr, 0, nullptr, nullptr,
                        arrays.rows.data(), arrays.distances.data(), nullptr),
        RCT_OK);
    EXPECT_TRUE(Same(arrays, cpp_.Graph({.k = kK})));
  }
}

TEST_P(RctTest, NoQueriesAndNoPoints) {
  EXPECT_EQ(rct_index_search(c_.get(), nullptr, 0, 1, nullptr, nullptr, nullptr,
                             nullptr, nullptr),
            RCT_OK);
  EXPECT_EQ(rct_index_search_points(c_.get(), nullptr, 0, kDim, 1, nullptr,
                                    nullptr, nullptr, nullptr, nullptr),
            RCT_OK);
  if (GetParam() == "residual") return;  // has no row for an inducing point
  const CIndex empty =
      BuildC(MatrixView<const double>(nullptr, 0, kDim), case_.config.get());
  EXPECT_EQ(rct_index_size(empty.get()), 0);
  EXPECT_EQ(rct_index_graph(empty.get(), 2, nullptr, 0, nullptr, nullptr,
                            nullptr, nullptr, nullptr),
            RCT_OK);
  Arrays arrays(11);
  ASSERT_EQ(rct_index_search_points(empty.get(), new_points_.data(), 11, kDim,
                                    kK, nullptr, nullptr, arrays.rows.data(),
                                    arrays.distances.data(), nullptr),
            RCT_OK);
  EXPECT_EQ(arrays.rows, std::vector<int64_t>(11 * kK, -1));
  EXPECT_EQ(arrays.distances, std::vector<double>(11 * kK, kInfinity));
}

class RctOnceTest : public testing::Test {
 protected:
  const Matrix<double> points_ = MakePoints("cube", kRows, kDim, 1);
  Case case_ = MakeCase("residual");
};

TEST_F(RctOnceTest, Version) { EXPECT_EQ(rct_version(), kVersion); }

TEST_F(RctOnceTest, InducingPointsOfEachKind) {
  const std::vector<int64_t> rows = {4, 250, 17};
  const Matrix<double> places = MakePoints("cube", 6, kDim, 9);
  rct_config* const config = case_.config.get();
  InducingConfig& inducing =
      *case_.metric.mutable_residual()->mutable_inducing();
  const auto check = [&](const char* what) {
    const CIndex c = BuildC(points_.view(), config);
    const Index cpp = BuildCpp(points_.view(), case_.metric);
    Arrays arrays(kRows);
    ASSERT_EQ(
        rct_index_graph(c.get(), kK, nullptr, 0, nullptr, nullptr,
                        arrays.rows.data(), arrays.distances.data(), nullptr),
        RCT_OK);
    EXPECT_TRUE(Same(arrays, cpp.Graph({.k = kK}))) << what;
  };
  rct_config_set_inducing(config, "kmeans++", 9, 3, nullptr);
  inducing.mutable_kmeans_plus_plus()->set_count(9);
  inducing.mutable_kmeans_plus_plus()->set_seed(3);
  check("kmeans++");
  rct_config_set_inducing(config, "kmeans", 9, 3, nullptr);
  inducing.mutable_kmeans()->set_count(9);
  inducing.mutable_kmeans()->set_seed(3);
  check("kmeans");
  rct_config_set_inducing(config, "cover_tree", 9, 3, nullptr);
  inducing.mutable_cover_tree()->set_count(9);
  check("cover_tree");
  rct_config_set_inducing_rows(config, rows.data(), 3, nullptr);
  inducing.mutable_rows()->mutable_row()->Add(rows.begin(), rows.end());
  check("rows");
  rct_config_set_inducing_points(config, places.data(), 6, kDim, nullptr);
  inducing.mutable_coordinates()->mutable_value()->Add(
      places.data(), places.data() + 6 * kDim);
  check("points");
}

TEST_F(RctOnceTest, Rebuilds) {
  const CIndex c = BuildC(points_.view(), case_.config.get());
  const Index cpp = BuildCpp(points_.view(), case_.metric);
  const double scale = 1.5;
  rct_config_set_lengthscales(case_.config.get(), &scale, 1, nullptr);
  KernelConfig& kernel = *case_.metric.mutable_residual()->mutable_kernel();
  kernel.clear_lengthscale();
  kernel.add_lengthscale(scale);
  for (const std::string metric : {"residual", "correlation"}) {
    ResidualConfig changed = case_.metric.residual();
    if (metric == "correlation") {
      changed.mutable_inducing()->mutable_none();
      changed.clear_jitter();
      case_.config.reset(rct_config_new());
      rct_config_set_metric(case_.config.get(), "correlation", nullptr);
      rct_config_set_kernel(case_.config.get(), "matern32", nullptr);
      rct_config_set_variance(case_.config.get(), 2.5, nullptr);
      rct_config_set_lengthscales(case_.config.get(), &scale, 1, nullptr);
    }
    rct_index* rebuilt = nullptr;
    const Said said = Say([&](rct_error** error) {
      return rct_index_rebuild(c.get(), case_.config.get(), nullptr, &rebuilt,
                               error);
    });
    ASSERT_EQ(said.code, RCT_OK) << said.message;
    const CIndex owner(rebuilt);
    EXPECT_EQ(rct_index_metric(rebuilt), metric);
    const auto expected = cpp.residual()->Rebuild(changed);
    ASSERT_THAT(expected.status(), IsOk());
    Arrays arrays(kRows);
    ASSERT_EQ(
        rct_index_graph(rebuilt, kK, nullptr, 0, nullptr, nullptr,
                        arrays.rows.data(), arrays.distances.data(), nullptr),
        RCT_OK);
    EXPECT_TRUE(Same(arrays, expected->Graph({.k = kK})));
  }
}

TEST_F(RctOnceTest, Orders) {
  std::vector<int64_t> order(kRows);
  OrderingConfig config;
  config.set_method(OrderingConfig::MAXMIN);
  ASSERT_EQ(rct_order(points_.data(), kRows, kDim, nullptr, nullptr,
                      order.data(), nullptr),
            RCT_OK);
  EXPECT_THAT(OrderPoints(points_.view(), config), IsOkAndHolds(order));

  const std::vector<double> scales = {1, 2, 3};
  config.mutable_lengthscale()->Add(scales.begin(), scales.end());
  config.set_seed(4);
  config.set_column(2);
  config.set_num_first(100);
  const COrdering ordering(rct_ordering_new());
  rct_ordering_set_lengthscales(ordering.get(), scales.data(), 3, nullptr);
  rct_ordering_set_seed(ordering.get(), 4, nullptr);
  rct_ordering_set_column(ordering.get(), 2, nullptr);
  rct_ordering_set_num_first(ordering.get(), 100, nullptr);
  for (const auto& [name, method] :
       {std::pair("maxmin", OrderingConfig::MAXMIN),
        std::pair("random", OrderingConfig::RANDOM),
        std::pair("coordinate", OrderingConfig::COORDINATE),
        std::pair("middle_out", OrderingConfig::MIDDLE_OUT)}) {
    config.set_method(method);
    ASSERT_EQ(rct_ordering_set_method(ordering.get(), name, nullptr), RCT_OK);
    ASSERT_EQ(rct_order(points_.data(), kRows, kDim, ordering.get(), nullptr,
                        order.data(), nullptr),
              RCT_OK);
    EXPECT_THAT(OrderPoints(points_.view(), config), IsOkAndHolds(order))
        << name;
  }
  EXPECT_EQ(rct_order(nullptr, 0, kDim, nullptr, nullptr, nullptr, nullptr),
            RCT_OK);
}

TEST_F(RctOnceTest, PlacesOnTheEarth) {
  Matrix<double> places(2, 3);
  const double values[] = {178.44, -18.14, 5, -171.77, -13.83, 6};
  std::copy(values, values + 6, places.data());
  const auto expected = LonLatToChord(places.view());
  ASSERT_THAT(expected.status(), IsOk());
  std::vector<double> chords(8);
  ASSERT_EQ(rct_lon_lat(values, 2, 3, chords.data(), nullptr), RCT_OK);
  EXPECT_EQ(std::memcmp(chords.data(), expected->data(), 8 * sizeof(double)),
            0);
}

TEST_F(RctOnceTest, Models) {
  const CIndex c = BuildC(points_.view(), case_.config.get());
  const Index cpp = BuildCpp(points_.view(), case_.metric);
  std::vector<int64_t> order(kRows);
  ASSERT_EQ(rct_order(points_.data(), kRows, kDim, nullptr, nullptr,
                      order.data(), nullptr),
            RCT_OK);
  std::vector<double> y(kRows);
  for (int64_t i = 0; i < kRows; ++i) y[i] = std::sin(3 * points_(i, 0));
  const Matrix<double> at = MakePoints("cube", 9, kDim, 2);
  for (const bool ordered : {false, true}) {
    rct_model* made = nullptr;
    ASSERT_EQ(rct_model_new(c.get(), kK, 0.01, order.data(),
                            ordered ? kRows : 0, nullptr, &made, nullptr),
              RCT_OK);
    const CModel model(made);
    VecchiaOptions options = {.k = kK, .noise = 0.01};
    if (ordered) options.order = order;
    const auto expected = VecchiaModel::Create(*cpp.residual(), options);
    ASSERT_THAT(expected.status(), IsOk());
    EXPECT_EQ(rct_model_size(made), kRows);
    EXPECT_EQ(rct_model_dim(made), kDim);
    EXPECT_EQ(rct_model_k(made), kK);
    double likelihood = 0;
    ASSERT_EQ(
        rct_model_log_likelihood(made, y.data(), kRows, &likelihood, nullptr),
        RCT_OK);
    EXPECT_THAT(expected->LogLikelihood(y), IsOkAndHolds(likelihood));
    std::vector<double> solution(kRows);
    ASSERT_EQ(rct_model_solve(made, y.data(), kRows, solution.data(), nullptr),
              RCT_OK);
    EXPECT_THAT(expected->Solve(y), IsOkAndHolds(solution));
    std::vector<double> mean(9);
    std::vector<double> variance(9);
    ASSERT_EQ(rct_model_predict(made, at.data(), 9, kDim, y.data(), kRows,
                                nullptr, mean.data(), variance.data(), nullptr),
              RCT_OK);
    const auto prediction = expected->Predict(at.view(), y);
    ASSERT_THAT(prediction.status(), IsOk());
    EXPECT_EQ(mean, prediction->mean);
    EXPECT_EQ(variance, prediction->variance);
    EXPECT_EQ(rct_model_predict(made, at.data(), 9, kDim, y.data(), kRows,
                                nullptr, mean.data(), nullptr, nullptr),
              RCT_OK);
  }
}

TEST_F(RctOnceTest, AModelOutlivesItsIndex) {
  CIndex c = BuildC(points_.view(), case_.config.get());
  rct_model* made = nullptr;
  ASSERT_EQ(
      rct_model_new(c.get(), kK, 0.1, nullptr, 0, nullptr, &made, nullptr),
      RCT_OK);
  const CModel model(made);
  c.reset();
  const std::vector<double> y(kRows, 1);
  double likelihood = 0;
  EXPECT_EQ(
      rct_model_log_likelihood(made, y.data(), kRows, &likelihood, nullptr),
      RCT_OK);
}

}  // namespace
}  // namespace rct
