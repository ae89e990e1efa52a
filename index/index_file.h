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
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/archive.h"
#include "heuristics/composition/composition.h"
#include "index/index_file.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "traversal/build_phase.h"

namespace rct {

inline constexpr ArchiveFormat kIndexFormat = {
    .magic = "\x89rctidx\n",
    .version = 1,
    .name = "rct index file",
    .remedy = "build the index again"};

// What a file holds of an index.
struct IndexFileContents {
  IndexFileHeader header;
  std::shared_ptr<const InducingFactor> factor;  // null: from elsewhere
  std::shared_ptr<const ResidualCorrelation> metric;
  // Without a searcher where the file holds none and it is to be composed.
  ComposedSearcher<ResidualCorrelation> restored;
};

// Reads all of it, and is the one place that decides whether a file is an
// index. InvalidArgument, naming the array or the field of the header, unless
// every shape, count, row, offset, rank and choice agrees with the others and
// is one that Build could have made, points and factors are finite, p and the
// inducing points are what follows from V and the header, and nothing is left
// over. Searches then end, and read what is theirs, whoever wrote the file; but
// the numbers of skeletons and tables are believed, so that their answers are
// right only if an index was saved. Ends the phase "load".
absl::StatusOr<IndexFileContents> ReadIndexFile(ArchiveReader& archive,
                                                int threads, PhaseClock& clock);

// What there is to say of a file.
struct IndexFileSummary {
  IndexFileHeader header;
  std::string digest;  // 64 hexadecimal digits
  int64_t bytes = 0;
  // The bytes of what belongs together: arrays by the name before the dot.
  std::vector<std::pair<std::string, int64_t>> parts;
};

// Reads all of the file and checks it as ResidualIndex::Load does, with the
// same errors, but composes no searcher that the file does not hold.
absl::StatusOr<IndexFileSummary> SummarizeIndexFile(const std::string& path);

// Whether the file starts as an index file does.
bool IsIndexFile(const std::string& path);

}  // namespace rct

#endif  // RCT_INDEX_INDEX_FILE_H_
