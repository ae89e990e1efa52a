// `mpirun rct_mpi graph`, by calling it as a user does: the bytes of `rct
// graph`, whatever the number of ranks.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "tools/mpi/mpirun.h"
#include "tools/mpi/ranks_report.pb.h"
#include "tools/test_program.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kOutputs =
    " --out_indices=i.npy --out_distances=d.npy";

class RctMpiTest : public ProgramTest {
 protected:
  RctMpiTest() { SetUpMpirun(); }

  void WritePoints(const Matrix<double>& points) const {
    Write("p.npy", SerializeNpy(points.view()));
  }

  // Calls mpirun with these arguments, in which rct_mpi is the program.
  Outcome Mpirun(std::string_view arguments) const {
    return Shell(absl::StrCat("PATH=", MpiProgram(""),
                              ":$PATH\nmpirun --quiet ", arguments));
  }
  Outcome Graph(int ranks, std::string_view flags) const {
    return Mpirun(absl::StrCat("-n ", ranks, " rct_mpi graph ", flags));
  }

  // Returns the lines of a report about the answer, with warnings that are
  // about it.
  static std::string OfAnswer(const std::string& report) {
    const size_t begin = report.find("wrote ");
    return begin == report.npos ? "" : report.substr(begin);
  }

  // Compares the files of any number of ranks with those of rct, and what is
  // said of them.
  void ExpectSameBytes(std::string_view flags,
                       const std::vector<int>& sizes = {1, 2, 3, 4, 7}) const {
    SCOPED_TRACE(flags);
    const Outcome alone = Shell(absl::StrCat("rct graph ", flags, kOutputs));
    ASSERT_EQ(alone.exit_code, 0) << alone.err;
    const std::string indices = Read("i.npy");
    const std::string distances = Read("d.npy");
    for (const int ranks : sizes) {
      SCOPED_TRACE(ranks);
      Write("i.npy", "old");
      Write("d.npy", "old");
      const Outcome outcome = Graph(ranks, absl::StrCat(flags, kOutputs));
      ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
      EXPECT_EQ(OfAnswer(outcome.err), OfAnswer(alone.err));
      EXPECT_TRUE(Read("i.npy") == indices);
      EXPECT_TRUE(Read("d.npy") == distances);
      for (const std::string& name : Names()) {
        EXPECT_THAT(name, testing::Not(HasSubstr(".rct.")));
      }
    }
  }
};

// The tables of docs/experiments.md, with fewer points.
TEST_F(RctMpiTest, Geostatistics) {
  WritePoints(MakePointSet(PointSet::kUniformCube, 3000, 2, 1));
  ExpectSameBytes(
      "--points=p.npy --kernel=matern12 --lengthscale=0.2 --num_inducing=48 "
      "--k=20 --predecessor");
  WritePoints(MakePointSet(PointSet::kUniformCube, 2500, 3, 2));
  ExpectSameBytes(
      "--points=p.npy --kernel=matern32 --lengthscale=0.3 --num_inducing=32 "
      "--inducing=kmeans++ --k=10");
}

// Points of the gold workload.
TEST_F(RctMpiTest, NormalCloud) {
  WritePoints(MakePointSet(PointSet::kNormal, 4096, 3, 7));
  ExpectSameBytes(
      "--points=p.npy --kernel=rbf --lengthscale=1 --num_inducing=64 --k=30");
}

TEST_F(RctMpiTest, FewPlaces) {
  Matrix<double> points = MakePointSet(PointSet::kUniformCube, 300, 2, 3);
  for (int64_t i = 0; i < points.rows(); ++i) {
    for (int64_t j = 0; j < 2; ++j) points(i, j) = points(i % 10, j);
  }
  WritePoints(points);
  ExpectSameBytes(
      "--points=p.npy --kernel=rbf --lengthscale=0.5 --num_inducing=8 --k=40");
  for (int64_t i = 0; i < points.rows(); ++i) points(i, 0) = points(i, 1) = 5;
  WritePoints(points);
  ExpectSameBytes(
      "--points=p.npy --kernel=matern52 --lengthscale=1 --num_inducing=2 "
      "--k=3 --predecessor");
}

TEST_F(RctMpiTest, FewerPointsThanRanksOrThanNeighbors) {
  for (const int n : {1, 3, 20}) {
    WritePoints(MakePointSet(PointSet::kNormal, n, 2, 4));
    ExpectSameBytes(
        "--points=p.npy --kernel=rbf --lengthscale=1 --num_inducing=1 --k=15");
  }
}

TEST_F(RctMpiTest, CollinearAndFarApart) {
  Matrix<double> points = MakePointSet(PointSet::kUniformCube, 700, 2, 5);
  for (int64_t i = 0; i < points.rows(); ++i) points(i, 1) = 2 * points(i, 0);
  for (int64_t i = 0; i < points.rows(); i += 7) points(i, 0) *= 1e9;
  WritePoints(points);
  ExpectSameBytes(
      "--points=p.npy --kernel=matern32 --lengthscale=0.1 --num_inducing=16 "
      "--k=6 --predecessor");
}

// Files of other kinds, of which rows are read by each rank.
TEST_F(RctMpiTest, OtherFiles) {
  std::string csv = "name,lon,lat,height\n";
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&csv, "a", i, ",", i * 37 % 101, ",", i * 53 % 89, ",",
                    i * 11 % 7, "\n");
  }
  Write("p.csv", csv);
  ExpectSameBytes(
      "--points=p.csv --columns=lon,lat,height --lonlat --kernel=matern52 "
      "--lengthscale=900,3 --num_inducing=12 --k=5",
      {2, 7});
  Write("z.csv", "row\n3\n77\n5\n");
  std::string floats("\x93NUMPY\1\0", 8);
  const std::string header =
      "{'descr': '<f4', 'fortran_order': True, 'shape': (150, 3)}";
  floats += {static_cast<char>(header.size()), '\0'};
  floats += header;
  for (int i = 0; i < 450; ++i) {
    const float number = static_cast<float>(i * 7919 % 1009) / 256;
    floats.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  Write("p.npy", floats);
  ExpectSameBytes(
      "--points=p.npy --columns=2,0 --inducing_rows=z.csv --kernel=rbf "
      "--lengthscale=1 --k=5",
      {3});
}

TEST_F(RctMpiTest, ReportsWhatRanksDid) {
  WritePoints(MakePointSet(PointSet::kUniformCube, 500, 2, 1));
  const Outcome outcome = Graph(
      3,
      "--points=p.npy --kernel=rbf --lengthscale=0.3 --num_inducing=9 --k=4 "
      "--threads=1 --out_indices=i.npy --report=r.json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(StartsWith("searched by 3 ranks in "),
                                 EndsWith("\nwrote i.npy: 500 x 4\n")));
  RanksReport report;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(Read("r.json"), &report)
          .ok());
  EXPECT_EQ(report.points(), 500);
  EXPECT_EQ(report.k(), 4);
  ASSERT_EQ(report.rank_size(), 3);
  double points = 0;
  for (const RankWork& rank : report.rank()) {
    points += rank.points();
    EXPECT_EQ(rank.threads(), 1);
    EXPECT_GT(rank.peak_bytes(), 1e6);
    EXPECT_GT(rank.bytes_sent(), 0);
    EXPECT_GT(rank.phase_size(), 0);
  }
  // Inducing points are in no cell.
  EXPECT_EQ(points, 500 - 9);
}

TEST_F(RctMpiTest, RunsWithoutALauncher) {
  WritePoints(MakePointSet(PointSet::kUniformCube, 200, 2, 1));
  const std::string flags =
      " graph --points=p.npy --kernel=rbf --lengthscale=0.3 --num_inducing=9 "
      "--k=4 --out_indices=";
  ASSERT_EQ(Shell(absl::StrCat("rct", flags, "i.npy")).exit_code, 0);
  const Outcome outcome =
      Shell(absl::StrCat(MpiProgram("rct_mpi"), flags, "j.npy"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, StartsWith("searched by 1 rank in "));
  EXPECT_TRUE(Read("i.npy") == Read("j.npy"));
}

TEST_F(RctMpiTest, HelpFitsAndCanBePasted) {
  const Outcome help = Mpirun("-n 2 rct_mpi graph --help");
  EXPECT_EQ(help.exit_code, 0);
  std::string example;
  bool in_example = false;
  for (const std::string_view line : absl::StrSplit(help.out, '\n')) {
    EXPECT_LE(line.size(), 80) << line;
    if (in_example && line.empty()) break;
    if (in_example) absl::StrAppend(&example, line, "\n");
    in_example = in_example || line == "Example";
  }
  const Outcome outcome =
      Shell(absl::StrCat("PATH=", MpiProgram(""), ":$PATH\n", example));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(Read("sets.npy"), StartsWith(std::string(kNpyMagic)));
  EXPECT_EQ(Mpirun("-n 3 rct_mpi --version").out,
            absl::StrCat("rct_mpi ", absl::StripPrefix(
                                         Shell("rct --version").out, "rct ")));
}

// One message, from one rank, and the codes of rct.
TEST_F(RctMpiTest, SaysWhatIsWrong) {
  Matrix<double> points = MakePointSet(PointSet::kUniformCube, 40, 2, 1);
  WritePoints(points);
  points(37, 1) = 1.0 / 0.0;
  Write("bad.npy", SerializeNpy(std::as_const(points).view()));
  Write("i.npy", "old");
  const std::string model =
      "--kernel=rbf --lengthscale=1 --num_inducing=3 --k=2 ";
  const auto error = [&](int code, std::string_view flags) {
    const Outcome outcome = Graph(4, flags);
    EXPECT_EQ(outcome.exit_code, code) << flags;
    EXPECT_TRUE(Read("i.npy") == "old");
    return outcome.err;
  };
  EXPECT_EQ(error(1, model + "--points=bad.npy --out_indices=i.npy"),
            "rct_mpi graph: --points: bad.npy: row 37, column 1 is inf; all "
            "values must be finite\n");
  EXPECT_THAT(error(1, model + "--points=none.npy --out_indices=i.npy"),
              AllOf(StartsWith("rct_mpi graph: --points: none.npy: "),
                    EndsWith("No such file or directory\n")));
  EXPECT_EQ(error(1, model + "--points=p.npy --out_indices=no/i.npy"),
            "rct_mpi graph: --out_indices: no/i.npy: its folder does not "
            "exist; make it first\n");
  EXPECT_EQ(error(1, model + "--points=p.npy --out_indices=/dev/null "
                             "--format=npy"),
            "rct_mpi graph: --out_indices: /dev/null: is no regular file, of "
            "which ranks could write parts; name one\n");
  EXPECT_THAT(error(1,
                    "--points=p.npy --kernel=rbf --lengthscale=1,2,3 "
                    "--num_inducing=3 --k=2 --out_indices=i.npy"),
              StartsWith("rct_mpi graph: --lengthscale"));
  EXPECT_THAT(error(1,
                    "--points=p.npy --kernel=rbf --num_inducing=3 --k=2 "
                    "--out_indices=i.npy"),
              HasSubstr("to begin with, --lengthscale=0."));
  EXPECT_EQ(error(2, model + "--points=p.npy --out_indices=i.csv"),
            "rct_mpi graph: --out_indices: 'i.csv': rct_mpi writes .npy files; "
            "name one that ends with .npy\nSee rct_mpi --help\n");
  EXPECT_EQ(error(2, model + "--points=p.npy --work=w --out_indices=i.npy"),
            "rct_mpi graph: --work: is a flag of rct graph alone; rct_mpi has "
            "the K nearest rows of --points, under a kernel with inducing "
            "points\nSee rct_mpi --help\n");
  EXPECT_EQ(error(2, model + "--points=- --out_indices=i.npy"),
            "rct_mpi graph: --points: -: standard input is there for one rank "
            "only; name a file\nSee rct_mpi --help\n");
  EXPECT_THAT(error(2, model + "--points=p.npy --out_index=i.npy"),
              HasSubstr("did you mean --out_indices"));
}

// Ranks that were started with different words, or that see different files.
TEST_F(RctMpiTest, RanksThatDoNotFitTogether) {
  WritePoints(MakePointSet(PointSet::kUniformCube, 40, 2, 1));
  Write("q.npy",
        SerializeNpy(MakePointSet(PointSet::kUniformCube, 40, 2, 2).view()));
  const auto error = [&](std::string_view one, std::string_view other) {
    const std::string first =
        "rct_mpi graph --kernel=rbf --num_inducing=3 --out_indices=i.npy ";
    const Outcome outcome =
        Mpirun(absl::StrCat("-n 2 ", first, one, " : -n 1 ", first, other));
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(Names(), testing::ElementsAre("p.npy", "q.npy"));
    return outcome.err;
  };
  EXPECT_EQ(error("--points=p.npy --lengthscale=1 --k=2",
                  "--points=q.npy --lengthscale=1 --k=2"),
            "rct_mpi graph: --points: the rows of rank 2 differ from those of "
            "rank 0; name a file that is the same one on all machines\n");
  for (const std::string_view other :
       {"--points=p.npy --lengthscale=2 --k=2",
        "--points=p.npy --lengthscale=1 --k=3",
        "--points=p.npy --lengthscale=1 --k=2 --predecessor"}) {
    EXPECT_EQ(error("--points=p.npy --lengthscale=1 --k=2", other),
              "rct_mpi graph: the flags of rank 2 differ from those of rank 0; "
              "start all ranks with the same ones\n");
  }
}

}  // namespace
}  // namespace rct
