// Expands a sweep's config to the cases of its table.

#ifndef RCT_EXPERIMENTS_CASES_H_
#define RCT_EXPERIMENTS_CASES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "experiments/sweep.pb.h"
#include "index/index.pb.h"

namespace rct {

// Returns the cases of `config` in the order of its table, each complete: it
// has a name and all that `base` and the mode give it. Where a change sets a
// field, the field is replaced and not merged. Names of combinations are joined
// by "+"; base alone is called "base" unless it has a name. Returns
// InvalidArgument, naming the field, for a sweep without cases, a name that is
// missing or there twice, an unspecified mode, strategy or precision, a gate
// out of range, or too many subsets.
absl::StatusOr<std::vector<SweepCase>> ExpandCases(const SweepConfig& config);

// Returns the options of a case's index.
IndexOptions IndexOptionsOf(const SweepCase& sweep_case);

// Returns whether the case has no EXACT gate.
bool IsApproximate(const SweepCase& sweep_case);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_CASES_H_
