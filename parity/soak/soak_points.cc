#include "parity/soak/soak_points.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/matrix.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "metric/test_data.h"
#include "parity/soak/soak.pb.h"

namespace rct {
namespace {

// Streams of random numbers, beside those of test_data.h.
constexpr uint64_t kPerturbation = 101;
constexpr uint64_t kNewPoints = 102;

int64_t AnyOf(int64_t n, RandomStream& random) {
  return static_cast<int64_t>(random.UniformBelow(n));
}

// Moves a coordinate by an ulp; one that is 0, by that of a point beside it,
// since subnormal coordinates are an error under Euclidean distance.
void Nudge(const SoakPoints& spec, double& value) {
  value = value == 0
              ? std::ldexp(spec.scale(), -52)
              : std::nextafter(value, std::numeric_limits<double>::max());
}

Matrix<double> Shape(const SoakPoints& spec, int64_t count, uint64_t seed) {
  Matrix<double> points =
      spec.clusters() > 0
          ? MakePointSet(PointSet::kClusters, count, spec.dim(), seed,
                         {.count = spec.clusters(), .radius = spec.deviation()})
          : MakePoints(spec.shape(), count, spec.dim(), seed);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t t = 0; t < spec.dim(); ++t) {
      points(i, t) = points(i, t) * spec.scale() + spec.offset();
    }
  }
  return points;
}

}  // namespace

Matrix<double> MakeSoakPoints(const SoakPoints& spec) {
  const int64_t n = spec.count();
  Matrix<double> points = Shape(spec, n, spec.seed());
  RandomStream random(spec.seed(), kPerturbation);
  for (int64_t i = 0; i < n; ++i) {
    const double kind = random.Uniform();
    if (kind >= spec.copies() + spec.nudged()) continue;
    std::copy_n(points.row(AnyOf(n, random)), spec.dim(), points.row(i));
    if (kind >= spec.copies())
      Nudge(spec, points(i, AnyOf(spec.dim(), random)));
  }
  return points;
}

Matrix<double> MakeNewPoints(MatrixView<const double> points,
                             const SoakPoints& spec, int64_t count,
                             uint64_t seed) {
  RandomStream random(seed, kNewPoints);
  Matrix<double> made = Shape(spec, count, random.Next64());
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t kind = random.UniformBelow(4);
    const int64_t row = AnyOf(points.rows, random);
    const int64_t column = AnyOf(points.cols, random);
    if (kind == 0) continue;
    std::copy_n(points.row(row), points.cols, made.row(i));
    if (kind == 2) Nudge(spec, made(i, column));
    if (kind == 3) {
      made(i, column) += std::ldexp(
          spec.scale(), 4 - static_cast<int>(random.UniformBelow(30)));
    }
  }
  return made;
}

}  // namespace rct
