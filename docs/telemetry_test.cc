// What docs/telemetry.md says of lines is what is printed: each field in the
// schema's order, and samples that are lines.

#include "index/telemetry.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "index/telemetry.pb.h"

namespace rct {
namespace {

std::vector<std::string> Lines() {
  return absl::StrSplit(ReadFile("docs/telemetry.md").value(), '\n');
}

// The names in the first column of the tables below a heading.
std::vector<std::string> DocumentedFields(absl::string_view heading) {
  std::vector<std::string> names;
  bool below = false;
  for (const std::string& line : Lines()) {
    if (absl::StartsWith(line, "## ")) below = line == heading;
    absl::string_view rest = line;
    if (below && absl::ConsumePrefix(&rest, "| `")) {
      names.emplace_back(rest.substr(0, rest.find('`')));
    }
  }
  return names;
}

std::vector<std::string> Fields(const google::protobuf::Message& message) {
  std::vector<std::string> names;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    names.push_back(message.GetDescriptor()->field(i)->name());
  }
  return names;
}

// Samples of the message's kind, each of which is the line that it would print.
template <class Line>
int ExpectSamplesAreLines() {
  int samples = 0;
  for (const std::string& line : Lines()) {
    if (!absl::StartsWith(line, "    {")) continue;
    const std::string sample = line.substr(4);
    Line message;
    if (!absl::StartsWith(sample, "{\"kind\":\"" + message.kind() + "\"")) {
      continue;
    }
    EXPECT_TRUE(
        google::protobuf::util::JsonStringToMessage(sample, &message).ok())
        << sample;
    EXPECT_EQ(TelemetryLine(message), sample + "\n");
    ++samples;
  }
  return samples;
}

TEST(TelemetryDocTest, FieldsAreThoseOfTheSchema) {
  EXPECT_EQ(DocumentedFields("## Query lines"), Fields(QueryTelemetry()));
  EXPECT_EQ(DocumentedFields("## Build lines"), Fields(BuildTelemetry()));
  EXPECT_EQ(DocumentedFields("## The header"), Fields(TelemetryHeader()));
}

TEST(TelemetryDocTest, SamplesAreLines) {
  EXPECT_GE(ExpectSamplesAreLines<TelemetryHeader>(), 1);
  EXPECT_GE(ExpectSamplesAreLines<BuildTelemetry>(), 1);
  EXPECT_GE(ExpectSamplesAreLines<QueryTelemetry>(), 1);
}

}  // namespace
}  // namespace rct
