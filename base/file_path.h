// What a path names: a file of this process, or one that can be replaced.

#ifndef RCT_BASE_FILE_PATH_H_
#define RCT_BASE_FILE_PATH_H_

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rct {

// Returns an error for a path that no file can have.
absl::Status CheckPath(const std::string& path);

// Returns the descriptor of this process that `path` names, if it names one.
std::optional<int> OwnDescriptor(std::string_view path);

// The file that is written when a path is.
struct FileTarget {
  // The path of the file itself, not of a link to it, if it is regular.
  std::string path;
  // True if a regular file is there, or nothing.
  bool is_regular = true;
  // The state of the file that is there, if any.
  std::optional<struct stat> old;
};

// Follows links. Returns an error where the file cannot be written to, or is a
// folder.
absl::StatusOr<FileTarget> FindTarget(const std::string& path);

// Returns the folder of a file, "." where its path names none.
std::filesystem::path FolderOf(const std::string& path);

}  // namespace rct

#endif  // RCT_BASE_FILE_PATH_H_
