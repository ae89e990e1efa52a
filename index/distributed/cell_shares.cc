#include "index/distributed/cell_shares.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/types/span.h"

namespace rct {

namespace {

// What a point of the index of early rows costs, in points of cells. It has its
// V made once, these five to eight times, for bounds, plans, units and deferred
// pairs, and where others fetch them; of the time of an index it takes half of
// theirs. A fourth is between the two.
constexpr double kEarlyPoint = 0.25;
// The same of a query among early rows, whose neighbors are far away.
constexpr double kEarlyQuery = 0.4;

// Returns where the share of each rank ends, from 0 to 1, of points that are
// shared out to ranks that have `work` besides: all ranks are filled up to the
// same level, which those are above already whose work is more.
std::vector<double> ShareEnds(double points, absl::Span<const double> work) {
  std::vector<double> sorted(work.begin(), work.end());
  std::sort(sorted.begin(), sorted.end());
  double level = 0;
  double sum = points;
  for (size_t i = 0; i < sorted.size(); ++i) {
    sum += sorted[i];
    level = sum / static_cast<double>(i + 1);
    if (i + 1 == sorted.size() || level <= sorted[i + 1]) break;
  }
  std::vector<double> ends;
  double before = 0;
  for (const double of_rank : work) {
    before += std::max(0.0, level - of_rank);
    ends.push_back(before / points);
  }
  return ends;
}

}  // namespace

std::vector<double> EarlyWork(int64_t early_rows, int ranks) {
  std::vector<double> work;
  for (int r = 0; r < ranks; ++r) {
    const int64_t first = r * early_rows / ranks;
    const int64_t last = (r + 1) * early_rows / ranks;
    work.push_back(kEarlyPoint * static_cast<double>(last) +
                   kEarlyQuery * static_cast<double>(last - first));
  }
  return work;
}

std::vector<int> ShareOutCells(absl::Span<const int64_t> counts, int64_t groups,
                               absl::Span<const double> work) {
  const auto cells = static_cast<int64_t>(counts.size());
  const auto ranks = static_cast<int>(work.size());
  const int64_t of_group = groups > 0 ? cells / groups : 0;
  const auto total = static_cast<double>(
      std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  const std::vector<double> ends = ShareEnds(total, work);
  std::vector<int> first(ranks + 1, static_cast<int>(cells));
  first[0] = 0;
  double before = 0;
  int rank = 0;
  for (int64_t g = 0; g < groups; ++g) {
    const auto of_this = counts.subspan(g * of_group, of_group);
    const auto count = static_cast<double>(
        std::accumulate(of_this.begin(), of_this.end(), int64_t{0}));
    // A group belongs to the rank whose share has its middle.
    while (rank + 1 < ranks && before + count / 2 >= ends[rank] * total) {
      first[++rank] = static_cast<int>(g * of_group);
    }
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
