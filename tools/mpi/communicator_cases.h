// What every Communicator does, whatever its ranks are: the tests of one over
// threads and of one over MPI are these.

#ifndef RCT_TOOLS_MPI_COMMUNICATOR_CASES_H_
#define RCT_TOOLS_MPI_COMMUNICATOR_CASES_H_

#include <cstdint>

#include "index/distributed/communicator.h"

namespace rct {

// Makes the calls of all cases, which every rank does, with strings around
// multiples of `piece_bytes` and up to `most_bytes` long. Returns the number of
// calls whose result was not what it has to be, and says on stderr which.
int64_t FailedCommunicatorCases(Communicator& ranks, int64_t piece_bytes,
                                int64_t most_bytes);

}  // namespace rct

#endif  // RCT_TOOLS_MPI_COMMUNICATOR_CASES_H_
