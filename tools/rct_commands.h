// The commands of `rct`, from arguments to an exit code.

#ifndef RCT_TOOLS_RCT_COMMANDS_H_
#define RCT_TOOLS_RCT_COMMANDS_H_

#include <string>

#include "absl/types/span.h"

namespace rct {

// The output and the exit code of the program.
struct CommandOutcome {
  // 0; 1 for bad input; 2 for a wrong command line; 128 plus the number of the
  // signal that stopped the work (130 after Ctrl-C).
  int exit_code = 0;
  std::string out;  // for stdout
  std::string err;  // for stderr
};

// Runs the command that `arguments` name, without the name of the program.
CommandOutcome RunCommand(absl::Span<const std::string> arguments);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_COMMANDS_H_
