#include "metric/tile.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "metric/point_lanes.h"

namespace rct {

TileWorkspace::TileWorkspace(int64_t dim, int max_queries, int max_candidates)
    : query_rows(max_queries),
      candidate_rows(max_candidates),
      lanes(max_candidates, dim),
      scale(RoundUpToLanes(max_candidates)) {
  std::fill(scale.begin(), scale.end(), 0.0);
}

void MarkSelf(absl::Span<const int32_t> queries, Candidates candidates,
              double* out, int64_t out_stride) {
  for (size_t i = 0; i < queries.size(); ++i) {
    double* row = out + i * out_stride;
    if (candidates.is_range()) {
      const int64_t j = int64_t{queries[i]} - candidates[0];
      if (j >= 0 && j < candidates.size()) row[j] = kSelf;
    } else {
      for (int j = 0; j < candidates.size(); ++j) {
        if (candidates[j] == queries[i]) row[j] = kSelf;
      }
    }
  }
}

}  // namespace rct
