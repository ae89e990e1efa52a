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
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cells.h"
#include "index/streaming/far_field_cells.h"
#include "index/streaming/skeleton_cells.h"
#include "index/streaming/stream_chunks.h"
#include "index/streaming/stream_factor.h"
#include "index/streaming/stream_plan.h"
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

// Cells whose queries try out a bound.
constexpr int kTrialCells = 16;

// Bounds that leave more of the other cells than this are worth nothing.
constexpr double kUselessPart = 0.5;

// Bounds that leave less are good enough.
constexpr double kFewLeft = 0.05;

// Smooth kernels: a block tells its points apart where what its skeleton leaves
// of them is no more than the distance that matters (bound (2) of
// skeleton_bounds.h leaves e_q e_j of |rho|, and theta is 1 less the square of
// that distance).
constexpr double kResidualOfDistance = 0.7;
constexpr double kLeastResidual = 0.004;
constexpr double kLargestResidual = 0.05;

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

// Returns options of an index with the inducing points of `factor`, as
// coordinates.
IndexOptions UnitOptions(const StreamOptions& options,
                         const InducingFactor& factor, const StreamPlan& plan) {
  IndexOptions unit = options.index;
  InducingConfig& inducing = *unit.mutable_residual()->mutable_inducing();
  const Matrix<double>& z = factor.inducing().coordinates;
  if (z.rows() == 0) {
    inducing.mutable_none();
  } else if (factor.inducing().rows.empty()) {
    auto& values = *inducing.mutable_coordinates()->mutable_value();
    values.Clear();
    for (int64_t i = 0; i < z.rows(); ++i) {
      values.Add(z.row(i), z.row(i) + z.cols());
    }
  } else {
    inducing.mutable_rows();
  }
  unit.set_memory_limit_bytes(plan.unit_bytes);
  return unit;
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
    return {points_,
            factor_,
            UnitOptions(options_, *factor_, plan_),
            cells_,
            bounds,
            options_.k,
            options_.predecessor,
            plan_.early_rows,
            plan_.defer_below,
            plan_.max_fetched,
            rms_residual_};
  }
  StreamedPoints All() const { return All(*bounds_); }
  // Takes the better of what is offered.
  absl::Status ChooseBounds(Monitor* monitor);
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
  const int step = std::max(1, cells_.size() / kTrialCells);
  std::vector<CellTrial> trials((cells_.size() + step - 1) / step);
  std::vector<absl::Status> errors(trials.size());
  ParallelFor(threads_, std::ssize(trials), [&](int64_t i, int) {
    const absl::StatusOr<CellTrial> trial =
        TryCell(all, static_cast<int>(i) * step);
    errors[i] = trial.status();
    if (trial.ok()) trials[i] = *trial;
  });
  for (const absl::Status& error : errors) RCT_RETURN_IF_ERROR(error);
  CellTrial mean;
  for (const CellTrial& trial : trials) {
    mean.part_wanted +=
        trial.part_wanted / static_cast<double>(std::ssize(trials));
  }
  std::sort(trials.begin(), trials.end(),
            [](const CellTrial& a, const CellTrial& b) {
              return a.distance < b.distance;
            });
  mean.distance = trials[trials.size() / 2].distance;
  return mean;
}

absl::Status Stream::ChooseBounds(Monitor* monitor) {
  std::unique_ptr<const CellBounds> skeletons, far_field;
  CellTrial by_skeletons = {.part_wanted = 1},
            by_far_field = {.part_wanted = 1};
  {
    const Monitor::Part part(monitor, 0.5);
    RCT_ASSIGN_OR_RETURN(
        skeletons, SkeletonCells::Create(factor_, points_, cells_, plan_.groups,
                                         threads_, monitor));
  }
  if (skeletons != nullptr) {
    RCT_ASSIGN_OR_RETURN(by_skeletons, Try(*skeletons));
  }
  if (by_skeletons.part_wanted > kFewLeft && FarFieldCells::Offered(*factor_)) {
    RCT_ASSIGN_OR_RETURN(
        far_field,
        FarFieldCells::Create(factor_, points_, cells_, threads_, monitor));
    RCT_ASSIGN_OR_RETURN(by_far_field, Try(*far_field));
  }
  const double least =
      std::min(by_skeletons.part_wanted, by_far_field.part_wanted);
  if (least > kUselessPart) return absl::OkStatus();
  if (by_skeletons.part_wanted > least) {
    bounds_ = std::move(far_field);
    return absl::OkStatus();
  }
  bounds_ = std::move(skeletons);
  const KernelFamily family = factor_->kernel().family();
  if (family == KernelFamily::kMatern52 || family == KernelFamily::kRbf) {
    rms_residual_ = std::clamp(kResidualOfDistance * by_skeletons.distance,
                               kLeastResidual, kLargestResidual);
  }
  return absl::OkStatus();
}

absl::Status Stream::Prepare(Monitor* monitor) {
  const Monitor::Part part(monitor, kBoundsShare);
  bounds_ = std::make_unique<NoCellBounds>();
  ListUnits();
  // One unit has all cells.
  if (plan_.units > 1 && cells_.size() > 1) {
    RCT_RETURN_IF_ERROR(ChooseBounds(monitor));
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
    RCT_ASSIGN_OR_RETURN(const UnitAnswer answer,
                         SearchUnit(all, units_[u], threads_, monitor));
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
    RCT_ASSIGN_OR_RETURN(const FoundNeighbors found,
                         SearchOwned(all, deferred, threads_, monitor));
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
                       PlanStream(options, points.rows, points.cols, m));
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
