#include "traversal/block/inducing_pass.h"

#include <algorithm>
#include <array>
#include <cstdint>
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

// Queries that are searched one after the other by one thread.
constexpr int64_t kTask = 16;

// A query is given up after so many evaluations and this part of all of its:
// exhaustive search takes about as long for all as the pass for the rest.
constexpr int64_t kLeastEvaluations = 1024;
constexpr int64_t kMostPart = 4;

// Returns queries that are near each other one after the other, so that the
// second finds rows of V in the cache: by the panel that sees most of them.
std::vector<int32_t> InOrderOfSpace(const InducingBounds& bounds,
                                    const InducingPass::Request& request,
                                    absl::Span<const int32_t> queries) {
  std::vector<std::pair<int64_t, int32_t>> by_panel;
  by_panel.reserve(queries.size());
  for (const int32_t query : queries) {
    const auto codes = bounds.codes(bounds.number(request.positions[query]));
    by_panel.emplace_back(
        std::max_element(codes.begin(), codes.end()) - codes.begin(), query);
  }
  std::sort(by_panel.begin(), by_panel.end());
  std::vector<int32_t> ordered;
  ordered.reserve(queries.size());
  for (const auto& [panel, query] : by_panel) ordered.push_back(query);
  return ordered;
}

}  // namespace

InducingPass::InducingPass(const Searcher<ResidualCorrelation>& owner,
                           const InducingBounds& bounds, int64_t k)
    : owner_(owner),
      bounds_(bounds),
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
  counters.set_sub_block_prunes(panels_pruned_);
  return counters;
}

bool InducingPass::Search(const Request& request, int32_t number,
                          NeighborTable& neighbors) {
  const SearchOptions& options = request.options;
  number_ = number;
  limit_ = options.predecessor ? request.rows[number]
                               : std::numeric_limits<int64_t>::max();
  heap_.Reset(std::min(options.k, owner_.metric().size()), options.radius);
  const absl::Span<const InducingBounds::Code> codes =
      bounds_.codes(bounds_.number(request.positions[number]));
  std::array<int32_t, InducingBounds::kCodes> panels = {};
  for (const InducingBounds::Code code : codes) ++panels[code];
  // By definition at distance 0, whatever its rho.
  tile_[tile_size_++] = request.positions[number];
  for (const int32_t row : bounds_.others()) Push(request, row);
  EvaluateTile(request);
  const int64_t most =
      evaluations_ +
      std::max(kLeastEvaluations,
               std::min(limit_, owner_.metric().size()) / kMostPart);
  int64_t met = 0;
  // Panels with codes from `end` on have been met.
  int end = InducingBounds::kCodes;
  int64_t wanted = options.k / InducingBounds::kPanel + 4;
  while (true) {
    if (!Monitor::Go(options.monitor)) return true;
    const int least = LeastCode();
    int begin = end;
    int64_t count = 0;
    while (begin > least && count < wanted) count += panels[--begin];
    if (count == 0) break;
    met += count;
    for (int64_t p = 0; p < bounds_.num_panels(); ++p) {
      if (codes[p] < begin || codes[p] >= end) continue;
      if (bounds_.min_row(p) >= limit_) continue;
      for (const int32_t row : bounds_.panel_rows(p)) Push(request, row);
    }
    EvaluateTile(request);
    // What is complete is not given up.
    if (evaluations_ > most && begin > LeastCode()) return false;
    end = begin;
    wanted *= 2;
  }
  panels_pruned_ += bounds_.num_panels() - met;
  heap_.MoveTo(neighbors, number);
  return true;
}

int InducingPass::LeastCode() const {
  const float theta =
      FloatBelow(1 - std::min(heap_.threshold(), 2.0)) - kFloatRoundoff;
  return InducingBounds::CodeAbove(std::max(0.0f, theta));
}

void InducingPass::Push(const Request& request, int32_t row) {
  if (row >= limit_ || row == kNoRow || row == request.positions[number_]) {
    return;
  }
  tile_[tile_size_++] = row;
  if (tile_size_ == kExactTile) EvaluateTile(request);
}

void InducingPass::EvaluateTile(const Request& request) {
  if (tile_size_ == 0) return;
  const Candidates candidates =
      Candidates::List(absl::MakeConstSpan(tile_).first(tile_size_));
  owner_.metric().SquaredDistances(
      request.from, absl::MakeConstSpan(&request.positions[number_], 1),
      candidates, squared_.data(), kExactTile, workspace_);
  evaluations_ += tile_size_;
  tile_size_ = 0;
  pushes_ +=
      owner_.OfferTileRow(squared_.data(), candidates, request.rows[number_],
                          request.options, heap_, hits_.data(), filtered_);
}

std::vector<int32_t> SearchInducing(const Searcher<ResidualCorrelation>& owner,
                                    const InducingBounds& bounds,
                                    const InducingPass::Request& request,
                                    absl::Span<const int32_t> queries,
                                    NeighborTable& neighbors,
                                    SearchStatistics& statistics) {
  const std::vector<int32_t> ordered = InOrderOfSpace(bounds, request, queries);
  const int64_t count = (std::ssize(ordered) + kTask - 1) / kTask;
  const int num_workers =
      static_cast<int>(std::min<int64_t>(request.options.threads, count));
  std::vector<std::unique_ptr<InducingPass>> passes;
  passes.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    passes.push_back(std::make_unique<InducingPass>(
        owner, bounds, std::min(request.options.k, owner.metric().size())));
  }
  std::vector<uint8_t> answered(ordered.size());
  ParallelFor(num_workers, count, request.options.monitor,
              [&](int64_t task, int worker) {
                const int64_t end =
                    std::min(std::ssize(ordered), (task + 1) * kTask);
                for (int64_t i = task * kTask; i < end; ++i) {
                  answered[i] = static_cast<uint8_t>(
                      passes[worker]->Search(request, ordered[i], neighbors));
                }
              });
  for (const auto& pass : passes) {
    AddCounters(pass->counters(), statistics.counters);
  }
  std::vector<int32_t> given_up;
  if (!Monitor::Go(request.options.monitor)) return given_up;
  for (size_t i = 0; i < ordered.size(); ++i) {
    if (answered[i] == 0) given_up.push_back(ordered[i]);
  }
  std::sort(given_up.begin(), given_up.end());
  return given_up;
}

}  // namespace rct
