// What is known of the cells of a cloud: their counts and boxes, the bounds of
// their pairs, and trial queries.

#ifndef RCT_EXPERIMENTS_SCALE_CELL_MODEL_H_
#define RCT_EXPERIMENTS_SCALE_CELL_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/scale/cell_cloud.h"
#include "experiments/scale/cell_trials.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/streaming/bound_choice.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/unit_plan.h"
#include "metric/residual_factors.h"

namespace rct {

// The bytes of what ranks tell each other of one bound.
struct BoundBytes {
  std::vector<int64_t> of_group;  // its sample
  std::vector<int64_t> of_cell;
  std::vector<int64_t> of_task;
};

// Processor time that bounds took here.
struct BoundSeconds {
  double skeletons = 0;  // which every rank makes
  double exchange = 0;  // to pack what ranks tell each other, and so to read it
  double pairs = 0;     // of cells, which ranks share out
  double of_point = 0;  // V among it
};

// A trial query, in a sum over all queries that it stands for.
struct WeighedQuery {
  double weight = 0;
  double before = 1;            // the part of all points it looks at
  std::vector<int32_t> wanted;  // cells, of some
  std::vector<int32_t> found;   // cells of points that are nearer than theta
};

struct CellCut {
  int64_t cells = 1;
  int64_t groups = 1;          // of cells, for skeletons
  int64_t trial_queries = 32;  // of each stratum of a cell
};

class CellModel {
 public:
  // All but the factor must outlive the object.
  static absl::StatusOr<std::unique_ptr<CellModel>> Create(
      const UniformCloud& cloud, std::shared_ptr<const InducingFactor> factor,
      const TrialSearch& search, const CellCut& cut, int threads);

  const CellCloud& cells() const { return cells_; }
  const CellBounds& bounds() const { return *choice_.bounds; }
  const BoundChoice& choice() const { return choice_; }
  const std::vector<BoundBytes>& bytes() const { return bytes_; }
  const BoundSeconds& seconds() const { return seconds_; }
  double QueriesOf(int cell) const { return trials_.QueriesOf(cell); }

  // Returns how many queries of a cell want each other cell, by what their own
  // cell gives them.
  absl::StatusOr<std::vector<double>> Wants(int cell);

  // Returns trial queries of a cell, with the cells they want that are not
  // here. here[c] says which cells are.
  absl::StatusOr<std::vector<WeighedQuery>> Defer(
      int cell, const std::vector<bool>& here);

 private:
  CellModel(const UniformCloud& cloud,
            std::shared_ptr<const InducingFactor> factor,
            const TrialSearch& search, const CellCut& cut, int threads)
      : factor_(factor),
        groups_(cut.groups),
        trial_queries_(cut.trial_queries),
        threads_(threads),
        cells_(cloud, *factor, cut.cells, threads),
        trials_(cloud, cells_, factor, search),
        queries_(cut.cells) {}

  absl::Status ChooseBound();
  absl::StatusOr<std::unique_ptr<CellBoundsInParts>> Skeletons();
  absl::StatusOr<std::unique_ptr<CellBoundsInParts>> FarField();
  absl::Status Make(CellBoundsInParts& bounds, BoundBytes bytes);
  absl::StatusOr<CellTrial> Try(const CellBounds& bounds);
  absl::StatusOr<const CellQueriesTrial*> QueriesIn(int cell);
  // Calls wanted(i, c) as CellBounds::Find does, for cells that are not here.
  void FindWanted(const CellBounds& bounds, int cell,
                  const CellQueriesTrial& trial,
                  const std::vector<TrialFound>& found,
                  absl::FunctionRef<bool(int)> here,
                  absl::FunctionRef<void(int32_t, int32_t)> wanted) const;

  std::shared_ptr<const InducingFactor> factor_;
  int64_t groups_;
  int64_t trial_queries_;
  int threads_;
  CellCloud cells_;
  CellTrials trials_;
  BoundChoice choice_;
  std::vector<BoundBytes> bytes_;
  BoundSeconds seconds_;
  std::vector<std::optional<CellQueriesTrial>> queries_;
};

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SCALE_CELL_MODEL_H_
