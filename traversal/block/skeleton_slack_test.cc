// What each slack of the skeleton bound is for: without it, and with all others
// as they are, neighbors are lost. The exception is nu_rho. It guards a lemma,
// which is shown to fail without it for correlations that are exact and need no
// nu. In a search it is not missed: the float32 slack, there for another
// reason, is larger.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "gtest/gtest.h"
#include "metric/correlation_tile.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/test_reference.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/skeleton_searcher.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

SkeletonBoundConfig Config(SkeletonBoundConfig::Form form, int block_size) {
  SkeletonBoundConfig config;
  config.set_form(form);
  config.set_block_size(block_size);
  return config;
}

// Tight clusters: neighbors differ by less than bounds resolve, and only the
// slacks stand between a bound and an error.
struct Model {
  int64_t rows;
  int dim;
  ClusterShape clusters;
  double lengthscale;
  int num_inducing;
  double jitter;
  double variance_floor;
};

class Search {
 public:
  Search(const Model& model, uint64_t seed, int64_t k)
      : k_(k), rows_(model.rows) {
    std::iota(rows_.begin(), rows_.end(), 0);
    const Matrix<double> points = MakePointSet(PointSet::kClusters, model.rows,
                                               model.dim, seed, model.clusters);
    ResidualConfig config;
    config.mutable_kernel()->set_family(KernelConfig::RBF);
    config.mutable_kernel()->add_lengthscale(model.lengthscale);
    config.mutable_inducing()->mutable_random()->set_count(model.num_inducing);
    config.set_jitter(model.jitter);
    config.set_variance_floor(model.variance_floor);
    const Kernel kernel = *Kernel::Create(config.kernel(), model.dim);
    const InducingFactor factor = *InducingFactor::Create(
        kernel, *SelectInducingPoints(config.inducing(), points.view()),
        config);
    metric_ = std::make_shared<const ResidualCorrelation>(
        kernel, *factor.Project(points.view(), 2), factor.rounding());
    expected_ = ExhaustiveSearcher<ResidualCorrelation>(metric_)
                    .SearchRows(rows_, {.k = k_, .threads = 2})
                    .neighbors;
  }

  const ResidualCorrelation& metric() const { return *metric_; }

  int64_t WrongNeighbors(const SkeletonBoundConfig& config,
                         const SlackScale& scale = {}) const {
    const NeighborTable found =
        SkeletonSearcher::Create(metric_, config, 2, scale)
            .value()
            ->SearchRows(rows_, {.k = k_, .threads = 2})
            .neighbors;
    int64_t wrong = 0;
    for (int64_t i = 0; i < found.num_queries(); ++i) {
      for (int64_t j = 0; j < k_; ++j) {
        wrong +=
            static_cast<int64_t>(found.rows()(i, j) != expected_.rows()(i, j));
      }
    }
    return wrong;
  }

 private:
  int64_t k_;
  std::vector<int64_t> rows_;
  std::shared_ptr<const ResidualCorrelation> metric_;
  NeighborTable expected_;
};

class SlackTest : public testing::TestWithParam<double> {
 protected:
  const Search search_{{.rows = 8192,
                        .dim = 1,
                        .clusters = {.count = 128, .radius = 1e-5},
                        .lengthscale = 0.3,
                        .num_inducing = 128,
                        .jitter = GetParam(),
                        .variance_floor = 1e-9},
                       /*seed=*/1,
                       /*k=*/50};
};

TEST_P(SlackTest, ProvenConstantsLoseNothing) {
  for (const int block_size : {64, 256}) {
    for (const auto form :
         {SkeletonBoundConfig::TABLES, SkeletonBoundConfig::PROJECTIONS}) {
      EXPECT_EQ(search_.WrongNeighbors(Config(form, block_size)), 0);
    }
  }
}

TEST_P(SlackTest, WithoutThemNeighborsAreLost) {
  const SkeletonBoundConfig tables = Config(SkeletonBoundConfig::TABLES, 256);
  const SlackScale none = {.nugget = 0, .factors = 0, .filter = 0, .gap = 0};
  const int64_t without_filter = search_.WrongNeighbors(tables, {.filter = 0});
  EXPECT_GT(without_filter, 0);
  EXPECT_GT(search_.WrongNeighbors(tables, none), 5 * without_filter);
  EXPECT_GT(search_.WrongNeighbors(
                Config(SkeletonBoundConfig::PROJECTIONS, 256), none),
            0);
}

INSTANTIATE_TEST_SUITE_P(Jitter, SlackTest, testing::Values(1e-6, 1e-8));

// nu alone, in a search. Near inducing points p falls to the jitter, 1e-11, and
// the rounding of a covariance, a few u, becomes 1e-4 of a correlation: more
// than float32 adds.
TEST(NuggetTest, IsNeededInASearch) {
  const Search search({.rows = 4096,
                       .dim = 1,
                       .clusters = {.count = 128, .radius = 1e-5},
                       .lengthscale = 3,
                       .num_inducing = 8,
                       .jitter = 1e-11,
                       .variance_floor = 1e-13},
                      /*seed=*/1, /*k=*/10);
  // Every point is in a block: what holds is the bound.
  const SkeletonOptions options = {.block_size = 32};
  EXPECT_EQ(BlockSkeletons::Partition(search.metric(), options, 1).size(),
            search.metric().size());
  for (const auto form :
       {SkeletonBoundConfig::TABLES, SkeletonBoundConfig::PROJECTIONS}) {
    const SkeletonBoundConfig config = Config(form, 32);
    EXPECT_EQ(search.WrongNeighbors(config), 0);
    EXPECT_GT(search.WrongNeighbors(config, {.nugget = 0}), 100);
  }
}

// The slack of g^2 alone, in a search. Where clusters are cut by the borders of
// blocks, a skeleton's point has a near duplicate in another skeleton: g^2 is
// about 1e-7, which float32 rounds to 0. The bound of what lies 0.1 and more
// from both then lacks g e_j = 3e-5.
TEST(GapSlackTest, IsNeededInASearch) {
  SkeletonBoundConfig config = Config(SkeletonBoundConfig::TABLES, 32);
  config.set_rms_residual(0.6);
  int64_t without = 0;
  for (const uint64_t seed : {2, 3}) {
    const Search search({.rows = 512,
                         .dim = 2,
                         .clusters = {.count = 11, .radius = 3e-5},
                         .lengthscale = 1,
                         .num_inducing = 1,
                         .jitter = 1e-6,
                         .variance_floor = 1e-9},
                        seed, /*k=*/56);
    EXPECT_EQ(search.WrongNeighbors(config), 0);
    without += search.WrongNeighbors(config, {.gap = 0});
  }
  EXPECT_GT(without, 10);
}

// A regular simplex of n = 2^power + 1 points: rho = -2^-power without any
// rounding, a Gram matrix as it is and singular, so that nu is not needed.
ResidualCorrelation Simplex(int power) {
  const int64_t n = (int64_t{1} << power) + 1;
  ResidualPoints points(n, /*dim=*/1, /*num_inducing=*/2);
  const double component = std::ldexp(1.0, -(power + 1) / 2);
  std::fill_n(points.v.data(), n * points.v.stride(), 0.0);
  for (int64_t i = 0; i < n; ++i) {
    // Apart, so that nothing but -v . v is left.
    points.points(i, 0) = 1e3 * static_cast<double>(i);
    points.v(i, 0) = component;
    points.v(i, 1) = power % 2 == 0 ? 0 : component;
    points.variance[i] = points.inverse_sqrt[i] = 1;
  }
  const KernelConfig kernel = MakeKernelConfig(KernelFamily::kRbf, 1, {1});
  return ResidualCorrelation(
      *Kernel::Create(kernel, 1), std::move(points),
      RoundingModel{
          .num_inducing = 0, .variance = 1, .jitter = 1, .kernel_ulps = 0});
}

// All points of the simplex but two are the skeleton of one block. Those two
// have opposite n_j: bound (2) is an equality, |rho - w_q . w_j| = e_q e_j.
// Returns by how much the bound of the computed float64 numbers, evaluated
// exactly, exceeds it.
double Excess(int power, double factors) {
  const ResidualCorrelation metric = Simplex(power);
  const auto n = static_cast<double>(metric.size());
  const SkeletonOptions options = {
      .block_size = int64_t{2} << power,
      .rms_residual = std::sqrt(1.5 / n),  // n e^2 is 2 before the last, then 1
      .scale = {.nugget = 0, .factors = factors}};
  const BlockSkeletons skeletons(
      metric, options, BlockSkeletons::Partition(metric, options, 1), 1);
  const int rank = skeletons.block(0).rank;
  EXPECT_EQ(rank, metric.size() - 2);

  std::vector<int32_t> others;
  for (int32_t i = 0; i < metric.size(); ++i) {
    if (skeletons.e()[skeletons.position(i)] > 0) others.push_back(i);
  }
  EXPECT_EQ(others.size(), 2);
  TilePoints pair(2, 1);
  pair.Assign(metric.data(), others);
  AlignedBuffer<double> w(RoundUpToLanes(rank) * 8);
  std::fill(w.begin(), w.end(), 0.0);
  for (int c = 0; c < rank; ++c) {
    CorrelationTile(metric, skeletons.members(), c, 1, pair, 0, 2,
                    w.data() + int64_t{8} * c, 8);
    std::fill_n(w.data() + int64_t{8} * c + 2, 6, 0.0);
  }
  skeletons.Solve(0, 8, 8, w.data());

  Quad product = 0;
  Quad squared[2] = {0, 0};
  for (int c = 0; c < rank; ++c) {
    const Quad q = w[8 * c], j = w[8 * c + 1];
    product += q * j;
    squared[0] += q * q;
    squared[1] += j * j;
  }
  const Quad whole = 1 + static_cast<Quad>(skeletons.slack().Tau(1));
  const Quad rho = -std::ldexp(1.0, -power);
  const Quad error = rho < product ? product - rho : rho - product;
  return static_cast<double>(
      SqrtQuad((whole - squared[0]) * (whole - squared[1])) - error);
}

// nu_rho alone, in the lemma: computed T and w are factors of a Gram matrix.
TEST(FactorsTest, AreNeededInTheLemma) {
  int violated = 0;
  for (int power = 3; power <= 8; ++power) {
    EXPECT_GE(Excess(power, 1), 0) << power;
    violated += static_cast<int>(Excess(power, 0) < 0);
  }
  EXPECT_GT(violated, 0);
}

// nu_rho under e_q and e_j raises their product by at most its square root
// (where one is 0 and the other 1), in bound (1) twice. The filter adds more.
TEST(FactorsTest, AreHiddenInASearch) {
  for (int rank = 1; rank <= 256; ++rank) {
    const SkeletonSlack slack(
        {.num_inducing = 0, .variance = 1, .jitter = 1, .kernel_ulps = 0}, rank,
        {.nugget = 0});
    const double most = std::sqrt(slack.Tau(1) * (1 + slack.Tau(1)));
    EXPECT_LT(most, slack.Product(rank));
    EXPECT_LT(2 * most, slack.Product(rank, rank, 1, 0));
  }
}

}  // namespace
}  // namespace rct
