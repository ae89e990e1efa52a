// Index files, which ResidualIndex::Save writes: archives (base/archive.h) with
//
//     header           IndexFileHeader, serialized
//     points           n x d                  inverse_sqrt    n, 1 / sqrt(p)
//     v                n x m, rows padded     variance        n, p
//     inducing.*       Z and L, absent where factors came from elsewhere
//     partition.*, skeletons.*, cones.*, tables.*    of strategy BLOCK
//
// A file is as large as the index in memory: about 8 n (m + d) bytes, and the
// skeletons.

#ifndef RCT_INDEX_INDEX_FILE_H_
#define RCT_INDEX_INDEX_FILE_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/archive.h"
#include "base/monitor.h"
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

// The parts of an index that a file holds.
struct IndexFileContents {
  IndexFileHeader header;
  // Null where V and p came from elsewhere.
  std::shared_ptr<const InducingFactor> factor;
  std::shared_ptr<const ResidualCorrelation> metric;
  // Has no searcher where the file holds none: the caller composes one.
  ComposedSearcher<ResidualCorrelation> restored;
};

// Reads all of the file. This is the one place that decides whether a file is
// an index: it returns InvalidArgument, naming the array or the field of the
// header, unless every shape, count, row, offset, rank and choice agrees with
// the others and is one that Build could have made, points and factors are
// finite, p and the inducing points follow from V and the header, and nothing
// is left over. So every search of an accepted file ends and stays within its
// arrays, whoever wrote the file. The numbers in skeletons and tables are not
// checked: answers are right only if Save wrote them. Ends the phase "load" of
// `clock`.
//
// Inducing points are selected again, to be compared. This takes longer than to
// read them only where they are chosen by distance (metric/inducing_points.h):
// as long as at first, a fraction of the time that V took. `monitor`, which may
// be null, can cancel it. `memory_left` is what BLOCK may take (Within in
// index_memory.h).
absl::StatusOr<IndexFileContents> ReadIndexFile(
    ArchiveReader& archive, int threads, PhaseClock& clock, Monitor* monitor,
    double memory_left = std::numeric_limits<double>::infinity());

// A description of a file.
struct IndexFileSummary {
  IndexFileHeader header;
  std::string digest;  // 64 hexadecimal digits
  int64_t bytes = 0;
  // The bytes of each group of arrays: of those with one name before the dot.
  std::vector<std::pair<std::string, int64_t>> parts;
};

// Reads all of the file and checks it as ResidualIndex::Load does, with the
// same errors, but composes no searcher that the file does not hold.
absl::StatusOr<IndexFileSummary> SummarizeIndexFile(const std::string& path);

// Returns whether the file starts as an index file does.
bool IsIndexFile(const std::string& path);

}  // namespace rct

#endif  // RCT_INDEX_INDEX_FILE_H_
