// A process that cleans up after this one, however it ends.
//
// A rank of an MPI job is ended in ways that it does not see: by SIGKILL where
// another rank has died or the batch system has lost patience, or by _exit in
// MPI when the launcher is gone. Its unfinished files would stay. A guard is a
// child that waits at a pipe until its parent has ended, and then restores the
// files that the parent was replacing (base/replacement.h): temporary files go,
// and where some of several files were renamed already, the old ones come back.
//
//     FileGuard guard;              // first of all, before threads and MPI
//     guard.Watch(files);           // these have temporary files now
//     guard.Renaming();
//     RenameAll(files);
//     guard.Renamed();              // only second names of old files are left
//     RemoveOldNames(files);
//
// The guard is in a session of its own and takes no notice of signals that can
// be ignored: those that end all processes of a group leave it. A kernel that
// kills both at once, or a machine that stops, leaves temporary files, whose
// names no later run uses.

#ifndef RCT_TOOLS_MPI_FILE_GUARD_H_
#define RCT_TOOLS_MPI_FILE_GUARD_H_

#include <sys/types.h>

#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "base/replacement.h"

namespace rct {

class FileGuard {
 public:
  // Starts the child. Without one, as where the system has no more processes,
  // the calls below do nothing.
  FileGuard();

  // Lets the child do what is to be done, and waits for its end.
  ~FileGuard() { End(); }
  FileGuard(const FileGuard&) = delete;
  FileGuard& operator=(const FileGuard&) = delete;

  // Names the files. Their targets are regular.
  void Watch(absl::Span<const Replacement> files);

  // Says that temporary files begin to be renamed to their targets, and that
  // all are.
  void Renaming() { Send("R"); }
  void Renamed() { Send("D"); }

  // As the destructor. A handler of a signal may call this.
  void End();

 private:
  // Sends a string with a NUL behind it.
  void Send(std::string_view text);

  int pipe_ = -1;
  pid_t child_ = -1;
};

}  // namespace rct

#endif  // RCT_TOOLS_MPI_FILE_GUARD_H_
