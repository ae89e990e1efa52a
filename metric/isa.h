// The instruction sets that routines are compiled for.

#ifndef RCT_METRIC_ISA_H_
#define RCT_METRIC_ISA_H_

#include <string_view>
#include <vector>

namespace rct {

// From weakest to strongest.
enum class Isa { kScalar, kAvx2, kAvx512 };

// Returns "scalar", "avx2" or "avx512".
std::string_view IsaName(Isa isa);

// Returns whether the processor has the instructions and the operating system
// keeps the registers. It says nothing of the build, which may hold no routines
// for them.
bool MachineHas(Isa isa);

// Returns all instruction sets that this machine has, weakest first.
std::vector<Isa> AvailableIsas();

}  // namespace rct

#endif  // RCT_METRIC_ISA_H_
