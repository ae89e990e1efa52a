#include "traversal/exhaustive/screen_routines_impl.h"
#include "traversal/exhaustive/screen_routines_tables.h"

namespace rct::simd {

const ScreenRoutines kAvx512ScreenRoutines =
    ScreenRoutinesOf<xsimd::avx512bw>::Table(Isa::kAvx512);

}  // namespace rct::simd
