#include "index/streaming/streamed_points.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/status_macros.h"
#include "index/index.pb.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/tile.h"
#include "traversal/searcher.h"

namespace rct {

IndexOptions UnitOptions(const IndexOptions& options,
                         const InducingFactor& factor,
                         int64_t memory_limit_bytes) {
  IndexOptions unit = options;
  InducingConfig& inducing = *unit.mutable_residual()->mutable_inducing();
  const Matrix<double>& z = factor.inducing().coordinates;
  if (z.rows() == 0) {
    inducing.mutable_none();
  } else if (factor.inducing().rows.empty()) {
    auto& values = *inducing.mutable_coordinates()->mutable_value();
    values.Clear();
    for (int64_t i = 0; i < z.rows(); ++i) {
      values.Add(z.row(i), z.row(i) + z.cols());
    }
  } else {
    inducing.mutable_rows();
  }
  unit.set_memory_limit_bytes(memory_limit_bytes);
  return unit;
}

double LargestSquaredAt(double distance) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (distance == kInfinity) return kInfinity;
  return LargestSquaredWithin(std::nextafter(distance, kInfinity));
}

absl::StatusOr<std::shared_ptr<const ResidualCorrelation>> MetricOfCell(
    const StreamedPoints& all, int cell) {
  RCT_ASSIGN_OR_RETURN(
      ResidualPoints points,
      all.factor->Project(all.cells[cell].Coordinates(), /*num_threads=*/1));
  return std::make_shared<const ResidualCorrelation>(
      all.factor->kernel(), std::move(points), all.factor, all.factor->simd());
}

SearchOptions SearchOptionsOf(const StreamedPoints& all, int threads,
                              Monitor* monitor) {
  SearchOptions options;
  options.k = all.k;
  options.predecessor = all.predecessor;
  options.exclude_self = true;
  options.monitor = monitor;
  options.threads = threads;
  return options;
}

void FindWanted(const StreamedPoints& all, int from, const CellQueries& queries,
                absl::Span<const int32_t> rows,
                absl::Span<const int32_t> others,
                absl::FunctionRef<void(int32_t, int32_t)> wanted) {
  all.bounds.Find(from, queries, others, [&](int32_t query, int32_t cell) {
    if (all.predecessor && all.cells.first_row(cell) >= rows[query]) return;
    wanted(query, cell);
  });
}

}  // namespace rct
