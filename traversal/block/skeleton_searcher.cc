#include "traversal/block/skeleton_searcher.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/check.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/sort_by.h"
#include "base/status_macros.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/inducing_bounds.h"
#include "traversal/block/inducing_pass.h"
#include "traversal/block/lazy_skeletons.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/skeleton_config.h"
#include "traversal/block/skeleton_pass.h"
#include "traversal/counters.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// Rows with fewer predecessors are searched exhaustively, which is faster.
constexpr int64_t kMinPredecessors = 2048;

// Bounds of inducing points are judged by calls with so many of them.
constexpr size_t kLeastTried = 64;

// The largest share of a search that a monitor is told its passes take: how
// many queries turn out hard is not known before.
constexpr double kMaxPassShare = 0.98;

}  // namespace

absl::StatusOr<std::unique_ptr<const SkeletonSearcher>>
SkeletonSearcher::Create(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config, int threads, const SlackScale& scale,
    Monitor* monitor, SkeletonRival rival) {
  RCT_CHECK(metric->rounding().has_value());
  RCT_RETURN_IF_ERROR(ValidateSkeletonBoundConfig(config));
  RCT_RETURN_IF_ERROR(metric->rounding()->Validate());
  const Monitor::Part whole(monitor);
  auto searcher = std::make_unique<const SkeletonSearcher>(
      metric, config,
      std::make_unique<const LazySkeletons>(metric, config, threads, scale,
                                            monitor, rival));
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  return searcher;
}

SkeletonSearcher::SkeletonSearcher(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config,
    std::unique_ptr<const LazySkeletons> lazy)
    : Searcher(metric, RowOrder::Natural(metric->size())),
      sub_blocks_(config.sub_blocks()),
      lazy_(std::move(lazy)),
      exhaustive_(metric) {}

int32_t SkeletonSearcher::Place(const Request& request,
                                const BlockSkeletons& skeletons,
                                int32_t query) const {
  if (request.options.predecessor && request.rows[query] < kMinPredecessors) {
    return -1;
  }
  const int32_t point = request.positions[query];
  if (request.own()) return skeletons.position(point);
  if (!(skeletons.slack().Tau(request.from.inverse_sqrt[point]) <= kMaxTau)) {
    return -1;
  }
  const int block = static_cast<int>(
      skeletons.partition().Locate(request.from.points.row(point)));
  return static_cast<int32_t>(skeletons.block(block).first);
}

SkeletonSearcher::Tasks SkeletonSearcher::Divide(
    const Request& request, const SkeletonParts& parts) const {
  Tasks divided;
  if (parts.skeletons == nullptr) {
    divided.hard.resize(request.num_queries());
    std::iota(divided.hard.begin(), divided.hard.end(), 0);
    return divided;
  }
  const bool projects = parts.tables == nullptr;
  const int64_t block_size = parts.skeletons->block_size();
  std::vector<std::pair<int32_t, int32_t>> by_place;  // position, query
  if (request.own()) divided.bounds = lazy_->inducing();
  for (int32_t i = 0; i < request.num_queries(); ++i) {
    if (divided.bounds != nullptr &&
        divided.bounds->number(request.positions[i]) >= 0) {
      divided.inducing.push_back(i);
      continue;
    }
    const int32_t place = Place(request, *parts.skeletons, i);
    if (place < 0) {
      divided.hard.push_back(i);
    } else {
      by_place.emplace_back(place, i);
    }
  }
  // Sixteen queries share a filter: neighbors in space or, of one block, those
  // with about as many predecessors, which see as far.
  if (projects || !request.options.predecessor) {
    SortBy([](const auto& placed) { return placed.first; },
           parts.skeletons->num_positions(), by_place);
  } else {
    const auto row = [&](const auto& placed) {
      return request.rows[placed.second];
    };
    SortBy(row, metric().size(), by_place);
    SortBy([&](const auto& placed) { return placed.first / block_size; },
           parts.skeletons->num_blocks(), by_place);
  }
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
         absl::MakeConstSpan(divided.order).subspan(first, i - first),
         /*inducing=*/{}});
  }
  if (divided.bounds != nullptr) {
    AddInducing(*divided.bounds, block_size, request, divided.inducing,
                divided.tasks);
  }
  return divided;
}

void SkeletonSearcher::RunTasks(const Request& request,
                                const SkeletonParts& parts, Tasks& divided,
                                NeighborTable& neighbors,
                                SearchStatistics& statistics) const {
  const auto num_tasks = static_cast<int64_t>(divided.tasks.size());
  const int num_workers =
      static_cast<int>(std::min<int64_t>(request.options.threads, num_tasks));
  std::vector<std::unique_ptr<SkeletonPass>> passes;
  passes.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    passes.push_back(std::make_unique<SkeletonPass>(
        *this, parts, sub_blocks_,
        std::min(request.options.k, metric().size())));
  }
  InducingPasses inducing(*this, divided.bounds, request.options, num_workers);
  // By number of queries. Those that turn out hard take what is left over.
  const auto hard = static_cast<double>(divided.hard.size());
  const double share = std::min(
      kMaxPassShare, 1 - hard / static_cast<double>(request.num_queries()));
  {
    const Monitor::Part part(request.options.monitor, share);
    ParallelFor(num_workers, num_tasks, request.options.monitor,
                [&](int64_t number, int worker) {
                  const BlockTask& task = divided.tasks[number];
                  if (!task.queries.empty()) {
                    passes[worker]->Search(request, task.block, task.queries,
                                           neighbors);
                  }
                  inducing.Search(request, task.inducing, worker, neighbors);
                });
  }
  // Fields are there even where no task ran.
  SearchCounters sum;
  sum.set_distance_evaluations(0);
  sum.set_predecessor_filtered(0);
  sum.set_segments_expanded(0);
  sum.set_prunes_lower_bound(0);
  sum.set_sub_block_prunes(0);
  sum.set_points_screened(0);
  sum.set_heap_pushes(0);
  for (const auto& pass : passes) {
    divided.hard.insert(divided.hard.end(), pass->hard_queries().begin(),
                        pass->hard_queries().end());
    AddCounters(pass->counters(), sum);
    statistics.trace.Add(pass->trace());
  }
  if (request.options.telemetry && !divided.order.empty()) {
    SearchTrace::Level& level = statistics.trace.level(0);
    level.frontier += sum.segments_expanded() + sum.prunes_lower_bound();
    level.expanded += sum.segments_expanded();
    level.pruned += sum.prunes_lower_bound();
  }
  const size_t before = divided.hard.size();
  inducing.AddTo(sum, divided.hard);
  AddCounters(sum, statistics.counters);
  if (Monitor::Go(request.options.monitor)) {
    Judge(divided.inducing.size(), divided.hard.size() - before);
  }
  std::sort(divided.hard.begin(), divided.hard.end());
}

void SkeletonSearcher::SearchHardInducing(const Request& request,
                                          const SkeletonParts& parts,
                                          Tasks& divided,
                                          NeighborTable& neighbors,
                                          SearchCounters& counters) const {
  // With bounds from the start no inducing point is left over but for those
  // that these do not help.
  if (divided.hard.empty() || divided.bounds != nullptr ||
      parts.skeletons == nullptr || !request.own() ||
      metric().factor() == nullptr) {
    return;
  }
  const std::vector<int64_t>& rows = metric().factor()->inducing().rows;
  const std::unordered_set<int64_t> inducing(rows.begin(), rows.end());
  std::vector<int32_t> hard_inducing, others;
  for (const int32_t query : divided.hard) {
    (inducing.count(request.positions[query]) != 0 ? hard_inducing : others)
        .push_back(query);
  }
  double evaluations = 0;
  for (const int32_t query : hard_inducing) {
    evaluations += static_cast<double>(
        request.options.predecessor ? request.rows[query] : metric().size());
  }
  const InducingBounds* bounds =
      lazy_->InducingFor(evaluations, request.num_queries(), request.options);
  if (bounds == nullptr) return;
  const std::vector<int32_t> hard = SearchInducing(
      *this, *bounds, request, hard_inducing, neighbors, counters);
  if (Monitor::Go(request.options.monitor)) {
    Judge(hard_inducing.size(), hard.size());
  }
  others.insert(others.end(), hard.begin(), hard.end());
  std::sort(others.begin(), others.end());
  divided.hard = std::move(others);
}

void SkeletonSearcher::Judge(size_t queries, size_t hard) const {
  // A few queries, which options make unlike others, tell nothing.
  if (queries >= kLeastTried && 2 * hard > queries) lazy_->DropInducing();
}

void SkeletonSearcher::Search(const Request& request, NeighborTable& neighbors,
                              SearchStatistics& statistics) const {
  Monitor* const monitor = request.options.monitor;
  SkeletonParts parts;
  if (std::min(request.options.k, metric().size()) <=
      SkeletonPass::kMaxNeighbors) {
    parts = lazy_->PartsFor(request, statistics.counters);
  }
  neighbors.Clear(request.options.threads);
  if (!Monitor::Go(monitor)) return;
  Tasks divided = Divide(request, parts);
  RunTasks(request, parts, divided, neighbors, statistics);
  if (!Monitor::Go(monitor)) return;
  SearchHardInducing(request, parts, divided, neighbors, statistics.counters);
  if (!Monitor::Go(monitor)) return;
  exhaustive_.SearchSome(request, divided.hard, neighbors, statistics);
}

}  // namespace rct
