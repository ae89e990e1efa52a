// The rows of --points that one rank reads.
//
// Of a .npy file a rank reads the bytes of its slice, and nothing else but the
// header and a few rows that tell files apart. Another format is read whole by
// each rank, which then keeps its slice.

#ifndef RCT_TOOLS_MPI_SLICED_POINTS_H_
#define RCT_TOOLS_MPI_SLICED_POINTS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/matrix_file.h"
#include "index/distributed/distributed_graph.h"
#include "tools/rct_search.h"
#include "tools/rct_task.h"

namespace rct {

struct SlicedPoints {
  // The points of the slice; `input.info` describes all.
  Input input;
  RowRange slice;
  // Of what all ranks have to see alike: shape, element type and some rows.
  std::string digest;
};

// Returns what rank `rank` of `size` reads. Errors are those of ReadPoints,
// with the row numbers of the whole file; where --lengthscale is missing, rank
// 0 reads the whole file to suggest one.
absl::StatusOr<SlicedPoints> ReadSlicedPoints(const SearchTask& task,
                                              const ReadOptions& options,
                                              int rank, int size);

}  // namespace rct

#endif  // RCT_TOOLS_MPI_SLICED_POINTS_H_
