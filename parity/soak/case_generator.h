// Random cases of the differential soak.
//
// A case composes everything that changes no answer: points of many shapes, a
// metric, a strategy with its options and heuristics, and a sequence of calls,
// between which the index is saved and loaded, pickled, appended to or rebuilt.
// Case i of a seed is the same on every machine: a pure function of the two
// numbers.
//
// Three habits make rare mistakes likely. Sizes lie around the borders of
// blocks, tiles and vectors. Ties are everywhere: lattices, copies, rows that
// differ by one ulp, radii that equal a distance to the last bit. And tests are
// decided close to their bounds: lengthscales far above the spacing of points,
// where distances are mostly rounding, and jitters near the least that the
// proofs allow.

#ifndef RCT_PARITY_SOAK_CASE_GENERATOR_H_
#define RCT_PARITY_SOAK_CASE_GENERATOR_H_

#include <cstdint>

#include "parity/soak/soak.pb.h"

namespace rct {

// Returns case `number` of the soak with this seed.
SoakCase MakeSoakCase(uint64_t seed, int64_t number);

}  // namespace rct

#endif  // RCT_PARITY_SOAK_CASE_GENERATOR_H_
