// The files of a streamed search in its work folder.
//
// Each step of each unit (unit_search.h) writes its result once, atomically, as
// an archive with a digest (base/archive.h). A file that is there is therefore
// whole, whenever the process was stopped, and a step that has its file is not
// done again. Every file holds the *stamp* of the search, a digest of the
// points and of all that decides what the file says, so that files of another
// search are not taken for its own.

#ifndef RCT_INDEX_STREAMING_STREAM_CHUNKS_H_
#define RCT_INDEX_STREAMING_STREAM_CHUNKS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/streaming/unit_search.h"

namespace rct {

class StreamChunks {
 public:
  StreamChunks(std::string folder, std::string stamp, int threads)
      : folder_(std::move(folder)),
        stamp_(std::move(stamp)),
        threads_(threads) {}

  // Creates the folder. Returns FailedPrecondition where it has chunks already
  // and `resume` is false.
  absl::Status Open(bool resume) const;

  std::string AnswersPath(int64_t unit) const;
  std::string DeferredPath(int64_t unit) const;
  std::string FoundPath(int64_t unit) const;
  // Returns whether a step has been done. FailedPrecondition where the file is
  // one of another search.
  absl::StatusOr<bool> HasAnswers(int64_t unit) const;
  absl::StatusOr<bool> HasFound(int64_t unit) const;

  // Write what a step made. The deferred queries come first: where there are
  // answers, there are these.
  absl::Status WriteAnswer(int64_t unit, const UnitAnswer& answer) const;
  absl::Status WriteFound(int64_t unit, const FoundNeighbors& found) const;

  // Read it, mapped.
  absl::StatusOr<UnitAnswer> ReadAnswer(int64_t unit) const;
  absl::StatusOr<std::vector<DeferredQuery>> ReadDeferred(int64_t unit) const;
  absl::StatusOr<FoundNeighbors> ReadFound(int64_t unit) const;

  // Removes all chunks in a folder, and the folder if it is empty then.
  static void Remove(const std::string& folder);

 private:
  absl::StatusOr<bool> Has(const std::string& path) const;

  std::string folder_;
  std::string stamp_;
  int threads_;
};

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_STREAM_CHUNKS_H_
