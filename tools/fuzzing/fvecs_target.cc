// Files of float32 vectors.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/fvecs.h"
#include "base/matrix.h"
#include "tools/fuzzing/target.h"

namespace rct {

const FuzzLimits kFuzzLimits = {.per_byte = 16, .constant = 1 << 14};

}  // namespace rct

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto vectors = rct::ParseFvecs(rct::InputOf(data, size));
  if (vectors.ok()) {
    // Each vector is its dimension and its numbers.
    RCT_CHECK(static_cast<size_t>(vectors->rows() * (vectors->cols() + 1)) *
                  4 ==
              size);
  }
  return 0;
}
