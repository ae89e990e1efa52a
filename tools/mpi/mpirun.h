// Tests of jobs of several ranks, by calling mpirun as a user does.

#ifndef RCT_TOOLS_MPI_MPIRUN_H_
#define RCT_TOOLS_MPI_MPIRUN_H_

#include <string>
#include <string_view>

namespace rct {

// Sets, for all programs that this process starts, what mpirun needs where
// tests run: as root, with more ranks than processors, in a sandbox and without
// a network. Open MPI keeps sockets in TMPDIR, whose names must be short. Its
// transport by shared memory is left out: jobs that run at the same time in
// sandboxes take each other's files.
void SetUpMpirun();

// Returns the path of a program of this folder.
std::string MpiProgram(std::string_view name);

}  // namespace rct

#endif  // RCT_TOOLS_MPI_MPIRUN_H_
