#include "base/matrix_file.h"

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "zlib.h"

namespace rct {
namespace {

using testing::ElementsAre;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::string Path(const std::string& name) {
  return testing::TempDir() + "/matrix_file_test_" + name;
}

std::string Write(const std::string& name, std::string_view contents) {
  EXPECT_THAT(WriteFileAtomically(Path(name), contents), IsOk());
  return Path(name);
}

std::string Npy(const std::vector<double>& values, int64_t rows, int64_t cols) {
  return SerializeNpy(MatrixView<const double>(values.data(), rows, cols));
}

std::string Fvec(float value) {
  const int32_t dim = 1;
  return std::string(reinterpret_cast<const char*>(&dim), 4) +
         std::string(reinterpret_cast<const char*>(&value), 4);
}

std::string Gzip(const std::string& contents) {
  const std::string path = Path("gzip");
  const gzFile file = gzopen(path.c_str(), "wb");
  EXPECT_EQ(
      gzwrite(file, contents.data(), static_cast<unsigned>(contents.size())),
      static_cast<int>(contents.size()));
  EXPECT_EQ(gzclose(file), Z_OK);
  return ReadFile(path).value();
}

TEST(MatrixFileTest, Example) {
  const std::string path = Write("example.csv", "x,y\n0.5,1\n2,-3\n");
  const absl::StatusOr<Matrix<double>> points = ReadMatrix(path);
  ASSERT_THAT(points, IsOk());
  EXPECT_EQ(points->rows(), 2);
  EXPECT_EQ((*points)(1, 1), -3);
}

TEST(MatrixFileTest, TheEndingDecides) {
  for (const std::string& path :
       {Write("a.npy", Npy({0.5, 2}, 2, 1)),
        Write("a.NPY", Npy({0.5, 2}, 2, 1)), Write("a.csv", "x\n0.5\n2\n"),
        Write("a.Csv", "x\n0.5\n2\n"), Write("a.fvecs", Fvec(0.5) + Fvec(2))}) {
    EXPECT_THAT(ReadVector(path), IsOkAndHolds(ElementsAre(0.5, 2))) << path;
    const absl::StatusOr<Matrix<double>> matrix = ReadMatrix(path);
    ASSERT_THAT(matrix, IsOk());
    EXPECT_EQ(matrix->rows(), 2);
    EXPECT_EQ(matrix->cols(), 1);
    EXPECT_EQ((*matrix)(0, 0), 0.5);
  }
  for (const char* path : {"a.txt", "npy", "", "a.gz", "a.txt.gz"}) {
    EXPECT_THAT(ReadMatrix(path),
                StatusIs(kInvalid, std::string(path) +
                                       ": the ending names no format; it must "
                                       "be .npy, .csv, .tsv or .fvecs, or one "
                                       "of these and .gz"));
    EXPECT_THAT(ReadIndices(path), StatusIs(kInvalid));
  }
}

TEST(MatrixFileTest, Tabs) {
  const auto table = ReadTable(Write("t.tsv", "x\ty\n1\t2\n"));
  ASSERT_THAT(table, IsOk());
  EXPECT_EQ(table->values(0, 1), 2);
  EXPECT_THAT(ReadIndices(Write("t.TSV", "row\n4\n")),
              IsOkAndHolds(ElementsAre(4)));
}

TEST(MatrixFileTest, Zipped) {
  for (const std::string& path :
       {Write("z.csv.gz", Gzip("x\n0.5\n2\n")),
        Write("z.TSV.GZ", Gzip("x\n0.5\n2\n")),
        Write("z.npy.gz", Gzip(Npy({0.5, 2}, 2, 1))),
        Write("z.fvecs.gz", Gzip(Fvec(0.5) + Fvec(2)))}) {
    EXPECT_THAT(ReadVector(path), IsOkAndHolds(ElementsAre(0.5, 2))) << path;
  }
  EXPECT_THAT(ReadIndices(Write("r.csv.gz", Gzip("row\n4\n"))),
              IsOkAndHolds(ElementsAre(4)));
  std::string bytes = Gzip("x\n0.5\n2\n");
  bytes.pop_back();
  const std::string cut = Write("cut.csv.gz", bytes);
  EXPECT_THAT(
      ReadTable(cut).status(),
      StatusIs(kInvalid, cut + ": is a gzip'd file that was cut short; fetch "
                               "it again"));
  const std::string other = Write("other.csv", Gzip("x\n0.5\n2\n"));
  EXPECT_THAT(ReadTable(other).status(),
              StatusIs(kInvalid, other + ": is a gzip'd file; end its name "
                                         "with .gz"));
  const std::string plain = Write("plain.csv.gz", "x\n0.5\n");
  EXPECT_THAT(
      ReadTable(plain).status(),
      StatusIs(kInvalid,
               plain + ": is no gzip'd file; leave .gz out of its name"));
}

TEST(MatrixFileTest, ChosenColumns) {
  const std::string csv = Write("c.csv", "a,x,y\nu,1,2\nv,3,4\n");
  const auto named = ReadTable(csv, {.columns = {"y", "x"}, .id_column = "a"});
  ASSERT_THAT(named, IsOk());
  EXPECT_EQ(named->values(1, 0), 4);
  EXPECT_THAT(named->ids, ElementsAre("u", "v"));
  const std::string npy = Write("c.npy", Npy({1, 2, 3, 4, 5, 6}, 2, 3));
  const auto numbered = ReadTable(npy, {.columns = {"2", "0"}});
  ASSERT_THAT(numbered, IsOk());
  EXPECT_EQ(numbered->values.cols(), 2);
  EXPECT_EQ(numbered->values(1, 0), 6);
  EXPECT_EQ(numbered->values(1, 1), 4);
  EXPECT_THAT(ReadTable(npy, {.columns = {"x", "y", "z"}})->names,
              ElementsAre("x", "y", "z"));
  EXPECT_THAT(ReadTable(npy, {.columns = {"x"}}).status(),
              StatusIs(kInvalid, npy + ": has no column 'x': its 3 columns "
                                       "have no names and are numbered from 0 "
                                       "to 2"));
  EXPECT_THAT(ReadTable(npy, {.id_column = "a"}).status(),
              StatusIs(kInvalid, npy + ": has no column of identifiers 'a'; "
                                       ".csv and .tsv files may have one"));
}

TEST(MatrixFileTest, OnlyFiniteValues) {
  for (const auto& [value, name] :
       {std::pair<double, std::string>{std::numeric_limits<double>::quiet_NaN(),
                                       "nan"},
        {-std::numeric_limits<double>::infinity(), "-inf"}}) {
    const std::string path = Write("b.npy", Npy({1, 2, 3, 4, 5, value}, 2, 3));
    EXPECT_THAT(
        ReadMatrix(path),
        StatusIs(kInvalid, absl::StrCat(path, ": row 1, column 2 is ", name,
                                        "; all values must be finite")));
  }
  const std::string path =
      Write("b.fvecs", Fvec(1) + Fvec(std::numeric_limits<float>::infinity()));
  EXPECT_THAT(ReadVector(path),
              StatusIs(kInvalid, path + ": row 1, column 0 is inf; all values "
                                        "must be finite"));
}

TEST(MatrixFileTest, Indices) {
  Write("c.fvecs", Fvec(1));
  EXPECT_THAT(
      ReadIndices(Write("c.npy", SerializeNpy(std::vector<int64_t>{4, -1}))),
      IsOkAndHolds(ElementsAre(4, -1)));
  EXPECT_THAT(ReadIndices(Write("c.csv", "row\n4\n-1\n")),
              IsOkAndHolds(ElementsAre(4, -1)));
  EXPECT_THAT(ReadIndices(Path("c.fvecs")),
              StatusIs(kInvalid, Path("c.fvecs") +
                                     ": row numbers are integers; use .npy "
                                     "(of an integer type), .csv or .tsv"));
}

TEST(MatrixFileTest, OneColumn) {
  const std::string values = Write("d.npy", Npy({1, 2}, 1, 2));
  EXPECT_THAT(
      ReadVector(values),
      StatusIs(kInvalid, values + ": has 2 columns; one column is expected"));
  const std::string rows = Write("d.csv", "a,b\n1,2\n");
  EXPECT_THAT(
      ReadIndices(rows),
      StatusIs(kInvalid, rows + ": has 2 columns; one column is expected"));
}

TEST(MatrixFileTest, NamesOfColumns) {
  const auto table = ReadTable(Write("e.csv", "lon,lat\n1,2\n"));
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(table->names, ElementsAre("lon", "lat"));
  EXPECT_TRUE(ReadTable(Write("e.npy", Npy({1, 2}, 1, 2)))->names.empty());
  const std::string bare = Write("f.csv", "1,2\n");
  EXPECT_THAT(ReadTable(bare).status(), StatusIs(kInvalid));
  EXPECT_EQ(ReadMatrix(bare, {.header = CsvHeader::kAbsent})->rows(), 1);
  EXPECT_EQ(ReadMatrix(bare, {.header = CsvHeader::kPresent})->rows(), 0);
}

// A header of 127 bytes may promise rows without end, if they hold nothing.
TEST(MatrixFileTest, RowsOfNoColumns) {
  for (const int64_t rows : {int64_t{0}, int64_t{3}, int64_t{1} << 59}) {
    const std::string path =
        Write("g.npy", SerializeNpy(MatrixView<const double>(nullptr, 0, 0)));
    std::string bytes = ReadFile(path).value();
    std::string shape = absl::StrCat("(", rows, ", 0), }");
    shape.resize(60, ' ');
    bytes.replace(bytes.find("(0, 0)"), shape.size(), shape);
    EXPECT_THAT(
        ReadTable(Write("g.npy", bytes)).status(),
        StatusIs(kInvalid,
                 absl::StrCat(path, ": has ", rows,
                              " rows of 0 columns; at least one column is "
                              "needed")));
    EXPECT_THAT(ReadVector(path).status(), StatusIs(kInvalid));
    EXPECT_THAT(ReadIndices(path).status(), StatusIs(kInvalid));
  }
}

// What has no ending, and can be read once, is known by how it begins.
TEST(MatrixFileTest, StreamsOfEitherFormat) {
  ASSERT_EQ(mkfifo(Path("stream").c_str(), 0600), 0);
  for (const std::string& contents :
       {Npy({0.5, 2}, 2, 1), std::string("x\n0.5\n2\n")}) {
    std::thread writer([&] {
      EXPECT_THAT(WriteFileAtomically(Path("stream"), contents), IsOk());
    });
    EXPECT_THAT(ReadVector(Path("stream")), IsOkAndHolds(ElementsAre(0.5, 2)));
    writer.join();
  }
  std::filesystem::remove(Path("stream"));
}

TEST(MatrixFileTest, MissingFiles) {
  for (const char* name : {"none.npy", "none.csv", "none.fvecs"}) {
    EXPECT_THAT(ReadMatrix(Path(name)),
                StatusIs(absl::StatusCode::kNotFound,
                         Path(name) + ": cannot open: No such file or "
                                      "directory"));
  }
}

}  // namespace
}  // namespace rct
