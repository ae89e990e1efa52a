#include "base/aligned_buffer.h"

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace rct::internal_aligned_buffer {
namespace {

std::align_val_t AlignmentFor(std::size_t bytes) {
  return std::align_val_t(bytes >= kHugePageBytes ? kHugePageBytes
                                                  : kCacheLineBytes);
}

}  // namespace

void* Allocate(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = ::operator new(bytes, AlignmentFor(bytes));
  // This is advice: it fails where huge pages are switched off, without harm.
  if (bytes >= kHugePageBytes) madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void Release(void* memory, std::size_t bytes) noexcept {
  ::operator delete(memory, AlignmentFor(bytes));
}

}  // namespace rct::internal_aligned_buffer
