#include "traversal/block/skeleton_pass.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "metric/correlation_tile.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/skeleton_tables.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// Theta is raised when a query has kept so many more, and such a part more.
constexpr int kNewBeforeTheta = 8;
constexpr int kPartBeforeTheta = 8;

// Candidates of one exact tile.
constexpr int kExactTile = 128;

// What a point must reach whose t is at most `threshold`. No t is above 1.
float ThetaOf(double threshold, const SkeletonSlack& slack) {
  return slack.Theta(RoundDown(1 - std::min(threshold, 2.0)));
}

bool Allowed(const SearchOptions& options, int32_t row) {
  return options.allowed.empty() || options.allowed[row];
}

}  // namespace

SkeletonPass::Counts& SkeletonPass::Counts::operator+=(const Counts& other) {
  evaluations += other.evaluations;
  filtered += other.filtered;
  block_tests += other.block_tests;
  blocks_pruned += other.blocks_pruned;
  sub_blocks_pruned += other.sub_blocks_pruned;
  screened += other.screened;
  pushes += other.pushes;
  return *this;
}

SkeletonPass::SkeletonPass(const Searcher<ResidualCorrelation>& owner,
                           const BlockSkeletons& skeletons,
                           const SkeletonTables* tables, bool sub_blocks,
                           int64_t k)
    : owner_(owner),
      metric_(owner.metric()),
      skeletons_(skeletons),
      tables_(tables),
      sub_blocks_(sub_blocks),
      k_(k),
      no_gap_(kPanel),
      no_gaps_(skeletons.block_size()),
      query_points_(kMaxQueries, metric_.dim()),
      projection_(kMaxQueries, skeletons.max_rank()),
      w_(int64_t{kMaxQueries} * skeletons.max_rank()),
      y_(int64_t{kPanel} * skeletons.max_rank()),
      cone_masks_(kPanel * (skeletons.block_size() / kPanel / kPanel + 1)),
      upper_(kMaxQueries * kKeptStride),
      lower_(upper_.size()),
      kept_row_(upper_.size()),
      middle_(kKeptStride),
      exact_(kExactTile),
      tiles_(metric_.dim(), 1, kExactTile),
      squared_(kExactTile),
      hits_(kExactTile + 8) {
  if (tables == nullptr) {
    projected_ = AlignedBuffer<float>(kMaxProjected * skeletons.total_rank());
    projected_e_ =
        AlignedBuffer<float>(int64_t{kMaxProjected} * skeletons.num_blocks());
    projected_length_ = AlignedBuffer<float>(projected_e_.size());
    seen_.resize(skeletons.num_blocks());
    block_order_.resize(skeletons.num_blocks());
    std::fill(projected_.begin(), projected_.end(), 0.0f);
    std::fill(projected_e_.begin(), projected_e_.end(), 0.0f);
    std::fill(projected_length_.begin(), projected_length_.end(), 0.0f);
  }
  ids_.reserve(kMaxQueries);
  heap_.Reset(k);
  std::fill(w_.begin(), w_.end(), 0.0f);
  std::fill(squared_.begin(), squared_.end(), 0.0);
}

void SkeletonPass::LoadQueries(const Request& request, int block,
                               absl::Span<const int32_t> queries) {
  const bool own = &request.from == &metric_.data();
  const float theta =
      ThetaOf(LargestSquaredWithin(request.options.radius), skeletons_.slack());
  count_ = static_cast<int>(queries.size());
  block_ = block;
  ids_.clear();
  for (int i = 0; i < count_; ++i) {
    const int32_t query = queries[i];
    const int32_t point = request.positions[query];
    ids_.push_back(point);
    number_[i] = query;
    row_of_[i] = request.rows[query];
    row_limit_[i] =
        request.options.predecessor ? static_cast<int32_t>(row_of_[i]) : kNoRow;
    self_[i] = own ? point : -1;
    position_[i] = own ? skeletons_.position(point) : -1;
    hard_[i] = false;
    const int64_t at = i * kKeptStride;
    KeptPoints& kept = kept_[i];
    kept = {upper_.data() + at, lower_.data() + at, kept_row_.data() + at, 0,
            0};
    kept_at_theta_[i] = 0;
    theta_[i] = theta;
    // By definition at distance 0, whatever the rounding of others.
    if (own && !request.options.exclude_self && !request.options.predecessor &&
        Allowed(request.options, point)) {
      kept.upper[0] = kept.lower[0] = 1;
      kept.row[0] = point;
      kept.size = 1;
    }
  }
}

void SkeletonPass::LoadCoordinates() {
  const BlockSkeletons::Block& block = skeletons_.block(block_);
  const float* points = skeletons_.points(block_, nullptr).w;
  for (int i = 0; i < count_; ++i) {
    const int64_t position = position_[i];
    const int64_t place = position - block.first;
    const float* from =
        points + place / kPanel * kPanel * block.rank + place % kPanel;
    float* w =
        w_.data() + int64_t{i / kPanel} * kPanel * block.rank + i % kPanel;
    for (int c = 0; c < block.rank; ++c) w[kPanel * c] = from[kPanel * c];
    e_[i] = skeletons_.e()[position];
    norm_[i] = skeletons_.norm()[position];
    squared_length_[i] = skeletons_.squared_length()[position];
  }
}

void SkeletonPass::Project(const Request& request, int block, float* panels,
                           float* e, float* norm, float* squared_length) {
  counts_.evaluations +=
      skeletons_.Project(metric_, block, query_points_, projection_, panels);
  for (int i = 0; i < count_; ++i) {
    const double whole =
        1 + skeletons_.slack().Tau(request.from.inverse_sqrt[ids_[i]]);
    const double squared = projection_.squared_length[i];
    e[i] = RoundUp(std::sqrt(std::max(0.0, whole - squared)));
    norm[i] = RoundUp(std::sqrt(whole));
    squared_length[i] = RoundUp(squared);
    if (!(squared <= 1.01 * whole)) hard_[i] = true;
  }
}

template <class Visit>
void SkeletonPass::VisitPanels(int block, Visit visit) {
  for (int first = 0; first < count_; first += kPanel) {
    uint32_t lanes = 0;
    for (int l = 0; l < kPanel && first + l < count_; ++l) {
      const int i = first + l;
      const bool wanted =
          !hard_[i] && skeletons_.block(block).min_row < row_limit_[i];
      lanes |= static_cast<uint32_t>(wanted) << l;
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
    const bool own = &request.from == &metric_.data();
    if (own) {
      LoadCoordinates();
    } else {
      query_points_.Assign(request.from, ids_);
      Project(request, block, w_.data(), e_, norm_, squared_length_);
    }
    SearchOwnBlock(request);
    for (const int32_t other : tables_->order(block)) {
      if (!Monitor::Go(request.options.monitor)) return;
      SearchByTable(request, other, own && tables_->has_gaps());
    }
  } else {
    query_points_.Assign(request.from, ids_);
    SearchByProjection(request);
  }
  // In the order of space: near queries have near neighbours, whose rows of V
  // are then in the cache.
  int by_position[kMaxQueries];
  std::iota(by_position, by_position + count_, 0);
  std::sort(by_position, by_position + count_,
            [&](int a, int b) { return position_[a] < position_[b]; });
  for (const int i : absl::MakeConstSpan(by_position).first(count_)) {
    counts_.filtered += kept_[i].filtered;
    if (hard_[i]) {
      hard_queries_.push_back(number_[i]);
    } else {
      Evaluate(request, i, neighbors);
    }
  }
}

void SkeletonPass::SearchOwnBlock(const Request& request) {
  const BlockSkeletons::Block& block = skeletons_.block(block_);
  VisitPanels(block_, [&](int first, uint32_t lanes) {
    alignas(64) float length[kPanel];
    for (int l = 0; l < kPanel; ++l) {
      length[l] = std::sqrt(squared_length_[first + l]);
    }
    const QueryPanel queries = {
        w_.data() + int64_t{first} * block.rank,
        length,
        e_ + first,
        no_gap_.data(),
        theta_ + first,
        RoundUp(skeletons_.slack().Product(block.rank))};
    FilterBlock(request, block_, first, lanes, queries, nullptr,
                no_gaps_.data());
  });
}

SkeletonPass::Passage SkeletonPass::PassageTo(int to) const {
  const int from = block_;
  const BlockSkeletons::Block& target = skeletons_.block(to);
  const BlockSkeletons::Block& source = skeletons_.block(from);
  const double norm = tables_->norm(to, from);
  const double gap_slack =
      skeletons_.slack().Gap(source.rank, target.rank, norm);
  return {to,
          tables_->far(to, from),
          tables_->norm(to, from),
          tables_->table(to, from),
          {target.length, target.e, tables_->block_gap(from, to)},
          RoundUp(skeletons_.slack().Product(source.rank, target.rank, norm)),
          gap_slack,
          RoundUp(2 * gap_slack + 8 * kFloatRoundoff)};
}

uint32_t SkeletonPass::FilterPanel(const Passage& passage, int first,
                                   uint32_t lanes, bool has_gaps,
                                   const float* squared) {
  const FilterRoutines& filter = skeletons_.filter();
  alignas(64) uint16_t gap[kPanel] = {};
  if (has_gaps) {
    const uint16_t* gaps = tables_->gaps(passage.to);
    for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
      const int l = std::countr_zero(rest);
      gap[l] = gaps[position_[first + l]];
    }
  } else {
    for (int l = 0; l < kPanel; ++l) {
      const double left = static_cast<double>(squared_length_[first + l]) -
                          static_cast<double>(squared[l]);
      gap[l] = RoundGap(std::max(0.0, left) + passage.gap_slack);
    }
  }
  filter.gap_terms(gap, squared_length_ + first, e_ + first, norm_ + first,
                   passage.both_gap_slacks, length_, outside_);
  return lanes &
         filter.filter_block(TableQueries(passage, first), passage.lengths);
}

uint32_t SkeletonPass::FilterFar(const Passage& passage, int first,
                                 uint32_t lanes) {
  for (int l = 0; l < kPanel; ++l) {
    length_[l] = passage.norm * std::sqrt(squared_length_[first + l]);
    outside_[l] = norm_[first + l];
  }
  return lanes & skeletons_.filter().filter_block(TableQueries(passage, first),
                                                  passage.lengths);
}

QueryPanel SkeletonPass::TableQueries(const Passage& passage, int first) const {
  return {y_.data(),  length_,        outside_,
          e_ + first, theta_ + first, passage.slack};
}

void SkeletonPass::SearchByTable(const Request& request, int block_index,
                                 bool has_gaps) {
  const BlockSkeletons::Block& block = skeletons_.block(block_index);
  const BlockSkeletons::Block& from = skeletons_.block(block_);
  const Passage passage = PassageTo(block_index);
  VisitPanels(block_index, [&](int first, uint32_t lanes) {
    alignas(64) float squared[kPanel];
    const auto project = [&] {
      skeletons_.filter().project(
          passage.table.data, passage.table.row_stride,
          passage.table.column_stride, block.rank, from.rank,
          w_.data() + int64_t{first} * from.rank, y_.data(), squared);
    };
    uint32_t passed = lanes;
    if (passage.far) passed = FilterFar(passage, first, lanes);
    const bool from_table = has_gaps && !passage.far;
    if (passed != 0) {
      if (!from_table) project();
      passed = FilterPanel(passage, first, passed, from_table, squared);
    }
    counts_.blocks_pruned += std::popcount(lanes) - std::popcount(passed);
    if (passed == 0) return;
    if (from_table) project();
    FilterBlock(request, block_index, first, passed,
                TableQueries(passage, first),
                tables_->cone_gaps(block_) + block.first / kPanel,
                tables_->gaps(block_) + block.first);
  });
}

void SkeletonPass::SearchByProjection(const Request& request) {
  const int num_blocks = skeletons_.num_blocks();
  // Block b has its panels from kMaxProjected times its first member on.
  for (int b = 0; b < num_blocks; ++b) {
    if (!Monitor::Go(request.options.monitor)) return;
    float* panels =
        projected_.data() + kMaxProjected * skeletons_.block(b).skeleton;
    float* e = projected_e_.data() + kMaxProjected * b;
    float* length = projected_length_.data() + kMaxProjected * b;
    Project(request, b, panels, e, norm_, length);
    seen_[b] = 0;
    block_order_[b] = b;
    for (int i = 0; i < count_; ++i) {
      // Of a skeleton that is none, as a file may hold: order needs a number.
      seen_[b] += std::min(std::numeric_limits<float>::max(), length[i]);
      length[i] = RoundUp(std::sqrt(static_cast<double>(length[i])));
    }
  }
  std::sort(block_order_.begin(), block_order_.end(),
            [&](int32_t a, int32_t b) {
              return seen_[a] != seen_[b] ? seen_[a] > seen_[b] : a < b;
            });
  for (const int32_t b : block_order_) {
    if (!Monitor::Go(request.options.monitor)) return;
    const BlockSkeletons::Block& block = skeletons_.block(b);
    VisitPanels(b, [&](int first, uint32_t lanes) {
      const QueryPanel queries = {
          projected_.data() + kMaxProjected * block.skeleton +
              int64_t{first} * block.rank,
          projected_length_.data() + kMaxProjected * b + first,
          projected_e_.data() + kMaxProjected * b + first,
          no_gap_.data(),
          theta_ + first,
          RoundUp(skeletons_.slack().Product(block.rank))};
      const uint32_t passed = lanes & skeletons_.filter().filter_block(
                                          queries, {block.length, block.e, 0});
      counts_.blocks_pruned += std::popcount(lanes) - std::popcount(passed);
      if (passed == 0) return;
      FilterBlock(request, b, first, passed, queries, no_gaps_.data(),
                  no_gaps_.data());
    });
  }
}

void SkeletonPass::FilterBlock(const Request& request, int block_index,
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
    filter.filter_cones(queries, lanes,
                        skeletons_.cones(block_index, cone_gaps), num_cones,
                        cone_masks_.data());
  }
  const PointPanels points = skeletons_.points(block_index, gaps);
  const bool all_allowed = request.options.allowed.empty();
  KeptPoints* const kept = kept_ + first;
  // Sixteen panels at a time: which of them may matter to each query.
  constexpr int kMaxBefore = kMaxKept - kPanel * kPanel;
  for (int p = 0; p < num_cones; ++p) {
    const int count = std::min(kPanel, num_panels - p * kPanel);
    const int32_t all = (1 << count) - 1;
    alignas(64) int32_t masks[kPanel] = {};
    int before[kPanel];
    for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
      const int l = std::countr_zero(rest);
      if (kept[l].size > kMaxBefore) {
        RaiseTheta(first + l);
        if (kept[l].size > kMaxBefore) {
          hard_[first + l] = true;
          lanes &= ~(1u << l);
          continue;
        }
      }
      before[l] = kept[l].size;
      masks[l] = all;
      if (cones) {
        masks[l] &= static_cast<int32_t>(cone_masks_[l * num_cones + p]);
        counts_.sub_blocks_pruned +=
            std::popcount(static_cast<uint32_t>(all ^ masks[l]));
      }
    }
    const int pairs = filter.filter_points(
        queries, points, p * kPanel, count, masks,
        skeletons_.cone_min_row() + block.first / kPanel + p * kPanel,
        row_limit_ + first, self_ + first, kept);
    counts_.screened += int64_t{kPanel} * pairs;
    if (all_allowed) continue;
    for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
      const int l = std::countr_zero(rest);
      DropForbidden(request.options.allowed, before[l], kept[l]);
    }
  }
  for (; lanes != 0; lanes &= lanes - 1) {
    const int i = first + std::countr_zero(lanes);
    if (kept_[i].size - kept_at_theta_[i] >=
        std::max(kNewBeforeTheta, kept_[i].size / kPartBeforeTheta)) {
      RaiseTheta(i);
    }
  }
}

void SkeletonPass::DropForbidden(absl::Span<const bool> allowed, int first,
                                 KeptPoints& kept) {
  int size = first;
  for (int j = first; j < kept.size; ++j) {
    kept.upper[size] = kept.upper[j];
    kept.lower[size] = kept.lower[j];
    kept.row[size] = kept.row[j];
    size += static_cast<int>(allowed[kept.row[j]]);
  }
  kept.size = size;
}

void SkeletonPass::RaiseTheta(int query) {
  const FilterRoutines& filter = skeletons_.filter();
  KeptPoints& kept = kept_[query];
  float& theta = theta_[query];
  const float known = filter.threshold(
      kept.lower, kept.size, static_cast<int>(k_), std::max(0.0f, theta));
  if (known >= 0) {
    theta = std::max(theta, skeletons_.slack().Theta(known));
    filter.drop_below(theta, kept);
  }
  kept_at_theta_[query] = kept.size;
}

void SkeletonPass::Evaluate(const Request& request, int query,
                            NeighborTable& neighbors) {
  const auto timed = [&](double& seconds) {
    return ScopedSeconds(request.options.telemetry ? &seconds : nullptr);
  };
  RaiseTheta(query);
  const KeptPoints& kept = kept_[query];
  for (int j = 0; j < kept.size; ++j) {
    middle_[j] = 0.5f * (kept.upper[j] + kept.lower[j]);
  }
  // The k best, or a few more.
  const float best = skeletons_.filter().threshold(middle_.data(), kept.size,
                                                   static_cast<int>(k_), 0);
  heap_.Reset(k_, request.options.radius);
  const int32_t point = request.positions[number_[query]];
  int count = 0;
  const auto evaluate = [&] {
    const Candidates candidates =
        Candidates::List(absl::MakeConstSpan(exact_).first(count));
    {
      const auto evaluation_timed = timed(trace_.evaluation_seconds);
      metric_.SquaredDistances(request.from, absl::MakeConstSpan(&point, 1),
                               candidates, squared_.data(), kExactTile, tiles_);
    }
    const auto selection_timed = timed(trace_.selection_seconds);
    const int64_t offered = owner_.OfferTileRow(
        squared_.data(), candidates, row_of_[query], request.options, heap_,
        hits_.data(), counts_.filtered);
    counts_.evaluations += count;
    counts_.pushes += offered;
    if (request.options.telemetry) {
      trace_.AddBlock(/*index=*/0, count, count, offered);
    }
    count = 0;
  };
  const auto add = [&](int32_t row) {
    exact_[count++] = row;
    if (count == kExactTile) evaluate();
  };
  for (int j = 0; j < kept.size; ++j) {
    if (middle_[j] >= best) add(kept.row[j]);
  }
  for (const int32_t row : skeletons_.loose_rows()) {
    if (Allowed(request.options, row)) add(row);
  }
  if (count > 0) evaluate();
  const float theta = ThetaOf(heap_.threshold(), skeletons_.slack());
  for (int j = 0; j < kept.size; ++j) {
    if (!(middle_[j] >= best) && kept.upper[j] >= theta) add(kept.row[j]);
  }
  if (count > 0) evaluate();
  heap_.MoveTo(neighbors, number_[query]);
}

}  // namespace rct
