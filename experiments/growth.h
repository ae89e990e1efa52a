// Growth: costs per row against the size of a workload, for a table and a plot.

#ifndef RCT_EXPERIMENTS_GROWTH_H_
#define RCT_EXPERIMENTS_GROWTH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/record.pb.h"

namespace rct {

// The costs of a case on one workload: those of V and the index per point,
// those of the search per query.
struct GrowthRow {
  std::string workload;
  std::string name;  // of the case
  int64_t num_points = 0;
  int64_t num_inducing = 0;

  double search_evaluations = 0;
  double index_evaluations = 0;
  double index_bytes = 0;
  double factor_bytes = 0;  // of V

  // Medians in microseconds, unless `timed` is false because a gate failed.
  bool timed = false;
  double factor_us = 0;
  double index_us = 0;
  double search_us = 0;
};

struct Growth {
  // Whether the number of points grows, or else that of inducing points alone.
  bool of_points = false;
  // The workloads of each case, smallest first.
  std::vector<std::vector<GrowthRow>> cases;
};

// Returns the growth that a record shows, or nothing. A record shows growth if
// it has at least three workloads that differ pairwise in their number of
// points, or share it and differ in their number of inducing points. All must
// have one dimension and one k, and either all rows as queries or the same
// number of queries. A record does not say which points and kernels were used.
std::optional<Growth> GrowthOf(const RunRecord& record);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_GROWTH_H_
