#include "parity/gold/gold_writer.h"

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parity/gold/gold.h"
#include "parity/gold/gold_oracle.h"

namespace rct {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A draft of 60 points, 8 queries, 5 inducing points and k = 6, without hashes
// and shapes.
constexpr char kDraft[] = R"pb(
  file { name: "points.npy" meaning: "what they are" }
  points: "points.npy"
  query_rows: "queries.npy"
  inducing_rows: "inducing.npy"
  answers {
    name: "all"
    residual { kernel { family: RBF } }
    k: 6
    rows: "all_rows.npy"
    distances: "all_distances.npy"
    residual_variance: "variance.npy"
  }
  answers {
    name: "before"
    residual { kernel { family: RBF } }
    k: 6
    predecessor: true
    rows: "before_rows.npy"
    distances: "before_distances.npy"
    residual_variance: "variance.npy"
  }
)pb";

class GoldWriterTest : public testing::Test {
 protected:
  GoldWriterTest()
      : folder_(absl::StrCat(
            testing::TempDir(), "/",
            testing::UnitTest::GetInstance()->current_test_info()->name())) {
    EXPECT_THAT(MakeDirectories(folder_), IsOk());
    RandomStream random(1, 0);
    Matrix<double> points(60, 2);
    for (int64_t i = 0; i < 120; ++i) points.data()[i] = random.Normal();
    const int64_t queries[] = {3, 59, 0, 3, 20, 21, 22, 40};
    const int64_t inducing[] = {1, 10, 20, 30, 50};
    Put("points.npy", SerializeNpy(MatrixView<const double>(points.view())));
    Put("queries.npy", SerializeNpy(queries));
    Put("inducing.npy", SerializeNpy(inducing));
    Put("manifest.textproto", kDraft);
  }

  std::string Path(std::string_view name) const {
    return absl::StrCat(folder_, "/", name);
  }
  void Put(std::string_view name, const std::string& contents) {
    ASSERT_THAT(WriteFileAtomically(Path(name), contents), IsOk());
  }
  std::string Get(std::string_view name) const {
    return ReadFile(Path(name)).value();
  }

  GoldFiles Make() const { return MakeGold(folder_, 2).value(); }

  // Writes frozen gold to the folder.
  void Freeze() {
    const std::string manifest = Digits();
    std::istringstream keyboard("replace\n" + manifest + "\n");
    std::ostringstream screen;
    ASSERT_THAT(WriteGold(Make(), folder_, &keyboard, screen), IsOk());
  }

  // Returns the answer to the second question.
  std::string Digits() const {
    return Sha256Hex(Get("manifest.textproto")).substr(0, 12);
  }

  // Returns the gold of another kernel.
  GoldFiles Changed() {
    const std::string frozen = Get("manifest.textproto");
    Put("manifest.textproto",
        absl::StrReplaceAll(kDraft, {{"RBF", "MATERN12"}}));
    GoldFiles changed = Make();
    Put("manifest.textproto", frozen);
    return changed;
  }

  const std::string folder_;
};

TEST_F(GoldWriterTest, MakesGoldThatLoadsAndVerifies) {
  Freeze();
  const Gold gold = LoadGold(folder_).value();
  ASSERT_EQ(gold.answers.size(), 2u);
  EXPECT_EQ(gold.answers[0].neighbors.k(), 6);
  EXPECT_EQ(gold.answers[1].neighbors.count(2), 0);
  const auto expect = [](const GoldReport& report) {
    EXPECT_TRUE(report.verdict.pass) << report.verdict.message;
    EXPECT_EQ(report.max_distance_difference, 0);
  };
  EXPECT_THAT(VerifyGold(gold, 1, expect), IsOk());
  EXPECT_THAT(Get("manifest.textproto"),
              AllOf(HasSubstr("# proto-message: rct.GoldManifest\n"),
                    HasSubstr("meaning: \"what they are\"")));
}

TEST_F(GoldWriterTest, MakesTheSameFilesFromItsOwn) {
  const GoldFiles first = Make();
  Freeze();
  EXPECT_EQ(Make(), first);
  EXPECT_EQ(MakeGold(Path("manifest.textproto"), 1).value(), first);
}

TEST_F(GoldWriterTest, RefusesInputsThatAreNotTheManifests) {
  Freeze();
  const int64_t queries[] = {4};
  Put("queries.npy", SerializeNpy(queries));
  EXPECT_THAT(MakeGold(folder_, 1),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("queries.npy")));
}

TEST_F(GoldWriterTest, RefusesWhatItCouldNotWriteOrRead) {
  const auto make = [this](const std::string& from, const std::string& to) {
    Put("manifest.textproto", absl::StrReplaceAll(kDraft, {{from, to}}));
    return MakeGold(folder_, 1).status();
  };
  const auto invalid = [](const std::string& message) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message));
  };
  EXPECT_THAT(make("all_rows.npy", "../all_rows.npy"),
              invalid("answers[0]: rows: '../all_rows.npy' is no name"));
  EXPECT_THAT(make("before_rows.npy", "all_rows.npy"),
              invalid("answers[1]: rows: 'all_rows.npy' would have two"));
  EXPECT_THAT(make("k: 6", "k: 0"), invalid("answers[0]: k: is 0"));
  EXPECT_THAT(make("before\"", "all\""), invalid("answers[1].name"));
  EXPECT_THAT(make("RBF", "FAMILY_UNSPECIFIED"),
              invalid("answers[0]: kernel.family"));
  EXPECT_THAT(make("points: \"points.npy\"", "points: \"queries.npy\""),
              invalid("query_rows[1]: row 59 is out of range; there are 8"));
}

TEST_F(GoldWriterTest, WritesANewFolderWithoutQuestions) {
  const std::string folder = folder_ + "/deep/new";
  std::ostringstream screen;
  EXPECT_THAT(WriteGold(Make(), folder, nullptr, screen), IsOk());
  EXPECT_THAT(LoadGold(folder), IsOk());
  EXPECT_THAT(screen.str(), Not(HasSubstr("replace")));

  screen.str("");
  EXPECT_THAT(WriteGold(Make(), folder, nullptr, screen), IsOk());
  EXPECT_EQ(screen.str(), folder + ": nothing to change\n");
}

TEST_F(GoldWriterTest, ReplacesNothingWithoutATerminal) {
  Freeze();
  const std::string before = Get("all_distances.npy");
  const GoldFiles changed = Changed();
  std::ostringstream screen;
  EXPECT_THAT(WriteGold(changed, folder_, nullptr, screen),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("no terminal to ask at; nothing written")));
  EXPECT_EQ(Get("all_distances.npy"), before);
  EXPECT_THAT(
      screen.str(),
      AllOf(HasSubstr("this would replace 6 frozen files"),
            HasSubstr("all_distances.npy: 40 of 48 numbers differ, by up to"),
            HasSubstr("manifest.textproto: "), Not(HasSubstr("points.npy"))));
}

TEST_F(GoldWriterTest, ReplacesNothingUnlessBothQuestionsAreAnswered) {
  Freeze();
  const GoldFiles changed = Changed();
  const GoldFiles before = Make();
  const std::string digits = Digits();
  for (const std::string& typed :
       {std::string(), std::string("yes\n"), digits + "\n",
        "y\n" + digits + "\n", std::string("replace\n"),
        std::string("replace\n\n"), std::string("replace\nreplace\n"),
        "replace\n" + digits.substr(0, 11) + "\n",
        "replace\n" +
            Sha256Hex(changed.at("manifest.textproto")).substr(0, 12) + "\n"}) {
    SCOPED_TRACE(typed);
    std::istringstream keyboard(typed);
    std::ostringstream screen;
    EXPECT_THAT(
        WriteGold(changed, folder_, &keyboard, screen),
        StatusIs(absl::StatusCode::kAborted, HasSubstr("nothing written")));
    for (const auto& [name, contents] : before) {
      EXPECT_EQ(Get(name), contents) << name;
    }
  }
  std::istringstream keyboard("replace\n" + digits + "\n");
  std::ostringstream screen;
  EXPECT_THAT(WriteGold(changed, folder_, &keyboard, screen), IsOk());
  for (const auto& [name, contents] : changed) {
    EXPECT_EQ(Get(name), contents) << name;
  }
  EXPECT_THAT(screen.str(), Not(HasSubstr(digits)));
}

TEST_F(GoldWriterTest, AsksForWhatItReplacesWhereTheManifestStays) {
  Freeze();
  const GoldFiles files = Make();
  Put("variance.npy", "broken");
  const std::string digits = Sha256Hex("broken").substr(0, 12);
  std::istringstream keyboard("replace\n" + digits + "\n");
  std::ostringstream screen;
  EXPECT_THAT(WriteGold(files, folder_, &keyboard, screen), IsOk());
  EXPECT_THAT(screen.str(), HasSubstr("variance.npy: 6 bytes become 608"));
  EXPECT_EQ(Get("variance.npy"), files.at("variance.npy"));
}

TEST_F(GoldWriterTest, WritesTheManifestLast) {
  std::ostringstream screen;
  ASSERT_THAT(WriteGold(Make(), folder_ + "/new", nullptr, screen), IsOk());
  const std::string text = screen.str();
  EXPECT_THAT(text.substr(text.rfind("wrote")),
              HasSubstr("manifest.textproto"));
}

}  // namespace
}  // namespace rct
