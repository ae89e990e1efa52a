// The checks of options and calls that all indexes share, so that the same
// mistake has the same message everywhere.

#ifndef RCT_INDEX_VALIDATION_H_
#define RCT_INDEX_VALIDATION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "heuristics/composition/composition.h"
#include "traversal/searcher.h"

namespace rct {

// Returns InvalidArgument, naming the field, unless `threads` is from 0 (all)
// to kMaxThreads.
absl::Status ValidateThreads(int threads);

// Returns InvalidArgument where a limit is negative.
absl::Status ValidateMemoryLimit(int64_t bytes);

// Returns the errors of ValidateComposition, and InvalidArgument for a tree
// that was given to a strategy without one.
absl::Status ValidateStrategy(const Composition& composition, bool has_tree);

// Returns InvalidArgument where k, the radius, the flags of allowed rows or the
// threads of a search among `size` points are out of range. A k above kMaxRows
// must be a mistake, and the size of the table would overflow.
absl::Status ValidateSearch(const SearchOptions& options, int64_t size);

// Returns ResourceExhausted where the answer alone takes more memory than there
// is: 16 bytes for each of k neighbors of each query, found or padded.
absl::Status CheckAnswerMemory(int64_t num_queries, int64_t k);

// Does the same for all neighbors within a radius among `size` points. Their
// number is known in advance only where nothing excludes a row; otherwise this
// returns OK.
absl::Status CheckRangeMemory(int64_t num_queries, const SearchOptions& options,
                              int64_t size);

// Returns InvalidArgument, naming the query, unless all rows are in [0, size).
absl::Status ValidateRows(absl::Span<const int64_t> rows, int64_t size);

// Returns InvalidArgument for constraints on the rows of queries, which new
// points do not have.
absl::Status ValidateNoRows(const SearchOptions& options);

// Returns InvalidArgument unless `points` are finite and have `dim`
// coordinates.
absl::Status ValidateQueryPoints(MatrixView<const double> points, int64_t dim);

// Returns InvalidArgument unless `points` are finite and may follow `size`
// points of `dim` coordinates.
absl::Status ValidateAppended(MatrixView<const double> points, int64_t size,
                              int64_t dim);

}  // namespace rct

#endif  // RCT_INDEX_VALIDATION_H_
