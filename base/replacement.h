// Files that are replaced together: each by a temporary file beside it, which
// is renamed over it. file.h writes whole files by this, and many processes
// parts of one (//tools/mpi).
//
//     std::vector<Replacement> files(paths.size());
//     absl::Cleanup undo = [&] { UndoAll(files); };
//     for (...) {
//       RCT_ASSIGN_OR_RETURN(files[i].target, FindTarget(paths[i]));
//       RCT_ASSIGN_OR_RETURN(const int fd, files[i].CreateTemporary());
//       ... write, sync and close fd ...
//     }
//     RCT_RETURN_IF_ERROR(RenameAll(files));
//     std::move(undo).Cancel();
//     RemoveOldNames(files);

#ifndef RCT_BASE_REPLACEMENT_H_
#define RCT_BASE_REPLACEMENT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/file_path.h"

namespace rct {

// A file that is being replaced.
struct Replacement {
  FileTarget target;
  std::string temporary;  // name of the new contents, or ""
  std::string old;        // second name of the old file, or ""
  bool renamed = false;   // whether `target` has the new contents

  // Creates a temporary file in the folder of the target, which must be
  // regular, with its owner and permissions, and returns its descriptor. The
  // name of the file is short however long that of the target is.
  absl::StatusOr<int> CreateTemporary();

  // Restores the old state.
  void Undo() const;
};

// Renames all temporary files to their targets. After an error some are, until
// Undo.
absl::Status RenameAll(absl::Span<Replacement> files);

// Restores the old state of all.
void UndoAll(absl::Span<const Replacement> files);

// Removes the second names of the old files, once all are renamed.
void RemoveOldNames(absl::Span<const Replacement> files);

}  // namespace rct

#endif  // RCT_BASE_REPLACEMENT_H_
