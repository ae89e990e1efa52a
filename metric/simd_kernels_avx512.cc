#include "metric/simd_kernels_impl.h"
#include "metric/simd_kernels_tables.h"

namespace rct::simd {

const SimdKernels kAvx512Kernels =
    Routines<xsimd::avx512bw>::Table(Isa::kAvx512);

}  // namespace rct::simd
