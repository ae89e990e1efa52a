#include "traversal/exhaustive/screen_routines_impl.h"
#include "traversal/exhaustive/screen_routines_tables.h"

namespace rct::simd {

const ScreenRoutines kAvx2ScreenRoutines =
    ScreenRoutinesOf<xsimd::fma3<xsimd::avx2>>::Table(Isa::kAvx2);

}  // namespace rct::simd
