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

std::vector<std::vector<double>> Values(std::string_view text,
                                        CsvHeader header = CsvHeader::kDetect) {
  const absl::StatusOr<Table<double>> table =
      ParseCsvTable(text, {.header = header});
  EXPECT_THAT(table, IsOk()) << text;
  return table.ok() ? Rows(table->values) : std::vector<std::vector<double>>();
}

std::string Error(std::string_view text,
                  CsvHeader header = CsvHeader::kDetect) {
  const absl::StatusOr<Table<double>> table =
      ParseCsvTable(text, {.header = header});
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
    const absl::StatusOr<Table<double>> table = ParseCsvTable(text);
    ASSERT_THAT(table, IsOk());
    EXPECT_THAT(table->names, ElementsAre("x", "y"));
    EXPECT_EQ(table->values.rows(), 0);
    EXPECT_EQ(table->values.cols(), 2);
  }
}

TEST(CsvTest, NoHeader) {
  for (const char* text : {"", "\n", "\r\n \n", "\xef\xbb\xbf"}) {
    EXPECT_EQ(Error(text),
              "is empty; a header that names the columns is needed");
  }
  EXPECT_EQ(Error("1,2.5\n3,4\n"),
            "line 1: has only numbers, '1,2.5'; a header is needed: name the "
            "columns in the first line, or say header=no where it is data "
            "(header=yes where these are names)");
  EXPECT_EQ(Error(",x,y\n0,1,2\n"),
            "line 1: column 1 has no name; name it, or leave it out if it "
            "holds row numbers");
  EXPECT_THAT(Error("x,\"\"\n"), HasSubstr("column 2 has no name"));
  EXPECT_EQ(Error("x,\"a\n1,2\n"),
            "line 1, column 2: opens a quote and does not close it");
}

TEST(CsvTest, RaggedRows) {
  EXPECT_EQ(Error("x,y\n1,2\n3\n"),
            "line 3: has 1 field where the header has 2, in '3'; fields are "
            "separated by commas, decimals by a point");
  EXPECT_THAT(Error("x,y\n1,2,\n"), HasSubstr("line 2: has 3 fields"));
  EXPECT_THAT(Error("x,y\n1,2\n\n3,4\n"), HasSubstr("line 3: has 1 field"));
}

// Of another country, or another program.
TEST(CsvTest, OtherSeparators) {
  EXPECT_EQ(Error("x;y\n1,5;2,5\n"),
            "line 1: 'x;y' is separated by semicolons; fields are separated by "
            "commas, decimals by a point");
  EXPECT_THAT(Error("x\ty\n1\t2\n"), HasSubstr("is separated by tabs"));
  EXPECT_THAT(Error("1;2\n", CsvHeader::kAbsent),
              HasSubstr("line 1, column 1: is '1;2', which has a semicolon "
                        "where a comma belongs; must be a finite number"));
  EXPECT_THAT(Error("x\n1;2\n"), HasSubstr("which has a semicolon"));
  EXPECT_THAT(Error("x y\n1 2\n"), HasSubstr("which has a blank where"));
}

// The first line is a row of data, with one field that is no number.
TEST(CsvTest, NoRowIsTakenForAHeader) {
  for (const char* first :
       {"1,NA", "0.1,-", "1,2.5m", "NA,NA", "\"1.5\",\"2\"", "x,2",
        "2020-01-01,2", "-.5,x", "null,.", "x,nan", "0x10,y", "+3e5,inf"}) {
    EXPECT_THAT(Error(absl::StrCat(first, "\n3,4\n")),
                HasSubstr("say header=no where it is data"))
        << first;
  }
  EXPECT_EQ(Error("1,NA\n3,4\n"),
            "line 1: column 1 is '1', which looks like data and not like a "
            "name: name the columns in the first line, or say header=no where "
            "it is data (header=yes where these are names)");
  EXPECT_THAT(Error("1,\n3,4\n"), HasSubstr("header=no"));
}

TEST(CsvTest, HeaderByWord) {
  EXPECT_THAT(Values("1,2\n3,4\n", CsvHeader::kAbsent),
              ElementsAre(ElementsAre(1, 2), ElementsAre(3, 4)));
  EXPECT_THAT(Values("1985,1990\n3,4\n", CsvHeader::kPresent),
              ElementsAre(ElementsAre(3, 4)));
  EXPECT_TRUE(
      ParseCsvTable("1,2\n", {.header = CsvHeader::kAbsent})->names.empty());
  EXPECT_THAT(
      ParseCsvTable("1985,NA\n", {.header = CsvHeader::kPresent})->names,
      ElementsAre("1985", "NA"));
  EXPECT_EQ(Error("1,2\n3\n", CsvHeader::kAbsent),
            "line 2: has 1 field where the first line has 2, in '3'; fields "
            "are separated by commas, decimals by a point");
  EXPECT_EQ(Error("1,NA\n", CsvHeader::kAbsent),
            "line 1, column 2: is 'NA', a missing value; must be a finite "
            "number");
  EXPECT_THAT(Error("x,y\n1,2\n", CsvHeader::kAbsent),
              HasSubstr("line 1, column 1: is 'x'; must be"));
}

TEST(CsvTest, NamesOfColumns) {
  EXPECT_THAT(ParseCsvTable("\xef\xbb\xbf\"lon\" , H\xc3\xb6he\n")->names,
              ElementsAre("lon", "H\xc3\xb6he"));
  EXPECT_EQ(Error("x,y,x\n1,2,3\n"),
            "line 1: columns 1 and 3 are both named 'x'; give each its own "
            "name");
}

constexpr std::string_view kCities =
    "name,country,lon,lat,note\n"
    "\"Washington, D.C.\",US,-77.04,38.91,\n"
    "\"the \"\"Big Apple\"\"\",US,-74.01,40.71,NA\n"
    "Suva,FJ,178.44,-18.14,\"two\nlines\"\n";

TEST(CsvTest, ChosenColumns) {
  const auto table = ParseCsvTable(kCities, {.columns = {"lat", "lon"}});
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(table->names, ElementsAre("lat", "lon"));
  EXPECT_THAT(Rows(table->values), ElementsAre(ElementsAre(38.91, -77.04),
                                               ElementsAre(40.71, -74.01),
                                               ElementsAre(-18.14, 178.44)));
  EXPECT_THAT(table->ids, testing::IsEmpty());
  // Whatever the other columns are: without a name, repeated, of numbers.
  for (const std::string_view text : {",x,y\n0,1,2", "a,x,a,y\n,1,,2",
                                      "x,2020,y\n1,NA,2", "\xff,y,x\n,2,1"}) {
    const auto chosen = ParseCsvTable(text, {.columns = {"x", "y"}});
    ASSERT_THAT(chosen, IsOk()) << text;
    EXPECT_THAT(Rows(chosen->values), ElementsAre(ElementsAre(1, 2)));
  }
}

TEST(CsvTest, Identifiers) {
  const auto table =
      ParseCsvTable(kCities, {.columns = {"lon", "lat"}, .id_column = "name"});
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(table->ids,
              ElementsAre("Washington, D.C.", "the \"Big Apple\"", "Suva"));
  // All others are coordinates.
  const auto rest = ParseCsvTable("x,id,y\n1,7,2\n", {.id_column = "id"});
  ASSERT_THAT(rest, IsOk());
  EXPECT_THAT(rest->names, ElementsAre("x", "y"));
  EXPECT_THAT(rest->ids, ElementsAre("7"));
  EXPECT_THAT(Rows(rest->values), ElementsAre(ElementsAre(1, 2)));
}

TEST(CsvTest, ColumnsByNumber) {
  const auto table = ParseCsvTable(
      "Bonn,7.1,50.73\nKiel,10.12,54.32\n",
      {.header = CsvHeader::kAbsent, .columns = {"2", "1"}, .id_column = "0"});
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(table->names, testing::IsEmpty());
  EXPECT_THAT(table->ids, ElementsAre("Bonn", "Kiel"));
  EXPECT_THAT(Rows(table->values),
              ElementsAre(ElementsAre(50.73, 7.1), ElementsAre(54.32, 10.12)));
}

TEST(CsvTest, NamesForColumnsThatHaveNone) {
  const auto table = ParseCsvTable(
      "1,2\n3,4\n", {.header = CsvHeader::kAbsent, .columns = {"lon", "lat"}});
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(table->names, ElementsAre("lon", "lat"));
  EXPECT_THAT(Rows(table->values),
              ElementsAre(ElementsAre(1, 2), ElementsAre(3, 4)));
  EXPECT_THAT(ParseCsvTable("1,2\n", {.header = CsvHeader::kAbsent,
                                      .columns = {"x", "x"}}),
              StatusIs(kInvalid, HasSubstr("asked for twice")));
}

// Programs that put all in quotes do so with numbers.
TEST(CsvTest, NumbersInQuotes) {
  const auto table =
      ParseCsvTable("\"x\",\"y\"\n\"1.5\",\"-2\"\n", {.columns = {"x", "y"}});
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(Rows(table->values), ElementsAre(ElementsAre(1.5, -2)));
  EXPECT_THAT(ParseCsvTable("x,y\n\"1,5\",2\n", {.columns = {"x"}}),
              StatusIs(kInvalid, HasSubstr("line 2, column 'x': is '1,5'")));
}

TEST(CsvTest, ColumnsThatAreNotThere) {
  const auto error = [](std::string_view text, const CsvOptions& options) {
    const auto table = ParseCsvTable(text, options);
    EXPECT_THAT(table, StatusIs(kInvalid)) << text;
    return std::string(table.status().message());
  };
  EXPECT_EQ(
      error(kCities, {.columns = {"lon", "Lat"}}),
      "line 1: names no column 'Lat'; there are 'name', 'country', 'lon', "
      "'lat', 'note'");
  EXPECT_THAT(error(kCities, {.id_column = "id"}),
              HasSubstr("names no column 'id'"));
  EXPECT_EQ(error(kCities, {.columns = {"lon", "lat", "lon"}}),
            "column 'lon' is asked for twice; name each column once");
  EXPECT_THAT(error("x,x,y\n1,2,3", {.columns = {"y", "x"}}),
              HasSubstr("columns 1 and 2 are both named 'x'"));
  // A first line of data is no header, even if a number in it is asked for.
  EXPECT_THAT(error("1,2\n3,4", {.columns = {"x"}}),
              HasSubstr("has only numbers"));
  EXPECT_THAT(error("1,2\n3,4", {.columns = {"1"}}),
              HasSubstr("has only numbers"));
  EXPECT_EQ(error("1,2\n", {.header = CsvHeader::kAbsent, .columns = {"2"}}),
            "has no column '2': its 2 columns have no names and are numbered "
            "from 0 to 1");
  EXPECT_THAT(error("1,2\n", {.header = CsvHeader::kAbsent, .columns = {"x"}}),
              HasSubstr("has no column 'x'"));
  EXPECT_THAT(
      error("1,2\n", {.header = CsvHeader::kAbsent, .columns = {"1", "1"}}),
      HasSubstr("asked for twice"));
}

TEST(CsvTest, IdentifiersThatIdentifyNothing) {
  const auto error = [](std::string_view text) {
    const auto table = ParseCsvTable(text, {.id_column = "id"});
    EXPECT_THAT(table, StatusIs(kInvalid)) << text;
    return std::string(table.status().message());
  };
  EXPECT_EQ(error("id,x\na,1\nb,2\n\"a\",3\n"),
            "lines 2 and 4, column 'id': are both 'a'; identifiers must be "
            "distinct");
  EXPECT_EQ(error("id,x\na,1\n ,2\n"),
            "line 3, column 'id': is empty; each row needs an identifier");
}

TEST(CsvTest, ErrorsInChosenColumnsNameThem) {
  const auto table = ParseCsvTable("a,x,y\n?,1,2\n?,3,\n", {.columns = {"y"}});
  EXPECT_THAT(table, StatusIs(kInvalid,
                              "line 3, column 'y': is '', which is empty; must "
                              "be a finite number"));
  EXPECT_THAT(
      ParseCsvTable("1,x\n", {.header = CsvHeader::kAbsent, .columns = {"1"}}),
      StatusIs(kInvalid, HasSubstr("line 1, column 2: is 'x'")));
}

TEST(CsvTest, Tabs) {
  const auto table = ParseCsvTable(
      "city name\tx\ty\tnote\nLa Paz\t1\t2\t\n",
      {.separator = '\t', .columns = {"x", "y"}, .id_column = "city name"});
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(table->ids, ElementsAre("La Paz"));
  EXPECT_THAT(Rows(table->values), ElementsAre(ElementsAre(1, 2)));
  EXPECT_THAT(ParseCsvTable("x,y\n1,2\n", {.separator = '\t'}),
              StatusIs(kInvalid,
                       "line 1: 'x,y' is separated by commas; fields are "
                       "separated by tabs, decimals by a point"));
  EXPECT_THAT(
      ParseCsvTable("x\ty\n1 2\t3\n", {.separator = '\t'}),
      StatusIs(kInvalid, HasSubstr("which has a blank where a tab belongs")));
  Matrix<int64_t> rows(1, 2);
  rows(0, 0) = 1;
  rows(0, 1) = 2;
  EXPECT_EQ(SerializeCsv("n", rows.view(), '\t'), "n_1\tn_2\n1\t2\n");
}

TEST(CsvTest, WhatIsNoTextIsNoHeader) {
  for (const std::string_view bytes :
       {std::string_view("PK\3\4x,y\n1,2\n"),
        std::string_view("a\0b,c\n1,2", 9),
        std::string_view("\x1f\x8b\x08,x\n"), std::string_view("H\xf6he\n1\n"),
        std::string_view("\x93NUMPY\1\n")}) {
    EXPECT_THAT(Error(bytes), HasSubstr("which is no text in UTF-8"));
  }
  for (const std::string_view bytes :
       {std::string_view("\xff\xfex\0\n\0", 6),
        std::string_view("\xfe\xff\0x\0\n", 6), std::string_view("x\0\n\0", 4),
        std::string_view("\0x\0\n", 4)}) {
    for (const CsvHeader header :
         {CsvHeader::kDetect, CsvHeader::kPresent, CsvHeader::kAbsent}) {
      EXPECT_EQ(Error(bytes, header), "is UTF-16 text; save the file as UTF-8");
    }
  }
}

// Time stamps in nanoseconds would fall together.
TEST(CsvTest, IntegersThatWouldBeRounded) {
  EXPECT_EQ(Error("t\n1700000000000000000\n1700000000000000003\n"),
            "line 3, column 't': is '1700000000000000003', an integer that "
            "float64 cannot hold; subtract an offset, so that numbers stay "
            "below 2^53");
  for (const char* field :
       {"9007199254740993", "-9007199254740993", "+9007199254740993",
        "9007199254740993.0", "0009007199254740993", "18446744073709551617",
        "123456789012345678901234567890123456789012345"}) {
    EXPECT_THAT(Error(absl::StrCat("t\n", field)),
                HasSubstr("an integer that float64 cannot hold"))
        << field;
  }
  for (const char* field :
       {"9007199254740992", "-9007199254740994", "1700000000000000000",
        "18446744073709551616.000", "1e300", "9007199254740993.5",
        "9.007199254740993e15", "0.1000000000000000055"}) {
    EXPECT_THAT(Values(absl::StrCat("t\n", field)), testing::SizeIs(1))
        << field;
  }
}

TEST(CsvTest, WhatIsNoNumber) {
  EXPECT_EQ(Error("x,the height\n1,2\n3,4m\n"),
            "line 3, column 'the height': is '4m'; must be a finite number");
  const struct {
    std::string_view field;
    std::string_view what;
  } cases[] = {{"", ", which is empty"},
               {" ", ", which is empty"},
               {"NA", ", a missing value"},
               {"n/a", ", a missing value"},
               {"-", ", a missing value"},
               {"1 2", ", which has a blank where a comma belongs"},
               {"1;2", ", which has a semicolon where a comma belongs"},
               {"0x1F", ", a hexadecimal number"},
               {"-0X1p3", ", a hexadecimal number"},
               {"1.5.2", ""},
               {"--1", ""},
               {"1_000", ""},
               {"nan", ", a missing value"},
               {"NaN", ", a missing value"},
               {"inf", ""},
               {"-Infinity", ""},
               {"1e999", ""}};
  for (const auto& [field, what] : cases) {
    EXPECT_EQ(Error(absl::StrCat("x,y\n1,2\n", field, ",1\n")),
              absl::StrCat("line 3, column 'x': is '", field, "'", what,
                           "; must be a finite number"));
  }
  EXPECT_THAT(Error("x\n\"1\"\n"),
              HasSubstr("is '\\\"1\\\"', a number in quotes; must be"));
  EXPECT_THAT(Error(std::string("x\n1\0\n", 5)), HasSubstr(R"('1\x00')"));
}

TEST(CsvTest, LinesEndInThreeWays) {
  const auto expected = ElementsAre(ElementsAre(1, 2), ElementsAre(3, 4));
  EXPECT_THAT(Values("x,y\r1,2\r3,4\r"), expected);
  EXPECT_THAT(Values("x,y\r1,2\r3,4"), expected);
  EXPECT_THAT(Values("x,y\n1,2\r\n3,4\r"), expected);
  EXPECT_THAT(Error("x,y\r1,2\r\r3,4\r"), HasSubstr("line 3: has 1 field"));
  const auto rows = ParseCsvIndexTable("row\r5\r6\r7\r");
  ASSERT_THAT(rows, IsOk());
  EXPECT_THAT(Rows(rows->values),
              ElementsAre(ElementsAre(5), ElementsAre(6), ElementsAre(7)));
}

TEST(CsvTest, Integers) {
  const auto table =
      ParseCsvIndexTable("row\n0\n-1\n9223372036854775807\n1e+05\n7.0\n");
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(Rows(table->values),
              ElementsAre(ElementsAre(0), ElementsAre(-1),
                          ElementsAre(std::numeric_limits<int64_t>::max()),
                          ElementsAre(100000), ElementsAre(7)));
  for (const char* field : {"1.5", "1e16", "9223372036854775808", "x", "inf",
                            "1e-3", "9007199254740993.0"}) {
    EXPECT_THAT(
        ParseCsvIndexTable(absl::StrCat("row\n", field)),
        StatusIs(kInvalid, absl::StrCat("line 2, column 'row': is '", field,
                                        "'; must be an integer "
                                        "of 64 bits")));
  }
}

TEST(CsvTest, HexadecimalRowNumbers) {
  for (const char* field : {"0x10", "0X1p4", "-0x1"}) {
    EXPECT_THAT(ParseCsvIndexTable(absl::StrCat("row\n", field)),
                StatusIs(kInvalid, HasSubstr("a hexadecimal number")));
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
    if (const absl::StatusOr<Table<double>> table = ParseCsvTable(bytes);
        table.ok()) {
      ++accepted;
      for (const std::vector<double>& row : Rows(table->values)) {
        for (const double value : row) ASSERT_TRUE(std::isfinite(value));
      }
    }
    accepted += ParseCsvIndexTable(bytes).ok();
    const auto chosen =
        ParseCsvTable(bytes, {.separator = round % 2 == 0 ? ',' : '\t',
                              .columns = {"x"},
                              .id_column = round % 3 == 0 ? "y" : ""});
    if (chosen.ok()) {
      ++accepted;
      ASSERT_EQ(chosen->values.cols(), 1);
      ASSERT_EQ(
          chosen->ids.size(),
          round % 3 == 0 ? static_cast<size_t>(chosen->values.rows()) : 0);
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST(CsvTest, Files) {
  const std::string path = testing::TempDir() + "/csv_test.csv";
  ASSERT_THAT(WriteFileAtomically(path, "x,y\n1,2\n"), IsOk());
  const absl::StatusOr<Table<double>> table = ReadCsvTable(path);
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(Rows(table->values), ElementsAre(ElementsAre(1, 2)));
  EXPECT_THAT(ReadCsvIndexTable(path), IsOk());

  ASSERT_THAT(WriteFileAtomically(path, "x,y\n1,a\n"), IsOk());
  const std::string problem = path + ": line 2, column 'y': is 'a'; must be ";
  EXPECT_THAT(ReadCsvTable(path), StatusIs(kInvalid, HasSubstr(problem)));
  EXPECT_THAT(ReadCsvIndexTable(path), StatusIs(kInvalid, HasSubstr(problem)));
  EXPECT_THAT(ReadCsvTable(path + ".missing"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace rct
