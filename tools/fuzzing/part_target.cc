// Part files, with the digest that they should have. What is accepted can be
// described and joined.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "base/check.h"
#include "tools/fuzzing/archives.h"
#include "tools/fuzzing/memory_file.h"
#include "tools/fuzzing/target.h"
#include "tools/rct_info.h"
#include "tools/rct_part.h"

namespace rct {

const FuzzLimits kFuzzLimits = {.per_byte = 256, .constant = 1 << 20};

}  // namespace rct

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const rct::MemoryFile file(rct::WithDigest(rct::InputOf(data, size)));
  const std::string path = file.path();
  const auto part = rct::Part::Read(path, /*threads=*/1, nullptr);
  if (!part.ok()) {
    RCT_CHECK(!part.status().message().empty());
    return 0;
  }
  RCT_CHECK(rct::DescribeFile(path).ok());
  // The only one of its parts, or one that misses the others.
  const auto joined = rct::JoinParts(absl::MakeConstSpan(&*part, 1), {path});
  RCT_CHECK(joined.ok() == (part->shard.parts == 1));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  return rct::MutateArchive(data, size, max_size, seed);
}
