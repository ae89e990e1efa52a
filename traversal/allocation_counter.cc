#include "traversal/allocation_counter.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>

namespace rct {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

std::atomic<int64_t> allocation_count = 0;
// Those with these numbers fail.
std::atomic<int64_t> first_failure = kNever;
std::atomic<int64_t> last_failure = kNever;

bool Fails() {
  const int64_t number = allocation_count.fetch_add(1);
  return number >= first_failure && number <= last_failure;
}

void* Throwing(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* Allocate(std::size_t size) {
  return Fails() ? nullptr : std::malloc(size > 0 ? size : 1);
}

}  // namespace

int64_t AllocationCount() { return allocation_count.load(); }

AllocationFailure::AllocationFailure(int64_t number, bool for_good) {
  first_failure = allocation_count + number;
  last_failure = for_good ? kNever : first_failure.load();
}

AllocationFailure::~AllocationFailure() { first_failure = kNever; }

bool AllocationFailure::happened() const {
  return allocation_count > first_failure;
}

}  // namespace rct

// The other forms of new and delete call these; those of a sanitizer do not,
// and then each form of new must meet its own delete.
void* operator new(std::size_t size) {
  return rct::Throwing(rct::Allocate(size));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return rct::Allocate(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto multiple = static_cast<std::size_t>(alignment);
  return rct::Throwing(
      rct::Fails() ? nullptr
                   : std::aligned_alloc(multiple, (size + multiple - 1) /
                                                      multiple * multiple));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
