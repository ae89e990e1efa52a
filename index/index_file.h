// Index files: what ResidualIndex::Save writes, an archive (base/archive.h)
// with
//
//     header           IndexFileHeader, serialized
//     points           n x d                  inverse_sqrt    n, 1 / sqrt(p)
//     v                n x m, rows padded     variance        n, p
//     inducing.*       Z and L, absent where factors came from elsewhere
//     partition.*, skeletons.*, cones.*, tables.*    of strategy BLOCK
//
// It takes the index's own size: about 8 n (m + d) bytes, and the skeletons.

#ifndef RCT_INDEX_INDEX_FILE_H_
#define RCT_INDEX_INDEX_FILE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/archive.h"
#include "index/index_file.pb.h"

namespace rct {

inline constexpr ArchiveFormat kIndexFormat = {
    .magic = "\x89rctidx\n",
    .version = 1,
    .name = "rct index file",
    .remedy = "build the index again"};

// The header of an index file. Errors of archive.status().
absl::StatusOr<IndexFileHeader> ReadIndexFileHeader(ArchiveReader& archive);

// What a file holds.
struct IndexFileSummary {
  IndexFileHeader header;
  std::string digest;  // 64 hexadecimal digits
  int64_t bytes = 0;
  // The bytes of what belongs together: arrays by the name before the dot.
  std::vector<std::pair<std::string, int64_t>> parts;
};

// Reads all of the file and checks it, but makes no index of it. Errors of
// ResidualIndex::Load.
absl::StatusOr<IndexFileSummary> SummarizeIndexFile(const std::string& path);

// Whether the file starts as an index file does.
bool IsIndexFile(const std::string& path);

}  // namespace rct

#endif  // RCT_INDEX_INDEX_FILE_H_
