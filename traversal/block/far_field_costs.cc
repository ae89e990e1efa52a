#include "traversal/block/far_field_costs.h"

#include <algorithm>
#include <cstdint>

#include "metric/residual_correlation.h"
#include "traversal/block/far_field_expansions.h"
#include "traversal/block/far_field_routines.h"

namespace rct {
namespace {

// The mean of what pads a rank to a panel of 16.
constexpr double kRankPadding = 8;

}  // namespace

FarFieldCosts::FarFieldCosts(const ResidualCorrelation& metric,
                             int64_t block_size, bool balls, double mean_rank,
                             int nodes, const FarFieldLeft& left) {
  const auto n = static_cast<double>(metric.size());
  const auto m = static_cast<double>(metric.data().v.cols());
  const auto points = static_cast<double>(block_size);
  const double blocks = n / points;
  const double evaluation = m / 8 + 10;
  const double of_points =
      n * m * (1.3 * m / 16 + 2.6 * nodes / 8 + 3 * mean_rank / 8 + 10);
  const double of_pairs =
      blocks * blocks / 2 * (nodes * nodes * (m / 8 + 25) + 1.5e4);
  const auto width = static_cast<double>(metric.data().v.stride());
  // Ranks are padded to panels.
  const double rank = mean_rank + kRankPadding;
  const double expansions =
      std::min(8 * n * width / FarFieldExpansions::kPartOfV,
               blocks * blocks * nodes * nodes);
  bytes_ = 4 * n * (2 * rank + metric.dim() + 10) + expansions +
           blocks * (4 * width * (2 * nodes + 2 * rank + 3) + 8 * blocks);
  build_ = (of_points + of_pairs) / evaluation;
  if (balls) {
    bytes_ += 4 * (rank + metric.dim() + 5) * blocks *
              static_cast<double>(
                  std::max<int64_t>(kFarPanel, block_size / kFarPanel));
    build_ += n * kFarPanel;
  }
  const double cycles =
      1e4 + 9 * blocks +
      left.blocks *
          (0.35 * mean_rank * mean_rank * m / points + 8 * mean_rank) +
      0.08 * (mean_rank + 26) * left.points;
  query_ = cycles / evaluation + 2 * left.candidates + left.hard * n;
}

}  // namespace rct
