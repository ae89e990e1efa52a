// The tables themselves, one for each instruction set that the build holds.

#ifndef RCT_HEURISTICS_SKELETON_BOUND_FILTER_KERNELS_TABLES_H_
#define RCT_HEURISTICS_SKELETON_BOUND_FILTER_KERNELS_TABLES_H_

#include "heuristics/skeleton_bound/filter_kernels.h"

namespace rct::simd {

extern const FilterKernels kScalarFilterKernels;
extern const FilterKernels kAvx2FilterKernels;
extern const FilterKernels kAvx512FilterKernels;

}  // namespace rct::simd

#endif  // RCT_HEURISTICS_SKELETON_BOUND_FILTER_KERNELS_TABLES_H_
