#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/file_path.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "base/replacement.h"
#include "base/status_macros.h"
#include "base/system_call.h"

namespace rct {
namespace {

// The intervals at which a monitor is asked: the bytes of a regular file, and
// the time while a pipe or a terminal gives or takes nothing.
constexpr size_t kStepBytes = 1 << 22;
constexpr std::chrono::milliseconds kPatience(50);

// A file of unknown size is read into a buffer of this size, which then grows.
constexpr size_t kReadBytes = 1 << 16;

// Opens `path`, or duplicates the descriptor that it names, without waiting for
// the other end of a pipe. Returns a descriptor, or -1 with errno.
int Open(const std::string& path, int flags) {
  const std::optional<int> own = OwnDescriptor(path);
  if (own.has_value()) return fcntl(*own, F_DUPFD_CLOEXEC, 0);
  return Uninterrupted([&] {
    return open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  });
}

// Waits until `fd` is ready for `events`, or a call on it would return the
// reason why it never will be. Cancelled if `monitor` is.
absl::Status Await(int fd, int16_t events, Monitor* monitor) {
  pollfd wanted = {fd, events, 0};
  int ready = 0;
  while (Monitor::Go(monitor) &&
         (ready == 0 || (ready < 0 && errno == EINTR))) {
    ready = poll(&wanted, 1, static_cast<int>(kPatience.count()));
  }
  return Monitor::Check(monitor);
}

// Reads up to `size` bytes into `to` and returns their number, 0 at the end.
absl::StatusOr<size_t> ReadSome(int fd, const std::string& path, char* to,
                                size_t size, Monitor* monitor) {
  while (true) {
    RCT_RETURN_IF_ERROR(Await(fd, POLLIN, monitor));
    const ssize_t bytes = read(fd, to, std::min(size, kStepBytes));
    if (bytes >= 0) return static_cast<size_t>(bytes);
    if (errno != EINTR && errno != EAGAIN) {
      return ErrnoError(path, "cannot read");
    }
  }
}

// Writes all of `contents` to `fd`. A pipe or a device gets no more at a time
// than it takes without waiting.
absl::Status WriteAll(int fd, const std::string& path, bool is_regular,
                      std::string_view contents, Monitor* monitor) {
  // PIPE_BUF: a pipe that is ready has room for this many bytes.
  constexpr size_t kPipeBytes = 4096;
  while (!contents.empty()) {
    RCT_RETURN_IF_ERROR(Await(fd, POLLOUT, monitor));
    const ssize_t written =
        write(fd, contents.data(),
              std::min(contents.size(), is_regular ? kStepBytes : kPipeBytes));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) return ErrnoError(path, "cannot write");
    contents.remove_prefix(written);
    Monitor::Go(monitor, written);
  }
  return absl::OkStatus();
}

using Pieces = absl::Span<const std::string_view>;

absl::Status WritePieces(int fd, const std::string& path, bool is_regular,
                         Pieces pieces, Monitor* monitor) {
  for (const std::string_view piece : pieces) {
    RCT_RETURN_IF_ERROR(WriteAll(fd, path, is_regular, piece, monitor));
  }
  return absl::OkStatus();
}

// Writes `pieces` to a temporary file beside the target of `file`.
absl::Status WriteTemporary(Replacement& file, Pieces pieces,
                            Monitor* monitor) {
  const std::string& path = file.target.path;
  RCT_ASSIGN_OR_RETURN(const int fd, file.CreateTemporary());
  absl::Status written =
      WritePieces(fd, path, /*is_regular=*/true, pieces, monitor);
  if (written.ok() && Uninterrupted([fd] { return fsync(fd); }) != 0) {
    written = ErrnoError(path, "cannot sync");
  }
  const bool closed = CloseFile(fd);
  RCT_RETURN_IF_ERROR(written);
  return closed ? absl::OkStatus() : ErrnoError(path, "cannot close");
}

bool IsPipe(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode);
}

// Opens a device or a pipe for writing; waits until somebody reads the pipe.
absl::StatusOr<int> OpenDirectly(const std::string& path, Monitor* monitor) {
  while (true) {
    const int fd = Open(path, O_WRONLY);
    if (fd >= 0) return fd;
    if (errno != ENXIO || !IsPipe(path)) return ErrnoError(path, "cannot open");
    if (!Monitor::Go(monitor)) return Monitor::Check(monitor);
    std::this_thread::sleep_for(kPatience);
  }
}

absl::Status WriteDirectly(const std::string& path, Pieces pieces,
                           Monitor* monitor) {
  RCT_ASSIGN_OR_RETURN(const int fd, OpenDirectly(path, monitor));
  struct stat info;
  const bool is_regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  const absl::Status written =
      WritePieces(fd, path, is_regular, pieces, monitor);
  const bool closed = CloseFile(fd);
  RCT_RETURN_IF_ERROR(written);
  return closed ? absl::OkStatus() : ErrnoError(path, "cannot close");
}

struct Contents {
  std::string path;
  Pieces pieces;
};

absl::Status WriteTogether(absl::Span<const Contents> contents,
                           Monitor* monitor) {
  int64_t bytes = 0;
  for (const Contents& file : contents) {
    for (const std::string_view piece : file.pieces) {
      bytes += static_cast<int64_t>(piece.size());
    }
  }
  const Monitor::Part part(monitor, /*share=*/1, bytes);
  std::vector<Replacement> files(contents.size());
  absl::Cleanup undo = [&files] { UndoAll(files); };
  for (size_t i = 0; i < files.size(); ++i) {
    RCT_ASSIGN_OR_RETURN(files[i].target, FindTarget(contents[i].path));
    if (!files[i].target.is_regular) continue;
    RCT_RETURN_IF_ERROR(WriteTemporary(files[i], contents[i].pieces, monitor));
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].target.is_regular) continue;
    RCT_RETURN_IF_ERROR(
        WriteDirectly(files[i].target.path, contents[i].pieces, monitor));
  }
  Monitor::Go(monitor);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  RCT_RETURN_IF_ERROR(RenameAll(absl::MakeSpan(files)));
  std::move(undo).Cancel();
  RemoveOldNames(files);
  return absl::OkStatus();
}

struct OpenFile {
  int fd;
  size_t size;  // 0 if unknown
  bool is_regular;
};

absl::StatusOr<OpenFile> OpenToRead(const std::string& path) {
  RCT_RETURN_IF_ERROR(CheckPath(path));
  const int fd = Open(path, O_RDONLY);
  if (fd < 0) return ErrnoError(path, "cannot open");
  struct stat info;
  const bool inspected = fstat(fd, &info) == 0;
  if (inspected && !S_ISDIR(info.st_mode)) {
    const bool is_regular = S_ISREG(info.st_mode);
    return OpenFile{fd, is_regular ? static_cast<size_t>(info.st_size) : 0,
                    is_regular};
  }
  absl::Status status = inspected ? ErrorOf(EISDIR, path, "cannot read")
                                  : ErrnoError(path, "cannot inspect");
  close(fd);
  return status;
}

// Returns ResourceExhausted where the bytes of a file do not fit into the
// memory that there is.
absl::Status CheckSize(const std::string& path, size_t size) {
  return CheckMemory(
      static_cast<double>(size), absl::StrCat(path, ": the bytes of the file"),
      "name a smaller file, or leave more memory to the program");
}

absl::StatusOr<std::string> ReadAll(const OpenFile& file,
                                    const std::string& path, Monitor* monitor) {
  RCT_RETURN_IF_ERROR(CheckSize(path, file.size));
  // One byte more than the size, so that the end is found without growing.
  std::string contents;
  contents.resize(file.size > 0 ? file.size + 1 : kReadBytes);
  size_t size = 0;
  while (true) {
    if (size == contents.size()) {
      // Some devices, and some pipes, never end.
      RCT_RETURN_IF_ERROR(CheckSize(path, 2 * size));
      contents.resize(2 * size);
    }
    RCT_ASSIGN_OR_RETURN(const size_t bytes,
                         ReadSome(file.fd, path, contents.data() + size,
                                  contents.size() - size, monitor));
    if (bytes == 0) break;
    size += bytes;
  }
  contents.resize(size);
  return contents;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     Monitor* monitor) {
  const Monitor::Part part(monitor);
  RCT_ASSIGN_OR_RETURN(const OpenFile file, OpenToRead(path));
  absl::Cleanup closer = [&file] { close(file.fd); };
  return ReadAll(file, path, monitor);
}

absl::StatusOr<SharedBytes> ReadFileAligned(const std::string& path,
                                            Monitor* monitor) {
  const Monitor::Part part(monitor);
  RCT_ASSIGN_OR_RETURN(const OpenFile file, OpenToRead(path));
  absl::Cleanup closer = [&file] { close(file.fd); };
  if (!file.is_regular) {
    RCT_ASSIGN_OR_RETURN(const std::string contents,
                         ReadAll(file, path, monitor));
    const auto memory = std::make_shared<AlignedBuffer<char>>(contents.size());
    std::copy(contents.begin(), contents.end(), memory->data());
    return SharedBytes{{memory->data(), contents.size()}, memory};
  }
  RCT_RETURN_IF_ERROR(CheckSize(path, file.size));
  const auto memory = std::make_shared<AlignedBuffer<char>>(file.size);
  size_t size = 0;
  while (size < file.size) {
    RCT_ASSIGN_OR_RETURN(const size_t bytes,
                         ReadSome(file.fd, path, memory->data() + size,
                                  file.size - size, monitor));
    if (bytes == 0) break;
    size += bytes;
  }
  return SharedBytes{{memory->data(), size}, memory};
}

absl::StatusOr<SharedBytes> MapFile(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const OpenFile file, OpenToRead(path));
  absl::Cleanup closer = [&file] { close(file.fd); };
  if (!file.is_regular) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": cannot map what is no regular file; read it instead"));
  }
  if (file.size == 0) return SharedBytes();
  void* memory =
      mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.fd, /*offset=*/0);
  if (memory == MAP_FAILED) return ErrnoError(path, "cannot map");
  std::shared_ptr<const void> owner(
      memory, [size = file.size](void* mapped) { munmap(mapped, size); });
  return SharedBytes{{static_cast<const char*>(memory), file.size},
                     std::move(owner)};
}

bool IsStream(const std::string& path) {
  if (!CheckPath(path).ok()) return false;
  struct stat info;
  return OwnDescriptor(path).has_value() ||
         (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) &&
          !S_ISDIR(info.st_mode));
}

absl::Status WriteFileAtomically(const std::string& path,
                                 std::string_view contents, Monitor* monitor) {
  return WriteFileAtomically(path, absl::MakeConstSpan(&contents, 1), monitor);
}

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const std::string_view> pieces,
                                 Monitor* monitor) {
  return WriteTogether({Contents{path, pieces}}, monitor);
}

absl::Status WriteFilesAtomically(absl::Span<const FileToWrite> files,
                                  Monitor* monitor) {
  std::vector<Contents> contents;
  for (const FileToWrite& file : files) {
    contents.push_back({file.path, absl::MakeConstSpan(&file.contents, 1)});
  }
  return WriteTogether(contents, monitor);
}

absl::Status CheckWritable(const std::string& path) {
  Replacement file;
  RCT_ASSIGN_OR_RETURN(file.target, FindTarget(path));
  if (!file.target.is_regular) return absl::OkStatus();
  std::error_code ignored;
  if (!std::filesystem::is_directory(FolderOf(file.target.path), ignored)) {
    return absl::NotFoundError(
        absl::StrCat(path, ": its folder does not exist; make it first"));
  }
  RCT_ASSIGN_OR_RETURN(const int fd, file.CreateTemporary());
  close(fd);
  unlink(file.temporary.c_str());
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& path) {
  RCT_RETURN_IF_ERROR(CheckPath(path));
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
