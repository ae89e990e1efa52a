// The README's example is docs/example.cc, to the letter.

#include <string>

#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

TEST(ReadmeTest, ExampleIsTheOneThatCompiles) {
  const std::string example = ReadFile("docs/example.cc").value();
  const std::string body = example.substr(example.find("#include"));
  EXPECT_THAT(ReadFile("README.md").value(),
              testing::HasSubstr("```cpp\n" + body + "```\n"));
}

// A figure that is still missing is written @LIKE_THIS@.
TEST(ReadmeTest, NothingIsLeftToBeFilledIn) {
  for (const char* file :
       {"README.md", "docs/experiments.md", "docs/performance.md"}) {
    EXPECT_THAT(ReadFile(file).value(),
                testing::Not(testing::ContainsRegex("@[A-Z_]+@")))
        << file;
  }
}

}  // namespace
}  // namespace rct
