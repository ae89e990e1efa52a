// A forecast of distributed graphs (index/distributed/distributed_graph.h):
// what each of R ranks owns, fetches, defers, projects, evaluates, sends and
// holds, for as many points as nobody here could search.
//
// The forecast does to cells what ranks do to points. It cuts the cloud into
// the same cells, shares them out by the same function, makes the bounds of
// pairs of cells, and lets a few trial queries a cell (trial_strata.h) say what
// units fetch and what they defer. What a query evaluates comes from trial
// indexes of some ten thousand points; early rows are searched as ranks do. No
// search of all points is run, and little grows with their number: the work is
// that of cells, of which there are a few thousand at most.
//
// What it leaves out: ties, the pieces in which pairs travel (a cell whose
// pairs come in several has its V made for each), and what a transport adds to
// bytes. scale_model_test.cc holds it against real ranks.
//
// The points are uniform; inducing points are random rows of them.

#ifndef RCT_EXPERIMENTS_SCALE_SCALE_MODEL_H_
#define RCT_EXPERIMENTS_SCALE_SCALE_MODEL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "experiments/scale/cell_model.h"
#include "experiments/scale/deferred_loads.h"
#include "experiments/scale/index_trials.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/cell_shares.h"
#include "index/distributed/distributed_graph.h"
#include "index/streaming/stream_plan.h"
#include "index/streaming/streamed_points.h"
#include "metric/residual_factors.h"

namespace rct {

struct RankForecast {
  int rank = 0;
  RankReport report;         // its counts; no times
  int64_t bytes_held = 0;    // at most, of points, bounds and the largest unit
  int64_t unit_points = 0;   // of the index of its largest unit
  int64_t early_points = 0;  // of the index of its early rows
  int64_t early_queries = 0;
};

struct ScaleForecast {
  std::string bound;
  int64_t cells = 0;
  int64_t bound_bytes = 0;  // on each rank
  BoundSeconds bound_seconds;
  int bounds_made = 0;
  std::vector<RankForecast> ranks;
};

class ScaleModel {
 public:
  // `options` must say memory_limit_bytes. Of each stratum of a cell that is
  // tried, about `trial_queries` are: their number decides what chance does.
  // Errors are those of DistributedGraph.
  static absl::StatusOr<std::unique_ptr<ScaleModel>> Create(
      const UniformCloud& cloud, const DistributedOptions& options,
      int64_t trial_queries);

  // Returns the forecast of `some` of `ranks` ranks, evenly chosen; what comes
  // to one of them from those that were not chosen is what comes to one on
  // average. Returns FailedPrecondition where no bound helps.
  absl::StatusOr<ScaleForecast> Forecast(int ranks, int some);

 private:
  // What a unit of cells does, in sums over queries.
  struct UnitForecast;
  // A cell whose queries are tried, and how many times they are to count.
  struct TrialCell {
    int cell;
    double times;
  };

  ScaleModel(const UniformCloud& cloud, const DistributedOptions& options,
             int64_t trial_queries,
             std::shared_ptr<const InducingFactor> factor, int threads);

  absl::StatusOr<CellModel*> ModelOf(const StreamPlan& plan);
  absl::StatusOr<std::vector<int32_t>> Fetched(
      CellModel& model, const StreamPlan& plan, CellRun run,
      const std::vector<TrialCell>& trial_cells);
  // Returns what units see, which are of whole cells or of early rows.
  StreamedPoints All(const CellModel& model, const StreamPlan& plan,
                     MatrixView<const double> early) const;
  // Returns what a unit of whole cells fetches.
  absl::StatusOr<std::vector<int32_t>> PlanWhole(const CellModel& model,
                                                 const StreamPlan& plan,
                                                 CellRun run) const;
  absl::StatusOr<UnitForecast> ForecastUnit(CellModel& model,
                                            const StreamPlan& plan, CellRun run,
                                            const std::vector<int>& first_cell,
                                            DeferredLoads& loads);
  absl::StatusOr<RankForecast> ForecastRank(CellModel& model,
                                            const StreamPlan& plan, int ranks,
                                            int rank,
                                            const std::vector<int>& first_cell,
                                            DeferredLoads& loads);
  // Returns the cells of a run whose queries are tried.
  static std::vector<TrialCell> TrialCellsOf(const CellModel& model,
                                             CellRun run);
  // Returns the inducing points that ask all cells.
  std::vector<int64_t> InducingQueries(const StreamPlan& plan) const;
  // Returns the part of the answers of later rows that are not in the slice of
  // a rank that has them.
  double SentAway(const StreamPlan& plan, int ranks, int rank) const;
  // Adds early rows and inducing points.
  absl::Status AddShared(const CellModel& model, const StreamPlan& plan,
                         int ranks, RankForecast& rank);
  // Returns what the early rows of a rank evaluate: they are few, and searched.
  absl::StatusOr<int64_t> EarlyEvaluations(const CellModel& model,
                                           const StreamPlan& plan, int ranks,
                                           int rank);
  LoadSettings SettingsOf(const StreamPlan& plan, int ranks, double part) const;
  // Adds deferred pairs, of which inducing points have some, too.
  void AddLoads(const StreamPlan& plan, int ranks, DeferredLoads& loads,
                ScaleForecast& forecast) const;
  void AddTraffic(const CellModel& model, const StreamPlan& plan, int ranks,
                  const std::vector<int>& first_cell, RankForecast& rank) const;
  // Returns what points and the largest unit take at most.
  int64_t BytesHeld(int ranks, const RankForecast& rank) const;

  const UniformCloud cloud_;
  const DistributedOptions options_;
  std::shared_ptr<const InducingFactor> factor_;
  int64_t trial_queries_;
  int threads_;
  IndexTrials indexes_;
  std::map<std::pair<int64_t, int64_t>, std::unique_ptr<CellModel>> models_;
  std::map<std::pair<const CellModel*, int>, std::vector<double>> wants_;
  std::map<std::pair<int, int>, int64_t> early_;  // by ranks and rank
};

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SCALE_SCALE_MODEL_H_
