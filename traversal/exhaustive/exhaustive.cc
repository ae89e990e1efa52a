#include "traversal/exhaustive/exhaustive.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/counters.h"
#include "traversal/exhaustive/query_batch.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// The number of candidates of a tile: whole register tiles and whole vectors.
constexpr int kCandidateTile = 120;

// The number of candidates of a chunk. Candidates are split into chunks where
// there are so few queries that threads would idle.
constexpr int64_t kCandidateChunk = 68 * kCandidateTile;

// How the work is cut; it follows from the request alone.
struct Cut {
  int query_batch;
  int64_t num_chunks;
  int64_t chunk;
};

template <class Metric>
Cut CutOf(const Metric& metric, int64_t num_queries, int64_t k) {
  const int64_t n = metric.size();
  const int64_t fit =
      QueriesThatFit(metric.point_width() * int64_t{sizeof(double)});
  // Each chunk has its own neighbors, to be merged: they should be few.
  if (num_queries <= 4 * fit && k <= kCandidateChunk / 4) {
    const int64_t batches = (num_queries + fit - 1) / fit;
    const int64_t chunks = (n + kCandidateChunk - 1) / kCandidateChunk;
    const int64_t tiles = (n + kCandidateTile - 1) / kCandidateTile;
    return {static_cast<int>((num_queries + batches - 1) / batches), chunks,
            (tiles + chunks - 1) / chunks * kCandidateTile};
  }
  return {static_cast<int>(BatchSize(num_queries, fit, /*step=*/4)), 1, n};
}

// Row c count + i of `nearest` holds what chunk c has for query queries[i].
void MergeChunks(const NeighborTable& nearest,
                 absl::Span<const int32_t> queries, int64_t num_chunks,
                 NeighborTable& neighbors) {
  const auto count = static_cast<int64_t>(queries.size());
  std::vector<std::pair<double, int64_t>> found;
  for (int64_t i = 0; i < count; ++i) {
    found.clear();
    for (int64_t chunk = 0; chunk < num_chunks; ++chunk) {
      const int64_t from = chunk * count + i;
      for (int64_t j = 0;
           j < nearest.k() && nearest.rows()(from, j) != kNoNeighbor; ++j) {
        found.emplace_back(nearest.distances()(from, j),
                           nearest.rows()(from, j));
      }
    }
    std::sort(found.begin(), found.end());
    const auto most = std::min(nearest.k(), static_cast<int64_t>(found.size()));
    for (int64_t j = 0; j < most; ++j) {
      neighbors.distances()(queries[i], j) = found[j].first;
      neighbors.rows()(queries[i], j) = found[j].second;
    }
  }
}

}  // namespace

// Queries [first, last) against candidates [begin, end).
template <class Metric>
struct ExhaustiveSearcher<Metric>::Task {
  int64_t first;
  int64_t last;
  int64_t begin;
  int64_t end;
  int64_t chunk;
};

// The work of a request: its queries in the order in which they are taken, and
// the tasks that threads share.
template <class Metric>
struct ExhaustiveSearcher<Metric>::Plan {
  Cut cut;
  std::vector<int32_t> by_position;
  std::vector<Task> tasks;
  int64_t num_tiles = 0;
};

template <class Metric>
struct ExhaustiveSearcher<Metric>::Worker {
  Worker(int64_t dim, int query_batch)
      : tiles(dim, query_batch, kCandidateTile),
        squared(query_batch * kCandidateTile),
        hits(kCandidateTile + 8),
        heaps(query_batch),
        positions(query_batch) {
    std::fill(squared.begin(), squared.end(), 0.0);
  }

  TileWorkspace tiles;
  AlignedBuffer<double> squared;
  std::vector<int32_t> hits;
  std::vector<KnnHeap> heaps;
  std::vector<int32_t> positions;
  int64_t evaluations = 0;
  int64_t filtered = 0;
  int64_t pushes = 0;
  SearchTrace trace;
};

template <class Metric>
ExhaustiveSearcher<Metric>::ExhaustiveSearcher(
    std::shared_ptr<const Metric> metric)
    : Searcher<Metric>(metric, RowOrder::Natural(metric->size())) {}

template <class Metric>
void ExhaustiveSearcher<Metric>::SearchSome(
    const Request& request, absl::Span<const int32_t> queries,
    NeighborTable& neighbors, SearchStatistics& statistics) const {
  if (queries.empty()) return;
  Searcher<Metric>::SearchSome(request, queries, neighbors, statistics);
  SearchCounters given;
  given.set_exhaustive_queries(static_cast<int64_t>(queries.size()));
  AddCounters(given, statistics.counters);
}

template <class Metric>
typename ExhaustiveSearcher<Metric>::Plan ExhaustiveSearcher<Metric>::PlanOf(
    const Request& request) const {
  const SearchOptions& options = request.options;
  const int64_t num_queries = request.num_queries();
  const int64_t size = this->metric().size();
  Plan plan;
  plan.cut = CutOf(this->metric(), num_queries, std::min(options.k, size));
  plan.by_position = this->QueriesByPosition(request);
  const Cut& cut = plan.cut;
  plan.tasks.reserve(cut.num_chunks *
                     ((num_queries + cut.query_batch - 1) / cut.query_batch));
  for (int64_t first = 0; first < num_queries; first += cut.query_batch) {
    const int64_t last = std::min(num_queries, first + cut.query_batch);
    // Batches of queries by row end early where only earlier rows count.
    const int64_t end =
        options.predecessor ? request.rows[plan.by_position[last - 1]] : size;
    // A batch without candidates has a task as well, which finds nothing.
    int64_t begin = 0;
    do {
      const Task task = {first, last, begin, std::min(end, begin + cut.chunk),
                         begin / cut.chunk};
      plan.tasks.push_back(task);
      plan.num_tiles +=
          (task.end - task.begin + kCandidateTile - 1) / kCandidateTile;
      begin += cut.chunk;
    } while (begin < end);
  }
  // The longest first, so that no thread waits long for another.
  if (options.predecessor) std::reverse(plan.tasks.begin(), plan.tasks.end());
  return plan;
}

template <class Metric>
void ExhaustiveSearcher<Metric>::SearchTask(const Request& request,
                                            const Task& task,
                                            absl::Span<const int32_t> queries,
                                            Worker& worker) const {
  const SearchOptions& options = request.options;
  const auto timed = [&](double& seconds) {
    return ScopedSeconds{options.telemetry ? &seconds : nullptr};
  };
  const auto all_timed = timed(worker.trace.descent_seconds);
  const int64_t k = std::min(options.k, this->metric().size());
  const int count = static_cast<int>(queries.size());
  for (int i = 0; i < count; ++i) {
    worker.heaps[i].Reset(k, options.radius);
    worker.positions[i] = request.positions[queries[i]];
  }
  int first = 0;  // the queries before it have had all their predecessors
  for (int64_t c = task.begin; c < task.end; c += kCandidateTile) {
    if (!Monitor::Go(options.monitor, 1)) break;
    while (options.predecessor && request.rows[queries[first]] <= c) ++first;
    const int left = count - first;
    const Candidates candidates = Candidates::Range(
        static_cast<int32_t>(c),
        static_cast<int>(std::min<int64_t>(kCandidateTile, task.end - c)));
    {
      const auto evaluation_timed = timed(worker.trace.evaluation_seconds);
      this->metric().SquaredDistances(
          request.from,
          absl::MakeConstSpan(worker.positions).subspan(first, left),
          candidates, worker.squared.data(), kCandidateTile, worker.tiles);
    }
    const auto selection_timed = timed(worker.trace.selection_seconds);
    const int64_t evaluations = int64_t{left} * candidates.size();
    int64_t survivors = 0;
    for (int i = first; i < count; ++i) {
      survivors += this->OfferTileRow(
          worker.squared.data() + (i - first) * kCandidateTile, candidates,
          request.rows[queries[i]], options, worker.heaps[i],
          worker.hits.data(), worker.filtered);
    }
    worker.evaluations += evaluations;
    worker.pushes += survivors;
    if (options.telemetry) {
      worker.trace.AddTile(/*index=*/0, candidates.size(), evaluations,
                           survivors);
    }
  }
}

template <class Metric>
void ExhaustiveSearcher<Metric>::Search(const Request& request,
                                        NeighborTable& neighbors,
                                        SearchStatistics& statistics) const {
  const SearchOptions& options = request.options;
  const int64_t num_queries = request.num_queries();
  const Plan plan = PlanOf(request);
  const Cut& cut = plan.cut;
  const auto num_tasks = static_cast<int64_t>(plan.tasks.size());
  const Monitor::Part part(options.monitor, /*share=*/1, plan.num_tiles);
  const int num_workers =
      static_cast<int>(std::min<int64_t>(options.threads, num_tasks));
  std::vector<Worker> workers;
  workers.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    workers.emplace_back(this->metric().dim(), cut.query_batch);
  }
  // Where candidates are split, the nearest of each chunk: those of query i of
  // chunk c are row c num_queries + i.
  NeighborTable nearest;
  if (cut.num_chunks > 1) {
    nearest = NeighborTable(cut.num_chunks * num_queries,
                            std::min(options.k, this->metric().size()));
  }
  ParallelFor(num_workers, num_tasks, [&](int64_t number, int worker_index) {
    if (!Monitor::Go(options.monitor)) return;
    Worker& worker = workers[worker_index];
    const Task& task = plan.tasks[number];
    const absl::Span<const int32_t> queries =
        absl::MakeConstSpan(plan.by_position)
            .subspan(task.first, task.last - task.first);
    SearchTask(request, task, queries, worker);
    for (size_t i = 0; i < queries.size(); ++i) {
      if (cut.num_chunks == 1) {
        worker.heaps[i].MoveTo(neighbors, queries[i]);
      } else {
        worker.heaps[i].MoveTo(nearest, task.chunk * num_queries + task.first +
                                            static_cast<int64_t>(i));
      }
    }
  });
  if (cut.num_chunks > 1) {
    MergeChunks(nearest, plan.by_position, cut.num_chunks, neighbors);
  }
  for (const Worker& worker : workers) {
    SearchCounters counters;
    counters.set_heap_pushes(worker.pushes);
    counters.set_distance_evaluations(worker.evaluations);
    counters.set_predecessor_filtered(worker.filtered);
    AddCounters(counters, statistics.counters);
    statistics.trace.Add(worker.trace);
  }
}

template class ExhaustiveSearcher<ResidualCorrelation>;
template class ExhaustiveSearcher<EuclideanDistance>;

}  // namespace rct
