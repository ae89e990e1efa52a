// What goes wrong in calls from C: each is a code and a text, and changes
// nothing.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/c/rct.h"
#include "index/c/test_handles.h"
#include "metric/test_data.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr int64_t kRows = 400;
constexpr int64_t kDim = 2;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

auto Says(int32_t code, const std::string& text) {
  return AllOf(Field("code", &Said::code, code),
               Field("message", &Said::message, HasSubstr(text)));
}
auto IsInvalid(const std::string& text) {
  return Says(RCT_INVALID_ARGUMENT, text);
}

class RctErrorsTest : public testing::Test {
 protected:
  RctErrorsTest() {
    const double scale = 0.5;
    EXPECT_EQ(rct_config_set_kernel(config_.get(), "rbf", nullptr), RCT_OK);
    EXPECT_EQ(rct_config_set_lengthscales(config_.get(), &scale, 1, nullptr),
              RCT_OK);
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
    rct_config_set_metric(euclidean_.get(), "euclidean", nullptr);
  }

  // Builds from any points and expects no index on failure.
  Said Build(const double* points, int64_t n, int64_t d,
             const rct_config* config, const rct_run* run = nullptr) {
    rct_index* index = index_.get();
    Said said = Say([&](rct_error** error) {
      return rct_index_build(points, n, d, config, run, &index, error);
    });
    const CIndex owner(index);
    EXPECT_EQ(index == nullptr, said.code != RCT_OK);
    return said;
  }
  Said Build(const rct_config* config) {
    return Build(points_.data(), kRows, kDim, config);
  }

  // Searches for rows and expects that the arrays are left alone on failure.
  Said Search(const std::vector<int64_t>& rows, int64_t k,
              const rct_filter* filter = nullptr) {
    std::vector<int64_t> neighbors(100, -7);
    std::vector<double> distances(100, -7);
    Said said = Say([&](rct_error** error) {
      return rct_index_search(
          index_.get(), rows.data(), static_cast<int64_t>(rows.size()), k,
          filter, nullptr, neighbors.data(), distances.data(), error);
    });
    if (said.code != RCT_OK) {
      EXPECT_THAT(neighbors, Each(-7));
      EXPECT_THAT(distances, Each(-7));
    }
    return said;
  }

  const Matrix<double> points_ = MakePoints("normal", kRows, kDim, 1);
  const CConfig config_{rct_config_new()};
  const CConfig euclidean_{rct_config_new()};
  const CFilter filter_{rct_filter_new()};
  CIndex index_;
  CModel model_;
};

TEST_F(RctErrorsTest, Words) {
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_config_set_metric(config_.get(), "cosine", e);
              }),
              IsInvalid("metric: there is no 'cosine'; choose one of residual, "
                        "correlation, euclidean"));
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_config_set_kernel(config_.get(),
                                             "family_unspecified", e);
              }),
              IsInvalid("choose one of rbf, matern12, matern32, matern52"));
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_config_set_inducing(config_.get(), "best", 3, 1, e);
              }),
              IsInvalid("choose one of random, kmeans++, kmeans, cover_tree"));
  EXPECT_THAT(
      Say([&](rct_error** e) {
        return rct_config_set_strategy(config_.get(), "BLOCK", e);
      }),
      IsInvalid(
          "choose one of exhaustive, level_synchronous, best_first, block"));
  const COrdering ordering(rct_ordering_new());
  EXPECT_THAT(
      Say([&](rct_error** e) {
        return rct_ordering_set_method(ordering.get(), "", e);
      }),
      IsInvalid("choose one of maxmin, random, coordinate, middle_out"));
  // A word that does not exist leaves the choice as it was.
  EXPECT_THAT(Build(config_.get()), Says(RCT_OK, ""));
}

TEST_F(RctErrorsTest, Shapes) {
  const double* const points = points_.data();
  const rct_config* const config = config_.get();
  EXPECT_THAT(Build(points, -1, kDim, config),
              IsInvalid("points: the number of rows is -1"));
  EXPECT_THAT(Build(points, 1, -1, config),
              IsInvalid("points: the number of columns is -1"));
  EXPECT_THAT(Build(points, INT64_MAX, kDim, config), IsInvalid("rows is"));
  EXPECT_THAT(Build(points, 1, INT64_MAX, config), IsInvalid("columns is"));
  EXPECT_THAT(Build(points, kRows, 0, config), IsInvalid("points"));
  EXPECT_THAT(Search({}, 0), IsInvalid("k"));
  EXPECT_THAT(Search({1}, -1), IsInvalid("k"));
  EXPECT_THAT(Search({1}, INT64_MAX), IsInvalid("k"));
  EXPECT_THAT(Search({0, kRows}, 1), IsInvalid("400"));
  EXPECT_THAT(Search({0, -1}, 1), IsInvalid("-1"));
  int64_t neighbor = 0;
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_index_search(index_.get(), &neighbor, -1, 1, nullptr,
                                        nullptr, &neighbor, nullptr, e);
              }),
              IsInvalid("rows: the number of elements is -1"));
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_index_search_points(index_.get(), points, 1,
                                               kDim + 1, 1, nullptr, nullptr,
                                               &neighbor, nullptr, e);
              }),
              IsInvalid("coordinates"));
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_index_graph(index_.get(), 1, &neighbor, 1, nullptr,
                                       nullptr, &neighbor, nullptr, e);
              }),
              IsInvalid("order"));
  rct_index* longer = nullptr;
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_index_append(index_.get(), points, 1, 1, nullptr,
                                        &longer, e);
              }),
              IsInvalid("points: the number of columns is 1"));
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_config_set_inducing_points(config_.get(), points,
                                                      1 << 15, 1 << 17, e);
              }),
              IsInvalid("inducing points: 32768 x 131072"));
  double number = 5;
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_model_log_likelihood(model_.get(), points, 3,
                                                &number, e);
              }),
              IsInvalid("3"));
  EXPECT_EQ(number, 5);
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_model_predict(model_.get(), points, 1, kDim, points,
                                         3, nullptr, &number, nullptr, e);
              }),
              IsInvalid("3"));
  EXPECT_THAT(
      Say([&](rct_error** e) { return rct_lon_lat(points, 1, 1, &number, e); }),
      IsInvalid("places: the number of columns is 1"));
  EXPECT_EQ(number, 5);
}

TEST_F(RctErrorsTest, Options) {
  const CConfig fresh(rct_config_new());
  EXPECT_THAT(Build(fresh.get()),
              IsInvalid("kernel: is not given; call rct_config_set_kernel"));
  rct_config_set_kernel(fresh.get(), "rbf", nullptr);
  EXPECT_THAT(
      Build(fresh.get()),
      IsInvalid("inducing: is not given; call rct_config_set_inducing"));
  rct_config_set_metric(config_.get(), "correlation", nullptr);
  EXPECT_THAT(Build(config_.get()),
              IsInvalid("inducing: the metric \"correlation\" has no use"));
  rct_config_set_metric(fresh.get(), "euclidean", nullptr);
  EXPECT_THAT(Build(fresh.get()),
              IsInvalid("kernel: the metric \"euclidean\" has no use"));
  rct_config_set_variance(euclidean_.get(), 2, nullptr);
  EXPECT_THAT(Build(euclidean_.get()), IsInvalid("variance: the metric"));
  rct_config_set_metric(fresh.get(), "correlation", nullptr);
  rct_config_set_jitter(fresh.get(), 1e-3, nullptr);
  EXPECT_THAT(Build(fresh.get()), IsInvalid("jitter: the metric"));
}

TEST_F(RctErrorsTest, Values) {
  rct_config* const config = config_.get();
  const double bad = -1;
  rct_config_set_lengthscales(config, &bad, 1, nullptr);
  EXPECT_THAT(Build(config), IsInvalid("lengthscale"));
  rct_config_set_lengthscales(config, nullptr, 0, nullptr);
  rct_config_set_variance(config, 0, nullptr);
  EXPECT_THAT(Build(config), IsInvalid("variance"));
  rct_config_set_variance(config, 1, nullptr);
  rct_config_set_jitter(config, -1, nullptr);
  EXPECT_THAT(Build(config), IsInvalid("jitter"));
  rct_config_set_jitter(config, 1e-6, nullptr);
  rct_config_set_inducing(config, "random", kRows + 1, 1, nullptr);
  EXPECT_THAT(Build(config), IsInvalid("401"));
  const int64_t rows[] = {3, 3};
  rct_config_set_inducing_rows(config, rows, 2, nullptr);
  EXPECT_THAT(Build(config), IsInvalid("3"));
  Matrix<double> holed = points_.Clone();
  holed(17, 1) = kNan;
  EXPECT_THAT(Build(holed.data(), kRows, kDim, euclidean_.get()),
              IsInvalid("row 17"));

  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_filter_set_radius(filter_.get(), kNan, e);
              }),
              IsInvalid("radius: is NaN"));
  const uint8_t flags[] = {1, 0};
  rct_filter_set_allowed(filter_.get(), flags, 2, nullptr);
  EXPECT_THAT(Search({1}, 1, filter_.get()), IsInvalid("allowed"));

  const CRun run(rct_run_new());
  for (const int32_t threads : {-1, 4097}) {
    EXPECT_THAT(Say([&](rct_error** e) {
                  return rct_run_set_threads(run.get(), threads, e);
                }),
                IsInvalid("threads"));
  }
}

TEST_F(RctErrorsTest, RadiusOfARangeSearch) {
  const int64_t row = 0;
  rct_ranges* ranges = nullptr;
  const auto range = [&](double radius, const rct_filter* filter) {
    return Say([&](rct_error** e) {
      return rct_index_range(index_.get(), &row, 1, radius, filter, nullptr,
                             &ranges, e);
    });
  };
  EXPECT_THAT(range(kNan, nullptr), IsInvalid("radius"));
  rct_filter_set_radius(filter_.get(), 0.5, nullptr);
  EXPECT_THAT(range(0.5, filter_.get()),
              IsInvalid("radius: a range search takes it as an argument"));
  EXPECT_EQ(ranges, nullptr);
}

TEST_F(RctErrorsTest, NewPointsHaveNoRow) {
  rct_filter_set_predecessor(filter_.get(), 1, nullptr);
  int64_t neighbor = -7;
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_index_search_points(index_.get(), points_.data(), 1,
                                               kDim, 1, filter_.get(), nullptr,
                                               &neighbor, nullptr, e);
              }),
              IsInvalid("predecessor"));
  EXPECT_EQ(neighbor, -7);
}

TEST_F(RctErrorsTest, OtherMetrics) {
  rct_index* made = nullptr;
  ASSERT_EQ(rct_index_build(points_.data(), kRows, kDim, euclidean_.get(),
                            nullptr, &made, nullptr),
            RCT_OK);
  const CIndex owner(made);
  rct_model* model = model_.get();
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_model_new(owner.get(), 3, 0.1, nullptr, 0, nullptr,
                                     &model, e);
              }),
              Says(RCT_FAILED_PRECONDITION, "no covariance function"));
  EXPECT_EQ(model, nullptr);
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_index_rebuild(owner.get(), config_.get(), nullptr,
                                         &made, e);
              }),
              Says(RCT_FAILED_PRECONDITION, "cannot be rebuilt"));
  EXPECT_EQ(made, nullptr);
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_index_rebuild(index_.get(), euclidean_.get(),
                                         nullptr, &made, e);
              }),
              IsInvalid("metric: an index is rebuilt under"));
}

TEST_F(RctErrorsTest, Files) {
  const std::string missing = testing::TempDir() + "/no/such.rct";
  rct_index* made = nullptr;
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_index_load(missing.c_str(), 0, nullptr, &made, e);
              }),
              Says(RCT_NOT_FOUND, "such.rct"));
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_index_save(index_.get(), missing.c_str(), nullptr,
                                      e);
              }),
              Says(RCT_NOT_FOUND, "such.rct"));
  EXPECT_THAT(Say([&](rct_error** e) {
                return rct_index_load("/proc/self/cmdline", 0, nullptr, &made,
                                      e);
              }),
              IsInvalid("cmdline"));
  EXPECT_EQ(made, nullptr);
}

TEST_F(RctErrorsTest, MemoryLimits) {
  const CRun run(rct_run_new());
  const auto limit = [&](int64_t bytes) {
    return Say([&](rct_error** e) {
      return rct_run_set_memory_limit_bytes(run.get(), bytes, e);
    });
  };
  const auto load = [&](const std::string& path, int32_t map, CIndex& loaded) {
    rct_index* index = nullptr;
    Said said = Say([&](rct_error** e) {
      return rct_index_load(path.c_str(), map, run.get(), &index, e);
    });
    loaded.reset(index);
    return said;
  };
  EXPECT_THAT(limit(-1), IsInvalid("memory_limit_bytes: is -1"));
  for (const rct_config* const config : {config_.get(), euclidean_.get()}) {
    ASSERT_EQ(limit(1000).code, RCT_OK);
    EXPECT_THAT(Build(points_.data(), kRows, kDim, config, run.get()),
                Says(RCT_RESOURCE_EXHAUSTED,
                     "memory_limit_bytes: an index of 400 points"));
    ASSERT_EQ(limit(1 << 20).code, RCT_OK);
    rct_index* index = nullptr;
    ASSERT_EQ(rct_index_build(points_.data(), kRows, kDim, config, run.get(),
                              &index, nullptr),
              RCT_OK);
    const CIndex built(index);
    // What is made of it keeps to its limit, whatever the run says.
    const Matrix<double> many = MakePoints("normal", 100 * kRows, kDim, 2);
    rct_index* longer = nullptr;
    EXPECT_THAT(Say([&](rct_error** e) {
                  return rct_index_append(built.get(), many.data(), 100 * kRows,
                                          kDim, nullptr, &longer, e);
                }),
                Says(RCT_RESOURCE_EXHAUSTED, "40400 points"));
    EXPECT_EQ(longer, nullptr);

    const std::string path = testing::TempDir() + "/limited.rct";
    ASSERT_EQ(rct_index_save(built.get(), path.c_str(), nullptr, nullptr),
              RCT_OK);
    CIndex loaded;
    EXPECT_EQ(load(path, 0, loaded).code, RCT_OK);
    EXPECT_EQ(rct_index_size(loaded.get()), kRows);
    ASSERT_EQ(limit(1000).code, RCT_OK);
    EXPECT_THAT(load(path, 0, loaded),
                Says(RCT_RESOURCE_EXHAUSTED, "limited.rct takes "));
    EXPECT_EQ(loaded, nullptr);
  }
}

// A caller who watches, and may stop, calls.
struct Watcher {
  std::vector<double> heard = {};
  size_t stop_after = SIZE_MAX;
  bool throws = false;
};
int32_t Listen(double done, void* user) {
  auto& watcher = *static_cast<Watcher*>(user);
  if (watcher.throws) throw std::runtime_error("no more");
  watcher.heard.push_back(done);
  return watcher.heard.size() >= watcher.stop_after ? 1 : 0;
}

TEST_F(RctErrorsTest, EachLongCallCanBeWatchedAndStopped) {
  const std::string path = testing::TempDir() + "/watched.rct";
  ASSERT_EQ(rct_index_save(index_.get(), path.c_str(), nullptr, nullptr),
            RCT_OK);
  const CRun run(rct_run_new());
  Watcher watcher;
  rct_run_set_progress(run.get(), Listen, &watcher, nullptr);
  const rct_run* const r = run.get();
  const rct_index* const index = index_.get();
  const double* const points = points_.data();
  std::vector<int64_t> rows(kRows);
  std::vector<double> numbers(kRows);
  const std::vector<std::function<int32_t(rct_error**)>> calls = {
      [&](rct_error** e) {
        rct_index* made = nullptr;
        const int32_t code =
            rct_index_build(points, kRows, kDim, config_.get(), r, &made, e);
        rct_index_free(made);
        return code;
      },
      [&](rct_error** e) {
        rct_index* made = nullptr;
        const int32_t code =
            rct_index_rebuild(index, config_.get(), r, &made, e);
        rct_index_free(made);
        return code;
      },
      [&](rct_error** e) {
        rct_index* made = nullptr;
        const int32_t code =
            rct_index_append(index, points, 5, kDim, r, &made, e);
        rct_index_free(made);
        return code;
      },
      [&](rct_error** e) {
        return rct_index_save(index, (path + "2").c_str(), r, e);
      },
      [&](rct_error** e) {
        rct_index* made = nullptr;
        const int32_t code = rct_index_load(path.c_str(), 0, r, &made, e);
        rct_index_free(made);
        return code;
      },
      [&](rct_error** e) {
        return rct_index_search(index, rows.data(), kRows, 1, nullptr, r,
                                rows.data(), nullptr, e);
      },
      [&](rct_error** e) {
        return rct_index_search_points(index, points, kRows, kDim, 1, nullptr,
                                       r, rows.data(), nullptr, e);
      },
      [&](rct_error** e) {
        return rct_index_graph(index, 1, nullptr, 0, nullptr, r, rows.data(),
                               nullptr, e);
      },
      [&](rct_error** e) {
        rct_ranges* ranges = nullptr;
        const int32_t code =
            rct_index_range(index, rows.data(), 1, 0.1, nullptr, r, &ranges, e);
        rct_ranges_free(ranges);
        return code;
      },
      [&](rct_error** e) {
        rct_ranges* ranges = nullptr;
        const int32_t code = rct_index_range_points(index, points, 1, kDim, 0.1,
                                                    nullptr, r, &ranges, e);
        rct_ranges_free(ranges);
        return code;
      },
      [&](rct_error** e) {
        return rct_order(points, kRows, kDim, nullptr, r, rows.data(), e);
      },
      [&](rct_error** e) {
        rct_model* made = nullptr;
        const int32_t code =
            rct_model_new(index, 3, 0.1, nullptr, 0, r, &made, e);
        rct_model_free(made);
        return code;
      },
      [&](rct_error** e) {
        return rct_model_predict(model_.get(), points, 5, kDim, points, kRows,
                                 r, numbers.data(), nullptr, e);
      },
  };
  for (size_t i = 0; i < calls.size(); ++i) {
    SCOPED_TRACE(i);
    std::fill(rows.begin(), rows.end(), 0);
    watcher = {.stop_after = 1};
    EXPECT_THAT(Say(calls[i]).code, RCT_CANCELLED);
    EXPECT_THAT(watcher.heard, testing::ElementsAre(0.0));
    EXPECT_THAT(rows, Each(0));
    watcher = {.throws = true};
    EXPECT_THAT(Say(calls[i]), Says(RCT_UNKNOWN, "a callback threw: no more"));
    EXPECT_THAT(rows, Each(0));
    watcher = {};
    EXPECT_EQ(Say(calls[i]).code, RCT_OK);
    EXPECT_THAT(watcher.heard, Not(IsEmpty()));
    EXPECT_TRUE(std::is_sorted(watcher.heard.begin(), watcher.heard.end()));
  }
}

TEST_F(RctErrorsTest, NobodyWatchesAnyLonger) {
  const CRun run(rct_run_new());
  Watcher watcher = {.stop_after = 1};
  rct_run_set_progress(run.get(), Listen, &watcher, nullptr);
  rct_run_set_progress(run.get(), nullptr, nullptr, nullptr);
  EXPECT_THAT(Build(points_.data(), kRows, kDim, config_.get(), run.get()),
              Says(RCT_OK, ""));
  EXPECT_THAT(watcher.heard, IsEmpty());
}

void Note(const char* text, void* user) {
  static_cast<std::vector<std::string>*>(user)->push_back(text);
}

TEST_F(RctErrorsTest, Warnings) {
  const CRun run(rct_run_new());
  std::vector<std::string> texts;
  rct_run_set_warning(run.get(), Note, &texts, nullptr);
  EXPECT_THAT(Build(points_.data(), kRows, kDim, config_.get(), run.get()),
              Says(RCT_OK, ""));
  EXPECT_THAT(texts, IsEmpty());
  // A lengthscale in another unit than the coordinates.
  const double scale = 1e-9;
  rct_config_set_lengthscales(config_.get(), &scale, 1, nullptr);
  rct_index* made = nullptr;
  ASSERT_EQ(rct_index_build(points_.data(), kRows, kDim, config_.get(),
                            run.get(), &made, nullptr),
            RCT_OK);
  const CIndex owner(made);
  std::vector<int64_t> neighbors(kRows);
  ASSERT_EQ(rct_index_graph(made, 1, nullptr, 0, nullptr, run.get(),
                            neighbors.data(), nullptr, nullptr),
            RCT_OK);
  EXPECT_THAT(texts, SizeIs(1));
  std::vector<int64_t> rows(20);
  rct_ranges* ranges = nullptr;
  ASSERT_EQ(rct_index_range(made, rows.data(), 20, 2, nullptr, run.get(),
                            &ranges, nullptr),
            RCT_OK);
  rct_ranges_free(ranges);
  EXPECT_THAT(texts, SizeIs(2));
}

}  // namespace
}  // namespace rct
