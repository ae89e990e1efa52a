#include "parity/soak/case_generator.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/random.h"
#include "heuristics/composition/heuristics.pb.h"
#include "index/index.pb.h"
#include "metric/isa.h"
#include "metric/metric.pb.h"
#include "metric/test_data.h"
#include "parity/soak/soak.pb.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// Draws for choices. No expression below makes two draws whose order the
// language leaves open, and numbers come from products and powers of two alone:
// every machine draws the same bits.
class Dice {
 public:
  Dice(uint64_t seed, uint64_t number) : random_(seed, number) {}

  bool Chance(double probability) { return random_.Uniform() < probability; }
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_.UniformBelow(high - low + 1));
  }
  uint64_t Seed() { return random_.UniformBelow(1'000'000); }
  template <class T>
  T Of(std::initializer_list<T> values) {
    return values.begin()[random_.UniformBelow(values.size())];
  }
  // Each power of two from low to high is as likely, with any mantissa.
  double Scale(int low, int high) {
    const double mantissa = 1 + random_.Uniform();
    return std::ldexp(mantissa, static_cast<int>(Between(low, high)));
  }
  // An integer from 1 to high, small ones as likely as large ones.
  int64_t Size(int64_t high) {
    int bits = 0;
    while ((int64_t{1} << (bits + 1)) <= high) ++bits;
    const double size = Scale(0, bits);
    return std::clamp<int64_t>(static_cast<int64_t>(size), 1, high);
  }

 private:
  RandomStream random_;
};

// From this many points on, tables of small blocks may be compact.
constexpr int64_t kMany = 4200;

int64_t DrawCount(Dice& dice) {
  if (dice.Chance(0.02)) return dice.Between(kMany, 6000);
  // Of fewer points BLOCK searches for predecessors exhaustively.
  if (dice.Chance(0.03)) return dice.Between(2060, 2600);
  const int64_t kind = dice.Between(0, 9);
  if (kind < 2) return dice.Size(63);
  if (kind < 5) {
    // Around the borders of blocks.
    const int64_t border = dice.Of({32, 64, 96, 128, 256, 512, 1024});
    return border + dice.Between(-2, 2);
  }
  return kind < 9 ? dice.Between(64, 600) : dice.Between(600, 2500);
}

int64_t DrawDim(Dice& dice) {
  const int64_t kind = dice.Between(0, 9);
  if (kind < 7) return dice.Between(1, 3);
  return kind < 9 ? dice.Between(4, 9) : dice.Size(100);
}

SoakPoints DrawPoints(Dice& dice) {
  SoakPoints points;
  const std::vector<std::string> shapes = AdversarialNames();
  points.set_shape(shapes[dice.Between(0, shapes.size() - 1)]);
  points.set_count(DrawCount(dice));
  points.set_dim(DrawDim(dice));
  points.set_seed(dice.Seed());
  if (dice.Chance(0.2)) points.set_scale(dice.Of({1e8, 1e-8, 1e-100, 3e4}));
  if (dice.Chance(0.15)) {
    points.set_offset(points.scale() * dice.Of({1.0, 1e3, 1e8}));
  }
  if (dice.Chance(0.25)) points.set_copies(dice.Of({0.02, 0.3, 0.9}));
  if (dice.Chance(0.2)) points.set_nudged(dice.Of({0.05, 0.5}));
  if (dice.Chance(0.3)) {
    points.set_clusters(dice.Size(std::max<int64_t>(1, points.count() / 4)));
    points.set_deviation(dice.Scale(-30, -8));
  }
  return points;
}

KernelConfig DrawKernel(const SoakPoints& points, Dice& dice) {
  KernelConfig kernel;
  kernel.set_family(dice.Of({KernelConfig::RBF, KernelConfig::MATERN12,
                             KernelConfig::MATERN32, KernelConfig::MATERN52}));
  if (dice.Chance(0.3)) kernel.set_variance(dice.Scale(-40, 40));
  const double lengthscale =
      points.scale() *
      (dice.Chance(0.8) ? dice.Scale(-4, 3) : dice.Scale(-20, 20));
  const bool isotropic = points.dim() == 1 || dice.Chance(0.6);
  for (int64_t t = 0; t < (isotropic ? 1 : points.dim()); ++t) {
    kernel.add_lengthscale(isotropic ? lengthscale
                                     : lengthscale * dice.Scale(-3, 3));
  }
  return kernel;
}

InducingConfig DrawInducing(const SoakPoints& points, Dice& dice) {
  const int64_t n = points.count();
  const int64_t count = dice.Chance(0.05) ? std::min<int64_t>(n, 150)
                                          : dice.Size(std::min<int64_t>(n, 90));
  InducingConfig config;
  switch (dice.Between(0, 7)) {
    case 0:
      config.mutable_kmeans_plus_plus()->set_count(count);
      config.mutable_kmeans_plus_plus()->set_seed(dice.Seed());
      break;
    case 1:
      config.mutable_kmeans()->set_count(count);
      config.mutable_kmeans()->set_seed(dice.Seed());
      config.mutable_kmeans()->set_nearest_rows(dice.Chance(0.5));
      break;
    case 2:
      config.mutable_cover_tree()->set_count(count);
      break;
    default:
      config.mutable_random()->set_count(count);
      config.mutable_random()->set_seed(dice.Seed());
  }
  return config;
}

// Makes a model in which roundings are as large as they may be: points in one
// smooth picture, a small jitter, and p down to it.
void DrawRoundings(const SoakPoints& points, Dice& dice,
                   ResidualConfig& residual) {
  KernelConfig& kernel = *residual.mutable_kernel();
  kernel.set_family(
      dice.Of({KernelConfig::RBF, KernelConfig::RBF, KernelConfig::MATERN52}));
  kernel.clear_lengthscale();
  kernel.add_lengthscale(points.scale() * dice.Scale(-2, 2));
  residual.mutable_inducing()->mutable_random()->set_count(
      dice.Size(std::min<int64_t>(points.count(), 130)));
  const double jitter = dice.Of({1e-6, 1e-8, 1e-10, 1e-11});
  residual.set_jitter(jitter);
  residual.set_variance_floor(jitter * dice.Of({1e-3, 1e-2, 1.0}));
}

MetricConfig DrawMetric(const SoakPoints& points, Dice& dice) {
  MetricConfig metric;
  const int64_t kind = dice.Between(0, 9);
  if (kind == 0) {
    *metric.mutable_correlation() = DrawKernel(points, dice);
  } else if (kind <= 2) {
    auto& lengthscale = *metric.mutable_euclidean()->mutable_lengthscale();
    if (dice.Chance(0.6)) {
      lengthscale = DrawKernel(points, dice).lengthscale();
    }
  } else {
    ResidualConfig& residual = *metric.mutable_residual();
    *residual.mutable_kernel() = DrawKernel(points, dice);
    *residual.mutable_inducing() = DrawInducing(points, dice);
    if (dice.Chance(0.4)) residual.set_jitter(dice.Scale(-40, -4));
    if (dice.Chance(0.2)) residual.set_variance_floor(dice.Scale(-40, -3));
    if (dice.Chance(points.clusters() > 0 ? 0.6 : 0.1)) {
      DrawRoundings(points, dice, residual);
    }
  }
  return metric;
}

void DrawTree(bool correlation, Dice& dice, IndexOptions& options) {
  options.set_strategy(dice.Of({LEVEL_SYNCHRONOUS, BEST_FIRST}));
  if (dice.Chance(0.8)) {
    CoverTreeConfig& tree = *options.mutable_tree();
    tree.set_structure(
        dice.Of({CoverTreeConfig::RESIDUAL, CoverTreeConfig::STATIC}));
    tree.set_node_order(
        dice.Of({CoverTreeConfig::NATURAL, CoverTreeConfig::HILBERT,
                 CoverTreeConfig::BREADTH_FIRST}));
    tree.set_base(dice.Of({1.1, 1.3, 2.0, 4.0, 8.0}));
    tree.set_leaf_size(dice.Of({1, 2, 4, 16, 64}));
  }
  HeuristicsConfig& heuristics = *options.mutable_heuristics();
  if (correlation && dice.Chance(0.4)) {
    heuristics.mutable_level_cache()->set_pivots(dice.Of({1, 2, 5, 16, 32}));
  }
  if (dice.Chance(0.3)) {
    heuristics.mutable_dynamic_block()->add_block(dice.Between(1, 8));
    heuristics.mutable_dynamic_block()->add_block(dice.Between(9, 128));
    heuristics.mutable_dynamic_block()->add_active_up_to(dice.Size(500));
  }
  if (dice.Chance(0.3)) {
    heuristics.mutable_budget_ladder()->add_rung(dice.Size(64));
    heuristics.mutable_budget_ladder()->set_patience(dice.Of({1, 2, 4}));
  }
  if (dice.Chance(0.3)) {
    heuristics.mutable_radius_floor()->set_floor_radians(dice.Scale(-20, -1));
  }
  if (dice.Chance(0.3)) heuristics.mutable_masked_dedupe();
  if (dice.Chance(0.3)) heuristics.mutable_child_order();
}

void DrawSkeletons(int64_t n, Dice& dice, SkeletonBoundConfig& config) {
  config.set_form(
      dice.Of({SkeletonBoundConfig::AUTO, SkeletonBoundConfig::TABLES,
               SkeletonBoundConfig::TABLES, SkeletonBoundConfig::PROJECTIONS,
               SkeletonBoundConfig::DENSE}));
  if (dice.Chance(0.7)) config.set_block_size(dice.Of({32, 32, 64, 128}));
  if (dice.Chance(0.4)) config.set_rms_residual(dice.Scale(-9, -1));
  if (dice.Chance(0.3)) config.set_norm_table(false);
  if (dice.Chance(0.3)) config.set_sub_blocks(false);
  if (dice.Chance(0.4)) config.set_expected_queries(dice.Size(1000 * n));
  if (dice.Chance(0.4)) config.set_group_by_row(dice.Chance(0.5));
  if (dice.Chance(0.1)) config.set_memory_bytes(dice.Size(100'000'000));
  if (n >= kMany && dice.Chance(0.7)) {
    // With skeletons of half a block tables are compact.
    config.set_form(SkeletonBoundConfig::TABLES);
    config.set_block_size(dice.Of({32, 64}));
    config.set_rms_residual(dice.Scale(-12, -9));
    config.clear_memory_bytes();
  }
}

void DrawFarField(Dice& dice, FarFieldConfig& config) {
  if (dice.Chance(0.8)) config.set_block_size(dice.Of({32, 32, 64, 128}));
  if (dice.Chance(0.4)) config.set_rms_rest(dice.Scale(-9, -2));
}

IndexOptions DrawOptions(const SoakCase& drawn, Dice& dice) {
  IndexOptions options;
  options.set_threads(dice.Of({1, 1, 2, 3}));
  const bool correlation = !drawn.metric().has_euclidean();
  // Of many points the other strategies take seconds.
  const int64_t kind = drawn.points().count() >= kMany ? 9 : dice.Between(0, 9);
  if (kind == 0) return options;
  if (drawn.from_factors() || kind == 1) {
    options.set_strategy(EXHAUSTIVE);
    if (correlation && dice.Chance(0.7)) {
      options.mutable_heuristics()->mutable_float_screen();
    }
  } else if (kind <= 4) {
    DrawTree(correlation, dice, options);
  } else {
    options.set_strategy(BLOCK);
    if (!correlation) return options;
    if (dice.Chance(0.3)) {
      DrawFarField(dice, *options.mutable_heuristics()->mutable_far_field());
    } else if (dice.Chance(0.95)) {
      DrawSkeletons(drawn.points().count(), dice,
                    *options.mutable_heuristics()->mutable_skeleton_bound());
    }
  }
  return options;
}

int64_t DrawK(int64_t n, Dice& dice) {
  switch (dice.Between(0, 5)) {
    case 0:
      return 1;
    case 1:
      return dice.Of({8, 16, 31, 32, 33, 61, 62, 63, 64, 65});
    case 2:
      return std::max<int64_t>(1, n + dice.Between(-1, 2));
    case 3:
      return dice.Size(n);
    default:
      return dice.Between(2, 12);
  }
}

int64_t DrawRadiusRank(int64_t n, Dice& dice) {
  switch (dice.Between(0, 3)) {
    case 0:
      return dice.Between(1, n);
    case 1:
      // Around the sizes of the rounds in which a range is searched.
      return std::min<int64_t>(n, dice.Of({62, 63, 64, 496, 497, 498}));
    default:
      return dice.Size(n);
  }
}

SoakCall DrawCall(const SoakCase& drawn, Dice& dice) {
  const int64_t n = drawn.points().count();
  SoakCall call;
  call.set_kind(dice.Of(
      {SoakCall::ROWS, SoakCall::ROWS, SoakCall::ROWS, SoakCall::SINGLE_ROWS,
       SoakCall::GRAPH, SoakCall::GRAPH, SoakCall::GRAPH, SoakCall::ORDERED,
       SoakCall::POINTS, SoakCall::RANGE, SoakCall::RANGE_POINTS}));
  if (drawn.from_factors() && (call.kind() == SoakCall::POINTS ||
                               call.kind() == SoakCall::RANGE_POINTS)) {
    call.set_kind(SoakCall::ROWS);
  }
  call.set_k(DrawK(n, dice));
  call.set_queries(call.kind() == SoakCall::SINGLE_ROWS
                       ? dice.Size(40)
                       : dice.Size(std::min<int64_t>(2 * n, 600)));
  call.set_seed(dice.Seed());
  const bool new_points =
      call.kind() == SoakCall::POINTS || call.kind() == SoakCall::RANGE_POINTS;
  if (!new_points && dice.Chance(0.4)) call.set_predecessor(true);
  if (!new_points && dice.Chance(0.3)) call.set_exclude_self(true);
  if (call.kind() == SoakCall::RANGE || call.kind() == SoakCall::RANGE_POINTS ||
      dice.Chance(call.kind() == SoakCall::SINGLE_ROWS ? 0.6 : 0.25)) {
    call.set_radius_rank(DrawRadiusRank(n, dice));
    call.set_radius_ulps(static_cast<int32_t>(dice.Between(-1, 1)));
  }
  if (dice.Chance(0.2)) call.set_allowed(dice.Of({0.0, 0.02, 0.5, 0.95}));
  call.set_threads(dice.Of({1, 1, 2, 3}));
  return call;
}

// Draws what becomes of the index between two calls.
void DrawChange(const SoakCase& drawn, Dice& dice, SoakStep& step) {
  const int64_t kind = dice.Between(0, 4);
  const bool fixed = drawn.from_factors();
  if (kind == 0 && !fixed) {
    step.mutable_append()->set_count(
        dice.Size(std::max<int64_t>(1, drawn.points().count() / 2)));
  } else if (kind <= 2 && !fixed && !drawn.metric().has_euclidean()) {
    SoakStep::Rebuild& rebuild = *step.mutable_rebuild();
    const MetricConfig& metric = drawn.metric();
    const KernelConfig& first = metric.has_residual()
                                    ? metric.residual().kernel()
                                    : metric.correlation();
    *rebuild.mutable_kernel() =
        dice.Chance(0.3) ? first : DrawKernel(drawn.points(), dice);
    if (drawn.metric().has_residual() && dice.Chance(0.3)) {
      rebuild.set_select(true);
    }
  } else if (kind == 3) {
    step.mutable_bytes();
  } else {
    step.mutable_save()->set_map(dice.Chance(0.5));
  }
}

}  // namespace

SoakCase MakeSoakCase(uint64_t seed, int64_t number) {
  Dice dice(seed, static_cast<uint64_t>(number));
  SoakCase drawn;
  *drawn.mutable_points() = DrawPoints(dice);
  *drawn.mutable_metric() = DrawMetric(drawn.points(), dice);
  if (drawn.metric().has_residual()) {
    if (dice.Chance(0.5)) {
      drawn.set_given(dice.Of({SoakCase::ROWS, SoakCase::COORDINATES,
                               SoakCase::BETWEEN, SoakCase::TWICE}));
    }
    if (dice.Chance(0.06)) drawn.set_from_factors(true);
  }
  if (!drawn.metric().has_euclidean() && dice.Chance(0.15)) {
    // Every machine has this one.
    drawn.set_isa(std::string(IsaName(Isa::kScalar)));
  }
  *drawn.mutable_options() = DrawOptions(drawn, dice);
  *drawn.add_step()->mutable_call() = DrawCall(drawn, dice);
  while (drawn.step_size() < 8 && dice.Chance(0.6)) {
    if (dice.Chance(0.5)) DrawChange(drawn, dice, *drawn.add_step());
    *drawn.add_step()->mutable_call() = DrawCall(drawn, dice);
  }
  return drawn;
}

}  // namespace rct
