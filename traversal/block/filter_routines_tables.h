// The tables themselves, one for each instruction set that the build holds.

#ifndef RCT_TRAVERSAL_BLOCK_FILTER_ROUTINES_TABLES_H_
#define RCT_TRAVERSAL_BLOCK_FILTER_ROUTINES_TABLES_H_

#include "traversal/block/filter_routines.h"

namespace rct::simd {

extern const FilterRoutines kScalarFilterRoutines;
extern const FilterRoutines kAvx2FilterRoutines;
extern const FilterRoutines kAvx512FilterRoutines;

}  // namespace rct::simd

#endif  // RCT_TRAVERSAL_BLOCK_FILTER_ROUTINES_TABLES_H_
