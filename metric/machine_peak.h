// What one thread of this machine can do at most: the floors of benchmarks.
//
// Two simplest cases, each the best of many short runs in CPU time, which
// others on the machine disturb less than the time on the clock:
//
//   arithmetic  twelve chains of fused multiply-adds in registers, of the
//               widest vectors that the kernels use: more than hide their
//               latency, and nothing else
//   reading     memchr for what is not there: the C library's widest loads
//
// A part that needs `operations` of one of them reports its rate and its share
// of the floor, operations / peak / time.

#ifndef RCT_METRIC_MACHINE_PEAK_H_
#define RCT_METRIC_MACHINE_PEAK_H_

#include <cstdint>

#include "benchmark/benchmark.h"

namespace rct {

enum class Precision { kFloat32, kFloat64 };

// Operations a second, two for each fused multiply-add of each lane; 0 where
// the kernels have no vectors. Measured once.
double PeakArithmetic(Precision precision);

// Bytes a second of reading a buffer of this size again and again.
double PeakReading(int64_t bytes);

// Counters of a benchmark each of whose iterations needs so much of a floor:
// operations, rate and floor in units of 1e9 a second, and the share.
void ReportArithmetic(benchmark::State& state, double operations,
                      Precision precision);
void ReportReading(benchmark::State& state, double bytes, int64_t buffer);

// As many repetitions as make the best of them worth quoting, and their
// greatest rate and share.
void BestOfRepetitions(benchmark::internal::Benchmark* benchmark);

}  // namespace rct

#endif  // RCT_METRIC_MACHINE_PEAK_H_
