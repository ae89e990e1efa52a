// Advice on an answer that is never in one place: counts of its parts, which
// add up.

#ifndef RCT_INDEX_ADVICE_TALLY_H_
#define RCT_INDEX_ADVICE_TALLY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "index/advice.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {

// How many queries of an answer, or of a part of it, agree (advice.h).
struct AdviceTally {
  // Judges the queries of a table.
  void Add(const NeighborTable& neighbors, const SearchOptions& options,
           AdvisedMetric metric);
  // Judges one query by the distances of its neighbors, in ascending order. If
  // `own`, the first of them is the query itself.
  void Add(absl::Span<const double> distances, bool own, AdvisedMetric metric);

  // Adds the queries of another part.
  void Add(const AdviceTally& other);

  // Returns what AdviceOnNeighbors says of the whole answer.
  std::vector<std::string> Advice(double radius, AdvisedMetric metric) const;

  int64_t judged = 0;
  int64_t unrelated = 0;
  int64_t coinciding = 0;
};

}  // namespace rct

#endif  // RCT_INDEX_ADVICE_TALLY_H_
