// The cost of Candidates() for one tile, with all rungs alike.

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "benchmark/benchmark.h"
#include "heuristics/dynamic_block/dynamic_block.h"

namespace rct {
namespace {

constexpr int kCalls = 1024;

void BM_Candidates(benchmark::State& state) {
  DynamicBlock heuristic = *DynamicBlock::Create({});
  RandomStream stream(1, 0);
  std::vector<int64_t> active(kCalls);
  for (int64_t& pairs : active) {
    pairs = static_cast<int64_t>(stream.UniformBelow(32))
            << 2 * stream.UniformBelow(4);
  }
  for (auto _ : state) {
    for (const int64_t pairs : active) {
      benchmark::DoNotOptimize(heuristic.Candidates(pairs));
    }
  }
  state.counters["call"] =
      benchmark::Counter(kCalls, benchmark::Counter::kIsIterationInvariantRate |
                                     benchmark::Counter::kInvert);
}
BENCHMARK(BM_Candidates);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
