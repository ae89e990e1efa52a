#include "traversal/tree/cover_tree_builder.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/tree/cover_tree.h"

namespace rct {
namespace {

// Rows that try to become net points together: a bit of a mask for each.
constexpr int kMaxBatch = 64;

// Candidates that one tile compares them with.
constexpr int kTileWidth = 240;

// Below this share of the root's radius points count as duplicates of each
// other, and they are left to be leaves.
constexpr double kMinRadius = 1e-9;

// The relative error that a radius is allowed: far above what a cosine and its
// inverse lose, far below what would cost anything.
constexpr double kRadiusSlack = 1e-9;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// One thread's room for tiles, and its count of evaluations.
struct TileScratch {
  TileScratch(int64_t dim, int max_queries)
      : tiles(dim, max_queries, kTileWidth),
        squared(int64_t{max_queries} * kTileWidth) {}

  TileWorkspace tiles;
  AlignedBuffer<double> squared;  // rows of kTileWidth, one for each query
  int64_t evaluations = 0;
};

std::vector<TileScratch> MakeScratch(int threads, int64_t dim,
                                     int max_queries) {
  std::vector<TileScratch> scratch;
  scratch.reserve(threads);
  for (int w = 0; w < threads; ++w) scratch.emplace_back(dim, max_queries);
  return scratch;
}

int64_t SumEvaluations(const std::vector<TileScratch>& scratch) {
  int64_t sum = 0;
  for (const TileScratch& each : scratch) sum += each.evaluations;
  return sum;
}

// Puts the squared distances of a tile into `scratch.squared`.
template <class Metric>
void EvaluateTile(const Metric& metric, absl::Span<const int32_t> queries,
                  Candidates candidates, TileScratch& scratch) {
  metric.SquaredDistances(metric.data(), queries, candidates,
                          scratch.squared.data(), kTileWidth, scratch.tiles);
  scratch.evaluations +=
      static_cast<int64_t>(queries.size()) * candidates.size();
}

// Evaluates a tile and calls use(i, j, nearness) for each query i and candidate
// j of it.
template <class Metric, class Use>
void ForTile(const Metric& metric, absl::Span<const int32_t> queries,
             Candidates candidates, TileScratch& scratch, Use use) {
  EvaluateTile(metric, queries, candidates, scratch);
  for (int i = 0; i < static_cast<int>(queries.size()); ++i) {
    const double norm = metric.InverseNorm(queries[i]);
    for (int j = 0; j < candidates.size(); ++j) {
      use(i, j,
          Metric::Nearness(scratch.squared[i * kTileWidth + j], norm,
                           metric.InverseNorm(candidates[j])));
    }
  }
}

// Returns the number of tiles that `candidates` fill.
int64_t NumTiles(int64_t candidates) {
  return (candidates + kTileWidth - 1) / kTileWidth;
}

template <class Metric>
class NetBuilder {
 public:
  NetBuilder(const Metric& metric, const CoverTreeConfig& config, int threads,
             Monitor* monitor)
      : metric_(metric),
        threads_(threads),
        monitor_(monitor),
        min_net_(metric.size() / config.leaf_size()),
        scratch_(MakeScratch(threads, metric.dim(), kMaxBatch)) {
    nets_.base = config.base();
    nets_.parent.assign(metric.size(), -1);
    nets_.level.assign(metric.size(), -1);
    nearness_.assign(metric.size(), -kInfinity);
    owner_.assign(metric.size(), 0);
  }

  NetHierarchy Build() && {
    if (metric_.size() == 0) return std::move(nets_);
    // Most evaluations are those of new net points.
    const Monitor::Part part(monitor_, /*share=*/1, min_net_);
    AddRoot();
    int32_t level = 0;
    while (static_cast<int64_t>(net_.size()) < min_net_ &&
           std::pow(nets_.base, -level) > kMinRadius && nets_.root_radius > 0 &&
           Monitor::Go(monitor_)) {
      ++level;
      Refine(level);
    }
    AddLeaves(level + 1);
    nets_.distance_evaluations = SumEvaluations(scratch_);
    return std::move(nets_);
  }

 private:
  // The rows of each net point of C_l, in row order: the row of net_[c] and
  // those that it owns are rows[begin[c] .. begin[c + 1]).
  struct Cells {
    std::vector<int32_t> begin;
    std::vector<int32_t> rows;
  };

  // A part of a cell that fits into a tile: tasks that threads share out.
  struct Piece {
    int64_t cell;
    int64_t begin, end;  // in Cells::rows
  };

  // One step from C_l to C_{l+1}. The cells and all that follows from them are
  // those of C_l, and stay while rows enter.
  struct Refinement {
    double covered;  // nearness at r_{l+1}; a row below it is uncovered
    Cells cells;
    std::vector<Piece> pieces;
    // The nearness to a cell's center above which a point may take its rows.
    std::vector<double> reach;
    std::vector<int32_t> home;       // a row's nearest point of C_l
    std::vector<int32_t> uncovered;  // rows that may enter, in row order
    // For each cell, the points of the current batch that may take its rows.
    std::vector<uint64_t> reached_by;
  };

  void AddRoot() {
    const int64_t n = metric_.size();
    const int32_t root[] = {0};
    ParallelFor(threads_, NumTiles(n), [&](int64_t task, int worker) {
      const auto first = static_cast<int32_t>(task * kTileWidth);
      const auto count =
          static_cast<int>(std::min<int64_t>(kTileWidth, n - first));
      ForTile(metric_, root, Candidates::Range(first, count), scratch_[worker],
              [&](int, int j, double nearness) {
                nearness_[first + j] = nearness;
              });
    });
    nets_.level[0] = 0;
    net_ = {0};
    double furthest = kInfinity;
    for (int64_t row = 1; row < n; ++row) {
      furthest = std::min(furthest, nearness_[row]);
    }
    nets_.root_radius =
        n == 1 ? 0
               : std::min(Metric::kMaxRadius,
                          Metric::RadiusAt(furthest) * (1 + kRadiusSlack));
  }

  // Makes each row that is in no net a leaf below its nearest net point.
  void AddLeaves(int32_t leaf_level) {
    nets_.leaf_level = leaf_level;
    for (int64_t row = 0; row < metric_.size(); ++row) {
      if (nets_.level[row] >= 0) continue;
      nets_.level[row] = leaf_level;
      nets_.parent[row] = owner_[row];
    }
  }

  // Makes the net of `level` from the one above it.
  void Refine(int32_t level) {
    Refinement step = StartRefinement(level);
    std::vector<int32_t> entering;
    for (size_t next = 0; next < step.uncovered.size();) {
      const std::vector<int32_t> batch = NextBatch(step, next);
      if (!Monitor::Go(monitor_)) break;
      const std::vector<int32_t> accepted = Independent(batch, step.covered);
      for (const int32_t row : accepted) {
        nets_.level[row] = level;
        nets_.parent[row] = step.home[row];
        entering.push_back(row);
      }
      FindReachedCells(accepted, step);
      MoveRows(accepted, step);
      Monitor::Go(monitor_, static_cast<int64_t>(accepted.size()));
    }
    net_.insert(net_.end(), entering.begin(), entering.end());
  }

  Refinement StartRefinement(int32_t level) const {
    Refinement step;
    step.covered = Metric::NearnessAt(nets_.Radius(level));
    step.cells = GatherCells();
    step.home = owner_;
    const auto num_cells = static_cast<int64_t>(net_.size());
    step.reach.resize(num_cells);
    step.reached_by.resize(num_cells);
    for (int64_t c = 0; c < num_cells; ++c) {
      const int64_t begin = step.cells.begin[c];
      const int64_t end = step.cells.begin[c + 1];
      double furthest = kInfinity;
      for (int64_t i = begin; i < end; ++i) {
        const int32_t row = step.cells.rows[i];
        if (nets_.level[row] >= 0) continue;
        furthest = std::min(furthest, nearness_[row]);
        if (nearness_[row] < step.covered) step.uncovered.push_back(row);
      }
      step.reach[c] = Reach(furthest);
      for (int64_t i = begin; i < end; i += kTileWidth) {
        step.pieces.push_back({c, i, std::min(i + kTileWidth, end)});
      }
    }
    std::sort(step.uncovered.begin(), step.uncovered.end());
    return step;
  }

  Cells GatherCells() const {
    const int64_t n = metric_.size();
    const auto num_cells = static_cast<int64_t>(net_.size());
    std::vector<int32_t> cell_of(n);
    for (int64_t c = 0; c < num_cells; ++c) {
      cell_of[net_[c]] = static_cast<int32_t>(c);
    }
    const auto cell = [&](int64_t row) {
      return cell_of[nets_.level[row] >= 0 ? row : owner_[row]];
    };
    Cells cells;
    cells.begin.assign(num_cells + 1, 0);
    for (int64_t row = 0; row < n; ++row) ++cells.begin[cell(row) + 1];
    std::partial_sum(cells.begin.begin(), cells.begin.end(),
                     cells.begin.begin());
    std::vector<int32_t> next(cells.begin.begin(), cells.begin.end() - 1);
    cells.rows.resize(n);
    for (int64_t row = 0; row < n; ++row) {
      cells.rows[next[cell(row)]++] = static_cast<int32_t>(row);
    }
    return cells;
  }

  // Returns the nearness at twice the radius of a cell whose furthest row has
  // this nearness; infinity, which nothing reaches, for a cell without rows.
  static double Reach(double furthest) {
    if (furthest == kInfinity) return kInfinity;
    return Metric::NearnessAt(2 * (1 + kRadiusSlack) *
                              Metric::RadiusAt(furthest));
  }

  // Returns the next rows that are still uncovered, from number `next` of
  // `step.uncovered` on, and moves `next` behind them.
  std::vector<int32_t> NextBatch(const Refinement& step, size_t& next) const {
    std::vector<int32_t> batch;
    while (next < step.uncovered.size() && batch.size() < kMaxBatch) {
      const int32_t row = step.uncovered[next++];
      if (nearness_[row] < step.covered) batch.push_back(row);
    }
    return batch;
  }

  // Returns the rows of `batch`, in order, that no earlier one of them covers.
  std::vector<int32_t> Independent(const std::vector<int32_t>& batch,
                                   double covered) {
    TileScratch& scratch = scratch_[0];
    EvaluateTile(metric_, batch, Candidates::List(batch), scratch);
    uint64_t taken = 0;
    std::vector<int32_t> accepted;
    for (size_t i = 0; i < batch.size(); ++i) {
      bool free = true;
      for (size_t j = 0; j < i && free; ++j) {
        free = !(taken >> j & 1) ||
               Metric::Nearness(scratch.squared[i * kTileWidth + j],
                                metric_.InverseNorm(batch[i]),
                                metric_.InverseNorm(batch[j])) < covered;
      }
      if (!free) continue;
      taken |= uint64_t{1} << i;
      accepted.push_back(batch[i]);
    }
    return accepted;
  }

  // Compares the new net points with the centers of the cells: bit i of
  // `step.reached_by` says that accepted[i] may take rows of the cell.
  void FindReachedCells(const std::vector<int32_t>& accepted,
                        Refinement& step) {
    const auto num_cells = static_cast<int64_t>(net_.size());
    ParallelFor(threads_, NumTiles(num_cells), [&](int64_t task, int worker) {
      if (!Monitor::Go(monitor_)) return;
      const int64_t first = task * kTileWidth;
      const absl::Span<const int32_t> centers =
          absl::MakeConstSpan(net_).subspan(first, kTileWidth);
      std::fill_n(step.reached_by.begin() + first, centers.size(), 0);
      ForTile(metric_, accepted, Candidates::List(centers), scratch_[worker],
              [&](int i, int j, double nearness) {
                if (nearness > step.reach[first + j]) {
                  step.reached_by[first + j] |= uint64_t{1} << i;
                }
              });
    });
  }

  // Gives the rows of the reached cells to new net points that are nearer.
  void MoveRows(const std::vector<int32_t>& accepted, const Refinement& step) {
    ParallelFor(threads_, static_cast<int64_t>(step.pieces.size()),
                [&](int64_t task, int worker) {
                  if (!Monitor::Go(monitor_)) return;
                  const Piece& piece = step.pieces[task];
                  const uint64_t mask = step.reached_by[piece.cell];
                  if (mask == 0) return;
                  std::vector<int32_t> from;
                  for (size_t i = 0; i < accepted.size(); ++i) {
                    if (mask >> i & 1) from.push_back(accepted[i]);
                  }
                  const absl::Span<const int32_t> rows =
                      absl::MakeConstSpan(step.cells.rows)
                          .subspan(piece.begin, piece.end - piece.begin);
                  ForTile(metric_, from, Candidates::List(rows),
                          scratch_[worker], [&](int i, int j, double nearness) {
                            const int32_t row = rows[j];
                            if (nearness > nearness_[row]) {
                              nearness_[row] = nearness;
                              owner_[row] = from[i];
                            }
                          });
                });
  }

  const Metric& metric_;
  const int threads_;
  Monitor* const monitor_;
  const int64_t min_net_;  // refinement stops at a net of this size
  std::vector<TileScratch> scratch_;
  NetHierarchy nets_;
  std::vector<int32_t> net_;      // C_l, in the order of entering
  std::vector<double> nearness_;  // of a row to its net point
  std::vector<int32_t> owner_;    // a row's nearest net point
};

// Appends to `nodes`, which holds some nodes, all nodes below them.
void AppendDescendants(const CoverTree& tree, std::vector<int32_t>& nodes) {
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (int32_t s = tree.first_segment[nodes[i]]; s != -1;
         s = tree.segments[s].next) {
      const absl::Span<const int32_t> more = tree.Children(tree.segments[s]);
      nodes.insert(nodes.end(), more.begin(), more.end());
    }
  }
}

}  // namespace

template <class Metric>
NetHierarchy BuildNets(const Metric& metric, const CoverTreeConfig& config,
                       int threads, Monitor* monitor) {
  return NetBuilder<Metric>(metric, config, threads, monitor).Build();
}

template <class Metric>
std::vector<typename Metric::Ball> MeasureBalls(const Metric& metric,
                                                const CoverTree& tree,
                                                int threads,
                                                int64_t* distance_evaluations,
                                                Monitor* monitor) {
  using Ball = typename Metric::Ball;
  std::vector<Ball> balls(tree.segments.size());
  std::vector<TileScratch> scratch =
      MakeScratch(threads, metric.dim(), /*max_queries=*/1);
  std::vector<std::vector<int32_t>> below(threads);
  // The ball of each segment's own children and of all that is below them.
  ParallelFor(
      threads, static_cast<int64_t>(balls.size()), monitor,
      [&](int64_t index, int worker) {
        const CoverTree::Segment& segment = tree.segments[index];
        const absl::Span<const int32_t> children = tree.Children(segment);
        std::vector<int32_t>& nodes = below[worker];
        nodes.assign(children.begin(), children.end());
        AppendDescendants(tree, nodes);
        Ball& ball = balls[index];
        const int32_t center[] = {segment.node};
        for (size_t first = 0; first < nodes.size(); first += kTileWidth) {
          const absl::Span<const int32_t> some =
              absl::MakeConstSpan(nodes).subspan(first, kTileWidth);
          ForTile(metric, center, Candidates::List(some), scratch[worker],
                  [&](int, int j, double nearness) {
                    Metric::Include(nearness, metric.InverseNorm(some[j]),
                                    ball);
                  });
        }
      });
  if (distance_evaluations != nullptr) {
    *distance_evaluations += SumEvaluations(scratch);
  }
  // A segment's ball covers the node's later segments too. They are in the
  // order of their levels, and so of their numbers.
  for (size_t index = balls.size(); index-- > 0;) {
    const int32_t next = tree.segments[index].next;
    if (next != -1) Metric::Include(balls[next], balls[index]);
  }
  return balls;
}

template NetHierarchy BuildNets(const ResidualCorrelation&,
                                const CoverTreeConfig&, int, Monitor*);
template NetHierarchy BuildNets(const EuclideanDistance&,
                                const CoverTreeConfig&, int, Monitor*);
template std::vector<ResidualCorrelation::Ball> MeasureBalls(
    const ResidualCorrelation&, const CoverTree&, int, int64_t*, Monitor*);
template std::vector<EuclideanDistance::Ball> MeasureBalls(
    const EuclideanDistance&, const CoverTree&, int, int64_t*, Monitor*);

}  // namespace rct
