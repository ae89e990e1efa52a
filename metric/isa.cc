#include "metric/isa.h"

#include <string_view>
#include <vector>

#include "xsimd/xsimd.hpp"

namespace rct {

std::string_view IsaName(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

bool MachineHas(Isa isa) {
  if (isa == Isa::kScalar) return true;
#ifdef __x86_64__
  // xsimd asks the processor; the compiler's function also asks whether the
  // operating system keeps the registers.
  const auto machine = xsimd::available_architectures();
  if (isa == Isa::kAvx2) {
    return machine.fma3_avx2 && __builtin_cpu_supports("avx2");
  }
  if (isa == Isa::kAvx512) {
    return machine.avx512bw && machine.avx512dq &&
           __builtin_cpu_supports("avx512bw");
  }
#endif
  return false;
}

std::vector<Isa> AvailableIsas() {
  std::vector<Isa> isas;
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (MachineHas(isa)) isas.push_back(isa);
  }
  return isas;
}

}  // namespace rct
