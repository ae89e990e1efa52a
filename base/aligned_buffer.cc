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

// Returns whole huge pages where these are an eighth more at most: the rest of
// a page would otherwise be hundreds of small ones, each with a fault of its
// own.
std::size_t Rounded(std::size_t bytes) {
  const std::size_t rest = bytes % kHugePageBytes;
  if (bytes < kHugePageBytes || rest == 0) return bytes;
  const std::size_t more = kHugePageBytes - rest;
  return more <= bytes / 8 ? bytes + more : bytes;
}

}  // namespace

void* Allocate(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  const std::size_t rounded = Rounded(bytes);
  void* memory = ::operator new(rounded, AlignmentFor(bytes));
  // This is advice: it fails where huge pages are switched off, without harm.
  if (bytes >= kHugePageBytes) madvise(memory, rounded, MADV_HUGEPAGE);
  return memory;
}

void Release(void* memory, std::size_t bytes) noexcept {
  ::operator delete(memory, AlignmentFor(bytes));
}

}  // namespace rct::internal_aligned_buffer
