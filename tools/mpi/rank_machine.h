// The machine that a rank runs on, as far as ranks share it.

#ifndef RCT_TOOLS_MPI_RANK_MACHINE_H_
#define RCT_TOOLS_MPI_RANK_MACHINE_H_

#include <cstdint>
#include <string>

#include "base/progress.h"
#include "index/distributed/communicator.h"

namespace rct {

std::string HostName();

// Returns how many threads this rank has where nobody says it: an equal share
// of the processors that it may use among the ranks of this host that may use
// the same ones. Launchers that bind ranks give each its own, and others give
// all the same. Collective.
int ThreadsOfRank(Communicator& ranks);

// Returns the most memory that this process has had, in bytes.
int64_t PeakMemoryBytes();

// Returns where rank 0 shows its progress: on stderr, if that is a terminal or
// if mpirun, which reads it from a pipe, writes to a terminal.
Progress::Display LauncherDisplay();

}  // namespace rct

#endif  // RCT_TOOLS_MPI_RANK_MACHINE_H_
