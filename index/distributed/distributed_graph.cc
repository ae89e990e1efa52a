#include "index/distributed/distributed_graph.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/packing.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/distributed/cell_shares.h"
#include "index/distributed/communicator.h"
#include "index/distributed/deferred_pairs.h"
#include "index/distributed/pair_shares.h"
#include "index/distributed/rank_exchange.h"
#include "index/distributed/rank_options.h"
#include "index/distributed/rank_reports.h"
#include "index/distributed/shared_bounds.h"
#include "index/distributed/shared_cells.h"
#include "index/distributed/shared_factor.h"
#include "index/distributed/slice_answers.h"
#include "index/distributed/slices.h"
#include "index/streaming/bound_choice.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cell_points.h"
#include "index/streaming/stream_plan.h"
#include "index/streaming/streamed_points.h"
#include "index/streaming/unit_plan.h"
#include "index/streaming/unit_search.h"
#include "index/validation.h"
#include "metric/inducing_points.h"
#include "metric/residual_factors.h"
#include "traversal/build_phase.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// The shares of the steps in what they and the later ones take.
constexpr double kFactorShare = 0.02;
constexpr double kCellsShare = 0.03;
constexpr double kBoundsShare = 0.12;
constexpr double kUnitsShare = 0.8;
// That of the plan in a unit.
constexpr double kPlanShare = 0.05;

// Pairs that a rank collects before they travel, in all rounds at once.
constexpr int64_t kMostDeferred = int64_t{1} << 22;

// Pairs that a unit may leave where no bound helps.
constexpr int64_t kMostOfUnit = int64_t{1} << 24;

// One search, as one rank sees it.
class Distributed {
 public:
  Distributed(Communicator& ranks, const DistributedPoints& points,
              const DistributedOptions& options, Monitor* monitor)
      : points_(points),
        options_(options),
        monitor_(monitor),
        exchange_(ranks, options.piece_bytes),
        slice_(SliceOf(points.n, ranks.rank(), ranks.size())) {}

  // The steps, each with the errors that all ranks agree on.
  absl::Status Begin();
  absl::Status MakeFactor();
  absl::Status MakeCells();
  absl::Status MakeBounds();
  absl::Status SearchUnits();
  absl::Status Write(GraphRowsWriter write);

  DistributedReport Report();

 private:
  StreamedPoints All(const CellBounds& bounds) const;
  void ListUnits();
  // Does number `number` of the units of each rank.
  absl::Status SearchUnit(int64_t number);
  void Defer(const StreamUnit& unit, absl::Span<const DeferredQuery> deferred);
  // Sends what is deferred if some rank has more than `most` pairs.
  absl::Status SendDeferred(int64_t most);
  // Decides who searches what is deferred.
  void ShareOutDeferred();

  const DistributedPoints& points_;
  const DistributedOptions& options_;
  Monitor* monitor_;
  RankExchange exchange_;
  RowRange slice_;
  int threads_ = 1;
  StreamPlan plan_;
  std::shared_ptr<const InducingFactor> factor_;
  Matrix<double> early_;
  std::optional<SharedCells> cells_;
  std::unique_ptr<const CellBounds> bounds_ = std::make_unique<NoCellBounds>();
  double rms_residual_ = 0;
  std::vector<StreamUnit> units_;
  int64_t rounds_ = 0;  // the most units of any rank
  std::optional<DeferredPairs> deferred_;
  std::optional<SliceAnswers> answers_;
  PhaseClock clock_;
  DistributedReport report_;
  RankReport own_;
};

absl::Status Distributed::Begin() {
  exchange_.CountIn(own_.traffic.points);
  RCT_RETURN_IF_ERROR(CheckSameOptions(points_, options_, exchange_));
  RCT_RETURN_IF_ERROR(exchange_.Step([&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(ValidateThreads(options_.index.threads()));
    RCT_RETURN_IF_ERROR(ValidateMemoryLimit(options_.memory_limit_bytes));
    return ValidateSearch(
        {.k = options_.k, .predecessor = options_.predecessor}, points_.n);
  }));
  threads_ = ResolveThreads(options_.index.threads());
  StreamOptions stream = StreamOptionsOf(options_);
  stream.memory_limit_bytes = MemoryOfRank(options_, exchange_);
  return exchange_.Step([&]() -> absl::Status {
    const int64_t dim = points_.slice.cols;
    const int64_t m =
        InducingCount(options_.index.residual().inducing(), points_.n, dim);
    RCT_ASSIGN_OR_RETURN(
        plan_, PlanStream(stream, {points_.n, dim, m, exchange_.size(),
                                   /*holds_slice=*/true}));
    RCT_RETURN_IF_ERROR(
        ValidateSlice(points_, exchange_.rank(), exchange_.size()));
    answers_.emplace(points_.n, slice_, options_.k);
    return absl::OkStatus();
  });
}

absl::Status Distributed::MakeFactor() {
  const Monitor::Part part(monitor_, kFactorShare);
  RCT_ASSIGN_OR_RETURN(
      factor_, SharedFactor(points_.slice, points_.n, options_.index.residual(),
                            threads_, monitor_, exchange_));
  clock_.End("factor", 0, 0);
  return absl::OkStatus();
}

absl::Status Distributed::MakeCells() {
  const Monitor::Part part(monitor_, kCellsShare);
  RCT_ASSIGN_OR_RETURN(early_, GatherFirst(points_.slice, points_.n,
                                           plan_.early_rows, exchange_));
  RCT_ASSIGN_OR_RETURN(
      cells_,
      SharedCells::Create(points_.slice, points_.n, *factor_,
                          plan_.units > 0 ? plan_.cells : 0, plan_.groups,
                          plan_.early_rows, threads_, exchange_));
  own_.points = cells_->own_points();
  report_.cells = cells_->points().size();
  deferred_.emplace(exchange_.size(), points_.slice.cols);
  clock_.End("cells", 0, 0);
  return absl::OkStatus();
}

absl::Status Distributed::MakeBounds() {
  const Monitor::Part part(monitor_, kBoundsShare);
  exchange_.CountIn(own_.traffic.bounds);
  if (plan_.units * exchange_.size() > 1 && cells_->points().size() > 1) {
    RCT_ASSIGN_OR_RETURN(
        BoundChoice choice,
        SharedBounds(
            factor_, *cells_, plan_.groups,
            [&](const CellBounds& bounds) { return All(bounds); }, threads_,
            monitor_, exchange_));
    bounds_ = std::move(choice.bounds);
    rms_residual_ = choice.rms_residual;
    own_.projected += choice.made * own_.points;
  }
  report_.bound = std::string(bounds_->name());
  report_.bound_bytes = bounds_->bytes();
  ListUnits();
  clock_.End("bounds", 0, 0);
  return absl::OkStatus();
}

StreamedPoints Distributed::All(const CellBounds& bounds) const {
  return {factor_,
          UnitOptions(options_.index, *factor_, plan_.unit_bytes),
          cells_->points(),
          bounds,
          options_.k,
          options_.predecessor,
          plan_.early_rows,
          early_.view(),
          plan_.defer_below,
          plan_.max_fetched,
          rms_residual_};
}

// Returns the units of a rank's cells.
std::vector<StreamUnit> UnitsOf(const SharedCells& cells, int rank,
                                int64_t units) {
  std::vector<int64_t> counts;
  for (int c = 0; c < cells.points().size(); ++c) {
    counts.push_back(cells.points().count(c));
  }
  std::vector<StreamUnit> all;
  for (const CellRun& run : UnitRuns(
           counts, {cells.first_cell(rank), cells.last_cell(rank)}, units)) {
    all.push_back({StreamUnit::kCells, run.first, run.last});
  }
  return all;
}

void Distributed::ListUnits() {
  int64_t units = plan_.units;
  const int64_t own = points_.n / exchange_.size();
  const bool tried = plan_.units * exchange_.size() > 1;
  if (tried && options_.units == 0 &&
      bounds_->name() == NoCellBounds().name()) {
    units = std::max(units, own * cells_->points().size() / kMostOfUnit);
  }
  const StreamUnit shared = {.part = exchange_.rank(),
                             .parts = exchange_.size()};
  if (plan_.early_rows > 0) {
    units_.push_back(shared);
    units_.back().kind = StreamUnit::kEarly;
  }
  if (plan_.units > 0 && !factor_->inducing().rows.empty()) {
    units_.push_back(shared);
    units_.back().kind = StreamUnit::kInducing;
  }
  const int64_t before = std::ssize(units_);
  for (int r = 0; r < exchange_.size(); ++r) {
    const std::vector<StreamUnit> of_rank = UnitsOf(*cells_, r, units);
    rounds_ = std::max(rounds_, before + std::ssize(of_rank));
    if (r != exchange_.rank()) continue;
    units_.insert(units_.end(), of_rank.begin(), of_rank.end());
    own_.units = std::ssize(of_rank);
  }
}

absl::Status Distributed::SearchUnits() {
  {
    const Monitor::Part whole(monitor_, kUnitsShare);
    for (int64_t u = 0; u < rounds_; ++u) {
      const Monitor::Part part(monitor_, 1 / static_cast<double>(rounds_ - u));
      RCT_RETURN_IF_ERROR(SearchUnit(u));
      RCT_RETURN_IF_ERROR(SendDeferred(kMostDeferred));
    }
  }
  clock_.End("units", 0, 0);
  RCT_RETURN_IF_ERROR(SendDeferred(/*most=*/0));
  own_.deferred_out = deferred_->added();
  clock_.End("deferred", 0, 0);
  return absl::OkStatus();
}

absl::Status Distributed::SearchUnit(int64_t number) {
  const StreamedPoints all = All(*bounds_);
  const bool mine = number < std::ssize(units_);
  const StreamUnit unit = mine ? units_[number] : StreamUnit();
  std::vector<int32_t> fetched;
  RCT_RETURN_IF_ERROR(exchange_.Step([&]() -> absl::Status {
    if (!mine) return absl::OkStatus();
    const Monitor::Part part(monitor_, kPlanShare);
    RCT_ASSIGN_OR_RETURN(fetched, PlanUnit(all, unit, threads_, monitor_));
    for (int c = unit.first_cell; c < unit.last_cell && plan_.max_fetched > 0;
         ++c) {
      own_.projected += all.cells.count(c);
    }
    return absl::OkStatus();
  }));
  exchange_.CountIn(own_.traffic.fetched);
  RCT_RETURN_IF_ERROR(cells_->Fetch(fetched, exchange_));
  UnitAnswer answer;
  RCT_RETURN_IF_ERROR(exchange_.Step([&]() -> absl::Status {
    if (!mine) return absl::OkStatus();
    RCT_ASSIGN_OR_RETURN(
        answer, rct::SearchUnit(all, unit, fetched, threads_, monitor_));
    own_.fetched_points += answer.fetched_points;
    own_.projected += answer.own_points + answer.fetched_points;
    own_.evaluations += answer.evaluations;
    (unit.kind == StreamUnit::kCells ? own_.searches.units
                                     : own_.searches.early) +=
        answer.evaluations;
    Defer(unit, answer.deferred);
    answer.deferred = {};
    return absl::OkStatus();
  }));
  cells_->Drop();
  exchange_.CountIn(own_.traffic.answers);
  return answers_->Send(answer, exchange_);
}

void Distributed::Defer(const StreamUnit& unit,
                        absl::Span<const DeferredQuery> deferred) {
  std::vector<std::pair<int32_t, const double*>> queries;
  for (int c = unit.first_cell; c < unit.last_cell; ++c) {
    const CellView& cell = cells_->points()[c];
    for (int64_t i = 0; i < cell.size(); ++i) {
      queries.emplace_back(cell.rows[i], cell.point(i));
    }
  }
  if (unit.kind == StreamUnit::kInducing) {
    const InducingPoints& z = factor_->inducing();
    for (int64_t i = 0; i < std::ssize(z.rows); ++i) {
      queries.emplace_back(static_cast<int32_t>(z.rows[i]),
                           z.coordinates.row(i));
    }
  }
  std::sort(queries.begin(), queries.end());
  deferred_->Add(deferred, [&](int32_t row) {
    return std::lower_bound(queries.begin(), queries.end(),
                            std::pair<int32_t, const double*>(row, nullptr))
        ->second;
  });
}

absl::Status Distributed::SendDeferred(int64_t most) {
  exchange_.CountIn(own_.traffic.deferred);
  bool any = false;
  for (const std::string& waiting :
       exchange_.Gather(deferred_->waiting() > most ? "1" : "")) {
    any = any || !waiting.empty();
  }
  const Monitor::Part part(monitor_);
  if (any) ShareOutDeferred();
  while (any) {
    exchange_.CountIn(own_.traffic.deferred);
    ReceivedPairs received(points_.slice.cols);
    any = exchange_.Round(
        [&](int to, int64_t bytes) { return deferred_->Next(to, bytes); },
        [&](int, std::string_view piece) { received.Take(piece); });
    exchange_.CountIn(own_.traffic.fetched);
    RCT_RETURN_IF_ERROR(cells_->Fetch(received.Cells(), exchange_));
    FoundNeighbors found;
    RCT_RETURN_IF_ERROR(exchange_.Step([&]() -> absl::Status {
      own_.deferred_in += received.size();
      RCT_ASSIGN_OR_RETURN(found,
                           received.Search(All(*bounds_), threads_, monitor_));
      own_.evaluations += found.evaluations;
      own_.searches.deferred += found.evaluations;
      own_.projected += found.projected;
      return absl::OkStatus();
    }));
    cells_->Drop();
    exchange_.CountIn(own_.traffic.answers);
    RCT_RETURN_IF_ERROR(answers_->Send(found, exchange_));
  }
  return absl::OkStatus();
}

void Distributed::ShareOutDeferred() {
  const int64_t cells = cells_->points().size();
  const int64_t m = factor_->num_inducing();
  std::string own;
  Pack(WorkDone(static_cast<double>(own_.projected),
                static_cast<double>(own_.evaluations), m),
       own);
  Pack(absl::MakeConstSpan(deferred_->CountByCell(cells)), own);
  std::vector<double> done, pairs(cells), before(cells);
  for (const std::string& bytes : exchange_.Gather(own)) {
    if (std::ssize(done) == exchange_.rank()) before = pairs;
    Unpacker unpacker(bytes);
    done.push_back(unpacker.Value<double>());
    for (double& count : pairs) count += unpacker.Value<int32_t>();
  }
  std::vector<int64_t> points;
  for (int c = 0; c < cells; ++c) points.push_back(cells_->points().count(c));
  const std::vector<std::vector<PairRun>> runs = ShareOutPairs(
      {points, pairs, cells_->first_cells(), done, EvaluationsOfPoint(m)});
  deferred_->Send([&](int32_t cell, int64_t number) {
    const double place = before[cell] + static_cast<double>(number);
    return std::find_if(runs[cell].begin(), runs[cell].end(),
                        [&](const PairRun& run) { return place < run.last; })
        ->rank;
  });
}

absl::Status Distributed::Write(GraphRowsWriter write) {
  RCT_RETURN_IF_ERROR(
      exchange_.Step([&] { return answers_->Write(write, monitor_); }));
  clock_.End("write", 0, 0);
  return absl::OkStatus();
}

DistributedReport Distributed::Report() {
  own_.seconds_together = exchange_.seconds_together();
  own_.phases = clock_.Take();
  own_.bytes_sent = exchange_.bytes_sent();
  report_.ranks = GatherReports(own_, exchange_);
  return std::move(report_);
}

}  // namespace

StreamOptions StreamOptionsOf(const DistributedOptions& options) {
  StreamOptions stream;
  stream.index = options.index;
  stream.k = options.k;
  stream.predecessor = options.predecessor;
  stream.memory_limit_bytes = options.memory_limit_bytes;
  stream.cells = options.cells;
  stream.units = options.units;
  stream.early_rows = options.early_rows;
  stream.defer_below = options.defer_below;
  stream.max_fetched = options.max_fetched;
  return stream;
}

absl::StatusOr<DistributedReport> DistributedGraph(
    Communicator& ranks, const DistributedPoints& points,
    const DistributedOptions& options, GraphRowsWriter write,
    Monitor* monitor) {
  const Monitor::Part whole(monitor);
  Distributed search(ranks, points, options, monitor);
  RCT_RETURN_IF_ERROR(search.Begin());
  RCT_RETURN_IF_ERROR(search.MakeFactor());
  RCT_RETURN_IF_ERROR(search.MakeCells());
  RCT_RETURN_IF_ERROR(search.MakeBounds());
  RCT_RETURN_IF_ERROR(search.SearchUnits());
  RCT_RETURN_IF_ERROR(search.Write(write));
  return search.Report();
}

}  // namespace rct
