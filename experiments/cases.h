// From a sweep's config to its rows.

#ifndef RCT_EXPERIMENTS_CASES_H_
#define RCT_EXPERIMENTS_CASES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "experiments/sweep.pb.h"
#include "index/index.pb.h"

namespace rct {

// The cases of `config` in the order of its table, each complete: with a name
// and with all that `base` and the mode give it. Where a change sets a field,
// the field is replaced and not merged. Names of combinations are joined by
// "+"; base alone is called "base" unless it has a name. InvalidArgument,
// naming the field, for a sweep that makes no sense: no case, a name missing or
// twice, an unspecified mode, strategy or precision, a gate out of range, too
// many subsets.
absl::StatusOr<std::vector<SweepCase>> ExpandCases(const SweepConfig& config);

// The options of a case's index.
IndexOptions IndexOptionsOf(const SweepCase& sweep_case);

// A case that no EXACT gate vouches for.
bool IsApproximate(const SweepCase& sweep_case);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_CASES_H_
