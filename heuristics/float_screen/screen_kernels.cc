#include "heuristics/float_screen/screen_kernels.h"

#include "heuristics/float_screen/screen_kernels_tables.h"
#include "metric/simd_kernels.h"

namespace rct {

const ScreenKernels* ScreenKernelsFor(Isa isa) {
  if (KernelsFor(isa) == nullptr) return nullptr;
  switch (isa) {
    case Isa::kScalar:
      return &simd::kScalarScreenKernels;
#ifdef RCT_HAS_X86_KERNELS
    case Isa::kAvx2:
      return &simd::kAvx2ScreenKernels;
    case Isa::kAvx512:
      return &simd::kAvx512ScreenKernels;
#endif
    default:
      return nullptr;
  }
}

}  // namespace rct
