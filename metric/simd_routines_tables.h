// The tables themselves, one for each instruction set that the build holds.

#ifndef RCT_METRIC_SIMD_ROUTINES_TABLES_H_
#define RCT_METRIC_SIMD_ROUTINES_TABLES_H_

#include "metric/simd_routines.h"

namespace rct::simd {

extern const SimdRoutines kScalarRoutines;
extern const SimdRoutines kAvx2Routines;
extern const SimdRoutines kAvx512Routines;

}  // namespace rct::simd

#endif  // RCT_METRIC_SIMD_ROUTINES_TABLES_H_
