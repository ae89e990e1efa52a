#include "heuristics/skeleton_bound/filter_kernels.h"

#include "heuristics/skeleton_bound/filter_kernels_tables.h"
#include "metric/simd_kernels.h"

namespace rct {

const FilterKernels* FilterKernelsFor(Isa isa) {
  if (KernelsFor(isa) == nullptr) return nullptr;
  switch (isa) {
    case Isa::kScalar:
      return &simd::kScalarFilterKernels;
#ifdef RCT_HAS_X86_KERNELS
    case Isa::kAvx2:
      return &simd::kAvx2FilterKernels;
    case Isa::kAvx512:
      return &simd::kAvx512FilterKernels;
#endif
    default:
      return nullptr;
  }
}

}  // namespace rct
