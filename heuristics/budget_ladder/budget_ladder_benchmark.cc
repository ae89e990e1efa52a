// The cost of AfterTile() for one query of a batch, while none of them stops
// and where all of them have stopped.

#include <array>
#include <cstdint>
#include <limits>

#include "benchmark/benchmark.h"
#include "heuristics/budget_ladder/budget_ladder.h"
#include "traversal/tree/slots.h"

namespace rct {
namespace {

void BM_AfterTile(benchmark::State& state) {
  const bool stopped = state.range(0) != 0;
  BudgetLadderConfig config;
  config.add_rung(stopped ? 1 : std::numeric_limits<int32_t>::max());
  BudgetLadder ladder = *BudgetLadder::Create(config);
  std::array<int32_t, kBatchQueries> evaluations;
  evaluations.fill(1);
  const TileYield yield{~QueryMask{0}, ~QueryMask{0}, evaluations.data(),
                        evaluations.data()};
  ladder.StartBatch();
  ladder.AfterTile(yield);
  for (auto _ : state) {
    ladder.AfterTile(yield);
    benchmark::DoNotOptimize(ladder.Stopped());
  }
  state.counters["query"] = benchmark::Counter(
      kBatchQueries, benchmark::Counter::kIsIterationInvariantRate |
                         benchmark::Counter::kInvert);
}
BENCHMARK(BM_AfterTile)->ArgName("stopped")->Arg(0)->Arg(1);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
