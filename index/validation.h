// What every index checks of its options and calls, whatever its metric, so
// that the same mistake has the same message everywhere.

#ifndef RCT_INDEX_VALIDATION_H_
#define RCT_INDEX_VALIDATION_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "heuristics/composition/composition.h"
#include "traversal/build_phase.h"
#include "traversal/searcher.h"

namespace rct {

// InvalidArgument, naming the field, unless `threads` is 0 (all) or a number of
// threads that a machine may have.
absl::Status ValidateThreads(int threads);

// Errors of ValidateComposition, and InvalidArgument for a tree that was given
// to a strategy without one.
absl::Status ValidateStrategy(const Composition& composition, bool has_tree);

// For a search among `size` points: InvalidArgument where k or threads is out
// of range, or a row, which is named.
absl::Status ValidateRowSearch(absl::Span<const int64_t> rows, int64_t size,
                               const SearchOptions& options);

// The same for new points, which have no rows that a constraint could refer to.
absl::Status ValidatePointSearch(const SearchOptions& options);

// InvalidArgument unless `points` are finite and have `dim` coordinates.
absl::Status ValidateQueryPoints(MatrixView<const double> points, int64_t dim);

// The sum over all phases.
int64_t DistanceEvaluations(const std::vector<BuildPhase>& phases);

}  // namespace rct

#endif  // RCT_INDEX_VALIDATION_H_
