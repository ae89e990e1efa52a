// What ranks tell each other of their work at the end.

#ifndef RCT_INDEX_DISTRIBUTED_RANK_REPORTS_H_
#define RCT_INDEX_DISTRIBUTED_RANK_REPORTS_H_

#include <vector>

#include "index/distributed/distributed_graph.h"
#include "index/distributed/rank_exchange.h"

namespace rct {

// Returns the reports of all ranks, by rank. All ranks make the call.
std::vector<RankReport> GatherReports(const RankReport& own,
                                      RankExchange& exchange);

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_RANK_REPORTS_H_
