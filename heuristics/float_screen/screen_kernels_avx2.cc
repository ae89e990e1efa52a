#include "heuristics/float_screen/screen_kernels_impl.h"
#include "heuristics/float_screen/screen_kernels_tables.h"

namespace rct::simd {

const ScreenKernels kAvx2ScreenKernels =
    ScreenRoutines<xsimd::fma3<xsimd::avx2>>::Table(Isa::kAvx2);

}  // namespace rct::simd
