// The comparison of any strategy with exhaustive search, for tests.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_TEST_EXHAUSTIVE_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_TEST_EXHAUSTIVE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {

inline constexpr KernelConfig::Family kFamilies[] = {
    KernelConfig::RBF, KernelConfig::MATERN12, KernelConfig::MATERN32,
    KernelConfig::MATERN52};

inline std::vector<int64_t> AllRows(int64_t n) {
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// Returns in how many places the rows of two tables differ.
inline int64_t CountDifferences(const NeighborTable& a,
                                const NeighborTable& b) {
  int64_t differences = 0;
  for (int64_t i = 0; i < a.num_queries(); ++i) {
    for (int64_t j = 0; j < a.k(); ++j) {
      differences += a.rows()(i, j) != b.rows()(i, j);
    }
  }
  return differences;
}

template <class Metric>
NeighborTable ExhaustiveNeighbors(const std::shared_ptr<const Metric>& metric,
                                  const SearchOptions& options) {
  return ExhaustiveSearcher<Metric>(metric)
      .SearchRows(AllRows(metric->size()), options)
      .neighbors;
}

// Expects that rows as queries, under every constraint, get the bits of
// exhaustive search; for the first of `ks` with any number of threads. Assumes
// that `metric` is in row order.
template <class Metric>
void ExpectExhaustive(const std::shared_ptr<const Metric>& metric,
                      const Searcher<Metric>& searcher,
                      const std::vector<int64_t>& ks) {
  const int64_t n = metric->size();
  const ExhaustiveSearcher<Metric> reference(metric);
  std::vector<int64_t> queries = AllRows(n);
  queries.push_back(n - 1);  // twice
  const int64_t most = *std::max_element(ks.begin(), ks.end());
  for (const bool predecessor : {false, true}) {
    for (const bool exclude_self : {false, true}) {
      SearchOptions options = {
          .k = most, .exclude_self = exclude_self, .predecessor = predecessor};
      const NeighborTable expected =
          reference.SearchRows(queries, options).neighbors;
      for (const int64_t k : ks) {
        options.k = k;
        const std::string digest = expected.First(k).Digest();
        std::string counters;
        for (const int threads : {1, 2, 7}) {
          if (threads > 1 && k != ks[0]) break;
          options.threads = threads;
          const SearchResult result = searcher.SearchRows(queries, options);
          ASSERT_EQ(result.neighbors.Digest(), digest)
              << "k = " << k << ", " << threads << " threads"
              << (predecessor ? ", predecessors" : "")
              << (exclude_self ? ", without self" : "");
          if (threads == 1) counters = result.counters.SerializeAsString();
          ASSERT_EQ(result.counters.SerializeAsString(), counters);
        }
      }
    }
  }
}

}  // namespace rct

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_TEST_EXHAUSTIVE_H_
