// The answers of the rows of a slice, which come in parts from many ranks.
//
// A row keeps the k least pairs (distance, row) of all that were offered, in
// whatever order they come: that is its answer, once all have come.

#ifndef RCT_INDEX_DISTRIBUTED_SLICE_ANSWERS_H_
#define RCT_INDEX_DISTRIBUTED_SLICE_ANSWERS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/distributed/rank_exchange.h"
#include "index/distributed/slices.h"
#include "index/streaming/streamed_graph.h"
#include "index/streaming/unit_search.h"

namespace rct {

class SliceAnswers {
 public:
  // Of rows `slice` of n points.
  SliceAnswers(int64_t n, RowRange slice, int64_t k);

  // Sends answers, and neighbors that were found, to the slices of their
  // queries. All ranks make the call.
  absl::Status Send(const UnitAnswer& answer, RankExchange& exchange);
  absl::Status Send(const FoundNeighbors& found, RankExchange& exchange);

  // Hands out all rows, in runs.
  absl::Status Write(GraphRowsWriter write, Monitor* monitor) const;

 private:
  void Offer(int64_t row, double distance, int32_t neighbor);

  int64_t n_;
  RowRange slice_;
  Matrix<int32_t> neighbors_;  // or -1
  Matrix<double> distances_;
};

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_SLICE_ANSWERS_H_
