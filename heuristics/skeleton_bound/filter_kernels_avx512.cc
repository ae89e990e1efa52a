#include "heuristics/skeleton_bound/filter_kernels_impl.h"
#include "heuristics/skeleton_bound/filter_kernels_tables.h"

namespace rct::simd {

const FilterKernels kAvx512FilterKernels =
    FilterRoutines<xsimd::avx512bw>::Table(Isa::kAvx512);

}  // namespace rct::simd
