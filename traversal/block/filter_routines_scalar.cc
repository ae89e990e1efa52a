#include "traversal/block/filter_routines_impl.h"
#include "traversal/block/filter_routines_tables.h"

namespace rct::simd {

const FilterRoutines kScalarFilterRoutines =
    FilterRoutinesOf<Scalar>::Table(Isa::kScalar);

}  // namespace rct::simd
