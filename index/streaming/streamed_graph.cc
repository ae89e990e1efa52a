#include "index/streaming/streamed_graph.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "index/exceptions.h"
#include "index/streaming/bound_choice.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cell_points.h"
#include "index/streaming/cells.h"
#include "index/streaming/far_field_cells.h"
#include "index/streaming/skeleton_cells.h"
#include "index/streaming/stream_chunks.h"
#include "index/streaming/stream_factor.h"
#include "index/streaming/stream_plan.h"
#include "index/streaming/streamed_points.h"
#include "index/streaming/unit_plan.h"
#include "index/streaming/unit_search.h"
#include "index/validation.h"
#include "metric/inducing_points.h"
#include "metric/residual_factors.h"
#include "metric/simd_routines.h"
#include "traversal/build_phase.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// The shares of the steps in what they and the later ones take.
constexpr double kFactorShare = 0.02;
constexpr double kBoundsShare = 0.12;
constexpr double kUnitsShare = 0.8;
constexpr double kOwnedShare = 0.7;
// That of the plan in a unit.
constexpr double kPlanShare = 0.05;

// The bytes of the rows that are put together at once.
constexpr int64_t kRunBytes = int64_t{32} << 20;

// Returns the rows that are no inducing points.
std::vector<int32_t> OtherRows(int64_t n, const InducingFactor& factor) {
  std::vector<bool> inducing(n);
  for (const int64_t row : factor.inducing().rows) inducing[row] = true;
  std::vector<int32_t> rows;
  rows.reserve(n);
  for (int64_t row = 0; row < n; ++row) {
    if (!inducing[row]) rows.push_back(static_cast<int32_t>(row));
  }
  return rows;
}

std::string StampOf(MatrixView<const double> points,
                    const InducingFactor& factor, const StreamOptions& options,
                    const StreamPlan& plan) {
  Sha256 digest;
  digest.Update("rct stream 1\n");
  for (int64_t i = 0; i < points.rows; ++i) {
    digest.UpdateSpan(absl::MakeConstSpan(points.row(i), points.cols));
  }
  const Matrix<double>& z = factor.inducing().coordinates;
  for (int64_t i = 0; i < z.rows(); ++i) {
    digest.UpdateSpan(absl::MakeConstSpan(z.row(i), z.cols()));
  }
  digest.UpdateSpan(absl::MakeConstSpan(factor.inducing().rows));
  const ResidualConfig& config = options.index.residual();
  const std::vector<int64_t> integers = {
      points.rows, points.cols, options.k,       options.predecessor,
      plan.cells,  plan.units,  plan.early_rows, factor.num_inducing()};
  digest.UpdateSpan(absl::MakeConstSpan(integers));
  // Without what selected the inducing points, which are there.
  ResidualConfig model = config;
  model.clear_inducing();
  digest.Update(model.SerializeAsString());
  return digest.HexDigest();
}

// One search, from the factor to the files of all steps.
class Stream {
 public:
  Stream(MatrixView<const double> points, const StreamOptions& options,
         std::shared_ptr<const InducingFactor> factor, StreamPlan plan,
         int threads)
      : points_(points),
        options_(options),
        factor_(std::move(factor)),
        plan_(plan),
        threads_(threads),
        cells_(points, factor_->kernel().inverse_lengthscale(),
               plan.units > 0 ? OtherRows(points.rows, *factor_)
                              : std::vector<int32_t>(),
               plan.cells, threads),
        points_of_cells_(points, cells_),
        chunks_(options.work, StampOf(points, *factor_, options, plan),
                threads) {}

  absl::Status Open() { return chunks_.Open(options_.resume); }

  // Makes the bounds.
  absl::Status Prepare(Monitor* monitor);
  // Do the steps that have no files yet.
  absl::Status SearchUnits(Monitor* monitor);
  absl::Status SearchAllOwned(Monitor* monitor);
  // Hands out all rows.
  absl::Status PutTogether(GraphRowsWriter write, Monitor* monitor);

  const StreamReport& report() const { return report_; }

 private:
  StreamedPoints All(const CellBounds& bounds) const {
    return {factor_,
            UnitOptions(options_.index, *factor_, plan_.unit_bytes),
            points_of_cells_,
            bounds,
            options_.k,
            options_.predecessor,
            plan_.early_rows,
            points_,
            plan_.defer_below,
            plan_.max_fetched,
            rms_residual_};
  }
  StreamedPoints All() const { return All(*bounds_); }
  // Make each bound that is offered, and take the better one.
  absl::StatusOr<std::unique_ptr<CellBoundsInParts>> MakeSkeletons(
      Monitor* monitor);
  absl::StatusOr<std::unique_ptr<CellBoundsInParts>> MakeFarField(
      Monitor* monitor);
  absl::Status MakeBounds(Monitor* monitor);
  absl::StatusOr<CellTrial> Try(const CellBounds& bounds);
  void ListUnits();
  absl::StatusOr<std::vector<DeferredQuery>> DeferredTo(
      const StreamUnit& owner) const;

  MatrixView<const double> points_;
  const StreamOptions& options_;
  std::shared_ptr<const InducingFactor> factor_;
  StreamPlan plan_;
  int threads_;
  Cells cells_;
  CellPoints points_of_cells_;
  StreamChunks chunks_;
  std::unique_ptr<const CellBounds> bounds_;
  double rms_residual_ = 0;
  std::vector<StreamUnit> units_;
  StreamReport report_;
};

void Stream::ListUnits() {
  if (plan_.early_rows > 0) units_.push_back({StreamUnit::kEarly});
  if (plan_.units == 0) return;
  if (!factor_->inducing().rows.empty()) {
    units_.push_back({StreamUnit::kInducing});
  }
  if (cells_.size() == 0) return;
  const int of_unit =
      static_cast<int>(std::max<int64_t>(1, cells_.size() / plan_.units));
  for (int first = 0; first < cells_.size(); first += of_unit) {
    units_.push_back({StreamUnit::kCells, first, first + of_unit});
  }
}

absl::StatusOr<CellTrial> Stream::Try(const CellBounds& bounds) {
  const StreamedPoints all = All(bounds);
  const std::vector<int> cells = TrialCells(points_of_cells_.size());
  std::vector<CellTrial> trials(cells.size());
  std::vector<absl::Status> errors(trials.size());
  ParallelFor(threads_, std::ssize(trials), [&](int64_t i, int) {
    const absl::StatusOr<CellTrial> trial = TryCell(all, cells[i]);
    errors[i] = trial.status();
    if (trial.ok()) trials[i] = *trial;
  });
  for (const absl::Status& error : errors) RCT_RETURN_IF_ERROR(error);
  return TogetherOf(std::move(trials));
}

absl::StatusOr<std::unique_ptr<CellBoundsInParts>> Stream::MakeSkeletons(
    Monitor* monitor) {
  const Monitor::Part whole(monitor, 0.5);
  const int64_t groups = plan_.groups;
  const int64_t size = SkeletonCells::SampleSize(points_of_cells_, groups);
  Matrix<double> samples(groups * size, points_.cols);
  for (int g = 0; g < static_cast<int>(groups); ++g) {
    const Matrix<double> sample =
        SkeletonCells::SampleOf(points_of_cells_, groups, g);
    for (int64_t i = 0; i < size; ++i) {
      std::copy_n(sample.row(i), points_.cols, samples.row(g * size + i));
    }
  }
  std::unique_ptr<SkeletonCells> skeletons;
  {
    const Monitor::Part part(monitor, 0.1);
    RCT_ASSIGN_OR_RETURN(
        skeletons,
        SkeletonCells::Create(factor_, std::move(samples), groups,
                              points_of_cells_.size(), threads_, monitor));
  }
  if (skeletons == nullptr) return nullptr;
  RCT_RETURN_IF_ERROR(
      MakeWhole(points_of_cells_, threads_, monitor, *skeletons));
  if (!skeletons->sound()) return nullptr;
  return skeletons;
}

absl::StatusOr<std::unique_ptr<CellBoundsInParts>> Stream::MakeFarField(
    Monitor* monitor) {
  auto far_field =
      std::make_unique<FarFieldCells>(factor_, points_of_cells_.size());
  RCT_RETURN_IF_ERROR(
      MakeWhole(points_of_cells_, threads_, monitor, *far_field));
  return far_field;
}

absl::Status Stream::MakeBounds(Monitor* monitor) {
  RCT_ASSIGN_OR_RETURN(
      BoundChoice choice,
      ChooseBounds(*factor_,
                   {[&] { return MakeSkeletons(monitor); },
                    [&] { return MakeFarField(monitor); },
                    [&](const CellBounds& bounds) { return Try(bounds); }}));
  bounds_ = std::move(choice.bounds);
  rms_residual_ = choice.rms_residual;
  return absl::OkStatus();
}

absl::Status Stream::Prepare(Monitor* monitor) {
  const Monitor::Part part(monitor, kBoundsShare);
  bounds_ = std::make_unique<NoCellBounds>();
  ListUnits();
  // One unit has all cells.
  if (plan_.units > 1 && cells_.size() > 1) {
    RCT_RETURN_IF_ERROR(MakeBounds(monitor));
  }
  report_.bound = std::string(bounds_->name());
  report_.bound_bytes = bounds_->bytes();
  report_.cells = cells_.size();
  report_.units = std::ssize(units_);
  return absl::OkStatus();
}

absl::Status Stream::SearchUnits(Monitor* monitor) {
  const Monitor::Part whole(monitor, kUnitsShare);
  const StreamedPoints all = All();
  for (int64_t u = 0; u < std::ssize(units_); ++u) {
    const Monitor::Part part(monitor,
                             1 / static_cast<double>(std::ssize(units_) - u));
    RCT_ASSIGN_OR_RETURN(const bool done, chunks_.HasAnswers(u));
    if (done) {
      ++report_.units_resumed;
      continue;
    }
    std::vector<int32_t> fetched;
    {
      const Monitor::Part plan(monitor, kPlanShare);
      RCT_ASSIGN_OR_RETURN(fetched,
                           PlanUnit(all, units_[u], threads_, monitor));
    }
    RCT_ASSIGN_OR_RETURN(
        const UnitAnswer answer,
        SearchUnit(all, units_[u], fetched, threads_, monitor));
    report_.own_points += answer.own_points;
    report_.fetched_points += answer.fetched_points;
    report_.deferred += std::ssize(answer.deferred);
    RCT_RETURN_IF_ERROR(chunks_.WriteAnswer(u, answer));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DeferredQuery>> Stream::DeferredTo(
    const StreamUnit& owner) const {
  std::vector<DeferredQuery> all;
  for (int64_t u = 0; u < std::ssize(units_); ++u) {
    RCT_ASSIGN_OR_RETURN(const std::vector<DeferredQuery> deferred,
                         chunks_.ReadDeferred(u));
    const auto from = [&](int cell) {
      return std::lower_bound(
          deferred.begin(), deferred.end(),
          DeferredQuery{cell, std::numeric_limits<int32_t>::min(), 0});
    };
    all.insert(all.end(), from(owner.first_cell), from(owner.last_cell));
  }
  std::sort(all.begin(), all.end());
  return all;
}

absl::Status Stream::SearchAllOwned(Monitor* monitor) {
  const Monitor::Part whole(monitor, kOwnedShare);
  const StreamedPoints all = All();
  for (int64_t u = 0; u < std::ssize(units_); ++u) {
    const Monitor::Part part(monitor,
                             1 / static_cast<double>(std::ssize(units_) - u));
    if (units_[u].kind != StreamUnit::kCells) continue;
    RCT_ASSIGN_OR_RETURN(const bool done, chunks_.HasFound(u));
    if (done) continue;
    RCT_ASSIGN_OR_RETURN(const std::vector<DeferredQuery> deferred,
                         DeferredTo(units_[u]));
    RCT_ASSIGN_OR_RETURN(
        const FoundNeighbors found,
        SearchOwned(all, deferred, RowPoints(points_), threads_, monitor));
    RCT_RETURN_IF_ERROR(chunks_.WriteFound(u, found));
  }
  return absl::OkStatus();
}

// Puts what was found for queries [first, first + size) after each other into
// their rows, which have neighbors already.
void Merge(const FoundNeighbors& found, int64_t first, NeighborTable& table) {
  const int64_t k = table.k();
  std::vector<std::pair<double, int64_t>> list;
  const auto from = [&](int64_t row) {
    return std::lower_bound(found.query.begin(), found.query.end(), row) -
           found.query.begin();
  };
  const int64_t last = from(first + table.num_queries());
  for (int64_t i = from(first); i < last;) {
    const int64_t query = found.query[i] - first;
    list.clear();
    for (int64_t j = 0; j < table.count(query); ++j) {
      list.emplace_back(table.distances()(query, j), table.rows()(query, j));
    }
    for (; i < last && found.query[i] - first == query; ++i) {
      list.emplace_back(found.distance[i], found.row[i]);
    }
    std::sort(list.begin(), list.end());
    const int64_t count = std::min<int64_t>(k, std::ssize(list));
    for (int64_t j = 0; j < count; ++j) {
      table.distances()(query, j) = list[j].first;
      table.rows()(query, j) = list[j].second;
    }
  }
}

// Copies the queries of `answer` that are in the table.
void Place(const UnitAnswer& answer, int64_t first, NeighborTable& table) {
  const auto from = [&](int64_t row) {
    return std::lower_bound(answer.rows.begin(), answer.rows.end(), row) -
           answer.rows.begin();
  };
  const int64_t last = from(first + table.num_queries());
  for (int64_t i = from(first); i < last; ++i) {
    const int64_t query = answer.rows[i] - first;
    for (int64_t j = 0; j < table.k(); ++j) {
      table.distances()(query, j) = answer.distances(i, j);
      table.rows()(query, j) = answer.neighbors(i, j);
    }
  }
}

absl::Status Stream::PutTogether(GraphRowsWriter write, Monitor* monitor) {
  const Monitor::Part whole(monitor);
  std::vector<UnitAnswer> answers;
  std::vector<FoundNeighbors> found;
  for (int64_t u = 0; u < std::ssize(units_); ++u) {
    RCT_ASSIGN_OR_RETURN(answers.emplace_back(), chunks_.ReadAnswer(u));
    if (units_[u].kind == StreamUnit::kCells) {
      RCT_ASSIGN_OR_RETURN(found.emplace_back(), chunks_.ReadFound(u));
    }
  }
  const int64_t n = points_.rows;
  const int64_t run = std::max<int64_t>(1, kRunBytes / (16 * options_.k));
  const Monitor::Part part(monitor, /*share=*/1, n / run + 1);
  int64_t first = 0;
  do {
    if (!Monitor::Go(monitor, 1)) return Monitor::Check(monitor);
    NeighborTable table(std::min(run, n - first), options_.k);
    for (const UnitAnswer& answer : answers) Place(answer, first, table);
    for (const FoundNeighbors& some : found) Merge(some, first, table);
    RCT_RETURN_IF_ERROR(write(first, table));
    first += run;
  } while (first < n);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StreamReport> StreamGraph(MatrixView<const double> points,
                                         const StreamOptions& options,
                                         GraphRowsWriter write,
                                         Monitor* monitor) try {
  const Monitor::Part whole(monitor);
  RCT_RETURN_IF_ERROR(ValidateThreads(options.index.threads()));
  const int threads = ResolveThreads(options.index.threads());
  RCT_RETURN_IF_ERROR(ValidateSearch(
      {.k = options.k, .predecessor = options.predecessor}, points.rows));
  const int64_t m = InducingCount(options.index.residual().inducing(),
                                  points.rows, points.cols);
  RCT_ASSIGN_OR_RETURN(const StreamPlan plan,
                       PlanStream(options, {points.rows, points.cols, m}));
  PhaseClock clock;
  std::shared_ptr<const InducingFactor> factor;
  {
    const Monitor::Part part(monitor, kFactorShare);
    RCT_ASSIGN_OR_RETURN(factor, StreamFactor(points, options.index.residual(),
                                              threads, monitor));
  }
  Stream stream(points, options, std::move(factor), plan, threads);
  RCT_RETURN_IF_ERROR(stream.Open());
  RCT_RETURN_IF_ERROR(stream.Prepare(monitor));
  clock.End("bounds", 0, 0);
  RCT_RETURN_IF_ERROR(stream.SearchUnits(monitor));
  clock.End("units", 0, 0);
  RCT_RETURN_IF_ERROR(stream.SearchAllOwned(monitor));
  clock.End("deferred", 0, 0);
  RCT_RETURN_IF_ERROR(stream.PutTogether(write, monitor));
  clock.End("together", 0, 0);
  StreamReport report = stream.report();
  report.phases = clock.Take();
  return report;
} catch (...) {
  return StatusOfException("StreamGraph");
}

void RemoveStreamFiles(const std::string& work) { StreamChunks::Remove(work); }

}  // namespace rct
