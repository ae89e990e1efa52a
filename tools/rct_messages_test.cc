// Holds testdata/errors.txt, which people read, and what the program prints
// together. Where they differ the test writes what is printed beside its log:
// look at it, and copy it over the file.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/sanitizers.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/test_program.h"

namespace rct {
namespace {

class RctMessagesTest : public ProgramTest {
 protected:
  RctMessagesTest() {
    const Matrix<double> points =
        MakePointSet(PointSet::kUniformCube, 300, 2, 1);
    Write("p.npy", SerializeNpy(points.view()));
    std::string text = "x,y\n";
    for (int64_t i = 0; i < points.rows(); ++i) {
      absl::StrAppend(&text, points(i, 0), ",", points(i, 1), "\n");
    }
    Write("p.csv", text);
    Write("q.csv", "row\n0\n17\n");
    const Outcome built =
        Rct({"build", "--points=p.csv", "--kernel=rbf", "--lengthscale=0.5",
             "--num_inducing=5", "--index=p.rct"});
    EXPECT_EQ(built.exit_code, 0) << built.err;
  }

  // Returns whether a sanitizer could not start within the command's limits: it
  // reserves addresses, and the one of threads writes and maps a file.
  static bool LeavesNoRoomForSanitizer(std::string_view command) {
    return (kShadowMemory && absl::StrContains(command, "ulimit -v")) ||
           (kThreadSanitizer && absl::StrContains(command, "ulimit -f"));
  }

  // Returns `golden` with what its commands print now. Commands under which no
  // sanitizer could start are left out if there is one, and keep their lines.
  std::string Transcript(const std::string& golden) const {
    std::string transcript;
    bool output = false;
    for (const std::string_view line : absl::StrSplit(golden, '\n')) {
      // Output ends at a line that is empty.
      output = output && !line.empty();
      if (LeavesNoRoomForSanitizer(line)) {
        absl::StrAppend(&transcript, line, "\n");
        output = false;
        continue;
      }
      if (!absl::StartsWith(line, "$ ")) {
        if (!output) absl::StrAppend(&transcript, line, "\n");
        continue;
      }
      absl::StrAppend(&transcript, line, "\n");
      const Outcome outcome = Shell(std::string(line.substr(2)));
      absl::StrAppend(&transcript, outcome.err);
      output = true;
    }
    // The file's last line ends, and an empty one after it does not begin.
    if (!transcript.empty()) transcript.pop_back();
    return transcript;
  }
};

TEST_F(RctMessagesTest, AreThoseThatPeopleHaveRead) {
  const std::string path = absl::StrCat(std::getenv("TEST_SRCDIR"),
                                        "/rct/tools/testdata/errors.txt");
  const std::string golden = ReadFile(path).value();
  const std::string now = Transcript(golden);
  if (now == golden) return;
  const char* folder = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  const std::string written = absl::StrCat(
      folder == nullptr ? testing::TempDir() : folder, "/errors.txt");
  ASSERT_THAT(WriteFileAtomically(written, now), IsOk());
  const std::vector<std::string> before = absl::StrSplit(golden, '\n');
  const std::vector<std::string> after = absl::StrSplit(now, '\n');
  for (size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    ASSERT_EQ(before[i], after[i])
        << "line " << i + 1 << " of tools/testdata/errors.txt; all is in "
        << written;
  }
  FAIL() << "other lines at the end; all is in " << written;
}

// What is true of every message: it says which program speaks, in one line and
// in plain text, and if the command line is at fault a second line says where
// help is.
TEST_F(RctMessagesTest, HaveOneForm) {
  const std::string golden =
      ReadFile(absl::StrCat(std::getenv("TEST_SRCDIR"),
                            "/rct/tools/testdata/errors.txt"))
          .value();
  int messages = 0;
  for (const std::string_view line : absl::StrSplit(golden, '\n')) {
    if (!absl::StartsWith(line, "rct ") && !absl::StartsWith(line, "rct:")) {
      continue;
    }
    ++messages;
    EXPECT_THAT(std::string(line),
                testing::ContainsRegex("^rct[a-z ]*: [^ ].*"));
    EXPECT_FALSE(absl::EndsWith(line, ".")) << line;
    for (const char c : line) EXPECT_GE(c, ' ') << line;
  }
  EXPECT_GT(messages, 150);
}

}  // namespace
}  // namespace rct
