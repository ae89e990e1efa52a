#include "heuristics/level_cache/level_cache.h"

#include <algorithm>
#include <atomic>
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
#include "metric/tile.h"
#include "traversal/tree/cover_tree.h"

namespace rct {
namespace {

constexpr int kMaxPivots = 32;

}  // namespace

absl::Status ValidateLevelCacheConfig(const LevelCacheConfig& config) {
  if (config.pivots() >= 1 && config.pivots() <= kMaxPivots) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("level_cache.pivots: is ", config.pivots(),
                   "; must be from 1 to ", kMaxPivots));
}

LevelCacheTable::LevelCacheTable(
    std::shared_ptr<const ResidualCorrelation> metric,
    const MeasuredTree<ResidualCorrelation>& measured,
    const LevelCacheConfig& config, int threads, Monitor* monitor)
    : metric_(std::move(metric)),
      balls_(measured.balls),
      pivots_(config.pivots()),
      stride_(static_cast<int>(RoundUpToLanes(pivots_))),
      rounding_tau_(FactorizationNugget(pivots_)),
      slack_(8 * kUnitRoundoff * (pivots_ + 4)) {
  const CoverTree& tree = measured.tree;
  const size_t num_segments = tree.segments.size();
  children_ = tree.children;
  first_segment_ = tree.first_segment;
  inner_.assign(tree.size(), -1);
  for (int64_t i = 0; i < tree.size(); ++i) {
    if (first_segment_[i] != -1) inner_[i] = num_inner_++;
  }
  segments_.resize(num_segments);
  pivot_nodes_.assign(num_segments * pivots_, -1);
  factors_.assign(num_segments * pivots_ * pivots_, 0.0);
  w_ = AlignedBuffer<double>(static_cast<int64_t>(children_.size()) * stride_);
  std::fill(w_.begin(), w_.end(), 0.0);
  rest_.resize(children_.size());
  {
    const Monitor::Part part(monitor, /*share=*/0.5);
    ChoosePivots(tree, threads, monitor);
  }
  Project(tree, threads, monitor);
}

int64_t LevelCacheTable::bytes() const {
  return static_cast<int64_t>(
      (children_.size() + first_segment_.size() + inner_.size() +
       pivot_nodes_.size()) *
          sizeof(int32_t) +
      segments_.size() * sizeof(Segment) + balls_.size() * sizeof(balls_[0]) +
      (factors_.size() + w_.size() + rest_.size()) * sizeof(double));
}

// The parent, and the nodes of higher levels nearest to it.
void LevelCacheTable::ChoosePivots(const CoverTree& tree, int threads,
                                   Monitor* monitor) {
  // Nodes with children by the level at which they enter.
  std::vector<int32_t> level(tree.size(), 0);
  for (const CoverTree::Segment& segment : tree.segments) {
    for (const int32_t child : tree.Children(segment)) {
      level[child] = segment.level;
    }
  }
  std::vector<int32_t> nodes;
  for (int64_t i = 0; i < tree.size(); ++i) {
    if (inner_[i] != -1) nodes.push_back(static_cast<int32_t>(i));
  }
  std::stable_sort(nodes.begin(), nodes.end(),
                   [&](int32_t a, int32_t b) { return level[a] < level[b]; });

  struct Neighbor {
    double correlation;
    int32_t node;
    bool operator<(const Neighbor& other) const {
      return correlation != other.correlation ? correlation > other.correlation
                                              : node < other.node;
    }
  };
  std::vector<TileWorkspace> workspaces;
  std::vector<AlignedBuffer<double>> tiles;
  for (int w = 0; w < threads; ++w) {
    workspaces.emplace_back(metric_->dim(), 1, kMaxBlock);
    tiles.emplace_back(kMaxBlock);
  }
  std::atomic<int64_t> evaluations = 0;
  ParallelFor(
      threads, static_cast<int64_t>(tree.segments.size()), monitor,
      [&](int64_t s, int worker) {
        const CoverTree::Segment& segment = tree.segments[s];
        const auto end = std::partition_point(
            nodes.begin(), nodes.end(),
            [&](int32_t node) { return level[node] < segment.level; });
        const auto above =
            absl::MakeConstSpan(nodes).first(end - nodes.begin());
        std::vector<Neighbor> nearest;
        nearest.reserve(above.size());
        double* rho = tiles[worker].data();
        for (size_t first = 0; first < above.size(); first += kMaxBlock) {
          const auto block = above.subspan(first, kMaxBlock);
          metric_->Correlations(metric_->data(), {&segment.node, 1},
                                Candidates::List(block), rho, kMaxBlock,
                                workspaces[worker]);
          for (size_t j = 0; j < block.size(); ++j) {
            nearest.push_back(
                {block[j] == segment.node ? 2.0 : std::abs(rho[j]), block[j]});
          }
        }
        evaluations += static_cast<int64_t>(above.size());
        const size_t count = std::min<size_t>(pivots_, nearest.size());
        std::partial_sort(nearest.begin(), nearest.begin() + count,
                          nearest.end());
        RCT_CHECK(count > 0 && nearest[0].node == segment.node);
        segments_[s].first_child = segment.first_child;
        segments_[s].num_pivots = static_cast<int>(count);
        for (size_t k = 0; k < count; ++k) {
          pivot_nodes_[s * pivots_ + k] = nearest[k].node;
        }
      });
  distance_evaluations_ += evaluations;
}

// Factors and coordinates of all segments.
void LevelCacheTable::Project(const CoverTree& tree, int threads,
                              Monitor* monitor) {
  struct Worker {
    explicit Worker(int64_t dim)
        : workspace(dim, kMaxPivots, kMaxBlock), rho(kMaxPivots * kMaxBlock) {}
    TileWorkspace workspace;
    AlignedBuffer<double> rho;
  };
  std::vector<Worker> workers;
  for (int w = 0; w < threads; ++w) workers.emplace_back(metric_->dim());
  std::atomic<int64_t> evaluations = 0;
  const auto tau = [&](int32_t node) {
    return metric_->Tau(metric_->data(), node, pivots_ + 2) + rounding_tau_;
  };
  ParallelFor(
      threads, static_cast<int64_t>(tree.segments.size()), monitor,
      [&](int64_t s, int worker_index) {
        Worker& worker = workers[worker_index];
        double* rho = worker.rho.data();
        Segment& segment = segments_[s];
        const int count = segment.num_pivots;
        const absl::Span<const int32_t> pivots(&pivot_nodes_[s * pivots_],
                                               count);
        metric_->Correlations(metric_->data(), pivots, Candidates::List(pivots),
                              rho, kMaxBlock, worker.workspace);
        double* factor = &factors_[s * pivots_ * pivots_];
        for (int k = 0; k < count; ++k) {
          double* row = factor + int64_t{k} * pivots_;
          double w[kMaxPivots];
          const double own = tau(pivots[k]);
          const double rest = Coordinates(static_cast<int32_t>(s), k,
                                          rho + int64_t{k} * kMaxBlock, own, w);
          if (rest * rest < std::max(kMinPivot, 4 * own)) continue;
          std::copy(w, w + k, row);
          row[k] = rest;
        }
        const absl::Span<const int32_t> children =
            tree.Children(tree.segments[s]);
        for (size_t first = 0; first < children.size(); first += kMaxBlock) {
          const auto block = children.subspan(first, kMaxBlock);
          metric_->Correlations(metric_->data(), pivots,
                                Candidates::List(block), rho, kMaxBlock,
                                worker.workspace);
          for (size_t j = 0; j < block.size(); ++j) {
            double column[kMaxPivots];
            for (int k = 0; k < count; ++k) {
              column[k] = rho[int64_t{k} * kMaxBlock + j];
            }
            const int64_t place = segment.first_child + first + j;
            double* w = w_.data() + place * stride_;
            rest_[place] = Coordinates(static_cast<int32_t>(s), count, column,
                                       tau(block[j]), w);
            double norm = 0;
            for (int k = 0; k < count; ++k) norm += w[k] * w[k];
            segment.max_norm = std::max(segment.max_norm, std::sqrt(norm));
            segment.max_rest = std::max(segment.max_rest, rest_[place]);
            segment.has_inner |= inner_[block[j]] != -1;
          }
        }
        evaluations += count * static_cast<int64_t>(count + children.size());
      });
  distance_evaluations_ += evaluations;
}

double LevelCacheTable::Coordinates(int32_t segment, int known,
                                    const double* rho, double tau,
                                    double* w) const {
  double rest = 1 + tau;
  for (int k = 0; k < known; ++k) {
    const double* row = Factor(segment) + int64_t{k} * pivots_;
    double sum = rho[k];
    for (int j = 0; j < k; ++j) sum -= row[j] * w[j];
    w[k] = row[k] == 0 ? 0 : sum / row[k];
    rest -= w[k] * w[k];
  }
  return std::sqrt(std::max(0.0, rest) + slack_);
}

LevelCache::LevelCache(std::shared_ptr<const LevelCacheTable> table)
    : table_(std::move(table)),
      kept_in_(table_->num_inner_, 0),
      known_(table_->num_inner_, 0),
      rho_(int64_t{table_->num_inner_} * kBatchQueries),
      w_(int64_t{kBatchQueries} * table_->stride_),
      tile_(int64_t{kBatchQueries} * kMaxBlock) {}

void LevelCache::StartBatch(const ResidualPoints& from,
                            absl::Span<const int32_t> positions) {
  if (++generation_ == 0) {
    std::fill(kept_in_.begin(), kept_in_.end(), 0);
    generation_ = 1;
  }
  for (size_t i = 0; i < positions.size(); ++i) {
    tau_[i] = table_->metric_->Tau(from, positions[i], table_->pivots_ + 2) +
              table_->rounding_tau_;
    query_norm_[i] = table_->metric_->InverseNorm(from, positions[i]);
  }
}

void LevelCache::Keep(absl::Span<const int> places,
                      absl::Span<const int32_t> nodes, const double* rho,
                      int64_t stride) {
  for (size_t j = 0; j < nodes.size(); ++j) {
    const int32_t inner = table_->inner_[nodes[j]];
    if (inner == -1) continue;
    if (kept_in_[inner] != generation_) {
      kept_in_[inner] = generation_;
      known_[inner] = 0;
    }
    for (size_t i = 0; i < places.size(); ++i) {
      known_[inner] |= QueryMask{1} << places[i];
      rho_[int64_t{inner} * kBatchQueries + places[i]] = rho[i * stride + j];
    }
  }
}

QueryMask LevelCache::Open(int32_t index, QueryMask queries,
                           const double* thresholds) {
  segment_ = index;
  const LevelCacheTable& table = *table_;
  const LevelCacheTable::Segment& segment = table.segments_[index];
  const int32_t* pivots = table.Pivots(index);
  QueryMask known[kMaxPivots];
  const double* rho[kMaxPivots];
  for (int k = 0; k < segment.num_pivots; ++k) {
    const int32_t inner = table.inner_[pivots[k]];
    known[k] = kept_in_[inner] == generation_ ? known_[inner] : 0;
    rho[k] = rho_.data() + int64_t{inner} * kBatchQueries;
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
    hits_ += count;
    misses_ += segment.num_pivots - count;
    known_pivots_[i] = count;
    double* w = w_.data() + int64_t{i} * table.stride_;
    std::fill(w + count, w + table.stride_, 0.0);
    rest_[i] = table.Coordinates(index, count, column, tau_[i], w);
    if (count < segment.num_pivots) continue;
    double norm = 0;
    for (int k = 0; k < count; ++k) norm += w[k] * w[k];
    const double bound = std::sqrt(norm) * segment.max_norm +
                         rest_[i] * segment.max_rest + table.slack_;
    if (1 - bound > thresholds[i] && !segment.has_inner) {
      needed &= ~(QueryMask{1} << i);
      ++segment_prunes_;
    }
  }
  return needed;
}

void LevelCache::Filter(int first, int count, QueryMask queries,
                        const double* thresholds, QueryMask* masks) {
  const LevelCacheTable& table = *table_;
  const LevelCacheTable::Segment& segment = table.segments_[segment_];
  const int64_t place = int64_t{segment.first_child} + first;
  const double* query_rows[kBatchQueries];
  int queries_at[kBatchQueries];
  int num_queries = 0;
  for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
    const int i = std::countr_zero(rest);
    queries_at[num_queries] = i;
    query_rows[num_queries++] = w_.data() + int64_t{i} * table.stride_;
  }
  const double* child_rows[kMaxBlock];
  for (int j = 0; j < count; ++j) {
    child_rows[j] = table.w_.data() + (place + j) * table.stride_;
    masks[j] = 0;
  }
  const SimdRoutines& simd = table.metric_->simd();
  simd.dot_tile(query_rows, num_queries, child_rows, count, table.stride_,
                tile_.data(), kMaxBlock);
  const double* child_rest = table.rest_.data() + place;
  for (int r = 0; r < num_queries; ++r) {
    const int i = queries_at[r];
    double* lower = tile_.data() + int64_t{r} * kMaxBlock;
    if (known_pivots_[i] == segment.num_pivots) {
      for (int j = 0; j < count; ++j) {
        lower[j] =
            1 - (std::abs(lower[j]) + rest_[i] * child_rest[j] + table.slack_);
      }
    } else {
      for (int j = 0; j < count; ++j) {
        // What is in the span of the other pivots counts as outside.
        double outside = child_rest[j] * child_rest[j];
        for (int k = known_pivots_[i]; k < segment.num_pivots; ++k) {
          outside += child_rows[j][k] * child_rows[j][k];
        }
        lower[j] =
            1 - (std::abs(lower[j]) +
                 rest_[i] * std::sqrt(outside + table.slack_) + table.slack_);
      }
    }
    if (segment.has_inner) {
      for (int j = 0; j < count; ++j) {
        const int32_t child = table.children_[place + j];
        const int32_t below = table.first_segment_[child];
        if (below == -1) continue;
        lower[j] = std::min(lower[j], ResidualCorrelation::MinSquared(
                                          lower[j], query_norm_[i],
                                          table.metric_->InverseNorm(child),
                                          table.balls_[below]));
      }
    }
    int kept = 0;
    for (int j = 0; j < count; ++j) {
      const bool needs = !(lower[j] > thresholds[i]);
      masks[j] |= QueryMask{needs} << i;
      kept += needs;
    }
    child_prunes_ += count - kept;
  }
}

void LevelCache::Report(SearchCounters& counters) const {
  counters.set_level_cache_hits(counters.level_cache_hits() + hits_);
  counters.set_level_cache_misses(counters.level_cache_misses() + misses_);
  counters.set_level_cache_segment_prunes(
      counters.level_cache_segment_prunes() + segment_prunes_);
  counters.set_level_cache_child_prunes(counters.level_cache_child_prunes() +
                                        child_prunes_);
}

}  // namespace rct
