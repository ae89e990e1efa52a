// A cloud of points of any size, of which each part can be made alone.
//
// Row i is uniform in [0, 1)^d and a pure function of (seed, i): stream i of
// the seed. What needs some rows of a billion makes these.

#ifndef RCT_EXPERIMENTS_SCALE_UNIFORM_CLOUD_H_
#define RCT_EXPERIMENTS_SCALE_UNIFORM_CLOUD_H_

#include <cstdint>

#include "absl/types/span.h"
#include "base/matrix.h"

namespace rct {

struct UniformCloud {
  int64_t n = 0;
  int64_t dim = 2;
  uint64_t seed = 1;

  // Returns the points of rows, in their order.
  Matrix<double> Rows(absl::Span<const int64_t> rows) const;
  // Returns the points of rows [first, first + count).
  Matrix<double> Range(int64_t first, int64_t count) const;
};

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SCALE_UNIFORM_CLOUD_H_
