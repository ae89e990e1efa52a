#include "tools/test_program.h"

#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/status_matchers.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

}  // namespace

ProgramTest::ProgramTest()
    : program_(absl::StrCat(getenv("TEST_SRCDIR"), "/rct/tools/rct")),
      logs_(absl::StrCat(
          testing::TempDir(), "/",
          testing::UnitTest::GetInstance()->current_test_info()->name())),
      folder_(logs_ + "/folder") {
  std::filesystem::remove_all(logs_);
  std::filesystem::create_directories(folder_);
}

void ProgramTest::Write(const std::string& name,
                        const std::string& contents) const {
  ASSERT_THAT(WriteFileAtomically(Path(name), contents), IsOk());
}

std::string ProgramTest::Read(const std::string& name) const {
  return ReadFile(Path(name)).value_or("missing: " + name);
}

std::vector<std::string> ProgramTest::Names() const {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder_)) {
    names.push_back(std::filesystem::relative(entry, folder_));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Outcome ProgramTest::Rct(const std::vector<std::string>& arguments) const {
  std::string line = "rct";
  for (const std::string& argument : arguments) {
    absl::StrAppend(&line, " ", Quoted(argument));
  }
  return Shell(line);
}

Outcome ProgramTest::Shell(const std::string& line) const {
  const std::string script =
      absl::StrCat("unset BUILD_WORKING_DIRECTORY\ncd ", Quoted(folder_),
                   " || exit 99\nprogram=", Quoted(program_),
                   "\nrct() { \"$program\" \"$@\"; }\n{\n", line, "\n} >",
                   Quoted(logs_ + "/out"), " 2>", Quoted(logs_ + "/err"));
  const int status = system(script.c_str());
  EXPECT_TRUE(WIFEXITED(status)) << line;
  return {WEXITSTATUS(status), ReadFile(logs_ + "/out").value(),
          ReadFile(logs_ + "/err").value()};
}

}  // namespace rct
