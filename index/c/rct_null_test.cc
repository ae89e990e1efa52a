// Null pointers in calls from C.

#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "base/matrix.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/c/rct.h"
#include "index/c/test_handles.h"
#include "metric/test_data.h"

namespace rct {
namespace {

using testing::StartsWith;

constexpr int64_t kRows = 50;
constexpr int64_t kDim = 2;

class RctNullTest : public testing::Test {
 protected:
  RctNullTest() {
    EXPECT_EQ(rct_config_set_kernel(config_.get(), "rbf", nullptr), RCT_OK);
    EXPECT_EQ(rct_config_set_inducing(config_.get(), "random", 5, 1, nullptr),
              RCT_OK);
    rct_index* index = nullptr;
    EXPECT_EQ(rct_index_build(points_.data(), kRows, kDim, config_.get(),
                              nullptr, &index, nullptr),
              RCT_OK);
    index_.reset(index);
    rct_model* model = nullptr;
    EXPECT_EQ(
        rct_model_new(index, 3, 0.1, nullptr, 0, nullptr, &model, nullptr),
        RCT_OK);
    model_.reset(model);
  }

  const Matrix<double> points_ = MakePoints("normal", kRows, kDim, 1);
  const CConfig config_{rct_config_new()};
  const CFilter filter_{rct_filter_new()};
  CIndex index_;
  CModel model_;
};

TEST_F(RctNullTest, ErrorsAreOptional) {
  EXPECT_EQ(rct_config_set_kernel(config_.get(), "none", nullptr),
            RCT_INVALID_ARGUMENT);
  EXPECT_EQ(rct_error_code(nullptr), RCT_OK);
  EXPECT_STREQ(rct_error_message(nullptr), "");
  // What the pointer was before does not matter, and success makes it null.
  rct_error* error = reinterpret_cast<rct_error*>(&error);
  EXPECT_EQ(rct_config_set_kernel(config_.get(), "none", &error),
            RCT_INVALID_ARGUMENT);
  rct_error_free(error);
  EXPECT_EQ(rct_config_set_kernel(config_.get(), "rbf", &error), RCT_OK);
  EXPECT_EQ(error, nullptr);
}

TEST_F(RctNullTest, FreeOfNull) {
  rct_error_free(nullptr);
  rct_run_free(nullptr);
  rct_config_free(nullptr);
  rct_index_free(nullptr);
  rct_filter_free(nullptr);
  rct_ranges_free(nullptr);
  rct_ordering_free(nullptr);
  rct_model_free(nullptr);
}

TEST_F(RctNullTest, QuestionsToNull) {
  EXPECT_EQ(rct_index_size(nullptr), -1);
  EXPECT_EQ(rct_index_dim(nullptr), -1);
  EXPECT_EQ(rct_index_num_inducing(nullptr), -1);
  EXPECT_EQ(rct_index_metric(nullptr), nullptr);
  EXPECT_EQ(rct_index_strategy(nullptr), nullptr);
  EXPECT_EQ(rct_ranges_num_queries(nullptr), -1);
  EXPECT_EQ(rct_ranges_num_neighbors(nullptr), -1);
  EXPECT_EQ(rct_ranges_offsets(nullptr), nullptr);
  EXPECT_EQ(rct_ranges_rows(nullptr), nullptr);
  EXPECT_EQ(rct_ranges_distances(nullptr), nullptr);
  EXPECT_EQ(rct_model_size(nullptr), -1);
  EXPECT_EQ(rct_model_dim(nullptr), -1);
  EXPECT_EQ(rct_model_k(nullptr), -1);
}

// Calls each function with one pointer null after the other.
TEST_F(RctNullTest, NullArguments) {
  using E = rct_error**;
  const rct_index* const index = index_.get();
  const rct_model* const model = model_.get();
  rct_config* const config = config_.get();
  const double* const points = points_.data();
  const int64_t row = 0;
  const double y[kRows] = {};
  int64_t neighbors[kRows];
  double numbers[2 * kRows * 3];
  rct_index* made = nullptr;
  rct_ranges* ranges = nullptr;
  rct_model* made_model = nullptr;
  const std::vector<std::tuple<std::string, std::function<int32_t(E)>>> calls =
      {
          {"run", [](E e) { return rct_run_set_threads(nullptr, 1, e); }},
          {"run",
           [](E e) { return rct_run_set_memory_limit_bytes(nullptr, 1, e); }},
          {"run",
           [](E e) {
             return rct_run_set_progress(nullptr, nullptr, nullptr, e);
           }},
          {"run",
           [](E e) {
             return rct_run_set_warning(nullptr, nullptr, nullptr, e);
           }},
          {"config",
           [](E e) { return rct_config_set_metric(nullptr, "residual", e); }},
          {"metric",
           [&](E e) { return rct_config_set_metric(config, nullptr, e); }},
          {"config",
           [](E e) { return rct_config_set_kernel(nullptr, "rbf", e); }},
          {"kernel",
           [&](E e) { return rct_config_set_kernel(config, nullptr, e); }},
          {"config",
           [&](E e) { return rct_config_set_lengthscales(nullptr, y, 1, e); }},
          {"lengthscales",
           [&](E e) {
             return rct_config_set_lengthscales(config, nullptr, 1, e);
           }},
          {"config",
           [](E e) { return rct_config_set_variance(nullptr, 1, e); }},
          {"config",
           [](E e) {
             return rct_config_set_inducing(nullptr, "random", 1, 1, e);
           }},
          {"inducing",
           [&](E e) {
             return rct_config_set_inducing(config, nullptr, 1, 1, e);
           }},
          {"config",
           [&](E e) {
             return rct_config_set_inducing_rows(nullptr, &row, 1, e);
           }},
          {"inducing rows",
           [&](E e) {
             return rct_config_set_inducing_rows(config, nullptr, 1, e);
           }},
          {"config",
           [&](E e) {
             return rct_config_set_inducing_points(nullptr, points, 1, kDim, e);
           }},
          {"inducing points",
           [&](E e) {
             return rct_config_set_inducing_points(config, nullptr, 1, kDim, e);
           }},
          {"config", [](E e) { return rct_config_set_jitter(nullptr, 1, e); }},
          {"config",
           [](E e) { return rct_config_set_strategy(nullptr, "block", e); }},
          {"strategy",
           [&](E e) { return rct_config_set_strategy(config, nullptr, e); }},
          {"points",
           [&](E e) {
             return rct_index_build(nullptr, 1, kDim, config, nullptr, &made,
                                    e);
           }},
          {"config",
           [&](E e) {
             return rct_index_build(points, 1, kDim, nullptr, nullptr, &made,
                                    e);
           }},
          {"index",
           [&](E e) {
             return rct_index_build(points, 1, kDim, config, nullptr, nullptr,
                                    e);
           }},
          {"index",
           [&](E e) {
             return rct_index_rebuild(nullptr, config, nullptr, &made, e);
           }},
          {"config",
           [&](E e) {
             return rct_index_rebuild(index, nullptr, nullptr, &made, e);
           }},
          {"rebuilt",
           [&](E e) {
             return rct_index_rebuild(index, config, nullptr, nullptr, e);
           }},
          {"index",
           [&](E e) {
             return rct_index_append(nullptr, points, 1, kDim, nullptr, &made,
                                     e);
           }},
          {"points",
           [&](E e) {
             return rct_index_append(index, nullptr, 1, kDim, nullptr, &made,
                                     e);
           }},
          {"longer",
           [&](E e) {
             return rct_index_append(index, points, 1, kDim, nullptr, nullptr,
                                     e);
           }},
          {"index",
           [](E e) { return rct_index_save(nullptr, "x", nullptr, e); }},
          {"path",
           [&](E e) { return rct_index_save(index, nullptr, nullptr, e); }},
          {"path",
           [&](E e) { return rct_index_load(nullptr, 0, nullptr, &made, e); }},
          {"index",
           [](E e) { return rct_index_load("x", 0, nullptr, nullptr, e); }},
          {"filter",
           [](E e) { return rct_filter_set_predecessor(nullptr, 1, e); }},
          {"filter",
           [](E e) { return rct_filter_set_exclude_self(nullptr, 1, e); }},
          {"filter", [](E e) { return rct_filter_set_radius(nullptr, 1, e); }},
          {"filter",
           [](E e) { return rct_filter_set_allowed(nullptr, nullptr, 0, e); }},
          {"allowed",
           [&](E e) {
             return rct_filter_set_allowed(filter_.get(), nullptr, 1, e);
           }},
          {"index",
           [&](E e) {
             return rct_index_search(nullptr, &row, 1, 1, nullptr, nullptr,
                                     neighbors, numbers, e);
           }},
          {"rows",
           [&](E e) {
             return rct_index_search(index, nullptr, 1, 1, nullptr, nullptr,
                                     neighbors, numbers, e);
           }},
          {"neighbors",
           [&](E e) {
             return rct_index_search(index, &row, 1, 1, nullptr, nullptr,
                                     nullptr, numbers, e);
           }},
          {"index",
           [&](E e) {
             return rct_index_search_points(nullptr, points, 1, kDim, 1,
                                            nullptr, nullptr, neighbors,
                                            numbers, e);
           }},
          {"points",
           [&](E e) {
             return rct_index_search_points(index, nullptr, 1, kDim, 1, nullptr,
                                            nullptr, neighbors, numbers, e);
           }},
          {"neighbors",
           [&](E e) {
             return rct_index_search_points(index, points, 1, kDim, 1, nullptr,
                                            nullptr, nullptr, numbers, e);
           }},
          {"index",
           [&](E e) {
             return rct_index_graph(nullptr, 1, nullptr, 0, nullptr, nullptr,
                                    neighbors, numbers, e);
           }},
          {"order",
           [&](E e) {
             return rct_index_graph(index, 1, nullptr, 1, nullptr, nullptr,
                                    neighbors, numbers, e);
           }},
          {"neighbors",
           [&](E e) {
             return rct_index_graph(index, 1, nullptr, 0, nullptr, nullptr,
                                    nullptr, numbers, e);
           }},
          {"index",
           [&](E e) {
             return rct_index_range(nullptr, &row, 1, 0.1, nullptr, nullptr,
                                    &ranges, e);
           }},
          {"rows",
           [&](E e) {
             return rct_index_range(index, nullptr, 1, 0.1, nullptr, nullptr,
                                    &ranges, e);
           }},
          {"ranges",
           [&](E e) {
             return rct_index_range(index, &row, 1, 0.1, nullptr, nullptr,
                                    nullptr, e);
           }},
          {"index",
           [&](E e) {
             return rct_index_range_points(nullptr, points, 1, kDim, 0.1,
                                           nullptr, nullptr, &ranges, e);
           }},
          {"points",
           [&](E e) {
             return rct_index_range_points(index, nullptr, 1, kDim, 0.1,
                                           nullptr, nullptr, &ranges, e);
           }},
          {"ranges",
           [&](E e) {
             return rct_index_range_points(index, points, 1, kDim, 0.1, nullptr,
                                           nullptr, nullptr, e);
           }},
          {"ordering",
           [](E e) { return rct_ordering_set_method(nullptr, "maxmin", e); }},
          {"ordering",
           [&](E e) {
             return rct_ordering_set_lengthscales(nullptr, y, 1, e);
           }},
          {"ordering",
           [](E e) { return rct_ordering_set_seed(nullptr, 1, e); }},
          {"ordering",
           [](E e) { return rct_ordering_set_column(nullptr, 1, e); }},
          {"ordering",
           [](E e) { return rct_ordering_set_num_first(nullptr, 1, e); }},
          {"points",
           [&](E e) {
             return rct_order(nullptr, 1, kDim, nullptr, nullptr, neighbors, e);
           }},
          {"order",
           [&](E e) {
             return rct_order(points, 1, kDim, nullptr, nullptr, nullptr, e);
           }},
          {"places",
           [&](E e) { return rct_lon_lat(nullptr, 1, 2, numbers, e); }},
          {"points",
           [&](E e) { return rct_lon_lat(points, 1, 2, nullptr, e); }},
          {"index",
           [&](E e) {
             return rct_model_new(nullptr, 1, 1, nullptr, 0, nullptr,
                                  &made_model, e);
           }},
          {"order",
           [&](E e) {
             return rct_model_new(index, 1, 1, nullptr, 1, nullptr, &made_model,
                                  e);
           }},
          {"model",
           [&](E e) {
             return rct_model_new(index, 1, 1, nullptr, 0, nullptr, nullptr, e);
           }},
          {"model",
           [&](E e) {
             return rct_model_log_likelihood(nullptr, y, kRows, numbers, e);
           }},
          {"y",
           [&](E e) {
             return rct_model_log_likelihood(model, nullptr, kRows, numbers, e);
           }},
          {"log_likelihood",
           [&](E e) {
             return rct_model_log_likelihood(model, y, kRows, nullptr, e);
           }},
          {"model",
           [&](E e) { return rct_model_solve(nullptr, y, kRows, numbers, e); }},
          {"y",
           [&](E e) {
             return rct_model_solve(model, nullptr, kRows, numbers, e);
           }},
          {"solution",
           [&](E e) { return rct_model_solve(model, y, kRows, nullptr, e); }},
          {"model",
           [&](E e) {
             return rct_model_predict(nullptr, points, 1, kDim, y, kRows,
                                      nullptr, numbers, numbers, e);
           }},
          {"points",
           [&](E e) {
             return rct_model_predict(model, nullptr, 1, kDim, y, kRows,
                                      nullptr, numbers, numbers, e);
           }},
          {"y",
           [&](E e) {
             return rct_model_predict(model, points, 1, kDim, nullptr, kRows,
                                      nullptr, numbers, numbers, e);
           }},
          {"mean",
           [&](E e) {
             return rct_model_predict(model, points, 1, kDim, y, kRows, nullptr,
                                      nullptr, numbers, e);
           }},
      };
  for (size_t i = 0; i < calls.size(); ++i) {
    const auto& [name, call] = calls[i];
    const Said said = Say(call);
    EXPECT_EQ(said.code, RCT_INVALID_ARGUMENT) << i;
    EXPECT_THAT(said.message, StartsWith(name + ": is NULL")) << i;
    EXPECT_EQ(call(nullptr), RCT_INVALID_ARGUMENT) << i;
  }
  EXPECT_EQ(made, nullptr);
  EXPECT_EQ(ranges, nullptr);
  EXPECT_EQ(made_model, nullptr);
}

}  // namespace
}  // namespace rct
