#include "tools/fuzzing/heap_meter.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>

namespace rct {
namespace {

std::atomic<int64_t> in_use = 0;
std::atomic<int64_t> peak = 0;
std::atomic<int64_t> allocations = 0;
std::atomic<int64_t> limit = std::numeric_limits<int64_t>::max();

// Counts what was asked for before memory is taken, so that a request beyond
// all reason is seen although it fails.
bool Ask(std::size_t size) {
  ++allocations;
  const int64_t wanted = in_use + static_cast<int64_t>(std::min<std::size_t>(
                                      size, std::size_t{1} << 60));
  int64_t before = peak;
  while (wanted > before && !peak.compare_exchange_weak(before, wanted)) {
  }
  return wanted <= limit;
}

void* Give(void* memory) {
  if (memory != nullptr) {
    in_use += static_cast<int64_t>(malloc_usable_size(memory));
  }
  return memory;
}

void Take(void* memory) {
  if (memory != nullptr) {
    in_use -= static_cast<int64_t>(malloc_usable_size(memory));
  }
  std::free(memory);
}

void* Allocate(std::size_t size) {
  return Ask(size) ? Give(std::malloc(size > 0 ? size : 1)) : nullptr;
}

void* Throwing(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

int64_t HeapBytes() { return in_use; }
int64_t HeapPeak() { return peak; }
void ResetHeapPeak() { peak = in_use.load(); }
int64_t HeapAllocations() { return allocations; }
void SetHeapLimit(int64_t bytes) { limit = bytes; }

}  // namespace rct

// The other forms of new and delete call these.
void* operator new(std::size_t size) {
  return rct::Throwing(rct::Allocate(size));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return rct::Allocate(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto multiple = static_cast<std::size_t>(alignment);
  return rct::Throwing(rct::Ask(size) ? rct::Give(std::aligned_alloc(
                                            multiple, (size + multiple - 1) /
                                                          multiple * multiple))
                                      : nullptr);
}
void operator delete(void* memory) noexcept { rct::Take(memory); }
void operator delete(void* memory, std::size_t) noexcept { rct::Take(memory); }
void operator delete(void* memory, std::align_val_t) noexcept {
  rct::Take(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  rct::Take(memory);
}
