#include "base/text_proto.h"

#include <string>

#include "absl/status/status.h"
#include "base/file.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using google::protobuf::FileDescriptorProto;
using google::protobuf::UninterpretedOption;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string WriteText(const std::string& text) {
  std::string path = testing::TempDir() + "/message.textproto";
  EXPECT_THAT(WriteFileAtomically(path, text), IsOk());
  return path;
}

TEST(TextProtoTest, ReadsTheMessageAndReturnsTheTextAsItIs) {
  const std::string text =
      "# a comment\nname: 'a'  dependency: [ 'b', \"c\" ]\n\n";
  FileDescriptorProto message;
  message.set_package("what was there before");
  EXPECT_THAT(ReadTextProto(WriteText(text), message), IsOkAndHolds(text));
  EXPECT_EQ(message.ShortDebugString(),
            R"(name: "a" dependency: "b" dependency: "c")");
}

TEST(TextProtoTest, AnEmptyFileIsAnEmptyMessage) {
  FileDescriptorProto message;
  EXPECT_THAT(ReadTextProto(WriteText(""), message), IsOkAndHolds(""));
  EXPECT_EQ(message.ByteSizeLong(), 0u);
}

TEST(TextProtoTest, ReadsBackWhatItWrites) {
  UninterpretedOption written;
  written.set_double_value(0.1 + 0.2);  // takes 17 digits
  written.set_negative_int_value(-9007199254740993);
  written.set_identifier_value("quotes \" ' \\, a line\nand \xc3\xa9");
  const std::string path = WriteText(WriteTextProto(written));
  UninterpretedOption read;
  ASSERT_THAT(ReadTextProto(path, read), IsOk());
  EXPECT_EQ(read.SerializeAsString(), written.SerializeAsString());
  EXPECT_EQ(WriteTextProto(FileDescriptorProto()), "");
}

TEST(TextProtoTest, ErrorsNameFileLineAndColumn) {
  const struct {
    const char* text;
    const char* place;
    const char* problem;
  } cases[] = {
      {"name: 'a'\n  size: 3\n", "line 2, column 7: ", "\"size\""},
      {"name: 'a'\nsyntax: {", "line 2, column 9: ", "{"},
      {"name: 3", "line 1, column 7: ", "string"},
      {"message_type {\n  name: 'a'\n", "line 3, column 1: ", "Expected"},
      {"name: 'a'\nname: 'b'", "line 2, column ", "\"name\""},
      {"name: 'a", "line 1, column 9: ", "string"},
  };
  for (const auto& [text, place, problem] : cases) {
    const std::string path = WriteText(text);
    FileDescriptorProto message;
    EXPECT_THAT(
        ReadTextProto(path, message),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(StartsWith(path + ": " + place), HasSubstr(problem))))
        << text;
  }
}

TEST(TextProtoTest, OfSeveralMistakesTheFirstIsReported) {
  FileDescriptorProto message;
  EXPECT_THAT(
      ReadTextProto(WriteText("name: 'a'\nfirst: 1\nsecond: 2\n"), message),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("line 2"), HasSubstr("first"),
                     Not(HasSubstr("second")))));
}

TEST(TextProtoTest, AMissingFileIsNoEmptyMessage) {
  const std::string path = testing::TempDir() + "/missing.textproto";
  FileDescriptorProto message;
  EXPECT_THAT(ReadTextProto(path, message),
              StatusIs(absl::StatusCode::kNotFound, StartsWith(path)));
}

}  // namespace
}  // namespace rct
