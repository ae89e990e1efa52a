// Makes each allocation of calls from C fail once. A call must return its
// answer or RCT_RESOURCE_EXHAUSTED with an error that can be read and freed.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "base/sanitizers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/c/rct.h"
#include "index/c/test_handles.h"
#include "metric/test_data.h"
#include "traversal/allocation_counter.h"

#if defined(__SANITIZE_ADDRESS__)
// A message of protobuf that runs out of memory while it is copied leaks its
// copies.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT
  return "leak:rct::*Config::*Config\nleak:rct::*Options::*Options\n"
         "leak:rct::*Header::*Header\n";
}
#endif

namespace rct {
namespace {

using testing::HasSubstr;

constexpr int64_t kRows = 60;
constexpr int64_t kDim = 2;

// Runs `call` with its first allocation failing, its second, and so on until
// none is left, that allocation alone and with all after it.
void FailEach(const std::function<int32_t(rct_error**)>& call) {
  for (const bool for_good : {false, true}) {
    bool happened = true;
    int64_t errors = 0;
    for (int64_t number = 0; happened; number += kAllocationStep) {
      ASSERT_LT(number, 100'000);
      rct_error* error = nullptr;
      int32_t code = RCT_OK;
      {
        const AllocationFailure failure(number, for_good);
        code = call(&error);
        happened = failure.happened();
      }
      ASSERT_EQ(rct_error_code(error), code);
      if (code != RCT_OK) {
        ++errors;
        ASSERT_TRUE(happened) << rct_error_message(error);
        ASSERT_EQ(code, RCT_RESOURCE_EXHAUSTED) << rct_error_message(error);
        ASSERT_THAT(rct_error_message(error), HasSubstr("memory ran out"));
      }
      rct_error_free(error);
    }
    EXPECT_GT(errors, 0);
  }
}

class RctMemoryTest : public testing::Test {
 public:
  RctMemoryTest() {
    rct_config_set_kernel(config_.get(), "matern32", nullptr);
    rct_config_set_inducing(config_.get(), "random", 5, 1, nullptr);
    rct_run_set_threads(run_.get(), 1, nullptr);
    rct_run_set_warning(
        run_.get(), [](const char*, void*) {}, nullptr, nullptr);
    rct_index* index = nullptr;
    EXPECT_EQ(rct_index_build(points_.data(), kRows, kDim, config_.get(),
                              run_.get(), &index, nullptr),
              RCT_OK);
    index_.reset(index);
  }

  // Returns the neighbors of every row.
  std::vector<int64_t> Neighbors() const {
    std::vector<int64_t> neighbors(3 * kRows);
    EXPECT_EQ(rct_index_graph(index_.get(), 3, nullptr, 0, nullptr, run_.get(),
                              neighbors.data(), nullptr, nullptr),
              RCT_OK);
    return neighbors;
  }

  const Matrix<double> points_ = MakePoints("normal", kRows, kDim, 1);
  const CConfig config_{rct_config_new()};
  const CRun run_{rct_run_new()};
  CIndex index_;
};

TEST_F(RctMemoryTest, Build) {
  FailEach([&](rct_error** error) {
    rct_index* made = nullptr;
    const int32_t code = rct_index_build(
        points_.data(), kRows, kDim, config_.get(), run_.get(), &made, error);
    EXPECT_EQ(made == nullptr, code != RCT_OK);
    rct_index_free(made);
    return code;
  });
}

TEST_F(RctMemoryTest, SetLengthscales) {
  const std::vector<double> scales(100, 1);
  FailEach([&](rct_error** error) {
    return rct_config_set_lengthscales(config_.get(), scales.data(), 100,
                                       error);
  });
}

TEST_F(RctMemoryTest, Graph) {
  std::vector<int64_t> neighbors(3 * kRows);
  FailEach([&](rct_error** error) {
    return rct_index_graph(index_.get(), 3, nullptr, 0, nullptr, run_.get(),
                           neighbors.data(), nullptr, error);
  });
}

TEST_F(RctMemoryTest, Range) {
  const int64_t row = 0;
  FailEach([&](rct_error** error) {
    rct_ranges* ranges = nullptr;
    const int32_t code = rct_index_range(index_.get(), &row, 1, 0.9, nullptr,
                                         run_.get(), &ranges, error);
    EXPECT_EQ(ranges == nullptr, code != RCT_OK);
    rct_ranges_free(ranges);
    return code;
  });
}

// Calls that make an index. The one that they were given answers as before.
TEST_F(RctMemoryTest, Indexes) {
  const std::string path = testing::TempDir() + "/index";
  ASSERT_EQ(rct_index_save(index_.get(), path.c_str(), run_.get(), nullptr),
            RCT_OK);
  if (kThreadSanitizer) {
    // Its std::call_once waits for ever where a first call threw, as that of
    // Protocol Buffers for a message may.
    rct_index* loaded = nullptr;
    ASSERT_EQ(rct_index_load(path.c_str(), 0, run_.get(), &loaded, nullptr),
              RCT_OK);
    rct_index_free(loaded);
  }
  using Make =
      int32_t (*)(const RctMemoryTest&, const char*, rct_index**, rct_error**);
  const Make calls[] = {
      [](const RctMemoryTest& t, const char*, rct_index** made,
         rct_error** error) {
        return rct_index_rebuild(t.index_.get(), t.config_.get(), t.run_.get(),
                                 made, error);
      },
      [](const RctMemoryTest& t, const char*, rct_index** made,
         rct_error** error) {
        return rct_index_append(t.index_.get(), t.points_.data(), 3, kDim,
                                t.run_.get(), made, error);
      },
      [](const RctMemoryTest& t, const char* file, rct_index** made,
         rct_error** error) {
        return rct_index_load(file, 0, t.run_.get(), made, error);
      },
      [](const RctMemoryTest& t, const char* file, rct_index** made,
         rct_error** error) {
        return rct_index_load(file, 1, t.run_.get(), made, error);
      }};
  const std::vector<int64_t> before = Neighbors();
  for (const Make call : calls) {
    FailEach([&](rct_error** error) {
      rct_index* made = nullptr;
      const int32_t code = call(*this, path.c_str(), &made, error);
      EXPECT_EQ(made == nullptr, code != RCT_OK);
      rct_index_free(made);
      return code;
    });
    EXPECT_EQ(Neighbors(), before);
  }
  FailEach([&](rct_error** error) {
    return rct_index_save(index_.get(), path.c_str(), run_.get(), error);
  });
}

TEST_F(RctMemoryTest, NewPoints) {
  std::vector<int64_t> neighbors(6);
  FailEach([&](rct_error** error) {
    return rct_index_search_points(index_.get(), points_.data(), 2, kDim, 3,
                                   nullptr, run_.get(), neighbors.data(),
                                   nullptr, error);
  });
}

TEST_F(RctMemoryTest, Orders) {
  std::vector<int64_t> order(kRows);
  FailEach([&](rct_error** error) {
    return rct_order(points_.data(), kRows, kDim, nullptr, run_.get(),
                     order.data(), error);
  });
}

TEST_F(RctMemoryTest, Models) {
  const auto make = [&](rct_model** model, rct_error** error) {
    return rct_model_new(index_.get(), 3, 0.1, nullptr, 0, run_.get(), model,
                         error);
  };
  FailEach([&](rct_error** error) {
    rct_model* made = nullptr;
    const int32_t code = make(&made, error);
    EXPECT_EQ(made == nullptr, code != RCT_OK);
    rct_model_free(made);
    return code;
  });
  rct_model* made = nullptr;
  ASSERT_EQ(make(&made, nullptr), RCT_OK);
  const CModel model(made);
  const std::vector<double> y(kRows, 1.5);
  std::vector<double> mean(2), variance(2);
  FailEach([&](rct_error** error) {
    return rct_model_predict(model.get(), points_.data(), 2, kDim, y.data(),
                             kRows, run_.get(), mean.data(), variance.data(),
                             error);
  });
}

TEST_F(RctMemoryTest, New) {
  const AllocationFailure failure(0, /*for_good=*/true);
  EXPECT_EQ(rct_run_new(), nullptr);
  EXPECT_EQ(rct_config_new(), nullptr);
  EXPECT_EQ(rct_filter_new(), nullptr);
  EXPECT_EQ(rct_ordering_new(), nullptr);
}

TEST_F(RctMemoryTest, NoMemoryForAnyError) {
  rct_error* error = nullptr;
  int32_t code = RCT_OK;
  {
    const AllocationFailure failure(0, /*for_good=*/true);
    code = rct_config_set_variance(nullptr, 1, &error);
  }
  EXPECT_EQ(code, RCT_RESOURCE_EXHAUSTED);
  EXPECT_EQ(rct_error_code(error), code);
  EXPECT_THAT(rct_error_message(error), HasSubstr("memory ran out"));
  rct_error_free(error);
  rct_error_free(error);  // It is nobody's.
}

}  // namespace
}  // namespace rct
