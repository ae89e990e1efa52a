// Runs a case of the soak in a process of its own, which may crash or hang
// without an end of the soak.

#ifndef RCT_PARITY_SOAK_ISOLATED_RUN_H_
#define RCT_PARITY_SOAK_ISOLATED_RUN_H_

#include <sys/types.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "parity/soak/soak.pb.h"

namespace rct {

// A case that runs, as RunSoakCase does, in a child of this process, which must
// not have threads. A child that a signal ends, or that takes more than
// `seconds`, is CRASHED. Several may run side by side, each in its own folder.
class IsolatedRun {
 public:
  // Starts the child.
  IsolatedRun(const SoakCase& soak_case, const std::string& folder,
              unsigned seconds = 300);
  IsolatedRun(const IsolatedRun&) = delete;
  IsolatedRun& operator=(const IsolatedRun&) = delete;

  // A file descriptor that can be read, in the words of poll(2), once the child
  // has ended or is about to.
  int done() const { return output_; }

  // Waits for the end and returns what came of the case. It must be called
  // exactly once.
  SoakOutcome Finish();

 private:
  unsigned seconds_;
  pid_t child_;
  int output_;  // where the child writes its outcome
};

// The same, from start to end.
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
