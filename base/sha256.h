// SHA-256 (FIPS 180-4): digests of configs, data and results.
//
// A number enters a digest as its bytes in memory, little endian.

#ifndef RCT_BASE_SHA256_H_
#define RCT_BASE_SHA256_H_

#include <bit>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/types/span.h"

struct SHA256state_st;  // OpenSSL's SHA256_CTX.

namespace rct {

// The digest of all bytes passed to Update so far, in order. The boundaries
// between calls do not matter.
class Sha256 {
 public:
  Sha256();

  void Update(const void* data, std::size_t size);
  void Update(std::string_view bytes) { Update(bytes.data(), bytes.size()); }

  // Adds integers or floating-point numbers. NaNs and the two zeros enter with
  // their bits.
  template <class T>
  void UpdateSpan(absl::Span<const T> values) {
    static_assert(std::is_arithmetic_v<T>);
    static_assert(std::endian::native == std::endian::little);
    Update(values.data(), values.size() * sizeof(T));
  }

  // Returns 64 lower-case hexadecimal digits. More updates may follow.
  std::string HexDigest() const;

 private:
  struct FreeContext {
    void operator()(SHA256state_st* context) const;
  };

  std::unique_ptr<SHA256state_st, FreeContext> context_;
};

// Returns the digest of one string.
std::string Sha256Hex(std::string_view bytes);

}  // namespace rct

#endif  // RCT_BASE_SHA256_H_
