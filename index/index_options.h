// The options of a residual index, whatever its points.

#ifndef RCT_INDEX_INDEX_OPTIONS_H_
#define RCT_INDEX_INDEX_OPTIONS_H_

#include "absl/status/status.h"
#include "heuristics/composition/composition.h"
#include "index/index.pb.h"

namespace rct {

// The strategy that they ask for, with all that it is given.
Composition CompositionOf(const IndexOptions& options);

// InvalidArgument, naming the field, for options that are out of range or
// contradict each other.
absl::Status ValidateIndexOptions(const IndexOptions& options);

}  // namespace rct

#endif  // RCT_INDEX_INDEX_OPTIONS_H_
