#include "base/aligned_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>

#include "base/sanitizers.h"

namespace rct::internal_aligned_buffer {
namespace {

// Whether a buffer is a mapping of its own. From a heap that has grown for
// other things a large buffer comes back to the system when it pleases, and its
// pages may be small ones. Sanitizers watch the heap alone.
bool IsMapped(std::size_t bytes) {
  return bytes >= kHugePageBytes && !kWatchesMemory;
}

std::align_val_t AlignmentFor(std::size_t bytes) {
  return std::align_val_t(bytes >= kHugePageBytes ? kHugePageBytes
                                                  : kCacheLineBytes);
}

std::size_t RoundUp(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// Returns the bytes of a mapping: whole pages, and whole huge pages where half
// of the last one is wanted at least. It would otherwise be hundreds of small
// ones, each with a fault of its own.
std::size_t MappedBytes(std::size_t bytes) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return RoundUp(bytes, bytes % kHugePageBytes >= kHugePageBytes / 2
                            ? kHugePageBytes
                            : page);
}

void Unmap(std::uintptr_t begin, std::uintptr_t end) {
  if (begin < end) munmap(reinterpret_cast<void*>(begin), end - begin);
}

void* Map(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::ptrdiff_t>::max() - 2 * kHugePageBytes) {
    throw std::bad_alloc();
  }
  const std::size_t mapped = MappedBytes(bytes);
  void* const room =
      mmap(nullptr, mapped + kHugePageBytes, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  const auto begin = reinterpret_cast<std::uintptr_t>(room);
  const std::uintptr_t aligned = RoundUp(begin, kHugePageBytes);
  Unmap(begin, aligned);
  Unmap(aligned + mapped, begin + mapped + kHugePageBytes);
  void* const memory = reinterpret_cast<void*>(aligned);
  // This is advice: it fails where huge pages are switched off, without harm.
  madvise(memory, mapped, MADV_HUGEPAGE);
  return memory;
}

}  // namespace

void* Allocate(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  if (IsMapped(bytes)) return Map(bytes);
  return ::operator new(bytes, AlignmentFor(bytes));
}

void Release(void* memory, std::size_t bytes) noexcept {
  if (IsMapped(bytes)) {
    munmap(memory, MappedBytes(bytes));
  } else {
    ::operator delete(memory, AlignmentFor(bytes));
  }
}

}  // namespace rct::internal_aligned_buffer
