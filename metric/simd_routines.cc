#include "metric/simd_routines.h"

#include "metric/isa.h"

namespace rct {

const SimdRoutines& BestSimdRoutines() {
  static const SimdRoutines& best = *SimdRoutinesFor(AvailableIsas().back());
  return best;
}

}  // namespace rct
