#include "tools/rct_part.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/archive.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/rct_answer.h"
#include "tools/rct_identifiers.h"
#include "tools/rct_shard.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ShardTest, EveryQueryIsInOnePart) {
  for (const int64_t queries : {0, 1, 2, 3, 7, 12}) {
    for (const int64_t parts : {1, 2, 3, 5, 12, 13}) {
      std::vector<int> times(queries);
      for (int64_t part = 1; part <= parts; ++part) {
        const Shard shard{part, parts};
        for (int64_t i = 0; i < shard.Count(queries); ++i) {
          ASSERT_LT(shard.Query(i), queries);
          ++times[shard.Query(i)];
        }
      }
      EXPECT_EQ(times, std::vector<int>(queries, 1));
    }
  }
}

TEST(ShardTest, Parse) {
  EXPECT_EQ(ParseShard("3/8").value(), (Shard{3, 8}));
  EXPECT_EQ(ShardName({3, 8}), "3/8");
  for (const char* text :
       {"", "/", "3", "3/", "/8", "0/8", "9/8", "-1/8", "1/-8", "1/8/2",
        "1.0/8", "1/2147483640", "1/99999999999999999999"}) {
    EXPECT_THAT(ParseShard(text), StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

// All that a part file holds, so that a test can change any of it.
struct Arrays {
  int64_t part = 2, parts = 2, queries = 5, points = 9;
  std::string search = "k\t2\n";
  // Of queries 1 and 3.
  Matrix<int64_t> rows = Matrix<int64_t>::Zeros(2, 2);
  Matrix<double> distances = Matrix<double>::Zeros(2, 2);
  std::vector<int64_t> offsets;
  std::string column, query_ids, names;
  std::vector<int64_t> query_ends, named_rows, name_ends;

  absl::Status Write(const std::string& path) const {
    ArchiveWriter archive;
    archive.Value("search", search);
    archive.Value("part", part);
    archive.Value("parts", parts);
    archive.Value("queries", queries);
    archive.Value("points", points);
    archive.Array("rows", rows);
    archive.Array("distances", distances);
    archive.Array("offsets", offsets);
    archive.Value("ids.column", column);
    archive.Value("ids.queries", query_ids);
    archive.Array("ids.query_ends", query_ends);
    archive.Array("ids.rows", named_rows);
    archive.Value("ids.names", names);
    archive.Array("ids.name_ends", name_ends);
    return archive.Write(path,
                         {.magic = "\x89rctprt\n",
                          .version = 1,
                          .name = "rct part file",
                          .remedy = "answer this part again"},
                         1);
  }

  // Makes the part one of lists, of one and two neighbors.
  void MakeLists() {
    rows = Matrix<int64_t>::Zeros(3, 1);
    distances = Matrix<double>::Zeros(3, 1);
    offsets = {0, 1, 3};
  }
  // Gives all rows identifiers.
  void MakeIds() {
    column = "name";
    query_ids = "onethree";
    query_ends = {3, 8};
    named_rows = {0};
    names = "zero";
    name_ends = {4};
  }
};

std::string File() { return testing::TempDir() + "/part.rctpart"; }

absl::StatusOr<Part> Read(const Arrays& arrays) {
  EXPECT_THAT(arrays.Write(File()), IsOk());
  return Part::Read(File(), 1, nullptr);
}

// A right digest does not make arrays fit each other.
TEST(PartTest, ContradictionsAreRefused) {
  const struct {
    const char* message;
    std::function<void(Arrays&)> change;
  } cases[] = {
      {"'part' is out of range", [](Arrays& a) { a.part = 0; }},
      {"'part' is out of range", [](Arrays& a) { a.part = 3; }},
      {"'parts' is out of range", [](Arrays& a) { a.parts = 0; }},
      {"'parts' is out of range",
       [](Arrays& a) { a.parts = std::numeric_limits<int64_t>::max(); }},
      {"'queries' is out of range", [](Arrays& a) { a.queries = -1; }},
      {"'queries' is out of range",
       [](Arrays& a) { a.queries = std::numeric_limits<int64_t>::max(); }},
      {"'points' is out of range", [](Arrays& a) { a.points = -1; }},
      {"'rows' is not one row for each query",
       [](Arrays& a) { a.queries = 6; }},
      {"'rows' is not one row for each query",
       [](Arrays& a) {
         a.rows = Matrix<int64_t>(2, 0);
         a.distances = Matrix<double>(2, 0);
       }},
      {"'distances' has another shape",
       [](Arrays& a) { a.distances = Matrix<double>::Zeros(2, 3); }},
      {"'distances' has another shape",
       [](Arrays& a) { a.rows = Matrix<int64_t>::Zeros(2, 2, 4); }},
      {"'rows' has a row that no point has",
       [](Arrays& a) { a.rows(1, 1) = 9; }},
      {"'rows' has a row that no point has",
       [](Arrays& a) { a.rows(1, 1) = -2; }},
      {"'distances' has a number that is no distance",
       [](Arrays& a) { a.distances(0, 1) = -0.5; }},
      {"'distances' has a number that is no distance",
       [](Arrays& a) { a.distances(0, 1) = std::nan(""); }},
      {"'search' is malformed", [](Arrays& a) { a.search = "k"; }},
      {"'search' is malformed", [](Arrays& a) { a.search = "k\t\\q\n"; }},
      {"'offsets' does not divide",
       [](Arrays& a) {
         a.MakeLists(), a.offsets = {0, 1, 2};
       }},
      {"'offsets' does not divide",
       [](Arrays& a) {
         a.MakeLists(), a.offsets = {0, 4, 3};
       }},
      {"'offsets' does not divide",
       [](Arrays& a) {
         a.MakeLists(), a.offsets = {-1, 1, 3};
       }},
      {"'offsets' does not divide",
       [](Arrays& a) {
         a.MakeLists(), a.offsets = {0, 3};
       }},
      {"'offsets' does not divide",
       [](Arrays& a) {
         a.offsets = {0, 1, 2};
       }},
      {"'rows' has a row that no point has",
       [](Arrays& a) { a.MakeLists(), a.rows(0, 0) = -1; }},
      {"'ids.query_ends' does not divide",
       [](Arrays& a) { a.MakeIds(), a.query_ends = {8}; }},
      {"'ids.query_ends' does not divide",
       [](Arrays& a) {
         a.MakeIds(), a.query_ends = {3, 9};
       }},
      {"'ids.query_ends' does not divide",
       [](Arrays& a) {
         a.MakeIds(), a.query_ends = {-3, 8};
       }},
      {"'ids.query_ends' does not divide",
       [](Arrays& a) {
         a.MakeIds(), a.query_ends = {9, 8};
       }},
      {"'ids.query_ends' does not divide",
       [](Arrays& a) { a.MakeIds(), a.column = ""; }},
      {"'ids.name_ends' does not divide",
       [](Arrays& a) { a.MakeIds(), a.name_ends = {5}; }},
      {"'ids.rows' has rows that no point has",
       [](Arrays& a) { a.MakeIds(), a.named_rows = {9}; }},
      {"'ids.rows' has rows that no point has",
       [](Arrays& a) { a.MakeIds(), a.named_rows = {-1}; }},
      {"'ids.rows' lacks a row",
       [](Arrays& a) { a.MakeIds(), a.named_rows = {1}; }},
  };
  EXPECT_THAT(Read(Arrays()), IsOk());
  for (const auto& [message, change] : cases) {
    Arrays arrays;
    change(arrays);
    EXPECT_THAT(Read(arrays), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr(message)));
  }
}

TEST(PartTest, ReadsWhatItWrites) {
  Answers answers;
  answers.table = NeighborTable(2, 2);
  answers.table.rows()(0, 0) = 7;
  answers.table.distances()(0, 0) = 0.25;
  answers.table.rows()(1, 1) = 3;
  answers.table.distances()(1, 1) = 0;
  Identifiers ids;
  ids.name = "na\tme";
  ids.points = {"a", "", "c,\n", "\"d\"", "e", "f", "g", "h", "i"};
  ids.queries = {"b", ""};
  const SearchFields search = {{"k", "2"}, {"id_column", "na\tme\n, \x80"}};
  const Part part({2, 3}, 5, 9, search, answers, ids);
  ASSERT_THAT(part.Write(File(), 1, nullptr), IsOk());
  EXPECT_TRUE(Part::IsFile(File()));
  const absl::StatusOr<Part> read = Part::Read(File(), 1, nullptr);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->shard, (Shard{2, 3}));
  EXPECT_EQ(read->num_queries, 5);
  EXPECT_EQ(read->num_points, 9);
  EXPECT_EQ(read->search, search);
  EXPECT_EQ(read->rows(0, 0), 7);
  EXPECT_EQ(read->rows(0, 1), kNoNeighbor);
  EXPECT_EQ(read->distances(0, 0), 0.25);
  EXPECT_EQ(read->id_column, "na\tme");
  EXPECT_EQ(read->query_ids[1], "");
  EXPECT_THAT(read->named_rows, ElementsAre(3, 7));
  EXPECT_EQ(read->row_ids[0], "\"d\"");
  EXPECT_EQ(read->row_ids[1], "h");
}

}  // namespace
}  // namespace rct
