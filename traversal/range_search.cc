#include "traversal/range_search.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/monitor.h"
#include "traversal/counters.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

constexpr int64_t kFirst = 62;
constexpr int64_t kGrowth = 8;

// Entries of the table of one search, and the fewest queries of it, so that
// threads have something to share.
constexpr int64_t kMaxEntries = int64_t{1} << 23;
constexpr int64_t kMinQueries = 16;

// Lists in the order in which they were found.
struct Lists {
  void Append(const NeighborTable& table, int64_t from, int64_t size,
              int64_t query) {
    first[query] = static_cast<int64_t>(rows.size());
    count[query] = size;
    const int64_t* new_rows = table.rows().row(from);
    rows.insert(rows.end(), new_rows, new_rows + size);
    const double* new_distances = table.distances().row(from);
    distances.insert(distances.end(), new_distances, new_distances + size);
  }

  RangeTable InOrder() && {
    RangeTable table;
    table.offsets.resize(count.size() + 1);
    std::partial_sum(count.begin(), count.end(), table.offsets.begin() + 1);
    if (std::equal(first.begin(), first.end(), table.offsets.begin())) {
      table.rows = std::move(rows);
      table.distances = std::move(distances);
      return table;
    }
    table.rows.resize(rows.size());
    table.distances.resize(rows.size());
    for (size_t i = 0; i < count.size(); ++i) {
      std::copy_n(rows.begin() + first[i], count[i],
                  table.rows.begin() + table.offsets[i]);
      std::copy_n(distances.begin() + first[i], count[i],
                  table.distances.begin() + table.offsets[i]);
    }
    return table;
  }

  std::vector<int64_t> first, count;  // of each query
  std::vector<int64_t> rows;
  std::vector<double> distances;
};

}  // namespace

RangeResult RangeSearch(int64_t num_queries, int64_t num_points,
                        SearchOptions options, SearchSome search) {
  const Monitor::Part whole(options.monitor);
  RangeResult result;
  Lists lists;
  lists.first.resize(num_queries);
  lists.count.resize(num_queries);
  std::vector<int64_t> left(num_queries);
  std::iota(left.begin(), left.end(), 0);
  for (int64_t k = kFirst; !left.empty() && num_points > 0; k *= kGrowth) {
    options.k = std::min(k, num_points);
    const auto batch =
        static_cast<size_t>(std::max(kMinQueries, kMaxEntries / options.k));
    const Monitor::Part round(options.monitor,
                              options.k < num_points ? 0.5 : 1);
    std::vector<int64_t> full;
    for (size_t first = 0; first < left.size(); first += batch) {
      const absl::Span<const int64_t> queries =
          absl::MakeConstSpan(left).subspan(first, batch);
      const Monitor::Part part(options.monitor,
                               static_cast<double>(queries.size()) /
                                   static_cast<double>(left.size() - first));
      const SearchResult found = search(queries, options);
      if (!Monitor::Go(options.monitor)) return result;
      AddCounters(found.counters, result.counters);
      result.trace.Add(found.trace);
      for (size_t i = 0; i < queries.size(); ++i) {
        const auto row = static_cast<int64_t>(i);
        const int64_t count = found.neighbors.count(row);
        if (count == options.k && options.k < num_points) {
          full.push_back(queries[i]);
        } else {
          lists.Append(found.neighbors, row, count, queries[i]);
        }
      }
    }
    left = std::move(full);
  }
  result.neighbors = std::move(lists).InOrder();
  return result;
}

}  // namespace rct
