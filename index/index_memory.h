// The memory of an index, known before it is built, and the limit that its
// options may set to it (memory_limit_bytes).
//
// Every array that grows with the number of points n is in one of these lists.
// Needs are certain: points, factors, and copies of them that a strategy keeps.
// BLOCK alone makes more, as much as its bounds are worth and memory lets it:
// skeletons, tables and gaps, or a far field, or a screen. It is given what a
// limit leaves (Within), and does without what does not fit. Its forecast here
// is that of typical ranks, for people; what it does make follows from a sample
// (traversal/block/skeleton_costs.h).

#ifndef RCT_INDEX_INDEX_MEMORY_H_
#define RCT_INDEX_INDEX_MEMORY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "heuristics/composition/composition.h"
#include "index/index.pb.h"

namespace rct {

// An array or a few that belong together.
struct MemoryNeed {
  std::string what;
  double bytes = 0;
};

double TotalBytes(absl::Span<const MemoryNeed> needs);

// Return what an index over n points of `dim` coordinates needs for certain,
// with m inducing points. What does not depend on n comes last.
std::vector<MemoryNeed> NeedsOf(const IndexOptions& options, int64_t n,
                                int64_t dim, int64_t m);
std::vector<MemoryNeed> NeedsOf(const EuclideanIndexOptions& options, int64_t n,
                                int64_t dim);

// Returns what BLOCK makes beside these where the skeletons have a typical rank
// and no limit stops it; blocks are those of a Matern kernel, which are smaller
// and so more than those of RBF.
std::vector<MemoryNeed> TypicalBlockNeeds(int64_t n, int64_t m);

// Returns ResourceExhausted, with all figures, where `needs` are more than
// `limit` bytes; 0 means no limit. `what` is the subject, "1000 points with 10
// inducing points".
absl::Status CheckMemoryLimit(absl::Span<const MemoryNeed> needs, int64_t limit,
                              std::string_view what);

// Returns what `limit` leaves beside `needs`: infinity where it is 0.
double MemoryLeft(int64_t limit, absl::Span<const MemoryNeed> needs);

// Returns `composition` with no more memory for what BLOCK makes than `left`.
Composition Within(double left, Composition composition);

}  // namespace rct

#endif  // RCT_INDEX_INDEX_MEMORY_H_
