// Whole files, with errors that name the file and the reason.
//
// Paths are used as they are given; a tool that takes one from its user passes
// it through ResolvePath first. Status codes follow errno (kNotFound,
// kPermissionDenied, ...), and messages read "path: what failed: why". A path
// with a NUL in it is InvalidArgument: the system would cut it there.
//
// Where a function takes a monitor (which may be null), reading and writing
// steps of it, it ends with Cancelled soon after the monitor is, however slowly
// a pipe or a terminal gives and takes.
//
// /dev/stdin, /dev/stdout, /dev/stderr and /dev/fd/N name what the process
// itself has open, and are used at its present position.

#ifndef RCT_BASE_FILE_H_
#define RCT_BASE_FILE_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/monitor.h"

namespace rct {

// The contents of a file, byte by byte. Also reads what has no size, like a
// pipe.
absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     Monitor* monitor = nullptr);

// Bytes that stay as long as `owner` does, from a 64-byte boundary on.
struct SharedBytes {
  std::string_view bytes;
  std::shared_ptr<const void> owner;
};

// The same, at the cost of its size in memory.
absl::StatusOr<SharedBytes> ReadFileAligned(const std::string& path,
                                            Monitor* monitor = nullptr);

// The contents of a regular file without reading them: pages come from the disk
// as they are touched and are shared among processes. The file must not be cut
// short or written to meanwhile: what was cut off ends the process (SIGBUS).
// Renaming another file over it, as below, is no such change.
absl::StatusOr<SharedBytes> MapFile(const std::string& path);

// Whether `path` names something that gives or takes bytes in turn: a pipe, a
// device, a terminal, or what this process has open; no file on a disk.
bool IsStream(const std::string& path);

// Makes `contents` the contents of `path`: writes a temporary file in the same
// folder, syncs it to the disk and renames it over `path`. A reader, or a
// crash, sees the old file or the new one and nothing between. After an error
// the old file is as it was and the temporary one is gone. Creates no folders.
//
// A symbolic link stays, and what it points to is replaced or made. A file that
// is replaced hands down its permissions, and its owner and group if the
// process may set them; where the group cannot be kept it gets no permissions.
// Other hard links keep the old contents. Permissions that forbid to write to
// the file are obeyed.
//
// What is no regular file (a device, a pipe) is not replaced: `contents` are
// written to it, and after an error a part of them may have been.
absl::Status WriteFileAtomically(const std::string& path,
                                 std::string_view contents,
                                 Monitor* monitor = nullptr);

// The same of contents in pieces, one after the other.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const std::string_view> pieces,
                                 Monitor* monitor = nullptr);

// The same for files that belong together, at different paths: after an error
// each path is as it was. All are written and synced, and devices and pipes
// are, before the first one is renamed.
struct FileToWrite {
  std::string path;
  std::string_view contents;
};
absl::Status WriteFilesAtomically(absl::Span<const FileToWrite> files,
                                  Monitor* monitor = nullptr);

// Finds before the work what would make WriteFileAtomically fail after it: a
// folder that is missing or cannot be written to (a temporary file is made
// there and removed), a file that cannot be written to, a folder of that name,
// a name that the file system does not take. A full disk is not foreseen.
absl::Status CheckWritable(const std::string& path);

// Creates the folder and those above it that are missing; one that exists is no
// error, a file of that name is.
absl::Status MakeDirectories(const std::string& path);

// The path as the user meant it: a relative one counts from where the user
// called. `bazel run` starts a program elsewhere and leaves that folder in
// $BUILD_WORKING_DIRECTORY; without it the path comes back as it is.
std::string ResolvePath(const std::string& path);

}  // namespace rct

#endif  // RCT_BASE_FILE_H_
