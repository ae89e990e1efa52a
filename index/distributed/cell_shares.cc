#include "index/distributed/cell_shares.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/types/span.h"

namespace rct {

std::vector<int> ShareOutCells(absl::Span<const int64_t> counts, int64_t groups,
                               int ranks) {
  const auto cells = static_cast<int64_t>(counts.size());
  const int64_t of_group = groups > 0 ? cells / groups : 0;
  const int64_t total =
      std::accumulate(counts.begin(), counts.end(), int64_t{0});
  std::vector<int> first(ranks + 1, static_cast<int>(cells));
  first[0] = 0;
  int64_t before = 0;
  int rank = 0;
  for (int64_t g = 0; g < groups; ++g) {
    const auto of_this = counts.subspan(g * of_group, of_group);
    const int64_t count =
        std::accumulate(of_this.begin(), of_this.end(), int64_t{0});
    // A group belongs to the rank whose share has its middle.
    const auto owner = static_cast<int>(
        std::min<int64_t>(ranks - 1, (before + count / 2) * ranks / total));
    while (rank < owner) first[++rank] = static_cast<int>(g * of_group);
    before += count;
  }
  return first;
}

std::vector<CellRun> UnitRuns(absl::Span<const int64_t> counts, CellRun all,
                              int64_t units) {
  const auto own = counts.subspan(all.first, all.last - all.first);
  const int64_t total = std::accumulate(own.begin(), own.end(), int64_t{0});
  std::vector<CellRun> runs;
  int64_t before = 0;
  int64_t last_unit = -1;
  for (int c = all.first; c < all.last; ++c) {
    const int64_t unit = (before + counts[c] / 2) * units / total;
    before += counts[c];
    if (unit != last_unit) runs.push_back({c, c});
    runs.back().last = c + 1;
    last_unit = unit;
  }
  return runs;
}

}  // namespace rct
