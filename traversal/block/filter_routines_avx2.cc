#include "traversal/block/filter_routines_impl.h"
#include "traversal/block/filter_routines_tables.h"

namespace rct::simd {

const FilterRoutines kAvx2FilterRoutines =
    FilterRoutinesOf<xsimd::fma3<xsimd::avx2>>::Table(Isa::kAvx2);

}  // namespace rct::simd
