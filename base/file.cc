#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/status_macros.h"

namespace rct {
namespace {

// Reads at most this much at a time from a file that does not say its size.
constexpr size_t kReadBytes = 1 << 16;

absl::Status ErrnoError(const std::string& path, std::string_view what) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat(path, ": ", what));
}

bool IsFolder(const std::string& path) {
  std::error_code error;  // What cannot be seen is no folder.
  return std::filesystem::is_directory(path, error);
}

// Creates a file next to `path` that did not exist, with the permissions that a
// new file gets; sets `temporary` to its name and returns its descriptor.
absl::StatusOr<int> CreateTemporary(const std::string& path,
                                    std::string& temporary) {
  static std::atomic<int> counter = 0;
  while (true) {
    temporary = absl::StrCat(path, ".tmp.", getpid(), ".", counter++);
    const int fd =
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return fd;
    if (errno != EEXIST) return ErrnoError(path, "cannot create");
  }
}

absl::Status WriteAll(int fd, const std::string& path,
                      std::string_view contents) {
  while (!contents.empty()) {
    const ssize_t written = write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError(path, "cannot write");
    contents.remove_prefix(written);
  }
  return absl::OkStatus();
}

absl::Status WriteAndSync(int fd, const std::string& path,
                          absl::Span<const std::string_view> pieces) {
  for (const std::string_view piece : pieces) {
    RCT_RETURN_IF_ERROR(WriteAll(fd, path, piece));
  }
  if (fsync(fd) != 0) return ErrnoError(path, "cannot sync");
  return absl::OkStatus();
}

// Writes `pieces` to a temporary file next to `path` and returns its name.
absl::StatusOr<std::string> WriteTemporary(
    const std::string& path, absl::Span<const std::string_view> pieces) {
  std::string temporary;
  RCT_ASSIGN_OR_RETURN(const int fd, CreateTemporary(path, temporary));
  absl::Cleanup remover = [&temporary] { unlink(temporary.c_str()); };
  const absl::Status written = WriteAndSync(fd, path, pieces);
  const bool closed = close(fd) == 0;
  RCT_RETURN_IF_ERROR(written);
  if (!closed) return ErrnoError(path, "cannot close");
  std::move(remover).Cancel();
  return temporary;
}

// Leaves no temporary file behind, whatever happens.
absl::Status RenameTemporary(const std::string& temporary,
                             const std::string& path) {
  if (rename(temporary.c_str(), path.c_str()) == 0) return absl::OkStatus();
  absl::Status status =
      ErrnoError(path, "cannot rename a temporary file to it");
  unlink(temporary.c_str());
  return status;
}

struct OpenFile {
  int fd;
  size_t size;
};

absl::StatusOr<OpenFile> OpenRegular(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoError(path, "cannot open");
  struct stat info;
  absl::Status status;
  if (fstat(fd, &info) != 0) {
    status = ErrnoError(path, "cannot inspect");
  } else if (!S_ISREG(info.st_mode)) {
    status = absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot read: Is no regular file"));
  } else {
    return OpenFile{fd, static_cast<size_t>(info.st_size)};
  }
  close(fd);
  return status;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoError(path, "cannot open");
  absl::Cleanup closer = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoError(path, "cannot inspect");

  // One byte more than the size, so that the end shows without growing.
  std::string contents;
  contents.resize(info.st_size > 0 ? info.st_size + 1 : kReadBytes);
  size_t size = 0;
  while (true) {
    if (size == contents.size()) contents.resize(2 * size);
    const ssize_t bytes =
        read(fd, contents.data() + size, contents.size() - size);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return ErrnoError(path, "cannot read");
    if (bytes == 0) break;
    size += bytes;
  }
  contents.resize(size);
  return contents;
}

absl::StatusOr<SharedBytes> ReadFileAligned(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const OpenFile file, OpenRegular(path));
  absl::Cleanup closer = [&file] { close(file.fd); };
  const auto memory = std::make_shared<AlignedBuffer<char>>(file.size);
  size_t size = 0;
  while (size < file.size) {
    const ssize_t bytes =
        read(file.fd, memory->data() + size, file.size - size);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return ErrnoError(path, "cannot read");
    if (bytes == 0) break;
    size += bytes;
  }
  return SharedBytes{{memory->data(), size}, memory};
}

absl::StatusOr<SharedBytes> MapFile(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const OpenFile file, OpenRegular(path));
  absl::Cleanup closer = [&file] { close(file.fd); };
  if (file.size == 0) return SharedBytes();
  void* memory =
      mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.fd, /*offset=*/0);
  if (memory == MAP_FAILED) return ErrnoError(path, "cannot map");
  std::shared_ptr<const void> owner(
      memory, [size = file.size](void* mapped) { munmap(mapped, size); });
  return SharedBytes{{static_cast<const char*>(memory), file.size},
                     std::move(owner)};
}

absl::Status WriteFileAtomically(const std::string& path,
                                 std::string_view contents) {
  return WriteFileAtomically(path, absl::MakeConstSpan(&contents, 1));
}

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const std::string_view> pieces) {
  RCT_ASSIGN_OR_RETURN(const std::string temporary,
                       WriteTemporary(path, pieces));
  return RenameTemporary(temporary, path);
}

absl::Status WriteFilesAtomically(absl::Span<const FileToWrite> files) {
  struct Replacement {
    std::string temporary;
    std::string old;  // Empty if there was none.
    bool renamed = false;
  };
  std::vector<Replacement> replacements(files.size());
  absl::Cleanup undo = [&] {
    for (size_t i = 0; i < files.size(); ++i) {
      const Replacement& file = replacements[i];
      unlink(file.renamed ? files[i].path.c_str() : file.temporary.c_str());
      if (!file.old.empty()) rename(file.old.c_str(), files[i].path.c_str());
    }
  };
  for (size_t i = 0; i < files.size(); ++i) {
    RCT_ASSIGN_OR_RETURN(replacements[i].temporary,
                         WriteTemporary(files[i].path, {files[i].contents}));
  }
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string& path = files[i].path;
    Replacement& file = replacements[i];
    // A folder could be set aside as well, and is not meant to be.
    if (!IsFolder(path)) {
      const std::string old = file.temporary + ".old";
      if (rename(path.c_str(), old.c_str()) == 0) {
        file.old = old;
      } else if (errno != ENOENT) {
        return ErrnoError(path, "cannot set the old file aside");
      }
    }
    RCT_RETURN_IF_ERROR(RenameTemporary(file.temporary, path));
    file.renamed = true;
  }
  std::move(undo).Cancel();
  for (const Replacement& file : replacements) unlink(file.old.c_str());
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(),
                             absl::StrCat(path, ": cannot create the folder"));
}

std::string ResolvePath(const std::string& path) {
  const char* caller = getenv("BUILD_WORKING_DIRECTORY");
  if (path.empty() || path.front() == '/' || caller == nullptr) return path;
  return absl::StrCat(caller, "/", path);
}

}  // namespace rct
