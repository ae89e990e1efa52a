#include "traversal/block/inducing_pass.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "metric/tile.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/inducing_bounds.h"
#include "traversal/counters.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int kExactTile = 128;

}  // namespace

InducingPass::InducingPass(const Searcher<ResidualCorrelation>& owner,
                           const InducingBounds& bounds, int64_t k)
    : owner_(owner),
      bounds_(bounds),
      order_(bounds.num_blocks()),
      tile_(kExactTile),
      workspace_(owner.metric().dim(), 1, kExactTile),
      squared_(kExactTile),
      hits_(kExactTile + 8) {
  std::fill(squared_.begin(), squared_.end(), 0.0);
  heap_.Reset(k);
}

SearchCounters InducingPass::counters() const {
  SearchCounters counters;
  counters.set_distance_evaluations(evaluations_);
  counters.set_predecessor_filtered(filtered_);
  counters.set_heap_pushes(pushes_);
  counters.set_segments_expanded(block_tests_ - blocks_pruned_);
  counters.set_prunes_lower_bound(blocks_pruned_);
  return counters;
}

void InducingPass::Search(const Request& request, int32_t number,
                          NeighborTable& neighbors) {
  const SearchOptions& options = request.options;
  const int32_t own = request.positions[number];
  const int64_t inducing = bounds_.number(own);
  const double inverse_sqrt = owner_.metric().data().inverse_sqrt[own];
  const int64_t limit = options.predecessor
                            ? request.rows[number]
                            : std::numeric_limits<int64_t>::max();
  heap_.Reset(std::min(options.k, owner_.metric().size()), options.radius);
  for (const int32_t row : bounds_.rows()) {
    if (row < limit) Push(request, number, row);
  }
  for (const int32_t row : bounds_.others()) {
    if (row < limit) Push(request, number, row);
  }
  EvaluateTile(request, number);
  for (int64_t b = 0; b < bounds_.num_blocks(); ++b) {
    order_[b] = {bounds_.most(b, inducing) / bounds_.min_root(b),
                 static_cast<int32_t>(b)};
  }
  std::sort(order_.begin(), order_.end(), std::greater<>());
  for (const auto& [key, b] : order_) {
    if (!Monitor::Go(options.monitor)) return;
    ++block_tests_;
    // The |c| sqrt(p) that a point must reach.
    const float theta =
        FloatBelow(1 - std::min(heap_.threshold(), 2.0)) - kFloatRoundoff;
    const double reach =
        static_cast<double>(theta) / inverse_sqrt * (1 - 0x1p-20);
    const auto most = static_cast<double>(bounds_.most(b, inducing));
    if (most < reach * static_cast<double>(bounds_.min_root(b))) {
      ++blocks_pruned_;
      continue;
    }
    for (int64_t i = 0; i < bounds_.panels_of_block(); ++i) {
      const int64_t p = b * bounds_.panels_of_block() + i;
      const InducingBounds::Panel& panel = bounds_.panel(p);
      if (panel.min_row >= limit ||
          most < reach * static_cast<double>(panel.min_root)) {
        continue;
      }
      for (const int32_t row : bounds_.panel_rows(p)) {
        if (row != kNoRow && row < limit) Push(request, number, row);
      }
    }
    EvaluateTile(request, number);
  }
  heap_.MoveTo(neighbors, number);
}

void InducingPass::Push(const Request& request, int32_t number, int32_t row) {
  tile_[tile_size_++] = row;
  if (tile_size_ == kExactTile) EvaluateTile(request, number);
}

void InducingPass::EvaluateTile(const Request& request, int32_t number) {
  if (tile_size_ == 0) return;
  const Candidates candidates =
      Candidates::List(absl::MakeConstSpan(tile_).first(tile_size_));
  owner_.metric().SquaredDistances(
      request.from, absl::MakeConstSpan(&request.positions[number], 1),
      candidates, squared_.data(), kExactTile, workspace_);
  evaluations_ += tile_size_;
  tile_size_ = 0;
  pushes_ +=
      owner_.OfferTileRow(squared_.data(), candidates, request.rows[number],
                          request.options, heap_, hits_.data(), filtered_);
}

void SearchInducing(const Searcher<ResidualCorrelation>& owner,
                    const InducingBounds& bounds,
                    const InducingPass::Request& request,
                    absl::Span<const int32_t> queries, NeighborTable& neighbors,
                    SearchStatistics& statistics) {
  const auto count = static_cast<int64_t>(queries.size());
  const int num_workers =
      static_cast<int>(std::min<int64_t>(request.options.threads, count));
  std::vector<std::unique_ptr<InducingPass>> passes;
  passes.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    passes.push_back(std::make_unique<InducingPass>(
        owner, bounds, std::min(request.options.k, owner.metric().size())));
  }
  ParallelFor(num_workers, count, request.options.monitor,
              [&](int64_t i, int worker) {
                passes[worker]->Search(request, queries[i], neighbors);
              });
  for (const auto& pass : passes) {
    AddCounters(pass->counters(), statistics.counters);
  }
}

}  // namespace rct
