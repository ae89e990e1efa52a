#include "heuristics/radius_floor/radius_floor.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "metric/residual_correlation.h"

namespace rct {

absl::StatusOr<RadiusFloor> RadiusFloor::Create(
    const RadiusFloorConfig& config) {
  const double floor = config.floor_radians();
  if (!(floor > 0) || !(floor < ResidualCorrelation::kMaxRadius)) {
    return absl::InvalidArgumentError(
        absl::StrCat("radius_floor.floor_radians: is ", floor,
                     "; must be above 0 and below pi/2"));
  }
  return RadiusFloor(floor);
}

RadiusFloor::RadiusFloor(double floor) : euclidean_{floor} {
  ResidualCorrelation::Include(ResidualCorrelation::NearnessAt(floor),
                               /*inverse_norm=*/1, angular_);
  // The norm belongs to the points of a ball, of which there are none here.
  angular_.norm = 1;
}

void RadiusFloor::Report(SearchCounters& counters) const {
  counters.set_radius_floors_applied(applied_);
}

}  // namespace rct
