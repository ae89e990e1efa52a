// What all ranks have to have been given alike.

#ifndef RCT_INDEX_DISTRIBUTED_RANK_OPTIONS_H_
#define RCT_INDEX_DISTRIBUTED_RANK_OPTIONS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "base/matrix.h"
#include "index/distributed/distributed_graph.h"
#include "index/distributed/rank_exchange.h"

namespace rct {

// Returns InvalidArgument, on all ranks, with the ranks and what differs, if
// one was given other options than rank 0, or runs another version of the
// library. Threads and memory limits may differ.
absl::Status CheckSameOptions(const DistributedPoints& points,
                              const DistributedOptions& options,
                              RankExchange& exchange);

// Returns the errors of StreamGraph that a slice alone shows, with the row of
// all points.
absl::Status ValidateSlice(const DistributedPoints& points, int rank, int size);

// Returns the most bytes that any rank may take: the least of what options say,
// or of what machines have, shared by the ranks on them.
int64_t MemoryOfRank(const DistributedOptions& options, RankExchange& exchange);

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_RANK_OPTIONS_H_
