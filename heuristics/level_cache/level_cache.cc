#include "heuristics/level_cache/level_cache.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/parallel.h"
#include "metric/point_lanes.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/tile.h"
#include "traversal/tree/cover_tree.h"

namespace rct {
namespace {

constexpr int kMaxPivots = 32;

struct Neighbor {
  double correlation;
  int32_t node;
  bool operator<(const Neighbor& other) const {
    return correlation != other.correlation ? correlation > other.correlation
                                            : node < other.node;
  }
};

// Returns the level at which each node enters.
std::vector<int32_t> NodeLevels(const CoverTree& tree) {
  std::vector<int32_t> level(tree.size(), 0);
  for (const CoverTree::Segment& segment : tree.segments) {
    for (const int32_t child : tree.Children(segment)) {
      level[child] = segment.level;
    }
  }
  return level;
}

double Norm(const double* w, int count) {
  double squared = 0;
  for (int k = 0; k < count; ++k) squared += w[k] * w[k];
  return std::sqrt(squared);
}

}  // namespace

absl::Status ValidateLevelCacheConfig(const LevelCacheConfig& config) {
  if (config.pivots() >= 1 && config.pivots() <= kMaxPivots) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("level_cache.pivots: is ", config.pivots(),
                   "; must be from 1 to ", kMaxPivots));
}

// One thread's room for a tile of correlations.
struct LevelCacheTable::Scratch {
  Scratch(int64_t dim, int max_queries)
      : tiles(dim, max_queries, kMaxTile),
        rho(int64_t{max_queries} * kMaxTile) {}

  static std::vector<Scratch> ForThreads(int threads, int64_t dim,
                                         int max_queries) {
    std::vector<Scratch> scratch;
    scratch.reserve(threads);
    for (int w = 0; w < threads; ++w) scratch.emplace_back(dim, max_queries);
    return scratch;
  }

  TileWorkspace tiles;
  AlignedBuffer<double> rho;  // rows of kMaxTile, one for each query
  int64_t evaluations = 0;
};

LevelCacheTable::LevelCacheTable(
    std::shared_ptr<const ResidualCorrelation> metric,
    const MeasuredTree<ResidualCorrelation>& measured,
    const LevelCacheConfig& config, int threads, Monitor* monitor)
    : metric_(std::move(metric)),
      pivots_(config.pivots()),
      stride_(static_cast<int>(RoundUpToLanes(pivots_))),
      rounding_tau_(FactorizationNugget(pivots_)),
      slack_(8 * kUnitRoundoff * (pivots_ + 4)) {
  const CoverTree& tree = measured.tree;
  nodes_.children = tree.children;
  nodes_.first_segment = tree.first_segment;
  nodes_.balls = measured.balls;
  nodes_.inner.assign(tree.size(), -1);
  for (int64_t i = 0; i < tree.size(); ++i) {
    if (tree.first_segment[i] != -1) nodes_.inner[i] = nodes_.num_inner++;
  }
  const size_t num_segments = tree.segments.size();
  segments_.resize(num_segments);
  pivot_nodes_.assign(num_segments * pivots_, -1);
  factors_.assign(num_segments * pivots_ * pivots_, 0.0);
  w_ = AlignedBuffer<double>(static_cast<int64_t>(tree.children.size()) *
                             stride_);
  std::fill(w_.begin(), w_.end(), 0.0);
  rest_.resize(tree.children.size());
  {
    const Monitor::Part part(monitor, /*share=*/0.5);
    ChooseAllPivots(tree, threads, monitor);
  }
  ProjectAll(tree, threads, monitor);
}

int64_t LevelCacheTable::bytes() const {
  return static_cast<int64_t>(
      (nodes_.children.size() + nodes_.first_segment.size() +
       nodes_.inner.size() + pivot_nodes_.size()) *
          sizeof(int32_t) +
      segments_.size() * sizeof(Segment) +
      nodes_.balls.size() * sizeof(nodes_.balls[0]) +
      (factors_.size() + w_.size() + rest_.size()) * sizeof(double));
}

void LevelCacheTable::ChooseAllPivots(const CoverTree& tree, int threads,
                                      Monitor* monitor) {
  // Nodes with children by the level at which they enter.
  const std::vector<int32_t> level = NodeLevels(tree);
  std::vector<int32_t> nodes;
  for (int64_t i = 0; i < tree.size(); ++i) {
    if (nodes_.inner[i] != -1) nodes.push_back(static_cast<int32_t>(i));
  }
  std::stable_sort(nodes.begin(), nodes.end(),
                   [&](int32_t a, int32_t b) { return level[a] < level[b]; });
  std::vector<Scratch> scratch =
      Scratch::ForThreads(threads, metric_->dim(), /*max_queries=*/1);
  ParallelFor(threads, static_cast<int64_t>(tree.segments.size()), monitor,
              [&](int64_t s, int worker) {
                const CoverTree::Segment& segment = tree.segments[s];
                const auto end = std::partition_point(
                    nodes.begin(), nodes.end(),
                    [&](int32_t node) { return level[node] < segment.level; });
                segments_[s].first_child = segment.first_child;
                ChoosePivots(
                    s, segment.node,
                    absl::MakeConstSpan(nodes).first(end - nodes.begin()),
                    scratch[worker]);
              });
  for (const Scratch& each : scratch) distance_evaluations_ += each.evaluations;
}

// Makes the parent of a segment and the candidates nearest to it, which are of
// higher levels than the children, the pivots of the segment.
void LevelCacheTable::ChoosePivots(int64_t segment, int32_t parent,
                                   absl::Span<const int32_t> candidates,
                                   Scratch& scratch) {
  std::vector<Neighbor> nearest;
  nearest.reserve(candidates.size());
  const double* rho = scratch.rho.data();
  for (size_t first = 0; first < candidates.size(); first += kMaxTile) {
    const auto tile = candidates.subspan(first, kMaxTile);
    metric_->Correlations(metric_->data(), {&parent, 1}, Candidates::List(tile),
                          scratch.rho.data(), kMaxTile, scratch.tiles);
    for (size_t j = 0; j < tile.size(); ++j) {
      // The parent comes first, whatever the rounding of its own correlation.
      nearest.push_back({tile[j] == parent ? 2.0 : std::abs(rho[j]), tile[j]});
    }
  }
  scratch.evaluations += static_cast<int64_t>(candidates.size());
  const size_t count = std::min<size_t>(pivots_, nearest.size());
  std::partial_sort(nearest.begin(), nearest.begin() + count, nearest.end());
  RCT_CHECK(count > 0 && nearest[0].node == parent);
  segments_[segment].num_pivots = static_cast<int>(count);
  for (size_t k = 0; k < count; ++k) {
    pivot_nodes_[segment * pivots_ + k] = nearest[k].node;
  }
}

void LevelCacheTable::ProjectAll(const CoverTree& tree, int threads,
                                 Monitor* monitor) {
  std::vector<Scratch> scratch =
      Scratch::ForThreads(threads, metric_->dim(), kMaxPivots);
  ParallelFor(threads, static_cast<int64_t>(tree.segments.size()), monitor,
              [&](int64_t s, int worker) {
                FactorPivots(s, scratch[worker]);
                ProjectChildren(s, tree.Children(tree.segments[s]),
                                scratch[worker]);
              });
  for (const Scratch& each : scratch) distance_evaluations_ += each.evaluations;
}

// Computes L of a segment. The row of a pivot that adds nothing stays 0.
void LevelCacheTable::FactorPivots(int64_t segment, Scratch& scratch) {
  const absl::Span<const int32_t> pivots = Pivots(segment);
  const int count = static_cast<int>(pivots.size());
  metric_->Correlations(metric_->data(), pivots, Candidates::List(pivots),
                        scratch.rho.data(), kMaxTile, scratch.tiles);
  scratch.evaluations += int64_t{count} * count;
  double* factor = &factors_[segment * pivots_ * pivots_];
  for (int k = 0; k < count; ++k) {
    double w[kMaxPivots];
    const double tau = Tau(metric_->data(), pivots[k]);
    const double rest = Coordinates(
        segment, k, scratch.rho.data() + int64_t{k} * kMaxTile, tau, w);
    if (rest * rest < std::max(kMinPivot, 4 * tau)) continue;
    double* row = factor + int64_t{k} * pivots_;
    std::copy(w, w + k, row);
    row[k] = rest;
  }
}

// Computes w and e of the children of a segment, and their maxima.
void LevelCacheTable::ProjectChildren(int64_t segment,
                                      absl::Span<const int32_t> children,
                                      Scratch& scratch) {
  const absl::Span<const int32_t> pivots = Pivots(segment);
  const int count = static_cast<int>(pivots.size());
  Segment& maxima = segments_[segment];
  for (size_t first = 0; first < children.size(); first += kMaxTile) {
    const auto tile = children.subspan(first, kMaxTile);
    metric_->Correlations(metric_->data(), pivots, Candidates::List(tile),
                          scratch.rho.data(), kMaxTile, scratch.tiles);
    for (size_t j = 0; j < tile.size(); ++j) {
      double column[kMaxPivots];
      for (int k = 0; k < count; ++k) {
        column[k] = scratch.rho[int64_t{k} * kMaxTile + j];
      }
      const int64_t place = maxima.first_child + first + j;
      double* w = w_.data() + place * stride_;
      rest_[place] =
          Coordinates(segment, count, column, Tau(metric_->data(), tile[j]), w);
      maxima.max_norm = std::max(maxima.max_norm, Norm(w, count));
      maxima.max_rest = std::max(maxima.max_rest, rest_[place]);
      maxima.has_inner |= nodes_.inner[tile[j]] != -1;
    }
  }
  scratch.evaluations += count * static_cast<int64_t>(children.size());
}

double LevelCacheTable::Coordinates(int64_t segment, int known,
                                    const double* rho, double tau,
                                    double* w) const {
  const double* factor = factors_.data() + segment * pivots_ * pivots_;
  double rest = 1 + tau;
  for (int k = 0; k < known; ++k) {
    const double* row = factor + int64_t{k} * pivots_;
    double sum = rho[k];
    for (int j = 0; j < k; ++j) sum -= row[j] * w[j];
    w[k] = row[k] == 0 ? 0 : sum / row[k];
    rest -= w[k] * w[k];
  }
  return std::sqrt(std::max(0.0, rest) + slack_);
}

LevelCache::LevelCache(std::shared_ptr<const LevelCacheTable> table)
    : table_(std::move(table)), tile_(int64_t{kBatchQueries} * kMaxTile) {
  const int32_t num_inner = table_->nodes_.num_inner;
  batch_.kept_in.assign(num_inner, 0);
  batch_.known.assign(num_inner, 0);
  batch_.rho.resize(int64_t{num_inner} * kBatchQueries);
  open_.w.resize(int64_t{kBatchQueries} * table_->stride_);
}

void LevelCache::StartBatch(const ResidualPoints& from,
                            absl::Span<const int32_t> positions) {
  if (++batch_.generation == 0) {
    std::fill(batch_.kept_in.begin(), batch_.kept_in.end(), 0);
    batch_.generation = 1;
  }
  for (size_t i = 0; i < positions.size(); ++i) {
    batch_.tau[i] = table_->Tau(from, positions[i]);
    batch_.query_norm[i] = table_->metric_->InverseNorm(from, positions[i]);
  }
}

void LevelCache::Keep(absl::Span<const int> places,
                      absl::Span<const int32_t> nodes, const double* rho,
                      int64_t stride) {
  for (size_t j = 0; j < nodes.size(); ++j) {
    const int32_t inner = table_->nodes_.inner[nodes[j]];
    if (inner == -1) continue;
    if (batch_.kept_in[inner] != batch_.generation) {
      batch_.kept_in[inner] = batch_.generation;
      batch_.known[inner] = 0;
    }
    for (size_t i = 0; i < places.size(); ++i) {
      batch_.known[inner] |= QueryMask{1} << places[i];
      batch_.rho[int64_t{inner} * kBatchQueries + places[i]] =
          rho[i * stride + j];
    }
  }
}

QueryMask LevelCache::Open(int32_t index, QueryMask queries,
                           const double* thresholds) {
  open_.index = index;
  const LevelCacheTable& table = *table_;
  const LevelCacheTable::Segment& segment = table.segments_[index];
  const absl::Span<const int32_t> pivots = table.Pivots(index);
  QueryMask known[kMaxPivots];
  const double* rho[kMaxPivots];
  for (int k = 0; k < segment.num_pivots; ++k) {
    const int32_t inner = table.nodes_.inner[pivots[k]];
    known[k] =
        batch_.kept_in[inner] == batch_.generation ? batch_.known[inner] : 0;
    rho[k] = batch_.rho.data() + int64_t{inner} * kBatchQueries;
  }
  QueryMask needed = queries;
  for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
    const int i = std::countr_zero(rest);
    double column[kMaxPivots];
    int count = 0;
    while (count < segment.num_pivots && (known[count] >> i & 1)) {
      column[count] = rho[count][i];
      ++count;
    }
    counts_.hits += count;
    counts_.misses += segment.num_pivots - count;
    open_.known_pivots[i] = count;
    double* w = open_.w.data() + int64_t{i} * table.stride_;
    std::fill(w + count, w + table.stride_, 0.0);
    open_.rest[i] = table.Coordinates(index, count, column, batch_.tau[i], w);
    if (count < segment.num_pivots || segment.has_inner) continue;
    const double bound = Norm(w, count) * segment.max_norm +
                         open_.rest[i] * segment.max_rest + table.slack_;
    if (1 - bound > thresholds[i]) {
      needed &= ~(QueryMask{1} << i);
      ++counts_.segment_prunes;
    }
  }
  return needed;
}

void LevelCache::Filter(int first, int count, QueryMask queries,
                        const double* thresholds, QueryMask* masks) {
  const LevelCacheTable::Segment& segment = table_->segments_[open_.index];
  const int64_t place = int64_t{segment.first_child} + first;
  int queries_at[kBatchQueries];
  const int num_queries =
      MultiplyCoordinates(place, count, queries, queries_at);
  std::fill_n(masks, count, 0);
  for (int r = 0; r < num_queries; ++r) {
    const int i = queries_at[r];
    double* lower = tile_.data() + int64_t{r} * kMaxTile;
    BoundChildren(segment, place, count, i, lower);
    if (segment.has_inner) BoundBelow(place, count, i, lower);
    int kept = 0;
    for (int j = 0; j < count; ++j) {
      const bool needs = !(lower[j] > thresholds[i]);
      masks[j] |= QueryMask{needs} << i;
      kept += needs;
    }
    counts_.child_prunes += count - kept;
  }
}

// Fills `tile_` with w_q . w_x in rows of kMaxTile. Returns the number of
// queries and writes which they are to `queries_at`.
int LevelCache::MultiplyCoordinates(int64_t place, int count, QueryMask queries,
                                    int* queries_at) {
  const LevelCacheTable& table = *table_;
  const double* query_rows[kBatchQueries];
  int num_queries = 0;
  for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
    const int i = std::countr_zero(rest);
    queries_at[num_queries] = i;
    query_rows[num_queries++] = open_.w.data() + int64_t{i} * table.stride_;
  }
  const double* child_rows[kMaxTile];
  for (int j = 0; j < count; ++j) {
    child_rows[j] = table.w_.data() + (place + j) * table.stride_;
  }
  table.metric_->simd().dot_tile(query_rows, num_queries, child_rows, count,
                                 table.stride_, tile_.data(), kMaxTile);
  return num_queries;
}

// Turns the products w_q . w_x of a query, in `lower`, into lower bounds of t
// for the children themselves.
void LevelCache::BoundChildren(const LevelCacheTable::Segment& segment,
                               int64_t place, int count, int query,
                               double* lower) const {
  const double slack = table_->slack_;
  const double query_rest = open_.rest[query];
  const double* child_rest = table_->rest_.data() + place;
  const int known = open_.known_pivots[query];
  if (known == segment.num_pivots) {
    for (int j = 0; j < count; ++j) {
      lower[j] = 1 - (std::abs(lower[j]) + query_rest * child_rest[j] + slack);
    }
    return;
  }
  for (int j = 0; j < count; ++j) {
    // The part in the span of the other pivots counts as outside.
    const double* w = table_->w_.data() + (place + j) * table_->stride_;
    double outside = child_rest[j] * child_rest[j];
    for (int k = known; k < segment.num_pivots; ++k) outside += w[k] * w[k];
    lower[j] = 1 - (std::abs(lower[j]) +
                    query_rest * std::sqrt(outside + slack) + slack);
  }
}

// Lowers the bounds of children with children to those of all that is below
// them.
void LevelCache::BoundBelow(int64_t place, int count, int query,
                            double* lower) const {
  const LevelCacheTable::Nodes& nodes = table_->nodes_;
  for (int j = 0; j < count; ++j) {
    const int32_t child = nodes.children[place + j];
    const int32_t below = nodes.first_segment[child];
    if (below == -1) continue;
    lower[j] = std::min(
        lower[j], ResidualCorrelation::MinSquared(
                      lower[j], batch_.query_norm[query],
                      table_->metric_->InverseNorm(child), nodes.balls[below]));
  }
}

void LevelCache::Report(SearchCounters& counters) const {
  counters.set_level_cache_hits(counts_.hits);
  counters.set_level_cache_misses(counts_.misses);
  counters.set_level_cache_segment_prunes(counts_.segment_prunes);
  counters.set_level_cache_child_prunes(counts_.child_prunes);
}

}  // namespace rct
