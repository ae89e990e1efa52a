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

// Rows that try to become net points together, and rows that one tile compares
// them with.
constexpr int kBatch = 64;
constexpr int kTile = 240;

// Below this share of the root's radius, points count as duplicates of each
// other and are left to be leaves.
constexpr double kFinest = 1e-9;

// Rounding of a radius, in relative terms: far above what a cosine and its
// inverse lose, far below what would cost anything.
constexpr double kRadiusSlack = 1e-9;

template <class Metric>
class NetBuilder {
 public:
  NetBuilder(const Metric& metric, const CoverTreeConfig& config, int threads,
             Monitor* monitor)
      : metric_(metric),
        threads_(threads),
        monitor_(monitor),
        min_net_(metric.size() / config.leaf_size()),
        base_(config.base()) {
    for (int w = 0; w < threads; ++w) scratch_.emplace_back(metric.dim());
  }

  NetHierarchy Build() && {
    const int64_t n = metric_.size();
    nets_.base = base_;
    nets_.parent.assign(n, -1);
    nets_.level.assign(n, -1);
    nearness_.assign(n, -std::numeric_limits<double>::infinity());
    owner_.assign(n, 0);
    if (n == 0) return std::move(nets_);
    // Most evaluations are those of new net points.
    const Monitor::Part part(monitor_, /*share=*/1, std::min(min_net_, n));
    AddRoot();
    int32_t level = 0;
    while (static_cast<int64_t>(net_.size()) < std::min(min_net_, n) &&
           std::pow(base_, -level) > kFinest && nets_.root_radius > 0 &&
           Monitor::Go(monitor_)) {
      ++level;
      Refine(level);
    }
    nets_.leaf_level = level + 1;
    for (int64_t row = 0; row < n; ++row) {
      if (nets_.level[row] < 0) {
        nets_.level[row] = nets_.leaf_level;
        nets_.parent[row] = owner_[row];
      }
    }
    for (const Scratch& scratch : scratch_) {
      nets_.distance_evaluations += scratch.evaluations;
    }
    return std::move(nets_);
  }

 private:
  struct Scratch {
    explicit Scratch(int64_t dim)
        : tiles(dim, kBatch, kTile), squared(kBatch * kTile) {}
    TileWorkspace tiles;
    AlignedBuffer<double> squared;
    int64_t evaluations = 0;
  };

  // Calls use(query index, candidate row, nearness) for each pair of the tile.
  template <class Use>
  void ForTile(absl::Span<const int32_t> queries, Candidates candidates,
               Scratch& scratch, Use use) {
    metric_.SquaredDistances(metric_.data(), queries, candidates,
                             scratch.squared.data(), kTile, scratch.tiles);
    scratch.evaluations +=
        static_cast<int64_t>(queries.size()) * candidates.size();
    for (int i = 0; i < static_cast<int>(queries.size()); ++i) {
      const double norm = metric_.InverseNorm(queries[i]);
      for (int j = 0; j < candidates.size(); ++j) {
        const int32_t row = candidates[j];
        use(i, row,
            Metric::Nearness(scratch.squared[i * kTile + j], norm,
                             metric_.InverseNorm(row)));
      }
    }
  }

  void AddRoot() {
    const int64_t n = metric_.size();
    const int64_t tiles = (n + kTile - 1) / kTile;
    const std::vector<int32_t> root = {0};
    ParallelFor(threads_, tiles, [&](int64_t task, int worker) {
      const auto first = static_cast<int32_t>(task * kTile);
      const int count = static_cast<int>(std::min<int64_t>(kTile, n - first));
      ForTile(root, Candidates::Range(first, count), scratch_[worker],
              [&](int, int32_t row, double nearness) {
                nearness_[row] = nearness;
              });
    });
    nets_.level[0] = 0;
    net_ = {0};
    double furthest = std::numeric_limits<double>::infinity();
    for (int64_t row = 1; row < n; ++row) {
      furthest = std::min(furthest, nearness_[row]);
    }
    nets_.root_radius =
        n == 1 ? 0
               : std::min(Metric::kMaxRadius,
                          Metric::RadiusAt(furthest) * (1 + kRadiusSlack));
  }

  // Rows of each net point, in row order: the row of net_[c] and those that it
  // owns are cell_rows_[cell_begin_[c] .. cell_begin_[c + 1]).
  void GatherCells() {
    const int64_t n = metric_.size();
    const auto cells = static_cast<int64_t>(net_.size());
    std::vector<int32_t> cell_of(n);
    for (int64_t c = 0; c < cells; ++c) {
      cell_of[net_[c]] = static_cast<int32_t>(c);
    }
    cell_begin_.assign(cells + 1, 0);
    const auto cell = [&](int64_t row) {
      return cell_of[nets_.level[row] >= 0 ? row : owner_[row]];
    };
    for (int64_t row = 0; row < n; ++row) ++cell_begin_[cell(row) + 1];
    std::partial_sum(cell_begin_.begin(), cell_begin_.end(),
                     cell_begin_.begin());
    std::vector<int32_t> next(cell_begin_.begin(), cell_begin_.end() - 1);
    cell_rows_.resize(n);
    for (int64_t row = 0; row < n; ++row) {
      cell_rows_[next[cell(row)]++] = static_cast<int32_t>(row);
    }
  }

  void Refine(int32_t level) {
    const double covered = Metric::NearnessAt(nets_.Radius(level));
    GatherCells();
    const auto num_cells = static_cast<int64_t>(net_.size());
    // What a new net point must be nearer than to a cell's centre to matter.
    std::vector<double> reach(num_cells);
    std::vector<int32_t> uncovered;
    for (int64_t c = 0; c < num_cells; ++c) {
      double furthest = std::numeric_limits<double>::infinity();
      for (int32_t i = cell_begin_[c]; i < cell_begin_[c + 1]; ++i) {
        const int32_t row = cell_rows_[i];
        if (nets_.level[row] >= 0) continue;
        furthest = std::min(furthest, nearness_[row]);
        if (nearness_[row] < covered) uncovered.push_back(row);
      }
      reach[c] = furthest == std::numeric_limits<double>::infinity()
                     ? std::numeric_limits<double>::infinity()
                     : Metric::NearnessAt(2 * (1 + kRadiusSlack) *
                                          Metric::RadiusAt(furthest));
    }
    std::sort(uncovered.begin(), uncovered.end());
    // Work that is shared out: pieces of cells, each within one tile.
    struct Piece {
      int64_t cell;
      int64_t begin, end;  // in cell_rows_
    };
    std::vector<Piece> pieces;
    for (int64_t c = 0; c < num_cells; ++c) {
      const int64_t cell_end = cell_begin_[c + 1];
      for (int64_t i = cell_begin_[c]; i < cell_end; i += kTile) {
        pieces.push_back({c, i, std::min(i + kTile, cell_end)});
      }
    }
    const std::vector<int32_t> home = owner_;  // nearest of C_l
    const absl::Span<const int32_t> centers(net_.data(), num_cells);
    const int64_t center_tiles = (num_cells + kTile - 1) / kTile;
    std::vector<uint64_t> reached_by(num_cells);
    std::vector<int32_t> entering;

    for (size_t next = 0; next < uncovered.size();) {
      std::vector<int32_t> batch;
      while (next < uncovered.size() && batch.size() < kBatch) {
        const int32_t row = uncovered[next++];
        if (nearness_[row] < covered) batch.push_back(row);
      }
      if (!Monitor::Go(monitor_)) break;
      const std::vector<int32_t> accepted = Independent(batch, covered);
      for (const int32_t row : accepted) {
        nets_.level[row] = level;
        nets_.parent[row] = home[row];
        entering.push_back(row);
      }
      ParallelFor(threads_, center_tiles, [&](int64_t task, int worker) {
        if (!Monitor::Go(monitor_)) return;
        const int64_t first = task * kTile;
        const int64_t count = std::min<int64_t>(kTile, num_cells - first);
        std::fill_n(reached_by.begin() + first, count, 0);
        metric_.SquaredDistances(
            metric_.data(), accepted,
            Candidates::List(centers.subspan(first, count)),
            scratch_[worker].squared.data(), kTile, scratch_[worker].tiles);
        scratch_[worker].evaluations +=
            static_cast<int64_t>(accepted.size()) * count;
        for (size_t i = 0; i < accepted.size(); ++i) {
          for (int64_t c = 0; c < count; ++c) {
            const double nearness =
                Metric::Nearness(scratch_[worker].squared[i * kTile + c],
                                 metric_.InverseNorm(accepted[i]),
                                 metric_.InverseNorm(centers[first + c]));
            if (nearness > reach[first + c]) {
              reached_by[first + c] |= uint64_t{1} << i;
            }
          }
        }
      });
      ParallelFor(
          threads_, static_cast<int64_t>(pieces.size()),
          [&](int64_t task, int worker) {
            if (!Monitor::Go(monitor_)) return;
            const Piece& piece = pieces[task];
            const uint64_t mask = reached_by[piece.cell];
            if (mask == 0) return;
            std::vector<int32_t> from;
            for (size_t i = 0; i < accepted.size(); ++i) {
              if (mask >> i & 1) from.push_back(accepted[i]);
            }
            ForTile(from,
                    Candidates::List(
                        absl::MakeConstSpan(cell_rows_)
                            .subspan(piece.begin, piece.end - piece.begin)),
                    scratch_[worker], [&](int i, int32_t row, double nearness) {
                      if (nearness > nearness_[row]) {
                        nearness_[row] = nearness;
                        owner_[row] = from[i];
                      }
                    });
          });
      Monitor::Go(monitor_, static_cast<int64_t>(accepted.size()));
    }
    net_.insert(net_.end(), entering.begin(), entering.end());
  }

  // The rows of `batch`, in order, that no earlier one of them covers.
  std::vector<int32_t> Independent(const std::vector<int32_t>& batch,
                                   double covered) {
    metric_.SquaredDistances(metric_.data(), batch, Candidates::List(batch),
                             scratch_[0].squared.data(), kTile,
                             scratch_[0].tiles);
    scratch_[0].evaluations +=
        static_cast<int64_t>(batch.size()) * static_cast<int64_t>(batch.size());
    uint64_t taken = 0;
    std::vector<int32_t> accepted;
    for (size_t i = 0; i < batch.size(); ++i) {
      bool free = true;
      for (size_t j = 0; j < i && free; ++j) {
        free = !(taken >> j & 1) ||
               Metric::Nearness(scratch_[0].squared[i * kTile + j],
                                metric_.InverseNorm(batch[i]),
                                metric_.InverseNorm(batch[j])) < covered;
      }
      if (!free) continue;
      taken |= uint64_t{1} << i;
      accepted.push_back(batch[i]);
    }
    return accepted;
  }

  const Metric& metric_;
  const int threads_;
  Monitor* const monitor_;
  const int64_t min_net_;
  const double base_;
  std::vector<Scratch> scratch_;
  NetHierarchy nets_;
  std::vector<int32_t> net_;      // C_l, in the order of entering
  std::vector<double> nearness_;  // of a row to its net point
  std::vector<int32_t> owner_;    // a row's nearest net point
  std::vector<int32_t> cell_begin_;
  std::vector<int32_t> cell_rows_;
};

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
  struct Scratch {
    explicit Scratch(int64_t dim) : tiles(dim, 1, kTile), squared(kTile) {}
    TileWorkspace tiles;
    AlignedBuffer<double> squared;
    std::vector<int32_t> below;
    int64_t evaluations = 0;
  };
  std::vector<Scratch> scratch;
  for (int w = 0; w < threads; ++w) scratch.emplace_back(metric.dim());

  // Each segment by itself.
  ParallelFor(
      threads, static_cast<int64_t>(balls.size()), monitor,
      [&](int64_t index, int worker) {
        const CoverTree::Segment& segment = tree.segments[index];
        std::vector<int32_t>& below = scratch[worker].below;
        const absl::Span<const int32_t> children = tree.Children(segment);
        below.assign(children.begin(), children.end());
        for (size_t i = 0; i < below.size(); ++i) {
          for (int32_t s = tree.first_segment[below[i]]; s != -1;
               s = tree.segments[s].next) {
            const absl::Span<const int32_t> more =
                tree.Children(tree.segments[s]);
            below.insert(below.end(), more.begin(), more.end());
          }
        }
        scratch[worker].evaluations += static_cast<int64_t>(below.size());
        Ball& ball = balls[index];
        const int32_t center[] = {segment.node};
        const double center_norm = metric.InverseNorm(segment.node);
        for (size_t first = 0; first < below.size(); first += kTile) {
          const absl::Span<const int32_t> some =
              absl::MakeConstSpan(below).subspan(first, kTile);
          metric.SquaredDistances(metric.data(), center, Candidates::List(some),
                                  scratch[worker].squared.data(), kTile,
                                  scratch[worker].tiles);
          for (size_t j = 0; j < some.size(); ++j) {
            const double norm = metric.InverseNorm(some[j]);
            Metric::Include(
                Metric::Nearness(scratch[worker].squared[j], center_norm, norm),
                norm, ball);
          }
        }
      });
  if (distance_evaluations != nullptr) {
    for (const Scratch& each : scratch) {
      *distance_evaluations += each.evaluations;
    }
  }
  // All that remains from a segment on. A node's segments are in the order of
  // their levels, and so of their numbers.
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
