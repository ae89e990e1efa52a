#include "index/index_options.h"

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "heuristics/composition/composition.h"
#include "index/index.pb.h"
#include "index/validation.h"

namespace rct {

Composition CompositionOf(const IndexOptions& options) {
  return {options.strategy(), options.tree(), options.heuristics()};
}

absl::Status ValidateIndexOptions(const IndexOptions& options) {
  RCT_RETURN_IF_ERROR(ValidateThreads(options.threads()));
  return ValidateStrategy(CompositionOf(options), options.has_tree());
}

}  // namespace rct
