#include "base/point_sets.h"

#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "base/matrix.h"
#include "base/random.h"

namespace rct {
namespace {

// The stream of this use of a seed: "points" in ASCII.
constexpr uint64_t kPointStream = 0x706f696e7473;

// Returns the smallest number of nodes per side with side^dim >= n.
int64_t GridSide(int64_t n, int64_t dim) {
  for (int64_t side = 1;; ++side) {
    int64_t nodes = 1;
    for (int64_t t = 0; t < dim && nodes < n; ++t) nodes *= side;
    if (nodes >= n) return side;
  }
}

void FillGrid(Matrix<double>& points) {
  const int64_t side = GridSide(points.rows(), points.cols());
  for (int64_t i = 0; i < points.rows(); ++i) {
    int64_t node = i;
    for (int64_t t = 0; t < points.cols(); ++t, node /= side) {
      points(i, t) = side == 1 ? 0
                               : static_cast<double>(node % side) /
                                     static_cast<double>(side - 1);
    }
  }
}

// Divides normal vectors, whose directions are uniform, by their lengths. The
// square root and the division are correctly rounded on every machine.
void FillCircle(RandomStream& stream, Matrix<double>& points) {
  for (int64_t i = 0; i < points.rows(); ++i) {
    double square = 0;
    while (square == 0) {
      for (int64_t t = 0; t < points.cols(); ++t) {
        points(i, t) = stream.Normal();
        square += points(i, t) * points(i, t);
      }
    }
    const double norm = std::sqrt(square);
    for (int64_t t = 0; t < points.cols(); ++t) points(i, t) /= norm;
  }
}

void FillClusters(RandomStream& stream, const ClusterShape& clusters,
                  Matrix<double>& points) {
  RCT_CHECK(clusters.count >= 1);
  Matrix<double> centers(clusters.count, points.cols());
  for (int64_t c = 0; c < clusters.count; ++c) {
    for (int64_t t = 0; t < points.cols(); ++t) {
      centers(c, t) = stream.Uniform();
    }
  }
  for (int64_t i = 0; i < points.rows(); ++i) {
    for (int64_t t = 0; t < points.cols(); ++t) {
      points(i, t) =
          centers(i % clusters.count, t) + clusters.radius * stream.Normal();
    }
  }
}

}  // namespace

Matrix<double> MakePointSet(PointSet set, int64_t n, int64_t dim, uint64_t seed,
                            const ClusterShape& clusters) {
  RCT_CHECK(dim >= 1);
  Matrix<double> points(n, dim);
  RandomStream stream(seed, kPointStream);
  switch (set) {
    case PointSet::kNormal:
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t t = 0; t < dim; ++t) points(i, t) = stream.Normal();
      }
      break;
    case PointSet::kUniformCube:
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t t = 0; t < dim; ++t) points(i, t) = stream.Uniform();
      }
      break;
    case PointSet::kClusters:
      FillClusters(stream, clusters, points);
      break;
    case PointSet::kGrid:
      FillGrid(points);
      break;
    case PointSet::kCircle:
      FillCircle(stream, points);
      break;
  }
  return points;
}

}  // namespace rct
