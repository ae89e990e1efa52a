#include "traversal/block/skeleton_pass.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "metric/correlation_tile.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/compact_table.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/skeleton_tables.h"
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

// Returns the |rho| that a point reaches whose t is at most `threshold`. No t
// is above 1.
float ThetaOf(double threshold, const SkeletonSlack& slack) {
  return slack.Theta(FloatBelow(1 - std::min(threshold, 2.0)));
}

}  // namespace

SkeletonPass::Task::Task(int64_t dim, int max_rank)
    : points(kMaxQueries, dim),
      projection(kMaxQueries, max_rank),
      w(int64_t{kMaxQueries} * max_rank) {
  ids.reserve(kMaxQueries);
  std::fill(w.begin(), w.end(), 0.0f);
}

SkeletonPass::Panel::Panel(int64_t block_size, int max_rank)
    : y(int64_t{kPanel} * max_rank),
      cone_masks(kPanel * (block_size / kPanel / kPanel + 1)) {}

SkeletonPass::Projected::Projected(const BlockSkeletons& skeletons)
    : w(kMaxProjected * skeletons.total_rank()),
      e(int64_t{kMaxProjected} * skeletons.num_blocks()),
      length(e.size()),
      seen(skeletons.num_blocks()),
      block_order(skeletons.num_blocks()) {
  for (AlignedBuffer<float>* zeroed : {&w, &e, &length}) {
    std::fill(zeroed->begin(), zeroed->end(), 0.0f);
  }
}

SkeletonPass::SkeletonPass(const Searcher<ResidualCorrelation>& owner,
                           const SkeletonParts& parts, bool sub_blocks,
                           int64_t k)
    : metric_(owner.metric()),
      skeletons_(*parts.skeletons),
      tables_(parts.tables),
      sub_blocks_(sub_blocks),
      no_gap_(kPanel),
      no_gaps_(skeletons_.block_size()),
      task_(metric_.dim(), skeletons_.max_rank()),
      panel_(skeletons_.block_size(), skeletons_.max_rank()),
      table_(int64_t{skeletons_.max_rank()} * skeletons_.max_rank() +
             CompactTable::kPadding),
      kept_(owner, kMaxQueries, kMaxKept, k, kExactTile) {
  if (tables_ == nullptr) projected_.emplace(skeletons_);
}

SearchCounters SkeletonPass::counters() const {
  SearchCounters counters;
  counters.set_distance_evaluations(counts_.evaluations);
  counters.set_predecessor_filtered(counts_.filtered);
  counters.set_segments_expanded(counts_.block_tests - counts_.blocks_pruned);
  counters.set_prunes_lower_bound(counts_.blocks_pruned);
  counters.set_sub_block_prunes(counts_.sub_blocks_pruned);
  counters.set_points_screened(counts_.screened);
  AddCounters(kept_.counters(), counters);
  return counters;
}

SearchTrace SkeletonPass::trace() const {
  SearchTrace sum = trace_;
  sum.Add(kept_.trace());
  return sum;
}

void SkeletonPass::LoadQueries(const Request& request, int block,
                               absl::Span<const int32_t> queries) {
  const SearchOptions& options = request.options;
  const float theta =
      ThetaOf(LargestSquaredWithin(options.radius), skeletons_.slack());
  task_.count = static_cast<int>(queries.size());
  task_.block = block;
  task_.ids.clear();
  for (const int32_t query : queries) request.Prefetch(query);
  if (request.own()) {
    for (const int32_t query : queries) {
      skeletons_.Prefetch(request.positions[query]);
    }
  }
  for (int i = 0; i < task_.count; ++i) {
    const int32_t query = queries[i];
    const int32_t point = request.positions[query];
    task_.ids.push_back(point);
    task_.number[i] = query;
    task_.row_limit[i] = options.predecessor
                             ? static_cast<int32_t>(request.rows[query])
                             : kNoRow;
    task_.self[i] = request.own() ? point : -1;
    task_.position[i] = request.own() ? skeletons_.position(point) : -1;
    task_.hard[i] = false;
    task_.kept_at_theta[i] = 0;
    task_.theta[i] = theta;
    kept_.Clear(i);
    // By definition at distance 0, whatever the rounding of others.
    if (request.own() && !options.exclude_self && !options.predecessor &&
        options.Allows(point)) {
      kept_.Add(i, point, /*lower=*/1, /*upper=*/1);
    }
  }
  for (int first = 0; first < task_.count; first += kPanel) {
    const int count = std::min(kPanel, task_.count - first);
    const int panel = first / kPanel;
    const auto [least, most] = std::minmax_element(
        task_.row_limit + first, task_.row_limit + first + count);
    task_.lanes[panel] = (1u << count) - 1;
    task_.least_limit[panel] = *least;
    task_.most_limit[panel] = *most;
  }
}

void SkeletonPass::LoadCoordinates() {
  const BlockSkeletons::Block& block = skeletons_.block(task_.block);
  const float* points = skeletons_.points(task_.block, nullptr).w;
  for (int i = 0; i < task_.count; ++i) {
    const int64_t position = task_.position[i];
    const int64_t place = position - block.first;
    const float* from =
        points + place / kPanel * kPanel * block.rank + place % kPanel;
    float* w =
        task_.w.data() + int64_t{i / kPanel} * kPanel * block.rank + i % kPanel;
    for (int c = 0; c < block.rank; ++c) w[kPanel * c] = from[kPanel * c];
    task_.e[i] = skeletons_.e()[position];
    task_.norm[i] = skeletons_.norm()[position];
    task_.squared_length[i] = skeletons_.squared_length()[position];
  }
}

void SkeletonPass::Project(const Request& request, int block, float* panels,
                           float* e, float* norm, float* squared_length) {
  counts_.evaluations += skeletons_.Project(metric_, block, task_.points,
                                            task_.projection, panels);
  for (int i = 0; i < task_.count; ++i) {
    const double whole =
        1 + skeletons_.slack().Tau(request.from.inverse_sqrt[task_.ids[i]]);
    const double squared = task_.projection.squared_length[i];
    e[i] = FloatAbove(std::sqrt(std::max(0.0, whole - squared)));
    norm[i] = FloatAbove(std::sqrt(whole));
    squared_length[i] = FloatAbove(squared);
    if (!(squared <= 1.01 * whole)) MakeHard(i);
  }
}

void SkeletonPass::MakeHard(int i) {
  task_.hard[i] = true;
  task_.lanes[i / kPanel] &= ~(1u << i % kPanel);
}

template <class Visit>
void SkeletonPass::VisitPanels(int block, Visit visit) {
  const int32_t min_row = skeletons_.block(block).min_row;
  for (int first = 0; first < task_.count; first += kPanel) {
    const int panel = first / kPanel;
    if (min_row >= task_.most_limit[panel]) continue;
    uint32_t lanes = task_.lanes[panel];
    if (min_row >= task_.least_limit[panel]) {
      for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
        const int l = std::countr_zero(rest);
        if (min_row >= task_.row_limit[first + l]) lanes &= ~(1u << l);
      }
    }
    if (lanes == 0) continue;
    counts_.block_tests += std::popcount(lanes);
    visit(first, lanes);
  }
}

void SkeletonPass::Search(const Request& request, int block,
                          absl::Span<const int32_t> queries,
                          NeighborTable& neighbors) {
  const auto timed = [&](double& seconds) {
    return ScopedSeconds(request.options.telemetry ? &seconds : nullptr);
  };
  const auto all_timed = timed(trace_.descent_seconds);
  LoadQueries(request, block, queries);
  if (tables_ != nullptr) {
    if (request.own()) {
      LoadCoordinates();
    } else {
      task_.points.Assign(request.from, task_.ids);
      Project(request, block, task_.w.data(), task_.e, task_.norm,
              task_.squared_length);
    }
    for (int i = 0; i < task_.count; ++i) {
      task_.length[i] = std::sqrt(task_.squared_length[i]);
    }
    SearchOwnBlock(request);
    const bool has_gaps = request.own() && tables_->has_gaps();
    const absl::Span<const int32_t> order = tables_->order(block);
    bool found = true;
    for (size_t i = 0; i < order.size(); ++i) {
      if (!Monitor::Go(request.options.monitor)) return;
      if (i + 1 < order.size()) {
        tables_->Prefetch(order[i + 1], block, has_gaps, found);
      }
      found = SearchByTable(request, order[i], has_gaps);
    }
  } else {
    task_.points.Assign(request.from, task_.ids);
    SearchByProjection(request);
  }
  Evaluate(request, neighbors);
}

void SkeletonPass::SearchOwnBlock(const Request& request) {
  const BlockSkeletons::Block& block = skeletons_.block(task_.block);
  VisitPanels(task_.block, [&](int first, uint32_t lanes) {
    const QueryPanel queries = {
        task_.w.data() + int64_t{first} * block.rank,
        task_.length + first,
        task_.e + first,
        no_gap_.data(),
        task_.theta + first,
        FloatAbove(skeletons_.slack().Product(block.rank))};
    KeepFromBlock(request, task_.block, first, lanes, queries, nullptr,
                  no_gaps_.data());
  });
}

SkeletonPass::Passage SkeletonPass::PassageTo(int to) const {
  const int from = task_.block;
  const BlockSkeletons::Block& target = skeletons_.block(to);
  const BlockSkeletons::Block& source = skeletons_.block(from);
  // Norms of this order lie next to each other.
  const float norm = tables_->norm(from, to);
  const double error = tables_->error(to, from);
  const double gap_slack =
      skeletons_.slack().Gap(source.rank, target.rank, norm, error);
  return {to,
          tables_->far(from, to),
          norm,
          {target.length, target.e, tables_->block_gap(from, to)},
          FloatAbove(skeletons_.slack().Product(source.rank, target.rank, norm,
                                                error)),
          gap_slack,
          FloatAbove(2 * gap_slack + 8 * kFloatRoundoff)};
}

void SkeletonPass::LoadGaps(int to) {
  const uint16_t* gaps = tables_->gaps(to, task_.block);
  const int64_t begin = skeletons_.block(task_.block).first;
  for (int i = 0; i < task_.count; ++i) {
    task_.gap[i] = gaps[task_.position[i] - begin];
  }
}

void SkeletonPass::GapsFrom(const Passage& passage, int first,
                            const float* squared) {
  for (int l = 0; l < kPanel; ++l) {
    const double left = static_cast<double>(task_.squared_length[first + l]) -
                        static_cast<double>(squared[l]);
    task_.gap[first + l] = RoundGap(std::max(0.0, left) + passage.gap_slack);
  }
}

uint32_t SkeletonPass::PassByGaps(const Passage& passage, int first,
                                  uint32_t lanes) {
  const FilterRoutines& filter = skeletons_.filter();
  filter.gap_terms(task_.gap + first, task_.squared_length + first,
                   task_.e + first, task_.norm + first, passage.both_gap_slacks,
                   panel_.length, panel_.outside);
  return lanes &
         filter.pass_block(TableQueries(passage, first), passage.lengths);
}

uint32_t SkeletonPass::PassByNorm(const Passage& passage, int first,
                                  uint32_t lanes) {
  QueryPanel queries = TableQueries(passage, first);
  queries.length = task_.length + first;
  queries.outside = task_.norm + first;
  BlockLengths lengths = passage.lengths;
  lengths.w *= passage.norm;
  return lanes & skeletons_.filter().pass_block(queries, lengths);
}

QueryPanel SkeletonPass::TableQueries(const Passage& passage, int first) const {
  return {panel_.y.data(), panel_.length,       panel_.outside,
          task_.e + first, task_.theta + first, passage.slack};
}

bool SkeletonPass::SearchByTable(const Request& request, int block_index,
                                 bool has_gaps) {
  const BlockSkeletons::Block& block = skeletons_.block(block_index);
  const BlockSkeletons::Block& from = skeletons_.block(task_.block);
  const Passage passage = PassageTo(block_index);
  const bool from_table = has_gaps && !passage.far;
  if (from_table) LoadGaps(block_index);
  std::optional<SkeletonTables::Table> table;
  VisitPanels(block_index, [&](int first, uint32_t lanes) {
    alignas(64) float squared[kPanel];
    const auto project = [&] {
      if (!table.has_value()) {
        table = tables_->Load(block_index, task_.block, table_.data());
      }
      skeletons_.filter().project(table->data, table->row_stride,
                                  table->column_stride, block.rank, from.rank,
                                  task_.w.data() + int64_t{first} * from.rank,
                                  panel_.y.data(), squared);
    };
    uint32_t passed = lanes;
    if (passage.far) passed = PassByNorm(passage, first, lanes);
    if (passed != 0) {
      if (!from_table) {
        project();
        GapsFrom(passage, first, squared);
      }
      passed = PassByGaps(passage, first, passed);
    }
    counts_.blocks_pruned += std::popcount(lanes) - std::popcount(passed);
    if (passed == 0) return;
    if (from_table) project();
    KeepFromBlock(request, block_index, first, passed,
                  TableQueries(passage, first),
                  tables_->cone_gaps(task_.block, block_index),
                  tables_->gaps(task_.block, block_index));
  });
  return table.has_value();
}

void SkeletonPass::ProjectOnAllBlocks(const Request& request) {
  const int num_blocks = skeletons_.num_blocks();
  // Block b has its panels from kMaxProjected times its first member on.
  for (int b = 0; b < num_blocks; ++b) {
    if (!Monitor::Go(request.options.monitor)) return;
    float* panels =
        projected_->w.data() + kMaxProjected * skeletons_.block(b).skeleton;
    float* e = projected_->e.data() + kMaxProjected * b;
    float* length = projected_->length.data() + kMaxProjected * b;
    Project(request, b, panels, e, task_.norm, length);
    projected_->seen[b] = 0;
    projected_->block_order[b] = b;
    for (int i = 0; i < task_.count; ++i) {
      // A file may hold a skeleton whose lengths are not finite; the order of
      // blocks needs numbers.
      projected_->seen[b] +=
          std::min(std::numeric_limits<float>::max(), length[i]);
      length[i] = FloatAbove(std::sqrt(static_cast<double>(length[i])));
    }
  }
  std::sort(projected_->block_order.begin(), projected_->block_order.end(),
            [&](int32_t a, int32_t b) {
              return projected_->seen[a] != projected_->seen[b]
                         ? projected_->seen[a] > projected_->seen[b]
                         : a < b;
            });
}

void SkeletonPass::SearchByProjection(const Request& request) {
  ProjectOnAllBlocks(request);
  for (const int32_t b : projected_->block_order) {
    if (!Monitor::Go(request.options.monitor)) return;
    const BlockSkeletons::Block& block = skeletons_.block(b);
    VisitPanels(b, [&](int first, uint32_t lanes) {
      const QueryPanel queries = {
          projected_->w.data() + kMaxProjected * block.skeleton +
              int64_t{first} * block.rank,
          projected_->length.data() + kMaxProjected * b + first,
          projected_->e.data() + kMaxProjected * b + first,
          no_gap_.data(),
          task_.theta + first,
          FloatAbove(skeletons_.slack().Product(block.rank))};
      const uint32_t passed = lanes & skeletons_.filter().pass_block(
                                          queries, {block.length, block.e, 0});
      counts_.blocks_pruned += std::popcount(lanes) - std::popcount(passed);
      if (passed == 0) return;
      KeepFromBlock(request, b, first, passed, queries, no_gaps_.data(),
                    no_gaps_.data());
    });
  }
}

void SkeletonPass::KeepFromBlock(const Request& request, int block_index,
                                 int first, uint32_t lanes,
                                 const QueryPanel& queries,
                                 const uint16_t* cone_gaps,
                                 const uint16_t* gaps) {
  const FilterRoutines& filter = skeletons_.filter();
  const BlockSkeletons::Block& block = skeletons_.block(block_index);
  const int num_panels = skeletons_.num_panels(block_index);
  const int num_cones = skeletons_.num_cone_panels(block_index);
  const bool cones = sub_blocks_ && cone_gaps != nullptr;
  if (cones) {
    filter.pass_cones(queries, lanes, skeletons_.cones(block_index, cone_gaps),
                      num_cones, panel_.cone_masks.data());
  }
  const PointPanels points = skeletons_.points(block_index, gaps);
  const bool all_allowed = request.options.allowed.empty();
  KeptList* const kept = kept_.list(first);
  // Sixteen panels at a time, of which a mask says which matter to a query.
  for (int p = 0; p < num_cones; ++p) {
    const int count = std::min(kPanel, num_panels - p * kPanel);
    const int32_t all = (1 << count) - 1;
    alignas(64) int32_t masks[kPanel] = {};
    int before[kPanel];
    for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
      const int l = std::countr_zero(rest);
      if (!MakeRoom(first + l)) {
        lanes &= ~(1u << l);
        continue;
      }
      before[l] = kept[l].size;
      masks[l] = all;
      if (cones) {
        masks[l] &= static_cast<int32_t>(panel_.cone_masks[l * num_cones + p]);
        counts_.sub_blocks_pruned +=
            std::popcount(static_cast<uint32_t>(all ^ masks[l]));
      }
    }
    const int pairs = filter.keep_points(
        queries, points, p * kPanel, count, masks,
        skeletons_.cone_min_row() + block.first / kPanel + p * kPanel,
        task_.row_limit + first, task_.self + first, kept);
    counts_.screened += int64_t{kPanel} * pairs;
    if (all_allowed) continue;
    for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
      const int l = std::countr_zero(rest);
      kept_.DropForbidden(first + l, before[l], request.options.allowed);
    }
  }
  for (; lanes != 0; lanes &= lanes - 1) {
    const int i = first + std::countr_zero(lanes);
    if (kept_[i].size - task_.kept_at_theta[i] >=
        std::max(kNewBeforeTheta, kept_[i].size / kPartBeforeTheta)) {
      RaiseTheta(i);
    }
  }
}

bool SkeletonPass::MakeRoom(int i) {
  constexpr int kMore = kPanel * kPanel;
  if (kept_[i].size > kMaxKept - kMore) RaiseTheta(i);
  if (kept_[i].size > kMaxKept - kMore) MakeHard(i);
  kept_.Reserve(i, kMore);
  return !task_.hard[i];
}

void SkeletonPass::RaiseTheta(int i) {
  float& theta = task_.theta[i];
  const float known = kept_.AboutKthLower(i, std::max(0.0f, theta));
  if (known >= 0) {
    theta = std::max(theta, skeletons_.slack().Theta(known));
    kept_.DropBelow(i, theta);
  }
  task_.kept_at_theta[i] = kept_[i].size;
}

void SkeletonPass::Evaluate(const Request& request, NeighborTable& neighbors) {
  // In the order of space: near queries have near neighbors, whose rows of V
  // are then in the cache.
  int by_position[kMaxQueries];
  std::iota(by_position, by_position + task_.count, 0);
  std::sort(by_position, by_position + task_.count, [&](int a, int b) {
    return task_.position[a] < task_.position[b];
  });
  KeptCandidates::Asked asked[kMaxQueries];
  int count = 0;
  for (const int i : absl::MakeConstSpan(by_position).first(task_.count)) {
    counts_.filtered += kept_[i].filtered;
    if (task_.hard[i]) {
      hard_queries_.push_back(task_.number[i]);
    } else {
      RaiseTheta(i);
      asked[count++] = {task_.number[i], i};
    }
  }
  kept_.EvaluateAll(
      request, absl::MakeConstSpan(asked).first(count), skeletons_.loose_rows(),
      [&](double threshold) { return ThetaOf(threshold, skeletons_.slack()); },
      neighbors);
}

}  // namespace rct
