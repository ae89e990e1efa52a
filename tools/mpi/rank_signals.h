// The signals that end a rank.
//
// mpirun turns Ctrl-C and SIGTERM into a SIGTERM for each rank, and sends that
// too where a rank has died. The others wait in MPI then, for ever: so a signal
// is not noted, as by base/stop_signals.h, but ends the rank at once. Rank 0
// says so, once, and restores files (file_guard.h).
//
// While files are renamed a signal is ignored: the end is a matter of
// milliseconds, and the answer is whole.

#ifndef RCT_TOOLS_MPI_RANK_SIGNALS_H_
#define RCT_TOOLS_MPI_RANK_SIGNALS_H_

#include "tools/mpi/file_guard.h"

namespace rct {

// Lets SIGINT, SIGTERM and SIGHUP end this process as described; its exit code
// is then 128 plus the signal's number. For rank 0. A signal that is ignored
// stays ignored. `guard` must live as long as the process.
void EndOnSignals(FileGuard& guard);

// From now on signals are ignored. Where one has come before, this does not
// return.
void IgnoreSignals();

}  // namespace rct

#endif  // RCT_TOOLS_MPI_RANK_SIGNALS_H_
