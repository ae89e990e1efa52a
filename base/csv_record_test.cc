#include "base/csv_record.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

using Rows = std::vector<std::vector<std::string>>;

// Returns the texts of all fields.
Rows Texts(std::string_view text, char separator = ',') {
  Rows rows;
  CsvRecords records(text, separator);
  while (!records.done()) {
    EXPECT_THAT(records.Next(), IsOk()) << text;
    rows.emplace_back();
    for (const std::string_view field : records.fields()) {
      rows.back().push_back(CsvFieldText(field));
    }
  }
  return rows;
}

std::string Error(std::string_view text, char separator = ',') {
  CsvRecords records(text, separator);
  while (!records.done()) {
    const absl::Status status = records.Next();
    if (!status.ok()) return std::string(status.message());
  }
  return "none";
}

TEST(CsvRecordTest, Fields) {
  EXPECT_THAT(Texts("a,b\n,2\r\n3,\r4"),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("", "2"),
                          ElementsAre("3", ""), ElementsAre("4")));
  EXPECT_THAT(Texts("a b,c\t 1\t", '\t'),
              ElementsAre(ElementsAre("a b,c", "1", "")));
}

TEST(CsvRecordTest, Quotes) {
  EXPECT_THAT(Texts(R"("Washington, D.C.",-77)"),
              ElementsAre(ElementsAre("Washington, D.C.", "-77")));
  EXPECT_THAT(Texts(R"(a, "b,c" ,"d ""e"" f","")"),
              ElementsAre(ElementsAre("a", "b,c", "d \"e\" f", "")));
  EXPECT_THAT(
      Texts("\"a\nb\r\nc\",2\n3,4"),
      ElementsAre(ElementsAre("a\nb\r\nc", "2"), ElementsAre("3", "4")));
  EXPECT_THAT(Texts("\"a\tb\"\t2", '\t'),
              ElementsAre(ElementsAre("a\tb", "2")));
  // A quote that does not begin a field is a character.
  EXPECT_THAT(
      Texts("5\" pipe,a\"b\"\n1,2"),
      ElementsAre(ElementsAre("5\" pipe", "a\"b\""), ElementsAre("1", "2")));
}

TEST(CsvRecordTest, TextAndLine) {
  CsvRecords records("x,y\r\n\"a\nb\",1\n2,3", ',');
  ASSERT_THAT(records.Next(), IsOk());
  EXPECT_EQ(records.text(), "x,y");
  EXPECT_EQ(records.line(), 1);
  ASSERT_THAT(records.Next(), IsOk());
  EXPECT_EQ(records.text(), "\"a\nb\",1");
  EXPECT_EQ(records.line(), 2);
  ASSERT_THAT(records.Next(), IsOk());
  EXPECT_EQ(records.line(), 4);
  EXPECT_TRUE(records.done());
}

TEST(CsvRecordTest, Errors) {
  EXPECT_EQ(Error("x,y\n1,\"2\n3,4\n"),
            "line 2, column 2: opens a quote and does not close it");
  EXPECT_EQ(Error("\""),
            "line 1, column 1: opens a quote and does not close it");
  EXPECT_EQ(Error("\"a\"\""),
            "line 1, column 1: opens a quote and does not close it");
  EXPECT_EQ(Error("a,\"b\"c,d"),
            "line 1, column 2: has more after the quote that closes it; a "
            "quote within a text in quotes is written twice");
  // With tabs, a quote does not reach into the next line.
  EXPECT_EQ(Error("\"5\t1\n6\"\t2\n", '\t'),
            "line 1, column 1: opens a quote and does not close it");
}

TEST(CsvRecordTest, Numbers) {
  CsvWriter writer(',');
  writer.Number(0.1);
  writer.Number(int64_t{-1});
  writer.Number(std::numeric_limits<double>::infinity());
  writer.EndRow();
  EXPECT_EQ(writer.Take(), "0.1,-1,inf\n");
}

TEST(CsvRecordTest, ReadsWhatItWrites) {
  RandomStream random(1, 1);
  const std::string_view characters = "ab, \t\"\r\n";
  for (const char separator : {',', '\t'}) {
    for (int round = 0; round < 2000; ++round) {
      Rows rows(3, std::vector<std::string>(3));
      CsvWriter writer(separator);
      for (std::vector<std::string>& row : rows) {
        for (std::string& text : row) {
          // A file with tabs has no fields of several lines.
          const uint64_t kinds = separator == '\t' ? 6 : characters.size();
          text = "x";
          for (uint64_t n = random.UniformBelow(5); n > 0; --n) {
            text += characters[random.UniformBelow(kinds)];
          }
          writer.Text(text);
        }
        writer.EndRow();
      }
      const std::string text = writer.Take();
      ASSERT_THAT(Texts(text, separator), ElementsAreArray(rows)) << text;
    }
  }
}

}  // namespace
}  // namespace rct
