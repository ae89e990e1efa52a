#include "metric/simd_routines_impl.h"
#include "metric/simd_routines_tables.h"

namespace rct::simd {

const SimdRoutines kScalarRoutines =
    SimdRoutinesOf<Scalar>::Table(Isa::kScalar);

}  // namespace rct::simd
