#include "heuristics/float_screen/screen_kernels_impl.h"
#include "heuristics/float_screen/screen_kernels_tables.h"

namespace rct::simd {

const ScreenKernels kAvx512ScreenKernels =
    ScreenRoutines<xsimd::avx512bw>::Table(Isa::kAvx512);

}  // namespace rct::simd
