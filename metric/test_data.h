// Test data of searches: point sets, each hard for a search in a way of its
// own, and residual metrics over them. The same bits on every platform.

#ifndef RCT_METRIC_TEST_DATA_H_
#define RCT_METRIC_TEST_DATA_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/matrix.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/simd_routines.h"

namespace rct {

// The names that MakePoints knows:
//
//   normal      standard normal
//   cube        uniform in the unit cube
//   clusters    16 points each, of radius 1e-5: distances far below lengthscale
//   crowded     40 points each, of radius 1e-7: with smooth kernels, distances
//               that are mostly rounding
//   duplicates  one point n times: nothing but ties
//   pairs       about n / 4 different points, repeated here and there
//   collinear   on a line through the unit cube
//   grid        a lattice in the unit cube, in row-major order, with spacing a
//               power of two: many ties that are exact
//   circle      on the unit circle of the first two coordinates, others 0
//   scales      distances from the origin of 1e-9 to 1, as many at each scale
//   outlier     normal with deviation 1e-3, and row n / 2 is 1e3 away
std::vector<std::string> AdversarialNames();

// Returns n x dim points, dim >= 1. A longer set does not start with a shorter
// one.
Matrix<double> MakePoints(std::string_view name, int64_t n, int64_t dim,
                          uint64_t seed);

// A residual metric and the factor that projects new points for it.
struct TestModel {
  std::shared_ptr<const InducingFactor> factor;
  std::shared_ptr<const ResidualCorrelation> metric;
};

// Returns a model of `points` (n x d) with lengthscale 1, whose inducing points
// are min(n, num_inducing) random rows, or the origin where n = 0.
TestModel MakeTestModel(MatrixView<const double> points,
                        KernelConfig::Family family, int64_t num_inducing,
                        const SimdRoutines& simd = BestSimdRoutines());

}  // namespace rct

#endif  // RCT_METRIC_TEST_DATA_H_
