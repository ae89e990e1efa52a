#include "experiments/spread.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace rct {

Spread SpreadOf(absl::Span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const size_t n = sorted.size();
  const double median =
      n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
  return {sorted.front(), median, sorted.back()};
}

}  // namespace rct
