#include "traversal/exhaustive.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/parallel.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/knn_heap.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// Queries that are searched together. They take half a mebibyte, so that they
// stay in a second-level cache: the more there are, the less often the
// candidates are read. Blocks do not depend on the number of threads, and so
// counters do not either.
constexpr int kMinQueryBlock = 16;
constexpr int kMaxQueryBlock = 128;
constexpr int64_t kBlockDoubles = 512 * 1024 / sizeof(double);

// Candidates of a tile: whole register tiles and whole vectors.
constexpr int kCandidateBlock = 120;

// Blocks come in fours of equal size, so that two or four threads get equal
// shares.
template <class Metric>
int QueryBlock(const Metric& metric, int64_t num_queries) {
  const int64_t fit = std::clamp<int64_t>(kBlockDoubles / metric.point_width(),
                                          kMinQueryBlock, kMaxQueryBlock);
  const int64_t rounds = (num_queries + 4 * fit - 1) / (4 * fit);
  const int64_t share = (num_queries + 4 * rounds - 1) / (4 * rounds);
  return static_cast<int>(
      std::clamp<int64_t>((share + 3) / 4 * 4, kMinQueryBlock, fit));
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

}  // namespace

template <class Metric>
ExhaustiveSearcher<Metric>::ExhaustiveSearcher(
    std::shared_ptr<const Metric> metric)
    : Searcher<Metric>(metric, RowOrder::Natural(metric->size())) {}

template <class Metric>
void ExhaustiveSearcher<Metric>::Search(
    const typename Searcher<Metric>::Request& request, NeighborTable& neighbors,
    SearchStatistics& statistics) const {
  const Metric& metric = this->metric();
  const SearchOptions& options = request.options;
  const int64_t num_queries = request.num_queries();
  const int query_block = QueryBlock(metric, num_queries);
  const int64_t num_blocks = (num_queries + query_block - 1) / query_block;
  const int num_workers =
      static_cast<int>(std::min<int64_t>(options.threads, num_blocks));
  std::vector<Worker> workers;
  workers.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    workers.emplace_back(metric.dim(), query_block);
  }

  // Blocks of queries by row end early where only earlier rows count.
  const std::vector<int32_t> by_position = this->QueriesByPosition(request);

  ParallelFor(num_workers, num_blocks, [&](int64_t task, int worker_index) {
    Worker& worker = workers[worker_index];
    const auto timed = [&](double& seconds) {
      return ScopedSeconds(options.telemetry ? &seconds : nullptr);
    };
    const auto all_timed = timed(worker.trace.descent_seconds);
    const absl::Span<const int32_t> queries =
        absl::MakeConstSpan(by_position)
            .subspan(task * query_block, query_block);
    const int count = static_cast<int>(queries.size());
    for (int i = 0; i < count; ++i) {
      worker.heaps[i].Reset(std::min(options.k, metric.size()));
      worker.positions[i] = request.positions[queries[i]];
    }
    const int64_t end =
        options.predecessor ? request.rows[queries.back()] : metric.size();
    for (int64_t c = 0; c < end; c += kCandidateBlock) {
      const Candidates candidates = Candidates::Range(
          static_cast<int32_t>(c),
          static_cast<int>(std::min<int64_t>(kCandidateBlock, end - c)));
      {
        const auto evaluation_timed = timed(worker.trace.evaluation_seconds);
        metric.SquaredDistances(
            request.from, absl::MakeConstSpan(worker.positions).first(count),
            candidates, worker.squared.data(), kCandidateBlock, worker.tiles);
      }
      const auto selection_timed = timed(worker.trace.selection_seconds);
      const int64_t evaluations = int64_t{count} * candidates.size();
      int64_t survivors = 0;
      for (int i = 0; i < count; ++i) {
        survivors += this->OfferTileRow(
            worker.squared.data() + i * kCandidateBlock, candidates,
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
      worker.heaps[i].MoveTo(neighbors, queries[i]);
    }
  });
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
