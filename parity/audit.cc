#include "parity/audit.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/random.h"

namespace rct {

std::vector<int64_t> DrawAudit(int64_t num_queries, int64_t count) {
  // Separates this use of the seed from all others.
  constexpr uint64_t kStream = 0x6175646974;
  RandomStream stream(/*seed=*/1, kStream);
  return SampleWithoutReplacement(num_queries, std::min(count, num_queries),
                                  stream);
}

}  // namespace rct
