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
#include "traversal/exhaustive/query_block.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// Candidates of a tile: whole register tiles and whole vectors.
constexpr int kCandidateBlock = 120;

// Where there are so few queries that threads would idle, candidates are split
// as well.
constexpr int64_t kCandidateChunk = 68 * kCandidateBlock;

// Queries [first, last) against candidates [begin, end).
struct Task {
  int64_t first;
  int64_t last;
  int64_t begin;
  int64_t end;
  int64_t chunk;
};

// How the work is cut; a matter of the request alone.
struct Cut {
  int query_block;
  int64_t num_chunks;
  int64_t chunk;
};

template <class Metric>
Cut CutOf(const Metric& metric, int64_t num_queries, int64_t k) {
  const int64_t n = metric.size();
  const int64_t fit =
      QueriesThatFit(metric.point_width() * int64_t{sizeof(double)});
  // Each chunk has its own neighbours, to be merged: they should be few.
  if (num_queries <= 4 * fit && k <= kCandidateChunk / 4) {
    const int64_t blocks = (num_queries + fit - 1) / fit;
    const int64_t chunks = (n + kCandidateChunk - 1) / kCandidateChunk;
    const int64_t tiles = (n + kCandidateBlock - 1) / kCandidateBlock;
    return {static_cast<int>((num_queries + blocks - 1) / blocks), chunks,
            (tiles + chunks - 1) / chunks * kCandidateBlock};
  }
  return {static_cast<int>(QueryBlock(num_queries, fit, /*step=*/4)), 1, n};
}

struct Worker {
  Worker(int64_t dim, int query_block)
      : tiles(dim, query_block, kCandidateBlock),
        squared(query_block * kCandidateBlock),
        hits(kCandidateBlock + 8),
        heaps(query_block),
        positions(query_block) {
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

template <class Metric>
ExhaustiveSearcher<Metric>::ExhaustiveSearcher(
    std::shared_ptr<const Metric> metric)
    : Searcher<Metric>(metric, RowOrder::Natural(metric->size())) {}

template <class Metric>
void ExhaustiveSearcher<Metric>::SearchSome(
    const Request& request, absl::Span<const int32_t> queries,
    NeighborTable& neighbors, SearchStatistics& statistics) const {
  if (queries.empty()) return;
  std::vector<int32_t> positions;
  std::vector<int64_t> rows;
  for (const int32_t query : queries) {
    positions.push_back(request.positions[query]);
    rows.push_back(request.rows[query]);
  }
  const SearchResult found =
      this->Run({request.from, positions, rows, request.options});
  for (size_t i = 0; i < queries.size(); ++i) {
    std::copy_n(found.neighbors.rows().row(i), neighbors.k(),
                neighbors.rows().row(queries[i]));
    std::copy_n(found.neighbors.distances().row(i), neighbors.k(),
                neighbors.distances().row(queries[i]));
  }
  SearchCounters& counters = statistics.counters;
  counters.set_exhaustive_queries(counters.exhaustive_queries() +
                                  static_cast<int64_t>(queries.size()));
  counters.set_distance_evaluations(counters.distance_evaluations() +
                                    found.counters.distance_evaluations());
  counters.set_predecessor_filtered(counters.predecessor_filtered() +
                                    found.counters.predecessor_filtered());
  counters.set_heap_pushes(counters.heap_pushes() +
                           found.counters.heap_pushes());
  statistics.trace.Add(found.trace);
}

template <class Metric>
void ExhaustiveSearcher<Metric>::Search(const Request& request,
                                        NeighborTable& neighbors,
                                        SearchStatistics& statistics) const {
  const Metric& metric = this->metric();
  const SearchOptions& options = request.options;
  const int64_t num_queries = request.num_queries();
  const int64_t k = std::min(options.k, metric.size());
  const Cut cut = CutOf(metric, num_queries, k);

  // Blocks of queries by row end early where only earlier rows count.
  const std::vector<int32_t> by_position = this->QueriesByPosition(request);
  std::vector<Task> tasks;
  tasks.reserve(cut.num_chunks *
                ((num_queries + cut.query_block - 1) / cut.query_block));
  for (int64_t first = 0; first < num_queries; first += cut.query_block) {
    const int64_t last = std::min(num_queries, first + cut.query_block);
    const int64_t end = options.predecessor
                            ? request.rows[by_position[last - 1]]
                            : metric.size();
    // A block without candidates has a task as well, which finds nothing.
    int64_t begin = 0;
    do {
      tasks.push_back({first, last, begin, std::min(end, begin + cut.chunk),
                       begin / cut.chunk});
      begin += cut.chunk;
    } while (begin < end);
  }
  // The longest first, so that no thread waits long for another.
  if (options.predecessor) std::reverse(tasks.begin(), tasks.end());
  const int64_t num_tasks = static_cast<int64_t>(tasks.size());
  int64_t num_tiles = 0;
  for (const Task& task : tasks) {
    num_tiles +=
        (task.end - task.begin + kCandidateBlock - 1) / kCandidateBlock;
  }
  Monitor* const monitor = options.monitor;
  const Monitor::Part part(monitor, /*share=*/1, num_tiles);
  const int num_workers =
      static_cast<int>(std::min<int64_t>(options.threads, num_tasks));
  std::vector<Worker> workers;
  workers.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    workers.emplace_back(metric.dim(), cut.query_block);
  }
  // Where candidates are split, the nearest of each chunk: those of query i of
  // chunk c are row c num_queries + i.
  NeighborTable nearest;
  if (cut.num_chunks > 1) {
    nearest = NeighborTable(cut.num_chunks * num_queries, k);
  }

  ParallelFor(num_workers, num_tasks, [&](int64_t number, int worker_index) {
    if (!Monitor::Go(monitor)) return;
    Worker& worker = workers[worker_index];
    const Task& task = tasks[number];
    const auto timed = [&](double& seconds) {
      return ScopedSeconds{options.telemetry ? &seconds : nullptr};
    };
    const auto all_timed = timed(worker.trace.descent_seconds);
    const absl::Span<const int32_t> queries =
        absl::MakeConstSpan(by_position)
            .subspan(task.first, task.last - task.first);
    const int count = static_cast<int>(queries.size());
    for (int i = 0; i < count; ++i) {
      worker.heaps[i].Reset(k, options.radius);
      worker.positions[i] = request.positions[queries[i]];
    }
    int first = 0;  // the queries before it have had all their predecessors
    for (int64_t c = task.begin; c < task.end; c += kCandidateBlock) {
      if (!Monitor::Go(monitor, 1)) break;
      while (options.predecessor && request.rows[queries[first]] <= c) ++first;
      const int left = count - first;
      const Candidates candidates = Candidates::Range(
          static_cast<int32_t>(c),
          static_cast<int>(std::min<int64_t>(kCandidateBlock, task.end - c)));
      {
        const auto evaluation_timed = timed(worker.trace.evaluation_seconds);
        metric.SquaredDistances(
            request.from,
            absl::MakeConstSpan(worker.positions).subspan(first, left),
            candidates, worker.squared.data(), kCandidateBlock, worker.tiles);
      }
      const auto selection_timed = timed(worker.trace.selection_seconds);
      const int64_t evaluations = int64_t{left} * candidates.size();
      int64_t survivors = 0;
      for (int i = first; i < count; ++i) {
        survivors += this->OfferTileRow(
            worker.squared.data() + (i - first) * kCandidateBlock, candidates,
            request.rows[queries[i]], options, worker.heaps[i],
            worker.hits.data(), worker.filtered);
      }
      worker.evaluations += evaluations;
      worker.pushes += survivors;
      if (options.telemetry) {
        worker.trace.AddBlock(/*index=*/0, candidates.size(), evaluations,
                              survivors);
      }
    }
    for (int i = 0; i < count; ++i) {
      if (cut.num_chunks == 1) {
        worker.heaps[i].MoveTo(neighbors, queries[i]);
      } else {
        worker.heaps[i].MoveTo(nearest,
                               task.chunk * num_queries + task.first + i);
      }
    }
  });
  if (cut.num_chunks > 1) {
    MergeChunks(nearest, by_position, cut.num_chunks, neighbors);
  }
  SearchCounters& counters = statistics.counters;
  for (const Worker& worker : workers) {
    counters.set_heap_pushes(counters.heap_pushes() + worker.pushes);
    counters.set_distance_evaluations(counters.distance_evaluations() +
                                      worker.evaluations);
    counters.set_predecessor_filtered(counters.predecessor_filtered() +
                                      worker.filtered);
    statistics.trace.Add(worker.trace);
  }
}

template class ExhaustiveSearcher<ResidualCorrelation>;
template class ExhaustiveSearcher<EuclideanDistance>;

}  // namespace rct
