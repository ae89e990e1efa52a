// What a row costs as a workload grows: the numbers behind a table and a plot.

#ifndef RCT_EXPERIMENTS_GROWTH_H_
#define RCT_EXPERIMENTS_GROWTH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/record.pb.h"

namespace rct {

// A case of a workload: of V and the index a point's share, of the search a
// query's.
struct GrowthRow {
  std::string workload;
  std::string name;  // the case's
  int64_t num_points = 0;
  int64_t num_inducing = 0;

  double search_evaluations = 0;
  double index_evaluations = 0;
  double index_bytes = 0;
  double factor_bytes = 0;  // the numbers of V

  // Medians, in microseconds. A case whose gate failed has none.
  bool timed = false;
  double factor_us = 0;
  double index_us = 0;
  double search_us = 0;
};

struct Growth {
  // What grows: points, or inducing points alone.
  bool of_points = false;
  // The workloads of each case, smallest first.
  std::vector<std::vector<GrowthRow>> cases;
};

// The growth that a record shows, or nothing. At least three workloads, no two
// of the same number of points, or all of it and no two of the same number of
// inducing points; of one dimension, the same k, and either all rows as queries
// or always as many. A record does not say which points and kernels were used.
std::optional<Growth> GrowthOf(const RunRecord& record);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_GROWTH_H_
