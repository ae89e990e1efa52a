// The cost of Widen() for one ball; a floor of 0.1 enlarges half of them.

#include <vector>

#include "base/random.h"
#include "benchmark/benchmark.h"
#include "heuristics/radius_floor/radius_floor.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"

namespace rct {
namespace {

constexpr double kFloor = 0.1;
constexpr int kBalls = 1024;

void Include(double radius, ResidualCorrelation::Ball& ball) {
  ResidualCorrelation::Include(ResidualCorrelation::NearnessAt(radius), 1,
                               ball);
}

void Include(double radius, EuclideanDistance::Ball& ball) {
  ball.radius = radius;
}

template <class Metric>
void BM_Widen(benchmark::State& state) {
  using Ball = typename Metric::Ball;
  RadiusFloorConfig config;
  config.set_floor_radians(kFloor);
  RadiusFloor floor = *RadiusFloor::Create(config);
  RandomStream stream(1, 0);
  std::vector<Ball> balls(kBalls);
  for (Ball& ball : balls) Include(2 * kFloor * stream.Uniform(), ball);
  for (auto _ : state) {
    for (Ball ball : balls) {
      floor.Widen(ball);
      benchmark::DoNotOptimize(ball);
    }
  }
  state.counters["call"] =
      benchmark::Counter(kBalls, benchmark::Counter::kIsIterationInvariantRate |
                                     benchmark::Counter::kInvert);
}
BENCHMARK(BM_Widen<ResidualCorrelation>);
BENCHMARK(BM_Widen<EuclideanDistance>);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
