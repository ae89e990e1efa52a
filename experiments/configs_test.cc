// All configs that come with the project are valid, and the presets, which take
// seconds, are run.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/status_matchers.h"
#include "base/text_proto.h"
#include "experiments/cases.h"
#include "experiments/paths.h"
#include "experiments/record.pb.h"
#include "experiments/render.h"
#include "experiments/runner.h"
#include "experiments/sweep.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"

namespace rct {
namespace {

using testing::Contains;
using testing::EndsWith;
using testing::SizeIs;

std::vector<std::string> Configs(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(ResolveProjectPath(folder))) {
    if (entry.path().extension() == ".textproto") {
      paths.push_back(entry.path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(ConfigsTest, AreSweeps) {
  const std::vector<std::string> paths = Configs("//experiments/configs");
  EXPECT_THAT(paths, Contains(EndsWith("/gold.textproto")));
  for (const std::string& path : paths) {
    SweepConfig config;
    ASSERT_THAT(ReadTextProto(path, config), IsOk());
    EXPECT_THAT(ExpandCases(config), IsOk()) << path;
    EXPECT_NE(config.title(), "") << path;
  }
}

TEST(ConfigsTest, PresetsPass) {
  const std::vector<std::string> paths =
      Configs("//experiments/configs/presets");
  EXPECT_THAT(paths, Contains(EndsWith("/quick.textproto")));
  for (const std::string& path : paths) {
    SweepConfig config;
    ASSERT_THAT(ReadTextProto(path, config), IsOk());
    // Exhaustive search compares a sample; gold_workload_test compares all.
    const auto record = RunSweep(
        config, {.audit = 64, .check_only = true, .cases = "^(?!exh)"});
    ASSERT_THAT(record, IsOk()) << path;
    EXPECT_TRUE(AllGatesPass(*record)) << path << "\n" << RenderTable(*record);
    EXPECT_THAT(record->deterministic().workload(),
                SizeIs(config.workload_size()));
  }
}

// The first table that a user sees begins with the default of an index.
TEST(ConfigsTest, QuickBeginsWithTheDefaultStrategy) {
  SweepConfig config;
  ASSERT_THAT(
      ReadTextProto(
          ResolveProjectPath("//experiments/configs/presets/quick.textproto"),
          config),
      IsOk());
  const std::vector<SweepCase> cases = ExpandCases(config).value();
  ASSERT_GE(cases.size(), 2u);
  EXPECT_EQ(cases[0].strategy(), EXHAUSTIVE);
  EXPECT_EQ(cases[1].strategy(), IndexOptions().strategy());
}

}  // namespace
}  // namespace rct
