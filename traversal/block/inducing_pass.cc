#include "traversal/block/inducing_pass.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "metric/tile.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/filter_routines.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int kExactTile = 128;

}  // namespace

InducingPass::InducingPass(const Searcher<ResidualCorrelation>& owner,
                           const FarFieldBlocks& blocks, int64_t k)
    : owner_(owner),
      blocks_(blocks),
      order_(blocks.num_blocks()),
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
                          int64_t inducing, NeighborTable& neighbors) {
  const SearchOptions& options = request.options;
  const ScreenBound& bound = blocks_.frame().bound();
  const int32_t own = request.positions[number];
  const double s = blocks_.frame().InverseSqrt(owner_.metric().data(), own);
  const int64_t limit = options.predecessor
                            ? request.rows[number]
                            : std::numeric_limits<int64_t>::max();
  heap_.Reset(std::min(options.k, owner_.metric().size()), options.radius);
  for (const int32_t row : blocks_.inducing_rows()) {
    if (row < limit) Push(request, number, row);
  }
  EvaluateTile(request, number);
  for (int b = 0; b < blocks_.num_blocks(); ++b) {
    const float root = blocks_.block(b).min_root;
    const float most = blocks_.inducing_most(b, inducing);
    order_[b] = {
        root > 0 ? most / root : std::numeric_limits<float>::infinity(), b};
  }
  std::sort(order_.begin(), order_.end(), std::greater<>());
  const auto reach = [&] {
    return bound.Reach(
        bound.Theta(FloatBelow(1 - std::min(heap_.threshold(), 2.0))), s);
  };
  for (const auto& [key, b] : order_) {
    if (!Monitor::Go(options.monitor)) return;
    ++block_tests_;
    const FarPoints points = blocks_.points(b);
    const float most = blocks_.inducing_most(b, inducing);
    const float least = reach();
    if (most < least * blocks_.block(b).min_root) {
      ++blocks_pruned_;
      continue;
    }
    for (int p = 0; p < blocks_.num_panels(b); ++p) {
      if (points.min_row[p] >= limit || most < least * points.min_root[p]) {
        continue;
      }
      for (int l = 0; l < kFarPanel; ++l) {
        const int32_t row = points.row[p * kFarPanel + l];
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

}  // namespace rct
