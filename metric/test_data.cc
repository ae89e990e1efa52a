#include "metric/test_data.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/random.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"

namespace rct {
namespace {

Matrix<double> NormalPoints(int64_t n, int64_t dim, double deviation,
                            RandomStream& random) {
  Matrix<double> points(n, dim);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t t = 0; t < dim; ++t) {
      points(i, t) = deviation * random.Normal();
    }
  }
  return points;
}

Matrix<double> CubePoints(int64_t n, int64_t dim, RandomStream& random) {
  Matrix<double> points(n, dim);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t t = 0; t < dim; ++t) points(i, t) = random.Uniform();
  }
  return points;
}

// Row i of the result is a row of `centers` moved by up to about `radius`.
Matrix<double> Scattered(const Matrix<double>& centers, int64_t n,
                         double radius, RandomStream& random) {
  Matrix<double> points = NormalPoints(n, centers.cols(), radius, random);
  for (int64_t i = 0; i < n; ++i) {
    const double* center = centers.row(random.UniformBelow(centers.rows()));
    for (int64_t t = 0; t < centers.cols(); ++t) points(i, t) += center[t];
  }
  return points;
}

Matrix<double> Collinear(int64_t n, int64_t dim, RandomStream& random) {
  const Matrix<double> ends = CubePoints(2, dim, random);
  Matrix<double> points(n, dim);
  for (int64_t i = 0; i < n; ++i) {
    const double place = random.Uniform();
    for (int64_t t = 0; t < dim; ++t) {
      points(i, t) = ends(0, t) + place * (ends(1, t) - ends(0, t));
    }
  }
  return points;
}

Matrix<double> Grid(int64_t n, int64_t dim) {
  int64_t side = 1;
  const auto cells = [&] {
    int64_t product = 1;
    for (int64_t t = 0; t < dim && product < n; ++t) product *= side;
    return product;
  };
  while (cells() < n) ++side;
  double spacing = 1;
  while (spacing * static_cast<double>(side) > 1) spacing /= 2;
  Matrix<double> points(n, dim);
  for (int64_t i = 0; i < n; ++i) {
    int64_t cell = i;
    for (int64_t t = dim; t-- > 0; cell /= side) {
      points(i, t) = spacing * static_cast<double>(cell % side);
    }
  }
  return points;
}

// By half the angle's tangent, since cosines differ between platforms.
Matrix<double> Circle(int64_t n, int64_t dim, RandomStream& random) {
  Matrix<double> points = Matrix<double>::Zeros(n, dim);
  for (int64_t i = 0; i < n; ++i) {
    const double tangent = random.Uniform();
    const uint64_t quadrant = random.UniformBelow(4);
    const double scale = 1 / (1 + tangent * tangent);
    const double x = (1 - tangent * tangent) * scale;
    const double y = 2 * tangent * scale;
    points(i, 0) = quadrant & 1 ? -x : x;
    if (dim > 1) points(i, 1) = quadrant & 2 ? -y : y;
  }
  return points;
}

Matrix<double> Scales(int64_t n, int64_t dim, RandomStream& random) {
  Matrix<double> points = NormalPoints(n, dim, 1, random);
  for (int64_t i = 0; i < n; ++i) {
    const int exponent = static_cast<int>(random.UniformBelow(31));
    for (int64_t t = 0; t < dim; ++t) {
      points(i, t) = std::ldexp(points(i, t), -exponent);
    }
  }
  return points;
}

}  // namespace

std::vector<std::string> AdversarialNames() {
  return {"normal",    "cube", "clusters", "crowded", "duplicates", "pairs",
          "collinear", "grid", "circle",   "scales",  "outlier"};
}

Matrix<double> MakePoints(std::string_view name, int64_t n, int64_t dim,
                          uint64_t seed) {
  RandomStream random(seed, 0);
  if (name == "normal") return NormalPoints(n, dim, 1, random);
  if (name == "cube") return CubePoints(n, dim, random);
  if (name == "clusters") {
    return Scattered(NormalPoints(n / 16 + 1, dim, 1, random), n, 1e-5, random);
  }
  if (name == "crowded") {
    return Scattered(NormalPoints(n / 40 + 1, dim, 0.3, random), n, 1e-7,
                     random);
  }
  if (name == "duplicates") {
    return Scattered(NormalPoints(1, dim, 1, random), n, 0, random);
  }
  if (name == "pairs") {
    return Scattered(NormalPoints(n / 4 + 1, dim, 1, random), n, 0, random);
  }
  if (name == "collinear") return Collinear(n, dim, random);
  if (name == "grid") return Grid(n, dim);
  if (name == "circle") return Circle(n, dim, random);
  if (name == "scales") return Scales(n, dim, random);
  RCT_CHECK(name == "outlier");
  Matrix<double> points = NormalPoints(n, dim, 1e-3, random);
  for (int64_t t = 0; t < dim && n > 0; ++t) points(n / 2, t) += 1e3;
  return points;
}

TestModel MakeTestModel(MatrixView<const double> points,
                        KernelConfig::Family family, int64_t num_inducing,
                        const SimdRoutines& simd) {
  ResidualConfig config;
  config.mutable_kernel()->set_family(family);
  if (points.rows > 0) {
    config.mutable_inducing()->mutable_random()->set_count(
        std::min(num_inducing, points.rows));
  } else {
    for (int64_t t = 0; t < points.cols; ++t) {
      config.mutable_inducing()->mutable_coordinates()->add_value(0);
    }
  }
  absl::StatusOr<Kernel> kernel = Kernel::Create(config.kernel(), points.cols);
  RCT_CHECK(kernel.ok());
  absl::StatusOr<InducingPoints> inducing =
      SelectInducingPoints(config.inducing(), points);
  RCT_CHECK(inducing.ok());
  absl::StatusOr<InducingFactor> factor =
      InducingFactor::Create(*kernel, *std::move(inducing), config, simd);
  RCT_CHECK(factor.ok());
  absl::StatusOr<ResidualPoints> data = factor->Project(points, 1);
  RCT_CHECK(data.ok());
  auto shared = std::make_shared<const InducingFactor>(*std::move(factor));
  auto metric = std::make_shared<const ResidualCorrelation>(
      *std::move(kernel), *std::move(data), shared, simd);
  return {std::move(shared), std::move(metric)};
}

}  // namespace rct
