// The float32 routines of lists of kept candidates, for each instruction set.
// See kept_candidates.h for what they are for. All tables return the same bits.

#ifndef RCT_TRAVERSAL_KEPT_ROUTINES_H_
#define RCT_TRAVERSAL_KEPT_ROUTINES_H_

#include <cstdint>

#include "metric/isa.h"

namespace rct {

// The candidates of one query with bounds on their |rho|. Columns are read and
// written in whole vectors: each has room for kKeptPadding elements after the
// last candidate.
struct KeptList {
  float* upper;
  float* lower;
  int32_t* row;
  int size;
  int64_t filtered;  // candidates that the predecessor constraint excluded
};

// Elements that a routine may touch beyond the end of a column.
inline constexpr int kKeptPadding = 32;

// Halvings of the interval in which `threshold` looks.
inline constexpr int kThresholdSteps = 12;

struct KeptRoutines {
  Isa isa;

  // Keeps the candidates whose upper bound reaches `theta`, in their order.
  void (*drop_below)(float theta, KeptList& list);

  // Returns the largest x on a grid of kThresholdSteps halvings between `least`
  // and 1 that at least `wanted` of the values reach, or minus infinity where
  // fewer reach `least`.
  float (*threshold)(const float* values, int count, int wanted, float least);
};

// Returns the table for `isa`, or null where this machine or build lacks it.
const KeptRoutines* KeptRoutinesFor(Isa isa);

}  // namespace rct

#endif  // RCT_TRAVERSAL_KEPT_ROUTINES_H_
