#include "traversal/block/filter_routines.h"

#include "metric/simd_routines.h"
#include "traversal/block/filter_routines_tables.h"

namespace rct {

const FilterRoutines* FilterRoutinesFor(Isa isa) {
  if (RoutinesFor(isa) == nullptr) return nullptr;
  switch (isa) {
    case Isa::kScalar:
      return &simd::kScalarFilterRoutines;
#ifdef RCT_HAS_X86_ROUTINES
    case Isa::kAvx2:
      return &simd::kAvx2FilterRoutines;
    case Isa::kAvx512:
      return &simd::kAvx512FilterRoutines;
#endif
    default:
      return nullptr;
  }
}

}  // namespace rct
