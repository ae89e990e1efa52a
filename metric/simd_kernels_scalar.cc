#include "metric/simd_kernels_impl.h"
#include "metric/simd_kernels_tables.h"

namespace rct::simd {

const SimdKernels kScalarKernels = Routines<Scalar>::Table(Isa::kScalar);

}  // namespace rct::simd
