// The memory that operator new has given and not got back. Linking this
// replaces the global operator new.

#ifndef RCT_TOOLS_FUZZING_HEAP_METER_H_
#define RCT_TOOLS_FUZZING_HEAP_METER_H_

#include <cstdint>

namespace rct {

// The bytes in use, by all threads.
int64_t HeapBytes();

// The most bytes that were in use at once since the last call of ResetHeapPeak.
int64_t HeapPeak();
void ResetHeapPeak();

// The number of allocations so far, those that failed included.
int64_t HeapAllocations();

// An allocation of more bytes than this fails as where memory has run out.
void SetHeapLimit(int64_t bytes);

}  // namespace rct

#endif  // RCT_TOOLS_FUZZING_HEAP_METER_H_
