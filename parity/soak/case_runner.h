// Runs a case of the differential soak: an index by the strategy of the case
// against a reference that is built from scratch after every change.
//
// The reference is exhaustive (reference.h). Where the index was appended to or
// rebuilt, the reference is built from all points and the coordinates of the
// inducing points, so that whatever an index carries over from what it was made
// of is held against what it would be without.
//
// A case has a failure where a row, or a bit of a distance, differs; where one
// side returns an error and the other none, but for strategies that are
// documented to refuse the model; and where both return errors of different
// codes.

#ifndef RCT_PARITY_SOAK_CASE_RUNNER_H_
#define RCT_PARITY_SOAK_CASE_RUNNER_H_

#include <string>

#include "parity/soak/soak.pb.h"

namespace rct {

// Runs a case in this process. Index files are written to `folder`, which must
// exist. Long answers are compared in a sample of their rows, at most as many
// as have 2^21 candidates together.
SoakOutcome RunSoakCase(const SoakCase& soak_case, const std::string& folder);

// Returns whether an outcome is one that must not be.
inline bool IsFailure(const SoakOutcome& outcome) {
  return outcome.kind() >= SoakOutcome::DIFFERS;
}

}  // namespace rct

#endif  // RCT_PARITY_SOAK_CASE_RUNNER_H_
