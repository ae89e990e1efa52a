// The cost of Fresh() for one node, in batches that ask for each node once: in
// the order of memory, and in random order.

#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/types/span.h"
#include "base/random.h"
#include "benchmark/benchmark.h"
#include "heuristics/masked_dedupe/masked_dedupe.h"

namespace rct {
namespace {

void BM_Fresh(benchmark::State& state) {
  const bool random = state.range(0) != 0;
  std::vector<int32_t> nodes(state.range(1));
  std::iota(nodes.begin(), nodes.end(), 0);
  if (random) {
    RandomStream stream(1, 0);
    Shuffle(absl::MakeSpan(nodes), stream);
  }
  MaskedDedupe dedupe = *MaskedDedupe::Create({}, state.range(1));
  for (auto _ : state) {
    dedupe.StartBatch();
    for (const int32_t node : nodes) {
      benchmark::DoNotOptimize(dedupe.Fresh(node, 0x5555));
    }
  }
  state.counters["call"] =
      benchmark::Counter(static_cast<double>(nodes.size()),
                         benchmark::Counter::kIsIterationInvariantRate |
                             benchmark::Counter::kInvert);
}
BENCHMARK(BM_Fresh)
    ->ArgNames({"random", "nodes"})
    ->ArgsProduct({{0, 1}, {1 << 15, 1 << 20}});

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
