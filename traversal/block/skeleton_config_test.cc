#include "traversal/block/skeleton_config.h"

#include <cmath>

#include "absl/status/status.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "metric/test_data.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/skeleton_bound.pb.h"

namespace rct {
namespace {

using testing::HasSubstr;

TEST(SkeletonOptionsForTest, TakeTheConfigOrFollowTheData) {
  const auto metric = MakeTestModel(MakePoints("normal", 400, 2, 1).view(),
                                    KernelConfig::RBF, 4)
                          .metric;
  SkeletonBoundConfig config;
  EXPECT_EQ(SkeletonOptionsFor(*metric, config, false, {}).block_size, 256);
  EXPECT_EQ(SkeletonOptionsFor(*metric, config, false, {}).rms_residual, 0.05);
  config.set_block_size(64);
  config.set_rms_residual(0.1);
  EXPECT_EQ(SkeletonOptionsFor(*metric, config, false, {}).block_size, 64);
  EXPECT_EQ(SkeletonOptionsFor(*metric, config, false, {}).rms_residual, 0.1);
  EXPECT_GT(SkeletonOptionsFor(*metric, config, true, {}).row_splits, 0);
}

TEST(ValidateSkeletonBoundConfigTest, NamesTheField) {
  const auto invalid = [](const char* field) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field));
  };
  EXPECT_THAT(ValidateSkeletonBoundConfig({}), IsOk());
  SkeletonBoundConfig config;
  config.set_form(SkeletonBoundConfig::FORM_UNSPECIFIED);
  EXPECT_THAT(ValidateSkeletonBoundConfig(config), invalid("form"));
  for (const int size : {-1, 16, 33, 48, 16384}) {
    config.Clear();
    config.set_block_size(size);
    EXPECT_THAT(ValidateSkeletonBoundConfig(config), invalid("block_size"));
  }
  for (const double residual : {-0.1, 1.0, std::nan("")}) {
    config.Clear();
    config.set_rms_residual(residual);
    EXPECT_THAT(ValidateSkeletonBoundConfig(config), invalid("rms_residual"));
  }
  config.Clear();
  config.set_expected_queries(-1);
  EXPECT_THAT(ValidateSkeletonBoundConfig(config), invalid("expected_queries"));
}

}  // namespace
}  // namespace rct
