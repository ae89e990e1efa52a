#include "traversal/exhaustive/screen_routines.h"

#include "metric/simd_routines.h"
#include "traversal/exhaustive/screen_routines_tables.h"

namespace rct {

const ScreenRoutines* ScreenRoutinesFor(Isa isa) {
  if (RoutinesFor(isa) == nullptr) return nullptr;
  switch (isa) {
    case Isa::kScalar:
      return &simd::kScalarScreenRoutines;
#ifdef RCT_HAS_X86_ROUTINES
    case Isa::kAvx2:
      return &simd::kAvx2ScreenRoutines;
    case Isa::kAvx512:
      return &simd::kAvx512ScreenRoutines;
#endif
    default:
      return nullptr;
  }
}

}  // namespace rct
