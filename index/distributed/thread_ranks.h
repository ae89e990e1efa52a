// Ranks that are threads of this process: for tests, and for simulations of how
// much many processes would send each other.
//
//     RunThreadRanks(4, [](Communicator& ranks) {
//       ... DistributedGraph(ranks, ...) ...
//     });
//
// What a rank sends is copied to the others as it would be to other processes,
// and no rank sees another's memory. A collective call waits until all ranks
// have made it. It is a programmer error, which ends the process, if ranks make
// different calls at a time, or if one returns while others wait for it.

#ifndef RCT_INDEX_DISTRIBUTED_THREAD_RANKS_H_
#define RCT_INDEX_DISTRIBUTED_THREAD_RANKS_H_

#include "absl/functional/function_ref.h"
#include "index/distributed/communicator.h"

namespace rct {

// Calls run(communicator) in `size` threads at once, at least 1, each with the
// communicator of its rank, and returns when all have returned. An exception
// that `run` throws ends the process, as a rank that dies ends the others.
void RunThreadRanks(int size, absl::FunctionRef<void(Communicator&)> run);

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_THREAD_RANKS_H_
