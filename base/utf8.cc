#include "base/utf8.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rct {
namespace {

// Removes a valid sequence of 2 to 4 bytes from the front; returns false if
// there is none.
bool TakeSequence(std::string_view& bytes) {
  const auto byte = [&bytes](size_t i) {
    return static_cast<unsigned char>(bytes[i]);
  };
  size_t length = 0;
  uint32_t min = 0;  // a smaller code is overlong
  uint32_t code = 0;
  if ((byte(0) & 0xe0) == 0xc0) {
    length = 2, min = 0x80, code = byte(0) & 0x1f;
  } else if ((byte(0) & 0xf0) == 0xe0) {
    length = 3, min = 0x800, code = byte(0) & 0x0f;
  } else if ((byte(0) & 0xf8) == 0xf0) {
    length = 4, min = 0x10000, code = byte(0) & 0x07;
  } else {
    return false;
  }
  if (bytes.size() < length) return false;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return false;
    code = code << 6 | (byte(i) & 0x3f);
  }
  bytes.remove_prefix(length);
  return code >= min && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

}  // namespace

bool IsPrintableUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto first = static_cast<unsigned char>(bytes[0]);
    if (first < 0x80) {
      if (first < 0x20 || first == 0x7f) return false;
      bytes.remove_prefix(1);
    } else if (!TakeSequence(bytes)) {
      return false;
    }
  }
  return true;
}

}  // namespace rct
