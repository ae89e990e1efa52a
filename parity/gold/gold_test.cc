#include "parity/gold/gold.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/npy.h"
#include "base/sha256.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "parity/gates.h"
#include "parity/gold/gold.pb.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kFolder[] = "parity/gold";

TEST(FrozenGoldTest, HoldsTheWorkloadThatItsManifestDescribes) {
  const Gold gold = LoadGold(kFolder).value();
  EXPECT_EQ(gold.points.rows(), 32768);
  EXPECT_EQ(gold.points.cols(), 3);
  EXPECT_EQ(gold.query_rows.size(), 1024u);
  EXPECT_EQ(
      std::set<int64_t>(gold.query_rows.begin(), gold.query_rows.end()).size(),
      1008u);
  EXPECT_EQ(gold.inducing_rows.size(), 512u);
  EXPECT_EQ(gold.Inducing()(511, 2), gold.points(gold.inducing_rows[511], 2));
  ASSERT_EQ(gold.answers.size(), 3u);
  for (const GoldAnswers& answers : gold.answers) {
    SCOPED_TRACE(answers.name);
    EXPECT_EQ(answers.neighbors.num_queries(), 1024);
    EXPECT_EQ(answers.neighbors.k(), 50);
    EXPECT_THAT(ValidateTable(answers.neighbors), IsOk());
    EXPECT_EQ(answers.residual_variance.size(), 32768u);
    EXPECT_EQ(answers.residual.inducing().rows().row(0), gold.inducing_rows[0]);
    EXPECT_EQ(answers.residual.jitter(), 1e-6);
  }
}

TEST(FrozenGoldTest, QueriesAreTheirOwnNearestNeighborsUnlessExcluded) {
  const Gold gold = LoadGold(kFolder).value();
  for (const GoldAnswers& answers : gold.answers) {
    for (int64_t query = 0; query < 1024; ++query) {
      const int64_t row = gold.query_rows[query];
      if (answers.predecessor) {
        EXPECT_EQ(answers.neighbors.count(query), 50);
        EXPECT_GE(row, 50);
      } else {
        EXPECT_EQ(answers.neighbors.count(query), 50);
        EXPECT_EQ(answers.neighbors.rows()(query, 0), row);
        EXPECT_EQ(answers.neighbors.distances()(query, 0), 0);
      }
    }
  }
}

TEST(FrozenGoldTest, IsFoundByName) {
  const Gold gold =
      LoadGold(absl::StrCat(kFolder, "/manifest.textproto")).value();
  EXPECT_FALSE(gold.Find("rbf").value()->predecessor);
  EXPECT_TRUE(gold.Find("rbf_predecessor").value()->predecessor);
  EXPECT_EQ(gold.Find("matern52").value()->residual.kernel().family(),
            KernelConfig::MATERN52);
  EXPECT_THAT(gold.Find("periodic"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("rbf, rbf_predecessor, matern52")));
}

TEST(FrozenGoldTest, AFlippedBitIsFoundInEveryFile) {
  const std::string folder = testing::TempDir() + "/flipped";
  ASSERT_THAT(MakeDirectories(folder), IsOk());
  const auto copy = [&folder](const std::string& name, int64_t flipped) {
    std::string contents = ReadFile(absl::StrCat(kFolder, "/", name)).value();
    if (flipped >= 0) contents[contents.size() - 1 - flipped] ^= 1;
    EXPECT_THAT(WriteFileAtomically(absl::StrCat(folder, "/", name), contents),
                IsOk());
  };
  const GoldManifest manifest = ReadGoldManifest(kFolder).value();
  copy(std::string(kGoldManifestName), -1);
  for (const auto& file : manifest.file()) copy(file.name(), -1);
  ASSERT_THAT(LoadGold(folder), IsOk());

  int64_t place = 0;
  for (const auto& file : manifest.file()) {
    copy(file.name(), place++);
    EXPECT_THAT(
        LoadGold(folder),
        StatusIs(absl::StatusCode::kDataLoss,
                 HasSubstr(absl::StrCat(folder, ": ", file.name(),
                                        ": is not the file of the manifest"))));
    copy(file.name(), -1);
  }
  EXPECT_THAT(LoadGold(folder), IsOk());
}

// Gold of two points, one query, one inducing point and k = 1, for every error.
class ParseGoldTest : public testing::Test {
 protected:
  ParseGoldTest() {
    const double points[] = {0.25, 0.5};
    const int64_t query[] = {1};
    const int64_t inducing[] = {0};
    Add("points", 2, SerializeNpy(points));
    Add("query", 1, SerializeNpy(query));
    Add("inducing", 1, SerializeNpy(inducing));
    manifest_.set_points("points");
    manifest_.set_query_rows("query");
    manifest_.set_inducing_rows("inducing");

    const double distances[] = {0.125};
    const double variance[] = {0.5, 0.75};
    Add("rows", 1, SerializeNpy(inducing));
    Add("distances", 1, SerializeNpy(distances));
    Add("variance", 2, SerializeNpy(variance));
    GoldManifest::Answers& answers = *manifest_.add_answers();
    answers.set_name("answers");
    answers.set_k(1);
    answers.set_rows("rows");
    answers.set_distances("distances");
    answers.set_residual_variance("variance");
  }

  void Add(const std::string& name, int64_t rows, const std::string& contents) {
    files_[name] = contents;
    GoldManifest::File& file = *manifest_.add_file();
    file.set_name(name);
    file.set_sha256(Sha256Hex(contents));
    file.add_shape(rows);
  }

  // Replaces the contents and the hash of a file.
  template <class T>
  void Replace(const std::string& name, const std::vector<T>& values) {
    files_[name] = SerializeNpy(absl::MakeConstSpan(values));
    for (GoldManifest::File& file : *manifest_.mutable_file()) {
      if (file.name() != name) continue;
      file.set_sha256(Sha256Hex(files_[name]));
      file.set_shape(0, static_cast<int64_t>(values.size()));
    }
  }

  void ExpectInvalid(const std::string& message) {
    EXPECT_THAT(
        ParseGold(manifest_, files_),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }

  GoldManifest::Answers& answers() { return *manifest_.mutable_answers(0); }

  GoldManifest manifest_;
  GoldFiles files_;
};

TEST_F(ParseGoldTest, TakesWhatIsRight) {
  const Gold gold = ParseGold(manifest_, files_).value();
  EXPECT_EQ(gold.Find("answers").value()->neighbors.rows()(0, 0), 0);
  answers().set_predecessor(true);
  EXPECT_THAT(ParseGold(manifest_, files_), IsOk());
}

TEST_F(ParseGoldTest, ListsItsFilesOnceWithHashAndShape) {
  manifest_.mutable_file(1)->clear_sha256();
  EXPECT_THAT(ParseGold(manifest_, files_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("query: ")));
  manifest_.mutable_file(1)->set_sha256(Sha256Hex(files_["query"]));
  manifest_.mutable_file(1)->set_shape(0, 2);
  ExpectInvalid("query: has shape 1 x 1, its manifest says 2");
  manifest_.mutable_file(1)->set_shape(0, 1);
  *manifest_.add_file() = manifest_.file(2);
  ExpectInvalid("file[6].name: 'inducing' is there twice");
  manifest_.mutable_file(6)->set_name("more");
  EXPECT_THAT(ParseGold(manifest_, files_),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("file[6].name: no file 'more'")));
}

TEST_F(ParseGoldTest, UsesListedFilesOnly) {
  files_["other"] = files_["rows"];
  answers().set_rows("other");
  ExpectInvalid("answers[0]: rows: 'other' is not among the files");
  answers().clear_rows();
  ExpectInvalid("answers[0]: rows: '' is not among the files");
}

TEST_F(ParseGoldTest, RowsExist) {
  Replace<int64_t>("query", {2});
  ExpectInvalid("query_rows[0]: row 2 is out of range; there are 2 points");
  Replace<int64_t>("query", {1});
  Replace<int64_t>("inducing", {0, 1, 0});
  ExpectInvalid("inducing_rows: row 0 is there twice");
  Replace<int64_t>("inducing", {-1});
  ExpectInvalid("inducing_rows[0]: row -1");
  Replace<int64_t>("inducing", {0});
  Replace<int64_t>("rows", {2});
  ExpectInvalid("answers[0]: query 0, rank 0 is row 2");
  Replace<int64_t>("rows", {1});
  EXPECT_THAT(ParseGold(manifest_, files_), IsOk());
  answers().set_predecessor(true);
  ExpectInvalid("answers[0]: query 0, rank 0 is row 1");
}

TEST_F(ParseGoldTest, AnswersAreComplete) {
  answers().set_k(2);
  ExpectInvalid("answers[0]: k: is 2, with 1 queries; rows are 1 x 1");
  answers().set_k(1);
  Replace<double>("distances", {-0.5});
  ExpectInvalid("answers[0]: query 0, rank 0");
  Replace<double>("distances", {0.5});
  Replace<double>("variance", {0.5});
  ExpectInvalid("answers[0]: residual_variance: has 1 rows for 2 points");
  Replace<double>("variance", {0.5, 0});
  ExpectInvalid("answers[0]: residual_variance: row 1 is 0");
  Replace<double>("variance", {0.5, 1});
  *manifest_.add_answers() = answers();
  ExpectInvalid("answers[1].name: 'answers' is empty or there twice");
}

TEST(LoadGoldTest, SaysWhatCannotBeRead) {
  const std::string folder = testing::TempDir() + "/unreadable";
  const std::string manifest = folder + "/manifest.textproto";
  EXPECT_THAT(LoadGold(folder),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(manifest)));
  ASSERT_THAT(MakeDirectories(folder), IsOk());
  ASSERT_THAT(WriteFileAtomically(manifest, "points: 'a'\nsize: 3"), IsOk());
  EXPECT_THAT(LoadGold(folder),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(manifest), HasSubstr("line 2"),
                             HasSubstr("size"))));
  ASSERT_THAT(WriteFileAtomically(manifest, "file { name: 'a.npy' }"), IsOk());
  EXPECT_THAT(LoadGold(folder), StatusIs(absl::StatusCode::kNotFound,
                                         HasSubstr(folder + "/a.npy")));
}

}  // namespace
}  // namespace rct
