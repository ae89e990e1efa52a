// Archives (base/archive.h) for fuzzing: changed where it hurts, and with the
// digest that they should have, so that what lies behind the digest is reached.

#ifndef RCT_TOOLS_FUZZING_ARCHIVES_H_
#define RCT_TOOLS_FUZZING_ARCHIVES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rct {

// Returns the bytes with the size and the digest of an archive in their places,
// and as they are where they are too short or too long (over 4 MiB) for it.
std::string WithDigest(std::string_view bytes);

// Changes an archive as LLVMFuzzerCustomMutator must: as a rule one array,
// within its numbers or in length, or a number of its entry in the table, and
// then all offsets, so that the rest still lies where it should.
size_t MutateArchive(uint8_t* data, size_t size, size_t max_size,
                     unsigned int seed);

}  // namespace rct

#endif  // RCT_TOOLS_FUZZING_ARCHIVES_H_
