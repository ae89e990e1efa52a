#include "traversal/block/lazy_skeletons.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/bound_probe.h"
#include "traversal/block/inducing_bounds.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/skeleton_config.h"
#include "traversal/block/skeleton_costs.h"
#include "traversal/block/skeleton_pass.h"
#include "traversal/block/skeleton_tables.h"
#include "traversal/block/space_partition.h"
#include "traversal/build_phase.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// The number of blocks of the sample.
constexpr int64_t kSampleBlocks = 8;

// The bound is given up where more than one in kLoosePart of the points is in
// no block: such points are evaluated for every query.
constexpr int64_t kLoosePart = 64;

// Skeletons that leave more than this dismiss nothing.
constexpr double kMaxResidual = 0.25;

// The bound does not pay where more than this part of queries is hard: their
// filter costs more than that of others, for nothing.
constexpr double kMaxHardPart = 0.25;

// The least residual that is worth a skeleton.
constexpr double kLeastResidual = 0.003;

// The cost of the weights of a point for each inducing point, in evaluations.
constexpr double kInducingPrice = 0.45;

// Bounds of inducing points that pay within so many times as many queries as
// there are points, in calls like the last, are expected.
constexpr double kExpectedRounds = 8;

// The most of exhaustive search that projections may be forecast to take: its
// own time is what forecasts are surest of.
constexpr double kMostProjected = 0.75;

// What a query under the predecessor constraint costs, in units of one without:
// it has fewer points to look at, and finds its neighbors farther away.
constexpr double kPredecessorCost = 1.25;

// The share of a build that a monitor is told the sample takes.
constexpr double kForecastShare = 0.05;

}  // namespace

LazySkeletons::LazySkeletons(std::shared_ptr<const ResidualCorrelation> metric,
                             const SkeletonBoundConfig& config, int threads,
                             const SlackScale& scale, Monitor* monitor,
                             SkeletonRival rival)
    : metric_(std::move(metric)), config_(config), scale_(scale) {
  if (config.form() == SkeletonBoundConfig::DENSE || metric_->size() == 0) {
    return;
  }
  Build(threads, monitor, rival);
}

LazySkeletons::LazySkeletons(std::shared_ptr<const ResidualCorrelation> metric,
                             const SkeletonBoundConfig& config, Form form,
                             const std::optional<SkeletonCosts>& costs,
                             std::unique_ptr<const BlockSkeletons> skeletons,
                             std::unique_ptr<const SkeletonTables> tables)
    : metric_(std::move(metric)), config_(config), form_(form), costs_(costs) {
  if (costs_.has_value()) costs_->Limit(MemoryOf(config));
  const absl::MutexLock lock(&mutex_);
  Publish(std::move(skeletons));
  Publish(std::move(tables));
}

void LazySkeletons::Publish(
    std::unique_ptr<const BlockSkeletons> skeletons) const {
  made_skeletons_ = std::move(skeletons);
  skeletons_ = made_skeletons_.get();
}

void LazySkeletons::Publish(
    std::unique_ptr<const SkeletonTables> tables) const {
  made_tables_ = std::move(tables);
  tables_ = made_tables_.get();
}

void LazySkeletons::Build(int threads, Monitor* monitor, SkeletonRival rival) {
  const absl::MutexLock lock(&mutex_);
  PhaseClock clock;
  const bool group_by_row = config_.group_by_row();
  partition_ = BlockSkeletons::Partition(
      *metric_, SkeletonOptionsFor(*metric_, config_, group_by_row, scale_),
      threads);
  const auto points = static_cast<double>(metric_->size());
  const auto width = static_cast<double>(metric_->point_width());
  clock.End("partition", 0, 0,
            std::llround(SkeletonCosts::Partition(points, width)));
  form_ = config_.form();
  if (form_ == SkeletonBoundConfig::AUTO &&
      !Decide(threads, monitor, rival, clock)) {
    return;
  }
  if (form_ == SkeletonBoundConfig::TABLES ||
      form_ == SkeletonBoundConfig::PROJECTIONS) {
    double share = form_ == SkeletonBoundConfig::TABLES ? 0.5 : 1;
    if (costs_ && form_ == SkeletonBoundConfig::TABLES) {
      share = costs_->skeletons() / (costs_->skeletons() + costs_->tables());
    }
    const Monitor::Part part(monitor, share);
    if (MakeSkeletons(threads, group_by_row, monitor)) {
      const BlockSkeletons& made = *made_skeletons_;
      clock.End("skeletons", made.evaluations(), made.bytes(),
                costs_ ? std::llround(costs_->skeletons()) : 0);
    } else {
      form_ = SkeletonBoundConfig::DENSE;
    }
  }
  if (form_ == SkeletonBoundConfig::TABLES && !TablesFit(/*with_gaps=*/false)) {
    form_ = SkeletonBoundConfig::PROJECTIONS;
  }
  if (form_ == SkeletonBoundConfig::PROJECTIONS && !SkeletonsFit()) {
    Publish(std::unique_ptr<const BlockSkeletons>());
    form_ = SkeletonBoundConfig::DENSE;
  }
  if (form_ == SkeletonBoundConfig::TABLES) {
    if (MakeTables(threads, monitor)) {
      clock.End("tables", made_tables_->evaluations(), made_tables_->bytes(),
                costs_ ? std::llround(costs_->tables()) : 0);
    } else {
      form_ = SkeletonBoundConfig::DENSE;
    }
  }
  if (form_ == SkeletonBoundConfig::DENSE) partition_.reset();
  phases_ = clock.Take();
}

LazySkeletons::Trial LazySkeletons::TrySkeletons(
    const SkeletonBoundConfig& config, int threads, Monitor* monitor) const {
  const auto stride = static_cast<int>(
      std::max<int64_t>(1, partition_->num_blocks() / kSampleBlocks));
  const SkeletonOptions options =
      SkeletonOptionsFor(*metric_, config, config.group_by_row(), scale_);
  const BlockSkeletons sample(*metric_, options, *partition_, threads, stride,
                              monitor);
  Trial trial;
  trial.residual = options.rms_residual;
  trial.evaluations = sample.evaluations();
  if (!Monitor::Go(monitor) || !(sample.median_residual() <= kMaxResidual)) {
    return trial;
  }
  trial.reached = sample.median_residual() <= options.rms_residual;
  trial.hard = HardPart(ExhaustiveSearcher<ResidualCorrelation>(metric_),
                        sample, threads);
  trial.costs.emplace(*metric_, sample.mean_rank(), partition_->num_blocks(),
                      trial.hard);
  trial.costs->Limit(MemoryOf(config));
  return trial;
}

double LazySkeletons::CostOf(const Trial& trial) const {
  const int64_t queries = config_.expected_queries() > 0
                              ? config_.expected_queries()
                              : metric_->size();
  const double dense =
      static_cast<double>(queries) * static_cast<double>(metric_->size());
  if (!trial.costs.has_value() || trial.hard > kMaxHardPart) return dense;
  return std::min(dense, trial.costs->Total(queries));
}

bool LazySkeletons::Decide(int threads, Monitor* monitor, SkeletonRival rival,
                           PhaseClock& clock) {
  const Monitor::Part part(monitor, kForecastShare);
  Trial best = TrySkeletons(config_, threads, monitor);
  Trial last = best;
  int64_t evaluations = best.evaluations;
  SkeletonBoundConfig finer = config_;
  while (Monitor::Go(monitor) && config_.rms_residual() == 0 &&
         last.costs.has_value() && last.hard > 0 && last.reached &&
         last.residual / 2 >= kLeastResidual) {
    finer.set_rms_residual(last.residual / 2);
    last = TrySkeletons(finer, threads, monitor);
    evaluations += last.evaluations;
    if (CostOf(last) < CostOf(best)) best = last;
  }
  if (!Monitor::Go(monitor)) return false;
  if (finer.rms_residual() > 0) config_.set_rms_residual(best.residual);
  form_ = SkeletonBoundConfig::DENSE;
  costs_ = best.costs;
  if (costs_.has_value() && best.hard <= kMaxHardPart) {
    form_ = FormAtBuild(*costs_);
  }
  const bool useful = form_ != SkeletonBoundConfig::DENSE;
  if (!rival(useful ? costs_ : std::nullopt)) {
    form_ = SkeletonBoundConfig::DENSE;
  }
  if (!Monitor::Go(monitor)) return false;
  clock.End("forecast", evaluations, 0,
            std::llround(SkeletonCosts::Samples(
                static_cast<double>(metric_->size()),
                static_cast<double>(metric_->point_width()))));
  return true;
}

LazySkeletons::Form LazySkeletons::FormAtBuild(
    const SkeletonCosts& costs) const {
  if (config_.expected_queries() > 0) {
    return costs.Cheapest(config_.expected_queries());
  }
  return costs.Cheapest(metric_->size()) == SkeletonBoundConfig::DENSE
             ? SkeletonBoundConfig::DENSE
             : SkeletonBoundConfig::AUTO;
}

bool LazySkeletons::MakeSkeletons(int threads, bool group_by_row,
                                  Monitor* monitor) const {
  const SkeletonOptions options =
      SkeletonOptionsFor(*metric_, config_, group_by_row, scale_);
  std::optional<SpacePartition> partition =
      std::exchange(partition_, std::nullopt);
  if (!partition.has_value()) {
    partition = BlockSkeletons::Partition(*metric_, options, threads);
  } else if (group_by_row != config_.group_by_row()) {
    partition =
        BlockSkeletons::Regrouped(*metric_, options, *partition, threads);
  }
  auto made = std::make_unique<BlockSkeletons>(*metric_, options,
                                               *std::move(partition), threads,
                                               /*stride=*/1, monitor);
  if (!Monitor::Go(monitor)) return false;
  const auto loose = static_cast<int64_t>(made->loose_rows().size());
  if (!made->sound() || loose > metric_->size() / kLoosePart) {
    unsound_ = true;
    return false;
  }
  Publish(std::move(made));
  return true;
}

bool LazySkeletons::SkeletonsFit() const {
  return static_cast<double>(made_skeletons_->bytes()) <= MemoryOf(config_);
}

bool LazySkeletons::TablesFit(bool with_gaps) const {
  // Tables and gaps (skeleton_tables.h), now that the ranks are known.
  const auto ranks = static_cast<double>(made_skeletons_->total_rank());
  const auto blocks = static_cast<double>(made_skeletons_->num_blocks());
  const auto points = static_cast<double>(metric_->size());
  const double gaps = with_gaps ? 2 * blocks * points : 0;
  const double bytes = 2 * ranks * ranks +
                       SkeletonCosts::kPairBytes * blocks * blocks +
                       SkeletonCosts::kLengthBytes * points + gaps;
  return bytes + static_cast<double>(made_skeletons_->bytes()) <=
             MemoryOf(config_) &&
         CheckMemory(bytes, "tables", "").ok();
}

bool LazySkeletons::MakeTables(int threads, Monitor* monitor) const {
  if (!TablesFit(/*with_gaps=*/false)) throw std::bad_alloc();
  const bool gaps = config_.norm_table() && TablesFit(/*with_gaps=*/true) &&
                    (!costs_.has_value() || costs_->GapsFit());
  auto made = std::make_unique<SkeletonTables>(*metric_, *made_skeletons_, gaps,
                                               threads, monitor);
  if (!Monitor::Go(monitor)) return false;
  if (!made->sound()) {
    unsound_ = true;
    return false;
  }
  Publish(std::move(made));
  return true;
}

int64_t LazySkeletons::kept_bytes() const {
  if (form_ != SkeletonBoundConfig::AUTO) return 0;
  const BlockSkeletons* skeletons = skeletons_;
  const SkeletonTables* tables = tables_;
  return (skeletons != nullptr ? skeletons->bytes() : 0) +
         (tables != nullptr ? tables->bytes() : 0) + inducing_bytes_;
}

bool LazySkeletons::settled() const {
  return HasTables() && !expects_inducing_;
}

bool LazySkeletons::HasTables() const {
  return form_ != SkeletonBoundConfig::AUTO || tables_ != nullptr || unsound_ ||
         (skeletons_ == nullptr ? !costs_->SkeletonsFit()
                                : !costs_->TablesFit());
}

LazySkeletons::CallCosts LazySkeletons::CostsOf(const Request& request) const {
  const int64_t queries = request.num_queries();
  const int64_t k = std::min(request.options.k, metric_->size());
  double dense = costs_->dense(queries);
  double more = 1;
  if (request.options.predecessor) {
    dense = 0;
    for (const int64_t row : request.rows) dense += static_cast<double>(row);
    more = kPredecessorCost;
  }
  const double projected = more * costs_->by_projections(queries, k);
  return {dense, projected < kMostProjected * dense ? projected : dense,
          more * costs_->by_tables(queries, k)};
}

SkeletonParts LazySkeletons::PartsFor(const Request& request,
                                      SearchCounters& counters) const {
  Form form = form_;
  if (costs_.has_value()) {
    const CallCosts call = CostsOf(request);
    double forecast = 0;
    if (form == SkeletonBoundConfig::AUTO) {
      if (!HasTables()) {
        forecast = MakeWhatPays(call, request.options, counters);
      }
      form = tables_ != nullptr ? SkeletonBoundConfig::TABLES
             : skeletons_ != nullptr && call.projected < call.dense && !unsound_
                 ? SkeletonBoundConfig::PROJECTIONS
                 : SkeletonBoundConfig::DENSE;
    }
    forecast += form == SkeletonBoundConfig::TABLES        ? call.by_tables
                : form == SkeletonBoundConfig::PROJECTIONS ? call.projected
                                                           : call.dense;
    counters.set_forecast_evaluations(std::llround(forecast));
  }
  if (form == SkeletonBoundConfig::DENSE) return {};
  return {skeletons_,
          form == SkeletonBoundConfig::TABLES ? tables_.load() : nullptr};
}

const InducingBounds* LazySkeletons::InducingFor(
    double evaluations, int64_t queries, const SearchOptions& options) const {
  if (inducing_ != nullptr || evaluations == 0 || !costs_.has_value() ||
      metric_->factor() == nullptr) {
    return inducing_;
  }
  const absl::MutexLock lock(&mutex_);
  if (made_inducing_ != nullptr) return inducing_;
  const BlockSkeletons& skeletons = *skeletons_.load();
  missed_with_inducing_ += evaluations;
  const double price = kInducingPrice *
                       static_cast<double>(metric_->data().v.cols()) *
                       static_cast<double>(metric_->size());
  const double calls = kExpectedRounds *
                       std::max(1.0, static_cast<double>(metric_->size()) /
                                         static_cast<double>(queries));
  expects_inducing_ = missed_with_inducing_ + calls * evaluations >= price;
  if (missed_with_inducing_ < price) return nullptr;
  expects_inducing_ = false;
  const SkeletonTables* tables = tables_;
  const double kept =
      static_cast<double>(skeletons.bytes()) +
      (tables == nullptr ? 0 : static_cast<double>(tables->bytes()));
  const double bounds = InducingBounds::Bytes(
      static_cast<double>(skeletons.num_positions()),
      static_cast<double>(metric_->data().v.cols()));
  if (kept + bounds > MemoryOf(config_)) return nullptr;
  try {
    const absl::Span<const int32_t> rows = skeletons.partition().rows();
    auto made = std::make_unique<InducingBounds>(
        *metric_, rows, skeletons.loose_rows(),
        WeightSlack(metric_->factor()->rounding(), /*scale=*/1));
    made->Weigh(/*first=*/0, options.threads, options.monitor);
    if (!Monitor::Go(options.monitor)) return nullptr;
    made->Finish(options.threads);
    made_inducing_ = std::move(made);
    inducing_bytes_ = made_inducing_->bytes();
    inducing_ = made_inducing_.get();
  } catch (const std::bad_alloc&) {
    missed_with_inducing_ = 0;
  }
  return inducing_;
}

double LazySkeletons::MakeWhatPays(const CallCosts& call,
                                   const SearchOptions& options,
                                   SearchCounters& counters) const {
  const absl::MutexLock lock(&mutex_);
  if (HasTables()) return 0;
  // Tables are weighed against projections, whether or not there are skeletons:
  // both need them.
  missed_with_skeletons_ += std::max(0.0, call.dense - call.projected);
  missed_with_tables_ +=
      std::max(0.0, std::min(call.dense, call.projected) - call.by_tables);
  const bool tables =
      costs_->TablesFit() && missed_with_tables_ > costs_->tables();
  const bool skeletons =
      made_skeletons_ == nullptr &&
      (tables || missed_with_skeletons_ > costs_->skeletons());
  const double price =
      (skeletons ? costs_->skeletons() : 0) + (tables ? costs_->tables() : 0);
  // The next call makes what a cancelled one leaves out.
  const double rest = tables ? call.by_tables : call.projected;
  const Monitor::Part part(options.monitor, price / (price + rest));
  int64_t evaluations = 0;
  try {
    if (skeletons) {
      const Monitor::Part first(options.monitor, costs_->skeletons() / price);
      const bool group_by_row = config_.has_group_by_row()
                                    ? config_.group_by_row()
                                    : options.predecessor;
      if (!MakeSkeletons(options.threads, group_by_row, options.monitor)) {
        return price;
      }
      evaluations += made_skeletons_->evaluations();
    }
    if (tables && MakeTables(options.threads, options.monitor)) {
      evaluations += made_tables_->evaluations();
    }
  } catch (const std::bad_alloc&) {
    missed_with_skeletons_ = 0;
    missed_with_tables_ = 0;
  }
  counters.set_distance_evaluations(evaluations);
  return price;
}

}  // namespace rct
