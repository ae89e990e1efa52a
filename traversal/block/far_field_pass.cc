#include "traversal/block/far_field_pass.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "metric/tile.h"
#include "traversal/block/far_field_balls.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_expansions.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/filter_routines.h"
#include "traversal/counters.h"
#include "traversal/kept_routines.h"
#include "traversal/neighbor_table.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// Theta is raised when a query has kept 8 candidates and one eighth of all its
// candidates since it was raised last.
constexpr int kNewBeforeTheta = 8;
constexpr int kPartBeforeTheta = 8;

// Candidates of one exact tile.
constexpr int kExactTile = 128;

// Panels whose points are kept before room is made again.
constexpr int kPanelsAtOnce = kFarPanel;

// Covers the roundings of bounds on |rho|, seven of each.
constexpr float kSlop = 8 * kFloatRoundoff;

// Returns how many panels of its own block a query searches first, for four
// times as many points as neighbors, or 0 where these are most of them.
int FirstPanels(const FarFieldBlocks& blocks, int64_t k) {
  const int64_t panels = 1 + 4 * k / kFarPanel;
  return blocks.balls() != nullptr &&
                 2 * panels * kFarPanel <= blocks.block_size()
             ? static_cast<int>(panels)
             : 0;
}

// Returns how many candidates a query may keep.
int Capacity(int64_t k) {
  return static_cast<int>(std::clamp<int64_t>(8 * k, 1024, 8 * 496));
}

}  // namespace

FarFieldPass::Task::Task(int64_t dim, int max_rank, int terms)
    : a(int64_t{kMaxQueries} * max_rank),
      z(int64_t{kMaxQueries} * dim),
      t(int64_t{kMaxQueries} * terms) {
  std::fill(a.begin(), a.end(), 0.0f);
  std::fill(z.begin(), z.end(), 0.0f);
  std::fill(t.begin(), t.end(), 0.0f);
}

FarFieldPass::FarFieldPass(const Searcher<ResidualCorrelation>& owner,
                           const FarFieldBlocks& blocks, int64_t k)
    : metric_(owner.metric()),
      blocks_(blocks),
      filter_(*FilterRoutinesFor(metric_.simd().isa)),
      capacity_(Capacity(k)),
      task_(metric_.dim(), blocks.max_rank(), blocks.expansions().terms()),
      table_(int64_t{FarFieldBlocks::kMaxRank} * FarFieldBlocks::kMaxRank),
      expansion_(int64_t{blocks.expansions().terms()} *
                 blocks.expansions().terms()),
      few_(kFarPanel * metric_.data().v.cols()),
      y_(int64_t{kFarPanel} * FarFieldBlocks::kMaxRank),
      order_(blocks.num_blocks()),
      first_panels_(FirstPanels(blocks, k)),
      panel_order_(blocks.block_size() / kFarPanel),
      is_first_(blocks.block_size() / kFarPanel),
      kept_(owner, kMaxQueries, capacity_ + kPanelsAtOnce * kFarPanel, k,
            kExactTile) {
  inducing_.reserve(metric_.data().v.cols());
}

SearchCounters FarFieldPass::counters() const {
  SearchCounters counters;
  counters.set_predecessor_filtered(counts_.filtered);
  counters.set_segments_expanded(counts_.block_tests - counts_.blocks_pruned);
  counters.set_prunes_lower_bound(counts_.blocks_pruned);
  counters.set_points_screened(counts_.screened);
  AddCounters(kept_.counters(), counters);
  return counters;
}

SearchTrace FarFieldPass::trace() const {
  SearchTrace sum = trace_;
  sum.Add(kept_.trace());
  return sum;
}

void FarFieldPass::SetTheta(int i, float theta) {
  task_.theta[i] = theta;
  task_.reach[i] = blocks_.frame().bound().Reach(theta, task_.inverse_sqrt[i]);
  if (blocks_.balls() == nullptr) return;
  const BallBound::Angle angle =
      blocks_.balls()->bound().Query(theta, task_.inverse_sqrt[i]);
  task_.ball_reach[i] = angle.cosine;
  task_.ball_turn[i] = angle.sine;
}

void FarFieldPass::LoadQueries(const Request& request, int block,
                               absl::Span<const int32_t> queries) {
  const SearchOptions& options = request.options;
  const ScreenFrame& frame = blocks_.frame();
  const FarFieldBlocks::Block& from = blocks_.block(block);
  const FarPoints points = blocks_.points(block);
  const int dim = metric_.dim();
  // A radius admits t up to a threshold, and so asks for |rho| beyond it.
  const double within = LargestSquaredWithin(options.radius);
  const float theta =
      frame.bound().Theta(FloatBelow(1 - std::min(within, 2.0)));
  task_.count = static_cast<int>(queries.size());
  task_.block = block;
  expanded_ = -1;
  for (const int32_t query : queries) request.Prefetch(query);
  for (const int32_t query : queries) {
    blocks_.Prefetch(request.positions[query]);
    __builtin_prefetch(metric_.data().points.row(request.positions[query]));
    __builtin_prefetch(
        &metric_.data().inverse_sqrt[request.positions[query]]);
  }
  for (int i = 0; i < task_.count; ++i) {
    const int32_t query = queries[i];
    const int32_t row = request.positions[query];
    const int64_t position = blocks_.position(row);
    const int64_t place = position - from.first;
    const int64_t panel = place / kFarPanel;
    const int64_t lane = place % kFarPanel;
    const int64_t to = int64_t{i / kFarPanel} * kFarPanel;
    for (int c = 0; c < from.rank; ++c) {
      task_.a[(to * from.rank) + int64_t{kFarPanel} * c + i % kFarPanel] =
          points.a[(panel * from.rank + c) * kFarPanel + lane];
    }
    for (int t = 0; t < dim; ++t) {
      task_.z[to * dim + int64_t{kFarPanel} * t + i % kFarPanel] =
          points.z[(panel * dim + t) * kFarPanel + lane];
    }
    double x[ChebyshevGrid::kMaxDim];
    blocks_.CubeCoordinates(metric_, block, row, x);
    blocks_.expansions().Polynomials(
        x, task_.t.data() + to * blocks_.expansions().terms() + i % kFarPanel,
        kFarPanel);
    task_.v_length[i] = points.length[place];
    task_.rest_length[i] = blocks_.rest()[position];
    task_.a_length[i] = blocks_.coordinate_length()[position];
    task_.a_sum[i] = blocks_.coordinate_sum()[position];
    task_.rest[i] = frame.bound().Rest(blocks_.shift()[position]);
    task_.scale[i] = points.scale[place];
    task_.inverse_sqrt[i] = frame.InverseSqrt(metric_.data(), row);
    task_.row_limit[i] = options.predecessor
                             ? static_cast<int32_t>(request.rows[query])
                             : kNoRow;
    task_.self[i] = row;
    task_.number[i] = query;
    task_.kept_at_theta[i] = 0;
    SetTheta(i, theta);
    kept_.Clear(i);
    // By definition at distance 0, whatever the rounding of others.
    if (!options.exclude_self && !options.predecessor && options.Allows(row)) {
      kept_.Add(i, row, /*lower=*/1, /*upper=*/1);
    }
  }
  std::fill(std::begin(task_.least_reach), std::end(task_.least_reach), 0.0f);
  for (int first = 0; first < task_.count; first += kFarPanel) {
    const int count = std::min(kFarPanel, task_.count - first);
    task_.lanes[first / kFarPanel] = (1u << count) - 1;
  }
}

void FarFieldPass::GiveUp(int i) {
  task_.lanes[i / kFarPanel] &= ~(1u << i % kFarPanel);
}

bool FarFieldPass::Hard(int i) const {
  return (task_.lanes[i / kFarPanel] >> i % kFarPanel & 1) == 0;
}

void FarFieldPass::OrderBlocks() {
  for (int b = 0; b < blocks_.num_blocks(); ++b) {
    order_[b] = {b == task_.block ? -1.0f
                                  : static_cast<float>(
                                        blocks_.CenterDistance(task_.block, b)),
                 b};
  }
  std::sort(order_.begin(), order_.end());
}

void FarFieldPass::Search(const Request& request, int block,
                          absl::Span<const int32_t> queries,
                          NeighborTable& neighbors) {
  const ScopedSeconds timed(request.options.telemetry ? &trace_.descent_seconds
                                                      : nullptr);
  LoadQueries(request, block, queries);
  OrderBlocks();
  for (const auto& [distance, other] : order_) {
    if (!Monitor::Go(request.options.monitor)) return;
    SearchBlock(request, other);
  }
  FindInducing();
  Evaluate(request, neighbors);
}

std::vector<FarFieldLeft> FarFieldPass::Measure(
    const Request& request, int block, absl::Span<const float> theta,
    absl::Span<const Sample> sample) {
  const auto count = static_cast<int>(theta.size());
  std::vector<int32_t> queries(count);
  std::iota(queries.begin(), queries.end(), 0);
  std::vector<FarFieldLeft> left(count);
  // One query at a time: counts are sums over all queries of a task.
  for (int i = 0; i < count; ++i) {
    LoadQueries(request, block, absl::MakeConstSpan(queries).subspan(i, 1));
    SetTheta(0, theta[i]);
    for (const auto& [other, weight] : sample) {
      const Counts before = counts_;
      kept_.Clear(0);
      task_.kept_at_theta[0] = 0;
      SearchBlock(request, other);
      left[i].blocks += weight * static_cast<double>(1 - counts_.blocks_pruned +
                                                     before.blocks_pruned);
      left[i].points +=
          weight * static_cast<double>(counts_.screened - before.screened);
      left[i].candidates += weight * kept_[0].size;
    }
    if (Hard(0) || left[i].candidates > capacity_) {
      left[i] = {.hard = 1};
    }
  }
  return left;
}

uint32_t FarFieldPass::Reaching(int block, int first, uint32_t lanes,
                                const float* most) const {
  // To a query a block is one more panel.
  FarQueries queries = {};
  queries.reach = task_.reach + first;
  queries.most = most;
  queries.row_limit = task_.row_limit + first;
  const FarFieldBlocks::Block& to = blocks_.block(block);
  FarPoints points = {};
  points.min_root = &to.min_root;
  points.min_row = &to.min_row;
  uint32_t wanted = 0;
  blocks_.routines().wanted_panels(queries, lanes, points, /*num_panels=*/1,
                                   &wanted);
  return wanted;
}

uint32_t FarFieldPass::Wanted(int block, int first, float* most) {
  const FarFieldExpansions& expansions = blocks_.expansions();
  const float of_all = blocks_.most(task_.block, block);
  const float left = expansions.left(task_.block, block);
  const int group = first / kFarPanel;
  if (of_all < task_.least_reach[group] * blocks_.block(block).min_root) {
    return 0;
  }
  std::fill_n(most, kFarPanel, of_all);
  const uint32_t wanted = Reaching(block, first, task_.lanes[group], most);
  if (wanted == 0) return 0;
  alignas(64) float sums[kFarPanel];
  std::fill_n(sums, kFarPanel, left);
  if (Reaching(block, first, wanted, sums) == wanted) return wanted;
  if (expanded_ != block) {
    expansions.Load(task_.block, block, expansion_.data());
    expanded_ = block;
  }
  blocks_.routines().size_sums(
      expansion_.data(), expansions.terms(),
      task_.t.data() + int64_t{first} * expansions.terms(), sums);
  for (int l = 0; l < kFarPanel; ++l) {
    most[l] = std::min(of_all, FarFieldExpansions::Bound(sums[l], left));
  }
  return Reaching(block, first, wanted, most);
}

void FarFieldPass::SearchBlock(const Request& request, int block_index) {
  const auto dim = metric_.dim();
  uint32_t lanes[kMaxGroups];
  int wanting = 0;
  for (int first = 0; first < task_.count; first += kFarPanel) {
    uint32_t& wanted = lanes[first / kFarPanel];
    wanted = Wanted(block_index, first, task_.most + first);
    wanting += std::popcount(wanted);
  }
  counts_.block_tests += task_.count;
  counts_.blocks_pruned += task_.count - wanting;
  if (wanting == 0) return;
  const bool few = wanting <= kFarPanel;
  const double table_norm =
      few ? 0 : blocks_.Table(task_.block, block_index, table_.data());
  if (few) ProjectFew(block_index, absl::MakeConstSpan(lanes).first(Groups()));
  const float* next = table_.data();  // of the next one of few
  for (int first = 0; first < task_.count; first += kFarPanel) {
    const uint32_t wanted = lanes[first / kFarPanel];
    if (wanted == 0) continue;
    alignas(64) float length[kFarPanel] = {};
    if (few) {
      next = LoadFew(block_index, first, wanted, next, length);
    } else {
      LoadAll(block_index, first, table_norm, length);
    }
    const FarQueries queries = {y_.data(),
                                task_.z.data() + int64_t{first} * dim,
                                length,
                                task_.rest + first,
                                task_.reach + first,
                                task_.ball_reach + first,
                                task_.ball_turn + first,
                                task_.most + first,
                                task_.scale + first,
                                task_.row_limit + first,
                                task_.self + first};
    if (block_index == task_.block && first_panels_ > 0) {
      SearchOwnPanels(request, first, wanted, queries);
    } else {
      SearchPanels(request, block_index, first, wanted, queries, Panels::kAll);
    }
  }
}

void FarFieldPass::LoadAll(int block, int first, double table_norm,
                           float* length) {
  const FarFieldBlocks::Block& from = blocks_.block(task_.block);
  alignas(64) float squared[kFarPanel];
  filter_.project(table_.data(), /*row_stride=*/1, blocks_.width(block),
                  blocks_.block(block).rank, from.rank,
                  task_.a.data() + int64_t{first} * from.rank, y_.data(),
                  squared);
  const int count = std::min(kFarPanel, task_.count - first);
  for (int l = 0; l < count; ++l) {
    const int i = first + l;
    length[l] =
        (task_.rest_length[i] +
         blocks_.ProductError(task_.block, block, table_norm, task_.a_length[i],
                              task_.a_sum[i], std::sqrt(squared[l]))) *
        (1 + kSlop);
  }
}

void FarFieldPass::ProjectFew(int block, absl::Span<const uint32_t> lanes) {
  int32_t rows[kFarPanel];
  int count = 0;
  for (int g = 0; g < std::ssize(lanes); ++g) {
    for (uint32_t rest = lanes[g]; rest != 0; rest &= rest - 1) {
      rows[count++] = task_.self[g * kFarPanel + std::countr_zero(rest)];
    }
  }
  blocks_.Project(metric_, absl::MakeConstSpan(rows).first(count), block,
                  few_.data(), table_.data());
}

const float* FarFieldPass::LoadFew(int block, int first, uint32_t lanes,
                                   const float* table, float* length) {
  const int rank = blocks_.block(block).rank;
  for (; lanes != 0; lanes &= lanes - 1) {
    const int l = std::countr_zero(lanes);
    float squared = 0;
    for (int i = 0; i < rank; ++i) {
      y_[int64_t{kFarPanel} * i + l] = table[i];
      squared += table[i] * table[i];
    }
    length[l] = blocks_.ProjectionError(block, task_.v_length[first + l],
                                        std::sqrt(squared)) *
                (1 + kSlop);
    table += blocks_.width(block);
  }
  return table;
}

void FarFieldPass::SearchOwnPanels(const Request& request, int first,
                                   uint32_t lanes, const FarQueries& queries) {
  const auto dim = static_cast<int>(metric_.dim());
  const int count = std::min(kFarPanel, task_.count - first);
  const int panels = blocks_.num_panels(task_.block);
  const auto order = absl::MakeSpan(panel_order_).first(panels);
  for (int p = 0; p < panels; ++p) order[p] = {0, p};
  for (int t = 0; t < dim; ++t) {
    const float* z = queries.z + t * kFarPanel;
    const float middle = std::accumulate(z, z + count, 0.0f) / count;
    for (auto& [squared, p] : order) {
      const FarBalls balls = blocks_.balls()->of(task_.block, p / kFarPanel);
      const float apart = middle - balls.z[t * kFarPanel + p % kFarPanel];
      squared += apart * apart;
    }
  }
  const int some = std::min(first_panels_, panels);
  std::nth_element(order.begin(), order.begin() + some - 1, order.end());
  std::fill(is_first_.begin(), is_first_.end(), false);
  for (const auto& [squared, p] : order.first(some)) is_first_[p] = true;
  SearchPanels(request, task_.block, first, lanes, queries, Panels::kFirst);
  SearchPanels(request, task_.block, first, lanes, queries, Panels::kRest);
}

void FarFieldPass::SearchPanels(const Request& request, int block, int first,
                                uint32_t lanes, const FarQueries& queries,
                                Panels which) {
  const FarFieldRoutines& routines = blocks_.routines();
  const ScreenCovariance& covariance = blocks_.frame().covariance();
  const FarFieldBalls* const balls = blocks_.balls();
  KeptList* const kept = kept_.list(first);
  FarPoints points = blocks_.points(block);
  for (int p = 0; p < blocks_.num_panels(block); p += kPanelsAtOnce) {
    const int panels = std::min(kPanelsAtOnce, blocks_.num_panels(block) - p);
    int before[kFarPanel];
    for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
      const int l = std::countr_zero(rest);
      if (!MakeRoom(first + l)) lanes &= ~(1u << l);
      before[l] = kept[l].size;
    }
    uint32_t wanted[kPanelsAtOnce];
    routines.wanted_panels(queries, lanes, points, panels, wanted);
    for (int i = 0; i < panels && which != Panels::kAll; ++i) {
      if (is_first_[p + i] != (which == Panels::kFirst)) wanted[i] = 0;
    }
    int tested = 0;
    if (balls != nullptr && which != Panels::kFirst) {
      tested = routines.skip_balls(covariance, queries,
                                   balls->of(block, p / kPanelsAtOnce), panels,
                                   wanted);
    }
    tested += routines.keep_points(covariance, queries, wanted, points, panels,
                                   kSlop, kept);
    counts_.screened += int64_t{kFarPanel} * tested;
    points = points.From(kPanelsAtOnce, static_cast<int>(metric_.dim()));
    if (request.options.allowed.empty()) continue;
    for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
      const int l = std::countr_zero(rest);
      kept_.DropForbidden(first + l, before[l], request.options.allowed);
    }
  }
  RaiseThetas(first, lanes);
}

void FarFieldPass::RaiseThetas(int first, uint32_t lanes) {
  bool raised = false;
  for (; lanes != 0; lanes &= lanes - 1) {
    const int i = first + std::countr_zero(lanes);
    if (kept_[i].size - task_.kept_at_theta[i] >=
        std::max(kNewBeforeTheta, kept_[i].size / kPartBeforeTheta)) {
      RaiseTheta(i);
      raised = true;
    }
  }
  if (!raised) return;
  float least = std::numeric_limits<float>::infinity();
  const int group = first / kFarPanel;
  for (uint32_t rest = task_.lanes[group]; rest != 0; rest &= rest - 1) {
    least = std::min(least, task_.reach[first + std::countr_zero(rest)]);
  }
  task_.least_reach[group] = least;
}

bool FarFieldPass::MakeRoom(int i) {
  if (kept_[i].size > capacity_) RaiseTheta(i);
  if (kept_[i].size > capacity_) GiveUp(i);
  kept_.Reserve(i, kPanelsAtOnce * kFarPanel);
  return !Hard(i);
}

void FarFieldPass::RaiseTheta(int i) {
  const float theta = task_.theta[i];
  const float known = kept_.AboutKthLower(i, std::max(0.0f, theta));
  if (known >= 0) {
    SetTheta(i, std::max(theta, blocks_.frame().bound().Theta(known)));
    kept_.DropBelow(i, task_.theta[i]);
  }
  task_.kept_at_theta[i] = kept_[i].size;
}

void FarFieldPass::FindInducing() {
  float theta = std::numeric_limits<float>::infinity();
  for (int i = 0; i < task_.count; ++i) {
    if (!Hard(i)) theta = std::min(theta, task_.theta[i]);
  }
  const InducingBounds::Code least =
      InducingBounds::CodeAbove(std::max(0.0f, theta));
  const InducingBounds& inducing = blocks_.inducing();
  const int64_t first = blocks_.block(task_.block).first / kFarPanel;
  const int64_t panels = blocks_.num_panels(task_.block);
  inducing_.clear();
  for (int64_t j = 0; j < std::ssize(inducing.rows()); ++j) {
    const auto codes = inducing.codes(j).subspan(first, panels);
    if (*std::max_element(codes.begin(), codes.end()) >= least) {
      inducing_.push_back(j);
    }
  }
}

void FarFieldPass::KeepInducing(const Request& request, int i) {
  RaiseTheta(i);
  const InducingBounds& inducing = blocks_.inducing();
  const int64_t panel = blocks_.position(task_.self[i]) / kFarPanel;
  const InducingBounds::Code least =
      InducingBounds::CodeAbove(std::max(0.0f, task_.theta[i]));
  for (const int64_t j : inducing_) {
    const InducingBounds::Code code = inducing.codes(j)[panel];
    if (code < least) continue;
    const int32_t row = inducing.rows()[j];
    if (!request.options.Allows(row) || row >= task_.row_limit[i]) continue;
    if (kept_[i].size > capacity_) {
      GiveUp(i);
      return;
    }
    kept_.Add(i, row, /*lower=*/0, InducingBounds::BoundOf(code));
  }
}

void FarFieldPass::Evaluate(const Request& request, NeighborTable& neighbors) {
  KeptCandidates::Asked asked[kMaxQueries];
  int count = 0;
  for (int i = 0; i < task_.count; ++i) {
    if (!Hard(i)) KeepInducing(request, i);
    counts_.filtered += kept_[i].filtered;
    if (Hard(i)) {
      hard_queries_.push_back(task_.number[i]);
    } else {
      asked[count++] = {task_.number[i], i};
    }
  }
  kept_.EvaluateAll(
      request, absl::MakeConstSpan(asked).first(count), /*more=*/{},
      [&](double threshold) {
        return blocks_.frame().bound().Theta(
            FloatBelow(1 - std::min(threshold, 2.0)));
      },
      neighbors);
}

}  // namespace rct
