// Changes of inputs for fuzzing, which a stream of random numbers decides.

#ifndef RCT_TOOLS_FUZZING_MUTATE_H_
#define RCT_TOOLS_FUZZING_MUTATE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "base/random.h"

namespace rct {

// Makes one to eight changes: of a bit, of a byte, of a number in the text or
// in the bytes to one that programs stumble over (0, -1, the largest of its
// type, NaN, ...), and of pieces, which are erased, repeated, or taken from
// `other`, which may be the input itself. The result has at most `max_size` bytes.
void Mutate(RandomStream& random, std::string_view other, size_t max_size,
            std::string& input);

// Makes one to four changes that keep the size: of numbers, bits and bytes.
void MutateInPlace(RandomStream& random, std::string& input);

}  // namespace rct

#endif  // RCT_TOOLS_FUZZING_MUTATE_H_
