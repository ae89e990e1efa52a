// The peak rates of one thread of this machine, which give benchmarks their
// floor: the time below which no program can be.
//
// Two rates are measured, each as the best of many short runs in CPU time,
// which other processes disturb less than wall-clock time:
//
//   arithmetic  twelve chains of fused multiply-adds in registers, of the
//               widest vectors that the routines use: enough chains to hide the
//               latency
//   reading     memchr for a byte that is absent: the C library's widest loads
//
// A benchmark that needs `operations` of one of them reports its rate and its
// share of the peak, operations / peak / time.

#ifndef RCT_METRIC_MACHINE_PEAK_H_
#define RCT_METRIC_MACHINE_PEAK_H_

#include <cstdint>

#include "benchmark/benchmark.h"

namespace rct {

enum class Precision { kFloat32, kFloat64 };

// Returns operations per second, two for each fused multiply-add of each lane,
// or 0 if the routines have no vectors. The rate is measured once.
double PeakArithmetic(Precision precision);

// Returns bytes per second of reading a buffer of this size again and again.
double PeakReading(int64_t bytes);

// Report the counters of a benchmark whose iterations need `operations`, or
// read `bytes` of a buffer of `buffer` bytes, each: operations, rate and floor
// in units of 1e9 per second, and the share.
void ReportArithmetic(benchmark::State& state, double operations,
                      Precision precision);
void ReportReading(benchmark::State& state, double bytes, int64_t buffer);

// Repeats a benchmark often enough for its best run to be worth quoting, and
// reports the greatest rate and share.
void BestOfRepetitions(benchmark::internal::Benchmark* benchmark);

}  // namespace rct

#endif  // RCT_METRIC_MACHINE_PEAK_H_
