// The cases of communicator_cases.h over the processes of an MPI job.
// Usage: mpirun ... communicator_cases_main PIECE_BYTES MOST_BYTES

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/mpi/communicator_cases.h"
#include "tools/mpi/mpi_communicator.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const rct::MpiSession session;
  const int64_t piece_bytes = std::atoll(argv[1]);
  rct::MpiCommunicator ranks(piece_bytes);
  const int64_t failed =
      rct::FailedCommunicatorCases(ranks, piece_bytes, std::atoll(argv[2]));
  const bool all = ranks.Gather(failed == 0 ? "." : "F") ==
                   std::vector<std::string>(ranks.size(), ".");
  if (ranks.rank() == 0 && all) std::printf("ranks %d: passed\n", ranks.size());
  return all ? 0 : 1;
}
