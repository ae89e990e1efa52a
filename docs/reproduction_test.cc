// What docs/reproduction.md shows can be done.

#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/status_matchers.h"
#include "experiments/record.pb.h"
#include "experiments/runner.h"
#include "experiments/sweep.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"

namespace rct {
namespace {

// The block of indented lines that begins with `first`, without the indent.
std::string Block(const std::string& text, std::string_view first) {
  std::string block;
  bool inside = false;
  for (std::string_view line : absl::StrSplit(text, '\n')) {
    const bool indented = absl::ConsumePrefix(&line, "    ");
    inside = (inside && (indented || line.empty())) || line == first;
    if (inside) block.append(line).append("\n");
  }
  return block;
}

TEST(ReproductionTest, TheConfigIsASweepThatBeginsWithTheDefaultStrategy) {
  const std::string text =
      Block(ReadFile("docs/reproduction.md").value(), "# mine.textproto");
  // Ends at the command that runs it.
  SweepConfig config;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      text.substr(0, text.find("./tools/bazel")), &config))
      << text;

  std::filesystem::current_path(testing::TempDir());
  ASSERT_THAT(WriteNpy("points.npy",
                       MakePointSet(PointSet::kNormal, 1200, 3, 1).view()),
              IsOk());
  const absl::StatusOr<RunRecord> record =
      RunSweep(config, {.check_only = true});
  ASSERT_THAT(record, IsOk());
  EXPECT_TRUE(AllGatesPass(*record));
  ASSERT_EQ(config.case__size(), 3);
  EXPECT_EQ(config.case_(0).strategy(), EXHAUSTIVE);
  EXPECT_EQ(config.case_(1).strategy(), IndexOptions().strategy());
}

}  // namespace
}  // namespace rct
