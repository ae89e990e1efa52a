// The work of `rct_mpi graph`, once its flags are read: every rank makes the
// call, over whatever connects them.

#ifndef RCT_TOOLS_MPI_RANKS_GRAPH_H_
#define RCT_TOOLS_MPI_RANKS_GRAPH_H_

#include <string>

#include "absl/status/statusor.h"
#include "index/distributed/communicator.h"
#include "tools/mpi/file_guard.h"
#include "tools/mpi/rct_mpi_flags.h"

namespace rct {

// Makes the graph, writes its files and returns a report for rank 0 to show.
// Files that cannot be read or written, and ranks of other versions, flags or
// points, are found before the work. Errors are the same on all ranks, those of
// RunSearch; after one each output is as it was. `guard` is rank 0's.
absl::StatusOr<std::string> RunRanksGraph(const RanksTask& task,
                                          Communicator& ranks,
                                          FileGuard& guard);

}  // namespace rct

#endif  // RCT_TOOLS_MPI_RANKS_GRAPH_H_
