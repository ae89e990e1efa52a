// Makes a failing case of the soak as small as it can.
//
// Greedy, as Zeller and Hildebrandt's delta debugging ("Simplifying and
// isolating failure-inducing input", IEEE TSE 28(2), 2002) is: a step or an
// option is left out, or a number is made smaller, and the change stays if the
// case still fails; until none does. Sizes come first, so that later attempts
// are fast. What is left cannot lose any one of its parts, which is not to say
// that there is no smaller case.

#ifndef RCT_PARITY_SOAK_SHRINK_H_
#define RCT_PARITY_SOAK_SHRINK_H_

#include "absl/functional/function_ref.h"
#include "parity/soak/soak.pb.h"

namespace rct {

// Returns the smallest case that was found for which `fails` is still true.
// Assumes that it is for `failing`.
SoakCase ShrinkSoakCase(SoakCase failing,
                        absl::FunctionRef<bool(const SoakCase&)> fails);

}  // namespace rct

#endif  // RCT_PARITY_SOAK_SHRINK_H_
