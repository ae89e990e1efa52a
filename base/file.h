// Whole files, with errors that name the file and the reason.
//
// Paths are used as they are given; a tool that takes one from its user passes
// it through ResolvePath first. Status codes follow errno (kNotFound,
// kPermissionDenied, ...), and messages read "path: what failed: why".

#ifndef RCT_BASE_FILE_H_
#define RCT_BASE_FILE_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace rct {

// The contents of a file, byte by byte. Also reads what has no size, like a
// pipe.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Bytes that stay as long as `owner` does, from a 64-byte boundary on.
struct SharedBytes {
  std::string_view bytes;
  std::shared_ptr<const void> owner;
};

// The contents of a regular file, at the cost of its size in memory.
absl::StatusOr<SharedBytes> ReadFileAligned(const std::string& path);

// The same without reading it: pages come from the disk as they are touched and
// are shared among processes. The file must not be cut short or written to
// meanwhile: what was cut off ends the process (SIGBUS). Renaming another file
// over it, as below, is no such change.
absl::StatusOr<SharedBytes> MapFile(const std::string& path);

// Makes `contents` the contents of `path`: writes a temporary file in the same
// folder, syncs it to the disk and renames it over `path`. A reader, or a
// crash, sees the old file or the new one and nothing between. After an error
// the old file is as it was and the temporary one is gone. Creates no folders;
// replaces a symbolic link, not what it points to.
absl::Status WriteFileAtomically(const std::string& path,
                                 std::string_view contents);

// The same of contents in pieces, one after the other.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const std::string_view> pieces);

// The same for files that belong together, at different paths: after an error
// each path is as it was. All are written and synced before the first one is
// renamed; a crash between the renames may leave an old file set aside as
// PATH.tmp.*.old.
struct FileToWrite {
  std::string path;
  std::string_view contents;
};
absl::Status WriteFilesAtomically(absl::Span<const FileToWrite> files);

// Creates the folder and those above it that are missing; one that exists is no
// error, a file of that name is.
absl::Status MakeDirectories(const std::string& path);

// The path as the user meant it: a relative one counts from where the user
// called. `bazel run` starts a program elsewhere and leaves that folder in
// $BUILD_WORKING_DIRECTORY; without it the path comes back as it is.
std::string ResolvePath(const std::string& path);

}  // namespace rct

#endif  // RCT_BASE_FILE_H_
