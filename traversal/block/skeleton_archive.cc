#include "traversal/block/skeleton_archive.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/archive.h"
#include "base/status_macros.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/lazy_skeletons.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_costs.h"
#include "traversal/block/skeleton_searcher.h"
#include "traversal/block/skeleton_tables.h"

namespace rct {
namespace {

// Whether a searcher of this config may have this form with such parts, and
// why not.
void CheckForm(const SkeletonBoundConfig& config, int32_t form, bool costs,
               bool skeletons, bool tables, ArchiveReader& archive) {
  const bool chosen = config.form() == SkeletonBoundConfig::AUTO;
  const bool dense = form == SkeletonBoundConfig::DENSE;
  archive.Expect(SkeletonBoundConfig::Form_IsValid(form) &&
                     form != SkeletonBoundConfig::FORM_UNSPECIFIED &&
                     (chosen || dense || form == config.form()),
                 "skeletons.form", "is not one that the header allows");
  archive.Expect(chosen ? costs || dense : !costs, "skeletons.form",
                 "goes with costs where the header says AUTO, and only there");
  archive.Expect(skeletons || (form != SkeletonBoundConfig::TABLES &&
                               form != SkeletonBoundConfig::PROJECTIONS),
                 "skeletons.form", "needs skeletons");
  archive.Expect(tables || form != SkeletonBoundConfig::TABLES,
                 "skeletons.form", "needs tables");
  archive.Expect(skeletons || !tables, "tables.ranks", "needs skeletons");
}

}  // namespace

void SaveSkeletons(const SkeletonSearcher& searcher, ArchiveWriter& archive) {
  const LazySkeletons& lazy = searcher.lazy();
  archive.Value("skeletons.form", static_cast<int32_t>(lazy.form()));
  if (lazy.costs().has_value()) {
    lazy.costs()->Save(archive);
    // That of skeletons to come.
    if (lazy.rms_residual() > 0) {
      archive.Value("skeletons.rms_residual", lazy.rms_residual());
    }
  }
  if (lazy.skeletons() != nullptr) lazy.skeletons()->Save(archive);
  const SkeletonTables* tables = lazy.tables();
  if (tables != nullptr) tables->Save(archive);
}

bool HoldsSkeletons(const ArchiveReader& archive) {
  return archive.Has("skeletons.form");
}

absl::StatusOr<std::unique_ptr<const SkeletonSearcher>> RestoreSkeletons(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config, ArchiveReader& archive) {
  int32_t form = 0;
  archive.Value("skeletons.form", form);
  std::optional<SkeletonCosts> costs;
  if (archive.Has("costs.points")) costs.emplace(*metric, archive);
  SkeletonBoundConfig chosen = config;
  if (archive.Has("skeletons.rms_residual")) {
    double residual = 0;
    archive.Value("skeletons.rms_residual", residual);
    archive.Expect(residual > 0 && residual < 1 && costs.has_value(),
                   "skeletons.rms_residual",
                   "is not between 0 and 1, or without costs");
    chosen.set_rms_residual(residual);
  }
  std::unique_ptr<const BlockSkeletons> skeletons;
  std::unique_ptr<const SkeletonTables> tables;
  if (archive.Has("skeletons.blocks")) {
    skeletons = std::make_unique<BlockSkeletons>(*metric, archive);
  }
  CheckForm(config, form, costs.has_value(), skeletons != nullptr,
            archive.Has("tables.ranks"), archive);
  // Tables are understood by their skeletons alone.
  RCT_RETURN_IF_ERROR(archive.status());
  if (archive.Has("tables.ranks")) {
    tables = std::make_unique<SkeletonTables>(*skeletons, archive);
  }
  RCT_RETURN_IF_ERROR(archive.status());
  return std::make_unique<const SkeletonSearcher>(
      metric, config,
      std::make_unique<const LazySkeletons>(
          metric, chosen, static_cast<SkeletonBoundConfig::Form>(form), costs,
          std::move(skeletons), std::move(tables)));
}

}  // namespace rct
