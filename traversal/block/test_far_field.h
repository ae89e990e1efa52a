// Tests of the far-field bound: residual metrics whose kernels and inducing
// points differ more than those of metric/test_data.h, and their correlations
// beside the bounds.

#ifndef RCT_TRAVERSAL_BLOCK_TEST_FAR_FIELD_H_
#define RCT_TRAVERSAL_BLOCK_TEST_FAR_FIELD_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/tile.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_expansions.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/inducing_bounds.h"
#include "traversal/exhaustive/screen_frame.h"

namespace rct {

struct FarFieldModel {
  KernelConfig::Family family = KernelConfig::MATERN12;
  std::vector<double> lengthscale = {1};  // one, or one for each dimension
  double variance = 1;
  double jitter = 1e-6;
  double variance_floor = 1e-9;
  // The inducing points: `num_inducing` random rows, or else these rows, or
  // else these coordinates.
  int64_t num_inducing = 0;
  std::vector<int64_t> rows = {};
  std::vector<double> coordinates = {};
};

// Returns the factor of the model's inducing points. Its configuration must be
// valid.
inline std::shared_ptr<const InducingFactor> MakeFarFieldFactor(
    MatrixView<const double> points, const FarFieldModel& model,
    const SimdRoutines& simd = BestSimdRoutines()) {
  ResidualConfig config;
  config.mutable_kernel()->set_family(model.family);
  config.mutable_kernel()->set_variance(model.variance);
  for (const double l : model.lengthscale) {
    config.mutable_kernel()->add_lengthscale(l);
  }
  config.set_jitter(model.jitter);
  config.set_variance_floor(model.variance_floor);
  if (model.num_inducing > 0) {
    config.mutable_inducing()->mutable_random()->set_count(model.num_inducing);
  }
  for (const int64_t row : model.rows) {
    config.mutable_inducing()->mutable_rows()->add_row(row);
  }
  for (const double x : model.coordinates) {
    config.mutable_inducing()->mutable_coordinates()->add_value(x);
  }
  Kernel kernel = Kernel::Create(config.kernel(), points.cols).value();
  InducingPoints inducing =
      SelectInducingPoints(config.inducing(), points).value();
  return std::make_shared<const InducingFactor>(
      InducingFactor::Create(std::move(kernel), std::move(inducing), config,
                             simd)
          .value());
}

// Returns the metric of that factor on `points`.
inline std::shared_ptr<const ResidualCorrelation> MakeFarFieldMetric(
    MatrixView<const double> points, const FarFieldModel& model,
    const SimdRoutines& simd = BestSimdRoutines()) {
  std::shared_ptr<const InducingFactor> factor =
      MakeFarFieldFactor(points, model, simd);
  Kernel kernel = factor->kernel();
  return std::make_shared<const ResidualCorrelation>(
      std::move(kernel), factor->Project(points, 1).value(), factor, simd);
}

// All correlations of a metric, as it computes them.
inline Matrix<double> AllCorrelations(const ResidualCorrelation& metric) {
  const auto n = static_cast<int32_t>(metric.size());
  Matrix<double> rho(n, n + 8);
  TileWorkspace workspace(metric.dim(), 1, n);
  for (int32_t i = 0; i < n; ++i) {
    metric.Correlations(metric.data(), absl::MakeConstSpan(&i, 1),
                        Candidates::Range(0, n), rho.row(i), n + 8, workspace);
  }
  return rho;
}

// What the pairs of a metric have to do with the bounds of its blocks.
struct PairCheck {
  int64_t exceeding = 0;           // |c| beyond `most`
  int64_t exceeding_query = 0;     // |c| beyond that of a query by itself
  int64_t exceeding_inducing = 0;  // |rho(z_i, x)| beyond its bound
  int64_t finite = 0;              // pairs of blocks that have a bound
  double most = 0;                 // the largest |c| / most
  double most_of_query = 0;        // the same of a query by itself
  std::vector<double> looseness;   // most / largest |c|, of those pairs where
                                   // this is above 1e-3
};

inline PairCheck CheckPairs(const ResidualCorrelation& metric,
                            const FarFieldBlocks& blocks) {
  const Matrix<double> rho = AllCorrelations(metric);
  // |c| in the frame's unit but for the four roundings of rho.
  const auto c = [&](int64_t i, int64_t j) {
    return std::abs(rho(i, j)) * (1 - 8 * kUnitRoundoff) /
           (blocks.frame().InverseSqrt(metric.data(), i) *
            blocks.frame().InverseSqrt(metric.data(), j));
  };
  const auto row = [&](int b, int j) {
    return blocks.rows()[blocks.block(b).first + j];
  };
  const FarFieldExpansions& expansions = blocks.expansions();
  const int terms = expansions.terms();
  AlignedBuffer<float> t(int64_t{kFarPanel} * terms);
  std::fill(t.begin(), t.end(), 0.0f);
  std::vector<float> table(terms * terms);
  // A bound on the |c| of one point and a block.
  const auto query_most = [&](int from, int64_t i, int to) {
    double x[ChebyshevGrid::kMaxDim];
    blocks.CubeCoordinates(metric, from, i, x);
    expansions.Polynomials(x, t.data(), kFarPanel);
    expansions.Load(from, to, table.data());
    alignas(64) float sums[kFarPanel];
    blocks.routines().size_sums(table.data(), terms, t.data(), sums);
    return FarFieldExpansions::Bound(sums[0], expansions.left(from, to));
  };
  PairCheck check;
  for (int a = 0; a < blocks.num_blocks(); ++a) {
    for (int b = 0; b <= a; ++b) {
      const double most = blocks.most(a, b);
      double largest = 0;
      for (int i = 0; i < blocks.block(a).count; ++i) {
        for (int j = 0; j < blocks.block(b).count; ++j) {
          const double size = c(row(a, i), row(b, j));
          // Of a point and itself, |rho| is 1 by definition.
          if (row(a, i) == row(b, j)) continue;
          largest = std::max(largest, size);
          check.exceeding += static_cast<int64_t>(!(size <= most));
        }
      }
      for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
        if (!(most < HUGE_VALF)) continue;
        for (int i = 0; i < blocks.block(from).count; ++i) {
          const double of_query = query_most(from, row(from, i), to);
          double seen = 0;
          for (int j = 0; j < blocks.block(to).count; ++j) {
            if (row(from, i) != row(to, j)) {
              seen = std::max(seen, c(row(from, i), row(to, j)));
            }
          }
          check.exceeding_query += static_cast<int64_t>(!(seen <= of_query));
          check.most_of_query = std::max(check.most_of_query, seen / of_query);
        }
      }
      if (most < HUGE_VALF) {
        ++check.finite;
        check.most = std::max(check.most, largest / most);
        if (largest > 1e-3) check.looseness.push_back(most / largest);
      }
    }
    const InducingBounds& inducing = blocks.inducing();
    for (int64_t i = 0; i < std::ssize(inducing.rows()); ++i) {
      for (int j = 0; j < blocks.block(a).count; ++j) {
        const double size = std::abs(rho(inducing.rows()[i], row(a, j)));
        const double most = InducingBounds::BoundOf(
            inducing.codes(i)[(blocks.block(a).first + j) / kFarPanel]);
        check.exceeding_inducing += static_cast<int64_t>(!(size <= most));
      }
    }
  }
  std::sort(check.looseness.begin(), check.looseness.end());
  return check;
}

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_TEST_FAR_FIELD_H_
