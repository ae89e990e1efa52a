#include "heuristics/skeleton_bound/skeleton_searcher.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "heuristics/skeleton_bound/block_skeletons.h"
#include "heuristics/skeleton_bound/correlation_tile.h"
#include "heuristics/skeleton_bound/filter_kernels.h"
#include "heuristics/skeleton_bound/skeleton_bounds.h"
#include "heuristics/skeleton_bound/skeleton_tables.h"
#include "metric/kernel.h"
#include "metric/point_lanes.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/simd_kernels.h"
#include "metric/tile.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// Queries of one block that are searched together.
constexpr int kTaskQueries = 256;

// Queries that are projected on all skeletons together.
constexpr int64_t kProjectedQueries = 64;

// Candidates that a query may keep at any time: evaluating more of them one by
// one would cost as much as evaluating all points in tiles.
constexpr int kMostKept = 1984;

// Rows with fewer predecessors are searched densely, which is faster.
constexpr int64_t kFewRows = 2048;

// With room for whole vectors. A list of every query's stays below the size
// from which buffers take huge pages, most of which would never be used.
constexpr int64_t kKeptStride = kMostKept + 2 * kPanel;
static_assert(kTaskQueries * kKeptStride * sizeof(float) < 1 << 21);

// Theta is raised when a query has kept so many more.
constexpr int kNewBeforeTheta = 8;

// Panels of points that are filtered between two looks at that number.
constexpr int kPanelsAtOnce = 16;

// Candidates of one exact tile.
constexpr int kExactTile = 128;

constexpr int64_t kSmallestBlock = 32;
constexpr int64_t kLargestBlock = 8192;

// The residual field has about m cells: with n / m points in a cell a block of
// this size covers a few of them, fewer where they are full.
int64_t AutomaticBlockSize(int64_t n, int64_t m) {
  const double ratio = static_cast<double>(n) / std::max<double>(1.0, m);
  const auto size = static_cast<uint64_t>(32 * std::sqrt(ratio));
  return std::clamp<int64_t>(std::bit_floor(size + size / 3),
                             2 * kSmallestBlock, kLargestBlock / 4);
}

double AutomaticResidual(KernelFamily family) {
  return family == KernelFamily::kRbf ? 0.04 : 0.07;
}

// A batch that no index should slow down.
constexpr int64_t kSmallBatch = 1024;

// Blocks that are looked at before anything is decided.
constexpr int64_t kSampleBlocks = 8;

// At most one in so many of the points may be in no block: they are evaluated
// for every query.
constexpr int64_t kLoosePart = 64;

// Skeletons that leave more than this dismiss nothing.
constexpr double kLargestResidual = 0.25;

// What is left over for exhaustive search: queries, candidates and tiles that
// are searched together. Candidates are split as well as queries, since often
// only a handful of queries is left.
constexpr int64_t kDenseQueries = 128;
constexpr int64_t kDenseChunk = 8160;
constexpr int kDenseTile = 120;

struct DenseWorker {
  explicit DenseWorker(int64_t dim)
      : tiles(dim, kDenseQueries, kDenseTile),
        squared(kDenseQueries * kDenseTile),
        hits(kDenseTile + 8),
        heaps(kDenseQueries),
        positions(kDenseQueries) {
    std::fill(squared.begin(), squared.end(), 0.0);
  }

  TileWorkspace tiles;
  AlignedBuffer<double> squared;
  std::vector<int32_t> hits;
  std::vector<KnnHeap> heaps;
  std::vector<int32_t> positions;
  int64_t evaluations = 0;
  int64_t filtered = 0;
};

}  // namespace

// What the forms cost, in multiply-adds at the rate of exhaustive search. The
// constants are from measurements: an exact evaluation of few candidates takes
// several times what it takes in a tile, and the filter grows with the rank.
class SkeletonCosts {
 public:
  SkeletonCosts(const ResidualCorrelation& metric, double mean_rank,
                double total_rank)
      : points_(static_cast<double>(metric.size())),
        width_(static_cast<double>(metric.point_width())),
        mean_rank_(mean_rank),
        total_rank_(total_rank) {}

  double dense(int64_t queries) const {
    return static_cast<double>(queries) * points_ * width_;
  }
  double skeletons() const {
    return points_ * mean_rank_ * (1.5 * width_ + mean_rank_);
  }
  double tables() const {
    return total_rank_ * (total_rank_ / 2 * (width_ + 2 * mean_rank_) +
                          points_ * mean_rank_ / 2);
  }
  double by_tables(int64_t queries) const {
    return static_cast<double>(queries) * (400 + 12 * mean_rank_) * width_;
  }
  double by_projections(int64_t queries) const {
    return by_tables(queries) + static_cast<double>(queries) * total_rank_ *
                                    (1.2 * width_ + mean_rank_);
  }

  // The form for so many queries, with or without the skeletons still to make.
  SkeletonBoundConfig::Form Cheapest(int64_t queries, bool build) const {
    const double made = build ? skeletons() : 0;
    const double tables_cost = made + tables() + by_tables(queries);
    const double projections_cost = made + by_projections(queries);
    // Exhaustive search is what the estimates are surest of.
    if (std::min(tables_cost, projections_cost) > 0.9 * dense(queries)) {
      return SkeletonBoundConfig::DENSE;
    }
    return tables_cost < projections_cost ? SkeletonBoundConfig::TABLES
                                          : SkeletonBoundConfig::PROJECTIONS;
  }

 private:
  double points_;
  double width_;
  double mean_rank_;
  double total_rank_;
};

absl::Status ValidateSkeletonBoundConfig(const SkeletonBoundConfig& config) {
  if (config.form() == SkeletonBoundConfig::FORM_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        "heuristics.skeleton_bound.form: not given; choose AUTO, TABLES, "
        "PROJECTIONS or DENSE");
  }
  const int32_t size = config.block_size();
  if (size != 0 && (size < kSmallestBlock || size > kLargestBlock ||
                    !std::has_single_bit(static_cast<uint32_t>(size)))) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.skeleton_bound.block_size: is ", size,
                     "; must be a power of two from ", kSmallestBlock, " to ",
                     kLargestBlock, ", or 0"));
  }
  if (!(config.rms_residual() >= 0) || !(config.rms_residual() < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.skeleton_bound.rms_residual: is ",
                     config.rms_residual(), "; must be from 0 to below 1"));
  }
  if (config.expected_queries() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.skeleton_bound.expected_queries: is ",
                     config.expected_queries(), "; must not be negative"));
  }
  return absl::OkStatus();
}

struct SkeletonSearcher::Task {
  int block;
  absl::Span<const int32_t> queries;  // at most kTaskQueries
};

// Scratch space of one thread.
struct SkeletonSearcher::Worker {
  // Without tables, for projections.
  Worker(const ResidualCorrelation& metric, const BlockSkeletons& skeletons,
         const SkeletonTables* tables, int64_t k)
      : tables(tables),
        query_points(kTaskQueries, metric.dim()),
        rhs(RoundUpToLanes(skeletons.max_rank()) * kTaskQueries),
        row(std::max<int64_t>(kTaskQueries, skeletons.max_rank()) + 8),
        w(int64_t{kTaskQueries} * skeletons.max_rank()),
        y(int64_t{kPanel} * skeletons.max_rank()),
        cone_masks(kPanel * (skeletons.block_size() / kPanel / kPanel + 1)),
        panels(skeletons.block_size() / kPanel),
        upper(kTaskQueries * kKeptStride),
        lower(upper.size()),
        kept_row(upper.size()),
        middle(kKeptStride),
        exact(kExactTile),
        tiles(metric.dim(), 1, kExactTile),
        squared(kExactTile),
        hits(kExactTile + 8),
        k(k) {
    if (tables == nullptr) {
      projected =
          AlignedBuffer<float>(kProjectedQueries * skeletons.total_rank());
      projected_e =
          AlignedBuffer<float>(kProjectedQueries * skeletons.num_blocks());
      projected_length = AlignedBuffer<float>(projected_e.size());
      seen.resize(skeletons.num_blocks());
      block_order.resize(skeletons.num_blocks());
      std::fill(projected.begin(), projected.end(), 0.0f);
      std::fill(projected_e.begin(), projected_e.end(), 0.0f);
      std::fill(projected_length.begin(), projected_length.end(), 0.0f);
    }
    ids.reserve(kTaskQueries);
    heap.Reset(k);
    std::fill(w.begin(), w.end(), 0.0f);
    std::fill(squared.begin(), squared.end(), 0.0);
  }

  // The queries of the task, by panels: coordinates in their own skeleton and
  // what bounds need of them.
  const SkeletonTables* const tables;
  int count = 0;
  int block = 0;
  TilePoints query_points;
  std::vector<int32_t> ids;
  AlignedBuffer<double> rhs;
  AlignedBuffer<double> row;
  AlignedBuffer<float> w;
  alignas(64) float e[kTaskQueries] = {};
  alignas(64) float norm[kTaskQueries] = {};
  alignas(64) float squared_length[kTaskQueries] = {};
  alignas(64) float theta[kTaskQueries] = {};
  int64_t row_of[kTaskQueries];    // for the constraints, or kNoNeighbor
  int32_t position[kTaskQueries];  // among the skeletons' positions, or -1
  int32_t self[kTaskQueries];      // own row in the data, or -1
  int32_t number[kTaskQueries];    // of the query
  // Of one panel, in one block.
  alignas(64) float length[kPanel] = {};
  alignas(64) float outside[kPanel] = {};
  double squares[kTaskQueries];
  bool hard[kTaskQueries];
  KeptPoints kept[kTaskQueries];
  int kept_at_theta[kTaskQueries];

  AlignedBuffer<float> y;
  std::vector<uint32_t> cone_masks;
  std::vector<int32_t> panels;

  // What each query keeps.
  AlignedBuffer<float> upper;
  AlignedBuffer<float> lower;
  AlignedBuffer<int32_t> kept_row;

  AlignedBuffer<float> middle;
  std::vector<int32_t> exact;
  TileWorkspace tiles;
  AlignedBuffer<double> squared;
  std::vector<int32_t> hits;
  KnnHeap heap;
  const int64_t k;

  // Coordinates, e and lengths of the queries in all blocks, and how much of
  // the queries each block sees.
  AlignedBuffer<float> projected;
  AlignedBuffer<float> projected_e;
  AlignedBuffer<float> projected_length;
  std::vector<float> seen;
  std::vector<int32_t> block_order;

  std::vector<int32_t> hard_queries;
  int64_t evaluations = 0;
  int64_t filtered = 0;
  int64_t pruned = 0;
};

SkeletonSearcher::SkeletonSearcher(
    std::shared_ptr<const ResidualCorrelation> metric,
    const SkeletonBoundConfig& config)
    : Searcher(metric, RowOrder::Natural(metric->size())),
      config_(config),
      exhaustive_(metric) {}

absl::StatusOr<std::unique_ptr<const SkeletonSearcher>>
SkeletonSearcher::Create(std::shared_ptr<const ResidualCorrelation> metric,
                         const SkeletonBoundConfig& config, int threads,
                         const SlackScale& scale) {
  RCT_CHECK(metric->rounding().has_value());
  RCT_RETURN_IF_ERROR(ValidateSkeletonBoundConfig(config));
  RCT_RETURN_IF_ERROR(metric->rounding()->Validate());
  std::unique_ptr<SkeletonSearcher> searcher(
      new SkeletonSearcher(std::move(metric), config));
  searcher->Build(threads, scale);
  return searcher;
}

std::unique_ptr<const SkeletonSearcher> SkeletonSearcher::Restore(
    std::shared_ptr<const ResidualCorrelation> metric,
    const SkeletonBoundConfig& config, SkeletonBoundConfig::Form form,
    std::unique_ptr<const BlockSkeletons> skeletons,
    std::unique_ptr<const SkeletonTables> tables) {
  std::unique_ptr<SkeletonSearcher> searcher(
      new SkeletonSearcher(std::move(metric), config));
  searcher->skeletons_ = std::move(skeletons);
  searcher->tables_ = std::move(tables);
  if (searcher->skeletons_ != nullptr) searcher->Use(form);
  return searcher;
}

void SkeletonSearcher::Build(int threads, const SlackScale& scale) {
  if (config_.form() == SkeletonBoundConfig::DENSE || metric().size() == 0) {
    return;
  }
  SkeletonOptions options;
  options.block_size =
      config_.block_size() > 0
          ? config_.block_size()
          : AutomaticBlockSize(metric().size(), metric().data().v.cols());
  options.rms_residual = config_.rms_residual() > 0
                             ? config_.rms_residual()
                             : AutomaticResidual(metric().kernel().family());
  options.scale = scale;
  SpacePartition partition =
      BlockSkeletons::Partition(metric(), options, threads);
  SkeletonBoundConfig::Form form = config_.form();
  if (form == SkeletonBoundConfig::AUTO) {
    const auto stride = static_cast<int>(
        std::max<int64_t>(1, partition.num_blocks() / kSampleBlocks));
    const BlockSkeletons sample(metric(), options, partition, threads, stride);
    if (sample.median_residual() > kLargestResidual) return;
    form = FormAtBuild(SkeletonCosts(
        metric(), sample.mean_rank(),
        sample.mean_rank() * static_cast<double>(partition.num_blocks())));
    if (form == SkeletonBoundConfig::DENSE) return;
  }
  skeletons_ = std::make_unique<BlockSkeletons>(metric(), options,
                                                std::move(partition), threads);
  if (form == SkeletonBoundConfig::TABLES) {
    tables_ = std::make_unique<SkeletonTables>(metric(), *skeletons_,
                                               config_.norm_table(), threads);
  }
  const auto loose = static_cast<int64_t>(skeletons_->loose_rows().size());
  if (!skeletons_->sound() || loose > metric().size() / kLoosePart ||
      (tables_ != nullptr && !tables_->sound())) {
    skeletons_ = nullptr;
    tables_ = nullptr;
    return;
  }
  Use(form);
}

// Requires skeletons.
void SkeletonSearcher::Use(SkeletonBoundConfig::Form form) {
  no_gap_.assign(kPanel, 0);
  no_gaps_.assign(skeletons_->block_size(), 0);
  form_ = form;
}

SkeletonBoundConfig::Form SkeletonSearcher::FormAtBuild(
    const SkeletonCosts& costs) const {
  if (config_.expected_queries() > 0) {
    return costs.Cheapest(config_.expected_queries(), /*build=*/true);
  }
  if (costs.Cheapest(metric().size(), /*build=*/true) ==
      SkeletonBoundConfig::DENSE) {
    return SkeletonBoundConfig::DENSE;
  }
  // Tables that a small batch pays for are made at once. Larger ones are left
  // to the calls that have queries enough.
  return costs.tables() < costs.dense(kSmallBatch) ? SkeletonBoundConfig::TABLES
                                                   : SkeletonBoundConfig::AUTO;
}

int64_t SkeletonSearcher::build_evaluations() const {
  return (skeletons_ ? skeletons_->evaluations() : 0) +
         (tables_ ? tables_->evaluations() : 0);
}

int64_t SkeletonSearcher::bytes() const {
  return (skeletons_ ? skeletons_->bytes() : 0) +
         (tables_ ? tables_->bytes() : 0);
}

void SkeletonSearcher::Search(const Request& request, NeighborTable& neighbors,
                              SearchStatistics& statistics) const {
  SearchCounters& counters = statistics.counters;
  const bool own = &request.from == &metric().data();
  const int64_t k = std::min(request.options.k, metric().size());
  SkeletonBoundConfig::Form form = form_;
  if (form == SkeletonBoundConfig::AUTO) {
    form = SkeletonCosts(metric(), skeletons_->mean_rank(),
                         static_cast<double>(skeletons_->total_rank()))
               .Cheapest(request.num_queries(), /*build=*/false);
  }
  std::unique_ptr<const SkeletonTables> made;
  const SkeletonTables* tables = tables_.get();
  if (form == SkeletonBoundConfig::TABLES && tables == nullptr &&
      4 * k <= kMostKept) {
    made = std::make_unique<SkeletonTables>(
        metric(), *skeletons_, config_.norm_table(), request.options.threads);
    tables = made.get();
    if (!tables->sound()) form = SkeletonBoundConfig::DENSE;
  }
  if (form == SkeletonBoundConfig::DENSE || 4 * k > kMostKept) {
    SearchExhaustively(request, neighbors, counters);
    return;
  }
  std::vector<std::pair<int32_t, int32_t>> by_place;  // position, query
  std::vector<int32_t> hard;
  for (int32_t i = 0; i < request.num_queries(); ++i) {
    int32_t place = -1;
    const int32_t point = request.positions[i];
    if (own) {
      place = skeletons_->position(point);
    } else if (skeletons_->slack().Tau(request.from.inverse_sqrt[point]) <=
               kLargestTau) {
      place = static_cast<int32_t>(
          skeletons_
              ->block(static_cast<int>(skeletons_->partition().Locate(
                  request.from.points.row(point))))
              .first);
    }
    // So few rows are evaluated sooner than filtered.
    if (request.options.predecessor && request.rows[i] < kFewRows) {
      place = -1;
    }
    if (place < 0) {
      hard.push_back(i);
    } else {
      by_place.emplace_back(place, i);
    }
  }
  std::sort(by_place.begin(), by_place.end());

  std::vector<int32_t> order(by_place.size());
  std::vector<Task> tasks;
  const bool projects = form == SkeletonBoundConfig::PROJECTIONS;
  for (size_t i = 0; i < by_place.size();) {
    const int64_t block = by_place[i].first / skeletons_->block_size();
    const size_t first = i;
    const size_t most = projects ? kProjectedQueries : kTaskQueries;
    for (; i < by_place.size() && i - first < most &&
           (projects || by_place[i].first / skeletons_->block_size() == block);
         ++i) {
      order[i] = by_place[i].second;
    }
    tasks.push_back({static_cast<int>(block),
                     absl::MakeConstSpan(order).subspan(first, i - first)});
  }

  const int64_t num_tasks = static_cast<int64_t>(tasks.size());
  const int num_workers =
      static_cast<int>(std::min<int64_t>(request.options.threads, num_tasks));
  std::vector<std::unique_ptr<Worker>> workers;
  for (int w = 0; w < num_workers; ++w) {
    workers.push_back(std::make_unique<Worker>(metric(), *skeletons_,
                                               projects ? nullptr : tables, k));
  }
  ParallelFor(num_workers, num_tasks, [&](int64_t task, int worker) {
    SearchTask(request, tasks[task], *workers[worker], neighbors);
  });
  int64_t evaluations = made == nullptr ? 0 : made->evaluations();
  int64_t filtered = 0, pruned = 0;
  for (const auto& worker : workers) {
    hard.insert(hard.end(), worker->hard_queries.begin(),
                worker->hard_queries.end());
    evaluations += worker->evaluations;
    filtered += worker->filtered;
    pruned += worker->pruned;
  }
  counters.set_distance_evaluations(evaluations);
  counters.set_predecessor_filtered(filtered);
  counters.set_prunes_lower_bound(pruned);
  std::sort(hard.begin(), hard.end(), [&](int32_t a, int32_t b) {
    return std::pair(request.rows[a], a) < std::pair(request.rows[b], b);
  });
  SearchDensely(request, hard, neighbors, counters);
}

void SkeletonSearcher::SearchExhaustively(const Request& request,
                                          NeighborTable& neighbors,
                                          SearchCounters& counters) const {
  SearchResult result;
  if (&request.from == &metric().data()) {
    const std::vector<int64_t> rows(request.positions.begin(),
                                    request.positions.end());
    result = exhaustive_.SearchRows(rows, request.options);
  } else {
    result = exhaustive_.SearchPoints(request.from, request.options);
  }
  neighbors = std::move(result.neighbors);
  counters = std::move(result.counters);
}

void SkeletonSearcher::SearchDensely(const Request& request,
                                     absl::Span<const int32_t> queries,
                                     NeighborTable& neighbors,
                                     SearchCounters& counters) const {
  const int64_t count = static_cast<int64_t>(queries.size());
  if (count == 0) return;
  const int64_t n = metric().size();
  const int64_t k = std::min(request.options.k, n);
  const int64_t num_chunks = (n + kDenseChunk - 1) / kDenseChunk;
  // Queries of a group meet the same candidates: where only earlier rows count,
  // the last row of a group is not far from its first.
  struct DenseTask {
    int64_t first;  // of the group's queries
    int64_t chunk;
    absl::Span<const int32_t> group;
    int64_t end;  // of the candidates
  };
  std::vector<DenseTask> tasks;
  for (int64_t first = 0; first < count;) {
    int64_t last = first;
    int64_t end = n;
    const int64_t left = count - first;
    const int64_t rounds = (left + kDenseQueries - 1) / kDenseQueries;
    const int64_t most = (left + rounds - 1) / rounds;
    while (last < count && last - first < most) {
      const int64_t row = request.rows[queries[last]];
      if (request.options.predecessor) {
        if (row > 2 * request.rows[queries[first]] + kDenseTile) break;
        end = row;
      }
      ++last;
    }
    for (int64_t chunk = 0; chunk * kDenseChunk < end; ++chunk) {
      tasks.push_back({first, chunk, queries.subspan(first, last - first),
                       std::min(end, (chunk + 1) * kDenseChunk)});
    }
    first = last;
  }
  const int64_t num_tasks = static_cast<int64_t>(tasks.size());
  const int num_workers =
      static_cast<int>(std::min<int64_t>(request.options.threads, num_tasks));
  std::vector<DenseWorker> workers;
  workers.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) workers.emplace_back(metric().dim());
  // The nearest of each chunk, one chunk's queries after another's.
  NeighborTable nearest(num_chunks * count, k);
  ParallelFor(num_workers, num_tasks, [&](int64_t number, int index) {
    DenseWorker& worker = workers[index];
    const DenseTask& task = tasks[number];
    const absl::Span<const int32_t> some = task.group;
    const int size = static_cast<int>(some.size());
    for (int i = 0; i < size; ++i) {
      worker.heaps[i].Reset(k);
      worker.positions[i] = request.positions[some[i]];
    }
    for (int64_t c = task.chunk * kDenseChunk; c < task.end; c += kDenseTile) {
      const Candidates candidates = Candidates::Range(
          static_cast<int32_t>(c),
          static_cast<int>(std::min<int64_t>(kDenseTile, task.end - c)));
      metric().SquaredDistances(
          request.from, absl::MakeConstSpan(worker.positions).first(size),
          candidates, worker.squared.data(), kDenseTile, worker.tiles);
      worker.evaluations += int64_t{size} * candidates.size();
      for (int i = 0; i < size; ++i) {
        OfferTileRow(worker.squared.data() + int64_t{i} * kDenseTile,
                     candidates, request.rows[some[i]], request.options,
                     worker.heaps[i], worker.hits.data(), worker.filtered);
      }
    }
    for (int i = 0; i < size; ++i) {
      worker.heaps[i].MoveTo(nearest, task.chunk * count + task.first + i);
    }
  });

  std::vector<std::pair<double, int64_t>> merged;
  for (int64_t i = 0; i < count; ++i) {
    merged.clear();
    for (int64_t chunk = 0; chunk < num_chunks; ++chunk) {
      const int64_t from = chunk * count + i;
      for (int64_t j = 0; j < k && nearest.rows()(from, j) != kNoNeighbor;
           ++j) {
        merged.emplace_back(nearest.distances()(from, j),
                            nearest.rows()(from, j));
      }
    }
    std::sort(merged.begin(), merged.end());
    const auto found = std::min(k, static_cast<int64_t>(merged.size()));
    for (int64_t j = 0; j < found; ++j) {
      neighbors.distances()(queries[i], j) = merged[j].first;
      neighbors.rows()(queries[i], j) = merged[j].second;
    }
  }
  for (const DenseWorker& worker : workers) {
    counters.set_distance_evaluations(counters.distance_evaluations() +
                                      worker.evaluations);
    counters.set_predecessor_filtered(counters.predecessor_filtered() +
                                      worker.filtered);
  }
}

void SkeletonSearcher::LoadQueries(const Request& request, const Task& task,
                                   Worker& worker) const {
  const bool own = &request.from == &metric().data();
  worker.count = static_cast<int>(task.queries.size());
  worker.block = task.block;
  worker.ids.clear();
  for (int i = 0; i < worker.count; ++i) {
    const int32_t query = task.queries[i];
    const int32_t point = request.positions[query];
    worker.ids.push_back(point);
    worker.number[i] = query;
    worker.row_of[i] = request.rows[query];
    worker.self[i] = own ? point : -1;
    worker.position[i] = own ? skeletons_->position(point) : -1;
    worker.hard[i] = false;
    const int64_t at = i * kKeptStride;
    KeptPoints& kept = worker.kept[i];
    kept = {worker.upper.data() + at, worker.lower.data() + at,
            worker.kept_row.data() + at, 0, 0};
    worker.kept_at_theta[i] = 0;
    worker.theta[i] = -std::numeric_limits<float>::infinity();
    // By definition at distance 0, whatever the rounding of others.
    if (own && !request.options.exclude_self && !request.options.predecessor) {
      kept.upper[0] = kept.lower[0] = 1;
      kept.row[0] = point;
      kept.size = 1;
    }
  }
}

void SkeletonSearcher::LoadCoordinates(Worker& worker) const {
  const BlockSkeletons& skeletons = *skeletons_;
  const BlockSkeletons::Block& block = skeletons.block(worker.block);
  const float* points = skeletons.points(worker.block, nullptr).w;
  for (int i = 0; i < worker.count; ++i) {
    const int64_t position = worker.position[i];
    const int64_t place = position - block.first;
    const float* from =
        points + place / kPanel * kPanel * block.rank + place % kPanel;
    float* w = worker.w.data() + int64_t{i / kPanel} * kPanel * block.rank +
               i % kPanel;
    for (int c = 0; c < block.rank; ++c) w[kPanel * c] = from[kPanel * c];
    worker.e[i] = skeletons.e()[position];
    worker.norm[i] = skeletons.norm()[position];
    worker.squared_length[i] = skeletons.squared_length()[position];
  }
}

void SkeletonSearcher::Project(const Request& request, int block_index,
                               float* panels, float* e, float* norm,
                               float* squared_length, Worker& worker) const {
  const BlockSkeletons& skeletons = *skeletons_;
  const BlockSkeletons::Block& block = skeletons.block(block_index);
  const int count = worker.count;
  const int64_t stride = RoundUpToLanes(count);
  double* rhs = worker.rhs.data();
  CorrelationTile(metric(), skeletons.members(), block.skeleton, block.rank,
                  worker.query_points, 0, count, rhs, stride,
                  worker.row.data());
  worker.evaluations += int64_t{count} * block.rank;
  for (int64_t c = 0; c < RoundUpToLanes(block.rank); ++c) {
    const int64_t known = c < block.rank ? count : 0;
    std::fill(rhs + c * stride + known, rhs + (c + 1) * stride, 0.0);
  }
  skeletons.Solve(block_index, stride, stride, rhs);
  for (int i = 0; i < count; ++i) worker.squares[i] = 0;
  for (int c = 0; c < block.rank; ++c) {
    for (int i = 0; i < count; ++i) {
      const double x = rhs[c * stride + i];
      panels[(int64_t{i / kPanel} * block.rank + c) * kPanel + i % kPanel] =
          static_cast<float>(x);
      worker.squares[i] += x * x;
    }
  }
  for (int i = 0; i < count; ++i) {
    const double whole =
        1 + skeletons.slack().Tau(request.from.inverse_sqrt[worker.ids[i]]);
    const double squared = worker.squares[i];
    e[i] = RoundUp(std::sqrt(std::max(0.0, whole - squared)));
    norm[i] = RoundUp(std::sqrt(whole));
    squared_length[i] = RoundUp(squared);
    if (!(squared <= 1.01 * whole)) worker.hard[i] = true;
  }
}

template <class Visit>
void SkeletonSearcher::VisitPanels(const Request& request, int block,
                                   const Worker& worker, Visit visit) const {
  for (int first = 0; first < worker.count; first += kPanel) {
    uint32_t lanes = 0;
    for (int l = 0; l < kPanel && first + l < worker.count; ++l) {
      const int i = first + l;
      const bool wanted =
          !worker.hard[i] &&
          !(request.options.predecessor &&
            skeletons_->block(block).min_row >= worker.row_of[i]);
      lanes |= static_cast<uint32_t>(wanted) << l;
    }
    if (lanes != 0) visit(first, lanes);
  }
}

void SkeletonSearcher::SearchTask(const Request& request, const Task& task,
                                  Worker& worker,
                                  NeighborTable& neighbors) const {
  LoadQueries(request, task, worker);
  if (worker.tables != nullptr) {
    const bool own = &request.from == &metric().data();
    if (own) {
      LoadCoordinates(worker);
    } else {
      worker.query_points.Assign(request.from, worker.ids);
      Project(request, task.block, worker.w.data(), worker.e, worker.norm,
              worker.squared_length, worker);
    }
    SearchOwnBlock(request, worker);
    for (const int32_t block : worker.tables->order(task.block)) {
      SearchByTable(request, block, own && worker.tables->has_gaps(), worker);
    }
  } else {
    worker.query_points.Assign(request.from, worker.ids);
    SearchByProjection(request, worker);
  }
  for (int i = 0; i < worker.count; ++i) {
    worker.filtered += worker.kept[i].filtered;
    if (worker.hard[i]) {
      worker.hard_queries.push_back(worker.number[i]);
    } else {
      Evaluate(request, i, worker, neighbors);
    }
  }
}

void SkeletonSearcher::SearchOwnBlock(const Request& request,
                                      Worker& worker) const {
  const BlockSkeletons::Block& block = skeletons_->block(worker.block);
  VisitPanels(request, worker.block, worker, [&](int first, uint32_t lanes) {
    alignas(64) float length[kPanel];
    for (int l = 0; l < kPanel; ++l) {
      length[l] = std::sqrt(worker.squared_length[first + l]);
    }
    const QueryPanel queries = {
        worker.w.data() + int64_t{first} * block.rank,
        length,
        worker.e + first,
        no_gap_.data(),
        worker.theta + first,
        RoundUp(skeletons_->slack().Product(block.rank))};
    FilterBlock(request, worker.block, first, lanes, queries, nullptr,
                no_gaps_.data(), worker);
  });
}

SkeletonSearcher::Passage SkeletonSearcher::PassageTo(
    int to, const Worker& worker) const {
  const int from = worker.block;
  const BlockSkeletons& skeletons = *skeletons_;
  const BlockSkeletons::Block& target = skeletons.block(to);
  const BlockSkeletons::Block& source = skeletons.block(from);
  const double norm = worker.tables->norm(to, from);
  const double gap_slack =
      skeletons.slack().Gap(source.rank, target.rank, norm);
  return {to,
          worker.tables->far(to, from),
          worker.tables->norm(to, from),
          worker.tables->table(to, from),
          {target.length, target.e, worker.tables->block_gap(from, to)},
          RoundUp(skeletons.slack().Product(source.rank, target.rank, norm)),
          gap_slack,
          RoundUp(2 * gap_slack + 8 * kFloatRoundoff)};
}

uint32_t SkeletonSearcher::FilterPanel(const Passage& passage, int first,
                                       uint32_t lanes, bool has_gaps,
                                       Worker& worker, float* squared) const {
  const FilterKernels& filter = skeletons_->filter();
  alignas(64) uint16_t gap[kPanel] = {};
  if (has_gaps) {
    const uint16_t* gaps = worker.tables->gaps(passage.to);
    for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
      const int l = std::countr_zero(rest);
      gap[l] = gaps[worker.position[first + l]];
    }
  } else {
    for (int l = 0; l < kPanel; ++l) {
      const double left =
          static_cast<double>(worker.squared_length[first + l]) -
          static_cast<double>(squared[l]);
      gap[l] = RoundGap(std::max(0.0, left) + passage.gap_slack);
    }
  }
  filter.gap_terms(gap, worker.squared_length + first, worker.e + first,
                   worker.norm + first, passage.both_gap_slacks, worker.length,
                   worker.outside);
  return lanes & filter.filter_block(TableQueries(passage, first, worker),
                                     passage.lengths);
}

uint32_t SkeletonSearcher::FilterFar(const Passage& passage, int first,
                                     uint32_t lanes, Worker& worker) const {
  for (int l = 0; l < kPanel; ++l) {
    worker.length[l] =
        passage.norm * std::sqrt(worker.squared_length[first + l]);
    worker.outside[l] = worker.norm[first + l];
  }
  return lanes & skeletons_->filter().filter_block(
                     TableQueries(passage, first, worker), passage.lengths);
}

QueryPanel SkeletonSearcher::TableQueries(const Passage& passage, int first,
                                          const Worker& worker) const {
  return {worker.y.data(),  worker.length,        worker.outside,
          worker.e + first, worker.theta + first, passage.slack};
}

void SkeletonSearcher::SearchByTable(const Request& request, int block_index,
                                     bool has_gaps, Worker& worker) const {
  const BlockSkeletons& skeletons = *skeletons_;
  const BlockSkeletons::Block& block = skeletons.block(block_index);
  const BlockSkeletons::Block& from = skeletons.block(worker.block);
  const Passage passage = PassageTo(block_index, worker);
  VisitPanels(request, block_index, worker, [&](int first, uint32_t lanes) {
    alignas(64) float squared[kPanel];
    const auto project = [&] {
      skeletons.filter().project(passage.table.data, passage.table.row_stride,
                                 passage.table.column_stride, block.rank,
                                 from.rank,
                                 worker.w.data() + int64_t{first} * from.rank,
                                 worker.y.data(), squared);
    };
    uint32_t passed = lanes;
    if (passage.far) passed = FilterFar(passage, first, lanes, worker);
    const bool from_table = has_gaps && !passage.far;
    if (passed != 0) {
      if (!from_table) project();
      passed = FilterPanel(passage, first, passed, from_table, worker, squared);
    }
    worker.pruned += std::popcount(lanes) - std::popcount(passed);
    if (passed == 0) return;
    if (from_table) project();
    FilterBlock(request, block_index, first, passed,
                TableQueries(passage, first, worker),
                worker.tables->cone_gaps(worker.block) + block.first / kPanel,
                worker.tables->gaps(worker.block) + block.first, worker);
  });
}

void SkeletonSearcher::SearchByProjection(const Request& request,
                                          Worker& worker) const {
  const BlockSkeletons& skeletons = *skeletons_;
  const int num_blocks = skeletons.num_blocks();
  // Block b has its panels from kProjectedQueries times its first member on.
  std::vector<float>& seen = worker.seen;
  std::vector<int32_t>& order = worker.block_order;
  for (int b = 0; b < num_blocks; ++b) {
    float* panels = worker.projected.data() +
                    kProjectedQueries * skeletons.block(b).skeleton;
    float* e = worker.projected_e.data() + kProjectedQueries * b;
    float* length = worker.projected_length.data() + kProjectedQueries * b;
    Project(request, b, panels, e, worker.norm, length, worker);
    seen[b] = 0;
    order[b] = b;
    for (int i = 0; i < worker.count; ++i) {
      seen[b] += length[i];
      length[i] = RoundUp(std::sqrt(static_cast<double>(length[i])));
    }
  }
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return seen[a] != seen[b] ? seen[a] > seen[b] : a < b;
  });
  for (const int32_t b : order) {
    const BlockSkeletons::Block& block = skeletons.block(b);
    VisitPanels(request, b, worker, [&](int first, uint32_t lanes) {
      const QueryPanel queries = {
          worker.projected.data() + kProjectedQueries * block.skeleton +
              int64_t{first} * block.rank,
          worker.projected_length.data() + kProjectedQueries * b + first,
          worker.projected_e.data() + kProjectedQueries * b + first,
          no_gap_.data(),
          worker.theta + first,
          RoundUp(skeletons.slack().Product(block.rank))};
      const uint32_t passed = lanes & skeletons.filter().filter_block(
                                          queries, {block.length, block.e, 0});
      worker.pruned += std::popcount(lanes) - std::popcount(passed);
      if (passed == 0) return;
      FilterBlock(request, b, first, passed, queries, no_gaps_.data(),
                  no_gaps_.data(), worker);
    });
  }
}

void SkeletonSearcher::FilterBlock(const Request& request, int block_index,
                                   int first, uint32_t lanes,
                                   const QueryPanel& queries,
                                   const uint16_t* cone_gaps,
                                   const uint16_t* gaps, Worker& worker) const {
  const BlockSkeletons& skeletons = *skeletons_;
  const FilterKernels& filter = skeletons.filter();
  const BlockSkeletons::Block& block = skeletons.block(block_index);
  const int num_panels = skeletons.num_panels(block_index);
  const int num_cones = skeletons.num_cone_panels(block_index);
  const bool cones = config_.sub_blocks() && cone_gaps != nullptr;
  if (cones) {
    filter.filter_cones(queries, lanes, skeletons.cones(block_index, cone_gaps),
                        num_cones, worker.cone_masks.data());
  }
  const PointPanels points = skeletons.points(block_index, gaps);
  const bool predecessor = request.options.predecessor;
  for (; lanes != 0; lanes &= lanes - 1) {
    const int l = std::countr_zero(lanes);
    const int i = first + l;
    const int32_t row_limit =
        predecessor ? static_cast<int32_t>(worker.row_of[i]) : kNoRow;
    int count = 0;
    for (int p = 0; p < num_cones; ++p) {
      const int left = num_panels - p * kPanel;
      uint32_t mask = left < kPanel ? (1u << left) - 1 : 0xffffu;
      if (cones) mask &= worker.cone_masks[l * num_cones + p];
      for (; mask != 0; mask &= mask - 1) {
        const int cone = p * kPanel + std::countr_zero(mask);
        worker.panels[count] = cone;
        count += static_cast<int>(
            !predecessor ||
            skeletons.cone_min_row(block.first / kPanel + cone) < row_limit);
      }
    }
    KeptPoints& kept = worker.kept[i];
    for (int c = 0; c < count; c += kPanelsAtOnce) {
      const int some = std::min(kPanelsAtOnce, count - c);
      if (kept.size + some * kPanel > kMostKept) {
        RaiseTheta(i, worker);
        if (kept.size + some * kPanel > kMostKept) {
          worker.hard[i] = true;
          break;
        }
      }
      filter.filter_points(queries, l, points, worker.panels.data() + c, some,
                           row_limit, worker.self[i], kept);
    }
    if (kept.size - worker.kept_at_theta[i] >= kNewBeforeTheta) {
      RaiseTheta(i, worker);
    }
  }
}

void SkeletonSearcher::RaiseTheta(int query, Worker& worker) const {
  const FilterKernels& filter = skeletons_->filter();
  KeptPoints& kept = worker.kept[query];
  float& theta = worker.theta[query];
  const float known = filter.threshold(
      kept.lower, kept.size, static_cast<int>(worker.k), std::max(0.0f, theta));
  if (known >= 0) {
    theta = std::max(theta, skeletons_->slack().Theta(known));
    filter.drop_below(theta, kept);
  }
  worker.kept_at_theta[query] = kept.size;
}

void SkeletonSearcher::Evaluate(const Request& request, int query,
                                Worker& worker,
                                NeighborTable& neighbors) const {
  RaiseTheta(query, worker);
  const KeptPoints& kept = worker.kept[query];
  for (int j = 0; j < kept.size; ++j) {
    worker.middle[j] = 0.5f * (kept.upper[j] + kept.lower[j]);
  }
  // The k best, or a few more.
  const float best = skeletons_->filter().threshold(
      worker.middle.data(), kept.size, static_cast<int>(worker.k), 0);
  KnnHeap& heap = worker.heap;
  heap.Reset(worker.k);
  const int32_t point = request.positions[worker.number[query]];
  int count = 0;
  const auto evaluate = [&] {
    const Candidates candidates =
        Candidates::List(absl::MakeConstSpan(worker.exact).first(count));
    metric().SquaredDistances(request.from, absl::MakeConstSpan(&point, 1),
                              candidates, worker.squared.data(), kExactTile,
                              worker.tiles);
    OfferTileRow(worker.squared.data(), candidates, worker.row_of[query],
                 request.options, heap, worker.hits.data(), worker.filtered);
    worker.evaluations += count;
    count = 0;
  };
  const auto add = [&](int32_t row) {
    worker.exact[count++] = row;
    if (count == kExactTile) evaluate();
  };
  for (int j = 0; j < kept.size; ++j) {
    if (worker.middle[j] >= best) add(kept.row[j]);
  }
  for (const int32_t row : skeletons_->loose_rows()) add(row);
  if (count > 0) evaluate();
  const float theta =
      skeletons_->slack().Theta(RoundDown(1 - heap.threshold()));
  for (int j = 0; j < kept.size; ++j) {
    if (!(worker.middle[j] >= best) && kept.upper[j] >= theta) {
      add(kept.row[j]);
    }
  }
  if (count > 0) evaluate();
  heap.MoveTo(neighbors, worker.number[query]);
}

}  // namespace rct
