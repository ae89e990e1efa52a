#include "heuristics/composition/composition.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/archive.h"
#include "base/monitor.h"
#include "base/status_macros.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "heuristics/budget_ladder/budget_ladder.h"
#include "heuristics/child_order/child_order.h"
#include "heuristics/dynamic_block/dynamic_block.h"
#include "heuristics/level_cache/level_cache.h"
#include "heuristics/masked_dedupe/masked_dedupe.h"
#include "heuristics/radius_floor/radius_floor.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_choice.h"
#include "traversal/block/box_searcher.h"
#include "traversal/block/far_field_searcher.h"
#include "traversal/block/skeleton_archive.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_config.h"
#include "traversal/block/skeleton_searcher.h"
#include "traversal/build_phase.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/exhaustive/float_screen.pb.h"
#include "traversal/exhaustive/float_screen_searcher.h"
#include "traversal/searcher.h"
#include "traversal/tree/best_first.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/level_synchronous.h"
#include "traversal/tree/planted_tree.h"
#include "traversal/tree/slots.h"

namespace rct {
namespace {

// The share of the work that a monitor is told for a tree that is planted
// before a level cache: the pivots of the cache are measured on about as many
// pairs as the nets are, and as the balls are.
constexpr double kTreeShare = 0.67;

// The slots that are asked once for a tile or a frontier: the heuristic if it
// is on, and the empty default if it is off.
struct ComposedTile {
  int Candidates(int64_t active) {
    return on ? on->Candidates(active) : WidestTile().Candidates(active);
  }
  void Report(SearchCounters& counters) const {
    if (on) on->Report(counters);
  }
  std::optional<DynamicBlock> on;
};
struct ComposedOrder {
  bool NearestFirst() { return on && on->NearestFirst(); }
  void Report(SearchCounters& counters) const {
    if (on) on->Report(counters);
  }
  std::optional<ChildOrder> on;
};
struct ComposedBudget {
  static constexpr bool kLimits = true;
  void StartBatch() {
    if (on) on->StartBatch();
  }
  void AfterTile(const TileYield& yield) {
    if (on) on->AfterTile(yield);
  }
  QueryMask Stopped() const { return on ? on->Stopped() : 0; }
  bool ReturnsBest() const { return on && on->ReturnsBest(); }
  void Report(SearchCounters& counters) const {
    if (on) on->Report(counters);
  }
  std::optional<BudgetLadder> on;
};

// The heuristics that are on, but for the level cache, which needs the tree.
struct Heuristics {
  std::optional<RadiusFloor> radius_floor;
  bool masked_dedupe = false;
  ComposedTile tile;
  ComposedOrder order;
  ComposedBudget budget;
};

absl::StatusOr<Heuristics> CreateHeuristics(const HeuristicsConfig& config) {
  Heuristics heuristics;
  if (config.has_level_cache()) {
    RCT_RETURN_IF_ERROR(ValidateLevelCacheConfig(config.level_cache()));
  }
  if (config.has_radius_floor()) {
    RCT_ASSIGN_OR_RETURN(heuristics.radius_floor,
                         RadiusFloor::Create(config.radius_floor()));
  }
  heuristics.masked_dedupe = config.has_masked_dedupe();
  if (config.has_dynamic_block()) {
    RCT_ASSIGN_OR_RETURN(heuristics.tile.on,
                         DynamicBlock::Create(config.dynamic_block()));
  }
  if (config.has_child_order()) {
    RCT_ASSIGN_OR_RETURN(heuristics.order.on,
                         ChildOrder::Create(config.child_order()));
  }
  if (config.has_budget_ladder()) {
    RCT_ASSIGN_OR_RETURN(heuristics.budget.on,
                         BudgetLadder::Create(config.budget_ladder()));
  }
  return heuristics;
}

// Refuses heuristics for which the strategy has no slot.
absl::Status ValidateUse(const Composition& composition) {
  HeuristicsConfig foreign = composition.heuristics;
  if (composition.strategy == BLOCK) {
    foreign.clear_skeleton_bound();
    foreign.clear_far_field();
  } else if (composition.strategy == EXHAUSTIVE) {
    foreign.clear_float_screen();
  } else {
    foreign = HeuristicsConfig();
    if (composition.heuristics.has_skeleton_bound()) {
      *foreign.mutable_skeleton_bound() =
          composition.heuristics.skeleton_bound();
    }
    if (composition.heuristics.has_float_screen()) {
      foreign.mutable_float_screen();
    }
    if (composition.heuristics.has_far_field()) {
      *foreign.mutable_far_field() = composition.heuristics.far_field();
    }
  }
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  foreign.GetReflection()->ListFields(foreign, &fields);
  if (fields.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "heuristics.", fields.front()->name(), ": strategy ",
      Strategy_Name(composition.strategy), " has no use for it; leave it out"));
}

// Refuses metrics for which the bounds of a strategy are not proven.
absl::Status ValidateBounds(const ResidualCorrelation& metric) {
  if (!metric.rounding().has_value()) {
    return absl::FailedPreconditionError(
        "strategy: bounds are not proven for factors supplied from outside, "
        "whose rounding errors are unknown; use EXHAUSTIVE");
  }
  return metric.rounding()->Validate();
}

absl::Status ValidateBounds(const EuclideanDistance&) {
  return absl::OkStatus();
}

template <class Metric, class Bound, class Cache, class Dedupe>
std::unique_ptr<const Searcher<Metric>> Assemble(PlantedTree<Metric> planted,
                                                 Strategy strategy,
                                                 Heuristics heuristics,
                                                 Bound bound, Cache cache,
                                                 Dedupe dedupe) {
  using SlotSet =
      Slots<Bound, Cache, Dedupe, ComposedTile, ComposedOrder, ComposedBudget>;
  SlotSet slots{std::move(bound),  std::move(cache),
                std::move(dedupe), std::move(heuristics.tile),
                heuristics.order,  std::move(heuristics.budget)};
  if (strategy == BEST_FIRST) {
    return std::make_unique<BestFirstSearcher<Metric, SlotSet>>(
        std::move(planted.metric), std::move(planted.order),
        std::move(planted.tree), std::move(slots));
  }
  return std::make_unique<LevelSynchronousSearcher<Metric, SlotSet>>(
      std::move(planted.metric), std::move(planted.order),
      std::move(planted.tree), std::move(slots));
}

// Turns the heuristics that are on and off into types, one slot after the
// other.
template <class Metric, class Bound, class Cache>
std::unique_ptr<const Searcher<Metric>> WithDedupe(PlantedTree<Metric> planted,
                                                   Strategy strategy,
                                                   Heuristics heuristics,
                                                   Bound bound, Cache cache) {
  if (heuristics.masked_dedupe) {
    const int64_t nodes = planted.metric->size();
    return Assemble(std::move(planted), strategy, std::move(heuristics),
                    std::move(bound), std::move(cache),
                    *MaskedDedupe::Create({}, nodes));
  }
  return Assemble(std::move(planted), strategy, std::move(heuristics),
                  std::move(bound), std::move(cache), NoDedupe());
}

template <class Metric, class Cache>
std::unique_ptr<const Searcher<Metric>> WithBound(PlantedTree<Metric> planted,
                                                  Strategy strategy,
                                                  Heuristics heuristics,
                                                  Cache cache) {
  if (heuristics.radius_floor) {
    RadiusFloor floor = *heuristics.radius_floor;
    return WithDedupe(std::move(planted), strategy, std::move(heuristics),
                      floor, std::move(cache));
  }
  return WithDedupe(std::move(planted), strategy, std::move(heuristics),
                    NoFloor(), std::move(cache));
}

// Makes the level cache of a tree.
absl::StatusOr<LevelCache> MakeLevelCache(
    const PlantedTree<ResidualCorrelation>& planted,
    const LevelCacheConfig& config, int threads, Monitor* monitor,
    PhaseClock& clock) {
  auto table = std::make_shared<const LevelCacheTable>(
      planted.metric, planted.tree, config, threads, monitor);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  clock.End("level_cache", table->distance_evaluations(), table->bytes());
  return LevelCache(std::move(table));
}

template <class Metric>
absl::StatusOr<ComposedSearcher<Metric>> ComposeTree(
    std::shared_ptr<const Metric> metric, const Composition& composition,
    int threads, Monitor* monitor,
    std::shared_ptr<const NetHierarchy> static_nets) {
  RCT_ASSIGN_OR_RETURN(Heuristics heuristics,
                       CreateHeuristics(composition.heuristics));
  const bool level_cache = composition.heuristics.has_level_cache();
  if (level_cache && !std::is_same_v<Metric, ResidualCorrelation>) {
    return absl::InvalidArgumentError(
        "level_cache: works on correlations, which Euclidean distance does not "
        "have; leave it out");
  }
  PhaseClock clock;
  std::optional<Monitor::Part> part(std::in_place, monitor,
                                    level_cache ? kTreeShare : 1);
  RCT_ASSIGN_OR_RETURN(
      PlantedTree<Metric> planted,
      PlantTree(std::move(metric), composition.tree, std::move(static_nets),
                threads, monitor, clock));
  part.reset();
  ComposedSearcher<Metric> composed;
  if (composition.tree.structure() == CoverTreeConfig::STATIC) {
    composed.static_nets = std::move(planted.nets);
  }
  if (!level_cache) {
    composed.searcher = WithBound(std::move(planted), composition.strategy,
                                  std::move(heuristics), NoCache());
  } else if constexpr (std::is_same_v<Metric, ResidualCorrelation>) {
    RCT_ASSIGN_OR_RETURN(
        LevelCache cache,
        MakeLevelCache(planted, composition.heuristics.level_cache(), threads,
                       monitor, clock));
    composed.searcher = WithBound(std::move(planted), composition.strategy,
                                  std::move(heuristics), std::move(cache));
  }
  composed.phases = clock.Take();
  return composed;
}

absl::StatusOr<ComposedSearcher<ResidualCorrelation>> ComposeScreen(
    std::shared_ptr<const ResidualCorrelation> metric,
    const FloatScreenConfig& config, int threads, Monitor* monitor) {
  PhaseClock clock;
  auto searcher =
      FloatScreenSearcher::Create(std::move(metric), config, threads);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  clock.End("float_screen", 0, searcher->bytes());
  return ComposedSearcher<ResidualCorrelation>{std::move(searcher),
                                               clock.Take()};
}

absl::StatusOr<ComposedSearcher<EuclideanDistance>> ComposeScreen(
    const std::shared_ptr<const EuclideanDistance>&, const FloatScreenConfig&,
    int, Monitor*) {
  return absl::InvalidArgumentError(
      "heuristics.float_screen: works on correlations, which Euclidean "
      "distance does not have; leave it out");
}

// Makes the searcher of BLOCK.
absl::StatusOr<ComposedSearcher<ResidualCorrelation>> ComposeBlocks(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const HeuristicsConfig& heuristics, int threads, Monitor* monitor) {
  if (!heuristics.has_far_field()) {
    RCT_ASSIGN_OR_RETURN(
        ChosenSearcher chosen,
        ChooseBlockSearcher(metric, heuristics.skeleton_bound(), threads,
                            monitor));
    return ComposedSearcher<ResidualCorrelation>{std::move(chosen.searcher),
                                                 std::move(chosen.phases)};
  }
  RCT_ASSIGN_OR_RETURN(
      auto searcher,
      FarFieldSearcher::Create(metric, heuristics.far_field(), threads,
                               /*scale=*/{}, monitor));
  std::vector<BuildPhase> phases = searcher->phases();
  return ComposedSearcher<ResidualCorrelation>{std::move(searcher),
                                               std::move(phases)};
}

absl::StatusOr<ComposedSearcher<EuclideanDistance>> ComposeBlocks(
    const std::shared_ptr<const EuclideanDistance>& metric,
    const HeuristicsConfig& heuristics, int threads, Monitor* monitor) {
  if (heuristics.has_skeleton_bound() || heuristics.has_far_field()) {
    return absl::InvalidArgumentError(
        "heuristics: the bounds of BLOCK work on correlations, which Euclidean "
        "distance does not have; leave them out");
  }
  if (metric->size() == 0) {
    return ComposedSearcher<EuclideanDistance>{
        std::make_unique<ExhaustiveSearcher<EuclideanDistance>>(metric), {}};
  }
  PhaseClock clock;
  auto searcher = BoxSearcher::Create(*metric, threads);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  clock.End("boxes", 0, searcher->bytes());
  return ComposedSearcher<EuclideanDistance>{std::move(searcher), clock.Take()};
}

}  // namespace

absl::Status ValidateComposition(const Composition& composition) {
  RCT_RETURN_IF_ERROR(ValidateUse(composition));
  switch (composition.strategy) {
    case EXHAUSTIVE:
      return absl::OkStatus();
    case BLOCK:
      if (composition.heuristics.has_skeleton_bound() &&
          composition.heuristics.has_far_field()) {
        return absl::InvalidArgumentError(
            "heuristics: skeleton_bound and far_field are two bounds of BLOCK; "
            "give one of them, or neither");
      }
      RCT_RETURN_IF_ERROR(
          ValidateFarFieldConfig(composition.heuristics.far_field()));
      return ValidateSkeletonBoundConfig(
          composition.heuristics.skeleton_bound());
    case LEVEL_SYNCHRONOUS:
    case BEST_FIRST:
      RCT_RETURN_IF_ERROR(ValidateCoverTreeConfig(composition.tree));
      return CreateHeuristics(composition.heuristics).status();
    case STRATEGY_UNSPECIFIED:
      break;
  }
  return absl::InvalidArgumentError(
      "strategy: not given; choose EXHAUSTIVE, LEVEL_SYNCHRONOUS, BEST_FIRST "
      "or BLOCK");
}

template <class Metric>
absl::StatusOr<ComposedSearcher<Metric>> ComposeSearcher(
    std::shared_ptr<const Metric> metric, const Composition& composition,
    int threads, Monitor* monitor,
    std::shared_ptr<const NetHierarchy> static_nets) {
  RCT_RETURN_IF_ERROR(ValidateComposition(composition));
  if (composition.strategy == EXHAUSTIVE) {
    if (composition.heuristics.has_float_screen()) {
      return ComposeScreen(std::move(metric),
                           composition.heuristics.float_screen(), threads,
                           monitor);
    }
    return ComposedSearcher<Metric>{
        std::make_unique<ExhaustiveSearcher<Metric>>(std::move(metric)), {}};
  }
  RCT_RETURN_IF_ERROR(ValidateBounds(*metric));
  if (composition.strategy == BLOCK) {
    return ComposeBlocks(std::move(metric), composition.heuristics, threads,
                         monitor);
  }
  return ComposeTree(std::move(metric), composition, threads, monitor,
                     std::move(static_nets));
}

void SaveSearcher(const Searcher<ResidualCorrelation>& searcher,
                  const Composition& composition, ArchiveWriter& archive) {
  // BLOCK may have become another searcher, which has nothing to save.
  if (composition.strategy != BLOCK) return;
  const auto* skeletons = dynamic_cast<const SkeletonSearcher*>(&searcher);
  if (skeletons != nullptr) SaveSkeletons(*skeletons, archive);
}

absl::StatusOr<ComposedSearcher<ResidualCorrelation>> RestoreSearcher(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const Composition& composition, ArchiveReader& archive) {
  absl::Status valid = ValidateComposition(composition);
  if (composition.strategy != EXHAUSTIVE) valid.Update(ValidateBounds(*metric));
  if (!valid.ok()) return archive.Refuse(valid.message());
  if (composition.strategy != BLOCK || !HoldsSkeletons(archive)) {
    return ComposedSearcher<ResidualCorrelation>();
  }
  PhaseClock clock;
  RCT_ASSIGN_OR_RETURN(
      auto searcher,
      RestoreSkeletons(metric, composition.heuristics.skeleton_bound(),
                       archive));
  const auto* skeletons = searcher->lazy().skeletons();
  const auto* tables = searcher->lazy().tables();
  clock.End("skeletons", 0,
            (skeletons == nullptr ? 0 : skeletons->bytes()) +
                (tables == nullptr ? 0 : tables->bytes()));
  return ComposedSearcher<ResidualCorrelation>{std::move(searcher),
                                               clock.Take()};
}

template absl::StatusOr<ComposedSearcher<ResidualCorrelation>> ComposeSearcher(
    std::shared_ptr<const ResidualCorrelation>, const Composition&, int,
    Monitor*, std::shared_ptr<const NetHierarchy>);
template absl::StatusOr<ComposedSearcher<EuclideanDistance>> ComposeSearcher(
    std::shared_ptr<const EuclideanDistance>, const Composition&, int, Monitor*,
    std::shared_ptr<const NetHierarchy>);

}  // namespace rct
