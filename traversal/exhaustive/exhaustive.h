// Exhaustive search: every query against every candidate, in tiles.
//
// The reference that shares the metric with all other strategies, and the floor
// under their speed. A batch of queries stays in the second-level cache while
// the candidates stream past once; distances are compared with the kth so far
// while their tile is still in cache, and are never written out. Where queries
// are few, candidates are split into chunks as well, so that threads share even
// a single query.
//
// Cost: n m fused multiply-adds a query, at the tile's near-peak rate, and n
// kernel evaluations; 8 n m bytes read for each batch of queries.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_EXHAUSTIVE_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_EXHAUSTIVE_H_

#include <cstdint>
#include <memory>

#include "absl/types/span.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {

template <class Metric>
class ExhaustiveSearcher final : public Searcher<Metric> {
 public:
  // `metric` holds the data in the caller's order.
  explicit ExhaustiveSearcher(std::shared_ptr<const Metric> metric);

  using Request = typename Searcher<Metric>::Request;

  // Does the same as that of a Searcher, and counts the queries.
  void SearchSome(const Request& request, absl::Span<const int32_t> queries,
                  NeighborTable& neighbors, SearchStatistics& statistics) const;

 private:
  struct Task;
  struct Plan;
  struct Worker;

  // Returns the tasks of a request; a matter of the request alone.
  Plan PlanOf(const Request& request) const;
  // Fills the worker's heaps with the nearest of the task's candidates.
  void SearchTask(const Request& request, const Task& task,
                  absl::Span<const int32_t> queries, Worker& worker) const;
  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override;
};

extern template class ExhaustiveSearcher<ResidualCorrelation>;
extern template class ExhaustiveSearcher<EuclideanDistance>;

}  // namespace rct

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_EXHAUSTIVE_H_
