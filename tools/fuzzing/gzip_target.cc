// Compressed files. Their contents may be a thousand times as large.

#include <cstddef>
#include <cstdint>

#include "base/gzip.h"
#include "tools/fuzzing/target.h"

namespace rct {

// No code of RFC 1951 stands for more than 1032 times its own size, and the
// contents grow by pieces of 1 MiB.
const FuzzLimits kFuzzLimits = {.per_byte = 4 * 1032, .constant = 1 << 22};

}  // namespace rct

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = rct::InputOf(data, size);
  rct::IsGzip(bytes);
  rct::Gunzip(bytes).status().IgnoreError();
  return 0;
}
