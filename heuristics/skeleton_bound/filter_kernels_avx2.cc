#include "heuristics/skeleton_bound/filter_kernels_impl.h"
#include "heuristics/skeleton_bound/filter_kernels_tables.h"

namespace rct::simd {

const FilterKernels kAvx2FilterKernels =
    FilterRoutines<xsimd::fma3<xsimd::avx2>>::Table(Isa::kAvx2);

}  // namespace rct::simd
