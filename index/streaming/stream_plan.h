// How a streamed search is cut: cells, units, and how many points a unit may
// fetch. No choice changes an answer.
//
// Cells. Their number is a power of two. Eight for each inducing point are what
// bounds need: how far a residual reaches is a matter of the inducing points.
// Where these cells had more than 32,768 points, there are more of them, up to
// 4,096. For a unit that has a few cells and not all that are around them
// leaves pairs of a query and a whole cell to evaluate: at 10^8 points in the
// plane, 64 processes and 128 inducing points, the forecast of docs/scale.md
// has a point of Matern 1/2 evaluate 88,000 distances with 1,024 cells, 17,000
// with 2,048 and 130 with 4,096. Bounds take bytes by the square of the number
// of cells, which is why there are no more.
//
// Groups. Skeletons are of 512 groups of cells; where points decide, of two
// cells each: with 2,048 in place of 512 a point of RBF evaluates 66,000
// distances there in place of 270,000, and with 4,096 hardly less.
//
// Early rows. Under the predecessor constraint a row with few earlier ones in
// its cell has neighbors in many cells. The rows below 65,536 are therefore a
// unit of their own, or 256 for each cell where there are few cells: an index
// of early rows is made by every process. With half as many of them, 100,000
// points on 16 processes have a sixth less V to make and for Matern 1/2 half
// the distances to evaluate.

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
  // Whether each has a slice of the points and its answers in memory, beside
  // the points of its cells (index/distributed).
  bool holds_slice = false;
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
