#include "traversal/allocation_counter.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace rct {
namespace {

std::atomic<int64_t> allocation_count = 0;

void* Counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

}  // namespace

int64_t AllocationCount() { return allocation_count.load(); }

}  // namespace rct

// The other forms of new and delete call these; those of a sanitizer do not,
// and then each form of new must meet its own delete.
void* operator new(std::size_t size) {
  return rct::Counted(std::malloc(size > 0 ? size : 1));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return rct::Counted(std::malloc(size > 0 ? size : 1));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto multiple = static_cast<std::size_t>(alignment);
  return rct::Counted(std::aligned_alloc(
      multiple, (size + multiple - 1) / multiple * multiple));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
