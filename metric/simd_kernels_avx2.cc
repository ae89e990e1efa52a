#include "metric/simd_kernels_impl.h"
#include "metric/simd_kernels_tables.h"

namespace rct::simd {

const SimdKernels kAvx2Kernels =
    Routines<xsimd::fma3<xsimd::avx2>>::Table(Isa::kAvx2);

}  // namespace rct::simd
