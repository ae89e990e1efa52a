#include "metric/simd_routines_impl.h"
#include "metric/simd_routines_tables.h"

namespace rct::simd {

const SimdRoutines kAvx512Routines =
    SimdRoutinesOf<xsimd::avx512bw>::Table(Isa::kAvx512);

}  // namespace rct::simd
