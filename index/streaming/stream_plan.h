// How a streamed search is cut: cells, units, and how many points a unit may
// fetch. No choice changes an answer.
//
// Cells. Their number is a power of two. Eight for each inducing point are what
// bounds need: how far a residual reaches is a matter of the inducing points.
// Where these have more than 32,768 points each, there are so many that they do
// not, up to 4,096. For a unit that holds some cells and those around them
// leaves pairs of a query and a whole cell to be evaluated: at 10^8 points in
// the plane and 64 processes the forecast of docs/scale.md has a query of
// Matern 1/2 evaluate 88,000 distances with 1,024 cells and a tenth of that
// with 4,096. Bounds take bytes by the square of the number of cells, which is
// why there are no more.

#ifndef RCT_INDEX_STREAMING_STREAM_PLAN_H_
#define RCT_INDEX_STREAMING_STREAM_PLAN_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "index/streaming/streamed_graph.h"

namespace rct {

struct StreamSize {
  int64_t n = 0;  // points
  int64_t dim = 1;
  int64_t m = 0;  // inducing points
  // Processes that share the points; options are then those of one of them.
  int64_t ranks = 1;
};

struct StreamPlan {
  int64_t cells = 1;   // a power of two
  int64_t groups = 1;  // of cells, for skeletons, a power of two; enough for
                       // all units
  // Of cells, of each process; 0 where all rows are early ones. For one
  // process, a power of two.
  int64_t units = 0;
  int64_t early_rows = 0;
  int64_t defer_below = 0;
  int64_t max_fetched = 0;
  int64_t unit_bytes = 0;  // that the index of a unit may keep; 0: no limit
};

// Returns ResourceExhausted, with the figures, where the limit leaves no room
// for units of a sensible size.
absl::StatusOr<StreamPlan> PlanStream(const StreamOptions& options,
                                      const StreamSize& size);

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_STREAM_PLAN_H_
