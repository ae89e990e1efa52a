// The tables themselves, one for each instruction set that the build holds.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_ROUTINES_TABLES_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_ROUTINES_TABLES_H_

#include "traversal/exhaustive/screen_routines.h"

namespace rct::simd {

extern const ScreenRoutines kScalarScreenRoutines;
extern const ScreenRoutines kAvx2ScreenRoutines;
extern const ScreenRoutines kAvx512ScreenRoutines;

}  // namespace rct::simd

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_ROUTINES_TABLES_H_
