#include "metric/simd_kernels.h"

#include <string_view>
#include <vector>

#include "metric/simd_kernels_tables.h"
#include "xsimd/xsimd.hpp"

namespace rct {

const SimdKernels* KernelsFor(Isa isa) {
#ifdef RCT_HAS_X86_KERNELS
  // xsimd knows the processor; the compiler's check also asks whether the
  // operating system keeps the registers.
  const auto machine = xsimd::available_architectures();
  if (isa == Isa::kAvx512 && machine.avx512bw && machine.avx512dq &&
      __builtin_cpu_supports("avx512bw")) {
    return &simd::kAvx512Kernels;
  }
  if (isa == Isa::kAvx2 && machine.fma3_avx2 &&
      __builtin_cpu_supports("avx2")) {
    return &simd::kAvx2Kernels;
  }
#endif
  if (isa == Isa::kScalar) return &simd::kScalarKernels;
  return nullptr;
}

const SimdKernels& BestKernels() {
  static const SimdKernels& best = *KernelsFor(AvailableIsas().back());
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
    if (KernelsFor(isa) != nullptr) isas.push_back(isa);
  }
  return isas;
}

}  // namespace rct
