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

constexpr int kExactTile = 120;

// A group is given up when its queries have met so many points, on average, and
// this part of all: exhaustive search takes about as long for all as the pass
// for the rest.
constexpr int64_t kLeastMet = 1024;
constexpr int64_t kMostPart = 4;

// Returns queries that are near each other one after the other: those whose
// weights are largest in the same block.
std::vector<int32_t> InOrderOfSpace(const InducingBounds& bounds,
                                    const InducingPass::Request& request,
                                    absl::Span<const int32_t> queries) {
  std::vector<std::pair<int64_t, int32_t>> by_block;
  by_block.reserve(queries.size());
  for (const int32_t query : queries) {
    const int64_t i = bounds.number(request.positions[query]);
    int64_t block = 0;
    for (int64_t b = 1; b < bounds.num_blocks(); ++b) {
      if (bounds.most(b, i) > bounds.most(block, i)) block = b;
    }
    by_block.emplace_back(block, query);
  }
  std::sort(by_block.begin(), by_block.end());
  std::vector<int32_t> ordered;
  ordered.reserve(queries.size());
  for (const auto& [block, query] : by_block) ordered.push_back(query);
  return ordered;
}

}  // namespace

InducingPass::InducingPass(const Searcher<ResidualCorrelation>& owner,
                           const InducingBounds& bounds, int64_t k)
    : owner_(owner),
      bounds_(bounds),
      order_(bounds.num_blocks()),
      tile_(kExactTile),
      workspace_(owner.metric().dim(), kGroup, kExactTile),
      squared_(kGroup * kExactTile),
      hits_(kExactTile + 8) {
  std::fill(squared_.begin(), squared_.end(), 0.0);
  for (Query& query : queries_) query.heap.Reset(k);
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

void InducingPass::LoadGroup(const Request& request,
                             absl::Span<const int32_t> numbers) {
  const SearchOptions& options = request.options;
  count_ = static_cast<int>(numbers.size());
  limit_ = 0;
  pairs_ = 0;
  for (int q = 0; q < count_; ++q) {
    Query& query = queries_[q];
    query.number = numbers[q];
    query.position = request.positions[numbers[q]];
    query.inducing = bounds_.number(query.position);
    query.inverse_sqrt = owner_.metric().data().inverse_sqrt[query.position];
    query.limit = options.predecessor ? request.rows[numbers[q]]
                                      : std::numeric_limits<int64_t>::max();
    query.heap.Reset(std::min(options.k, owner_.metric().size()),
                     options.radius);
    limit_ = std::max(limit_, query.limit);
    active_[q] = q;
    positions_[q] = query.position;
  }
  num_active_ = count_;
}

void InducingPass::OrderBlocks() {
  for (int64_t b = 0; b < bounds_.num_blocks(); ++b) {
    float most = 0;
    for (int q = 0; q < count_; ++q) {
      most = std::max(most, bounds_.most(b, queries_[q].inducing));
    }
    order_[b] = {most / bounds_.min_root(b), static_cast<int32_t>(b)};
  }
  std::sort(order_.begin(), order_.end(), std::greater<>());
}

void InducingPass::FindActive(int64_t block) {
  num_active_ = 0;
  for (int q = 0; q < count_; ++q) {
    const Query& query = queries_[q];
    // The |c| sqrt(p) that a point must reach.
    const float theta =
        FloatBelow(1 - std::min(query.heap.threshold(), 2.0)) - kFloatRoundoff;
    const double reach =
        static_cast<double>(theta) / query.inverse_sqrt * (1 - 0x1p-20);
    ++block_tests_;
    if (static_cast<double>(bounds_.most(block, query.inducing)) <
        reach * static_cast<double>(bounds_.min_root(block))) {
      ++blocks_pruned_;
      continue;
    }
    active_[num_active_] = q;
    reach_[num_active_] = reach;
    positions_[num_active_] = query.position;
    ++num_active_;
  }
}

bool InducingPass::Wanted(int64_t block,
                          const InducingBounds::Panel& panel) const {
  for (int a = 0; a < num_active_; ++a) {
    const Query& query = queries_[active_[a]];
    if (panel.min_row < query.limit &&
        static_cast<double>(bounds_.most(block, query.inducing)) >=
            reach_[a] * static_cast<double>(panel.min_root)) {
      return true;
    }
  }
  return false;
}

bool InducingPass::Search(const Request& request,
                          absl::Span<const int32_t> numbers,
                          NeighborTable& neighbors) {
  LoadGroup(request, numbers);
  for (const int32_t row : bounds_.rows()) Push(request, row);
  for (const int32_t row : bounds_.others()) Push(request, row);
  EvaluateTile(request);
  OrderBlocks();
  const int64_t most_met =
      std::max(kLeastMet, owner_.metric().size() / kMostPart);
  for (const auto& [key, b] : order_) {
    if (!Monitor::Go(request.options.monitor)) return true;
    FindActive(b);
    if (num_active_ == 0) continue;
    for (int64_t i = 0; i < bounds_.panels_of_block(); ++i) {
      const int64_t p = b * bounds_.panels_of_block() + i;
      if (!Wanted(b, bounds_.panel(p))) continue;
      for (const int32_t row : bounds_.panel_rows(p)) {
        if (row != kNoRow) Push(request, row);
      }
    }
    EvaluateTile(request);
    if (pairs_ > count_ * most_met) return false;
  }
  for (int q = 0; q < count_; ++q) {
    queries_[q].heap.MoveTo(neighbors, queries_[q].number);
  }
  return true;
}

void InducingPass::Push(const Request& request, int32_t row) {
  if (row >= limit_) return;
  tile_[tile_size_++] = row;
  if (tile_size_ == kExactTile) EvaluateTile(request);
}

void InducingPass::EvaluateTile(const Request& request) {
  if (tile_size_ == 0) return;
  const Candidates candidates =
      Candidates::List(absl::MakeConstSpan(tile_).first(tile_size_));
  owner_.metric().SquaredDistances(
      request.from, absl::MakeConstSpan(positions_).first(num_active_),
      candidates, squared_.data(), kExactTile, workspace_);
  const int64_t pairs = int64_t{num_active_} * tile_size_;
  pairs_ += pairs;
  evaluations_ += pairs;
  tile_size_ = 0;
  for (int a = 0; a < num_active_; ++a) {
    Query& query = queries_[active_[a]];
    pushes_ += owner_.OfferTileRow(squared_.data() + int64_t{a} * kExactTile,
                                   candidates, request.rows[query.number],
                                   request.options, query.heap, hits_.data(),
                                   filtered_);
  }
}

std::vector<int32_t> SearchInducing(const Searcher<ResidualCorrelation>& owner,
                                    const InducingBounds& bounds,
                                    const InducingPass::Request& request,
                                    absl::Span<const int32_t> queries,
                                    NeighborTable& neighbors,
                                    SearchStatistics& statistics) {
  const std::vector<int32_t> ordered = InOrderOfSpace(bounds, request, queries);
  const int64_t count =
      (std::ssize(ordered) + InducingPass::kGroup - 1) / InducingPass::kGroup;
  const int num_workers =
      static_cast<int>(std::min<int64_t>(request.options.threads, count));
  std::vector<std::unique_ptr<InducingPass>> passes;
  passes.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    passes.push_back(std::make_unique<InducingPass>(
        owner, bounds, std::min(request.options.k, owner.metric().size())));
  }
  const auto group = [&](int64_t i) {
    return absl::MakeConstSpan(ordered).subspan(i * InducingPass::kGroup,
                                                InducingPass::kGroup);
  };
  std::vector<uint8_t> answered(count);
  ParallelFor(num_workers, count, request.options.monitor,
              [&](int64_t i, int worker) {
                answered[i] = static_cast<uint8_t>(
                    passes[worker]->Search(request, group(i), neighbors));
              });
  for (const auto& pass : passes) {
    AddCounters(pass->counters(), statistics.counters);
  }
  std::vector<int32_t> given_up;
  if (!Monitor::Go(request.options.monitor)) return given_up;
  for (int64_t i = 0; i < count; ++i) {
    if (answered[i] == 0) {
      given_up.insert(given_up.end(), group(i).begin(), group(i).end());
    }
  }
  std::sort(given_up.begin(), given_up.end());
  return given_up;
}

}  // namespace rct
