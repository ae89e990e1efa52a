#include "traversal/exhaustive/screen_routines_impl.h"
#include "traversal/exhaustive/screen_routines_tables.h"

namespace rct::simd {

const ScreenRoutines kScalarScreenRoutines =
    ScreenRoutinesOf<Scalar>::Table(Isa::kScalar);

}  // namespace rct::simd
