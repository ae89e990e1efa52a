// `rct doctor`: is this machine fit, and does the library do here what it does
// elsewhere?

#ifndef RCT_TOOLS_RCT_DOCTOR_H_
#define RCT_TOOLS_RCT_DOCTOR_H_

#include <string>

#include "absl/status/status.h"

namespace rct {

// Lines, with a final newline, about processor, instruction sets, threads,
// memory and compiler.
std::string DescribeMachine();

// Searches 600 generated points with every instruction set that the machine has
// and every strategy. All answers must have the bits that they have on every
// other machine, and agree with the long double oracle. Internal, naming
// instruction set and strategy, where one does not. Takes a second.
absl::Status SelfTest();

}  // namespace rct

#endif  // RCT_TOOLS_RCT_DOCTOR_H_
