#include "heuristics/budget_ladder/budget_ladder.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace rct {
namespace {

absl::Status Validate(const BudgetLadderConfig& config) {
  for (int i = 0; i < config.rung_size(); ++i) {
    const int32_t rung = config.rung(i);
    if (rung < 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "budget_ladder.rung[", i, "]: is ", rung, "; must be at least 1"));
    }
    if (i > 0 && rung <= config.rung(i - 1)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "budget_ladder.rung[", i, "]: is ", rung,
          "; must be above the one before it, ", config.rung(i - 1)));
    }
  }
  if (!(config.up() >= 0) || !(config.up() <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "budget_ladder.up: is ", config.up(), "; must be from 0 to 1"));
  }
  if (!(config.down() >= 0) || !(config.down() <= config.up())) {
    return absl::InvalidArgumentError(
        absl::StrCat("budget_ladder.down: is ", config.down(),
                     "; must be from 0 to budget_ladder.up, ", config.up()));
  }
  if (config.patience() < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("budget_ladder.patience: is ", config.patience(),
                     "; must be at least 1"));
  }
  if (config.on_exhaustion() == BudgetLadderConfig::ON_EXHAUSTION_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        "budget_ladder.on_exhaustion: not given; choose ESCALATE_TO_EXACT or "
        "RETURN_BEST");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BudgetLadder> BudgetLadder::Create(
    const BudgetLadderConfig& config) {
  RCT_RETURN_IF_ERROR(Validate(config));
  return BudgetLadder(config);
}

BudgetLadder::BudgetLadder(const BudgetLadderConfig& config)
    : rungs_(config.rung().begin(), config.rung().end()),
      up_(config.up()),
      down_(config.down()),
      patience_(config.patience()),
      returns_best_(config.on_exhaustion() == BudgetLadderConfig::RETURN_BEST) {
  if (rungs_.empty()) rungs_ = {32, 64, 96};
}

void BudgetLadder::Report(SearchCounters& counters) const {
  counters.set_budget_escalations(escalations_);
  counters.set_budget_early_stops(early_stops_);
}

}  // namespace rct
