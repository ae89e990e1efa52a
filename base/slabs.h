// Slabs: memory for many small arrays that are made one by one and end
// together.
//
// Arrays are cut off slabs of up to a huge page (aligned_buffer.h), one after
// the other. A heap would take a small page for each few of them, and the
// system's time for a page is that of thousands of multiplications.

#ifndef RCT_BASE_SLABS_H_
#define RCT_BASE_SLABS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"

namespace rct {

// Not thread-safe: each thread has its own. Moves and does not copy; arrays
// stay where they are.
class Slabs {
 public:
  // Makes slabs for about `expected` >= 0 bytes in all.
  explicit Slabs(int64_t expected)
      : slab_bytes_(std::clamp(expected, kLeastSlab, kHugePage)) {}

  Slabs(Slabs&&) = default;
  Slabs& operator=(Slabs&&) = default;

  // Returns an array of `count` >= 0 elements with unspecified values, which
  // begins at a multiple of 32 bytes and lives as long as the slabs. Throws
  // std::bad_alloc where there is no memory.
  template <class T>
  absl::Span<T> Allocate(int64_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    const int64_t bytes = count * static_cast<int64_t>(sizeof(T));
    const int64_t whole = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (whole > left_) {
      const int64_t size = std::max(whole, slab_bytes_);
      slabs_.emplace_back(size);
      next_ = slabs_.back().data();
      left_ = size;
    }
    T* const array = reinterpret_cast<T*>(next_);
    next_ += whole;
    left_ -= whole;
    return absl::MakeSpan(array, count);
  }

  // Returns an array whose elements are all `value`.
  template <class T>
  absl::Span<T> Filled(int64_t count, T value) {
    const absl::Span<T> array = Allocate<T>(count);
    std::fill(array.begin(), array.end(), value);
    return array;
  }

 private:
  static constexpr int64_t kAlignment = 32;
  static constexpr int64_t kLeastSlab = 1 << 14;
  static constexpr int64_t kHugePage = 1 << 21;

  int64_t slab_bytes_;
  std::vector<AlignedBuffer<std::byte>> slabs_;
  std::byte* next_ = nullptr;
  int64_t left_ = 0;
};

}  // namespace rct

#endif  // RCT_BASE_SLABS_H_
