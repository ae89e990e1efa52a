#include "metric/machine_peak.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <map>
#include <vector>

#include "benchmark/benchmark.h"
#include "metric/simd_routines.h"

namespace rct {
namespace {

constexpr int kRuns = 25;
constexpr int kChains = 12;
constexpr int64_t kRounds = 4'000'000;

// kChains chains of kRounds on zeros. Assembly, for a compiler would have to be
// told which processor this is, and kept from changing what is measured.
#define RCT_CHAINS(instruction, vector)                                        \
  do {                                                                         \
    int64_t rounds = kRounds;                                                  \
    asm volatile(                                                              \
        "vzeroall\n"                                                           \
        "1:\n"                                                                 \
        ".irp chain,0,1,2,3,4,5,6,7,8,9,10,11\n" instruction " %%" vector      \
        "14,%%" vector "15,%%" vector                                          \
        "\\chain\n"                                                            \
        ".endr\n"                                                              \
        "dec %0\n"                                                             \
        "jnz 1b\n"                                                             \
        "vzeroupper\n"                                                         \
        : "+r"(rounds)::"cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",  \
          "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm14", "xmm15"); \
  } while (false)

// Returns the bytes of a vector, or 0 where there are none.
int RunChains(Precision precision) {
  const bool doubles = precision == Precision::kFloat64;
  switch (BestSimdRoutines().isa) {
    case Isa::kAvx512:
      if (doubles) {
        RCT_CHAINS("vfmadd231pd", "zmm");
      } else {
        RCT_CHAINS("vfmadd231ps", "zmm");
      }
      return 64;
    case Isa::kAvx2:
      if (doubles) {
        RCT_CHAINS("vfmadd231pd", "ymm");
      } else {
        RCT_CHAINS("vfmadd231ps", "ymm");
      }
      return 32;
    case Isa::kScalar:
      return 0;
  }
  return 0;
}

#undef RCT_CHAINS

template <class Work>
double BestSeconds(Work work) {
  double best = 1e9;
  for (int run = 0; run < kRuns; ++run) {
    const std::clock_t start = std::clock();
    work();
    const double seconds =
        static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    best = std::min(best, seconds);
  }
  return best;
}

double MeasureArithmetic(Precision precision) {
  int vector = 0;
  const double seconds = BestSeconds([&] { vector = RunChains(precision); });
  const int lanes = vector / (precision == Precision::kFloat64 ? 8 : 4);
  return 2.0 * kChains * kRounds * lanes / seconds;
}

double MeasureReading(int64_t bytes) {
  const std::vector<char> buffer(bytes);
  const int64_t times = std::max<int64_t>(1, (int64_t{1} << 28) / bytes);
  const double seconds = BestSeconds([&] {
    for (int64_t i = 0; i < times; ++i) {
      benchmark::DoNotOptimize(std::memchr(buffer.data(), 1, buffer.size()));
      benchmark::ClobberMemory();
    }
  });
  return static_cast<double>(bytes * times) / seconds;
}

void Report(benchmark::State& state, double amount, double floor,
            const char* rate) {
  using benchmark::Counter;
  state.counters["operations"] = amount;
  state.counters[rate] =
      Counter(amount / 1e9, Counter::kIsIterationInvariantRate);
  state.counters["floor"] = floor / 1e9;
  if (floor > 0) {
    state.counters["share"] =
        Counter(amount / floor, Counter::kIsIterationInvariantRate);
  }
}

}  // namespace

double PeakArithmetic(Precision precision) {
  static const double float32 = MeasureArithmetic(Precision::kFloat32);
  static const double float64 = MeasureArithmetic(Precision::kFloat64);
  return precision == Precision::kFloat64 ? float64 : float32;
}

double PeakReading(int64_t bytes) {
  static std::map<int64_t, double>& known = *new std::map<int64_t, double>;
  const auto [place, is_new] = known.try_emplace(bytes, 0.0);
  if (is_new) place->second = MeasureReading(bytes);
  return place->second;
}

void ReportArithmetic(benchmark::State& state, double operations,
                      Precision precision) {
  Report(state, operations, PeakArithmetic(precision), "GFLOP/s");
}

void ReportReading(benchmark::State& state, double bytes, int64_t buffer) {
  Report(state, bytes, PeakReading(buffer), "GB/s");
}

void BestOfRepetitions(benchmark::internal::Benchmark* benchmark) {
  benchmark->Repetitions(9)->ComputeStatistics(
      "greatest", [](const std::vector<double>& values) {
        return *std::max_element(values.begin(), values.end());
      });
}

}  // namespace rct
