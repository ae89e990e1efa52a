#include "traversal/block/skeleton_searcher.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/check.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "metric/kernel.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/skeleton_costs.h"
#include "traversal/block/skeleton_pass.h"
#include "traversal/block/skeleton_tables.h"
#include "traversal/build_phase.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// Rows with fewer predecessors are searched exhaustively, which is faster.
constexpr int64_t kFewRows = 2048;

constexpr int64_t kMinBlockSize = 32;
constexpr int64_t kMaxBlockSize = 8192;

// The residual field has about m cells: with n / m points in a cell a block of
// this size covers a few of them, fewer where they are full, or where the
// kernel is rough and a block of few points has residuals enough.
int64_t AutomaticBlockSize(int64_t n, int64_t m, KernelFamily family) {
  const double ratio = static_cast<double>(n) / std::max<double>(1.0, m);
  const int cell = family == KernelFamily::kRbf ? 32 : 16;
  const auto size = static_cast<uint64_t>(cell * std::sqrt(ratio));
  return std::clamp<int64_t>(std::bit_floor(size + size / 3), 2 * kMinBlockSize,
                             kMaxBlockSize / 4);
}

// Early rows in the first quarter of a block, late ones in the last half.
constexpr int kRowSplits = 2;

double AutomaticResidual(KernelFamily family) {
  return family == KernelFamily::kRbf ? 0.05 : 0.07;
}

// Blocks that are looked at before anything is decided.
constexpr int64_t kSampleBlocks = 8;

// At most one in so many of the points may be in no block: they are evaluated
// for every query.
constexpr int64_t kLoosePart = 64;

// Skeletons that leave more than this dismiss nothing.
constexpr double kMaxResidual = 0.25;

// Nor do bounds pay where they are in vain for more than this part of queries,
// whose filter costs more than that of others.
constexpr double kMaxHardPart = 0.25;

// What a monitor is told. A sample is little beside all blocks; how many
// queries turn out hard is not known before.
constexpr double kForecastShare = 0.05;
constexpr double kMaxPassShare = 0.98;

}  // namespace

absl::Status ValidateSkeletonBoundConfig(const SkeletonBoundConfig& config) {
  if (config.form() == SkeletonBoundConfig::FORM_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        "heuristics.skeleton_bound.form: not given; choose AUTO, TABLES, "
        "PROJECTIONS or DENSE");
  }
  const int32_t size = config.block_size();
  if (size != 0 && (size < kMinBlockSize || size > kMaxBlockSize ||
                    !std::has_single_bit(static_cast<uint32_t>(size)))) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.skeleton_bound.block_size: is ", size,
                     "; must be a power of two from ", kMinBlockSize, " to ",
                     kMaxBlockSize, ", or 0"));
  }
  if (!(config.rms_residual() >= 0) || !(config.rms_residual() < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.skeleton_bound.rms_residual: is ",
                     config.rms_residual(), "; must be from 0 to below 1"));
  }
  if (config.expected_queries() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.skeleton_bound.expected_queries: is ",
                     config.expected_queries(), "; must not be negative"));
  }
  return absl::OkStatus();
}

SkeletonSearcher::SkeletonSearcher(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config)
    : Searcher(metric, RowOrder::Natural(metric->size())),
      config_(config),
      exhaustive_(metric) {
  const KernelFamily family = metric->kernel().family();
  options_.block_size =
      config.block_size() > 0
          ? config.block_size()
          : AutomaticBlockSize(metric->size(), metric->data().v.cols(), family);
  options_.rms_residual = config.rms_residual() > 0 ? config.rms_residual()
                                                    : AutomaticResidual(family);
  options_.row_splits = config.group_by_row() ? kRowSplits : 0;
}

absl::StatusOr<std::unique_ptr<const SkeletonSearcher>>
SkeletonSearcher::Create(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config, int threads, const SlackScale& scale,
    Monitor* monitor) {
  RCT_CHECK(metric->rounding().has_value());
  RCT_RETURN_IF_ERROR(ValidateSkeletonBoundConfig(config));
  RCT_RETURN_IF_ERROR(metric->rounding()->Validate());
  std::unique_ptr<SkeletonSearcher> searcher(
      new SkeletonSearcher(metric, config));
  const Monitor::Part whole(monitor);
  searcher->Build(threads, scale, monitor);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  return searcher;
}

std::unique_ptr<const SkeletonSearcher> SkeletonSearcher::Restore(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config, SkeletonBoundConfig::Form form,
    const std::optional<SkeletonCosts>& costs,
    std::unique_ptr<const BlockSkeletons> skeletons,
    std::unique_ptr<const SkeletonTables> tables) {
  std::unique_ptr<SkeletonSearcher> searcher(
      new SkeletonSearcher(metric, config));
  searcher->form_ = form;
  searcher->costs_ = costs;
  const absl::MutexLock lock(&searcher->mutex_);
  searcher->Keep(std::move(skeletons));
  searcher->Keep(std::move(tables));
  return searcher;
}

void SkeletonSearcher::Keep(
    std::unique_ptr<const BlockSkeletons> skeletons) const {
  made_skeletons_ = std::move(skeletons);
  skeletons_ = made_skeletons_.get();
}

void SkeletonSearcher::Keep(
    std::unique_ptr<const SkeletonTables> tables) const {
  made_tables_ = std::move(tables);
  tables_ = made_tables_.get();
}

void SkeletonSearcher::Build(int threads, const SlackScale& scale,
                             Monitor* monitor) {
  if (config_.form() == SkeletonBoundConfig::DENSE || metric().size() == 0) {
    return;
  }
  options_.scale = scale;
  const absl::MutexLock lock(&mutex_);
  PhaseClock clock;
  partition_ = BlockSkeletons::Partition(metric(), options_, threads);
  clock.End("partition", 0, 0);
  form_ = config_.form();
  if (form_ == SkeletonBoundConfig::AUTO) {
    const auto stride = static_cast<int>(
        std::max<int64_t>(1, partition_->num_blocks() / kSampleBlocks));
    const Monitor::Part part(monitor, kForecastShare);
    const BlockSkeletons sample(metric(), options_, *partition_, threads,
                                stride, monitor);
    if (!Monitor::Go(monitor)) return;
    form_ = SkeletonBoundConfig::DENSE;
    if (sample.median_residual() <= kMaxResidual) {
      const double hard = HardPart(exhaustive_, sample, threads);
      costs_.emplace(metric(), sample.mean_rank(), partition_->num_blocks(),
                     hard);
      if (hard <= kMaxHardPart) form_ = FormAtBuild(*costs_);
    }
    clock.End("forecast", sample.evaluations(), 0);
  }
  if (form_ == SkeletonBoundConfig::TABLES ||
      form_ == SkeletonBoundConfig::PROJECTIONS) {
    double share = form_ == SkeletonBoundConfig::TABLES ? 0.5 : 1;
    if (costs_ && form_ == SkeletonBoundConfig::TABLES) {
      share = costs_->skeletons() / (costs_->skeletons() + costs_->tables());
    }
    const Monitor::Part part(monitor, share);
    if (MakeSkeletons(threads, config_.group_by_row(), monitor)) {
      const BlockSkeletons& made = *made_skeletons_;
      clock.End("skeletons", made.evaluations(), made.bytes(),
                costs_ ? std::llround(costs_->skeletons()) : 0);
    } else {
      form_ = SkeletonBoundConfig::DENSE;
    }
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

SkeletonBoundConfig::Form SkeletonSearcher::FormAtBuild(
    const SkeletonCosts& costs) const {
  if (config_.expected_queries() > 0) {
    return costs.Cheapest(config_.expected_queries());
  }
  return costs.Cheapest(metric().size()) == SkeletonBoundConfig::DENSE
             ? SkeletonBoundConfig::DENSE
             : SkeletonBoundConfig::AUTO;
}

bool SkeletonSearcher::MakeSkeletons(int threads, bool group_by_row,
                                     Monitor* monitor) const {
  std::optional<SpacePartition> partition =
      std::exchange(partition_, std::nullopt);
  SkeletonOptions options = options_;
  options.row_splits = group_by_row ? kRowSplits : 0;
  if (!partition.has_value() || options.row_splits != options_.row_splits) {
    partition = BlockSkeletons::Partition(metric(), options, threads);
  }
  auto made = std::make_unique<BlockSkeletons>(metric(), options,
                                               *std::move(partition), threads,
                                               /*stride=*/1, monitor);
  if (!Monitor::Go(monitor)) return false;
  const auto loose = static_cast<int64_t>(made->loose_rows().size());
  if (!made->sound() || loose > metric().size() / kLoosePart) {
    in_vain_ = true;
    return false;
  }
  Keep(std::move(made));
  return true;
}

bool SkeletonSearcher::MakeTables(int threads, Monitor* monitor) const {
  // Tables and gaps (skeleton_tables.h).
  const auto ranks = static_cast<double>(made_skeletons_->total_rank());
  const double gaps = config_.norm_table()
                          ? static_cast<double>(made_skeletons_->num_blocks()) *
                                static_cast<double>(metric().size())
                          : 0;
  if (!CheckMemory(2 * ranks * ranks + 2 * gaps, "tables", "").ok()) {
    throw std::bad_alloc();
  }
  auto made = std::make_unique<SkeletonTables>(
      metric(), *made_skeletons_, config_.norm_table(), threads, monitor);
  if (!Monitor::Go(monitor)) return false;
  if (!made->sound()) {
    in_vain_ = true;
    return false;
  }
  Keep(std::move(made));
  return true;
}

int64_t SkeletonSearcher::kept_bytes() const {
  if (form_ != SkeletonBoundConfig::AUTO) return 0;
  const BlockSkeletons* skeletons = skeletons_;
  const SkeletonTables* tables = tables_;
  return (skeletons != nullptr ? skeletons->bytes() : 0) +
         (tables != nullptr ? tables->bytes() : 0);
}

bool SkeletonSearcher::settled() const {
  return form_ != SkeletonBoundConfig::AUTO || tables_ != nullptr || in_vain_;
}

SkeletonBoundConfig::Form SkeletonSearcher::FormOfCall(
    const Request& request, SearchCounters& counters) const {
  if (request.options.k > SkeletonPass::kMaxNeighbors &&
      metric().size() > SkeletonPass::kMaxNeighbors) {
    return SkeletonBoundConfig::DENSE;
  }
  if (!costs_.has_value()) return form_;

  const int64_t queries = request.num_queries();
  const int64_t k = std::min(request.options.k, metric().size());
  double dense = costs_->dense(queries);
  if (request.options.predecessor) {
    dense = 0;
    for (const int64_t row : request.rows) dense += static_cast<double>(row);
  }
  const double projected = costs_->by_projections(queries, k);
  const double by_tables = costs_->by_tables(queries, k);
  double forecast = 0;
  SkeletonBoundConfig::Form form = form_;
  if (form == SkeletonBoundConfig::AUTO) {
    if (!settled()) {
      forecast = MakeWhatPays({dense, projected, by_tables}, request.options,
                              counters);
    }
    form = tables_ != nullptr ? SkeletonBoundConfig::TABLES
           : skeletons_ != nullptr && projected < dense && !in_vain_
               ? SkeletonBoundConfig::PROJECTIONS
               : SkeletonBoundConfig::DENSE;
  }
  forecast += form == SkeletonBoundConfig::TABLES        ? by_tables
              : form == SkeletonBoundConfig::PROJECTIONS ? projected
                                                         : dense;
  counters.set_forecast_evaluations(std::llround(forecast));
  return form;
}

double SkeletonSearcher::MakeWhatPays(const CallCosts& call,
                                      const SearchOptions& options,
                                      SearchCounters& counters) const {
  const absl::MutexLock lock(&mutex_);
  if (settled()) return 0;
  // Tables are weighed against projections, whether or not there are skeletons:
  // both need them.
  missed_with_skeletons_ += std::max(0.0, call.dense - call.projected);
  missed_with_tables_ +=
      std::max(0.0, std::min(call.dense, call.projected) - call.by_tables);
  const bool tables = missed_with_tables_ > costs_->tables();
  const bool skeletons =
      made_skeletons_ == nullptr &&
      (tables || missed_with_skeletons_ > costs_->skeletons());
  const double price =
      (skeletons ? costs_->skeletons() : 0) + (tables ? costs_->tables() : 0);
  // What a cancelled call leaves out the next one makes.
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

SkeletonSearcher::Tasks SkeletonSearcher::Divide(const Request& request,
                                                 bool projects) const {
  const bool own = &request.from == &metric().data();
  const BlockSkeletons& skeletons = *skeletons_;
  const int64_t block_size = skeletons.block_size();
  Tasks divided;
  std::vector<std::pair<int32_t, int32_t>> by_place;  // position, query
  for (int32_t i = 0; i < request.num_queries(); ++i) {
    int32_t place = -1;
    const int32_t point = request.positions[i];
    if (own) {
      place = skeletons.position(point);
    } else if (skeletons.slack().Tau(request.from.inverse_sqrt[point]) <=
               kMaxTau) {
      place = static_cast<int32_t>(
          skeletons
              .block(static_cast<int>(
                  skeletons.partition().Locate(request.from.points.row(point))))
              .first);
    }
    if (request.options.predecessor && request.rows[i] < kFewRows) place = -1;
    if (place < 0) {
      divided.hard.push_back(i);
    } else {
      by_place.emplace_back(place, i);
    }
  }
  // Sixteen queries share a filter: neighbours in space or, of one block, those
  // with about as many predecessors, which see as far.
  std::sort(
      by_place.begin(), by_place.end(), [&](const auto& a, const auto& b) {
        const int64_t in = a.first / block_size, other = b.first / block_size;
        if (projects || !request.options.predecessor || in != other) {
          return a < b;
        }
        return std::pair(request.rows[a.second], a.second) <
               std::pair(request.rows[b.second], b.second);
      });
  divided.order.resize(by_place.size());
  const size_t most =
      projects ? SkeletonPass::kMaxProjected : SkeletonPass::kMaxQueries;
  for (size_t i = 0; i < by_place.size();) {
    const int64_t block = by_place[i].first / block_size;
    const size_t first = i;
    for (; i < by_place.size() && i - first < most &&
           (projects || by_place[i].first / block_size == block);
         ++i) {
      divided.order[i] = by_place[i].second;
    }
    divided.tasks.push_back(
        {static_cast<int>(block),
         absl::MakeConstSpan(divided.order).subspan(first, i - first)});
  }
  return divided;
}

void SkeletonSearcher::Search(const Request& request, NeighborTable& neighbors,
                              SearchStatistics& statistics) const {
  SearchCounters& counters = statistics.counters;
  const SkeletonBoundConfig::Form form = FormOfCall(request, counters);
  Monitor* const monitor = request.options.monitor;
  if (!Monitor::Go(monitor)) return;
  Tasks divided;
  if (form == SkeletonBoundConfig::DENSE) {
    divided.hard.resize(request.num_queries());
    std::iota(divided.hard.begin(), divided.hard.end(), 0);
  } else {
    divided = Divide(request, form == SkeletonBoundConfig::PROJECTIONS);
  }
  const auto num_tasks = static_cast<int64_t>(divided.tasks.size());
  const int num_workers =
      static_cast<int>(std::min<int64_t>(request.options.threads, num_tasks));
  const BlockSkeletons* skeletons = skeletons_;
  const SkeletonTables* tables =
      form == SkeletonBoundConfig::TABLES ? tables_.load() : nullptr;
  std::vector<std::unique_ptr<SkeletonPass>> passes;
  passes.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    passes.push_back(std::make_unique<SkeletonPass>(
        *this, *skeletons, tables, config_.sub_blocks(),
        std::min(request.options.k, metric().size())));
  }
  {
    // By number of queries. Those that turn out hard take what is left over.
    const auto hard = static_cast<double>(divided.hard.size());
    const double share = std::min(
        kMaxPassShare, 1 - hard / static_cast<double>(request.num_queries()));
    const Monitor::Part part(monitor, share);
    ParallelFor(
        num_workers, num_tasks, monitor, [&](int64_t number, int worker) {
          const Task& task = divided.tasks[number];
          passes[worker]->Search(request, task.block, task.queries, neighbors);
        });
  }
  if (!Monitor::Go(monitor)) return;
  SkeletonPass::Counts sum;
  for (const auto& pass : passes) {
    divided.hard.insert(divided.hard.end(), pass->hard_queries().begin(),
                        pass->hard_queries().end());
    sum += pass->counts();
    statistics.trace.Add(pass->trace());
  }
  if (request.options.telemetry && num_tasks > 0) {
    SearchTrace::Level& level = statistics.trace.level(0);
    level.frontier += sum.block_tests;
    level.expanded += sum.block_tests - sum.blocks_pruned;
    level.pruned += sum.blocks_pruned;
  }
  counters.set_distance_evaluations(counters.distance_evaluations() +
                                    sum.evaluations);
  counters.set_predecessor_filtered(sum.filtered);
  counters.set_segments_expanded(sum.block_tests - sum.blocks_pruned);
  counters.set_prunes_lower_bound(sum.blocks_pruned);
  counters.set_sub_block_prunes(sum.sub_blocks_pruned);
  counters.set_points_screened(sum.screened);
  counters.set_heap_pushes(sum.pushes);
  std::sort(divided.hard.begin(), divided.hard.end());
  exhaustive_.SearchSome(request, divided.hard, neighbors, statistics);
}

}  // namespace rct
