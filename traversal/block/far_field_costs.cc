#include "traversal/block/far_field_costs.h"

#include <cstdint>

#include "metric/residual_correlation.h"

namespace rct {

FarFieldCosts::FarFieldCosts(const ResidualCorrelation& metric,
                             int64_t block_size, double mean_rank, int nodes,
                             const FarFieldLeft& left) {
  const auto n = static_cast<double>(metric.size());
  const auto m = static_cast<double>(metric.data().v.cols());
  const auto points = static_cast<double>(block_size);
  const double blocks = n / points;
  const double evaluation = m / 8 + 10;
  const double of_points =
      n * m * (1.3 * m / 16 + 2.6 * nodes / 8 + 3 * mean_rank / 8 + 10);
  const double of_pairs =
      blocks * blocks / 2 * (nodes * nodes * (m / 8 + 25) + 1.5e4);
  build_ = (of_points + of_pairs) / evaluation;
  const double cycles =
      1e4 + 9 * blocks +
      left.blocks *
          (0.35 * mean_rank * mean_rank * m / points + 8 * mean_rank) +
      0.08 * (mean_rank + 26) * left.points;
  query_ = cycles / evaluation + 2 * left.candidates + left.hard * n;
}

}  // namespace rct
