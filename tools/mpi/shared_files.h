// Output files whose parts many ranks write.
//
//     SharedFiles files(ranks, guard);
//     RCT_RETURN_IF_ERROR(files.Create({{"--out_indices", "i.npy", bytes}}));
//     ... files.Write(0, offset, part) ...
//     RCT_RETURN_IF_ERROR(files.Replace());
//
// Rank 0 makes a temporary file beside each output, of its whole size, and the
// others open it by its name: all ranks must see one file system there. Each
// rank writes its parts at their offsets and syncs them to the disk. When all
// have, rank 0 renames the files, together. After an error on any rank, or
// where the object goes before, each output is as it was and no temporary file
// is left; where rank 0 ends before, its guard sees to that.
//
// The room on the disk is taken when the files are created, where the file
// system can do that: a disk that is too small is found before the work.

#ifndef RCT_TOOLS_MPI_SHARED_FILES_H_
#define RCT_TOOLS_MPI_SHARED_FILES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/replacement.h"
#include "index/distributed/communicator.h"
#include "tools/mpi/file_guard.h"

namespace rct {

// A file, and how large it will be; 0 for one that rank 0 writes alone.
struct SharedFile {
  std::string flag;
  std::string path;
  int64_t bytes = 0;
};

class SharedFiles {
 public:
  // `guard` is used on rank 0 only.
  SharedFiles(Communicator& ranks, FileGuard& guard);
  ~SharedFiles();
  SharedFiles(const SharedFiles&) = delete;
  SharedFiles& operator=(const SharedFiles&) = delete;

  // Collective. Errors name the flag, are those of base/file.h, and are the
  // same on all ranks.
  absl::Status Create(const std::vector<SharedFile>& files);

  // Writes a part of file `i`. Errors name the rank where it is not 0.
  absl::Status Write(size_t i, int64_t offset, std::string_view bytes);
  template <class T>
  absl::Status Write(size_t i, int64_t offset, absl::Span<const T> numbers) {
    return Write(i, offset,
                 std::string_view(reinterpret_cast<const char*>(numbers.data()),
                                  numbers.size() * sizeof(T)));
  }

  // Collective; `own` is the status of this rank's writes. Returns the error of
  // the lowest rank that has one, or OK when the files are in their places.
  absl::Status Replace(const absl::Status& own);

 private:
  absl::Status CreateOnRankZero(const std::vector<SharedFile>& files);
  absl::Status OpenOnOtherRank(const std::vector<SharedFile>& files,
                               const std::vector<std::string>& names);
  absl::Status SyncAndClose();
  absl::Status Rename();
  // Returns an error with the name of this rank.
  absl::Status OfRank(const absl::Status& status) const;

  Communicator& ranks_;
  FileGuard& guard_;
  std::vector<Replacement> replacements_;  // on rank 0
  std::vector<std::string> paths_;         // as the user knows them
  std::vector<int> descriptors_;
};

}  // namespace rct

#endif  // RCT_TOOLS_MPI_SHARED_FILES_H_
