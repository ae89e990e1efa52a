// The tables themselves, one for each instruction set that the build holds.

#ifndef RCT_METRIC_SIMD_KERNELS_TABLES_H_
#define RCT_METRIC_SIMD_KERNELS_TABLES_H_

#include "metric/simd_kernels.h"

namespace rct::simd {

extern const SimdKernels kScalarKernels;
extern const SimdKernels kAvx2Kernels;
extern const SimdKernels kAvx512Kernels;

}  // namespace rct::simd

#endif  // RCT_METRIC_SIMD_KERNELS_TABLES_H_
