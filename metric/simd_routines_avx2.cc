#include "metric/simd_routines_impl.h"
#include "metric/simd_routines_tables.h"

namespace rct::simd {

const SimdRoutines kAvx2Routines =
    SimdRoutinesOf<xsimd::fma3<xsimd::avx2>>::Table(Isa::kAvx2);

}  // namespace rct::simd
