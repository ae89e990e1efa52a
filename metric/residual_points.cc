#include "metric/residual_points.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/archive.h"
#include "base/matrix.h"
#include "metric/point_lanes.h"

namespace rct {
namespace {

template <class Self, class Archive>
void Describe(Self& self, Archive& archive) {
  archive.Array("points", self.points);
  archive.Array("v", self.v);
  archive.Array("variance", self.variance);
  archive.Array("inverse_sqrt", self.inverse_sqrt);
}

}  // namespace

int64_t FactorStride(int64_t num_inducing) {
  constexpr int64_t kPageElements = 4096 / sizeof(double);
  const int64_t stride = RoundUpToLanes(num_inducing);
  return stride % kPageElements == 0 ? stride + kLanes : stride;
}

ResidualPoints::ResidualPoints(int64_t count, int64_t dim, int64_t num_inducing)
    : ResidualPoints(Matrix<double>(count, dim), num_inducing) {}

ResidualPoints::ResidualPoints(Matrix<double> points, int64_t num_inducing)
    : points(std::move(points)),
      v(this->points.rows(), num_inducing, FactorStride(num_inducing)),
      variance(this->points.rows()),
      inverse_sqrt(this->points.rows()) {}

ResidualPoints::ResidualPoints(ArchiveReader& archive)
    : ResidualPoints(0, 0, 0) {
  Describe(*this, archive);
  const int64_t n = size();
  archive.Expect(points.stride() == points.cols(), "points",
                 "has gaps between its rows");
  archive.Expect(v.rows() == n && v.stride() == FactorStride(v.cols()), "v",
                 "has not a row for each point, padded as it should be");
  const auto one_for_each = [n](const AlignedBuffer<double>& values) {
    return static_cast<int64_t>(values.size()) == n;
  };
  constexpr std::string_view kWrongSize = "has not a number for each point";
  archive.Expect(one_for_each(variance), "variance", kWrongSize);
  archive.Expect(one_for_each(inverse_sqrt), "inverse_sqrt", kWrongSize);
}

void ResidualPoints::Save(ArchiveWriter& archive) const {
  Describe(*this, archive);
}

ResidualPoints ResidualPoints::Reordered(
    absl::Span<const int32_t> order) const {
  ResidualPoints result(size(), points.cols(), v.cols());
  for (int64_t i = 0; i < size(); ++i) {
    const int64_t from = order[i];
    std::copy_n(points.row(from), points.cols(), result.points.row(i));
    std::copy_n(v.row(from), v.stride(), result.v.row(i));
    result.variance[i] = variance[from];
    result.inverse_sqrt[i] = inverse_sqrt[from];
  }
  return result;
}

}  // namespace rct
