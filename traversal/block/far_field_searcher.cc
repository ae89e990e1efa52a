#include "traversal/block/far_field_searcher.h"

#include <algorithm>
#include <bit>
#include <cmath>
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
#include "absl/types/span.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/sort_by.h"
#include "base/status_macros.h"
#include "metric/kernel.h"
#include "metric/residual_correlation.h"
#include "traversal/block/far_field.pb.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_pass.h"
#include "traversal/block/inducing_pass.h"
#include "traversal/build_phase.h"
#include "traversal/counters.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int64_t kMinBlockSize = 32;
constexpr int64_t kMaxBlockSize = 8192;

// Rows with fewer predecessors than these are searched exhaustively, which is
// faster: their theta is so small that all blocks matter to them. It falls more
// slowly the more dimensions there are.
constexpr int64_t kMinPredecessors = 2048;
int64_t MinPredecessorsOfBlock(int dim) { return dim <= 2 ? 8 : 12; }

// About one inducing point lies in a block, and v is smooth between them.
int64_t AutomaticBlockSize(const ResidualCorrelation& metric) {
  const auto ratio = static_cast<uint64_t>(
      metric.size() / std::max<int64_t>(1, metric.data().v.cols()));
  return std::clamp<int64_t>(std::bit_floor(std::max<uint64_t>(1, ratio)), 64,
                             1024);
}

// Where residual variances are smaller, and with them all covariances that
// matter, less may be left. More dimensions take more directions for the same.
double AutomaticRest(const ResidualCorrelation& metric) {
  if (metric.kernel().family() == KernelFamily::kMatern12) {
    return metric.dim() <= 2 ? 2e-3 : 5e-3;
  }
  return metric.dim() <= 2 ? 5e-4 : 4e-3;
}

// Balls cost more than they save where correlations fall like the root of the
// distance.
bool AutomaticBalls(const ResidualCorrelation& metric) {
  return metric.kernel().family() != KernelFamily::kMatern12;
}

}  // namespace

FarFieldOptions FarFieldOptionsFor(const ResidualCorrelation& metric,
                                   const FarFieldConfig& config,
                                   const FarFieldScale& scale) {
  return {.block_size = config.block_size() > 0 ? config.block_size()
                                                : AutomaticBlockSize(metric),
          .rms_rest =
              config.rms_rest() > 0 ? config.rms_rest() : AutomaticRest(metric),
          .balls = AutomaticBalls(metric),
          .scale = scale};
}

absl::Status ValidateFarFieldConfig(const FarFieldConfig& config) {
  const int32_t size = config.block_size();
  if (size != 0 && (size < kMinBlockSize || size > kMaxBlockSize ||
                    !std::has_single_bit(static_cast<uint32_t>(size)))) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.far_field.block_size: is ", size,
                     "; must be a power of two from ", kMinBlockSize, " to ",
                     kMaxBlockSize, ", or 0"));
  }
  if (!(config.rms_rest() >= 0) || !(config.rms_rest() < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.far_field.rms_rest: is ", config.rms_rest(),
                     "; must be from 0 to below 1"));
  }
  return absl::OkStatus();
}

struct FarFieldSearcher::Tasks {
  std::vector<int32_t> order;  // the queries that the tasks refer to
  std::vector<int32_t> inducing;
  std::vector<BlockTask> tasks;
  std::vector<int32_t> hard;
};

FarFieldSearcher::FarFieldSearcher(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const FarFieldConfig& config, const std::optional<FarFieldCosts>& costs,
    bool screens, std::optional<SpacePartition> partition)
    : Searcher(metric, RowOrder::Natural(metric->size())),
      options_(FarFieldOptionsFor(*metric, config)),
      costs_(costs),
      exhaustive_(metric),
      screens_(screens),
      lazy_(true),
      partition_(std::move(partition)) {}

absl::StatusOr<std::unique_ptr<const FarFieldSearcher>>
FarFieldSearcher::Create(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const FarFieldConfig& config, int threads, const FarFieldScale& scale,
    Monitor* monitor) {
  RCT_RETURN_IF_ERROR(ValidateFarFieldConfig(config));
  const Monitor::Part whole(monitor);
  auto searcher =
      std::make_unique<FarFieldSearcher>(metric, config, std::nullopt,
                                         /*screens=*/false);
  searcher->lazy_ = false;
  searcher->options_.scale = scale;
  if (FarFieldBlocks::Offered(*metric)) {
    PhaseClock clock;
    searcher->MakeBlocks(threads, monitor);
    RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
    clock.End("far_field", 0, searcher->blocks()->bytes());
    searcher->phases_ = clock.Take();
  }
  return searcher;
}

void FarFieldSearcher::Make(bool predecessor, int threads,
                            Monitor* monitor) const {
  FarFieldOptions options = options_;
  options.balls = options.balls && !predecessor;
  std::optional<SpacePartition> partition =
      std::exchange(partition_, std::nullopt);
  if (!partition.has_value()) {
    partition = FarFieldBlocks::Partition(metric(), options, threads);
  }
  auto made = std::make_unique<const FarFieldBlocks>(
      metric(), options, *partition, threads, monitor);
  if (!Monitor::Go(monitor)) return;
  made_ = std::move(made);
  blocks_ = made_.get();
}

bool FarFieldSearcher::MakeBlocks(int threads, Monitor* monitor) const {
  const absl::MutexLock lock(&mutex_);
  if (made_ == nullptr) Make(/*predecessor=*/false, threads, monitor);
  return made_ != nullptr;
}

const FloatScreenSearcher& FarFieldSearcher::MakeScreen(int threads) const {
  const absl::MutexLock lock(&mutex_);
  if (made_screen_ == nullptr) {
    made_screen_ =
        FloatScreenSearcher::Create(exhaustive_.shared_metric(), {}, threads);
    screen_ = made_screen_.get();
  }
  return *made_screen_;
}

int64_t FarFieldSearcher::kept_bytes() const {
  if (!lazy_ || !costs_.has_value()) return 0;
  const FarFieldBlocks* blocks = blocks_;
  const FloatScreenSearcher* screen = screen_;
  return (blocks != nullptr ? blocks->bytes() : 0) +
         (screen != nullptr ? screen->bytes() : 0);
}

bool FarFieldSearcher::settled() const {
  return !lazy_ || !costs_.has_value() || blocks_ != nullptr;
}

double FarFieldSearcher::AllPairsCost(const Request& request) const {
  double pairs = static_cast<double>(request.num_queries()) *
                 static_cast<double>(metric().size());
  if (request.options.predecessor) {
    pairs = 0;
    for (const int64_t row : request.rows) pairs += static_cast<double>(row);
  }
  return screens_ ? kScreenCost * pairs : pairs;
}

const FarFieldBlocks* FarFieldSearcher::BlocksFor(
    const Request& request, SearchCounters& counters) const {
  if (!lazy_) return blocks_;
  const double all_pairs = AllPairsCost(request);
  const bool helped = costs_.has_value() && request.own() &&
                      std::min(request.options.k, metric().size()) <=
                          FarFieldPass::kMaxNeighbors;
  double forecast = 0;
  if (helped && blocks_ == nullptr) {
    const absl::MutexLock lock(&mutex_);
    const double search = costs_->search(request.num_queries());
    missed_ += std::max(0.0, all_pairs - search);
    if (made_ == nullptr && missed_ > costs_->build()) {
      const Monitor::Part part(request.options.monitor,
                               costs_->build() / (costs_->build() + search));
      forecast += costs_->build();
      try {
        Make(request.options.predecessor, request.options.threads,
             request.options.monitor);
      } catch (const std::bad_alloc&) {
        missed_ = 0;
      }
    }
  }
  const FarFieldBlocks* blocks = helped ? blocks_.load() : nullptr;
  forecast +=
      blocks != nullptr ? costs_->search(request.num_queries()) : all_pairs;
  counters.set_forecast_evaluations(std::llround(forecast));
  return blocks;
}

FarFieldSearcher::Tasks FarFieldSearcher::Divide(
    const Request& request, const FarFieldBlocks* blocks) const {
  Tasks divided;
  const int64_t k = std::min(request.options.k, metric().size());
  if (blocks == nullptr || !request.own() || k > FarFieldPass::kMaxNeighbors) {
    divided.hard.resize(request.num_queries());
    std::iota(divided.hard.begin(), divided.hard.end(), 0);
    return divided;
  }
  const int64_t early =
      std::max(kMinPredecessors,
               MinPredecessorsOfBlock(static_cast<int>(metric().dim())) *
                   blocks->num_blocks());
  std::vector<std::pair<int32_t, int32_t>> by_position;  // position, query
  for (int32_t i = 0; i < request.num_queries(); ++i) {
    const int32_t row = request.positions[i];
    if (request.options.predecessor && row < early) {
      divided.hard.push_back(i);
    } else if (blocks->inducing().number(row) >= 0) {
      divided.inducing.push_back(i);
    } else {
      by_position.emplace_back(blocks->position(row), i);
    }
  }
  SortBy([](const auto& placed) { return placed.first; },
         blocks->num_blocks() * blocks->block_size(), by_position);
  divided.order.resize(by_position.size());
  for (size_t i = 0; i < by_position.size();) {
    const int64_t block = by_position[i].first / blocks->block_size();
    const size_t first = i;
    for (; i < by_position.size() && i - first < FarFieldPass::kMaxQueries &&
           by_position[i].first / blocks->block_size() == block;
         ++i) {
      divided.order[i] = by_position[i].second;
    }
    divided.tasks.push_back(
        {static_cast<int>(block),
         absl::MakeConstSpan(divided.order).subspan(first, i - first),
         /*inducing=*/{}});
  }
  AddInducing(blocks->inducing(), blocks->block_size(), request,
              divided.inducing, divided.tasks);
  return divided;
}

void FarFieldSearcher::RunTasks(const Request& request,
                                const FarFieldBlocks& blocks, Tasks& divided,
                                NeighborTable& neighbors,
                                SearchStatistics& statistics) const {
  const auto num_tasks = static_cast<int64_t>(divided.tasks.size());
  const int num_workers =
      static_cast<int>(std::min<int64_t>(request.options.threads, num_tasks));
  std::vector<std::unique_ptr<FarFieldPass>> passes;
  passes.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    passes.push_back(std::make_unique<FarFieldPass>(
        *this, blocks, std::min(request.options.k, metric().size())));
  }
  InducingPasses inducing(*this, &blocks.inducing(), request.options,
                          num_workers);
  ParallelFor(num_workers, num_tasks, request.options.monitor,
              [&](int64_t number, int worker) {
                const BlockTask& task = divided.tasks[number];
                if (!task.queries.empty()) {
                  passes[worker]->Search(request, task.block, task.queries,
                                         neighbors);
                }
                inducing.Search(request, task.inducing, worker, neighbors);
              });
  SearchCounters sum;
  for (const auto& pass : passes) {
    divided.hard.insert(divided.hard.end(), pass->hard_queries().begin(),
                        pass->hard_queries().end());
    AddCounters(pass->counters(), sum);
    statistics.trace.Add(pass->trace());
  }
  inducing.AddTo(sum, divided.hard);
  AddCounters(sum, statistics.counters);
}

void FarFieldSearcher::Search(const Request& request, NeighborTable& neighbors,
                              SearchStatistics& statistics) const {
  Monitor* const monitor = request.options.monitor;
  // Fields are there even where no task ran.
  statistics.counters.set_distance_evaluations(0);
  statistics.counters.set_predecessor_filtered(0);
  statistics.counters.set_segments_expanded(0);
  statistics.counters.set_prunes_lower_bound(0);
  statistics.counters.set_sub_block_prunes(0);
  statistics.counters.set_points_screened(0);
  statistics.counters.set_heap_pushes(0);
  const FarFieldBlocks* blocks = BlocksFor(request, statistics.counters);
  neighbors.Clear(request.options.threads);
  if (!Monitor::Go(monitor)) return;
  Tasks divided = Divide(request, blocks);
  if (blocks != nullptr) {
    RunTasks(request, *blocks, divided, neighbors, statistics);
    if (!Monitor::Go(monitor)) return;
    std::sort(divided.hard.begin(), divided.hard.end());
  }
  // Few queries are left over where there are blocks.
  if (screens_ && blocks == nullptr) {
    MakeScreen(request.options.threads)
        .SearchSome(request, divided.hard, neighbors, statistics);
  } else {
    exhaustive_.SearchSome(request, divided.hard, neighbors, statistics);
  }
}

}  // namespace rct
