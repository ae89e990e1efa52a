// Calls the program as a user does and checks its output, files and exit codes.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/sanitizers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/test_program.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Le;
using testing::SizeIs;
using testing::StartsWith;

using Arguments = std::vector<std::string>;

constexpr int64_t kRows = 300;
constexpr int64_t kDim = 3;

// Returns a .npy file of any dtype and order.
std::string Npy(std::string_view descr, bool fortran, std::string_view shape,
                const std::string& data) {
  std::string header = absl::StrCat(
      "{'descr': '", descr, "', 'fortran_order': ", fortran ? "True" : "False",
      ", 'shape': ", shape, ", }\n");
  return absl::StrCat(std::string_view("\x93NUMPY\x01\0", 8),
                      std::string{static_cast<char>(header.size()), '\0'},
                      header, data);
}

template <class T>
std::string Bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

// Returns points that float32 holds exactly.
Matrix<double> FloatPoints() {
  Matrix<double> points = MakePointSet(PointSet::kNormal, kRows, kDim, 1);
  for (int64_t i = 0; i < kRows; ++i) {
    for (int64_t j = 0; j < kDim; ++j) {
      points(i, j) = static_cast<float>(points(i, j));
    }
  }
  return points;
}

class RctTest : public ProgramTest {
 protected:
  RctTest() {
    Write("p.npy", SerializeNpy(FloatPoints().view()));
    Write("q.npy", SerializeNpy(std::vector<int64_t>{0, 17, 299, 17}));
    Write("z.npy", SerializeNpy(std::vector<int64_t>{3, 50, 120, 260}));
    Write("x.npy",
          SerializeNpy(MakePointSet(PointSet::kNormal, 5, kDim, 2).view()));
  }

  // Returns a command line that works, in which `changes` replace flags of the
  // same name; "--name" alone removes one.
  static Arguments CommandLine(const Arguments& changes) {
    Arguments arguments = {"--points=p.npy",        "--query_rows=q.npy",
                           "--inducing_rows=z.npy", "--kernel=rbf",
                           "--lengthscale=1",       "--k=4",
                           "--out_indices=i.npy",   "--out_distances=d.npy"};
    for (const std::string& change : changes) {
      const std::string name = change.substr(0, change.find('='));
      const auto same = std::find_if(
          arguments.begin(), arguments.end(), [&](const std::string& argument) {
            return absl::StartsWith(argument, name + "=");
          });
      if (same != arguments.end()) arguments.erase(same);
      if (same == arguments.end() || name != change) {
        arguments.push_back(change);
      }
    }
    arguments.insert(arguments.begin(), "neighbors");
    return arguments;
  }

  // Returns the two files of the answer. Expects that there is no error.
  std::vector<std::string> Answer(const Arguments& changes) const {
    const Outcome outcome = Rct(CommandLine(changes));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    return {Read("i.npy"), Read("d.npy")};
  }

  // Expects one line on stderr and no new file.
  void ExpectError(const Arguments& arguments, int exit_code,
                   const testing::Matcher<std::string>& message) const {
    SCOPED_TRACE(absl::StrJoin(arguments, " "));
    const std::vector<std::string> before = Names();
    const Outcome outcome = Rct(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, message);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'),
              exit_code);  // usage errors say where help is, on a second line
    EXPECT_EQ(Names(), before);
  }
  void ExpectBadInput(const Arguments& changes,
                      const std::string& message) const {
    ExpectError(CommandLine(changes), 1,
                StartsWith("rct neighbors: " + message));
  }
};

TEST_F(RctTest, WritesBothFiles) {
  const Outcome outcome = Rct(CommandLine({}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "wrote i.npy and d.npy: 4 x 4\n");
  EXPECT_THAT(Names(), ElementsAre("d.npy", "i.npy", "p.npy", "q.npy", "x.npy",
                                   "z.npy"));
  const Matrix<int64_t> rows = ParseNpyIndexMatrix(Read("i.npy")).value();
  const Matrix<double> distances = ParseNpyMatrix(Read("d.npy")).value();
  ASSERT_EQ(rows.rows(), 4);
  ASSERT_EQ(rows.cols(), 4);
  ASSERT_EQ(distances.rows(), 4);
  ASSERT_EQ(distances.cols(), 4);
  // A row is its own nearest.
  EXPECT_EQ(rows(0, 0), 0);
  EXPECT_EQ(rows(1, 0), 17);
  EXPECT_EQ(rows(2, 0), 299);
  EXPECT_EQ(distances(1, 0), 0);
  EXPECT_GT(distances(1, 1), 0);
}

// The answer depends on the numbers and not on their format.
TEST_F(RctTest, FormatsOfPoints) {
  const std::vector<std::string> expected = Answer({});
  const Matrix<double> points = FloatPoints();
  const std::string shape = absl::StrCat("(", kRows, ", ", kDim, ")");
  std::string floats, by_column, floats_by_column, fvecs;
  for (int64_t i = 0; i < kRows; ++i) {
    fvecs += Bytes(static_cast<int32_t>(kDim));
    for (int64_t j = 0; j < kDim; ++j) {
      floats += Bytes(static_cast<float>(points(i, j)));
      fvecs += Bytes(static_cast<float>(points(i, j)));
    }
  }
  for (int64_t j = 0; j < kDim; ++j) {
    for (int64_t i = 0; i < kRows; ++i) {
      by_column += Bytes(points(i, j));
      floats_by_column += Bytes(static_cast<float>(points(i, j)));
    }
  }
  Write("f4.npy", Npy("<f4", false, shape, floats));
  Write("f8_fortran.npy", Npy("<f8", true, shape, by_column));
  Write("f4_fortran.npy", Npy("<f4", true, shape, floats_by_column));
  Write("p.csv", SerializeCsv("x", points.view()));
  Write("p.fvecs", fvecs);
  for (const char* file :
       {"f4.npy", "f8_fortran.npy", "f4_fortran.npy", "p.csv", "p.fvecs"}) {
    EXPECT_EQ(Answer({absl::StrCat("--points=", file)}), expected) << file;
  }
  // Other points give another answer.
  Write("wrong.npy", Npy("<f8", false, shape, by_column));
  EXPECT_NE(Answer({"--points=wrong.npy"}), expected);
}

TEST_F(RctTest, FormatsOfRows) {
  const std::vector<std::string> expected = Answer({});
  Write("q.csv", "row\r\n0\r\n17\r\n299\r\n17\r\n");
  std::string ints;
  for (const int32_t row : {0, 17, 299, 17}) ints += Bytes(row);
  Write("q4.npy", Npy("<i4", false, "(4, 1)", ints));
  Write("z.csv", "row\n3\n50\n120\n260");
  EXPECT_EQ(Answer({"--query_rows=q.csv", "--inducing_rows=z.csv"}), expected);
  EXPECT_EQ(Answer({"--query_rows=q4.npy"}), expected);
}

TEST_F(RctTest, FormatsOfAnswers) {
  const Outcome outcome = Rct(CommandLine(
      {"--out_indices=i.csv", "--out_distances=d.data", "--format=csv"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  Answer({});
  EXPECT_EQ(
      Read("i.csv"),
      SerializeCsv("neighbor", ParseNpyIndexMatrix(Read("i.npy"))->view()));
  EXPECT_EQ(Read("d.data"),
            SerializeCsv("distance", ParseNpyMatrix(Read("d.npy"))->view()));
}

TEST_F(RctTest, WaysToTheSameAnswer) {
  const std::vector<std::string> expected = Answer({});
  for (const Arguments& changes : {Arguments{"--strategy=level_synchronous"},
                                   {"--threads=1"},
                                   {"--threads=3"},
                                   {"--lengthscale=1,1,1"},
                                   {"--variance=4"},
                                   {"--jitter=1e-6"},
                                   {"--audit=1000"}}) {
    EXPECT_EQ(Answer(changes), expected) << changes[0];
  }
  for (const Arguments& changes : {Arguments{"--lengthscale=2"},
                                   {"--lengthscale=1,1,2"},
                                   {"--kernel=matern12"},
                                   {"--jitter=1e-1"},
                                   {"--exclude_self"},
                                   {"--inducing_rows", "--num_inducing=4"}}) {
    EXPECT_NE(Answer(changes), expected) << changes[0];
  }
  // Inducing points by row and by coordinates give the same answer.
  const Matrix<double> points = FloatPoints();
  Matrix<double> z(4, kDim);
  for (int64_t i = 0; i < 4; ++i) {
    std::copy_n(points.row(std::vector<int64_t>{3, 50, 120, 260}[i]), kDim,
                z.row(i));
  }
  Write("z_points.csv", SerializeCsv("z", z.view()));
  EXPECT_EQ(Answer({"--inducing_rows", "--inducing_points=z_points.csv"}),
            expected);
  // Another seed gives another draw; the default is 1.
  const Arguments draw = {"--inducing_rows", "--num_inducing=4", "--seed=1"};
  EXPECT_EQ(Answer({draw[0], draw[1]}), Answer(draw));
  EXPECT_NE(Answer({draw[0], draw[1], "--seed=2"}), Answer(draw));
}

// What --out_inducing writes gives the same answer in place of the choice, from
// an index as well, and carries the names of the columns.
TEST_F(RctTest, InducingPointsAreChosenAndWritten) {
  Write("p.csv", absl::StrReplaceAll(
                     SerializeCsv("x", ParseNpyMatrix(Read("p.npy"))->view()),
                     {{"x_1,x_2,x_3", "east,north,up"}}));
  const auto graph = [this](const Arguments& more) {
    Arguments arguments = {
        "graph",          "--kernel=rbf", "--lengthscale=1,2,1",
        "--points=p.csv", "--k=4",        "--out_indices=g.npy"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Rct(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.err;
  };
  std::set<std::string> chosen;
  for (const char* name : {"random", "kmeans++", "kmeans", "cover_tree"}) {
    SCOPED_TRACE(name);
    const std::string choice = absl::StrCat("--inducing=", name);
    EXPECT_EQ(graph({choice, "--num_inducing=9", "--out_inducing=z.csv"}),
              "wrote g.npy: 300 x 4\nwrote z.csv: the inducing points\n");
    const std::string answer = Read("g.npy");
    EXPECT_THAT(Read("z.csv"), StartsWith("east,north,up\n"));
    EXPECT_TRUE(chosen.insert(Read("z.csv")).second);
    graph({"--inducing_points=z.csv"});
    EXPECT_EQ(Read("g.npy"), answer);

    const Outcome build = Rct({"build", "--kernel=rbf", "--lengthscale=1,2,1",
                               "--points=p.csv", choice, "--num_inducing=9",
                               "--index=p.rct", "--out_inducing=y.csv"});
    EXPECT_EQ(build.exit_code, 0) << build.err;
    EXPECT_EQ(build.err,
              "wrote p.rct: an index of 300 points\n"
              "wrote y.csv: the inducing points\n");
    EXPECT_EQ(Read("y.csv"), Read("z.csv"));
    const Outcome loaded = Rct({"graph", "--index=p.rct", "--k=4",
                                "--out_indices=g.npy", "--out_inducing=y.npy"});
    EXPECT_EQ(loaded.exit_code, 0) << loaded.err;
    EXPECT_EQ(Read("g.npy"), answer);
    EXPECT_EQ(ParseNpyMatrix(Read("y.npy"))->rows(), 9);
  }
  const Outcome too_many =
      Rct({"graph", "--kernel=rbf", "--lengthscale=1", "--points=p.csv",
           "--inducing=kmeans++", "--num_inducing=301", "--k=4",
           "--out_indices=g.npy"});
  EXPECT_EQ(too_many.exit_code, 1);
  EXPECT_THAT(too_many.err, HasSubstr("--num_inducing: is 301; must be from"));
  Rct({"build", "--kernel=rbf", "--lengthscale=1", "--points=p.csv",
       "--no_inducing", "--index=none.rct"});
  const Outcome none =
      Rct({"graph", "--index=none.rct", "--k=4", "--out_indices=none.npy",
           "--out_inducing=none.csv"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("--out_inducing: the index has no inducing"));
  EXPECT_THAT(Names(), testing::Not(testing::Contains("none.npy")));
}

TEST_F(RctTest, NoInducingPointsAndFactorsOfZero) {
  const std::vector<std::string> none =
      Answer({"--inducing_rows", "--no_inducing"});
  EXPECT_NE(none, Answer({}));
  Write("v.npy", SerializeNpy(Matrix<double>::Zeros(kRows, 2).view()));
  Write("r.npy", SerializeNpy(std::vector<double>(kRows, 1.0)));
  EXPECT_EQ(Answer({"--inducing_rows", "--factors=v.npy",
                    "--residual_variance=r.npy"}),
            none);
}

TEST_F(RctTest, NewPoints) {
  const Outcome outcome =
      Rct(CommandLine({"--query_rows", "--queries=x.npy", "--audit=2"}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err,
            "audit: 2 of 5 queries searched again, exhaustively: same bits\n"
            "wrote i.npy and d.npy: 5 x 4\n");
  // Points of the data as new points find the neighbors of their rows, but
  // themselves at a distance that is not exactly 0.
  Write("x.npy", SerializeNpy(FloatPoints().view()));
  Answer({"--query_rows", "--queries=x.npy"});
  const Matrix<int64_t> as_points = ParseNpyIndexMatrix(Read("i.npy")).value();
  const Matrix<int64_t> as_rows = ParseNpyIndexMatrix(Answer({})[0]).value();
  EXPECT_EQ(as_points(17, 1), as_rows(1, 1));
}

TEST_F(RctTest, GraphsAreOfAllOtherRows) {
  const Outcome outcome =
      Rct({"graph", "--points=p.npy", "--inducing_rows=z.npy", "--kernel=rbf",
           "--lengthscale=1", "--k=4", "--predecessor", "--out_indices=g.npy"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err,
            "wrote g.npy: 300 x 4\n"
            "4 queries have fewer than 4 neighbors: row -1 at distance inf\n");
  const Matrix<int64_t> graph = ParseNpyIndexMatrix(Read("g.npy")).value();
  ASSERT_EQ(graph.rows(), kRows);
  const Matrix<int64_t> rows =
      ParseNpyIndexMatrix(Answer({"--predecessor"})[0]).value();
  for (int64_t j = 0; j < 4; ++j) {
    EXPECT_EQ(graph(0, j), -1);
    EXPECT_EQ(graph(17, j), rows(1, j));
  }
  const Outcome all =
      Rct({"graph", "--points=p.npy", "--inducing_rows=z.npy", "--kernel=rbf",
           "--lengthscale=1", "--k=4", "--out_indices=g.npy"});
  EXPECT_EQ(all.err, "wrote g.npy: 300 x 4\n");
  const Matrix<int64_t> others =
      ParseNpyIndexMatrix(Answer({"--exclude_self"})[0]).value();
  const Matrix<int64_t> whole = ParseNpyIndexMatrix(Read("g.npy")).value();
  EXPECT_EQ(whole(299, 0), others(2, 0));
  EXPECT_NE(whole(299, 0), 299);
}

// Every strategy finds the neighbors that a loop over all pairs finds.
TEST_F(RctTest, TheMetricIsAnArgument) {
  // Distances are in lengthscales, of which a power of two changes no bit.
  const std::vector<std::string> one = Answer(
      {"--metric=euclidean", "--inducing_rows", "--kernel", "--lengthscale"});
  const std::vector<std::string> two = Answer(
      {"--metric=euclidean", "--inducing_rows", "--kernel", "--lengthscale=2"});
  EXPECT_EQ(one[0], two[0]);
  const Matrix<double> distances = ParseNpyMatrix(one[1]).value();
  const Matrix<double> halves = ParseNpyMatrix(two[1]).value();
  for (int64_t i = 0; i < 4; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      EXPECT_EQ(halves(i, j), distances(i, j) / 2);
    }
  }
  // The correlation of a stationary process falls with the distance.
  const std::vector<std::string> correlation =
      Answer({"--metric=correlation", "--inducing_rows"});
  EXPECT_EQ(correlation[0], one[0]);
  EXPECT_EQ(correlation, Answer({"--no_inducing", "--inducing_rows"}));
  ExpectError({"graph", "--metric=euclidean", "--points=p.npy", "--k=4",
               "--lengthscale=1,2", "--out_indices=g.npy"},
              1, HasSubstr("--lengthscale: 2 values for points of 3 "));
}

// An index in a file answers as one that is built from the points.
TEST_F(RctTest, AEuclideanIndexInAFile) {
  const Arguments scales = {"--metric=euclidean", "--points=p.npy",
                            "--lengthscale=0.5,1,3"};
  Arguments build = {"build", "--index=e.rct"};
  build.insert(build.end(), scales.begin(), scales.end());
  const Outcome built = Rct(build);
  EXPECT_EQ(built.exit_code, 0) << built.err;
  EXPECT_EQ(built.err, "wrote e.rct: an index of 300 points\n");
  EXPECT_THAT(Rct({"info", "e.rct"}).out,
              AllOf(HasSubstr("an index of 300 points of 3 coordinates"),
                    HasSubstr("\n  metric         euclidean\n"),
                    HasSubstr("\n  lengthscale    0.5,1,3\n"),
                    HasSubstr("\n  strategy       block\n")));
  for (const Arguments& search :
       {Arguments{"graph", "--k=4"},
        {"graph", "--k=4", "--predecessor", "--order=maxmin"},
        {"neighbors", "--queries=x.npy", "--k=3"},
        {"neighbors", "--query_rows=q.npy", "--radius=0.7",
         "--out_offsets=o.npy"}}) {
    SCOPED_TRACE(absl::StrJoin(search, " "));
    Arguments from_file = search;
    from_file.insert(from_file.end(),
                     {"--index=e.rct", "--audit=5", "--out_indices=f.npy",
                      "--out_distances=fd.npy"});
    Arguments from_points = search;
    from_points.insert(from_points.end(), scales.begin(), scales.end());
    from_points.insert(from_points.end(),
                       {"--out_indices=i.npy", "--out_distances=d.npy"});
    const Outcome outcome = Rct(from_file);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(Rct(from_points).exit_code, 0);
    EXPECT_EQ(Read("f.npy"), Read("i.npy"));
    EXPECT_EQ(Read("fd.npy"), Read("d.npy"));
  }
}

TEST_F(RctTest, EuclideanDistance) {
  const Matrix<double> points = FloatPoints();
  std::vector<std::pair<double, int64_t>> expected;
  for (int64_t i = 0; i < kRows; ++i) {
    double squared = 0;
    for (int64_t t = 0; t < kDim; ++t) {
      const double difference = points(17, t) - points(i, t);
      squared = std::fma(difference, difference, squared);
    }
    expected.emplace_back(std::sqrt(squared), i);
  }
  std::sort(expected.begin(), expected.end());
  for (const char* strategy :
       {"--threads=1", "--strategy=exhaustive", "--strategy=level_synchronous",
        "--strategy=best_first", "--strategy=block"}) {
    Answer({"--metric=euclidean", "--inducing_rows", "--kernel",
            "--lengthscale", strategy});
    const Matrix<int64_t> rows = ParseNpyIndexMatrix(Read("i.npy")).value();
    const Matrix<double> distances = ParseNpyMatrix(Read("d.npy")).value();
    for (int64_t j = 0; j < 4; ++j) {
      EXPECT_EQ(rows(1, j), expected[j].second);
      EXPECT_EQ(distances(1, j), expected[j].first);
    }
  }
  const Outcome audited = Rct(
      {"neighbors", "--metric=euclidean", "--points=p.npy", "--queries=x.npy",
       "--k=4", "--strategy=best_first", "--audit=3", "--out_indices=i.npy"});
  EXPECT_EQ(audited.err,
            "audit: 3 of 5 queries searched again, exhaustively: same bits\n"
            "wrote i.npy: 5 x 4\n");
  const Outcome graph =
      Rct({"graph", "--metric=euclidean", "--points=p.npy", "--k=4",
           "--strategy=level_synchronous", "--predecessor", "--audit=300",
           "--out_indices=g.npy"});
  EXPECT_EQ(
      graph.err,
      "audit: 300 of 300 queries searched again, exhaustively: same bits\n"
      "wrote g.npy: 300 x 4\n"
      "4 queries have fewer than 4 neighbors: row -1 at distance inf\n");
  // Within a radius, among allowed rows, it finds the lists of the loop.
  const double radius = expected[40].first;
  Write("a.npy",
        SerializeNpy(std::vector<int64_t>{
            expected[3].second, expected[39].second, 17, expected[40].second}));
  const Outcome lists =
      Rct({"neighbors", "--metric=euclidean", "--points=p.npy",
           "--query_rows=q.npy", absl::StrFormat("--radius=%.17g", radius),
           "--allowed_rows=a.npy", "--exclude_self", "--audit=4",
           "--out_offsets=o.npy", "--out_indices=i.npy"});
  EXPECT_EQ(lists.exit_code, 0) << lists.err;
  const Matrix<int64_t> offsets = ParseNpyIndexMatrix(Read("o.npy")).value();
  const Matrix<int64_t> rows = ParseNpyIndexMatrix(Read("i.npy")).value();
  ASSERT_EQ(offsets(2, 0) - offsets(1, 0), 2);
  EXPECT_EQ(rows(offsets(1, 0), 0), expected[3].second);
  EXPECT_EQ(rows(offsets(1, 0) + 1, 0), expected[39].second);
  ExpectError({"graph", "--metric=euclidean", "--points=p.npy", "--k=4",
               "--kernel=rbf", "--out_indices=g.npy"},
              2, HasSubstr("--metric=euclidean and --kernel: "));
}

// An index from another process gives the same files as one that was just
// built.
TEST_F(RctTest, AnIndexFromAFileGivesTheSameAnswer) {
  const Arguments queries[] = {{"--query_rows=q.npy"},
                               {"--query_rows=q.npy", "--exclude_self"},
                               {"--query_rows=q.npy", "--predecessor"},
                               {"--queries=x.npy"}};
  const Arguments models[] = {
      {"--kernel=rbf", "--lengthscale=1", "--inducing_rows=z.npy"},
      {"--kernel=matern52", "--lengthscale=1", "--num_inducing=9",
       "--strategy=best_first"},
      {"--kernel=matern12", "--lengthscale=1", "--no_inducing",
       "--strategy=exhaustive"},
      {"--kernel=matern32", "--inducing_points=x.npy", "--lengthscale=1,2,3",
       "--variance=2", "--jitter=1e-4", "--strategy=level_synchronous"}};
  const auto run = [&](Arguments arguments, const Arguments& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Rct(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.err;
  };
  for (const Arguments& model : models) {
    SCOPED_TRACE(model[0]);
    EXPECT_EQ(run({"build", "--points=p.npy", "--index=p.rct"}, model),
              "wrote p.rct: an index of 300 points\n");
    for (const Arguments& query : queries) {
      Arguments search = {"neighbors", "--k=4", "--out_indices=i.npy",
                          "--out_distances=d.npy"};
      search.insert(search.end(), query.begin(), query.end());
      Arguments whole = search;
      whole.insert(whole.end(), model.begin(), model.end());
      const std::string report = run(whole, {"--points=p.npy"});
      const std::vector<std::string> expected = {Read("i.npy"), Read("d.npy")};
      EXPECT_EQ(run(search, {"--index=p.rct"}), report);
      EXPECT_EQ(Read("i.npy"), expected[0]);
      EXPECT_EQ(Read("d.npy"), expected[1]);
    }
    const std::string audited =
        run({"graph", "--k=4", "--out_indices=g.npy", "--index=p.rct"},
            {"--audit=5"});
    EXPECT_THAT(audited, StartsWith("audit: 5 of 300 queries"));
  }
}

// The same holds for an index with skeletons.
TEST_F(RctTest, SkeletonsFromAFileGiveTheSameAnswer) {
  Write("many.npy",
        SerializeNpy(MakePointSet(PointSet::kUniformCube, 3000, 2, 1).view()));
  const std::string model =
      "--points=many.npy --kernel=rbf --lengthscale=0.3 --num_inducing=64";
  EXPECT_EQ(Shell("rct build --index=many.rct " + model).exit_code, 0);
  EXPECT_THAT(Rct({"info", "many.rct"}).out,
              AllOf(HasSubstr("\n  strategy       block\n"),
                    HasSubstr("\n    partition ")));
  for (const std::string more : {"", " --predecessor"}) {
    const std::string search =
        "rct graph --k=5 --out_indices=i.npy --out_distances=d.npy" + more;
    EXPECT_EQ(Shell(absl::StrCat(search, " ", model)).exit_code, 0);
    const std::vector<std::string> expected = {Read("i.npy"), Read("d.npy")};
    EXPECT_EQ(Shell(search + " --index=many.rct --audit=20").exit_code, 0);
    EXPECT_EQ(Read("i.npy"), expected[0]);
    EXPECT_EQ(Read("d.npy"), expected[1]);
  }
}

TEST_F(RctTest, BadIndexes) {
  ASSERT_EQ(Rct({"build", "--points=p.npy", "--kernel=rbf", "--lengthscale=1",
                 "--no_inducing", "--index=p.rct"})
                .exit_code,
            0);
  const std::string good = Read("p.rct");
  const auto expect = [&](const std::string& message) {
    ExpectError({"graph", "--index=p.rct", "--k=4", "--out_indices=g.npy"}, 1,
                StartsWith("rct graph: --index: p.rct: " + message));
  };
  Write("p.rct", good.substr(0, 5000));
  expect(absl::StrCat("truncated: has 5000 bytes of ", good.size()));
  std::string damaged = good;
  damaged[good.size() / 2] ^= 4;
  Write("p.rct", damaged);
  expect("damaged: its digest differs");
  ExpectError({"info", "p.rct"}, 1,
              StartsWith("rct info: p.rct: damaged: its digest differs"));
  Write("p.rct", good + "\n");
  expect(
      absl::StrCat("has ", good.size() + 1, " bytes, 1 more than it should"));
  Write("p.rct", Read("p.npy"));
  expect("is no rct index file: starts with '\\x93NUMPY");
  ExpectError({"graph", "--index=none.rct", "--k=4", "--out_indices=g.npy"}, 1,
              StartsWith("rct graph: --index: none.rct: cannot open: No such"));
  Write("p.rct", good);
  Write("far.npy", SerializeNpy(std::vector<int64_t>{300}));
  ExpectError({"neighbors", "--index=p.rct", "--query_rows=far.npy", "--k=4",
               "--out_indices=g.npy"},
              1,
              StartsWith("rct neighbors: --query_rows: far.npy: row 0 is 300; "
                         "must be from 0 to 299, the last row of --index"));
  ExpectError({"graph", "--index=p.rct", "--k=4", "--out_indices=p.rct",
               "--format=npy"},
              1,
              StartsWith("rct graph: --out_indices: p.rct: is the file of "
                         "--index too, and would replace it"));
  EXPECT_EQ(Read("p.rct"), good);
}

TEST_F(RctTest, BuildsThatFailLeaveNothingBehind) {
  const auto build = [](const std::string& index) {
    return Arguments{"build",           "--points=p.npy", "--kernel=rbf",
                     "--lengthscale=1", "--no_inducing",  "--index=" + index};
  };
  ExpectError(build("none/p.rct"), 1,
              StartsWith("rct build: --index: none/p.rct: its folder does not "
                         "exist; make it first"));
  ExpectError(build("p.npy"), 1,
              StartsWith("rct build: --index: p.npy: is the file of --points "
                         "too, and would replace it"));
}

TEST_F(RctTest, WithinARadius) {
  const Matrix<int64_t> rows = ParseNpyIndexMatrix(Answer({})[0]).value();
  const Matrix<double> distances = ParseNpyMatrix(Read("d.npy")).value();
  const std::string radius = absl::StrFormat("--radius=%.17g", distances(1, 2));
  // There are at most four neighbors, all nearer than the third of row 17.
  Outcome outcome = Rct(CommandLine({radius, "--audit=4"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("wrote i.npy and d.npy: 4 x 4\n"));
  EXPECT_THAT(outcome.err, HasSubstr("queries have fewer than 4 neighbors"));
  const Matrix<int64_t> near = ParseNpyIndexMatrix(Read("i.npy")).value();
  EXPECT_EQ(near(1, 1), rows(1, 1));
  EXPECT_EQ(near(1, 2), -1);
  // Without --k all of them are written, as lists.
  const Arguments lists = {"--k", radius, "--out_offsets=o.npy", "--audit=4"};
  outcome = Rct(CommandLine(lists));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::vector<int64_t> offsets = ParseNpyIndices(Read("o.npy")).value();
  const std::vector<int64_t> all = ParseNpyIndices(Read("i.npy")).value();
  const std::vector<double> far = ParseNpyVector(Read("d.npy")).value();
  EXPECT_EQ(outcome.err,
            absl::StrCat("audit: 4 of 4 queries searched again, exhaustively: "
                         "same bits\nwrote o.npy and i.npy and d.npy: ",
                         all.size(), " neighbors of 4 queries\n"));
  ASSERT_EQ(offsets.size(), 5);
  EXPECT_EQ(offsets[0], 0);
  EXPECT_EQ(offsets[4], all.size());
  EXPECT_EQ(far.size(), all.size());
  ASSERT_EQ(offsets[2] - offsets[1], 2);
  EXPECT_EQ(all[offsets[1]], 17);
  EXPECT_EQ(all[offsets[1] + 1], rows(1, 1));
  for (const double distance : far) EXPECT_LT(distance, distances(1, 2));
  // In .csv files each is a column.
  outcome = Rct(CommandLine({"--k", radius, "--out_offsets=o.csv",
                             "--out_indices=i.csv", "--out_distances"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(Read("o.csv"), StartsWith("offset_1\n0\n"));
  EXPECT_EQ(ParseCsvIndexTable(Read("i.csv"))->values.rows(), all.size());
}

TEST_F(RctTest, AllowedRows) {
  Write("a.npy", SerializeNpy(std::vector<int64_t>{5, 17, 200}));
  const Outcome outcome =
      Rct(CommandLine({"--allowed_rows=a.npy", "--audit=4"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("4 queries have fewer than 4 neighbors"));
  const Matrix<int64_t> rows = ParseNpyIndexMatrix(Read("i.npy")).value();
  EXPECT_EQ(rows(1, 0), 17);
  for (int64_t i = 0; i < 4; ++i) {
    std::vector<int64_t> found(rows.row(i), rows.row(i) + 4);
    std::sort(found.begin(), found.end());
    EXPECT_THAT(found, ElementsAre(-1, 5, 17, 200));
  }
  Write("a.npy", SerializeNpy(std::vector<int64_t>{5, 300}));
  ExpectBadInput({"--allowed_rows=a.npy"},
                 "--allowed_rows: a.npy: row 1 is 300; must be from 0 to 299, "
                 "the last row of --points");
  ExpectBadInput({"--allowed_rows=missing.npy"}, "--allowed_rows: missing.npy");
  ExpectBadInput({"--allowed_rows=a.npy", "--out_indices=a.npy"},
                 "--out_indices: a.npy: is the file of --allowed_rows too");
  ExpectBadInput({"--k", "--radius=1", "--out_offsets=i.npy"},
                 "--out_offsets and --out_indices: both name i.npy");
}

TEST_F(RctTest, RelativePathsCountFromTheCaller) {
  const Outcome outcome = Shell(
      absl::StrCat("mkdir sub && cd sub && BUILD_WORKING_DIRECTORY=.. rct ",
                   absl::StrJoin(CommandLine({}), " ")));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(Names(), IsSupersetOf({"d.npy", "i.npy", "sub"}));
}

TEST_F(RctTest, BadPoints) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const std::string good = Read("p.npy");
  Matrix<double> with_nan = FloatPoints();
  with_nan(7, 2) = kNan;
  const struct {
    std::string file;
    std::string contents;
    std::string message;
  } cases[] = {
      {"bad.npy", SerializeNpy(with_nan.view()),
       "row 7, column 2 is nan; all values must be finite"},
      {"bad.npy", good.substr(0, good.size() - 1),
       "truncated: has 7199 of 7200 bytes of data for shape (300, 3)"},
      {"bad.npy", good.substr(0, 50), "truncated: has 40 of 118 bytes of head"},
      {"bad.npy", "", "not a .npy file: "},
      {"bad.npy", "PK\3\4 and so on", "not a .npy file: "},
      {"bad.npy", Npy("<i8", false, "(1, 1)", Bytes((int64_t{1} << 53) + 1)),
       "row 0, column 0 is 9007199254740993, an integer that float64 cannot"},
      {"bad.npy", Npy("<M8[ns]", false, "(1, 1)", Bytes(int64_t{1})),
       "dtype '<M8[ns]': the elements are times; subtract an origin"},
      {"bad.npy", Npy("<f8", false, "(1, 1, 1)", Bytes(1.0)),
       "shape (1, 1, 1): expected one or two dimensions"},
      {"bad.npy", Npy("<f8", false, "(3, 0)", ""),
       "has 3 rows of 0 columns; at least one column is needed"},
      {"bad.csv", "", "is empty; a header that names the columns is needed"},
      {"bad.csv", "x,y\n",
       "has 0 rows of 2 columns; at least one of each is needed"},
      {"bad.csv", "1,2\n3,4\n", "line 1: has only numbers, '1,2'"},
      {"bad.csv", "x,y\n1,2\n3\n", "line 3: has 1 field where the header"},
      {"bad.csv", "x,y\r\n1,2\r\n3,NA\r\n",
       "line 3, column 'y': is 'NA', a missing value; must be a finite number"},
      {"bad.csv", "1,NA\n3,4\n", "or say --header=no where it is data"},
      {"bad.csv", "x;y\n1;2\n", "is separated by semicolons"},
      {"bad.csv", std::string("x\0\n\0", 4), "is UTF-16 text"},
      {"bad.csv", "x,y\n1,inf\n", "line 2, column 'y': is 'inf'; must be"},
      {"bad.fvecs", "", "is empty"},
      {"bad.fvecs", Bytes(int32_t{2}) + Bytes(1.f) + "xyz",
       "truncated: ends, after 11 bytes, within vector 0"},
      {"bad.fvecs", Bytes(int32_t{1}) + Bytes(1.f / 0.f),
       "row 0, column 0 is inf"},
      {"bad.txt", "1 2", "the ending names no format; it must be .npy, .csv"},
  };
  for (const auto& [file, contents, message] : cases) {
    Write(file, contents);
    ExpectError(
        CommandLine({"--points=" + file}), 1,
        AllOf(StartsWith("rct neighbors: --points: "), HasSubstr(message)));
  }
  ExpectBadInput({"--points=none.npy"},
                 "--points: none.npy: cannot open: No such file");
}

TEST_F(RctTest, BadQueries) {
  Write("far.npy", SerializeNpy(std::vector<int64_t>{0, 300}));
  ExpectBadInput({"--query_rows=far.npy"},
                 "--query_rows: far.npy: row 1 is 300; must be from 0 to 299, "
                 "the last row of --points");
  Write("negative.csv", "row\n-1\n");
  ExpectBadInput({"--query_rows=negative.csv"},
                 "--query_rows: negative.csv: row 0 is -1; must be from 0");
  Write("floats.npy", SerializeNpy(std::vector<double>{1, 2}));
  ExpectBadInput({"--query_rows=floats.npy"},
                 "--query_rows: floats.npy: dtype '<f8': the elements are "
                 "real numbers, where row numbers are wanted");
  Write("two.csv", "a,b\n1,2\n");
  ExpectBadInput({"--query_rows=two.csv"},
                 "--query_rows: two.csv: has 2 columns; one column is "
                 "expected");
  ExpectBadInput({"--query_rows", "--queries=two.csv"},
                 "--queries: two.csv: the number of columns is 2, that "
                 "of --points is 3; both must be the same");
  Write("nan.csv", "a,b,c\n1,2,nan\n");
  ExpectBadInput({"--query_rows", "--queries=nan.csv"},
                 "--queries: nan.csv: line 2, column 'c': is 'nan', a missing");
}

TEST_F(RctTest, BadInducingPoints) {
  Write("bad.csv", "row\n3\n300\n");
  ExpectBadInput({"--inducing_rows=bad.csv"},
                 "--inducing_rows[1]: row 300 is out of range; the data has "
                 "300 rows");
  Write("bad.csv", "row\n3\n4\n3\n");
  ExpectBadInput({"--inducing_rows=bad.csv"},
                 "--inducing_rows[2]: row 3 is already there at [0]");
  Write("bad.csv", "row\n");
  ExpectBadInput({"--inducing_rows=bad.csv"},
                 "--inducing_rows: bad.csv: has no rows; for none say "
                 "--no_inducing");
  ExpectBadInput({"--inducing_rows", "--num_inducing=301"},
                 "--num_inducing: is 301; must be from 1 to the number of "
                 "rows, 300");
  Write("bad.csv", "a,b\n1,2\n");
  ExpectBadInput({"--inducing_rows", "--inducing_points=bad.csv"},
                 "--inducing_points: bad.csv: the number of columns is 2, "
                 "that of --points is 3; both must be the same");
  Write("bad.csv", "a,b,c\n1,2,3\n1,2,3\n");
  ExpectBadInput(
      {"--inducing_rows", "--inducing_points=bad.csv", "--jitter=1e-30"},
      "inducing point 1: K(Z,Z) + jitter is not positive definite "
      "there");
}

TEST_F(RctTest, BadFactors) {
  const auto expect = [&](const std::string& message) {
    ExpectBadInput(
        {"--inducing_rows", "--factors=v.npy", "--residual_variance=r.npy"},
        message);
  };
  Matrix<double> v = Matrix<double>::Zeros(kRows, 2);
  std::vector<double> variance(kRows, 1.0);
  Write("v.npy", SerializeNpy(Matrix<double>::Zeros(7, 2).view()));
  Write("r.npy", SerializeNpy(variance));
  expect("--factors: 300 points, but V has 7 rows");
  v(4, 1) = std::numeric_limits<double>::infinity();
  Write("v.npy", SerializeNpy(v.view()));
  expect("--factors: v.npy: row 4, column 1 is inf");
  v(4, 1) = 1e300;
  Write("v.npy", SerializeNpy(v.view()));
  expect("--factors: V, row 4: its squared length overflows");
  v(4, 1) = 0;
  Write("v.npy", SerializeNpy(v.view()));
  variance[9] = 0;
  Write("r.npy", SerializeNpy(variance));
  expect("--residual_variance: p, row 9 is 0; must be positive");
  Write("r.npy", SerializeNpy(v.view()));
  expect("--residual_variance: r.npy: has 2 columns; one column is expected");
}

TEST_F(RctTest, BadKernels) {
  ExpectBadInput({"--lengthscale=1,2"},
                 "--lengthscale: 2 values for points of 3 coordinates");
  ExpectBadInput({"--lengthscale=1e-310"}, "--lengthscale[0]: is 1e-310");
  ExpectBadInput({"--variance=1e-300"}, "--variance: variance_floor is 1e-09");
  ExpectBadInput({"--jitter=1e-30", "--strategy=level_synchronous"},
                 "--jitter: 1e-30 of the variance is too small for 4");
}

TEST_F(RctTest, BadOutputs) {
  ExpectBadInput({"--out_indices=none/i.npy"},
                 "--out_indices: none/i.npy: its folder does not exist; make "
                 "it first");
  ASSERT_EQ(Shell("mkdir folder.npy").exit_code, 0);
  ExpectBadInput({"--out_distances=folder.npy"},
                 "--out_distances: folder.npy: is a folder; name a file");
  ExpectBadInput({"--out_indices=d.npy"},
                 "--out_indices and --out_distances: both name d.npy; each "
                 "needs a file of its own");
  ExpectBadInput({"--out_indices=folder.npy/../d.npy"},
                 "--out_indices and --out_distances: both name ");
  ASSERT_EQ(Shell("ln -s p.npy link.npy").exit_code, 0);
  ExpectBadInput({"--out_indices=link.npy"},
                 "--out_indices: link.npy: is the file of --points too");
  const std::string points = Read("p.npy");
  ExpectBadInput({"--out_distances=./p.npy"},
                 "--out_distances: ./p.npy: is the file of --points too, and "
                 "would replace it");
  EXPECT_EQ(Read("p.npy"), points);
}

// Columns of two files are matched by name.
TEST_F(RctTest, ColumnsAreMatchedByName) {
  Write("p.csv", "lon,lat\n10,50\n11,51\n12,52\n13,49\n");
  Write("q.csv", "lat,lon\n52,12\n");
  Write("z.csv", "lon,lat\n12,52\n");
  const std::string model =
      " --points=p.csv --kernel=rbf --lengthscale=5 --inducing_points=";
  EXPECT_EQ(Shell("rct build --index=swapped.rct" + model + "q.csv").exit_code,
            0);
  EXPECT_EQ(Shell("rct build --index=straight.rct" + model + "z.csv").exit_code,
            0);
  EXPECT_THAT(Rct({"info", "straight.rct"}).out,
              HasSubstr("\n  coordinates    lon,lat\n"));
  for (const std::string source :
       {"--index=swapped.rct", "--index=straight.rct",
        "--points=p.csv --metric=euclidean",
        "--points=p.csv --kernel=rbf --lengthscale=5 "
        "--inducing_points=q.csv"}) {
    const Outcome outcome = Shell(
        "rct neighbors --queries=q.csv --k=1 --out_indices=i.csv " + source);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(Read("i.csv"), "neighbor_1\n2\n") << source;
  }
  Write("other.csv", "x,y\n52,12\n");
  for (const std::string source :
       {"--index=straight.rct", "--points=p.csv --metric=euclidean"}) {
    const Outcome outcome =
        Shell("rct neighbors --queries=other.csv --k=1 --out_indices=i.csv " +
              source);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("--queries: other.csv: has the columns "
                                       "'x', 'y' where --"));
  }
  // Without names the order decides.
  Write("bare.csv", "12,52\n");
  Write("p_bare.csv", "10,50\n11,51\n12,52\n13,49\n");
  EXPECT_EQ(Shell("rct neighbors --points=p_bare.csv --queries=bare.csv "
                  "--header=no --metric=euclidean --k=1 --out_indices=i.csv")
                .exit_code,
            0);
  EXPECT_EQ(Read("i.csv"), "neighbor_1\n2\n");
}

// The lengthscale has no default, since units differ.
TEST_F(RctTest, ALengthscaleIsSuggested) {
  ExpectBadInput({"--lengthscale"},
                 "--lengthscale is missing: how far the process stays "
                 "correlated, in the units of --points; to begin with, "
                 "--lengthscale=0.99 is the standard deviation");
  Write("meters.csv", "x,y\n4500000,200\n4540000,230\n");
  for (const char* command :
       {"graph --k=1 --out_indices=i.csv", "build --index=p.rct"}) {
    const Outcome outcome = Shell(absl::StrCat(
        "rct ", command, " --points=meters.csv --kernel=rbf --no_inducing"));
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("--lengthscale=20000,15 is the"));
  }
}

TEST_F(RctTest, StandardInputAndOutput) {
  const std::string expected = [&] {
    Answer({"--out_indices=i.csv", "--out_distances"});
    return Read("i.csv");
  }();
  Outcome outcome = Shell(
      "rct " +
      absl::StrJoin(
          CommandLine({"--points=-", "--out_indices=-", "--out_distances"}),
          " ") +
      " <p.npy");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, expected);
  EXPECT_EQ(outcome.err, "wrote -: 4 x 4\n");
  // Pipes carry text in, and an index out and in.
  outcome = Shell(
      "printf 'x\\n1\\n5\\n2\\n' | rct build --points=- --kernel=matern12 "
      "--lengthscale=1 --no_inducing --index=- | rct graph --index=- --k=1 "
      "--out_indices=- --format=csv");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "neighbor_1\n2\n2\n0\n");
  outcome = Shell("printf 'x,y\\n1,2\\n' | rct info -");
  EXPECT_THAT(outcome.out, StartsWith("-: 1 points of 2 coordinates"));
  ExpectError(CommandLine({"--points=-", "--query_rows=-"}), 1,
              HasSubstr("--points and --query_rows: both read standard input"));
  ExpectError(CommandLine({"--out_indices=-", "--out_distances=-"}), 1,
              HasSubstr("--out_indices and --out_distances: both name -; "));
  EXPECT_EQ(Names().size(), 5);
}

TEST_F(RctTest, WhatIsNoFileIsWrittenToAndStays) {
  ASSERT_EQ(Shell("ln -s target.npy link.npy; mkfifo pipe").exit_code, 0);
  Answer({"--out_indices=link.npy"});
  EXPECT_EQ(Read("target.npy"), Answer({})[0]);
  const Outcome outcome = Shell(
      "cat pipe >got & rct " +
      absl::StrJoin(CommandLine({"--out_indices=pipe", "--format=npy"}), " ") +
      " && wait");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(Read("got"), Read("target.npy"));
  EXPECT_EQ(Shell("test -p pipe && test -L link.npy").exit_code, 0);
  const Outcome full =
      Rct(CommandLine({"--out_indices=/dev/full", "--format=npy"}));
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_THAT(full.err, HasSubstr("/dev/full: cannot write: No space left"));
}

// Advice is printed on stderr, and the answer is written.
TEST_F(RctTest, Warnings) {
  const auto report = [&](const std::string& flags) {
    const Outcome outcome =
        Shell("rct graph --k=3 --out_indices=i.csv --points=" + flags);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("wrote i.csv: "));
    return outcome.err;
  };
  const std::string model = " --kernel=rbf --inducing_rows=z.npy";
  EXPECT_THAT(report("p.npy --lengthscale=1" + model),
              testing::Not(HasSubstr("warning")));
  EXPECT_THAT(report("p.npy --lengthscale=1e-3" + model),
              HasSubstr("\nwarning: the last neighbors of 300 of 300 queries "
                        "are unrelated to them"));
  std::string same = "x,y\n";
  for (int i = 0; i < 20; ++i) same += "1,2\n";
  Write("same.csv", same);
  Write("z.csv", "row\n3\n5\n");
  EXPECT_THAT(report("same.csv --kernel=rbf --lengthscale=1 --inducing_rows="
                     "z.csv"),
              AllOf(HasSubstr("warning: inducing points 0 and 1 (rows 3 and 5) "
                              "have the same coordinates"),
                    HasSubstr("20 of 20 queries are at distance 0")));
  EXPECT_THAT(report("same.csv --metric=euclidean"),
              HasSubstr("warning: at least half of the neighbors of 20 of 20 "
                        "queries are at distance 0: the points repeat"));
  EXPECT_THAT(Shell("rct build --points=same.csv --kernel=rbf --lengthscale=1 "
                    "--inducing_rows=z.csv --index=p.rct")
                  .err,
              HasSubstr("warning: inducing points 0 and 1"));
}

TEST_F(RctTest, Version) {
  const Outcome outcome = Rct({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out,
              testing::MatchesRegex("rct [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

// After an error all files are as they were before.
TEST_F(RctTest, AnErrorKeepsOldAnswers) {
  Write("i.npy", "old");
  ExpectBadInput({"--lengthscale=1,2"}, "--lengthscale: ");
  EXPECT_EQ(Read("i.npy"), "old");
  Answer({});
  EXPECT_NE(Read("i.npy"), "old");
}

// Ctrl-C and other signals end a search of minutes at once and leave files as
// they were.
TEST_F(RctTest, CanBeInterrupted) {
  Write("p.npy",
        SerializeNpy(MakePointSet(PointSet::kNormal, 100'000, 8, 1).view()));
  Write("g.npy", "as before");
  const std::vector<std::string> before = Names();
  for (const auto& [signal, exit_code] :
       {std::pair<const char*, int>{"INT", 130}, {"TERM", 143}, {"HUP", 129}}) {
    const Outcome outcome = Shell(absl::StrCat(
        "timeout --preserve-status --signal=", signal,
        " 2 \"$program\" graph --points=p.npy --kernel=matern12 "
        "--lengthscale=1 --strategy=exhaustive --num_inducing=500 --k=10 "
        "--out_indices=g.npy"));
    EXPECT_EQ(outcome.exit_code, exit_code);
    EXPECT_EQ(outcome.err, "rct graph: interrupted; nothing is written\n");
    EXPECT_EQ(Read("g.npy"), "as before");
    EXPECT_EQ(Names(), before);
  }
}

// The same holds while the program waits for its input or output.
TEST_F(RctTest, CanBeInterruptedWhileItWaits) {
  ASSERT_EQ(Shell("mkfifo pipe").exit_code, 0);
  Write("p.rct", "as before");
  const std::vector<std::string> before = Names();
  for (const std::string command :
       {"graph --points=pipe --metric=euclidean --k=1 --out_indices=g.npy",
        "build --points=pipe --kernel=rbf --lengthscale=1 --no_inducing "
        "--index=p.rct",
        "graph --index=pipe --k=1 --out_indices=g.npy",
        "neighbors --points=p.npy --query_rows=pipe --metric=euclidean --k=1 "
        "--out_indices=g.npy",
        "graph --points=p.npy --metric=euclidean --k=1 --out_indices=pipe "
        "--format=npy",
        "info pipe"}) {
    const Outcome outcome = Shell(absl::StrCat(
        "timeout --preserve-status --signal=INT 1 \"$program\" ", command));
    EXPECT_EQ(outcome.exit_code, 130) << command;
    EXPECT_THAT(outcome.err, HasSubstr(": interrupted"));
    EXPECT_EQ(Names(), before);
    EXPECT_EQ(Read("p.rct"), "as before");
  }
}

// Known sizes are checked before the work, and errors name the flags; where a
// size is not known, running out of memory is an error as well.
TEST_F(RctTest, MemoryThatIsNotThere) {
  if (kShadowMemory) {
    GTEST_SKIP() << "The sanitizer needs address space of its own.";
  }
  const std::vector<std::string> before = Names();
  for (const char* k : {"100000000", "2147483639"}) {
    const Outcome outcome = Shell(absl::StrCat(
        "(ulimit -v 8000000; rct graph --points=p.npy --kernel=rbf "
        "--lengthscale=1 --no_inducing --out_indices=o.npy --k=",
        k, ")"));
    EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
    EXPECT_THAT(
        outcome.err,
        AllOf(StartsWith(absl::StrCat("rct graph: --k: 300 queries with ", k,
                                      " neighbors each take ")),
              HasSubstr("ask for fewer neighbors")));
  }
  Write("many.npy",
        SerializeNpy(MakePointSet(PointSet::kNormal, 50'000, 2, 1).view()));
  const Outcome factors = Shell(
      "(ulimit -v 800000; rct graph --points=many.npy --kernel=rbf --threads=1 "
      "--lengthscale=1 --num_inducing=3000 --k=1 --out_indices=o.npy)");
  EXPECT_EQ(factors.exit_code, 1);
  EXPECT_THAT(factors.err,
              StartsWith("rct graph: --points: 50000 points with 3000 inducing "
                         "points take 1.2 GiB, of which "));
  ASSERT_EQ(Shell("rm many.npy").exit_code, 0);
  ASSERT_EQ(Shell("truncate -s 4G large.csv").exit_code, 0);
  const Outcome outcome = Shell(
      "(ulimit -v 2000000; rct graph --points=large.csv --metric=euclidean "
      "--k=1 --out_indices=o.npy)");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(
      outcome.err,
      StartsWith("rct graph: --points: large.csv: the bytes of the file "
                 "take 4.0 GiB, of which "));
  ASSERT_EQ(Shell("rm large.csv").exit_code, 0);
  EXPECT_EQ(Names(), before);
}

// A limit on the size of files is an error, as a full disk is, and no crash.
TEST_F(RctTest, AFileThatMayNotGrow) {
  if (kThreadSanitizer) {
    GTEST_SKIP() << "The sanitizer writes a file of its own.";
  }
  Write("g.npy", "as before");
  const std::vector<std::string> before = Names();
  const Outcome graph = Shell(
      "(ulimit -f 1; rct graph --points=p.npy --metric=euclidean --k=20 "
      "--out_indices=g.npy)");
  EXPECT_EQ(graph.exit_code, 1);
  EXPECT_THAT(graph.err, HasSubstr("g.npy: cannot write: File too large"));
  EXPECT_EQ(Read("g.npy"), "as before");
  const Outcome build = Shell(
      "(ulimit -f 8; rct build --points=p.npy --kernel=rbf --lengthscale=1 "
      "--no_inducing --index=p.rct)");
  EXPECT_EQ(build.exit_code, 1);
  EXPECT_THAT(build.err, HasSubstr("p.rct: cannot write: File too large"));
  EXPECT_EQ(Names(), before);
}

TEST_F(RctTest, WrongCommandLines) {
  const struct {
    Arguments arguments;
    std::string message;
  } cases[] = {
      {{"neighbours"},
       "rct: there is no command 'neighbours'; did you mean neighbors?\n"
       "See rct --help\n"},
      {{"help", "me"}, "rct: there is no command 'me'"},
      {{"--points=p.npy"}, "rct: there is no command '--points=p.npy'"},
      {CommandLine({"--lengthscal=1"}),
       "rct neighbors: there is no flag --lengthscal; did you mean "
       "--lengthscale?\nSee rct neighbors --help\n"},
      {CommandLine({"--kernel"}), "rct neighbors: --kernel is missing: one of"},
      {CommandLine({"--k=0"}), "rct neighbors: --k: '0' is no integer from 1"},
      {CommandLine({"--num_inducing=3"}),
       "rct neighbors: --num_inducing and --inducing_rows: both say"},
      {{"graph"}, "rct graph: --points is missing"},
      {{"graph", "--index=p.rct", "--kernel=rbf"},
       "rct graph: --index and --kernel: the index in the file has its own; "
       "leave one out\nSee rct graph --help\n"},
      {{"build", "--points=p.npy", "--kernel=rbf", "--no_inducing"},
       "rct build: --index is missing: the file that the index goes into"},
      {{"info"}, "rct info: no file is named"},
      {{"info", "--all", "p.npy"}, "rct info: there is no flag --all"},
      {{"doctor", "who"}, "rct doctor: unexpected argument 'who'"},
  };
  for (const auto& [arguments, message] : cases) {
    ExpectError(arguments, 2, StartsWith(message));
  }
}

TEST_F(RctTest, Info) {
  const Outcome good = Rct({"info", "p.npy", "q.npy"});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.err, "");
  EXPECT_THAT(good.out,
              AllOf(StartsWith("p.npy: 300 points of 3 coordinates"),
                    HasSubstr("\nq.npy: 4 row numbers from 0 to 299, 3 ")));
  const Outcome half = Rct({"info", "none.npy", "p.npy"});
  EXPECT_EQ(half.exit_code, 1);
  EXPECT_THAT(half.out, StartsWith("p.npy: "));
  EXPECT_THAT(half.err, StartsWith("rct info: none.npy: cannot open: "));
}

TEST_F(RctTest, Doctor) {
  const Outcome outcome = Rct({"doctor"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("\nself-test     passed\n"));
}

TEST_F(RctTest, StdoutThatIsFull) {
  const Outcome outcome = Shell("rct info p.npy >/dev/full");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "rct: stdout cannot be written to\n");
}

TEST_F(RctTest, NoArgumentsShowTheHelp) {
  const Outcome outcome = Rct({});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, Rct({"--help"}).out);
}

// The help texts fit a screen, and their examples work.
TEST_F(RctTest, HelpTeaches) {
  const struct {
    Arguments arguments;
    std::vector<std::string> makes;
  } helps[] = {
      {{"--help"}, {"p.csv", "sets.csv"}},
      {{"build", "--help"}, {"p.csv", "p.rct", "sets.npy"}},
      {{"neighbors", "--help"}, {"neighbors.csv", "p.csv", "q.csv"}},
      {{"graph", "--help"}, {"p.csv", "sets.npy"}},
      {{"join", "--help"},
       {"p.csv", "p.rct", "sets.csv", "sets1.rctpart", "sets2.rctpart",
        "sets3.rctpart"}},
      {{"order", "--help"}, {"order.csv", "p.csv", "sets.csv"}},
      {{"unique", "--help"}, {"p.csv", "place_of.csv", "places.csv"}},
      {{"info", "--help"}, {"p.csv"}},
      {{"doctor", "--help"}, {}},
  };
  for (const auto& [arguments, makes] : helps) {
    SCOPED_TRACE(arguments[0]);
    const Outcome outcome = Rct(arguments);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.err, "");
    const std::vector<std::string> lines = absl::StrSplit(outcome.out, '\n');
    EXPECT_THAT(lines, SizeIs(Le(50)));
    for (const std::string& line : lines) EXPECT_THAT(line, SizeIs(Le(80)));

    const size_t start = outcome.out.find("\nExample\n");
    ASSERT_NE(start, std::string::npos);
    const std::string rest = outcome.out.substr(start + 9);
    const std::string example = rest.substr(0, rest.find("\n\n"));
    ASSERT_EQ(Shell("rm -f *").exit_code, 0);
    const Outcome pasted = Shell(absl::StrCat("set -e\n", example));
    EXPECT_EQ(pasted.exit_code, 0) << pasted.err;
    EXPECT_EQ(Names(), makes);
  }
}

TEST_F(RctTest, TheReadmeShowsTheSameExample) {
  const std::string help = Rct({"--help"}).out;
  const size_t start = help.find("\nExample\n") + 9;
  const std::string example =
      help.substr(start, help.find("\n\n", start) + 1 - start);
  // The help indents examples by two columns.
  EXPECT_THAT(
      ReadFile("README.md").value(),
      HasSubstr(absl::StrCat(
          "```sh\n", absl::StrReplaceAll(example.substr(2), {{"\n  ", "\n"}}),
          "```\n")));
}

// The lines that show what comes before the neighbors can be pasted after the
// first example, whose points they use.
TEST_F(RctTest, TheReadmeCanBePasted) {
  const std::string readme = ReadFile("README.md").value();
  const size_t first = readme.find("```sh\nawk ");
  const size_t second = readme.find("```sh\nprintf ");
  ASSERT_NE(first, std::string::npos);
  ASSERT_NE(second, std::string::npos);
  const auto block = [&](size_t at) {
    return readme.substr(at + 6, readme.find("```", at + 6) - (at + 6));
  };
  ASSERT_EQ(Shell("rm -f *").exit_code, 0);
  const Outcome pasted =
      Shell(absl::StrCat("set -e\n", block(first), block(second)));
  EXPECT_EQ(pasted.exit_code, 0) << pasted.err;
  EXPECT_EQ(Read("near.csv"), "id,neighbor_1\n7,8\n8,9\n9,8\n");
  EXPECT_EQ(Read("places.csv"), "lon,lat\n178.44,-18.14\n-171.77,-13.83\n");
  EXPECT_EQ(Read("place_of.csv"), "place_1\n0\n1\n1\n");
  EXPECT_EQ(ParseNpyIndexMatrix(Read("near.npy"))->rows(), 999);
  EXPECT_EQ(ParseNpyIndexMatrix(Read("order.npy"))->rows(), 999);
}

TEST_F(RctTest, WaysToAskForHelp) {
  const std::string help = Rct({"--help"}).out;
  EXPECT_EQ(Rct({"-h"}).out, help);
  EXPECT_EQ(Rct({"help"}).out, help);
  const std::string graph = Rct({"graph", "--help"}).out;
  EXPECT_EQ(Rct({"help", "graph"}).out, graph);
  EXPECT_EQ(Rct({"graph", "--k=3", "-h"}).out, graph);
  // The general help names each command.
  for (const char* command : {"build", "neighbors", "graph", "join", "order",
                              "unique", "info", "doctor"}) {
    EXPECT_THAT(help, HasSubstr(absl::StrCat("\n  ", command, " ")));
  }
}

}  // namespace
}  // namespace rct
