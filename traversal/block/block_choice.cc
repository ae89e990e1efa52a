#include "traversal/block/block_choice.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/monitor.h"
#include "base/status_macros.h"
#include "metric/residual_correlation.h"
#include "metric/simd_routines.h"
#include "traversal/block/correlation_searcher.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_costs.h"
#include "traversal/block/far_field_probe.h"
#include "traversal/block/far_field_searcher.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_config.h"
#include "traversal/block/skeleton_costs.h"
#include "traversal/block/skeleton_searcher.h"
#include "traversal/block/space_partition.h"
#include "traversal/build_phase.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/exhaustive/float_screen_searcher.h"

namespace rct {
namespace {

// Fewer points are searched in less time than the far field's blocks take.
constexpr int64_t kMinPoints = 8192;
constexpr int64_t kMinPointsOfInducing = 16;

// In more dimensions its grids are too coarse to be the cheapest.
constexpr int kMaxDimensions = 3;

// Where a correlation in float32 is off by more than this for half of all
// pairs, its filter tells little.
constexpr double kMaxError = 1e-3;

// The sample of the far field is not worth its time where skeletons are
// expected to be this many times faster than all pairs, index included; and for
// a smooth kernel where they are this much faster and a query costs no more
// than so many evaluations.
constexpr double kFastEnough = 80;
constexpr double kFastEnoughIfSmooth = 4;
constexpr double kFewEvaluations = 16384;

// The least rank of a block's basis that is met.
constexpr double kLeastRank = 12;

// A bound must promise this much more than a search of all pairs, of which
// forecasts are surest.
constexpr double kSurer = 0.9;

// Returns the bytes of a float screen: V and the coordinates in float32.
double ScreenBytes(const ResidualCorrelation& metric) {
  return 4.0 * static_cast<double>(metric.size()) *
         static_cast<double>(metric.point_width() + metric.dim() + 16);
}

// Returns the bytes of a tree of boxes, of a padded leaf's coordinates and of
// the points in their order.
double BoxBytes(const ResidualCorrelation& metric) {
  return static_cast<double>(metric.size()) * (24.0 * metric.dim() + 24);
}

// What the far field competes with, and what came of it.
class Choice {
 public:
  Choice(const std::shared_ptr<const ResidualCorrelation>& metric,
         const SkeletonBoundConfig& config, int threads, Monitor* monitor)
      : metric_(metric),
        options_(FarFieldOptionsFor(*metric, {})),
        threads_(threads),
        monitor_(monitor),
        queries_(config.expected_queries() > 0 ? config.expected_queries()
                                               : metric->size()),
        memory_(MemoryOf(config)),
        screen_pays_(FloatScreenSearcher::Pays(*metric) &&
                     ScreenBytes(*metric) <= memory_) {}

  bool screen_pays() const { return screen_pays_; }
  int64_t queries() const { return queries_; }
  // The costs of the far field where it is the cheapest, and the partition of
  // its blocks.
  const std::optional<FarFieldCosts>& far_field() const { return far_field_; }
  std::optional<SpacePartition> TakePartition() {
    return std::exchange(partition_, std::nullopt);
  }

  // Returns whether skeletons of these costs, which are absent where skeletons
  // dismiss nothing, are cheaper than all else.
  bool Skeletons(const std::optional<SkeletonCosts>& costs) {
    const double pairs =
        static_cast<double>(queries_) * static_cast<double>(metric_->size());
    const double all_pairs =
        kSurer * (screen_pays_ ? FarFieldSearcher::kScreenCost : 1) * pairs;
    const double skeletons = costs.has_value()
                                 ? costs->Total(queries_)
                                 : std::numeric_limits<double>::infinity();
    if (MayPay(skeletons, pairs, std::min(skeletons, all_pairs))) {
      const FarFieldCosts far = Probe();
      if (!Monitor::Go(monitor_)) return false;
      if (far.bytes() <= memory_ &&
          far.build() + far.search(queries_) < std::min(skeletons, all_pairs)) {
        far_field_ = far;
      } else {
        partition_.reset();
      }
    }
    return !far_field_.has_value() && skeletons < all_pairs;
  }

 private:
  // Returns whether the far field may be cheaper than `least`, as far as can be
  // told without a sample.
  bool MayPay(double skeletons, double pairs, double least) const {
    const int64_t n = metric_->size();
    const KernelFamily family = metric_->kernel().family();
    const bool smooth =
        family == KernelFamily::kMatern52 || family == KernelFamily::kRbf;
    const bool few =
        skeletons < kFewEvaluations * static_cast<double>(queries_);
    const double fast_enough =
        smooth && few ? kFastEnoughIfSmooth : kFastEnough;
    if (metric_->dim() > kMaxDimensions || n < kMinPoints ||
        n < kMinPointsOfInducing * metric_->data().v.cols() ||
        skeletons * fast_enough < pairs || !FarFieldBlocks::Offered(*metric_) ||
        FloatScreenSearcher::TypicalError(*metric_) > kMaxError) {
      return false;
    }
    const ChebyshevGrid grid(ChebyshevGrid::SideFor(family, metric_->dim()),
                             metric_->dim());
    const FarFieldCosts costs(*metric_, options_.block_size, options_.balls,
                              kLeastRank, grid.size(), {});
    return costs.bytes() <= memory_ &&
           costs.build() + costs.search(queries_) < least;
  }

  FarFieldCosts Probe() {
    partition_ = FarFieldBlocks::Partition(*metric_, options_, threads_);
    return ProbeFarField(ExhaustiveSearcher<ResidualCorrelation>(metric_),
                         options_, *partition_, threads_, monitor_);
  }

  const std::shared_ptr<const ResidualCorrelation>& metric_;
  FarFieldOptions options_;
  int threads_;
  Monitor* monitor_;
  int64_t queries_;
  double memory_;
  bool screen_pays_;
  std::optional<FarFieldCosts> far_field_;
  std::optional<SpacePartition> partition_;
};

}  // namespace

absl::StatusOr<ChosenSearcher> ChooseBlockSearcher(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config, int threads, Monitor* monitor) {
  const Monitor::Part whole(monitor);
  if (config.form() == SkeletonBoundConfig::AUTO &&
      CorrelationSearcher::Offered(*metric) &&
      BoxBytes(*metric) <= MemoryOf(config)) {
    PhaseClock clock;
    auto boxes = CorrelationSearcher::Create(*metric, threads);
    RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
    clock.End("boxes", 0, boxes->bytes());
    return ChosenSearcher{std::move(boxes), clock.Take()};
  }
  Choice choice(metric, config, threads, monitor);
  const auto rival = [&](const std::optional<SkeletonCosts>& costs) {
    return choice.Skeletons(costs);
  };
  RCT_ASSIGN_OR_RETURN(auto skeletons,
                       SkeletonSearcher::Create(metric, config, threads,
                                                /*scale=*/{}, monitor, rival));
  ChosenSearcher chosen;
  chosen.phases = skeletons->lazy().phases();
  if (config.form() != SkeletonBoundConfig::AUTO ||
      skeletons->lazy().form() != SkeletonBoundConfig::DENSE ||
      metric->size() == 0) {
    chosen.searcher = std::move(skeletons);
    return chosen;
  }
  PhaseClock clock;
  // Calls without blocks make a screen, and keep it.
  const bool screens =
      choice.screen_pays() &&
      (!choice.far_field().has_value() ||
       ScreenBytes(*metric) + choice.far_field()->bytes() <= MemoryOf(config));
  auto far = std::make_unique<const FarFieldSearcher>(
      metric, FarFieldConfig(), choice.far_field(), screens,
      choice.TakePartition());
  if (choice.screen_pays() && !choice.far_field().has_value()) {
    const FloatScreenSearcher& screen = far->MakeScreen(threads);
    RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
    clock.End("float_screen", 0, screen.bytes());
  }
  if (config.expected_queries() > 0 && choice.far_field().has_value()) {
    far->MakeBlocks(threads, monitor);
    RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
    clock.End("far_field", 0, far->blocks()->bytes(),
              std::llround(choice.far_field()->build()));
  }
  for (BuildPhase& phase : clock.Take()) {
    chosen.phases.push_back(std::move(phase));
  }
  chosen.searcher = std::move(far);
  return chosen;
}

}  // namespace rct
