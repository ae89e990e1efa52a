// Compares the tables that are checked in with those that their configs make.

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/status_matchers.h"
#include "base/text_proto.h"
#include "experiments/paths.h"
#include "experiments/record.pb.h"
#include "experiments/render.h"
#include "experiments/runner.h"
#include "experiments/sweep.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::HasSubstr;

std::string ConfigPath(const std::string& name) {
  return absl::StrCat("experiments/configs/", name, ".textproto");
}
std::string TablePath(const std::string& name) {
  return absl::StrCat("experiments/tables/", name, ".md");
}

// Small tables of counters are computed again: they are the same on any
// machine.
TEST(TablesTest, SmallOnesAreComputedAgain) {
  const std::string name = "all_subsets";
  SweepConfig config;
  const auto text =
      ReadTextProto(ResolveProjectPath("//" + ConfigPath(name)), config);
  ASSERT_THAT(text, IsOk());
  auto record = RunSweep(config, {.check_only = true});
  ASSERT_THAT(record, IsOk());
  const std::string command = absl::StrCat(
      "./tools/bazel run //experiments:sweep -- --config=", ConfigPath(name));
  record->mutable_deterministic()->set_config_digest(Sha256Hex(*text));
  record->mutable_provenance()->set_command(command);
  EXPECT_EQ(ReadFile(ResolveProjectPath("//" + TablePath(name))).value(),
            RenderCounters(*record))
      << "Where the change is meant:\n  " << command << " &&\n  cp results/"
      << name << "/counters.md " << TablePath(name);
}

// Large tables are not, but each names the config that made it.
TEST(TablesTest, EachIsOfItsConfigAsItStands) {
  for (const auto& entry : std::filesystem::directory_iterator(
           ResolveProjectPath("//experiments/tables"))) {
    const std::string name = entry.path().stem().string();
    const auto config = ReadFile(ResolveProjectPath("//" + ConfigPath(name)));
    ASSERT_THAT(config, IsOk());
    EXPECT_THAT(ReadFile(entry.path().string()).value(),
                HasSubstr("\nConfig: sha256 " + Sha256Hex(*config) + "\n"))
        << TablePath(name) << " is not of " << ConfigPath(name)
        << "; run the command below the table and renew it";
  }
}

}  // namespace
}  // namespace rct
