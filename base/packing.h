// Numbers one after the other in a string of bytes: what processes send each
// other.
//
//     std::string bytes;
//     Pack(int64_t{3}, bytes);
//     Pack(absl::MakeConstSpan(values), bytes);
//
//     Unpacker unpacker(bytes);
//     const auto count = unpacker.Value<int64_t>();
//     unpacker.Read(count, values.data());
//
// Numbers have their bytes in memory, of any alignment, and nothing says what
// they are: the reader knows. To read more than there is, is a programmer
// error.

#ifndef RCT_BASE_PACKING_H_
#define RCT_BASE_PACKING_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/types/span.h"
#include "base/check.h"

namespace rct {

template <class T>
void Pack(absl::Span<const T> values, std::string& bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (values.empty()) return;
  bytes.append(reinterpret_cast<const char*>(values.data()),
               values.size() * sizeof(T));
}

template <class T>
requires std::is_arithmetic_v<T>
void Pack(T value, std::string& bytes) {
  Pack(absl::Span<const T>(&value, 1), bytes);
}

class Unpacker {
 public:
  // `bytes` must outlive the unpacker.
  explicit Unpacker(std::string_view bytes) : left_(bytes) {}

  bool done() const { return left_.empty(); }

  template <class T>
  T Value() {
    T value;
    Read(1, &value);
    return value;
  }

  // Reads `count` numbers.
  template <class T>
  void Read(int64_t count, T* values) {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::string_view bytes =
        Bytes(count * static_cast<int64_t>(sizeof(T)));
    if (count > 0) std::memcpy(values, bytes.data(), bytes.size());
  }

  // Returns the next `count` bytes.
  std::string_view Bytes(int64_t count) {
    RCT_CHECK(count >= 0 && count <= static_cast<int64_t>(left_.size()));
    const std::string_view bytes = left_.substr(0, count);
    left_.remove_prefix(count);
    return bytes;
  }

 private:
  std::string_view left_;
};

}  // namespace rct

#endif  // RCT_BASE_PACKING_H_
