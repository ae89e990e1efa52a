// Checks of an index's options that do not depend on its points.

#ifndef RCT_INDEX_INDEX_OPTIONS_H_
#define RCT_INDEX_INDEX_OPTIONS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "heuristics/composition/composition.h"
#include "index/index.pb.h"

namespace rct {

// Returns the strategy that `options` ask for, with its tree and heuristics.
Composition CompositionOf(const IndexOptions& options);

// Returns InvalidArgument, naming the field, for options that are out of range
// or contradict each other.
absl::Status ValidateIndexOptions(const IndexOptions& options);

// Returns InvalidArgument, naming the field, where what `options` say about
// coordinates does not fit points that have `dim` of them.
absl::Status ValidateCoordinates(const IndexOptions& options, int64_t dim);
absl::Status ValidateCoordinates(const EuclideanIndexOptions& options,
                                 int64_t dim);

}  // namespace rct

#endif  // RCT_INDEX_INDEX_OPTIONS_H_
