// Radius floor: no covering radius counts as smaller than a floor.
//
// Fills BoundSlot: it is handed the ball of a subtree before the subtree's
// bound is formed, which then is
//
//     bound(q, n) = max(0, angle(q, n) - max(radius(n), floor)).
//
// Invariant. A ball with a larger radius holds every point that it held before,
// so that the bound stays below the computed distance of each of them: a point
// that it dismisses could not have entered the answer, which keeps its bits.
// The floor is rounded by the metric's own Include(), away from zero, as every
// ball is. Cost. One comparison for a subtree and batch of queries, and the
// visits that the floor adds; `radius_floors_applied` counts the balls that it
// enlarged. Helps if radii come from less precision than the distances. Those
// of this library are maxima over the computed distances themselves, which need
// no help. Hurts if the data is denser than the floor: subtrees within it of a
// query are all visited. The idea and the default are those of covertreex.

#ifndef RCT_HEURISTICS_RADIUS_FLOOR_RADIUS_FLOOR_H_
#define RCT_HEURISTICS_RADIUS_FLOOR_RADIUS_FLOOR_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "heuristics/radius_floor/radius_floor.pb.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "traversal/traversal.pb.h"

namespace rct {

class RadiusFloor {
 public:
  // Returns InvalidArgument, naming the field, if the floor is out of range.
  static absl::StatusOr<RadiusFloor> Create(const RadiusFloorConfig& config);

  // Enlarges `ball` to the floor.
  void Widen(ResidualCorrelation::Ball& ball) {
    if (angular_.cos_radius < ball.cos_radius) ++applied_;
    ResidualCorrelation::Include(angular_, ball);
  }
  void Widen(EuclideanDistance::Ball& ball) {
    if (euclidean_.radius > ball.radius) ++applied_;
    EuclideanDistance::Include(euclidean_, ball);
  }

  // Sets `radius_floors_applied`.
  void Report(SearchCounters& counters) const;

 private:
  explicit RadiusFloor(double floor);

  // Balls of the floor's radius, around any center.
  ResidualCorrelation::Ball angular_;
  EuclideanDistance::Ball euclidean_;
  int64_t applied_ = 0;
};

}  // namespace rct

#endif  // RCT_HEURISTICS_RADIUS_FLOOR_RADIUS_FLOOR_H_
