// How a streamed search is cut: cells, units, and how many points a unit may
// fetch. No choice changes an answer.

#ifndef RCT_INDEX_STREAMING_STREAM_PLAN_H_
#define RCT_INDEX_STREAMING_STREAM_PLAN_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "index/streaming/streamed_graph.h"

namespace rct {

struct StreamPlan {
  int64_t cells = 1;   // a power of two
  int64_t groups = 1;  // of cells, for skeletons; a multiple of `units`
  int64_t units = 0;   // of cells; 0 where all rows are early ones
  int64_t early_rows = 0;
  int64_t defer_below = 0;
  int64_t max_fetched = 0;
  int64_t unit_bytes = 0;  // that the index of a unit may keep; 0: no limit
};

// Returns ResourceExhausted, with the figures, where the limit leaves no room
// for units of a sensible size.
absl::StatusOr<StreamPlan> PlanStream(const StreamOptions& options, int64_t n,
                                      int64_t dim, int64_t m);

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_STREAM_PLAN_H_
