// What a run of many ranks says at its end: a few lines, and a file for those
// who want to know where time and memory went.

#ifndef RCT_TOOLS_MPI_RANKS_SUMMARY_H_
#define RCT_TOOLS_MPI_RANKS_SUMMARY_H_

#include <string>

#include "index/distributed/distributed_graph.h"
#include "tools/mpi/ranks_report.pb.h"

namespace rct {

// Returns what the search says of itself. The other fields of RankWork and of
// RanksReport are the caller's.
RanksReport ReportOf(const DistributedReport& report);

// Returns the lines for people.
std::string SummaryOf(const RanksReport& report);

// Returns a JSON object with the fields of the message, and a newline.
std::string JsonOf(const RanksReport& report);

}  // namespace rct

#endif  // RCT_TOOLS_MPI_RANKS_SUMMARY_H_
