#include "experiments/scale/uniform_cloud.h"

#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"

namespace rct {

Matrix<double> UniformCloud::Rows(absl::Span<const int64_t> rows) const {
  Matrix<double> points(std::ssize(rows), dim);
  for (int64_t i = 0; i < points.rows(); ++i) {
    RandomStream stream(seed, static_cast<uint64_t>(rows[i]));
    for (int64_t j = 0; j < dim; ++j) points(i, j) = stream.Uniform();
  }
  return points;
}

Matrix<double> UniformCloud::Range(int64_t first, int64_t count) const {
  std::vector<int64_t> rows(count);
  std::iota(rows.begin(), rows.end(), first);
  return Rows(rows);
}

}  // namespace rct
