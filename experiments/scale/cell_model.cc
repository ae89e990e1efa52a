#include "experiments/scale/cell_model.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "experiments/scale/cell_cloud.h"
#include "experiments/scale/cell_trials.h"
#include "index/streaming/bound_choice.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/far_field_cells.h"
#include "index/streaming/skeleton_cells.h"
#include "index/streaming/unit_plan.h"

namespace rct {
namespace {

// What goes with an item that is shared: its number and size.
constexpr int64_t kOfItem = 16;

double ProcessSeconds() {
  timespec time;
  RCT_CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

// Returns the squared distance in the middle of all queries that these stand
// for.
double MedianOf(absl::Span<const TrialFound> found,
                absl::Span<const double> weights) {
  std::vector<std::pair<double, double>> order;
  double left = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    order.emplace_back(found[i].squared, weights[i]);
    left += 0.5 * weights[i];
  }
  std::sort(order.begin(), order.end());
  for (const auto& [squared, weight] : order) {
    left -= weight;
    if (left < 0) return squared;
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CellModel>> CellModel::Create(
    const UniformCloud& cloud, std::shared_ptr<const InducingFactor> factor,
    const TrialSearch& search, const CellCut& cut, int threads) {
  std::unique_ptr<CellModel> model(
      new CellModel(cloud, std::move(factor), search, cut, threads));
  RCT_RETURN_IF_ERROR(model->ChooseBound());
  return model;
}

absl::Status CellModel::ChooseBound() {
  RCT_ASSIGN_OR_RETURN(
      choice_,
      ChooseBounds(*factor_,
                   {[&] { return Skeletons(); }, [&] { return FarField(); },
                    [&](const CellBounds& bounds) { return Try(bounds); }}));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<CellBoundsInParts>> CellModel::Skeletons() {
  const CellPoints& thin = cells_.thin();
  const int64_t size = SkeletonCells::SampleSize(thin, groups_);
  const int64_t dim = factor_->kernel().dim();
  Matrix<double> samples(groups_ * size, dim);
  for (int64_t g = 0; g < groups_; ++g) {
    const Matrix<double> sample =
        SkeletonCells::SampleOf(thin, groups_, static_cast<int>(g));
    std::copy_n(sample.data(), size * dim, samples.row(g * size));
  }
  BoundBytes bytes;
  bytes.of_group.assign(groups_, kOfItem + 8 * size * dim);
  const double before = ProcessSeconds();
  RCT_ASSIGN_OR_RETURN(
      std::unique_ptr<SkeletonCells> skeletons,
      SkeletonCells::Create(factor_, std::move(samples), groups_, thin.size(),
                            threads_, /*monitor=*/nullptr));
  seconds_.skeletons += ProcessSeconds() - before;
  if (skeletons == nullptr) {
    bytes_.push_back(std::move(bytes));
    return nullptr;
  }
  RCT_RETURN_IF_ERROR(Make(*skeletons, std::move(bytes)));
  if (!skeletons->sound()) return nullptr;
  return skeletons;
}

absl::StatusOr<std::unique_ptr<CellBoundsInParts>> CellModel::FarField() {
  auto far_field = std::make_unique<FarFieldCells>(factor_, cells_.size());
  RCT_RETURN_IF_ERROR(Make(*far_field, {}));
  return far_field;
}

absl::Status CellModel::Make(CellBoundsInParts& bounds, BoundBytes bytes) {
  const CellPoints& thin = cells_.thin();
  double before = ProcessSeconds();
  const auto since = [&] {
    const double now = ProcessSeconds();
    return now - std::exchange(before, now);
  };
  RCT_RETURN_IF_ERROR(
      bounds.AddCells(thin, 0, thin.size(), threads_, /*monitor=*/nullptr));
  double points = 0;
  for (int c = 0; c < thin.size(); ++c) {
    points += static_cast<double>(thin.count(c));
  }
  seconds_.of_point += since() / points;
  RCT_RETURN_IF_ERROR(bounds.DoTasks(/*part=*/0, /*parts=*/1, threads_,
                                     /*monitor=*/nullptr));
  seconds_.pairs += since();
  for (int c = 0; c < cells_.size(); ++c) {
    bytes.of_cell.push_back(kOfItem + std::ssize(bounds.PackCell(c)));
  }
  for (int64_t task = 0; task < bounds.num_tasks(); ++task) {
    bytes.of_task.push_back(kOfItem + std::ssize(bounds.PackTask(task)));
  }
  seconds_.exchange += since();
  bytes_.push_back(std::move(bytes));
  return absl::OkStatus();
}

absl::StatusOr<CellTrial> CellModel::Try(const CellBounds& bounds) {
  const std::vector<int> cells = TrialCells(cells_.size());
  std::vector<CellTrial> trials(cells.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    const int cell = cells[i];
    RCT_ASSIGN_OR_RETURN(const CellQueriesTrial* trial, QueriesIn(cell));
    const auto own = [&](int c) { return c == cell; };
    RCT_ASSIGN_OR_RETURN(std::vector<TrialFound> found,
                         trials_.Find(*trial, own));
    double wanted = 0;
    FindWanted(bounds, cell, *trial, found, own, [&](int32_t query, int32_t) {
      wanted += trial->weights[query];
    });
    trials[i].part_wanted = wanted / (QueriesOf(cell) * (cells_.size() - 1));
    trials[i].distance =
        std::sqrt(std::max(0.0, MedianOf(found, trial->weights)));
  }
  return TogetherOf(std::move(trials));
}

absl::StatusOr<const CellQueriesTrial*> CellModel::QueriesIn(int cell) {
  if (!queries_[cell].has_value()) {
    RCT_ASSIGN_OR_RETURN(queries_[cell], trials_.Make(cell, trial_queries_));
  }
  return &*queries_[cell];
}

void CellModel::FindWanted(
    const CellBounds& bounds, int cell, const CellQueriesTrial& trial,
    const std::vector<TrialFound>& found, absl::FunctionRef<bool(int)> here,
    absl::FunctionRef<void(int32_t, int32_t)> wanted) const {
  std::vector<int32_t> others;
  for (int32_t c = 0; c < cells_.size(); ++c) {
    if (c != cell && !here(c)) others.push_back(c);
  }
  std::vector<double> squared;
  for (const TrialFound& of_query : found) squared.push_back(of_query.squared);
  bounds.Find(cell, {*trial.points, trial.positions, squared}, others, wanted);
}

absl::StatusOr<std::vector<double>> CellModel::Wants(int cell) {
  std::vector<double> wants(cells_.size());
  RCT_ASSIGN_OR_RETURN(const CellQueriesTrial* trial, QueriesIn(cell));
  const auto own = [&](int c) { return c == cell; };
  RCT_ASSIGN_OR_RETURN(const std::vector<TrialFound> found,
                       trials_.Find(*trial, own));
  FindWanted(bounds(), cell, *trial, found, own,
             [&](int32_t query, int32_t other) {
               wants[other] += trial->weights[query];
             });
  return wants;
}

absl::StatusOr<std::vector<WeighedQuery>> CellModel::Defer(
    int cell, const std::vector<bool>& here) {
  RCT_ASSIGN_OR_RETURN(const CellQueriesTrial* trial, QueriesIn(cell));
  const auto is_here = [&](int c) { return here[c]; };
  RCT_ASSIGN_OR_RETURN(std::vector<TrialFound> found,
                       trials_.Find(*trial, is_here));
  std::vector<WeighedQuery> queries(found.size());
  for (size_t i = 0; i < found.size(); ++i) {
    queries[i].weight = trial->weights[i];
    queries[i].before = trial->before[i];
    queries[i].found = std::move(found[i].elsewhere);
  }
  FindWanted(bounds(), cell, *trial, found, is_here,
             [&](int32_t query, int32_t other) {
               queries[query].wanted.push_back(other);
             });
  return queries;
}

}  // namespace rct
