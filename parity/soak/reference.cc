#include "parity/soak/reference.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "traversal/neighbor_table.h"

namespace rct {

std::vector<NeighborList> ChooseNeighbors(const NeighborTable& all,
                                          absl::Span<const int64_t> rows,
                                          const Constraints& constraints) {
  const auto rank = [&](int64_t row) {
    return constraints.ranks.empty() ? row : constraints.ranks[row];
  };
  std::vector<NeighborList> lists(all.num_queries());
  for (int64_t i = 0; i < all.num_queries(); ++i) {
    const int64_t count = all.count(i);
    for (int64_t j = 0; j < count; ++j) {
      const int64_t row = all.rows()(i, j);
      const double distance = all.distances()(i, j);
      if (!rows.empty()) {
        if (constraints.exclude_self && row == rows[i]) continue;
        if (constraints.predecessor && rank(row) >= rank(rows[i])) continue;
      }
      if (!(distance < constraints.radii[i])) continue;
      if (!constraints.allowed.empty() && !constraints.allowed[row]) continue;
      lists[i].emplace_back(distance, row);
    }
    if (constraints.ranks.empty()) continue;
    std::sort(lists[i].begin(), lists[i].end(),
              [&](const auto& one, const auto& other) {
                return std::pair(one.first, rank(one.second)) <
                       std::pair(other.first, rank(other.second));
              });
  }
  return lists;
}

}  // namespace rct
