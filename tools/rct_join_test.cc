// Shards and `rct join`, by calling the program as a user does: parts put
// together have the bytes of an answer that was never split.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/sanitizers.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/euclidean_index.h"
#include "tools/test_program.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int64_t kRows = 150;

constexpr std::string_view kModel =
    " --kernel=matern52 --lengthscale=1 --num_inducing=12";

class RctJoinTest : public ProgramTest {
 protected:
  // Points in two forms, the last ten of which repeat earlier ones.
  RctJoinTest() {
    Matrix<double> points = MakePointSet(PointSet::kNormal, kRows, 2, 1);
    std::string table = "name,x,y\n";
    for (int64_t i = 0; i < kRows; ++i) {
      if (i >= kRows - 10) {
        for (int64_t j = 0; j < 2; ++j) points(i, j) = points(i % 7, j);
      }
      absl::StrAppend(&table, "\"p, ", i, "\",", points(i, 0), ",",
                      points(i, 1), "\n");
    }
    Write("p.npy", SerializeNpy(points.view()));
    Write("p.csv", table);
    Write("q.npy", SerializeNpy(std::vector<int64_t>{0, 17, 149, 17}));
    Write("none.npy", SerializeNpy(std::vector<int64_t>{}));
    Write("a.npy", SerializeNpy(std::vector<int64_t>{3, 5, 17, 90, 149}));
    Write("x.csv", "name,x,y\nnorth,0,1\n\"a, b\",1,0\nsouth,0,-1\n");
  }

  void Run(const std::string& line) const {
    const Outcome outcome = Shell(line);
    EXPECT_EQ(outcome.exit_code, 0) << line << "\n" << outcome.err;
  }

  // Answers `parts` shards of a search. Returns the names of their files.
  std::vector<std::string> MakeParts(const std::string& search, int parts,
                                     const std::string& name = "part") const {
    std::vector<std::string> files;
    for (int i = 1; i <= parts; ++i) {
      files.push_back(absl::StrCat(name, i, ".rctpart"));
      Run(absl::StrCat("rct ", search, " --shard=", i, "/", parts,
                       " --out_part=", files.back()));
    }
    return files;
  }

  // Expects that `search` has the same files in parts as without them, in all
  // formats.
  void ExpectSame(const std::string& search) const {
    SCOPED_TRACE(search);
    const bool lists = !absl::StrContains(search, "--k=");
    for (const std::string format : {"npy", "csv", "tsv"}) {
      Run(absl::StrCat("rct ", search, Outputs(format, "", lists)));
    }
    for (const int parts : {1, 3, 5}) {
      const std::vector<std::string> files = MakeParts(search, parts);
      // In any order.
      const std::string names =
          absl::StrJoin(files.rbegin(), files.rend(), " ");
      for (const std::string format : {"npy", "csv", "tsv"}) {
        SCOPED_TRACE(absl::StrCat(parts, " parts as ", format));
        Run(absl::StrCat("rct join ", names,
                         Outputs(format, "joined_", lists)));
        for (const std::string file : {"i.", "d.", "o."}) {
          if (file == "o." && !lists) continue;
          // The files would fill screens.
          EXPECT_TRUE(Read(absl::StrCat("joined_", file, format)) ==
                      Read(file + format))
              << file;
        }
      }
    }
  }

  static std::string Outputs(const std::string& format,
                             const std::string& prefix, bool lists) {
    const auto flag = [&](std::string_view name, std::string_view file) {
      return absl::StrCat(" --out_", name, "=", prefix, file, ".", format);
    };
    return absl::StrCat(flag("indices", "i"), flag("distances", "d"),
                        lists ? flag("offsets", "o") : "");
  }

  void ExpectError(const std::string& line, int exit_code,
                   const std::string& message) const {
    SCOPED_TRACE(line);
    const std::vector<std::string> before = Names();
    const Outcome outcome = Shell(line);
    EXPECT_EQ(outcome.exit_code, exit_code);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith(message));
    EXPECT_EQ(Names(), before);
  }
};

TEST_F(RctJoinTest, GraphsOfAnIndex) {
  Run(absl::StrCat("rct build --index=p.rct --points=p.npy", kModel));
  ExpectSame("graph --index=p.rct --k=4");
  ExpectSame("graph --index=p.rct --k=4 --predecessor");
  ExpectSame("graph --index=p.rct --k=4 --predecessor --order=maxmin");
  ExpectSame("graph --index=p.rct --k=4 --radius=0.6 --allowed_rows=a.npy");
  ExpectSame("graph --index=p.rct --radius=0.6");
  // More neighbors than there are.
  ExpectSame("graph --index=p.rct --k=200");
}

TEST_F(RctJoinTest, GraphsOfPoints) {
  ExpectSame(absl::StrCat("graph --points=p.npy --k=4 --predecessor --audit=3",
                          kModel));
  ExpectSame(absl::StrCat(
      "graph --points=p.csv --id_column=name --k=4 --predecessor", kModel));
  ExpectSame(absl::StrCat(
      "graph --points=p.csv --id_column=name --radius=0.6 --predecessor "
      "--order=middle_out",
      kModel));
  ExpectSame(
      "graph --points=p.npy --k=4 --metric=correlation --kernel=rbf "
      "--lengthscale=1");
}

TEST_F(RctJoinTest, EuclideanGraphs) {
  Run("rct build --index=e.rct --points=p.npy --metric=euclidean "
      "--lengthscale=1,3");
  ExpectSame("graph --index=e.rct --k=4");
  ExpectSame("graph --index=e.rct --k=4 --predecessor --order=maxmin");
  ExpectSame(
      "graph --points=p.csv --columns=x,y --metric=euclidean --radius=1");
}

TEST_F(RctJoinTest, QueriesThatAreNamed) {
  Run(absl::StrCat("rct build --index=p.rct --points=p.npy", kModel));
  // There are more parts than queries, or no queries at all.
  ExpectSame("neighbors --index=p.rct --query_rows=q.npy --k=4");
  ExpectSame("neighbors --index=p.rct --query_rows=none.npy --k=4");
  ExpectSame("neighbors --index=p.rct --query_rows=none.npy --radius=0.5");
  ExpectSame(
      "neighbors --index=p.rct --query_rows=q.npy --radius=0.5 --exclude_self");
  ExpectSame("neighbors --index=p.rct --queries=x.csv --columns=x,y --k=4");
  ExpectSame(
      absl::StrCat("neighbors --points=p.csv --id_column=name "
                   "--queries=x.csv --k=4",
                   kModel));
  ExpectSame(
      "neighbors --points=p.csv --id_column=name --query_rows=q.npy "
      "--metric=euclidean --radius=0.4");
}

TEST_F(RctJoinTest, FactorsThatAreGiven) {
  Write("v.npy", SerializeNpy(Matrix<double>::Zeros(kRows, 1).view()));
  Write("s.npy", SerializeNpy(std::vector<double>(kRows, 1.0)));
  ExpectSame(
      "graph --points=p.npy --kernel=rbf --lengthscale=1 --factors=v.npy "
      "--residual_variance=s.npy --k=4");
}

TEST_F(RctJoinTest, AnIndexOfNoPoints) {
  const auto index = EuclideanIndex::Build(Matrix<double>(0, 2).view());
  ASSERT_THAT(index, IsOk());
  ASSERT_THAT(index->Save(Path("none.rct")), IsOk());
  ExpectSame("graph --index=none.rct --k=4");
  ExpectSame("neighbors --index=none.rct --queries=x.csv --columns=x,y --k=4");
}

// The file of an index over a rough kernel holds no far field: each part makes
// it, or what pays for a part.
TEST_F(RctJoinTest, RoughKernels) {
  Write("many.npy",
        SerializeNpy(MakePointSet(PointSet::kUniformCube, 9000, 2, 1).view()));
  Run("rct build --points=many.npy --kernel=matern12 --lengthscale=0.3 "
      "--num_inducing=64 --index=many.rct");
  for (const std::string more : {"", " --predecessor"}) {
    const std::string graph = "graph --index=many.rct --k=5" + more;
    Run("rct " + graph + " --out_distances=d.npy");
    for (const int parts : {2, 40}) {
      Run(absl::StrCat("rct join --out_distances=joined.npy ",
                       absl::StrJoin(MakeParts(graph, parts), " ")));
      EXPECT_TRUE(Read("joined.npy") == Read("d.npy")) << parts << more;
    }
  }
}

// An index in a file and points are the same search, whatever the strategy.
TEST_F(RctJoinTest, PartsOfOtherMachines) {
  Run(absl::StrCat("rct build --index=p.rct --points=p.npy", kModel));
  Run(absl::StrCat("rct graph --index=p.rct --k=3 --out_indices=i.npy"));
  Run("rct graph --index=p.rct --k=3 --shard=1/2 --out_part=1.rctpart");
  Run(
      absl::StrCat("rct graph --points=p.npy --k=3 --strategy=exhaustive "
                   "--threads=1 --shard=2/2 --out_part=2.rctpart",
                   kModel));
  const Outcome joined =
      Shell("rct join 2.rctpart 1.rctpart --out_indices=joined.npy");
  EXPECT_EQ(joined.exit_code, 0);
  EXPECT_EQ(joined.err, "wrote joined.npy: 150 x 3, from 2 parts\n");
  EXPECT_EQ(Read("joined.npy"), Read("i.npy"));
}

TEST_F(RctJoinTest, Reports) {
  const std::string search =
      absl::StrCat("graph --points=p.npy --k=4 --predecessor", kModel);
  const Outcome part = Shell(absl::StrCat(
      "rct ", search, " --shard=1/4 --out_part=1.rctpart --audit=5"));
  EXPECT_EQ(part.err,
            "audit: 5 of 38 queries searched again, exhaustively: same bits\n"
            "wrote 1.rctpart: part 1/4, 38 of 150 queries\n"
            "1 queries have fewer than 4 neighbors: row -1 at distance inf\n");
  const std::string files = absl::StrJoin(MakeParts(search, 4), " ");
  EXPECT_EQ(Shell("rct join --out_distances=d.csv " + files).err,
            "wrote d.csv: 150 x 4, from 4 parts\n"
            "4 queries have fewer than 4 neighbors: row -1 at distance inf\n");
}

TEST_F(RctJoinTest, PartsThatAreMissingOrTooMany) {
  const std::string search = absl::StrCat("graph --points=p.npy --k=4", kModel);
  MakeParts(search, 4);
  MakeParts(search, 3, "third");
  const auto expect = [&](const std::string& files,
                          const std::string& message) {
    ExpectError("rct join --out_indices=i.npy " + files, 1,
                "rct join: " + message);
  };
  expect("part1.rctpart part2.rctpart part4.rctpart",
         "part 3 of 4 is missing; name the files of all parts, in any order\n");
  expect("part3.rctpart", "parts 1, 2, 4 of 4 are missing; name the files");
  Run("cp part2.rctpart copy.rctpart");
  expect("part1.rctpart part2.rctpart part3.rctpart part4.rctpart copy.rctpart",
         "copy.rctpart: is part 2/4, and so is part2.rctpart; name each part "
         "once\n");
  expect("part1.rctpart third2.rctpart third3.rctpart",
         "third2.rctpart: is a part of another search than part1.rctpart: the "
         "number of parts is 3 in it and 4 there; join the parts of one "
         "search\n");
  // A number of parts that no array could hold.
  Run(absl::StrCat("rct ", search,
                   " --shard=2147483639/2147483639 --out_part=far.rctpart"));
  expect("far.rctpart",
         "parts 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2147483628 more of "
         "2147483639 are missing");
}

TEST_F(RctJoinTest, PartsOfOtherSearches) {
  Write("twice.npy", SerializeNpy(std::vector<int64_t>{1, 2, 3, 4}));
  Write("moved.csv", absl::StrReplaceAll(Read("p.csv"), {{"p, 9", "p; 9"}}));
  Matrix<double> points = ParseNpyMatrix(Read("p.npy")).value();
  points(149, 1) += 1e-9;
  Write("other.npy", SerializeNpy(points.view()));
  Run("rct order --points=p.npy --method=random --out_order=r.npy");

  const std::string graph =
      absl::StrCat("graph --points=p.npy --k=4 --predecessor", kModel);
  const std::string named = absl::StrCat(
      "neighbors --points=p.csv --id_column=name --query_rows=q.npy --k=4",
      kModel);
  const struct {
    std::string search, from, to, field;
  } cases[] = {
      {graph, "--k=4", "--k=5", "k is 5 in it and 4 there"},
      {graph, "--k=4", "--radius=0.5", "k is all in it and 4 there"},
      {graph, "--k=4", "--k=4 --radius=0.5",
       "radius is 0.5 in it and none there"},
      {graph, "--predecessor", "", "predecessor is no in it and yes there"},
      {graph, "--predecessor", "--predecessor --order=r.npy", "points is "},
      {graph, "--k=4", "--k=4 --allowed_rows=q.npy", "allowed_rows is "},
      {graph, "p.npy", "other.npy", "points is 150 x 2, "},
      {graph, "matern52", "rbf", "kernel is rbf in it and matern52 there"},
      {graph, "lengthscale=1", "lengthscale=1.5",
       "lengthscale is 1.5 in it and 1 there"},
      {graph, "--k=4", "--k=4 --variance=2", "variance is 2 in it and 1 there"},
      {graph, "--k=4", "--k=4 --jitter=1e-5",
       "jitter is 1e-05 in it and 1e-06 there"},
      {graph, "--num_inducing=12", "--num_inducing=13", "inducing is 13 x 2, "},
      {graph, "--num_inducing=12", "--num_inducing=12 --seed=2",
       "inducing is 12 x 2, "},
      {graph, "--num_inducing=12", "--no_inducing", "inducing is none in it"},
      {graph, std::string(kModel), " --metric=euclidean",
       "metric is euclidean in it and residual there"},
      {named, "q.npy", "twice.npy", "queries is 4 rows, "},
      {named, "--query_rows=q.npy", "--queries=x.csv",
       "queries is 3 new points, "},
      {named, "--k=4", "--k=4 --exclude_self",
       "exclude_self is yes in it and no there"},
      {named, "p.csv", "moved.csv", "id_column is name, "},
  };
  for (const auto& [search, from, to, field] : cases) {
    Run(absl::StrCat("rct ", search, " --shard=1/2 --out_part=1.rctpart"));
    Run(absl::StrCat("rct ", absl::StrReplaceAll(search, {{from, to}}),
                     " --shard=2/2 --out_part=2.rctpart"));
    ExpectError("rct join 1.rctpart 2.rctpart --out_indices=i.npy", 1,
                absl::StrCat("rct join: 2.rctpart: is a part of another search "
                             "than 1.rctpart: ",
                             field));
  }
}

TEST_F(RctJoinTest, FilesThatAreNoParts) {
  MakeParts(absl::StrCat("graph --points=p.npy --k=4", kModel), 1);
  const std::string good = Read("part1.rctpart");
  const auto expect = [&](const std::string& contents,
                          const std::string& message) {
    Write("bad.rctpart", contents);
    ExpectError("rct join bad.rctpart --out_indices=i.npy", 1,
                "rct join: bad.rctpart: " + message);
    ExpectError("rct info bad.rctpart", 1, "rct info: bad.rctpart: " + message);
  };
  expect("", "is empty, and no rct part file");
  expect(Read("p.npy"), "is no rct part file: starts with '\\x93NUMPY");
  expect(good.substr(0, 1000),
         absl::StrCat("truncated: has 1000 bytes of ", good.size(),
                      "; answer this part again"));
  std::string damaged = good;
  damaged[good.size() / 2] ^= 1;
  expect(damaged, "damaged: its digest differs");
  ExpectError("rct join missing.rctpart --out_indices=i.npy", 1,
              "rct join: missing.rctpart: cannot open: No such file");
  // A part is no index and no points, and the other way round.
  ExpectError("rct graph --index=part1.rctpart --k=1 --out_indices=i.npy", 1,
              "rct graph: --index: part1.rctpart: is no rct index file");
}

TEST_F(RctJoinTest, FilesThatWouldBeReplaced) {
  MakeParts(absl::StrCat("graph --points=p.npy --k=4", kModel), 1);
  const std::string good = Read("part1.rctpart");
  ExpectError("rct join part1.rctpart --format=npy --out_indices=part1.rctpart",
              1,
              "rct join: --out_indices: part1.rctpart: is the file of a part "
              "too, and would replace it");
  EXPECT_EQ(Read("part1.rctpart"), good);
  ExpectError(absl::StrCat("rct graph --points=p.npy --k=4 --shard=1/1 "
                           "--out_part=p.npy",
                           kModel),
              1,
              "rct graph: --out_part: p.npy: is the file of --points too, and "
              "would replace it");
  ExpectError(absl::StrCat("rct graph --points=p.npy --k=4 --shard=1/1 "
                           "--out_part=no/folder.rctpart",
                           kModel),
              1,
              "rct graph: --out_part: no/folder.rctpart: its folder does not "
              "exist; make it first");
}

TEST_F(RctJoinTest, WrongCommandLines) {
  const std::string part =
      absl::StrCat("rct graph --points=p.npy --k=4", kModel);
  MakeParts(absl::StrCat("graph --points=p.npy --k=4", kModel), 1, "table");
  MakeParts(absl::StrCat("graph --points=p.npy --radius=1", kModel), 1, "list");
  const struct {
    std::string line, message;
    int exit_code = 2;
  } cases[] = {
      {part + " --shard=1/4",
       "rct graph: --shard: needs --out_part as well: it is the file of the "
       "part\nSee rct graph --help\n"},
      {part + " --out_part=x.rctpart --out_indices=i.npy",
       "rct graph: --out_part: needs --shard as well: it says which part goes "
       "there"},
      {part + " --shard=1/4 --out_part=x.rctpart --out_indices=i.npy",
       "rct graph: --shard and --out_indices: a part goes into --out_part, and "
       "rct join writes the answer; leave one out"},
      {part + " --shard=0/4 --out_part=x.rctpart",
       "rct graph: --shard: '0/4' is no part; parts count from 1: 1/4 to 4/4"},
      {part + " --shard=5/4 --out_part=x.rctpart",
       "rct graph: --shard: '5/4' is no part; parts count from 1: 1/4 to 4/4"},
      {part + " --shard=5 --out_part=x.rctpart",
       "rct graph: --shard: '5' is no I/N: the number of a part and that of "
       "all parts, as 3/8"},
      {part + " --shard=1/0 --out_part=x.rctpart",
       "rct graph: --shard: '1/0' has 0 parts; there can be 1 to 2147483639"},
      {part + " --shard=1/2/3 --out_part=x.rctpart",
       "rct graph: --shard: '1/2/3' is no I/N"},
      {part + " --predecessor --order=maxmin --out_order=o.npy --shard=1/2 "
              "--out_part=x.rctpart",
       "rct graph: --shard and --out_order: every part has the same order"},
      {part + " --out_inducing=z.npy --shard=1/2 --out_part=x.rctpart",
       "rct graph: --shard and --out_inducing: every part has the same"},
      {absl::StrCat("rct build --points=p.npy --index=p.rct --shard=1/2",
                    kModel),
       "rct build: there is no flag --shard"},
      {"rct join --out_indices=i.npy", "rct join: no part is named"},
      {"rct join table1.rctpart",
       "rct join: --out_indices or --out_distances is missing"},
      {"rct join table1.rctpart --out_indices=i.bin",
       "rct join: --out_indices: i.bin: the ending names no format"},
      {"rct join table1.rctpart --out_indices=i.npy --k=3",
       "rct join: there is no flag --k"},
      {"rct join table1.rctpart --out_indices=i.npy --out_offsets=o.npy",
       "rct join: --out_offsets: the parts were searched with --k", 1},
      {"rct join list1.rctpart --out_indices=i.npy",
       "rct join: --out_offsets is missing: the parts hold lists", 1},
  };
  for (const auto& [line, message, exit_code] : cases) {
    ExpectError(line, exit_code, message);
  }
}

// A shard maps the index, and what it allocates follows from its answers: it
// gets by with less memory than V takes, which a whole search holds.
TEST_F(RctJoinTest, AShardTakesLittleMemory) {
  if (kShadowMemory) {
    GTEST_SKIP() << "a sanitizer takes memory of its own";
  }
  Write("many.npy",
        SerializeNpy(MakePointSet(PointSet::kNormal, 40'000, 2, 1).view()));
  Run("rct build --points=many.npy --kernel=rbf --lengthscale=1 "
      "--num_inducing=256 --index=many.rct");  // V takes 82 MB
  const std::string search =
      "ulimit -d 65536; rct graph --index=many.rct --k=5 --threads=1";
  Run("(" + search + " --shard=3/40 --out_part=x.rctpart)");
  const Outcome whole = Shell("(" + search + " --out_indices=i.npy)");
  EXPECT_EQ(whole.exit_code, 1);
  EXPECT_THAT(whole.err, HasSubstr("memory"));
}

TEST_F(RctJoinTest, InfoDescribesAPart) {
  MakeParts(absl::StrCat("graph --points=p.npy --radius=0.5", kModel), 2);
  const Outcome outcome = Shell("rct info part2.rctpart");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out,
              AllOf(StartsWith("part2.rctpart: part 2/2 of an answer, 75 of "
                               "150 queries among 150 points, undamaged\n"
                               "  metric         residual\n"),
                    HasSubstr("\n  kernel         matern52\n"),
                    HasSubstr("\n  k              all\n"),
                    HasSubstr("\n  radius         0.5\n"),
                    HasSubstr("\n  neighbors      ")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\n\n")));
}

}  // namespace
}  // namespace rct
