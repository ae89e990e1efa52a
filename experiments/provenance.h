// Provenance: where, when and by which program a measurement was made.

#ifndef RCT_EXPERIMENTS_PROVENANCE_H_
#define RCT_EXPERIMENTS_PROVENANCE_H_

#include <string>

#include "experiments/record.pb.h"

namespace rct {

// Returns the commit (of the workspace that Bazel ran in, if there is one),
// machine, compiler, program and time of this process. `command` is the command
// that makes such a record again.
RunRecord::Provenance CollectProvenance(const std::string& command);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_PROVENANCE_H_
