// What each slack of the skeleton bound is for: without it, neighbours are
// lost.

#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "base/matrix.h"
#include "base/point_sets.h"
#include "gtest/gtest.h"
#include "heuristics/skeleton_bound/skeleton_bound.pb.h"
#include "heuristics/skeleton_bound/skeleton_bounds.h"
#include "heuristics/skeleton_bound/skeleton_searcher.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "traversal/exhaustive.h"
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

// Tight clusters on a line: neighbours differ by less than bounds resolve, and
// only the slacks stand between a bound and an error.
class SlackTest : public testing::TestWithParam<double> {
 protected:
  static constexpr int64_t kRows = 8192;
  static constexpr int64_t kNeighbors = 50;

  void SetUp() override {
    std::iota(rows_.begin(), rows_.end(), 0);
    const Matrix<double> points = MakePointSet(PointSet::kClusters, kRows, 1, 1,
                                               {.count = 128, .radius = 1e-5});
    ResidualConfig config;
    config.mutable_kernel()->set_family(KernelConfig::RBF);
    config.mutable_kernel()->add_lengthscale(0.3);
    config.mutable_inducing()->mutable_random()->set_count(128);
    config.set_jitter(GetParam());
    const Kernel kernel = *Kernel::Create(config.kernel(), 1);
    const InducingFactor factor = *InducingFactor::Create(
        kernel, *SelectInducingPoints(config.inducing(), points.view()),
        config);
    metric_ = std::make_shared<const ResidualCorrelation>(
        kernel, *factor.Project(points.view(), 2), factor.rounding());
    expected_ = ExhaustiveSearcher<ResidualCorrelation>(metric_)
                    .SearchRows(rows_, {.k = kNeighbors, .threads = 2})
                    .neighbors;
  }

  int64_t WrongNeighbors(const SkeletonBoundConfig& config,
                         const SlackScale& scale = {}) const {
    const NeighborTable found =
        SkeletonSearcher::Create(metric_, config, 2, scale)
            .value()
            ->SearchRows(rows_, {.k = kNeighbors, .threads = 2})
            .neighbors;
    int64_t wrong = 0;
    for (int64_t i = 0; i < kRows; ++i) {
      for (int64_t j = 0; j < kNeighbors; ++j) {
        wrong +=
            static_cast<int64_t>(found.rows()(i, j) != expected_.rows()(i, j));
      }
    }
    return wrong;
  }

  std::vector<int64_t> rows_ = std::vector<int64_t>(kRows);
  std::shared_ptr<const ResidualCorrelation> metric_;
  NeighborTable expected_;
};

TEST_P(SlackTest, ProvenConstantsLoseNothing) {
  for (const int block_size : {64, 256}) {
    EXPECT_EQ(WrongNeighbors(Config(SkeletonBoundConfig::TABLES, block_size)),
              0);
    EXPECT_EQ(
        WrongNeighbors(Config(SkeletonBoundConfig::PROJECTIONS, block_size)),
        0);
  }
}

TEST_P(SlackTest, WithoutThemNeighborsAreLost) {
  const auto wrong = [this](const SlackScale& scale) {
    return WrongNeighbors(Config(SkeletonBoundConfig::TABLES, 256), scale);
  };
  const int64_t without_filter = wrong({.filter = 0});
  const int64_t without_all =
      wrong({.nugget = 0, .factors = 0, .filter = 0, .gap = 0});
  EXPECT_GT(without_filter, 0);
  // The slack of float32 hides what float64 needs, and does without it.
  EXPECT_GT(without_all, 10 * without_filter);
  EXPECT_GT(WrongNeighbors(Config(SkeletonBoundConfig::PROJECTIONS, 256),
                           {.nugget = 0, .factors = 0, .filter = 0, .gap = 0}),
            0);
}

INSTANTIATE_TEST_SUITE_P(Jitter, SlackTest, testing::Values(1e-6, 1e-8));

}  // namespace
}  // namespace rct
