// Selection of the k nearest and its floor, on one thread: 32,768 squared
// distances of one query that were just computed, k = 50.
//
//     ./tools/bazel run //traversal:selection_benchmark --
//         --benchmark_report_aggregates_only=true
//
// The floor is reading the distances once, from a buffer of the same size. What
// enters the heap has no floor of its own: `entries` says how many do. See
// docs/experiments.md for the table.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/random.h"
#include "benchmark/benchmark.h"
#include "metric/machine_peak.h"
#include "metric/simd_routines.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

constexpr int64_t kCandidates = 32768;
constexpr int64_t kNeighbors = 50;
constexpr int kTile = 512;  // candidates of one call

int64_t Select(const double* t, KnnHeap& heap, int32_t* hits) {
  const SimdRoutines& simd = BestSimdRoutines();
  int64_t entries = 0;
  for (int64_t first = 0; first < kCandidates; first += kTile) {
    const int found =
        simd.select_at_most(t + first, kTile, heap.threshold(), hits);
    for (int h = 0; h < found; ++h) {
      const double squared = t[first + hits[h]];
      if (squared > heap.threshold()) continue;
      heap.Offer(squared, first + hits[h]);
      ++entries;
    }
  }
  return entries;
}

void Run(benchmark::State& state, bool warm, bool descending) {
  AlignedBuffer<double> t(kCandidates);
  RandomStream random(7, 0);
  for (double& squared : t) squared = 0.5 + 0.5 * random.Uniform();
  if (descending) std::sort(t.begin(), t.end(), std::greater<>());
  std::vector<int32_t> hits(kTile + 8);
  KnnHeap heap;
  NeighborTable table(1, kNeighbors);
  int64_t entries = 0;
  for (auto _ : state) {
    heap.Reset(kNeighbors);
    if (warm) {
      for (int64_t j = 0; j < kNeighbors; ++j) heap.Offer(0.25, -1 - j);
    }
    entries = Select(t.data(), heap, hits.data());
    heap.MoveTo(table, 0);
    benchmark::ClobberMemory();
  }
  const int64_t bytes = kCandidates * static_cast<int64_t>(sizeof(double));
  ReportReading(state, static_cast<double>(bytes), bytes);
  state.counters["entries"] = static_cast<double>(entries);
}

// The kth distance is known: nothing enters.
void BM_SelectNone(benchmark::State& state) { Run(state, true, false); }
BENCHMARK(BM_SelectNone)->Apply(BestOfRepetitions);

// As search meets them.
void BM_SelectShuffled(benchmark::State& state) { Run(state, false, false); }
BENCHMARK(BM_SelectShuffled)->Apply(BestOfRepetitions);

// The farthest first: everything enters.
void BM_SelectDescending(benchmark::State& state) { Run(state, false, true); }
BENCHMARK(BM_SelectDescending)->Apply(BestOfRepetitions);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
