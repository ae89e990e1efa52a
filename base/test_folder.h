// A fixture that gives each test a folder of its own.

#ifndef RCT_BASE_TEST_FOLDER_H_
#define RCT_BASE_TEST_FOLDER_H_

#include <filesystem>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace rct {

// The folder is empty at the start of each test and removed at its end.
class FolderTest : public testing::Test {
 protected:
  FolderTest()
      : folder_(testing::TempDir() + "/" + Info().test_suite_name() + "_" +
                Info().name()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~FolderTest() override { std::filesystem::remove_all(folder_); }

  // Returns the path of the file of this name in the folder.
  std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }
  // Returns the names of the files in the folder, in any order.
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

 private:
  static const testing::TestInfo& Info() {
    return *testing::UnitTest::GetInstance()->current_test_info();
  }

  const std::string folder_;
};

}  // namespace rct

#endif  // RCT_BASE_TEST_FOLDER_H_
