// What tests compare with: the same mathematics in wider
// arithmetic, written down plainly.

#ifndef RCT_METRIC_TEST_REFERENCE_H_
#define RCT_METRIC_TEST_REFERENCE_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "metric/metric.pb.h"
#include "metric/simd_routines.h"

namespace rct {

// At least 113 bits wherever there is such a type.
#ifdef __SIZEOF_FLOAT128__
using Quad = __float128;
#else
using Quad = long double;
#endif

// Two steps of Newton's method triple the digits of the first guess.
inline Quad SqrtQuad(Quad x) {
  if (!(x > 0)) return 0;
  Quad root = std::sqrt(static_cast<long double>(x));
  for (int step = 0; step < 2; ++step) root = (root + x / root) / 2;
  return root;
}

// k(x, y) of kernel.h in long double, from the same inverse lengthscales.
inline long double ReferenceCovariance(const KernelSpec& kernel,
                                       const double* x, const double* y) {
  long double r2 = 0;
  for (int t = 0; t < kernel.dim; ++t) {
    const long double difference =
        (static_cast<long double>(x[t]) - y[t]) * kernel.inverse_lengthscale[t];
    r2 += difference * difference;
  }
  const long double variance = kernel.variance;
  switch (kernel.family) {
    case KernelFamily::kRbf:
      return variance * std::exp(-r2 / 2);
    case KernelFamily::kMatern12:
      return variance * std::exp(-std::sqrt(r2));
    case KernelFamily::kMatern32: {
      const long double a = std::sqrt(3 * r2);
      return variance * (1 + a) * std::exp(-a);
    }
    case KernelFamily::kMatern52: {
      const long double a = std::sqrt(5 * r2);
      return variance * (1 + a + a * a / 3) * std::exp(-a);
    }
  }
  return 0;
}

inline constexpr KernelFamily kAllFamilies[] = {
    KernelFamily::kRbf, KernelFamily::kMatern12, KernelFamily::kMatern32,
    KernelFamily::kMatern52};

inline KernelConfig MakeKernelConfig(KernelFamily family, double variance,
                                     const std::vector<double>& lengthscales) {
  KernelConfig config;
  config.set_family(
      static_cast<KernelConfig::Family>(static_cast<int>(family) + 1));
  config.set_variance(variance);
  for (const double l : lengthscales) config.add_lengthscale(l);
  return config;
}

// Uniform in [0, 1).
inline Matrix<double> UniformPoints(int64_t n, int64_t dim, uint64_t seed) {
  RandomStream random(seed, 0);
  Matrix<double> points(n, dim);
  for (int64_t i = 0; i < n * dim; ++i) points.data()[i] = random.Uniform();
  return points;
}

// For comparisons that tell -0 from 0 and one NaN from another.
inline std::vector<uint64_t> Bits(absl::Span<const double> values) {
  std::vector<uint64_t> bits;
  for (const double value : values) {
    bits.push_back(std::bit_cast<uint64_t>(value));
  }
  return bits;
}

}  // namespace rct

#endif  // RCT_METRIC_TEST_REFERENCE_H_
