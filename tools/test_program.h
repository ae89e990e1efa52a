// A test fixture that calls the program in a folder of the test's own.

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
  // Makes the folder, empty.
  ProgramTest();

  const std::string& program() const { return program_; }

  // Returns the path of a file in the folder.
  std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }
  // Writes a file in the folder.
  void Write(const std::string& name, const std::string& contents) const;
  // Returns the contents of a file, or "missing: NAME".
  std::string Read(const std::string& name) const;
  // Returns the names of all files and folders in the folder, sorted.
  std::vector<std::string> Names() const;

  // Calls rct in the folder.
  Outcome Rct(const std::vector<std::string>& arguments) const;
  // Runs a line of shell in the folder, in which `rct` is a command and
  // "$program" its file.
  Outcome Shell(const std::string& line) const;

 private:
  const std::string program_;
  const std::string logs_;
  const std::string folder_;
};

}  // namespace rct

#endif  // RCT_TOOLS_TEST_PROGRAM_H_
