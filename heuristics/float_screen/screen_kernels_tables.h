// The tables themselves, one for each instruction set that the build holds.

#ifndef RCT_HEURISTICS_FLOAT_SCREEN_SCREEN_KERNELS_TABLES_H_
#define RCT_HEURISTICS_FLOAT_SCREEN_SCREEN_KERNELS_TABLES_H_

#include "heuristics/float_screen/screen_kernels.h"

namespace rct::simd {

extern const ScreenKernels kScalarScreenKernels;
extern const ScreenKernels kAvx2ScreenKernels;
extern const ScreenKernels kAvx512ScreenKernels;

}  // namespace rct::simd

#endif  // RCT_HEURISTICS_FLOAT_SCREEN_SCREEN_KERNELS_TABLES_H_
