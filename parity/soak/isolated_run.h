// Runs a case of the soak in a process of its own, which may crash or hang
// without an end of the soak.

#ifndef RCT_PARITY_SOAK_ISOLATED_RUN_H_
#define RCT_PARITY_SOAK_ISOLATED_RUN_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "parity/soak/soak.pb.h"

namespace rct {

// As RunSoakCase, in a child of this process, which must not have threads. A
// child that a signal ends, or that takes more than `seconds`, is CRASHED.
SoakOutcome RunIsolated(const SoakCase& soak_case, const std::string& folder,
                        unsigned seconds = 300);

// Returns the smallest case found that fails as `failing` does, with an outcome
// of the same kind and, for errors, the same first word after the step.
SoakCase ShrinkIsolated(const SoakCase& failing, const SoakOutcome& outcome,
                        const std::string& folder);

// Return a message in one line of JSON; and the case that such a line holds, or
// InvalidArgument, which says what is wrong with it.
std::string JsonLine(const google::protobuf::Message& message);
absl::StatusOr<SoakCase> ParseSoakCase(std::string_view json);

// Returns the command that runs the case.
std::string CommandOf(const SoakCase& soak_case);

}  // namespace rct

#endif  // RCT_PARITY_SOAK_ISOLATED_RUN_H_
