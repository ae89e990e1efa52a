// `rct doctor`: describes the machine and checks that the library works on it.

#ifndef RCT_TOOLS_RCT_DOCTOR_H_
#define RCT_TOOLS_RCT_DOCTOR_H_

#include <string>

#include "absl/status/status.h"

namespace rct {

// Returns lines, with a final newline, about processor, instruction sets,
// threads, memory and compiler.
std::string DescribeMachine();

// Searches 600 generated points with every instruction set that the machine has
// and every strategy. Returns Internal, naming instruction set and strategy,
// unless all answers have the bits that they have on every other machine and
// agree with the long double oracle. Takes a second.
absl::Status SelfTest();

}  // namespace rct

#endif  // RCT_TOOLS_RCT_DOCTOR_H_
