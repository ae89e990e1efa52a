#include "heuristics/skeleton_bound/skeleton_searcher.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/check.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "heuristics/skeleton_bound/block_skeletons.h"
#include "heuristics/skeleton_bound/skeleton_bounds.h"
#include "heuristics/skeleton_bound/skeleton_costs.h"
#include "heuristics/skeleton_bound/skeleton_pass.h"
#include "heuristics/skeleton_bound/skeleton_tables.h"
#include "metric/kernel.h"
#include "metric/residual_correlation.h"
#include "traversal/build_phase.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// Rows with fewer predecessors are searched exhaustively, which is faster.
constexpr int64_t kFewRows = 2048;

constexpr int64_t kSmallestBlock = 32;
constexpr int64_t kLargestBlock = 8192;

// The residual field has about m cells: with n / m points in a cell a block of
// this size covers a few of them, fewer where they are full, or where the
// kernel is rough and a block of few points has residuals enough.
int64_t AutomaticBlockSize(int64_t n, int64_t m, KernelFamily family) {
  const double ratio = static_cast<double>(n) / std::max<double>(1.0, m);
  const int cell = family == KernelFamily::kRbf ? 32 : 16;
  const auto size = static_cast<uint64_t>(cell * std::sqrt(ratio));
  return std::clamp<int64_t>(std::bit_floor(size + size / 3),
                             2 * kSmallestBlock, kLargestBlock / 4);
}

double AutomaticResidual(KernelFamily family) {
  return family == KernelFamily::kRbf ? 0.08 : 0.07;
}

// A batch that no index should slow down.
constexpr int64_t kSmallBatch = 1024;

// Blocks that are looked at before anything is decided.
constexpr int64_t kSampleBlocks = 8;

// At most one in so many of the points may be in no block: they are evaluated
// for every query.
constexpr int64_t kLoosePart = 64;

// Skeletons that leave more than this dismiss nothing.
constexpr double kLargestResidual = 0.25;

// What a monitor is told. A sample is little beside all blocks; how many
// queries turn out hard is not known before.
constexpr double kForecastShare = 0.05;
constexpr double kLargestPassShare = 0.98;

}  // namespace

absl::Status ValidateSkeletonBoundConfig(const SkeletonBoundConfig& config) {
  if (config.form() == SkeletonBoundConfig::FORM_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        "heuristics.skeleton_bound.form: not given; choose AUTO, TABLES, "
        "PROJECTIONS or DENSE");
  }
  const int32_t size = config.block_size();
  if (size != 0 && (size < kSmallestBlock || size > kLargestBlock ||
                    !std::has_single_bit(static_cast<uint32_t>(size)))) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.skeleton_bound.block_size: is ", size,
                     "; must be a power of two from ", kSmallestBlock, " to ",
                     kLargestBlock, ", or 0"));
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
    std::shared_ptr<const ResidualCorrelation> metric,
    const SkeletonBoundConfig& config)
    : Searcher(metric, RowOrder::Natural(metric->size())),
      config_(config),
      exhaustive_(metric) {}

absl::StatusOr<std::unique_ptr<const SkeletonSearcher>>
SkeletonSearcher::Create(std::shared_ptr<const ResidualCorrelation> metric,
                         const SkeletonBoundConfig& config, int threads,
                         const SlackScale& scale, Monitor* monitor) {
  RCT_CHECK(metric->rounding().has_value());
  RCT_RETURN_IF_ERROR(ValidateSkeletonBoundConfig(config));
  RCT_RETURN_IF_ERROR(metric->rounding()->Validate());
  std::unique_ptr<SkeletonSearcher> searcher(
      new SkeletonSearcher(std::move(metric), config));
  const Monitor::Part whole(monitor);
  searcher->Build(threads, scale, monitor);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  return searcher;
}

void SkeletonSearcher::Build(int threads, const SlackScale& scale,
                             Monitor* monitor) {
  if (config_.form() == SkeletonBoundConfig::DENSE || metric().size() == 0) {
    return;
  }
  const KernelFamily family = metric().kernel().family();
  SkeletonOptions options;
  options.block_size =
      config_.block_size() > 0
          ? config_.block_size()
          : AutomaticBlockSize(metric().size(), metric().data().v.cols(),
                               family);
  options.rms_residual = config_.rms_residual() > 0 ? config_.rms_residual()
                                                    : AutomaticResidual(family);
  options.scale = scale;
  PhaseClock clock;
  SpacePartition partition =
      BlockSkeletons::Partition(metric(), options, threads);
  clock.End("partition", 0, 0);
  SkeletonBoundConfig::Form form = config_.form();
  if (form == SkeletonBoundConfig::AUTO) {
    const auto stride = static_cast<int>(
        std::max<int64_t>(1, partition.num_blocks() / kSampleBlocks));
    const Monitor::Part part(monitor, kForecastShare);
    const BlockSkeletons sample(metric(), options, partition, threads, stride,
                                monitor);
    if (!Monitor::Go(monitor)) return;
    if (sample.median_residual() <= kLargestResidual) {
      costs_.emplace(metric(), sample.mean_rank(), partition.num_blocks(),
                     HardPart(exhaustive_, sample, threads));
      form = FormAtBuild(*costs_);
    } else {
      form = SkeletonBoundConfig::DENSE;
    }
    clock.End("forecast", sample.evaluations(), 0);
  }
  if (form != SkeletonBoundConfig::DENSE) {
    double share = form == SkeletonBoundConfig::TABLES ? 0.5 : 1;
    if (costs_ && form == SkeletonBoundConfig::TABLES) {
      share = costs_->skeletons() / (costs_->skeletons() + costs_->tables());
    }
    const Monitor::Part part(monitor, share);
    skeletons_ = std::make_unique<BlockSkeletons>(metric(), options,
                                                  std::move(partition), threads,
                                                  /*stride=*/1, monitor);
    if (!Monitor::Go(monitor)) return;
    clock.End("skeletons", skeletons_->evaluations(), skeletons_->bytes(),
              costs_ ? std::llround(costs_->skeletons()) : 0);
    const auto loose = static_cast<int64_t>(skeletons_->loose_rows().size());
    if (!skeletons_->sound() || loose > metric().size() / kLoosePart) {
      form = SkeletonBoundConfig::DENSE;
    }
  }
  if (form == SkeletonBoundConfig::TABLES) {
    auto tables = std::make_unique<SkeletonTables>(
        metric(), *skeletons_, config_.norm_table(), threads, monitor);
    if (!Monitor::Go(monitor)) return;
    clock.End("tables", tables->evaluations(), tables->bytes(),
              costs_ ? std::llround(costs_->tables()) : 0);
    if (tables->sound()) {
      tables_ = tables.get();
      const absl::MutexLock lock(&mutex_);
      made_ = std::move(tables);
    } else {
      form = SkeletonBoundConfig::DENSE;
    }
  }
  if (form == SkeletonBoundConfig::DENSE) skeletons_ = nullptr;
  form_ = form;
  phases_ = clock.Take();
}

SkeletonBoundConfig::Form SkeletonSearcher::FormAtBuild(
    const SkeletonCosts& costs) const {
  if (config_.expected_queries() > 0) {
    return costs.Cheapest(config_.expected_queries());
  }
  if (costs.Cheapest(metric().size()) == SkeletonBoundConfig::DENSE) {
    return SkeletonBoundConfig::DENSE;
  }
  return costs.tables() + costs.by_tables(kSmallBatch) <
                 costs.dense(kSmallBatch)
             ? SkeletonBoundConfig::TABLES
             : SkeletonBoundConfig::AUTO;
}

int64_t SkeletonSearcher::kept_bytes() const {
  const SkeletonTables* tables = tables_;
  return form_ == SkeletonBoundConfig::AUTO && tables != nullptr
             ? tables->bytes()
             : 0;
}

SkeletonBoundConfig::Form SkeletonSearcher::FormOfCall(
    const Request& request, SearchCounters& counters) const {
  if (request.options.k > SkeletonPass::kMostNeighbors &&
      metric().size() > SkeletonPass::kMostNeighbors) {
    return SkeletonBoundConfig::DENSE;
  }
  if (!costs_.has_value()) return form_;

  const int64_t queries = request.num_queries();
  double dense = costs_->dense(queries);
  if (request.options.predecessor) {
    dense = 0;
    for (const int64_t row : request.rows) dense += static_cast<double>(row);
  }
  const double projected = costs_->by_projections(queries);
  const double by_tables = costs_->by_tables(queries);
  double forecast = 0;
  SkeletonBoundConfig::Form form = form_;
  if (form == SkeletonBoundConfig::AUTO) {
    if (MakeTables(std::min(dense, projected) - by_tables, by_tables,
                   request.options, counters)) {
      forecast += costs_->tables();
    }
    form = tables_ != nullptr  ? SkeletonBoundConfig::TABLES
           : projected < dense ? SkeletonBoundConfig::PROJECTIONS
                               : SkeletonBoundConfig::DENSE;
  }
  forecast += form == SkeletonBoundConfig::TABLES        ? by_tables
              : form == SkeletonBoundConfig::PROJECTIONS ? projected
                                                         : dense;
  counters.set_forecast_evaluations(std::llround(forecast));
  return form;
}

bool SkeletonSearcher::MakeTables(double missed, double by_tables,
                                  const SearchOptions& options,
                                  SearchCounters& counters) const {
  if (tables_ != nullptr) return false;
  const absl::MutexLock lock(&mutex_);
  missed_ += std::max(0.0, missed);
  if (made_ != nullptr || missed_ <= costs_->tables()) return false;
  const Monitor::Part part(options.monitor,
                           costs_->tables() / (costs_->tables() + by_tables));
  auto tables = std::make_unique<SkeletonTables>(
      metric(), *skeletons_, config_.norm_table(), options.threads,
      options.monitor);
  // The next call that wants them makes them whole.
  if (!Monitor::Go(options.monitor)) return false;
  made_ = std::move(tables);
  counters.set_distance_evaluations(made_->evaluations());
  if (made_->sound()) tables_ = made_.get();
  return true;
}

SkeletonSearcher::Tasks SkeletonSearcher::Divide(const Request& request,
                                                 bool projects) const {
  const bool own = &request.from == &metric().data();
  const int64_t block_size = skeletons_->block_size();
  Tasks divided;
  std::vector<std::pair<int32_t, int32_t>> by_place;  // position, query
  for (int32_t i = 0; i < request.num_queries(); ++i) {
    int32_t place = -1;
    const int32_t point = request.positions[i];
    if (own) {
      place = skeletons_->position(point);
    } else if (skeletons_->slack().Tau(request.from.inverse_sqrt[point]) <=
               kLargestTau) {
      place = static_cast<int32_t>(
          skeletons_
              ->block(static_cast<int>(skeletons_->partition().Locate(
                  request.from.points.row(point))))
              .first);
    }
    if (request.options.predecessor && request.rows[i] < kFewRows) place = -1;
    if (place < 0) {
      divided.hard.push_back(i);
    } else {
      by_place.emplace_back(place, i);
    }
  }
  std::sort(by_place.begin(), by_place.end());
  divided.order.resize(by_place.size());
  const size_t most =
      projects ? SkeletonPass::kMostProjected : SkeletonPass::kMostQueries;
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
  const SkeletonTables* tables =
      form == SkeletonBoundConfig::TABLES ? tables_.load() : nullptr;
  std::vector<std::unique_ptr<SkeletonPass>> passes;
  for (int w = 0; w < num_workers; ++w) {
    passes.push_back(std::make_unique<SkeletonPass>(
        *this, *skeletons_, tables, config_.sub_blocks(),
        std::min(request.options.k, metric().size())));
  }
  {
    // By number of queries. Those that turn out hard take what is left over.
    const auto hard = static_cast<double>(divided.hard.size());
    const double share =
        std::min(kLargestPassShare,
                 1 - hard / static_cast<double>(request.num_queries()));
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
  SearchExhaustively(request, divided.hard, neighbors, statistics);
}

void SkeletonSearcher::SearchExhaustively(const Request& request,
                                          absl::Span<const int32_t> queries,
                                          NeighborTable& neighbors,
                                          SearchStatistics& statistics) const {
  if (queries.empty()) return;
  std::vector<int32_t> positions;
  std::vector<int64_t> rows;
  for (const int32_t query : queries) {
    positions.push_back(request.positions[query]);
    rows.push_back(request.rows[query]);
  }
  const SearchResult found =
      exhaustive_.Run({request.from, positions, rows, request.options});
  for (size_t i = 0; i < queries.size(); ++i) {
    for (int64_t j = 0; j < neighbors.k(); ++j) {
      neighbors.rows()(queries[i], j) = found.neighbors.rows()(i, j);
      neighbors.distances()(queries[i], j) = found.neighbors.distances()(i, j);
    }
  }
  SearchCounters& counters = statistics.counters;
  counters.set_exhaustive_queries(static_cast<int64_t>(queries.size()));
  counters.set_distance_evaluations(counters.distance_evaluations() +
                                    found.counters.distance_evaluations());
  counters.set_predecessor_filtered(counters.predecessor_filtered() +
                                    found.counters.predecessor_filtered());
  counters.set_heap_pushes(counters.heap_pushes() +
                           found.counters.heap_pushes());
  statistics.trace.Add(found.trace);
}

}  // namespace rct
