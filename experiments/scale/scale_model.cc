#include "experiments/scale/scale_model.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "experiments/scale/cell_model.h"
#include "experiments/scale/deferred_loads.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/cell_shares.h"
#include "index/distributed/distributed_graph.h"
#include "index/distributed/pair_shares.h"
#include "index/distributed/shared_cells.h"
#include "index/distributed/slices.h"
#include "index/index_memory.h"
#include "index/streaming/stream_plan.h"
#include "index/streaming/streamed_graph.h"
#include "index/streaming/streamed_points.h"
#include "index/streaming/unit_plan.h"
#include "index/streaming/unit_search.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/residual_factors.h"

namespace rct {
namespace {

// Cells of a unit whose queries stand for those of its other cells.
constexpr int kMostTrialCells = 64;

int64_t Round(double x) { return std::llround(x); }

int OwnerOf(const std::vector<int>& first_cell, int cell) {
  return static_cast<int>(
      std::upper_bound(first_cell.begin() + 1, first_cell.end(), cell) -
      (first_cell.begin() + 1));
}

int64_t PointsIn(const CellModel& model, int first, int last) {
  const std::vector<int64_t>& counts = model.cells().counts();
  return std::accumulate(counts.begin() + first, counts.begin() + last,
                         int64_t{0});
}

}  // namespace

struct ScaleModel::UnitForecast {
  int64_t own = 0;
  int64_t fetched = 0;
  double queries = 0;
  double evaluations = 0;
  double pairs = 0;  // deferred
};

absl::StatusOr<std::unique_ptr<ScaleModel>> ScaleModel::Create(
    const UniformCloud& cloud, const DistributedOptions& options,
    int64_t trial_queries) {
  const ResidualConfig& config = options.index.residual();
  RCT_ASSIGN_OR_RETURN(Kernel kernel,
                       Kernel::Create(config.kernel(), cloud.dim));
  // Random rows do not depend on the points, which need not be there.
  const Matrix<double> any = Matrix<double>::Zeros(1, cloud.dim);
  RCT_ASSIGN_OR_RETURN(
      InducingPoints inducing,
      SelectInducingPoints(config.inducing(),
                           MatrixView<const double>(any.data(), cloud.n,
                                                    cloud.dim, /*stride=*/0)));
  inducing.coordinates = cloud.Rows(inducing.rows);
  RCT_ASSIGN_OR_RETURN(
      InducingFactor factor,
      InducingFactor::Create(std::move(kernel), std::move(inducing), config));
  return std::unique_ptr<ScaleModel>(
      new ScaleModel(cloud, options, trial_queries,
                     std::make_shared<const InducingFactor>(std::move(factor)),
                     ResolveThreads(options.index.threads())));
}

ScaleModel::ScaleModel(const UniformCloud& cloud,
                       const DistributedOptions& options, int64_t trial_queries,
                       std::shared_ptr<const InducingFactor> factor,
                       int threads)
    : cloud_(cloud),
      options_(options),
      factor_(std::move(factor)),
      trial_queries_(trial_queries),
      threads_(threads),
      indexes_(cloud_, *factor_, options_) {}

absl::StatusOr<CellModel*> ScaleModel::ModelOf(const StreamPlan& plan) {
  std::unique_ptr<CellModel>& model = models_[{plan.cells, plan.groups}];
  if (model == nullptr) {
    RCT_ASSIGN_OR_RETURN(
        model,
        CellModel::Create(cloud_, factor_,
                          {options_.k, options_.predecessor, plan.early_rows},
                          {plan.cells, plan.groups, trial_queries_}, threads_));
  }
  if (model->bounds().name() == NoCellBounds().name()) {
    return absl::FailedPreconditionError(
        "no bound helps: all pairs are evaluated, which needs no forecast");
  }
  return model.get();
}

absl::StatusOr<ScaleForecast> ScaleModel::Forecast(int ranks, int some) {
  RCT_ASSIGN_OR_RETURN(
      const StreamPlan plan,
      PlanStream(StreamOptionsOf(options_),
                 {cloud_.n, cloud_.dim, factor_->num_inducing(), ranks,
                  /*holds_slice=*/true}));
  RCT_ASSIGN_OR_RETURN(CellModel * model, ModelOf(plan));
  const std::vector<int> first_cell = ShareOutCells(
      model->cells().counts(), plan.groups, EarlyWork(plan.early_rows, ranks));
  ScaleForecast forecast;
  forecast.bound = std::string(model->bounds().name());
  forecast.cells = plan.cells;
  forecast.bound_bytes = model->bounds().bytes();
  forecast.bound_seconds = model->seconds();
  forecast.bounds_made = model->choice().made;
  // One unit of all cells needs no bounds.
  const bool alone = plan.units * ranks == 1;
  if (alone) {
    forecast.bound = "none";
    forecast.bound_bytes = 0;
    forecast.bound_seconds = {};
    forecast.bounds_made = 0;
  }
  some = std::min(some, ranks);
  DeferredLoads loads(
      model->cells(), first_cell,
      SettingsOf(plan, ranks, static_cast<double>(some) / ranks));
  for (int i = 0; i < some; ++i) {
    const int rank = (2 * i + 1) * ranks / (2 * some);
    RCT_ASSIGN_OR_RETURN(
        RankForecast of_rank,
        ForecastRank(*model, plan, ranks, rank, first_cell, loads));
    forecast.ranks.push_back(std::move(of_rank));
  }
  for (RankForecast& rank : forecast.ranks) {
    rank.report.projected += forecast.bounds_made * rank.report.points;
  }
  AddLoads(plan, ranks, loads, forecast);
  for (RankForecast& rank : forecast.ranks) {
    AddTraffic(*model, plan, ranks, first_cell, rank);
    rank.bytes_held = forecast.bound_bytes + BytesHeld(ranks, rank);
  }
  return forecast;
}

std::vector<ScaleModel::TrialCell> ScaleModel::TrialCellsOf(
    const CellModel& model, CellRun run) {
  // All that have an inducing point, near which are the queries that want most,
  // and some of the others.
  std::vector<TrialCell> cells;
  std::vector<int> others;
  for (int c = run.first; c < run.last; ++c) {
    if (model.cells().has_inducing(c)) {
      cells.push_back({c, 1});
    } else {
      others.push_back(c);
    }
  }
  const auto count = static_cast<int>(others.size());
  const int some = std::min(count, kMostTrialCells);
  double queries = 0, tried = 0;
  for (const int c : others) queries += model.QueriesOf(c);
  const size_t before = cells.size();
  for (int i = 0; i < some; ++i) {
    const int c = others[(2 * i + 1) * count / (2 * some)];
    tried += model.QueriesOf(c);
    cells.push_back({c, 1});
  }
  for (size_t i = before; i < cells.size(); ++i) {
    cells[i].times = queries / tried;
  }
  return cells;
}

absl::StatusOr<std::vector<int32_t>> ScaleModel::Fetched(
    CellModel& model, const StreamPlan& plan, CellRun run,
    const std::vector<TrialCell>& trial_cells) {
  std::vector<int32_t> fetched;
  if (plan.max_fetched == 0) return fetched;
  if (model.cells().whole()) return PlanWhole(model, plan, run);
  std::vector<int> unknown;
  for (const TrialCell& trial : trial_cells) {
    if (!wants_.contains({&model, trial.cell})) unknown.push_back(trial.cell);
  }
  std::vector<absl::StatusOr<std::vector<double>>> made(
      unknown.size(), absl::UnknownError("not made"));
  ParallelFor(threads_, std::ssize(made),
              [&](int64_t i, int) { made[i] = model.Wants(unknown[i]); });
  for (size_t i = 0; i < made.size(); ++i) {
    RCT_RETURN_IF_ERROR(made[i].status());
    wants_[{&model, unknown[i]}] = *std::move(made[i]);
  }
  std::vector<double> sums(plan.cells);
  for (const TrialCell& trial : trial_cells) {
    const std::vector<double>& wants = wants_[{&model, trial.cell}];
    for (int64_t to = 0; to < plan.cells; ++to) {
      sums[to] += trial.times * wants[to];
    }
  }
  std::vector<std::pair<double, int32_t>> by_wants;
  for (int32_t c = 0; c < plan.cells; ++c) {
    const double wanted = sums[c];
    if ((c < run.first || c >= run.last) && wanted > 0 &&
        wanted >= static_cast<double>(plan.defer_below)) {
      by_wants.emplace_back(-wanted, c);
    }
  }
  std::sort(by_wants.begin(), by_wants.end());
  int64_t left = plan.max_fetched;
  for (const auto& [wanted, c] : by_wants) {
    left -= model.cells().count(c);
    if (left < 0) break;
    fetched.push_back(c);
  }
  return fetched;
}

StreamedPoints ScaleModel::All(const CellModel& model, const StreamPlan& plan,
                               MatrixView<const double> early) const {
  return {factor_,
          UnitOptions(options_.index, *factor_, plan.unit_bytes),
          model.cells().thin(),
          model.bounds(),
          options_.k,
          options_.predecessor,
          plan.early_rows,
          early,
          plan.defer_below,
          plan.max_fetched,
          model.choice().rms_residual};
}

absl::StatusOr<std::vector<int32_t>> ScaleModel::PlanWhole(
    const CellModel& model, const StreamPlan& plan, CellRun run) const {
  return PlanUnit(All(model, plan, {}),
                  {StreamUnit::kCells, run.first, run.last}, threads_,
                  /*monitor=*/nullptr);
}

absl::StatusOr<ScaleModel::UnitForecast> ScaleModel::ForecastUnit(
    CellModel& model, const StreamPlan& plan, CellRun run,
    const std::vector<int>& first_cell, DeferredLoads& loads) {
  const std::vector<TrialCell> trial_cells = TrialCellsOf(model, run);
  RCT_ASSIGN_OR_RETURN(const std::vector<int32_t> fetched,
                       Fetched(model, plan, run, trial_cells));
  const int own_rank = OwnerOf(first_cell, run.first);
  UnitForecast unit;
  unit.own = PointsIn(model, run.first, run.last);
  std::vector<bool> here(plan.cells);
  std::fill(here.begin() + run.first, here.begin() + run.last, true);
  for (const int32_t c : fetched) {
    here[c] = true;
    unit.fetched += model.cells().count(c);
    loads.AddFetched(own_rank, c);
  }
  std::vector<absl::StatusOr<std::vector<WeighedQuery>>> tried(
      trial_cells.size(), absl::UnknownError("not tried"));
  ParallelFor(threads_, std::ssize(tried), [&](int64_t i, int) {
    tried[i] = model.Defer(trial_cells[i].cell, here);
  });
  for (int c = run.first; c < run.last; ++c) unit.queries += model.QueriesOf(c);
  for (size_t i = 0; i < tried.size(); ++i) {
    RCT_RETURN_IF_ERROR(tried[i].status());
    for (const WeighedQuery& query : *tried[i]) {
      loads.AddQuery(own_rank, query, trial_cells[i].times);
      unit.pairs += query.weight * trial_cells[i].times *
                    static_cast<double>(query.wanted.size());
    }
  }
  RCT_ASSIGN_OR_RETURN(
      const double evaluations,
      indexes_.OfUnit(unit.own + unit.fetched, unit.own, plan.early_rows,
                      model.choice().rms_residual));
  unit.evaluations = evaluations * unit.queries;
  return unit;
}

absl::StatusOr<RankForecast> ScaleModel::ForecastRank(
    CellModel& model, const StreamPlan& plan, int ranks, int rank,
    const std::vector<int>& first_cell, DeferredLoads& loads) {
  RankForecast forecast;
  forecast.rank = rank;
  RankReport& report = forecast.report;
  const CellRun own = {first_cell[rank], first_cell[rank + 1]};
  report.points = PointsIn(model, own.first, own.last);
  for (const CellRun& run : UnitRuns(model.cells().counts(), own, plan.units)) {
    RCT_ASSIGN_OR_RETURN(const UnitForecast unit,
                         ForecastUnit(model, plan, run, first_cell, loads));
    ++report.units;
    report.fetched_points += unit.fetched;
    report.deferred_out += Round(unit.pairs);
    report.searches.units += Round(unit.evaluations);
    report.projected += (plan.max_fetched > 0 ? unit.own : 0) + unit.own +
                        unit.fetched + std::ssize(factor_->inducing().rows);
    report.traffic.answers +=
        Round(unit.queries * static_cast<double>(8 + 12 * options_.k) *
              SentAway(plan, ranks, rank));
    forecast.unit_points =
        std::max(forecast.unit_points, unit.own + unit.fetched);
  }
  RCT_RETURN_IF_ERROR(AddShared(model, plan, ranks, forecast));
  return forecast;
}

std::vector<int64_t> ScaleModel::InducingQueries(const StreamPlan& plan) const {
  std::vector<int64_t> rows = factor_->inducing().rows;
  std::erase_if(rows, [&](int64_t row) {
    return options_.predecessor && row < plan.early_rows;
  });
  return rows;
}

double ScaleModel::SentAway(const StreamPlan& plan, int ranks, int rank) const {
  const RowRange slice = SliceOf(cloud_.n, rank, ranks);
  const int64_t own =
      slice.last() -
      std::min(slice.last(), std::max(slice.first, plan.early_rows));
  return 1 - static_cast<double>(own) / static_cast<double>(std::max<int64_t>(
                                            1, cloud_.n - plan.early_rows));
}

absl::StatusOr<int64_t> ScaleModel::EarlyEvaluations(const CellModel& model,
                                                     const StreamPlan& plan,
                                                     int ranks, int rank) {
  if (plan.early_rows == 0) return 0;
  const std::pair<int, int> key(ranks, rank);
  const auto known = early_.find(key);
  if (known != early_.end()) return known->second;
  const Matrix<double> early = cloud_.Range(0, plan.early_rows);
  StreamUnit unit = {.kind = StreamUnit::kEarly, .part = rank, .parts = ranks};
  RCT_ASSIGN_OR_RETURN(
      const UnitAnswer answer,
      SearchUnit(All(model, plan, early.view()), unit, /*fetched=*/{}, threads_,
                 /*monitor=*/nullptr));
  return early_[key] = answer.evaluations;
}

absl::Status ScaleModel::AddShared(const CellModel& model,
                                   const StreamPlan& plan, int ranks,
                                   RankForecast& rank) {
  const int64_t first = rank.rank * plan.early_rows / ranks;
  const int64_t last = (rank.rank + 1) * plan.early_rows / ranks;
  RCT_ASSIGN_OR_RETURN(const int64_t evaluations,
                       EarlyEvaluations(model, plan, ranks, rank.rank));
  RankReport& report = rank.report;
  const auto m = static_cast<double>(std::ssize(factor_->inducing().rows));
  rank.early_queries = last - first;
  if (last > first) rank.early_points = last + Round(m);
  report.searches.early += evaluations;
  report.projected += rank.early_points + Round(m);
  const RowRange slice = SliceOf(cloud_.n, rank.rank, ranks);
  const int64_t stay = std::max<int64_t>(
      0, std::min(last, slice.last()) - std::max(first, slice.first));
  const auto of_answer = static_cast<double>(8 + 12 * options_.k);
  report.traffic.answers +=
      Round(of_answer * static_cast<double>(last - first - stay));
  // An inducing point asks every cell.
  const auto queries =
      static_cast<double>(std::ssize(InducingQueries(plan))) / ranks;
  const auto dim = static_cast<double>(cloud_.dim);
  const auto cells = static_cast<double>(plan.cells);
  report.deferred_out += Round(queries * cells);
  report.traffic.deferred +=
      Round(queries * (ranks - 1) * (4 + 8 * dim + 16 * cells / ranks));
  report.searches.early += Round(queries * m);
  report.traffic.answers +=
      Round(queries * of_answer * SentAway(plan, ranks, rank.rank));
  return absl::OkStatus();
}

LoadSettings ScaleModel::SettingsOf(const StreamPlan& plan, int ranks,
                                    double part) const {
  LoadSettings settings = {.ranks = ranks,
                           .part = part,
                           .dim = cloud_.dim,
                           .predecessor = options_.predecessor,
                           .m = factor_->num_inducing()};
  if (options_.predecessor) {
    settings.later = 1 - static_cast<double>(plan.early_rows) /
                             static_cast<double>(cloud_.n);
  }
  return settings;
}

void ScaleModel::AddLoads(const StreamPlan& plan, int ranks,
                          DeferredLoads& loads, ScaleForecast& forecast) const {
  for (const int64_t row : InducingQueries(plan)) {
    loads.AddInducing(options_.predecessor ? static_cast<double>(row) /
                                                 static_cast<double>(cloud_.n)
                                           : 1.0,
                      options_.k);
  }
  std::vector<double> done(ranks, -1);
  for (const RankForecast& rank : forecast.ranks) {
    const RankReport& report = rank.report;
    done[rank.rank] = WorkDone(
        static_cast<double>(report.projected),
        static_cast<double>(report.searches.early + report.searches.units),
        factor_->num_inducing());
  }
  const std::vector<RankLoad> all = loads.ShareOut(std::move(done));
  for (RankForecast& rank : forecast.ranks) {
    RankReport& report = rank.report;
    const RankLoad& load = all[rank.rank];
    report.deferred_in = Round(load.pairs);
    report.searches.deferred = Round(load.evaluations);
    report.evaluations = report.searches.early + report.searches.units +
                         report.searches.deferred;
    report.projected += Round(load.projected);
    report.traffic.answers +=
        Round(16 * load.found * SentAway(plan, ranks, rank.rank));
    report.traffic.fetched = Round(load.sent_cells);
    // Ranks tell each other how many pairs they have with each cell.
    report.traffic.deferred +=
        Round(load.sent_pairs) + (ranks - 1) * (8 + 4 * plan.cells);
  }
}

void ScaleModel::AddTraffic(const CellModel& model, const StreamPlan& plan,
                            int ranks, const std::vector<int>& first_cell,
                            RankForecast& rank) const {
  RankReport& report = rank.report;
  const double others = ranks - 1;
  const double of_point = static_cast<double>(8 * cloud_.dim);
  const double n = static_cast<double>(cloud_.n);
  const double cells = static_cast<double>(plan.cells);
  const double sample = std::min(n, static_cast<double>(kSampleOfCell) * cells);
  const double m = static_cast<double>(factor_->num_inducing());
  const auto early = static_cast<double>(std::max<int64_t>(
      0, std::min<int64_t>(plan.early_rows,
                           SliceOf(cloud_.n, rank.rank, ranks).last()) -
             SliceOf(cloud_.n, rank.rank, ranks).first));
  report.traffic.points =
      Round(n / ranks * (1 - 1.0 / ranks) * (4 + of_point) +
            others * (sample / ranks * (4 + of_point) + early * of_point +
                      m / ranks * (8 + of_point) + 12 * cells));
  double bounds = 0;
  const int64_t of_group = plan.cells / plan.groups;
  for (const BoundBytes& bytes : model.bytes()) {
    for (int64_t g = 0; g < std::ssize(bytes.of_group); ++g) {
      if (OwnerOf(first_cell, static_cast<int>(g * of_group)) == rank.rank) {
        bounds += static_cast<double>(bytes.of_group[g]);
      }
    }
    for (int c = first_cell[rank.rank];
         c < first_cell[rank.rank + 1] && !bytes.of_cell.empty(); ++c) {
      bounds += static_cast<double>(bytes.of_cell[c]);
    }
    for (int64_t t = rank.rank; t < std::ssize(bytes.of_task); t += ranks) {
      bounds += static_cast<double>(bytes.of_task[t]);
    }
  }
  report.traffic.bounds = Round(others * bounds);
  report.bytes_sent = report.traffic.points + report.traffic.bounds +
                      report.traffic.fetched + report.traffic.deferred +
                      report.traffic.answers;
}

int64_t ScaleModel::BytesHeld(int ranks, const RankForecast& rank) const {
  const double k = static_cast<double>(options_.k);
  const double slice = static_cast<double>(cloud_.n) / ranks;
  const double own = static_cast<double>(rank.report.points);
  const double unit = static_cast<double>(rank.unit_points);
  const double coordinates = static_cast<double>(8 * cloud_.dim);
  const int64_t m = factor_->num_inducing();
  double bytes = slice * (coordinates + 12 * k) + own * (coordinates + 16);
  // Of points of the size of a unit, for one may fetch none.
  const int64_t size = std::max<int64_t>(1, rank.unit_points);
  bytes += TotalBytes(NeedsOf(options_.index, size, cloud_.dim, m));
  bytes += TotalBytes(TypicalBlockNeeds(size, m));
  bytes += unit * (40 * k / 2 + coordinates);
  return Round(bytes);
}

}  // namespace rct
