// AlignedBuffer: uninitialized memory on cache-line and huge-page boundaries.
//
// The memory starts at a multiple of 64 bytes, so that a SIMD load at a
// multiple of the vector length never splits a cache line. A buffer of 2 MiB or
// more is a mapping of its own, which starts at a multiple of 2 MiB and goes
// back to the operating system when the buffer ends. Huge pages are asked for:
// a row of V is about as long as a small page (512 doubles = 4 KiB), so that
// with small pages every row would cost a TLB miss of its own.
//
// A buffer owns its memory, alone or together with others (Share), or borrows
// memory that somebody else owns (Borrow). It moves and does not copy; a
// moved-from buffer is empty.

#ifndef RCT_BASE_ALIGNED_BUFFER_H_
#define RCT_BASE_ALIGNED_BUFFER_H_

#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "absl/types/span.h"

namespace rct {

namespace internal_aligned_buffer {

inline constexpr std::size_t kCacheLineBytes = 64;
inline constexpr std::size_t kHugePageBytes = std::size_t{1} << 21;

// Returns null for zero bytes; throws std::bad_alloc if there is no memory.
// Release() takes the same `bytes`, which determine the alignment.
void* Allocate(std::size_t bytes);
void Release(void* memory, std::size_t bytes) noexcept;

}  // namespace internal_aligned_buffer

template <class T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);
  static_assert(alignof(T) <= internal_aligned_buffer::kCacheLineBytes);

 public:
  AlignedBuffer() = default;

  // Allocates `size` elements with unspecified values. Throws std::bad_alloc,
  // which the front doors catch (index/exceptions.h).
  explicit AlignedBuffer(std::size_t size) : size_(size) {
    if (size > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T)) {
      throw std::bad_alloc();
    }
    const std::size_t bytes = size * sizeof(T);
    if (bytes == 0) return;
    data_ = static_cast<T*>(internal_aligned_buffer::Allocate(bytes));
    owner_ = std::shared_ptr<const void>(data_, [data = data_, bytes](auto*) {
      internal_aligned_buffer::Release(data, bytes);
    });
  }

  // Returns a buffer over memory that `owner` keeps alive, on a 64-byte
  // boundary. The memory may be read-only: a borrowed buffer must not be
  // written to.
  static AlignedBuffer Borrow(absl::Span<const T> memory,
                              const std::shared_ptr<const void>& owner) {
    AlignedBuffer buffer;
    buffer.data_ = const_cast<T*>(memory.data());
    buffer.size_ = memory.size();
    buffer.owner_ = owner;
    return buffer;
  }

  // Returns a buffer over the same memory, which lives until both buffers are
  // gone. From then on neither may be written to.
  AlignedBuffer Share() const { return Borrow(span(), owner_); }

  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        owner_(std::move(other.owner_)) {}

  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    AlignedBuffer taken(std::move(other));
    std::swap(data_, taken.data_);
    std::swap(size_, taken.size_);
    std::swap(owner_, taken.owner_);
    return *this;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }

  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

  absl::Span<T> span() { return absl::Span<T>(data_, size_); }
  absl::Span<const T> span() const { return absl::Span<const T>(data_, size_); }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::shared_ptr<const void> owner_;
};

}  // namespace rct

#endif  // RCT_BASE_ALIGNED_BUFFER_H_
