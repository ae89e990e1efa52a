#include "base/file_path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/system_call.h"

namespace rct {
namespace {

// Returns the target of the link at `path`, relative to the folder of `path`.
absl::StatusOr<std::string> Follow(const std::string& path) {
  std::error_code error;
  const std::filesystem::path held = std::filesystem::read_symlink(path, error);
  if (error) return ErrorOf(error.value(), path, "cannot follow the link");
  return (std::filesystem::path(path).parent_path() / held).string();
}

}  // namespace

absl::Status CheckPath(const std::string& path) {
  if (path.empty()) return absl::ErrnoToStatus(ENOENT, "the path is empty");
  if (path.find('\0') == path.npos) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path.substr(0, path.find('\0')),
                   "...: the path has a NUL in it, which no file name has"));
}

std::optional<int> OwnDescriptor(std::string_view path) {
  if (path == "/dev/stdin") return STDIN_FILENO;
  if (path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  int descriptor;
  const bool is_own = (absl::ConsumePrefix(&path, "/dev/fd/") ||
                       absl::ConsumePrefix(&path, "/proc/self/fd/")) &&
                      absl::SimpleAtoi(path, &descriptor);
  return is_own ? std::optional(descriptor) : std::nullopt;
}

absl::StatusOr<FileTarget> FindTarget(const std::string& path) {
  RCT_RETURN_IF_ERROR(CheckPath(path));
  if (OwnDescriptor(path).has_value()) return FileTarget{path, false, {}};
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    if (S_ISDIR(info.st_mode)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": is a folder; name a file"));
    }
    if (access(path.c_str(), W_OK) != 0) {
      return ErrnoError(path, "cannot be written to");
    }
    return FileTarget{path, false, info};
  }
  FileTarget target{path, true, {}};
  constexpr int kMaxLinks = 40;  // the limit of the system
  for (int links = 0; lstat(target.path.c_str(), &info) == 0; ++links) {
    if (!S_ISLNK(info.st_mode)) {
      if (access(target.path.c_str(), W_OK) != 0) {
        return ErrnoError(path, "cannot be written to");
      }
      target.old = info;
      return target;
    }
    if (links == kMaxLinks) return ErrorOf(ELOOP, path, "cannot follow links");
    RCT_ASSIGN_OR_RETURN(target.path, Follow(target.path));
  }
  if (errno != ENOENT) return ErrnoError(path, "cannot write there");
  return target;
}

std::filesystem::path FolderOf(const std::string& path) {
  const std::filesystem::path folder =
      std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

}  // namespace rct
