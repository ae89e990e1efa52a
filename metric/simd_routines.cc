#include "metric/simd_routines.h"

#include <string_view>
#include <vector>

#include "metric/simd_routines_tables.h"
#include "xsimd/xsimd.hpp"

namespace rct {

const SimdRoutines* RoutinesFor(Isa isa) {
#ifdef RCT_HAS_X86_ROUTINES
  // xsimd knows the processor; the compiler's check also asks whether the
  // operating system keeps the registers.
  const auto machine = xsimd::available_architectures();
  if (isa == Isa::kAvx512 && machine.avx512bw && machine.avx512dq &&
      __builtin_cpu_supports("avx512bw")) {
    return &simd::kAvx512Routines;
  }
  if (isa == Isa::kAvx2 && machine.fma3_avx2 &&
      __builtin_cpu_supports("avx2")) {
    return &simd::kAvx2Routines;
  }
#endif
  if (isa == Isa::kScalar) return &simd::kScalarRoutines;
  return nullptr;
}

const SimdRoutines& BestRoutines() {
  static const SimdRoutines& best = *RoutinesFor(AvailableIsas().back());
  return best;
}

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

std::vector<Isa> AvailableIsas() {
  std::vector<Isa> isas;
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (RoutinesFor(isa) != nullptr) isas.push_back(isa);
  }
  return isas;
}

}  // namespace rct
