#include "traversal/block/far_field_blocks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "gtest/gtest.h"
#include "metric/lane_padding.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/test_data.h"
#include "metric/test_reference.h"
#include "traversal/block/far_field_balls.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/inducing_bounds.h"
#include "traversal/block/test_far_field.h"
#include "traversal/exhaustive/screen_frame.h"
#include "traversal/exhaustive/test_exhaustive.h"
#include "traversal/kept_routines.h"

namespace rct {
namespace {

FarFieldBlocks MakeBlocks(const ResidualCorrelation& metric,
                          const FarFieldOptions& options, int threads = 1,
                          Monitor* monitor = nullptr) {
  return FarFieldBlocks(metric, options,
                        FarFieldBlocks::Partition(metric, options, threads),
                        threads, monitor);
}

// Two places at a distance of 1, and an inducing point 3 and 2 away from them:
// c = exp(-1) - exp(-3) exp(-2).
TEST(FarFieldBlocksTest, TwoPlacesHaveTheirCovariance) {
  Matrix<double> points = Matrix<double>::Zeros(64, 1);
  for (int i = 32; i < 64; ++i) points(i, 0) = 1;
  const auto metric = MakeFarFieldMetric(points.view(), {.coordinates = {3}});
  const FarFieldBlocks blocks = MakeBlocks(*metric, {.block_size = 32});
  ASSERT_EQ(blocks.num_blocks(), 2);
  EXPECT_NEAR(blocks.most(0, 1), 0.361142, 1e-6);
  EXPECT_NEAR(blocks.most(0, 0), 1 - 0.00247875, 1e-6);
  EXPECT_EQ(blocks.most(0, 1), blocks.most(1, 0));
  EXPECT_EQ(blocks.CenterDistance(0, 1), 1);
}

// An inducing point that is a row, and jitter alpha of another place.
TEST(FarFieldBlocksTest, InducingPointsHaveJitterAlpha) {
  Matrix<double> points = Matrix<double>::Zeros(33, 1);
  points(7, 0) = 2;
  const auto metric =
      MakeFarFieldMetric(points.view(), {.jitter = 0.01, .rows = {7}});
  const FarFieldBlocks blocks = MakeBlocks(*metric, {.block_size = 32});
  ASSERT_EQ(blocks.num_blocks(), 1);
  EXPECT_EQ(blocks.position(7), -1);
  EXPECT_EQ(blocks.inducing().rows()[0], 7);
  const double rho = 0.01 * std::exp(-2) / 1.01 *
                     metric->data().inverse_sqrt[7] *
                     metric->data().inverse_sqrt[0];
  const double most = InducingBounds::BoundOf(blocks.inducing().codes(0)[0]);
  EXPECT_GE(most, rho);
  EXPECT_LE(most, rho * 1.13);
}

// What the formula of far_field_bound.h asks of one block, in plain code and
// without the slacks of rounding.
struct PlainBlock {
  PlainBlock(const ResidualCorrelation& metric, const FarFieldBlocks& blocks,
             int b, const ChebyshevGrid& grid)
      : m(metric.factor()->num_inducing()), half(grid.dim()) {
    const int dim = grid.dim();
    const int count = blocks.block(b).count;
    const KernelSpec spec = metric.kernel().spec();
    low.assign(dim, HUGE_VAL);
    high.assign(dim, -HUGE_VAL);
    points = Matrix<double>(count, dim);
    for (int j = 0; j < count; ++j) {
      for (int c = 0; c < dim; ++c) {
        const int32_t row = blocks.rows()[blocks.block(b).first + j];
        points(j, c) = metric.data().points(row, c);
        low[c] = std::min(low[c], points(j, c));
        high[c] = std::max(high[c], points(j, c));
      }
    }
    nodes = Matrix<double>(grid.size(), dim);
    for (int c = 0; c < dim; ++c) {
      const double radius = (high[c] - low[c]) / 2;
      half[c] = radius * spec.inverse_lengthscale[c];
      for (int t = 0; t < grid.size(); ++t) {
        nodes(t, c) = low[c] + radius * (1 + grid.node(t, c));
      }
    }
    v = Solve(metric, nodes, /*transposed=*/false);
    errors.assign(m, 0);
    weights.assign(m, 0);
    rests.assign(m, 0);
    const Matrix<double> alpha = Solve(metric, points, /*transposed=*/true);
    const Matrix<double> of_nodes = Solve(metric, nodes, /*transposed=*/true);
    std::vector<double> place(dim), psi(grid.size());
    for (int j = 0; j < count; ++j) {
      for (int c = 0; c < dim; ++c) {
        place[c] = 2 * (points(j, c) - low[c]) / (high[c] - low[c]) - 1;
      }
      grid.Weights(place.data(), psi.data(), 1);
      for (int64_t r = 0; r < m; ++r) {
        const double* z = metric.factor()->inducing().coordinates.row(r);
        long double error = ReferenceCovariance(spec, z, points.row(j));
        for (int t = 0; t < grid.size(); ++t) {
          error -= psi[t] * ReferenceCovariance(spec, z, nodes.row(t));
        }
        errors[r] = std::max(errors[r], static_cast<double>(std::abs(error)));
        double rest = alpha(r, j);
        for (int s = 0; s < grid.size(); ++s) rest -= psi[s] * of_nodes(r, s);
        weights[r] = std::max(weights[r], std::abs(alpha(r, j)));
        rests[r] = std::max(rests[r], std::abs(rest));
      }
    }
  }

  // Returns v or alpha of points: element r of point j at (r, j).
  static Matrix<double> Solve(const ResidualCorrelation& metric,
                              const Matrix<double>& x, bool transposed) {
    const InducingFactor& factor = *metric.factor();
    Matrix<double> columns = Matrix<double>::Zeros(factor.padded_inducing(),
                                                   RoundUpToLanes(x.rows()));
    for (int64_t r = 0; r < factor.num_inducing(); ++r) {
      for (int64_t j = 0; j < x.rows(); ++j) {
        columns(r, j) = static_cast<double>(ReferenceCovariance(
            metric.kernel().spec(), factor.inducing().coordinates.row(r),
            x.row(j)));
      }
    }
    factor.Solve(columns.stride(), columns.cols(), columns.data());
    if (transposed) {
      factor.SolveTransposed(columns.stride(), columns.cols(), columns.data());
    }
    return columns;
  }

  int64_t m;
  std::vector<double> low, high, half;
  Matrix<double> points, nodes, v;
  std::vector<double> errors, weights, rests;
};

// The sum of the sizes of the coefficients of c at the nodes of two blocks.
double PlainCoefficients(const ResidualCorrelation& metric,
                         const ChebyshevGrid& grid, const PlainBlock& a,
                         const PlainBlock& b) {
  const int size = grid.size();
  const int side = grid.side();
  std::vector<double> whole(size * size, 1), half(size * size, 0);
  Matrix<double> values(size, size);
  for (int s = 0; s < size; ++s) {
    for (int t = 0; t < size; ++t) {
      for (int c = 0, i = s, j = t; c < grid.dim(); ++c) {
        whole[s * size + t] *= grid.transform()[i % side * side + j % side];
        i /= side;
        j /= side;
      }
      values(s, t) = static_cast<double>(ReferenceCovariance(
          metric.kernel().spec(), a.nodes.row(s), b.nodes.row(t)));
      for (int64_t r = 0; r < a.m; ++r) values(s, t) -= a.v(r, s) * b.v(r, t);
    }
  }
  for (int u = 0; u < size; ++u) {
    for (int s = 0; s < size; ++s) {
      for (int t = 0; t < size; ++t) {
        half[u * size + t] += whole[u * size + s] * values(s, t);
      }
    }
  }
  double sum = 0;
  for (int u = 0; u < size; ++u) {
    for (int w = 0; w < size; ++w) {
      double chi = 0;
      for (int t = 0; t < size; ++t) {
        chi += half[u * size + t] * whole[w * size + t];
      }
      sum += std::abs(chi);
    }
  }
  return sum;
}

double PlainMost(const ResidualCorrelation& metric, const ChebyshevGrid& grid,
                 const PlainBlock& a, const PlainBlock& b) {
  const double variance = metric.kernel().variance();
  double squared = 0;
  std::vector<double> reach;
  for (int c = 0; c < grid.dim(); ++c) {
    const double scale = metric.kernel().spec().inverse_lengthscale[c];
    const double apart =
        std::max({0.0, a.low[c] - b.high[c], b.low[c] - a.high[c]}) * scale;
    squared += apart * apart;
    reach.push_back(std::max(a.high[c] - b.low[c], b.high[c] - a.low[c]) *
                    scale);
  }
  const auto sum = [&](const std::vector<double>& of, const PlainBlock& to) {
    return std::inner_product(of.begin(), of.end(), to.errors.begin(), 0.0);
  };
  const Remainders own =
      RemainderBounds(metric.kernel().family(), grid,
                      {a.half, b.half, reach, std::sqrt(squared)});
  const double left = variance * (own.over_a + own.over_b + own.twice) +
                      sum(a.weights, b) + sum(b.weights, a) +
                      std::min(sum(a.rests, b), sum(b.rests, a));
  if (!(left < variance)) return HUGE_VAL;
  return left + PlainCoefficients(metric, grid, a, b);
}

// Without the slacks of rounding, only a product of floats is rounded up.
TEST(FarFieldFormulaTest, BoundsArePlainlyThose) {
  int finite = 0;
  for (const int dim : {1, 2, 3}) {
    const Matrix<double> points = MakePoints("cube", 270, dim, 4);
    for (const KernelConfig::Family family : kFamilies) {
      const auto metric =
          MakeFarFieldMetric(points.view(), {.family = family,
                                             .lengthscale = {0.3},
                                             .variance = 1.5,
                                             .num_inducing = 25});
      const FarFieldBlocks blocks =
          MakeBlocks(*metric, {.block_size = 32, .scale = {.rounding = 0}});
      const ChebyshevGrid grid(
          ChebyshevGrid::SideFor(metric->kernel().family(), dim), dim);
      std::vector<PlainBlock> plain;
      for (int b = 0; b < blocks.num_blocks(); ++b) {
        plain.emplace_back(*metric, blocks, b, grid);
      }
      for (int a = 0; a < blocks.num_blocks(); ++a) {
        for (int b = 0; b <= a; ++b) {
          const double most = PlainMost(*metric, grid, plain[a], plain[b]);
          if (most == HUGE_VAL) {
            EXPECT_EQ(blocks.most(a, b), HUGE_VALF);
            continue;
          }
          ++finite;
          // The unit is 1 for this variance.
          EXPECT_GE(blocks.most(a, b), most * (1 - 1e-6));
          EXPECT_LE(blocks.most(a, b), most * (1 + 2e-3) + 1e-9);
        }
      }
    }
  }
  EXPECT_GT(finite, 200);
}

class FarFieldSetsTest : public testing::TestWithParam<std::string> {
 protected:
  // Calls check(metric) for points and models of many kinds.
  template <class Check>
  void ForModels(int64_t n, Check check) const {
    for (const int dim : {1, 2, 3, 4, 5}) {
      const Matrix<double> points = MakePoints(GetParam(), n, dim, dim);
      for (const KernelConfig::Family family : kFamilies) {
        for (const double lengthscale : {0.05, 0.3, 2.0}) {
          SCOPED_TRACE(testing::Message()
                       << dim << " " << KernelConfig::Family_Name(family) << " "
                       << lengthscale);
          std::vector<double> each(dim, lengthscale);
          each[dim - 1] *= 1.5;
          check(MakeFarFieldMetric(points.view(),
                                   {.family = family,
                                    .lengthscale = each,
                                    .variance = dim == 2 ? 3e-7 : 3,
                                    .jitter = dim == 3 ? 1e-9 : 1e-6,
                                    .num_inducing = 30}));
        }
      }
    }
  }
};

TEST_P(FarFieldSetsTest, NoPairExceedsTheBound) {
  int64_t finite = 0;
  double most = 0;
  ForModels(500, [&](const auto& metric) {
    const FarFieldBlocks blocks = MakeBlocks(*metric, {.block_size = 32});
    const PairCheck check = CheckPairs(*metric, blocks);
    EXPECT_EQ(check.exceeding, 0);
    EXPECT_EQ(check.exceeding_query, 0);
    EXPECT_EQ(check.exceeding_inducing, 0);
    finite += check.finite;
    most = std::max(most, check.most);
  });
  EXPECT_GT(finite, 100);
  EXPECT_GT(most, 0.9);
  RecordProperty("most", std::to_string(most));
}

TEST_P(FarFieldSetsTest, EveryRowHasItsPlace) {
  ForModels(170, [&](const auto& metric) {
    const FarFieldBlocks blocks = MakeBlocks(*metric, {.block_size = 32});
    const ScreenFrame& frame = blocks.frame();
    const std::vector<int64_t>& z = metric->factor()->inducing().rows;
    EXPECT_TRUE(std::equal(z.begin(), z.end(), blocks.inducing().rows().begin(),
                           blocks.inducing().rows().end()));
    std::vector<int> times(metric->size());
    for (const int64_t row : z) {
      EXPECT_EQ(blocks.position(row), -1);
      ++times[row];
    }
    for (int b = 0; b < blocks.num_blocks(); ++b) {
      const FarPoints points = blocks.points(b);
      const FarFieldBlocks::Block& block = blocks.block(b);
      EXPECT_EQ(block.first, b * blocks.block_size());
      float block_root = HUGE_VALF;
      int32_t block_row = kNoRow;
      for (int p = 0; p < blocks.num_panels(b); ++p) {
        float min_root = HUGE_VALF;
        int32_t min_row = kNoRow;
        for (int j = p * kFarPanel; j < (p + 1) * kFarPanel; ++j) {
          const int32_t row = points.row[j];
          EXPECT_EQ(row == kNoRow, j >= block.count);
          if (row == kNoRow) continue;
          ++times[row];
          EXPECT_EQ(blocks.position(row), block.first + j);
          const double s = frame.InverseSqrt(metric->data(), row);
          EXPECT_LE(points.root[j] * s, 1);
          EXPECT_GE(points.scale[j], s);
          EXPECT_GE(points.root[j] * s, 1 - 0x1p-22);
          min_root = std::min(min_root, points.root[j]);
          min_row = std::min(min_row, row);
        }
        EXPECT_EQ(points.min_root[p], min_root);
        EXPECT_EQ(points.min_row[p], min_row);
        block_root = std::min(block_root, min_root);
        block_row = std::min(block_row, min_row);
      }
      EXPECT_EQ(block.min_root, block_root);
      EXPECT_EQ(block.min_row, block_row);
    }
    EXPECT_EQ(times, std::vector<int>(metric->size(), 1));
  });
}

TEST_P(FarFieldSetsTest, BallsHaveTheNumbersOfTheirCenters) {
  ForModels(170, [&](const auto& metric) {
    const FarFieldBlocks blocks = MakeBlocks(*metric, {.block_size = 32});
    const int dim = metric->dim();
    ASSERT_NE(blocks.balls(), nullptr);
    for (int b = 0; b < blocks.num_blocks(); ++b) {
      const FarBalls balls = blocks.balls()->of(b, 0);
      ASSERT_EQ(balls.rank, blocks.block(b).rank);
      for (int p = 0; p < blocks.num_panels(b); ++p) {
        const FarPoints points = blocks.points(b).From(p, dim);
        const int center = blocks.balls()->center(2 * b + p);
        ASSERT_NE(points.row[center], kNoRow);
        EXPECT_EQ(balls.length[p], points.length[center]);
        EXPECT_EQ(balls.error[p], points.error[center]);
        for (int t = 0; t < dim; ++t) {
          EXPECT_EQ(balls.z[t * kFarPanel + p],
                    points.z[t * kFarPanel + center]);
        }
        for (int i = 0; i < balls.rank; ++i) {
          EXPECT_EQ(balls.a[i * kFarPanel + p],
                    points.a[i * kFarPanel + center]);
        }
        EXPECT_LE(std::hypot(balls.cosine[p], balls.sine[p]),
                  points.root[center] * (1 + 1e-6));
      }
    }
  });
}

// Without balls each part of a block is sorted by row.
TEST(FarFieldBlocksTest, PanelsMayBeSortedByRow) {
  const Matrix<double> points = MakePoints("cube", 700, 2, 1);
  const auto metric = MakeFarFieldMetric(points.view(), {.num_inducing = 10});
  const FarFieldBlocks blocks =
      MakeBlocks(*metric, {.block_size = 128, .balls = false});
  EXPECT_EQ(blocks.balls(), nullptr);
  for (int b = 0; b < blocks.num_blocks(); ++b) {
    const int32_t* row = blocks.points(b).row;
    EXPECT_TRUE(std::is_sorted(row, row + kFarPanel));
    EXPECT_TRUE(std::is_sorted(row + kFarPanel, row + blocks.block(b).count));
  }
}

// The points of block a as queries at those of block b, as a pass has them.
class Panel {
 public:
  static constexpr float kSlop = 8 * kFloatRoundoff;

  // `few` projects each query by itself.
  Panel(const ResidualCorrelation& metric, const FarFieldBlocks& blocks, int a,
        int b, int panel, bool few)
      : blocks_(blocks),
        b_(b),
        a_points_(blocks.points(a).From(panel, metric.dim())),
        y_(kFarPanel * FarFieldBlocks::kMaxRank) {
    const int64_t first = blocks.block(a).first + panel * kFarPanel;
    for (int l = 0; l < kFarPanel; ++l) {
      rest_[l] = blocks.frame().bound().Rest(blocks.shift()[first + l]);
      reach_[l] = -1;
      most_[l] = HUGE_VALF;
      limit_[l] = kNoRow;
      if (a_points_.row[l] != kNoRow) lanes_ |= 1u << l;
    }
    if (few) {
      ProjectFew(metric);
    } else {
      ProjectAll(metric, a, first);
    }
  }

  // Bounds on |rho| of query l and all points of the block.
  struct Bounds {
    std::vector<float> upper, lower;
    std::vector<int32_t> row;
    int size;
  };
  std::vector<Bounds> All() const {
    const int panels = blocks_.num_panels(b_);
    const int room = panels * kFarPanel + kKeptPadding;
    std::vector<Bounds> bounds(kFarPanel);
    std::vector<KeptList> kept;
    for (Bounds& one : bounds) {
      one.upper.resize(room);
      one.lower.resize(room);
      one.row.resize(room);
      kept.push_back(
          {one.upper.data(), one.lower.data(), one.row.data(), 0, 0});
    }
    const FarQueries queries = {
        y_.data(), a_points_.z, length_,         rest_,  reach_,       reach_,
        reach_,    most_,       a_points_.scale, limit_, a_points_.row};
    const std::vector<uint32_t> wanted(panels, lanes_);
    blocks_.routines().keep_points(blocks_.frame().covariance(), queries,
                                   wanted.data(), blocks_.points(b_), panels,
                                   kSlop, kept.data());
    for (int l = 0; l < kFarPanel; ++l) bounds[l].size = kept[l].size;
    return bounds;
  }
  int32_t query(int l) const { return a_points_.row[l]; }

 private:
  void ProjectAll(const ResidualCorrelation& metric, int a, int64_t first) {
    const int64_t size = blocks_.block(a).rank * blocks_.width(b_);
    AlignedBuffer<float> table(size + 1);
    const double norm = blocks_.Table(a, b_, table.data());
    alignas(64) float squared[kFarPanel];
    FilterRoutinesFor(metric.simd().isa)
        ->project(table.data(), /*row_stride=*/1, blocks_.width(b_),
                  blocks_.block(b_).rank, blocks_.block(a).rank, a_points_.a,
                  y_.data(), squared);
    for (int l = 0; l < kFarPanel; ++l) {
      length_[l] =
          (blocks_.rest()[first + l] +
           blocks_.ProductError(
               a, b_, norm, blocks_.coordinate_length()[first + l],
               blocks_.coordinate_sum()[first + l], std::sqrt(squared[l]))) *
          (1 + kSlop);
    }
  }

  void ProjectFew(const ResidualCorrelation& metric) {
    const auto present = std::popcount(lanes_);  // the first of the panel
    AlignedBuffer<float> v(metric.data().v.cols() * kFarPanel);
    const int64_t width = blocks_.width(b_);
    AlignedBuffer<float> table(kFarPanel * width + 1);
    blocks_.Project(metric, absl::MakeConstSpan(a_points_.row, present), b_,
                    v.data(), table.data());
    for (int l = 0; l < present; ++l) {
      float squared = 0;
      for (int i = 0; i < blocks_.block(b_).rank; ++i) {
        const float y = table[l * width + i];
        y_[i * kFarPanel + l] = y;
        squared += y * y;
      }
      length_[l] =
          blocks_.ProjectionError(b_, a_points_.length[l], std::sqrt(squared)) *
          (1 + kSlop);
    }
  }

  const FarFieldBlocks& blocks_;
  int b_;
  FarPoints a_points_;
  AlignedBuffer<float> y_;
  alignas(64) float length_[kFarPanel];
  alignas(64) float rest_[kFarPanel];
  alignas(64) float reach_[kFarPanel];
  alignas(64) float most_[kFarPanel];
  alignas(64) int32_t limit_[kFarPanel];
  uint32_t lanes_ = 0;
};

// How many pairs of points have |rho| outside their bounds. Adds up the pairs
// and the widths of the bounds, in the unit of c.
int64_t OutsidePairs(const ResidualCorrelation& metric,
                     const FarFieldBlocks& blocks, bool few, int64_t& pairs,
                     double& width) {
  const Matrix<double> rho = AllCorrelations(metric);
  int64_t outside = 0;
  for (int a = 0; a < blocks.num_blocks(); ++a) {
    for (int p = 0; p < blocks.num_panels(a); ++p) {
      for (int b = 0; b < blocks.num_blocks(); ++b) {
        const Panel panel(metric, blocks, a, b, p, few);
        const std::vector<Panel::Bounds> all = panel.All();
        for (int l = 0; l < kFarPanel; ++l) {
          const int32_t query = panel.query(l);
          if (query == kNoRow) continue;
          // All of the block but the query itself.
          EXPECT_EQ(all[l].size,
                    blocks.block(b).count - static_cast<int>(a == b));
          for (int j = 0; j < all[l].size; ++j) {
            const double size = std::abs(rho(query, all[l].row[j]));
            outside += static_cast<int64_t>(!(size <= all[l].upper[j]) ||
                                            !(size >= all[l].lower[j]));
            ++pairs;
            width += (all[l].upper[j] - all[l].lower[j]) /
                     (metric.data().inverse_sqrt[query] *
                      metric.data().inverse_sqrt[all[l].row[j]] *
                      metric.kernel().variance());
          }
        }
      }
    }
  }
  return outside;
}

TEST_P(FarFieldSetsTest, BoundsOfPointsHoldForEveryPair) {
  int64_t pairs = 0;
  double width = 0;
  ForModels(170, [&](const auto& metric) {
    for (const double rms_rest : {1e-3, 0.3}) {
      const FarFieldBlocks blocks =
          MakeBlocks(*metric, {.block_size = 32, .rms_rest = rms_rest});
      for (const bool few : {false, true}) {
        EXPECT_EQ(OutsidePairs(*metric, blocks, few, pairs, width), 0);
      }
    }
  });
  EXPECT_GT(pairs, 1000000);
  EXPECT_LT(width / static_cast<double>(pairs), 0.2);
  RecordProperty("width", std::to_string(width / static_cast<double>(pairs)));
}

// What a computed y = P_B^T v_q misses of the exact one, in products with the
// coordinates of points: less than its error, and more than a part in 200.
TEST(FarFieldProjectionTest, ErrorHoldsAndIsNoLargerThanNeeded) {
  const Matrix<double> points = MakePoints("cube", 256, 2, 1);
  const auto metric = MakeFarFieldMetric(
      points.view(), {.lengthscale = {0.2}, .num_inducing = 100});
  const FarFieldBlocks blocks = MakeBlocks(*metric, {.block_size = 64});
  const int64_t m = metric->data().v.cols();
  const double unit = blocks.frame().unit();
  AlignedBuffer<float> v(m * kFarPanel);
  AlignedBuffer<float> table(kFarPanel * FarFieldBlocks::kMaxRank);
  double largest = 0;
  for (int b = 0; b < blocks.num_blocks(); ++b) {
    const FarFieldBlocks::Block& block = blocks.block(b);
    const FarPoints to = blocks.points(b);
    const int64_t width = blocks.width(b);
    for (int32_t row = 0; row < metric->size(); row += 7) {
      double squared = 0;
      for (int64_t c = 0; c < m; ++c) {
        squared += std::pow(unit * metric->data().v(row, c), 2);
      }
      blocks.Project(*metric, absl::MakeConstSpan(&row, 1), b, v.data(),
                     table.data());
      const float error = blocks.ProjectionError(
          b, FloatAbove(std::sqrt(squared)), /*y_length=*/0);
      std::vector<double> missed(block.rank);
      for (int i = 0; i < block.rank; ++i) {
        missed[i] = table[i];
        for (int64_t c = 0; c < m; ++c) {
          missed[i] -= double{block.basis[c * width + i]} * unit *
                       metric->data().v(row, c);
        }
      }
      for (int j = 0; j < block.count; ++j) {
        double product = 0;
        for (int i = 0; i < block.rank; ++i) {
          product +=
              missed[i] * to.a[(j / kFarPanel * block.rank + i) * kFarPanel +
                               j % kFarPanel];
        }
        const double share =
            std::abs(product) / (double{error} * double{to.length[j]});
        EXPECT_LE(share, 1);
        largest = std::max(largest, share);
      }
    }
  }
  EXPECT_GT(largest, 0.005);
}

INSTANTIATE_TEST_SUITE_P(PointSets, FarFieldSetsTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

// The bounds of uniform points in the plane lie within a small factor of the
// largest covariance of each pair of blocks.
TEST(FarFieldLoosenessTest, IsSmall) {
  const Matrix<double> points = MakePoints("cube", 4000, 2, 1);
  const auto metric = MakeFarFieldMetric(
      points.view(), {.lengthscale = {0.2}, .num_inducing = 100});
  const PairCheck check =
      CheckPairs(*metric, MakeBlocks(*metric, {.block_size = 32}));
  EXPECT_EQ(check.exceeding, 0);
  EXPECT_EQ(check.exceeding_inducing, 0);
  const size_t size = check.looseness.size();
  EXPECT_GT(check.finite, 125 * 124 / 2 * 0.9);
  EXPECT_GT(size, 1000);
  EXPECT_LT(check.looseness[size / 2], 4);
  EXPECT_LT(check.looseness[size * 9 / 10], 10);
  RecordProperty("finite", std::to_string(check.finite));
  RecordProperty("size", std::to_string(size));
  RecordProperty("median", std::to_string(check.looseness[size / 2]));
  RecordProperty("tenth", std::to_string(check.looseness[size * 9 / 10]));
}

// Of points 1000 lengthscales apart c is 0, and all that is left are the shifts
// of nodes and points of both, 8 u 1e9 each.
TEST(FarFieldOriginTest, ShiftsAreInTheBound) {
  Matrix<double> points(64, 1);
  for (int i = 0; i < 64; ++i) points(i, 0) = 1e9 + i / 64.0 + i / 32 * 1e3;
  const auto metric = MakeFarFieldMetric(
      points.view(), {.family = KernelConfig::RBF, .coordinates = {1e9 + 500}});
  const double shift = 8 * kUnitRoundoff * 1e9;
  const double lambda = ChebyshevGrid(6, 1).lebesgue();
  EXPECT_NEAR(MakeBlocks(*metric, {.block_size = 32}).most(0, 1) / shift,
              2 * (1 + lambda) * (2 + lambda), 1e-3);
}

// Coordinates of which the last bits are missing: boxes, nodes and points move.
TEST(FarFieldOriginTest, BoundsHoldFarFromIt) {
  double most = 0;
  int64_t pairs = 0;
  double width = 0;
  for (const double offset : {1e3, 1e8, 1e12, 3e14}) {
    for (const int dim : {1, 2, 3}) {
      for (const char* name : {"cube", "grid", "scales"}) {
        Matrix<double> points = MakePoints(name, 300, dim, 1);
        for (int64_t i = 0; i < points.rows(); ++i) {
          for (int c = 0; c < dim; ++c) points(i, c) += offset;
        }
        for (const KernelConfig::Family family : kFamilies) {
          const auto metric = MakeFarFieldMetric(
              points.view(), {.family = family,
                              .lengthscale = {0.2},
                              .num_inducing = name[0] == 's' ? 10 : 30});
          const FarFieldBlocks blocks = MakeBlocks(*metric, {.block_size = 32});
          const PairCheck check = CheckPairs(*metric, blocks);
          EXPECT_EQ(check.exceeding, 0);
          EXPECT_EQ(check.exceeding_inducing, 0);
          for (const bool few : {false, true}) {
            EXPECT_EQ(OutsidePairs(*metric, blocks, few, pairs, width), 0);
          }
          most = std::max(most, check.most);
        }
      }
    }
  }
  EXPECT_GT(most, 0.5);
}

// Coordinates whose distances, squares or middles overflow.
TEST(FarFieldRangeTest, BoundsHoldForHugeCoordinates) {
  for (const double huge : {1e60, 1e160, 1.7e308}) {
    for (const int dim : {1, 2, 3, 7}) {
      Matrix<double> points = MakePoints("cube", 400, dim, 1);
      for (int64_t i = 0; i < 400; i += 3) {
        for (int c = 0; c < dim; ++c) {
          points(i, c) = (i >> c) % 2 == 0 ? huge : -huge;
        }
      }
      for (const KernelConfig::Family family : kFamilies) {
        const auto metric = MakeFarFieldMetric(
            points.view(),
            {.family = family, .lengthscale = {0.3}, .num_inducing = 30});
        const FarFieldBlocks blocks = MakeBlocks(*metric, {.block_size = 32});
        const PairCheck check = CheckPairs(*metric, blocks);
        EXPECT_EQ(check.exceeding, 0);
        EXPECT_EQ(check.exceeding_inducing, 0);
        for (int a = 0; a < blocks.num_blocks(); ++a) {
          for (int b = 0; b < blocks.num_blocks(); ++b) {
            EXPECT_FALSE(std::isnan(blocks.most(a, b)));
            EXPECT_FALSE(std::isnan(blocks.CenterDistance(a, b)));
          }
        }
      }
    }
  }
}

// Everything that a search reads of two objects.
std::string Bits(const FarFieldBlocks& blocks, int dim) {
  std::vector<float> all;
  for (int a = 0; a < blocks.num_blocks(); ++a) {
    for (int b = 0; b < blocks.num_blocks(); ++b) {
      all.push_back(blocks.most(a, b));
    }
    for (int64_t i = 0; i < std::ssize(blocks.inducing().rows()); ++i) {
      const auto codes = blocks.inducing().codes(i);
      all.insert(all.end(), codes.begin(), codes.end());
    }
    const FarPoints points = blocks.points(a);
    const int64_t size = int64_t{blocks.num_panels(a)} * kFarPanel;
    all.insert(all.end(), points.a, points.a + size * points.rank);
    all.insert(all.end(), points.z, points.z + size * dim);
    all.insert(all.end(), points.length, points.length + size);
    all.insert(all.end(), points.error, points.error + size);
    for (int64_t j = 0; j < size; ++j) {
      all.push_back(std::bit_cast<float>(points.row[j]));
    }
  }
  for (int b = 0; b < blocks.num_blocks(); ++b) {
    const FarBalls balls = blocks.balls()->of(b, 0);
    all.insert(all.end(), balls.a, balls.a + kFarPanel * balls.rank);
    all.insert(all.end(), balls.z, balls.z + kFarPanel * dim);
    for (const float* column : {balls.cosine, balls.sine}) {
      all.insert(all.end(), column, column + kFarPanel);
    }
  }
  return std::string(reinterpret_cast<const char*>(all.data()),
                     all.size() * sizeof(float));
}

TEST(FarFieldBlocksBitsTest, AnyInstructionSetAndNumberOfThreads) {
  for (const int dim : {1, 2, 3}) {
    const Matrix<double> points = MakePoints("normal", 700, dim, 1);
    for (const KernelConfig::Family family : kFamilies) {
      std::set<std::string> bits;
      for (const Isa isa : AvailableIsas()) {
        const auto metric = MakeFarFieldMetric(
            points.view(), {.family = family, .num_inducing = 43},
            *SimdRoutinesFor(isa));
        for (const int threads : {1, 3}) {
          bits.insert(
              Bits(MakeBlocks(*metric, {.block_size = 64}, threads), dim));
        }
      }
      EXPECT_EQ(bits.size(), 1);
    }
  }
}

TEST(FarFieldOfferedTest, WhereTheFactorIsKnownAndTheDimensionSmall) {
  const auto offered = [](int64_t n, int dim, int64_t num_inducing) {
    return FarFieldBlocks::Offered(
        *MakeTestModel(MakePoints("normal", n, dim, 1).view(),
                       KernelConfig::MATERN12, num_inducing)
             .metric);
  };
  EXPECT_TRUE(offered(40, 2, 5));
  EXPECT_TRUE(offered(40, 7, 5));
  EXPECT_TRUE(offered(1, 1, 1));
  EXPECT_FALSE(offered(40, 8, 5));
  EXPECT_FALSE(offered(0, 2, 5));
  // Without the factor, or with a jitter that proves nothing.
  const auto known = MakeTestModel(MakePoints("normal", 40, 2, 1).view(),
                                   KernelConfig::MATERN12, 5)
                         .metric;
  std::vector<int32_t> order(40);
  for (int32_t i = 0; i < 40; ++i) order[i] = i;
  EXPECT_FALSE(FarFieldBlocks::Offered(ResidualCorrelation(
      known->kernel(), known->data().Reordered(order), known->rounding())));
  EXPECT_FALSE(FarFieldBlocks::Offered(
      *MakeFarFieldMetric(MakePoints("normal", 40, 2, 1).view(),
                          {.jitter = 1e-14, .num_inducing = 20})));
}

TEST(FarFieldBlocksMonitorTest, StopsWhereCancelled) {
  const auto metric = MakeFarFieldMetric(MakePoints("cube", 500, 2, 1).view(),
                                         {.num_inducing = 20});
  Monitor monitor([](double) { return false; });
  const FarFieldBlocks blocks =
      MakeBlocks(*metric, {.block_size = 32}, 2, &monitor);
  EXPECT_TRUE(monitor.cancelled());
}

}  // namespace
}  // namespace rct
