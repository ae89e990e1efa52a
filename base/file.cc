#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
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
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "base/status_macros.h"

namespace rct {
namespace {

// The intervals at which a monitor is asked: the bytes of a regular file, and
// the time while a pipe or a terminal gives or takes nothing.
constexpr size_t kStepBytes = 1 << 22;
constexpr std::chrono::milliseconds kPatience(50);

// A file of unknown size is read into a buffer of this size, which then grows.
constexpr size_t kReadBytes = 1 << 16;

absl::Status ErrorOf(int error, const std::string& path,
                     std::string_view what) {
  return absl::ErrnoToStatus(error, absl::StrCat(path, ": ", what));
}

absl::Status ErrnoError(const std::string& path, std::string_view what) {
  return ErrorOf(errno, path, what);
}

absl::Status CheckPath(const std::string& path) {
  if (path.empty()) return absl::ErrnoToStatus(ENOENT, "the path is empty");
  if (path.find('\0') == path.npos) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path.substr(0, path.find('\0')),
                   "...: the path has a NUL in it, which no file name has"));
}

// Returns the descriptor of this process that `path` names, if it names one.
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

// Makes a system call, and makes it again where a signal has interrupted it:
// the files of some networks, and pipes, let signals do that.
template <class Call>
auto Uninterrupted(Call call) {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// Closes a descriptor and returns whether all that was written is kept. Linux
// closes one even where a signal interrupts it.
bool Close(int fd) { return close(fd) == 0 || errno == EINTR; }

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

// The file that is written when a path is.
struct Target {
  // The path of the file itself, not of a link to it, if it is regular.
  std::string path;
  // True if a regular file is there, or nothing.
  bool is_regular = true;
  // The state of the file that is there, if any.
  std::optional<struct stat> old;
};

// Returns the target of the link at `path`, relative to the folder of `path`.
absl::StatusOr<std::string> Follow(const std::string& path) {
  std::error_code error;
  const std::filesystem::path held = std::filesystem::read_symlink(path, error);
  if (error) return ErrorOf(error.value(), path, "cannot follow the link");
  return (std::filesystem::path(path).parent_path() / held).string();
}

absl::StatusOr<Target> FindTarget(const std::string& path) {
  RCT_RETURN_IF_ERROR(CheckPath(path));
  if (OwnDescriptor(path).has_value()) return Target{path, false, {}};
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    if (S_ISDIR(info.st_mode)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": is a folder; name a file"));
    }
    if (access(path.c_str(), W_OK) != 0) {
      return ErrnoError(path, "cannot be written to");
    }
    return Target{path, false, info};
  }
  Target target{path, true, {}};
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

// Creates a temporary file in the folder of `path` and returns its descriptor.
// Sets `temporary` to its name, which is short however long `path` is.
absl::StatusOr<int> CreateTemporary(const std::string& path,
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

// Writes `pieces` to a temporary file beside the target and returns its name.
absl::StatusOr<std::string> WriteTemporary(const Target& target, Pieces pieces,
                                           Monitor* monitor) {
  std::string temporary;
  RCT_ASSIGN_OR_RETURN(const int fd, CreateTemporary(target.path, temporary));
  absl::Cleanup remover = [&temporary] { unlink(temporary.c_str()); };
  const absl::Status written = [&] {
    // Permissions precede the contents, so that nobody can read these who could
    // not read the old ones.
    if (target.old.has_value()) {
      RCT_RETURN_IF_ERROR(HandDown(fd, target.path, *target.old));
    }
    RCT_RETURN_IF_ERROR(
        WritePieces(fd, target.path, /*is_regular=*/true, pieces, monitor));
    if (Uninterrupted([fd] { return fsync(fd); }) != 0) {
      return ErrnoError(target.path, "cannot sync");
    }
    return absl::OkStatus();
  }();
  const bool closed = Close(fd);
  RCT_RETURN_IF_ERROR(written);
  if (!closed) return ErrnoError(target.path, "cannot close");
  std::move(remover).Cancel();
  return temporary;
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
  const bool closed = Close(fd);
  RCT_RETURN_IF_ERROR(written);
  return closed ? absl::OkStatus() : ErrnoError(path, "cannot close");
}

absl::Status Rename(const std::string& temporary, const std::string& path) {
  if (rename(temporary.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return ErrnoError(path, "cannot rename a temporary file to it");
}

// A file that is being replaced.
struct Replacement {
  Target target;
  std::string temporary;  // name of the new contents, or ""
  std::string old;        // second name of the old file, or ""
  bool renamed = false;   // whether `target` has the new contents

  // Restores the old state.
  void Undo() const {
    if (renamed && old.empty()) unlink(target.path.c_str());
    if (!renamed && !temporary.empty()) unlink(temporary.c_str());
    if (old.empty()) return;
    rename(old.c_str(), target.path.c_str());
    unlink(old.c_str());  // A rename keeps both names if they are of one file.
  }
};

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

// Renames all temporary files to their targets.
absl::Status RenameAll(std::vector<Replacement>& files) {
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
  absl::Cleanup undo = [&files] {
    for (const Replacement& file : files) file.Undo();
  };
  for (size_t i = 0; i < files.size(); ++i) {
    RCT_ASSIGN_OR_RETURN(files[i].target, FindTarget(contents[i].path));
    if (!files[i].target.is_regular) continue;
    RCT_ASSIGN_OR_RETURN(
        files[i].temporary,
        WriteTemporary(files[i].target, contents[i].pieces, monitor));
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].target.is_regular) continue;
    RCT_RETURN_IF_ERROR(
        WriteDirectly(files[i].target.path, contents[i].pieces, monitor));
  }
  Monitor::Go(monitor);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  RCT_RETURN_IF_ERROR(RenameAll(files));
  std::move(undo).Cancel();
  for (const Replacement& file : files) {
    if (!file.old.empty()) unlink(file.old.c_str());
  }
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
  RCT_ASSIGN_OR_RETURN(const Target target, FindTarget(path));
  if (!target.is_regular) return absl::OkStatus();
  std::error_code ignored;
  if (!std::filesystem::is_directory(FolderOf(target.path), ignored)) {
    return absl::NotFoundError(
        absl::StrCat(path, ": its folder does not exist; make it first"));
  }
  std::string temporary;
  RCT_ASSIGN_OR_RETURN(const int fd, CreateTemporary(target.path, temporary));
  close(fd);
  unlink(temporary.c_str());
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
