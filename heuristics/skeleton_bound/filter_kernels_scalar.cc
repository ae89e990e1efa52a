#include "heuristics/skeleton_bound/filter_kernels_impl.h"
#include "heuristics/skeleton_bound/filter_kernels_tables.h"

namespace rct::simd {

const FilterKernels kScalarFilterKernels =
    FilterRoutines<Scalar>::Table(Isa::kScalar);

}  // namespace rct::simd
