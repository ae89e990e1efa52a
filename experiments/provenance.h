// Where a measurement was made.

#ifndef RCT_EXPERIMENTS_PROVENANCE_H_
#define RCT_EXPERIMENTS_PROVENANCE_H_

#include <string>

#include "experiments/record.pb.h"

namespace rct {

// The commit (of the workspace that Bazel ran in, where there is one), machine,
// compiler, program and time; `command` is what to call for another record like
// it.
RunRecord::Provenance CollectProvenance(const std::string& command);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_PROVENANCE_H_
