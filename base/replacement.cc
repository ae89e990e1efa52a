#include "base/replacement.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/file_path.h"
#include "base/status_macros.h"
#include "base/system_call.h"

namespace rct {
namespace {

// Creates a temporary file in the folder of `path` and returns its descriptor.
// Sets `temporary` to its name, which is short however long `path` is.
absl::StatusOr<int> CreateBeside(const std::string& path,
                                 std::string& temporary) {
  static std::atomic<int> counter = 0;
  while (true) {
    temporary = FolderOf(path) /
                absl::StrCat(".rct.", getpid(), ".", counter++, ".tmp");
    const int fd = Uninterrupted([&] {
      return open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                  0666);
    });
    if (fd >= 0) return fd;
    if (errno != EEXIST) {
      return ErrnoError(path, "cannot create a file in its folder");
    }
  }
}

// Gives the file at `fd` the owner and permissions of the one that it replaces.
absl::Status HandDown(int fd, const std::string& path, const struct stat& old) {
  mode_t mode = old.st_mode & 0777;
  struct stat now;
  if (fstat(fd, &now) != 0) return ErrnoError(path, "cannot inspect");
  const bool same = now.st_uid == old.st_uid && now.st_gid == old.st_gid;
  const auto give = [fd](uid_t owner, gid_t group) {
    return Uninterrupted([=] { return fchown(fd, owner, group); }) == 0;
  };
  if (!same && !give(old.st_uid, old.st_gid) &&
      !give(static_cast<uid_t>(-1), old.st_gid)) {
    mode &= ~static_cast<mode_t>(S_IRWXG);
  }
  if (Uninterrupted([&] { return fchmod(fd, mode); }) != 0) {
    return ErrnoError(path, "cannot set permissions");
  }
  return absl::OkStatus();
}

absl::Status Rename(const std::string& temporary, const std::string& path) {
  if (rename(temporary.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return ErrnoError(path, "cannot rename a temporary file to it");
}

// Gives the old file a second name, beside the temporary one that will replace
// it, or renames it if the file system has no second names. Sets `file.old` to
// the name, or to "" if there is no file. It is set before the name exists:
// what ends this function cannot leave a name behind that nobody knows.
absl::Status SetAside(Replacement& file) {
  const std::string& path = file.target.path;
  file.old = absl::StrCat(file.temporary, ".old");
  if (link(path.c_str(), file.old.c_str()) == 0 ||
      (errno != ENOENT && rename(path.c_str(), file.old.c_str()) == 0)) {
    return absl::OkStatus();
  }
  file.old.clear();
  if (errno == ENOENT) return absl::OkStatus();
  return ErrnoError(path, "cannot set the old file aside");
}

}  // namespace

absl::StatusOr<int> Replacement::CreateTemporary() {
  RCT_ASSIGN_OR_RETURN(const int fd, CreateBeside(target.path, temporary));
  if (!target.old.has_value()) return fd;
  // Permissions precede the contents, so that nobody can read these who could
  // not read the old ones.
  const absl::Status status = HandDown(fd, target.path, *target.old);
  if (status.ok()) return fd;
  CloseFile(fd);
  unlink(temporary.c_str());
  temporary.clear();
  return status;
}

void Replacement::Undo() const {
  if (renamed && old.empty()) unlink(target.path.c_str());
  if (!renamed && !temporary.empty()) unlink(temporary.c_str());
  if (old.empty()) return;
  rename(old.c_str(), target.path.c_str());
  unlink(old.c_str());  // A rename keeps both names if they are of one file.
}

absl::Status RenameAll(absl::Span<Replacement> files) {
  for (Replacement& file : files) {
    if (!file.target.is_regular) continue;
    // A single file is replaced in one step and needs no way back.
    if (files.size() > 1) {
      RCT_RETURN_IF_ERROR(SetAside(file));
    }
    RCT_RETURN_IF_ERROR(Rename(file.temporary, file.target.path));
    file.renamed = true;
  }
  return absl::OkStatus();
}

void UndoAll(absl::Span<const Replacement> files) {
  for (const Replacement& file : files) file.Undo();
}

void RemoveOldNames(absl::Span<const Replacement> files) {
  for (const Replacement& file : files) {
    if (!file.old.empty()) unlink(file.old.c_str());
  }
}

}  // namespace rct
