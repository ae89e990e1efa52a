// The flags of rct_mpi: those of `rct graph` that a search by many ranks has,
// and --report.

#ifndef RCT_TOOLS_MPI_RCT_MPI_FLAGS_H_
#define RCT_TOOLS_MPI_RCT_MPI_FLAGS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tools/rct_search.h"

namespace rct {

struct RanksTask {
  SearchTask search;
  std::string report;  // the file, or ""
};

// Returns the task that the arguments describe. Errors are those of
// ParseSearchTask, and InvalidArgument for a flag that only `rct graph` has.
absl::StatusOr<RanksTask> ParseRanksTask(
    absl::Span<const std::string> arguments);

// Returns the text of --help.
std::string RanksHelp();

}  // namespace rct

#endif  // RCT_TOOLS_MPI_RCT_MPI_FLAGS_H_
