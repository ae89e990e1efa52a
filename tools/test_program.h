// The program as its user meets it: called in a folder of the test's own.

#ifndef RCT_TOOLS_TEST_PROGRAM_H_
#define RCT_TOOLS_TEST_PROGRAM_H_

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace rct {

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class ProgramTest : public testing::Test {
 protected:
  // The folder exists and is empty.
  ProgramTest();

  std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }
  void Write(const std::string& name, const std::string& contents) const;
  // Or "missing: NAME".
  std::string Read(const std::string& name) const;
  // All files and folders in the folder, sorted.
  std::vector<std::string> Names() const;

  // Calls rct there.
  Outcome Rct(const std::vector<std::string>& arguments) const;
  // A line for the shell, in which rct is a command, and its file "$program".
  Outcome Shell(const std::string& line) const;

 private:
  const std::string program_;
  const std::string logs_;
  const std::string folder_;
};

}  // namespace rct

#endif  // RCT_TOOLS_TEST_PROGRAM_H_
