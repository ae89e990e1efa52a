// Trial queries of cells: what a few queries of a cell (trial_strata.h) have to
// look at.
//
// A trial makes the points around its query at full density, a *window* of so
// many that the k nearest are among them, whatever the number of all points.
// That holds where near points have the most correlated residuals: where
// windows hold many times k points, the kth of them is a little farther away
// than it might be, and no nearer.

#ifndef RCT_EXPERIMENTS_SCALE_CELL_TRIALS_H_
#define RCT_EXPERIMENTS_SCALE_CELL_TRIALS_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "experiments/scale/cell_cloud.h"
#include "experiments/scale/trial_strata.h"
#include "experiments/scale/uniform_cloud.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"

namespace rct {

// Trial queries of one cell.
struct CellQueriesTrial {
  std::vector<double> before;   // of TrialQueries
  std::vector<double> weights;  // the same
  std::vector<int32_t> positions;
  std::shared_ptr<const ResidualPoints> points;
};

// What one of them found: the squared distance of the kth nearest that is here,
// and the cells of points that are nearer but elsewhere.
struct TrialFound {
  double squared = 0;
  std::vector<int32_t> elsewhere;
};

// Thread-safe.
class CellTrials {
 public:
  // All must outlive the object.
  CellTrials(const UniformCloud& cloud, const CellCloud& cells,
             std::shared_ptr<const InducingFactor> factor,
             const TrialSearch& search)
      : cloud_(cloud),
        cells_(cells),
        factor_(std::move(factor)),
        search_(search),
        strata_(cloud, cells, *factor_, search) {}

  // Returns trial queries of a cell, about `count` of each stratum.
  absl::StatusOr<CellQueriesTrial> Make(int cell, int64_t count) const;

  // Returns what each of them finds where the points of the cells for which
  // `here` holds are here.
  absl::StatusOr<std::vector<TrialFound>> Find(
      const CellQueriesTrial& trial,
      absl::FunctionRef<bool(int cell)> here) const;

  // Returns how many queries a cell has.
  double QueriesOf(int cell) const { return strata_.QueriesOf(cell); }

 private:
  struct Window;

  Window MakeWindow(const double* point, double before, uint64_t stream,
                    absl::FunctionRef<bool(int cell)> here) const;

  const UniformCloud& cloud_;
  const CellCloud& cells_;
  std::shared_ptr<const InducingFactor> factor_;
  TrialSearch search_;
  TrialStrata strata_;
};

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SCALE_CELL_TRIALS_H_
