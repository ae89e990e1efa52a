#include "index/streaming/cell_bounds.h"

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"

namespace rct {

void NoCellBounds::Find(
    int /*from*/, const CellQueries& queries, absl::Span<const int32_t> others,
    absl::FunctionRef<void(int32_t, int32_t)> wanted) const {
  for (const int32_t other : others) {
    for (int32_t i = 0; i < static_cast<int32_t>(queries.positions.size());
         ++i) {
      wanted(i, other);
    }
  }
}

}  // namespace rct
