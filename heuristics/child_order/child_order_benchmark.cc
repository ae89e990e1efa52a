// The cost of NearestFirst() for one frontier.

#include "benchmark/benchmark.h"
#include "heuristics/child_order/child_order.h"

namespace rct {
namespace {

void BM_NearestFirst(benchmark::State& state) {
  ChildOrder order = *ChildOrder::Create({});
  for (auto _ : state) {
    benchmark::DoNotOptimize(order.NearestFirst());
  }
}
BENCHMARK(BM_NearestFirst);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
