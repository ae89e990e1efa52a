// The vignette shows the program and the data that are there, and what the
// program prints.

#include <cstdio>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::HasSubstr;

std::string Vignette() { return ReadFile("docs/vignette.md").value(); }

std::string Output(const char* command) {
  std::FILE* pipe = popen(command, "r");
  std::string text;
  char buffer[256];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  EXPECT_EQ(pclose(pipe), 0);
  return text;
}

TEST(VignetteTest, CodeIsTheProgramThatCompiles) {
  const std::string program = ReadFile("docs/vecchia_example.cc").value();
  const std::string body = program.substr(program.find("#include"));
  EXPECT_THAT(Vignette(), HasSubstr(absl::StrCat("```cpp\n", body, "```\n")));
}

TEST(VignetteTest, OutputIsWhatTheProgramPrints) {
  EXPECT_THAT(Vignette(),
              HasSubstr(absl::StrCat("```\n", Output("docs/vecchia_example"),
                                     "```\n")));
}

TEST(VignetteTest, DataIsThere) {
  const std::string data = ReadFile("docs/clocks.csv").value();
  size_t end = 0;
  for (int line = 0; line < 4; ++line) end = data.find('\n', end) + 1;
  EXPECT_THAT(Vignette(),
              HasSubstr(absl::StrCat("```\n", data.substr(0, end), "```\n")));
  const absl::StatusOr<Matrix<double>> table = ReadMatrix("docs/clocks.csv");
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(Vignette(), HasSubstr(absl::StrCat(table->rows(), "\nplaces")));
}

}  // namespace
}  // namespace rct
