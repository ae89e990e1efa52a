#include "heuristics/float_screen/screen_kernels_impl.h"
#include "heuristics/float_screen/screen_kernels_tables.h"

namespace rct::simd {

const ScreenKernels kScalarScreenKernels =
    ScreenRoutines<Scalar>::Table(Isa::kScalar);

}  // namespace rct::simd
