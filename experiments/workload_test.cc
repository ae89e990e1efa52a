#include "experiments/workload.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/status_matchers.h"
#include "experiments/test_data.h"
#include "experiments/workload.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/inducing_points.h"
#include "metric/residual_factors.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Returns a .npy file as NumPy writes it, for types that the library does not
// write.
template <class T>
std::string Npy(const std::string& dtype, const std::string& order,
                const std::string& shape, const std::vector<T>& values) {
  std::string header =
      absl::StrCat("{'descr': '", dtype, "', 'fortran_order': ", order,
                   ", 'shape': ", shape, ", }");
  header.resize(117, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\1\0", 8);
  bytes += {static_cast<char>(header.size()), '\0'};
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()),
               values.size() * sizeof(T));
  return bytes;
}

// Workloads over files in a folder of the test's own; "@" stands for the
// folder.
class WorkloadTest : public testing::Test {
 protected:
  WorkloadTest() : folder_(MakeTestFolder()) {}

  std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }
  void Write(const std::string& name, const std::string& contents) const {
    ASSERT_THAT(WriteFileAtomically(Path(name), contents), IsOk());
  }
  template <class T>
  void WriteVector(const std::string& name,
                   const std::vector<T>& values) const {
    Write(name, SerializeNpy(absl::MakeConstSpan(values)));
  }

  WorkloadConfig Config(const std::string& text) const {
    return ParseText<WorkloadConfig>(
        absl::StrReplaceAll(text, {{"@", folder_}}));
  }
  absl::StatusOr<Workload> Load(const std::string& text) const {
    return Workload::Load(Config(text));
  }
  std::string DataDigest(const std::string& text) const {
    return Load(text).value().DataDigest();
  }

  // Returns the answer of exhaustive search.
  absl::StatusOr<SearchResult> Answer(const std::string& text) const {
    absl::StatusOr<Workload> workload = Load(text);
    if (!workload.ok()) return workload.status();
    absl::StatusOr<ResidualModel> model = workload->MakeModel(1);
    if (!model.ok()) return model.status();
    absl::StatusOr<ResidualIndex> index =
        ResidualIndex::Build(*std::move(model), IndexOptions());
    if (!index.ok()) return index.status();
    return workload->Search(*index, workload->config().k(), 1);
  }
  std::string AnswerDigest(const std::string& text) const {
    return Answer(text).value().neighbors.Digest();
  }

  // Expects an error of Load, or of the first step after it that fails.
  void ExpectError(const std::string& text,
                   const std::vector<std::string>& substrings) const {
    const absl::Status status = Answer(text).status();
    EXPECT_FALSE(status.ok()) << text;
    for (const std::string& substring : substrings) {
      EXPECT_THAT(std::string(status.message()), HasSubstr(substring)) << text;
    }
  }

 private:
  const std::string folder_;
};

// The parts of a workload that a test does not change.
constexpr char kPoints[] =
    " points { generated { shape: NORMAL count: 60 dimension: 2 } }";
constexpr char kQueries[] = " queries { random_rows { count: 9 } }";
constexpr char kKernel[] = " residual { kernel { family: RBF } }";
constexpr char kMetric[] =
    " residual { kernel { family: RBF } inducing { random { count: 5 } } }";

std::string Base() {
  return absl::StrCat("name: 'w' k: 4", kPoints, kQueries, kMetric);
}
std::string WithPoints(const std::string& points) {
  return absl::StrCat("name: 'w' k: 4", kQueries, kMetric, " points {", points,
                      "}");
}
std::string WithQueries(const std::string& queries) {
  return absl::StrCat("name: 'w' k: 4", kPoints, kMetric, " queries {", queries,
                      "}");
}
std::string WithInducing(const std::string& inducing) {
  return absl::StrCat("name: 'w' k: 4", kPoints, kQueries, kKernel, inducing);
}

Matrix<double> BasePoints() {
  return MakePointSet(PointSet::kNormal, 60, 2, 1);
}

TEST_F(WorkloadTest, PointsFromFilesOfEachKind) {
  const std::vector<double> wide = {0, 0.5, 1, 1.5, 2, 2.5};
  const std::vector<float> narrow(wide.begin(), wide.end());
  const std::vector<float> columns = {0, 1, 2, 0.5, 1.5, 2.5};
  Write("f8.npy", Npy("<f8", "False", "(3, 2)", wide));
  Write("f4.npy", Npy("<f4", "False", "(3, 2)", narrow));
  Write("fortran.npy", Npy("<f4", "True", "(3, 2)", columns));
  for (const std::string name : {"f8.npy", "f4.npy", "fortran.npy"}) {
    PointSource source;
    source.set_npy(Path(name));
    const Matrix<double> points = LoadPoints(source, "points").value();
    ASSERT_EQ(points.rows(), 3);
    ASSERT_EQ(points.cols(), 2);
    for (int64_t i = 0; i < 6; ++i) {
      EXPECT_EQ(points(i / 2, i % 2), 0.5 * i);
    }
  }
}

TEST_F(WorkloadTest, InducingPointsThatAreChosenByDistance) {
  std::set<std::string> digests;
  for (const char* inducing :
       {"kmeans_plus_plus { count: 5 }", "kmeans { count: 5 }",
        "kmeans { count: 5 seed: 2 }", "cover_tree { count: 5 }"}) {
    SCOPED_TRACE(inducing);
    const std::string text = absl::StrCat(
        "name: 'w' k: 4", kPoints, kQueries,
        " residual { kernel { family: RBF } inducing { ", inducing, " } }");
    const Workload workload = Load(text).value();
    EXPECT_EQ(workload.DataDigest(), Load(text)->DataDigest());
    digests.insert(workload.DataDigest());
    const ResidualModel model = workload.MakeModel(2).value();
    const Matrix<double>& z = model.factor()->inducing().coordinates;
    ASSERT_EQ(z.rows(), 5);
    const auto expected = SelectInducingPoints(
        workload.config().residual().inducing(), BasePoints().view());
    EXPECT_TRUE(std::equal(z.data(), z.data() + 10,
                           expected.value().coordinates.data()));
  }
  EXPECT_EQ(digests.size(), 4);
}

TEST_F(WorkloadTest, AVectorIsOneColumn) {
  WriteVector<double>("line.npy", {3, 1, 2});
  const Workload workload =
      Load(
          "name: 'w' points { npy: '@/line.npy' } queries { all_rows {} }"
          " residual { kernel { family: RBF } inducing { rows { row: 1 } } }")
          .value();
  EXPECT_EQ(workload.num_points(), 3);
  EXPECT_EQ(workload.dimension(), 1);
  EXPECT_EQ(workload.num_queries(), 3);
  EXPECT_EQ(workload.config().k(), 50);
}

TEST_F(WorkloadTest, GeneratedPointsOfEachShape) {
  const std::pair<std::string, PointSet> shapes[] = {
      {"NORMAL", PointSet::kNormal},
      {"UNIFORM_CUBE", PointSet::kUniformCube},
      {"CLUSTERS", PointSet::kClusters},
      {"GRID", PointSet::kGrid},
      {"CIRCLE", PointSet::kCircle},
  };
  for (const auto& [name, set] : shapes) {
    const Matrix<double> points =
        LoadPoints(ParseText<PointSource>(
                       absl::StrCat("generated { count: 40 dimension: 2 "
                                    "seed: 3 clusters: 5 cluster_radius: 0.5 "
                                    "shape: ",
                                    name, "}")),
                   "points")
            .value();
    const Matrix<double> expected =
        MakePointSet(set, 40, 2, 3, {.count = 5, .radius = 0.5});
    ASSERT_EQ(points.rows(), 40);
    ASSERT_EQ(points.cols(), 2);
    EXPECT_EQ(std::memcmp(points.data(), expected.data(), 80 * sizeof(double)),
              0)
        << name;
  }
}

TEST_F(WorkloadTest, QueriesThatAreRowsFindThemselves) {
  const std::vector<int64_t> rows = {7, 0, 59, 7};
  WriteVector<int64_t>("wide.npy", rows);
  Write("narrow.npy", Npy("<i4", "False", "(4,)",
                          std::vector<int32_t>(rows.begin(), rows.end())));
  for (const std::string name : {"wide.npy", "narrow.npy"}) {
    const NeighborTable table =
        Answer(WithQueries("rows_npy: '@/" + name + "'")).value().neighbors;
    ASSERT_EQ(table.num_queries(), 4);
    for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(table.rows()(i, 0), rows[i]);
  }
  const NeighborTable all =
      Answer(WithQueries("all_rows {}")).value().neighbors;
  ASSERT_EQ(all.num_queries(), 60);
  for (int64_t i = 0; i < 60; ++i) EXPECT_EQ(all.rows()(i, 0), i);
}

TEST_F(WorkloadTest, RandomRowsAreDrawnWithReplacementAndReplayed) {
  const std::string queries = "random_rows { count: 500 seed: 7 }";
  const NeighborTable table = Answer(WithQueries(queries)).value().neighbors;
  ASSERT_EQ(table.num_queries(), 500);
  std::set<int64_t> rows;
  for (int64_t i = 0; i < 500; ++i) rows.insert(table.rows()(i, 0));
  EXPECT_GE(*rows.begin(), 0);
  EXPECT_LT(*rows.rbegin(), 60);
  EXPECT_GT(rows.size(), 50u);
  EXPECT_EQ(AnswerDigest(WithQueries(queries)), table.Digest());
  EXPECT_NE(AnswerDigest(WithQueries("random_rows { count: 500 }")),
            table.Digest());
  // A longer draw begins with the shorter one.
  const NeighborTable shorter =
      Answer(WithQueries("random_rows { count: 10 seed: 7 }"))
          .value()
          .neighbors;
  for (int64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(shorter.rows()(i, 0), table.rows()(i, 0));
  }
}

TEST_F(WorkloadTest, NewPointsAreNoRows) {
  const Matrix<double> points = BasePoints();
  Write("new.npy", SerializeNpy(points.view()));
  const NeighborTable rows =
      Answer(WithQueries("all_rows {}")).value().neighbors;
  const NeighborTable same =
      Answer(WithQueries("new_points { npy: '@/new.npy' }")).value().neighbors;
  // A point at the place of a row has its neighbors, but its distance to the
  // row is computed.
  for (int64_t i = 0; i < 60; ++i) {
    for (int64_t r = 0; r < 4; ++r) {
      EXPECT_EQ(same.rows()(i, r), rows.rows()(i, r));
      EXPECT_NEAR(same.distances()(i, r), rows.distances()(i, r),
                  r == 0 ? 1e-6 : 0);
    }
  }
  EXPECT_EQ(Load(WithQueries("new_points { generated { shape: GRID count: 8 "
                             "dimension: 2 } }"))
                .value()
                .num_queries(),
            8);
}

TEST_F(WorkloadTest, ConstraintsReachTheSearch) {
  const NeighborTable others =
      Answer(WithQueries("all_rows {}") + " exclude_self: true")
          .value()
          .neighbors;
  const NeighborTable before =
      Answer(WithQueries("all_rows {}") + " predecessor: true")
          .value()
          .neighbors;
  for (int64_t i = 0; i < 60; ++i) {
    EXPECT_NE(others.rows()(i, 0), i);
    EXPECT_EQ(before.count(i), std::min<int64_t>(i, 4));
    for (int64_t r = 0; r < before.count(i); ++r) {
      EXPECT_LT(before.rows()(i, r), i);
    }
  }
}

TEST_F(WorkloadTest, InducingPointsFromEachSource) {
  WriteVector<int64_t>("inducing.npy", {40, 3, 17});
  const Matrix<double> points = BasePoints();
  std::string coordinates;
  for (const int64_t row : {40, 3, 17}) {
    for (int64_t t = 0; t < 2; ++t) {
      absl::StrAppendFormat(&coordinates, " value: %.17g", points(row, t));
    }
  }
  const std::string rows =
      WithInducing(" residual { inducing { rows { row: [40, 3, 17] } } }");
  const std::string file = WithInducing(" inducing_rows_npy: '@/inducing.npy'");
  EXPECT_EQ(AnswerDigest(file), AnswerDigest(rows));
  EXPECT_EQ(DataDigest(file), DataDigest(rows));
  EXPECT_EQ(AnswerDigest(WithInducing(absl::StrCat(
                " residual { inducing { coordinates {", coordinates, "} } }"))),
            AnswerDigest(rows));
  EXPECT_EQ(Load(Base()).value().MakeModel(1)->metric()->data().v.cols(), 5);
}

// Writes V and p of Base() as files.
class FactorsTest : public WorkloadTest {
 protected:
  FactorsTest() {
    const ResidualModel model = Load(Base()).value().MakeModel(1).value();
    const auto& data = model.metric()->data();
    Write("v.npy", SerializeNpy(data.v.view()));
    variance_.assign(data.variance.begin(), data.variance.end());
    WriteVector("p.npy", variance_);
  }

  static std::string WithFactors() {
    return WithInducing(
        " factors_npy: '@/v.npy' residual_variance_npy: '@/p.npy'");
  }

  std::vector<double> variance_;
};

TEST_F(FactorsTest, GiveTheAnswerOfTheInducingPointsTheyAreOf) {
  EXPECT_EQ(AnswerDigest(WithFactors()), AnswerDigest(Base()));
}

TEST_F(FactorsTest, BothOrNeither) {
  ExpectError(WithInducing(" factors_npy: '@/v.npy'"),
              {"factors_npy and residual_variance_npy"});
  ExpectError(Base() + " residual_variance_npy: '@/p.npy'",
              {"factors_npy and residual_variance_npy"});
}

TEST_F(FactorsTest, ExactlyOneSourceOfTheMetric) {
  WriteVector<int64_t>("inducing.npy", {1, 2});
  const std::string exactly_one =
      "exactly one of residual.inducing, inducing_rows_npy and factors_npy";
  ExpectError(WithInducing(""), {exactly_one, "found 0"});
  ExpectError(Base() + " inducing_rows_npy: '@/inducing.npy'",
              {exactly_one, "found 2"});
  ExpectError(WithFactors() + " inducing_rows_npy: '@/inducing.npy'",
              {exactly_one, "found 2"});
  ExpectError(WithFactors() +
                  " inducing_rows_npy: '@/inducing.npy' residual {"
                  " inducing { random { count: 2 } } }",
              {exactly_one, "found 3"});
}

TEST_F(FactorsTest, WhatTheyDoNotUseMustNotBeGiven) {
  ExpectError(WithFactors() + " residual { jitter: 1e-3 }",
              {"residual.jitter", "factors_npy"});
  ExpectError(WithFactors() + " residual { variance_floor: 1e-3 }",
              {"residual.variance_floor", "factors_npy"});
}

TEST_F(FactorsTest, ShapesAndRanges) {
  Write("v.npy", SerializeNpy(Matrix<double>::Zeros(59, 5).view()));
  ExpectError(WithFactors(), {"59", "60"});
  Write("v.npy", SerializeNpy(Matrix<double>::Zeros(60, 5).view()));
  variance_[3] = 0;
  WriteVector("p.npy", variance_);
  ExpectError(WithFactors(), {"variance", "row 3"});
  variance_[3] = kNan;
  WriteVector("p.npy", variance_);
  ExpectError(WithFactors(), {"variance", "row 3"});
  variance_.pop_back();
  WriteVector("p.npy", variance_);
  ExpectError(WithFactors(), {"variance", "59"});
  Write("p.npy", SerializeNpy(Matrix<double>::Zeros(30, 2).view()));
  ExpectError(WithFactors(), {"residual_variance_npy: ", "/p.npy", "(30, 2)"});
  Write("v.npy", "no array");
  ExpectError(WithFactors(), {"factors_npy: ", "/v.npy", "not a .npy file"});
}

TEST_F(FactorsTest, KnowNothingOfNewPoints) {
  ExpectError("name: 'w'" + std::string(kPoints) + kKernel +
                  " factors_npy: '@/v.npy' residual_variance_npy: '@/p.npy'"
                  " queries { new_points { generated { shape: NORMAL count: 2"
                  " dimension: 2 } } }",
              {"new points need inducing points"});
}

TEST_F(WorkloadTest, NamesAndNumbersOfNeighbors) {
  ExpectError(absl::StrCat("k: 4", kPoints, kQueries, kMetric),
              {"name: not given"});
  ExpectError(Base() + " k: 0", {"k: is 0; must be at least 1"});
  ExpectError(Base() + " k: -9223372036854775808",
              {"k: is -9223372036854775808"});
}

TEST_F(WorkloadTest, EveryPartIsRequired) {
  ExpectError(absl::StrCat("name: 'w'", kQueries, kMetric),
              {"points: no source given; set npy or generated"});
  ExpectError(absl::StrCat("name: 'w'", kPoints, kMetric),
              {"queries: no source given"});
  ExpectError(
      absl::StrCat("name: 'w'", kPoints, kMetric, " queries { new_points {} }"),
      {"queries.new_points: no source given"});
  ExpectError(absl::StrCat("name: 'w'", kPoints, kQueries,
                           " residual { inducing { random { count: 5 } } }"),
              {"kernel.family"});
  ExpectError(WithInducing(" residual { inducing {} }"),
              {"inducing: no source given"});
}

TEST_F(WorkloadTest, FilesThatDoNotHoldWhatTheyShould) {
  Matrix<double> points = BasePoints();
  std::string truncated = SerializeNpy(points.view());
  truncated.pop_back();
  Write("truncated.npy", truncated);
  Write("scalar.npy", Npy<double>("<f8", "False", "()", {1}));
  Write("cube.npy", Npy<double>("<f8", "False", "(1, 1, 1)", {1}));
  Write("times.npy", Npy<int64_t>("<M8[s]", "False", "(2,)", {1, 2}));
  Write("values.npy", Npy<double>("<f8", "False", "(2,)", {1, 2}));
  Write("indices.npy", Npy<int64_t>("<i8", "False", "(2, 2)", {1, 2, 3, 4}));

  const struct {
    std::string field;
    std::string name;
    std::string problem;
  } cases[] = {
      {"points.npy", "missing.npy", "No such file"},
      {"points.npy", "truncated.npy", "truncated"},
      {"points.npy", "scalar.npy", "shape ()"},
      {"points.npy", "cube.npy", "shape (1, 1, 1)"},
      {"points.npy", "times.npy", "<M8[s]"},
      {"points.npy", "", "Is a directory"},
      {"queries.rows_npy", "missing.npy", "No such file"},
      {"queries.rows_npy", "values.npy", "<f8"},
      {"queries.rows_npy", "indices.npy", "shape (2, 2)"},
      {"queries.new_points.npy", "scalar.npy", "shape ()"},
      {"inducing_rows_npy", "missing.npy", "No such file"},
      {"inducing_rows_npy", "indices.npy", "shape (2, 2)"},
  };
  for (const auto& [field, name, problem] : cases) {
    const std::string npy = absl::StrCat("npy: '@/", name, "'");
    ExpectError(field == "points.npy"         ? WithPoints(npy)
                : field == "queries.rows_npy" ? WithQueries("rows_" + npy)
                : field == "inducing_rows_npy"
                    ? WithInducing(" inducing_rows_" + npy)
                    : WithQueries("new_points {" + npy + "}"),
                {field + ": ", "/" + name + ": ", problem});
  }
}

TEST_F(WorkloadTest, PointsAreFinite) {
  Matrix<double> points = BasePoints();
  points(2, 1) = kNan;
  Write("nan.npy", SerializeNpy(points.view()));
  ExpectError(WithPoints("npy: '@/nan.npy'"),
              {"points: row 2, column 1 is nan"});
  ExpectError(WithQueries("new_points { npy: '@/nan.npy' }"),
              {"query points: row 2, column 1 is nan"});
}

TEST_F(WorkloadTest, QueriesFitTheData) {
  WriteVector<int64_t>("rows.npy", {3, 60});
  ExpectError(WithQueries("rows_npy: '@/rows.npy'"),
              {"query 1: row 60 is out of range", "60 rows"});
  WriteVector<int64_t>("rows.npy", {-1});
  ExpectError(WithQueries("rows_npy: '@/rows.npy'"), {"query 0: row -1"});
  const std::string three =
      "new_points { generated { shape: NORMAL count: 3 dimension: 3 } }";
  ExpectError(WithQueries(three), {"query points", "3", "2"});
  ExpectError(WithQueries("random_rows { count: 0 }"),
              {"queries.random_rows.count: is 0"});
  ExpectError(WithQueries("random_rows {}"),
              {"queries.random_rows.count: is 0"});
  ExpectError(WithPoints("generated { shape: NORMAL count: 0 }"),
              {"queries.random_rows.count: is 9 of 0 rows"});
  const std::string two =
      "new_points { generated { shape: NORMAL count: 3 dimension: 2 } }";
  ExpectError(WithQueries(two) + " predecessor: true", {"predecessor: "});
  ExpectError(WithQueries(two) + " exclude_self: true", {"exclude_self: "});
}

TEST_F(WorkloadTest, NoQueriesAreNoError) {
  WriteVector<int64_t>("rows.npy", {});
  const SearchResult result =
      Answer(WithQueries("rows_npy: '@/rows.npy'")).value();
  EXPECT_EQ(result.neighbors.num_queries(), 0);
  EXPECT_EQ(result.neighbors.k(), 4);
}

TEST_F(WorkloadTest, InducingRowsAreRowsOnce) {
  WriteVector<int64_t>("inducing.npy", {5, 9, 5});
  const std::string file = WithInducing(" inducing_rows_npy: '@/inducing.npy'");
  ExpectError(file, {"inducing", "[2]: row 5", "[0]"});
  WriteVector<int64_t>("inducing.npy", {5, 60});
  ExpectError(file, {"inducing", "[1]: row 60 is out of range"});
  WriteVector<int64_t>("inducing.npy", {});
  ExpectError(file, {"inducing", "at least 1"});
  ExpectError(WithInducing(" residual { inducing { random { count: 61 } } }"),
              {"inducing.random.count: is 61"});
}

TEST_F(WorkloadTest, GeneratorsAreGivenWhatTheyTake) {
  ExpectError(WithPoints("generated { count: 5 }"),
              {"points.generated.shape: not given"});
  for (const std::string wrong :
       {"count: -1", "dimension: 0", "clusters: 0", "cluster_radius: -1",
        "cluster_radius: nan",
        // These sizes fit no memory.
        "count: 4611686018427387904", "dimension: 4611686018427387904",
        "clusters: 4611686018427387904",
        "count: 2147483647 dimension: 9999999999"}) {
    const std::string count = wrong.substr(0, 5) == "count" ? "" : "count: 2 ";
    ExpectError(WithPoints(absl::StrCat("generated { shape: CLUSTERS ", count,
                                        wrong, " }")),
                {"points.generated: "});
    ExpectError(WithQueries(absl::StrCat("new_points { generated { shape: "
                                         "CLUSTERS ",
                                         count, wrong, " } }")),
                {"queries.new_points.generated: "});
  }
}

TEST_F(WorkloadTest, DataDigestIsTheSameEverywhere) {
  EXPECT_EQ(DataDigest(Base()).substr(0, 16), "3ab332e7c74f94f4");
}

TEST_F(WorkloadTest, DataDigestIsOfTheDataAlone) {
  Write("points.npy", SerializeNpy(BasePoints().view()));
  EXPECT_EQ(DataDigest(Base() + " name: 'x' k: 9 predecessor: true"),
            DataDigest(Base()));
  EXPECT_EQ(DataDigest(WithPoints("npy: '@/points.npy'")), DataDigest(Base()));
}

TEST_F(FactorsTest, DataDigestChangesWithEachInput) {
  WriteVector<int64_t>("12.npy", {1, 2});
  WriteVector<int64_t>("21.npy", {2, 1});
  WriteVector<int64_t>("123.npy", {1, 2, 3});
  WriteVector<int64_t>("345.npy", {3, 4, 5});
  WriteVector<int64_t>("45.npy", {4, 5});
  Matrix<double> v = Matrix<double>::Zeros(60, 5);
  Write("v0.npy", SerializeNpy(v.view()));
  std::vector<double> p = variance_;
  p[59] *= 2;
  WriteVector("p2.npy", p);
  const auto rows_and_inducing = [](const std::string& rows,
                                    const std::string& inducing) {
    return absl::StrCat("name: 'w'", kPoints, kKernel,
                        " queries { rows_npy: '@/", rows,
                        ".npy' } inducing_rows_npy: '@/", inducing, ".npy'");
  };
  const std::string configs[] = {
      Base(),
      WithPoints("generated { shape: NORMAL count: 61 dimension: 2 }"),
      WithPoints("generated { shape: NORMAL count: 60 dimension: 3 }"),
      WithPoints("generated { shape: NORMAL count: 60 dimension: 2 seed: 2 }"),
      WithPoints("generated { shape: GRID count: 60 dimension: 2 }"),
      WithQueries("all_rows {}"),
      WithQueries("random_rows { count: 10 }"),
      WithQueries("random_rows { count: 9 seed: 2 }"),
      WithQueries("rows_npy: '@/12.npy'"),
      WithQueries("rows_npy: '@/21.npy'"),
      WithQueries("new_points { generated { shape: NORMAL count: 60 "
                  "dimension: 2 } }"),
      WithQueries("new_points { npy: '@/v.npy' }"),
      WithInducing(" residual { inducing { random { count: 6 } } }"),
      WithInducing(" residual { inducing { random { count: 5 seed: 2 } } }"),
      WithInducing(" residual { inducing { rows { row: [1, 2] } } }"),
      WithInducing(" residual { inducing { rows { row: [2, 1] } } }"),
      WithInducing(" residual { inducing { coordinates { value: [1, 2] } } }"),
      WithInducing(" residual { inducing { coordinates { value: [2, 1] } } }"),
      WithFactors(),
      WithInducing(" factors_npy: '@/v0.npy' residual_variance_npy: '@/p.npy'"),
      WithInducing(" factors_npy: '@/v.npy' residual_variance_npy: '@/p2.npy'"),
      // The numbers, one after the other, are the same.
      rows_and_inducing("12", "345"),
      rows_and_inducing("123", "45"),
  };
  std::set<std::string> digests;
  for (const std::string& config : configs) {
    EXPECT_TRUE(digests.insert(DataDigest(config)).second) << config;
  }
}

// A workload with gold: four neighbors for each of nine queries.
class WorkloadGoldTest : public WorkloadTest {
 protected:
  WorkloadGoldTest() : answer_(Answer(Base()).value().neighbors) {
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < answer_.num_queries(); ++i) {
      rows.push_back(answer_.rows()(i, 0));
    }
    const Matrix<double> points = BasePoints();
    const int64_t inducing[] = {0, 1};
    WriteTestGold(Path("gold"), points.view(), rows, inducing, answer_);
  }

  static std::string Gold(const std::string& more) {
    return " gold { manifest: '@/gold/manifest.textproto' " + more + " }";
  }

  NeighborTable answer_;
};

TEST_F(WorkloadGoldTest, IsTheAnswerOfThatName) {
  const Workload workload = Load(Base() + Gold("answer: 'answer'")).value();
  ASSERT_TRUE(workload.has_gold());
  EXPECT_EQ(workload.GoldNeighbors(4)->Digest(), answer_.Digest());
  EXPECT_FALSE(Load(Base()).value().has_gold());
}

TEST_F(WorkloadGoldTest, FewerNeighborsAreItsFirst) {
  const Workload workload =
      Load(Base() + " k: 2" + Gold("answer: 'answer'")).value();
  for (const int64_t k : {1, 2, 4}) {
    const NeighborTable gold = workload.GoldNeighbors(k).value();
    ASSERT_EQ(gold.num_queries(), 9);
    ASSERT_EQ(gold.k(), k);
    for (int64_t i = 0; i < 9; ++i) {
      for (int64_t j = 0; j < k; ++j) {
        EXPECT_EQ(gold.rows()(i, j), answer_.rows()(i, j));
        EXPECT_EQ(gold.distances()(i, j), answer_.distances()(i, j));
      }
    }
  }
  EXPECT_THAT(workload.GoldNeighbors(5),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("k: is 5; gold.answer has 4")));
}

TEST_F(WorkloadGoldTest, FitsTheWorkload) {
  ExpectError(
      Base() + " k: 5" + Gold("answer: 'answer'"),
      {"gold.answer: answer has 9 queries with 4 neighbors each", "9 with 5"});
  ExpectError(WithQueries("all_rows {}") + Gold("answer: 'answer'"),
              {"gold.answer: answer has 9 queries", "60 with 4"});
}

TEST_F(WorkloadGoldTest, ErrorsNameTheField) {
  ExpectError(Base() + Gold("answer: 'other'"),
              {"gold.answer: ", "'other'", "there are answer"});
  ExpectError(Base() + Gold(""), {"gold.answer: "});
  ExpectError(Base() +
                  " gold { manifest: '@/none/manifest.textproto' "
                  "answer: 'answer' }",
              {"gold.manifest: ", "/none/manifest.textproto"});
  for (const std::string wrong : {"-1", "nan", "inf"}) {
    ExpectError(Base() + Gold("answer: 'answer' tolerance: " + wrong),
                {"gold.tolerance: is " + wrong});
  }
}

TEST_F(WorkloadGoldTest, AFlippedByteIsFound) {
  for (const std::string name : {"points.npy", "rows.npy", "distances.npy"}) {
    const std::string path = Path("gold/" + name);
    const std::string contents = ReadFile(path).value();
    std::string flipped = contents;
    flipped.back() ^= 1;
    ASSERT_THAT(WriteFileAtomically(path, flipped), IsOk());
    EXPECT_THAT(Load(Base() + Gold("answer: 'answer'")),
                StatusIs(absl::StatusCode::kDataLoss,
                         AllOf(HasSubstr("gold.manifest: "), HasSubstr(name))));
    ASSERT_THAT(WriteFileAtomically(path, contents), IsOk());
  }
}

}  // namespace
}  // namespace rct
