#include "base/csv.h"

#include <clocale>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

template <class T>
std::vector<std::vector<T>> Rows(const Matrix<T>& table) {
  std::vector<std::vector<T>> rows;
  for (int64_t i = 0; i < table.rows(); ++i) {
    rows.emplace_back(table.row(i), table.row(i) + table.cols());
  }
  return rows;
}

std::vector<std::vector<double>> Values(std::string_view text) {
  const absl::StatusOr<Matrix<double>> table = ParseCsvMatrix(text);
  EXPECT_THAT(table, IsOk()) << text;
  return table.ok() ? Rows(*table) : std::vector<std::vector<double>>();
}

std::string Error(std::string_view text) {
  const absl::StatusOr<Matrix<double>> table = ParseCsvMatrix(text);
  EXPECT_THAT(table, StatusIs(kInvalid)) << text;
  return std::string(table.status().message());
}

TEST(CsvTest, Numbers) {
  EXPECT_THAT(Values("x,y\n1,-2.5\n+3e-2,.5\n"),
              ElementsAre(ElementsAre(1, -2.5), ElementsAre(0.03, 0.5)));
  // The nearest doubles, to the last bit.
  EXPECT_THAT(
      Values("x\n0.1\n1.7976931348623157e308\n5e-324\n"),
      ElementsAre(ElementsAre(0.1),
                  ElementsAre(std::numeric_limits<double>::max()),
                  ElementsAre(std::numeric_limits<double>::denorm_min())));
}

TEST(CsvTest, WhatOtherProgramsWrite) {
  const auto expected = ElementsAre(ElementsAre(1, 2), ElementsAre(3, 4));
  EXPECT_THAT(Values("x,y\n1,2\n3,4\n"), expected);
  EXPECT_THAT(Values("x,y\n1,2\n3,4"), expected);                // no end
  EXPECT_THAT(Values("x,y\r\n1,2\r\n3,4\r\n"), expected);        // CR LF
  EXPECT_THAT(Values("\xef\xbb\xbfx,y\n1,2\n3,4\n"), expected);  // BOM
  EXPECT_THAT(Values("\"x\",\"y\"\n1,2\n3,4\n"), expected);      // quotes
  EXPECT_THAT(Values(" x , y \n 1 , 2 \n\t3 , 4\n"), expected);  // blanks
  EXPECT_THAT(Values("x,y\n1,2\n3,4\n\r\n\n"), expected);        // at the end
}

TEST(CsvTest, HeaderAlone) {
  for (const char* text : {"x,y", "x,y\n", "x,y\r\n"}) {
    const absl::StatusOr<Matrix<double>> table = ParseCsvMatrix(text);
    ASSERT_THAT(table, IsOk());
    EXPECT_EQ(table->rows(), 0);
    EXPECT_EQ(table->cols(), 2);
  }
}

TEST(CsvTest, NoHeader) {
  for (const char* text : {"", "\n", "\r\n \n", "\xef\xbb\xbf"}) {
    EXPECT_EQ(Error(text),
              "is empty; a header that names the columns is needed");
  }
  EXPECT_EQ(Error("1,2.5\n3,4\n"),
            "line 1: has only numbers, '1,2.5'; a header is needed, with names "
            "that are no numbers");
  EXPECT_EQ(Error(",x,y\n0,1,2\n"),
            "line 1: column 1 has no name; name it, or leave it out if it "
            "holds row numbers");
  EXPECT_THAT(Error("x,\"\"\n"), HasSubstr("column 2 has no name"));
  EXPECT_EQ(Error("x,\"a,b\"\n1,2\n"),
            "line 1: column 2 opens a quote and does not close it; use names "
            "without commas");
}

TEST(CsvTest, RaggedRows) {
  EXPECT_EQ(Error("x,y\n1,2\n3\n"),
            "line 3: has 1 fields where the header has 2, in '3'; fields are "
            "separated by commas, decimals by a point");
  EXPECT_THAT(Error("x,y\n1,2,\n"), HasSubstr("line 2: has 3 fields"));
  EXPECT_THAT(Error("x,y\n1,2\n\n3,4\n"), HasSubstr("line 3: has 1 fields"));
  // Of another country.
  EXPECT_THAT(Error("x;y\n1,5;2,5\n"),
              HasSubstr("line 2: has 3 fields where the header has 1"));
}

TEST(CsvTest, WhatIsNoNumber) {
  EXPECT_EQ(Error("x,the height\n1,2\n3,4m\n"),
            "line 3, column 'the height': is '4m'; must be a finite number");
  for (const char* field : {"", " ", "NA", "1 2", "1.5.2", "\"1\"", "--1",
                            "nan", "NaN", "inf", "-Infinity", "1e999"}) {
    EXPECT_EQ(Error(absl::StrCat("x,y\n1,2\n", field, ",1\n")),
              absl::StrCat("line 3, column 'x': is '",
                           field[0] == '"' ? "\\\"1\\\"" : field,
                           "'; must be a finite number"));
  }
  EXPECT_THAT(Error(std::string("x\n1\0\n", 5)), HasSubstr(R"('1\x00')"));
}

TEST(CsvTest, Integers) {
  const absl::StatusOr<Matrix<int64_t>> table =
      ParseCsvIndexMatrix("row\n0\n-1\n9223372036854775807\n");
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(Rows(*table),
              ElementsAre(ElementsAre(0), ElementsAre(-1),
                          ElementsAre(std::numeric_limits<int64_t>::max())));
  for (const char* field : {"1.0", "1e3", "9223372036854775808", "x"}) {
    EXPECT_THAT(
        ParseCsvIndexMatrix(absl::StrCat("row\n", field)),
        StatusIs(kInvalid, absl::StrCat("line 2, column 'row': is '", field,
                                        "'; must be an integer "
                                        "of 64 bits")));
  }
}

// 1.5 stays one and a half where people write 1,5.
TEST(CsvTest, TheLocaleDoesNotMatter) {
  const struct Restore {
    ~Restore() { std::setlocale(LC_ALL, "C"); }
  } restore;
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"}) {
    if (std::setlocale(LC_ALL, name) == nullptr) continue;
    EXPECT_THAT(Values("x\n1.5\n"), ElementsAre(ElementsAre(1.5))) << name;
    Matrix<double> table(1, 1);
    table(0, 0) = 1.5;
    EXPECT_EQ(SerializeCsv("x", table.view()), "x_1\n1.5\n") << name;
  }
}

TEST(CsvTest, WritesWhatItReads) {
  Matrix<double> values = Matrix<double>::Zeros(40, 3, 5);
  RandomStream stream(1, 0);
  for (int64_t i = 0; i < values.rows(); ++i) {
    for (int64_t j = 0; j < values.cols(); ++j) values(i, j) = stream.Normal();
  }
  values(0, 0) = -0.0;
  values(0, 1) = 0.1;
  const std::string text = SerializeCsv("distance", values.view());
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "distance_1,distance_2,distance_3");
  EXPECT_THAT(text, HasSubstr("\n-0,0.1,"));
  EXPECT_EQ(Values(text), Rows(values));

  Matrix<int64_t> rows(1, 2);
  rows(0, 0) = -1;
  rows(0, 1) = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(SerializeCsv("row", rows.view()),
            "row_1,row_2\n-1,9223372036854775807\n");
  values(0, 0) = std::numeric_limits<double>::infinity();
  EXPECT_THAT(SerializeCsv("d", values.view()), HasSubstr("\ninf,0.1,"));
}

TEST(CsvTest, AnyBytesGiveAResultOrAnError) {
  const std::string seed = "x,\"y\"\r\n1.5,-2e3\n 3 ,4\n";
  const std::string_view meaningful = "0123456789,,\"\n\r .-+einfna\xef\xbb\0";
  RandomStream stream(1, 0);
  int accepted = 0;
  for (int round = 0; round < 50000; ++round) {
    std::string bytes = seed;
    for (uint64_t edits = stream.UniformBelow(5); edits > 0; --edits) {
      const size_t at = stream.UniformBelow(bytes.size());
      const char byte = meaningful[stream.UniformBelow(meaningful.size())];
      switch (stream.UniformBelow(3)) {
        case 0:
          bytes[at] = byte;
          break;
        case 1:
          bytes.insert(at, 1, byte);
          break;
        default:
          bytes.erase(at, 1);
      }
    }
    if (const absl::StatusOr<Matrix<double>> table = ParseCsvMatrix(bytes);
        table.ok()) {
      ++accepted;
      for (const std::vector<double>& row : Rows(*table)) {
        for (const double value : row) ASSERT_TRUE(std::isfinite(value));
      }
    }
    accepted += ParseCsvIndexMatrix(bytes).ok();
  }
  EXPECT_GT(accepted, 0);
}

TEST(CsvTest, Files) {
  const std::string path = testing::TempDir() + "/csv_test.csv";
  ASSERT_THAT(WriteFileAtomically(path, "x,y\n1,2\n"), IsOk());
  const absl::StatusOr<Matrix<double>> table = ReadCsvMatrix(path);
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(Rows(*table), ElementsAre(ElementsAre(1, 2)));
  EXPECT_THAT(ReadCsvIndexMatrix(path), IsOk());

  ASSERT_THAT(WriteFileAtomically(path, "x,y\n1,a\n"), IsOk());
  const std::string problem = path + ": line 2, column 'y': is 'a'; must be ";
  EXPECT_THAT(ReadCsvMatrix(path), StatusIs(kInvalid, HasSubstr(problem)));
  EXPECT_THAT(ReadCsvIndexMatrix(path), StatusIs(kInvalid, HasSubstr(problem)));
  EXPECT_THAT(ReadCsvMatrix(path + ".missing"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace rct
