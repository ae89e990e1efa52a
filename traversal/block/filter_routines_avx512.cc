#include "traversal/block/filter_routines_impl.h"
#include "traversal/block/filter_routines_tables.h"

namespace rct::simd {

const FilterRoutines kAvx512FilterRoutines =
    FilterRoutinesOf<xsimd::avx512bw>::Table(Isa::kAvx512);

}  // namespace rct::simd
