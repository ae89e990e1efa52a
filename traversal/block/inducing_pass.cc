#include "traversal/block/inducing_pass.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
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

// The most inducing points of a task.
constexpr size_t kTask = 16;

// A query is given up where it asks for more evaluations than these and than
// this part of all of its: exhaustive search takes about as long for all.
constexpr int64_t kLeastEvaluations = 1024;
constexpr int64_t kMostPart = 5;

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

void InducingPass::Search(const Request& request,
                          absl::Span<const int32_t> queries,
                          NeighborTable& neighbors) {
  for (const int32_t query : queries) {
    if (!SearchOne(request, query, neighbors)) hard_queries_.push_back(query);
  }
}

bool InducingPass::SearchOne(const Request& request, int32_t number,
                             NeighborTable& neighbors) {
  const SearchOptions& options = request.options;
  number_ = number;
  limit_ = options.predecessor ? request.rows[number]
                               : std::numeric_limits<int64_t>::max();
  heap_.Reset(std::min(options.k, owner_.metric().size()), options.radius);
  const int64_t inducing = bounds_.number(request.positions[number]);
  panels_pruned_ += bounds_.num_panels();
  // By definition at distance 0, whatever its rho.
  tile_[tile_size_++] = request.positions[number];
  for (const int32_t row : bounds_.others()) {
    if (Counts(request, row)) Push(request, row);
  }
  EvaluateTile(request);
  SearchNear(request, inducing);
  if (!SearchOthers(request, inducing)) return false;
  heap_.MoveTo(neighbors, number);
  return true;
}

void InducingPass::SearchNear(const Request& request, int64_t inducing) {
  const absl::Span<const InducingBounds::NearPanel> near =
      bounds_.near(inducing);
  // Calls visit(row, code) for the points of a panel that count.
  const auto visit_points = [&](const InducingBounds::NearPanel& panel,
                                auto visit) {
    if (bounds_.min_row(panel.panel) >= limit_) return;
    const absl::Span<const int32_t> rows = bounds_.panel_rows(panel.panel);
    for (int l = 0; l < InducingBounds::kPanel; ++l) {
      if (Counts(request, rows[l])) visit(rows[l], panel.codes[l]);
    }
  };
  // Of about twice k points, the k with the largest codes.
  std::array<int32_t, InducingBounds::kCodes> points = {};
  int64_t count = 0;
  size_t first = 0;
  for (; first < near.size() && count < 2 * request.options.k; ++first) {
    visit_points(near[first], [&](int32_t, InducingBounds::Code code) {
      ++points[code];
      ++count;
    });
  }
  int level = InducingBounds::kCodes;
  for (int64_t above = 0; level > 0 && above < request.options.k;) {
    above += points[--level];
  }
  level = std::max(level, LeastCode());
  for (const auto& panel : near.first(first)) {
    if (panel.code < level) break;
    visit_points(panel, [&](int32_t row, InducingBounds::Code code) {
      if (code >= level) Push(request, row);
    });
  }
  EvaluateTile(request);
  // Of all near points, those that theta asks for by now.
  for (size_t i = 0; i < near.size(); ++i) {
    const int least = LeastCode();
    if (near[i].code < least) break;
    --panels_pruned_;
    visit_points(near[i], [&](int32_t row, InducingBounds::Code code) {
      if (code >= least && (i >= first || code < level)) Push(request, row);
    });
  }
  EvaluateTile(request);
}

bool InducingPass::SearchOthers(const Request& request, int64_t inducing) {
  const absl::Span<const InducingBounds::NearPanel> near =
      bounds_.near(inducing);
  if (near.empty() || near.back().code < LeastCode()) return true;
  const absl::Span<const InducingBounds::Code> codes = bounds_.codes(inducing);
  // Panels that are not near have this code at most.
  int end = near.back().code + 1;
  std::array<int32_t, InducingBounds::kCodes> panels = {};
  for (int64_t p = 0; p < std::ssize(codes); ++p) {
    panels[codes[p]] += static_cast<int32_t>(bounds_.min_row(p) < limit_);
  }
  const int64_t most = std::max(
      kLeastEvaluations, std::min(limit_, owner_.metric().size()) / kMostPart);
  const int64_t asked = std::accumulate(panels.begin() + LeastCode(),
                                        panels.begin() + end, int64_t{0});
  if (asked * InducingBounds::kPanel > most) return false;
  int64_t wanted = request.options.k / InducingBounds::kPanel + 4;
  while (true) {
    if (!Monitor::Go(request.options.monitor)) return true;
    const int least = LeastCode();
    int begin = end;
    int64_t count = 0;
    while (begin > least && count < wanted) count += panels[--begin];
    if (count == 0) return true;
    for (int32_t p = 0; p < bounds_.num_panels(); ++p) {
      if (codes[p] < begin || codes[p] >= end) continue;
      if (!(near.back() < InducingBounds::NearPanel{p, codes[p], {}})) continue;
      --panels_pruned_;
      if (bounds_.min_row(p) >= limit_) continue;
      for (const int32_t row : bounds_.panel_rows(p)) {
        if (Counts(request, row)) Push(request, row);
      }
    }
    EvaluateTile(request);
    end = begin;
    wanted *= 2;
  }
}

int InducingPass::LeastCode() const {
  const float theta =
      FloatBelow(1 - std::min(heap_.threshold(), 2.0)) - kFloatRoundoff;
  return InducingBounds::CodeAbove(std::max(0.0f, theta));
}

void InducingPass::Push(const Request& request, int32_t row) {
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

InducingPasses::InducingPasses(const Searcher<ResidualCorrelation>& owner,
                               const InducingBounds* bounds,
                               const SearchOptions& options, int workers) {
  if (bounds == nullptr) return;
  passes_.reserve(workers);
  for (int w = 0; w < workers; ++w) {
    passes_.push_back(std::make_unique<InducingPass>(
        owner, *bounds, std::min(options.k, owner.metric().size())));
  }
}

void InducingPasses::AddTo(SearchCounters& counters,
                           std::vector<int32_t>& hard) const {
  for (const auto& pass : passes_) {
    AddCounters(pass->counters(), counters);
    hard.insert(hard.end(), pass->hard_queries().begin(),
                pass->hard_queries().end());
  }
}

void AddInducing(const InducingBounds& bounds, int64_t block_size,
                 const InducingPass::Request& request,
                 std::vector<int32_t>& inducing,
                 std::vector<BlockTask>& tasks) {
  const auto panel_of = [&](int32_t query) {
    return bounds.nearest_panel(bounds.number(request.positions[query]));
  };
  std::sort(inducing.begin(), inducing.end(), [&](int32_t a, int32_t b) {
    return std::pair(panel_of(a), a) < std::pair(panel_of(b), b);
  });
  const auto block_of = [&](int32_t query) {
    return static_cast<int>(panel_of(query) * InducingBounds::kPanel /
                            block_size);
  };
  absl::Span<const int32_t> rest = inducing;
  const auto take = [&](int block) {
    size_t count = 0;
    while (count < std::min(kTask, rest.size()) &&
           block_of(rest[count]) == block) {
      ++count;
    }
    const auto taken = rest.first(count);
    rest.remove_prefix(count);
    return taken;
  };
  std::vector<BlockTask> all;
  all.reserve(tasks.size() + inducing.size());
  const auto take_before = [&](int end) {
    while (!rest.empty() && block_of(rest.front()) < end) {
      const int block = block_of(rest.front());
      all.push_back({block, {}, take(block)});
    }
  };
  for (BlockTask& task : tasks) {
    take_before(task.block);
    task.inducing = take(task.block);
    all.push_back(task);
  }
  take_before(std::numeric_limits<int>::max());
  tasks = std::move(all);
}

std::vector<int32_t> SearchInducing(const Searcher<ResidualCorrelation>& owner,
                                    const InducingBounds& bounds,
                                    const InducingPass::Request& request,
                                    std::vector<int32_t>& inducing,
                                    NeighborTable& neighbors,
                                    SearchCounters& counters) {
  std::vector<BlockTask> tasks;
  AddInducing(bounds, InducingBounds::kPanel, request, inducing, tasks);
  const int workers = static_cast<int>(
      std::min<int64_t>(request.options.threads, std::ssize(tasks)));
  InducingPasses passes(owner, &bounds, request.options, workers);
  ParallelFor(workers, std::ssize(tasks), request.options.monitor,
              [&](int64_t task, int worker) {
                passes.Search(request, tasks[task].inducing, worker, neighbors);
              });
  std::vector<int32_t> hard;
  passes.AddTo(counters, hard);
  std::sort(hard.begin(), hard.end());
  return hard;
}

}  // namespace rct
