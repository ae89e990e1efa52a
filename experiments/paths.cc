#include "experiments/paths.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"

namespace rct {
namespace {

// Returns the folder of the project's files: Bazel starts a program in it, and
// a program that is started by hand has it beside itself.
std::filesystem::path ProjectRoot() {
  std::error_code error;
  if (const char* tests = std::getenv("TEST_SRCDIR"); tests != nullptr) {
    return std::filesystem::path(tests) / "rct";
  }
  if (std::getenv("BUILD_WORKSPACE_DIRECTORY") == nullptr) {
    const std::filesystem::path beside =
        std::filesystem::read_symlink("/proc/self/exe", error).string() +
        ".runfiles/rct";
    if (std::filesystem::exists(beside, error)) return beside;
  }
  return std::filesystem::current_path(error);
}

}  // namespace

std::string ResolveProjectPath(std::string_view path) {
  if (path.substr(0, 2) != "//") return ResolvePath(std::string(path));
  return (ProjectRoot() / path.substr(2)).string();
}

}  // namespace rct
