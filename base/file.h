// Whole files, with errors that name the file and the reason.
//
// Paths are used as they are given; a tool that takes a path from its user
// passes it through ResolvePath first. Status codes follow errno (kNotFound,
// kPermissionDenied, ...), and messages read "path: what failed: why". A path
// with a NUL in it is InvalidArgument, since the system would cut it there.
//
// A function that takes a monitor, which may be null, returns Cancelled soon
// after the monitor is cancelled, however slow a pipe or a terminal is. The
// bytes that it writes are the steps of its part of the work.
//
// Where a signal interrupts a system call it is made again, and a call that
// reads or writes less than it was asked to goes on with the rest. A function
// that reads a file into memory returns ResourceExhausted where the file is
// larger than the memory that there is (memory_limit.h), as is a device without
// an end.
//
// /dev/stdin, /dev/stdout, /dev/stderr and /dev/fd/N name files that the
// process has open already, and are used from their current position on.

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

// Returns the contents of a file, byte by byte. The file may be one without a
// size, as a pipe.
absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     Monitor* monitor = nullptr);

// Bytes that start on a 64-byte boundary and live as long as `owner`.
struct SharedBytes {
  std::string_view bytes;
  std::shared_ptr<const void> owner;
};

// Reads a file into memory of its own, on a 64-byte boundary.
absl::StatusOr<SharedBytes> ReadFileAligned(const std::string& path,
                                            Monitor* monitor = nullptr);

// Maps a regular file into memory without reading it: pages come from the disk
// when they are touched, and processes share them. The file must not be written
// to or shortened meanwhile: touching a page that was cut off ends the process
// (SIGBUS). Renaming another file over its path, as WriteFileAtomically does,
// is no such change.
absl::StatusOr<SharedBytes> MapFile(const std::string& path);

// Returns true if `path` names a pipe, a device, a terminal or a file that this
// process has open, all of which give or take bytes in turn, and false for
// other files.
bool IsStream(const std::string& path);

// Makes `contents` the contents of `path`: writes a temporary file in the same
// folder, syncs it to the disk and renames it over `path`. A reader, or a
// crash, sees either the old file or the new one. After an error the old file
// is unchanged and the temporary one is gone. Creates no folders.
//
// A symbolic link stays, and its target is replaced or created. The new file
// takes over the permissions of the old one, and its owner and group if the
// process may set them; if the group cannot be kept, the new group gets none.
// Other hard links keep the old contents. A file that the process may not write
// to is not replaced.
//
// A device or a pipe is not replaced: `contents` are written to it, and an
// error may leave a part of them written.
absl::Status WriteFileAtomically(const std::string& path,
                                 std::string_view contents,
                                 Monitor* monitor = nullptr);

// Does the same for contents in pieces, one after the other.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const std::string_view> pieces,
                                 Monitor* monitor = nullptr);

// One of several files to write.
struct FileToWrite {
  std::string path;
  std::string_view contents;
};

// Does the same for files at different paths that belong together: after an
// error each path is as it was. All files are written and synced, and all
// devices and pipes written to, before the first file is renamed.
absl::Status WriteFilesAtomically(absl::Span<const FileToWrite> files,
                                  Monitor* monitor = nullptr);

// Returns, before the work, the error that WriteFileAtomically would return
// after it: for a folder that is missing or cannot be written to (a temporary
// file is created there and removed), a file that cannot be written to, a
// folder of that name, or a name that the file system does not accept. A full
// disk is not foreseen.
absl::Status CheckWritable(const std::string& path);

// Creates the folder at `path` and the missing ones above it. A folder that
// exists is no error; a file of that name is.
absl::Status MakeDirectories(const std::string& path);

// Returns the path that the user meant: a relative one starts at the folder in
// which the user called the program. `bazel run` starts programs elsewhere and
// passes that folder in $BUILD_WORKING_DIRECTORY; without the variable `path`
// is returned unchanged.
std::string ResolvePath(const std::string& path);

}  // namespace rct

#endif  // RCT_BASE_FILE_H_
