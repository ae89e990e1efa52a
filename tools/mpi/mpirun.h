// How tests start MPI jobs: several ranks on few cores, as root too, in a
// sandbox, without any network but the loopback.

#ifndef RCT_TOOLS_MPI_MPIRUN_H_
#define RCT_TOOLS_MPI_MPIRUN_H_

#include <string>

#include "absl/strings/str_cat.h"

namespace rct {

// Returns the beginning of a line of shell, which the program's name and its
// arguments follow. Open MPI keeps sockets in TMPDIR, whose names must be
// short. Its transport by shared memory is left out: jobs that run at the same
// time in sandboxes take each other's files.
inline std::string Mpirun(int ranks) {
  return absl::StrCat(
      "TMPDIR=/tmp mpirun --allow-run-as-root --oversubscribe --bind-to none "
      "--mca btl self,tcp --mca btl_tcp_if_include lo "
      "--mca oob_tcp_if_include lo --mca plm isolated -n ",
      ranks, " ");
}

}  // namespace rct

#endif  // RCT_TOOLS_MPI_MPIRUN_H_
