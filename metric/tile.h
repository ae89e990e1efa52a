// The parts that tiles of distances have in common, whatever the metric: the
// list of candidates, scratch space, and the step from numbers to distances.

#ifndef RCT_METRIC_TILE_H_
#define RCT_METRIC_TILE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/point_lanes.h"

namespace rct {

// The squared distance of a data point to itself. It is below that of any pair,
// so that its angle and its distance are 0 whatever the rounding of others is.
inline constexpr double kSelf = -std::numeric_limits<double>::infinity();

// Returns the distance of a squared distance.
inline double FinalDistance(double squared) {
  return std::sqrt(std::max(0.0, squared));
}

// Returns the largest squared distance whose distance is below `radius` > 0, so
// that every strategy decides by the distance that is returned to the user.
// Returns infinity, which is no limit, for infinity.
inline double LargestSquaredWithin(double radius) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (radius == kInfinity) return kInfinity;
  // Roots of adjacent squares may round to the same distance, so that the
  // square is a few steps away at most.
  double squared =
      std::min(radius * radius, std::numeric_limits<double>::max());
  while (FinalDistance(squared) >= radius) {
    squared = std::nextafter(squared, 0.0);
  }
  while (FinalDistance(std::nextafter(squared, kInfinity)) < radius) {
    squared = std::nextafter(squared, kInfinity);
  }
  return squared;
}

// The data points that a tile evaluates: either consecutive ones, whose
// coordinates are read in place, or a list, which the object does not own. It
// is small and passed by value.
class Candidates {
 public:
  static Candidates Range(int32_t first, int count) {
    return Candidates(nullptr, first, count);
  }
  static Candidates List(absl::Span<const int32_t> ids) {
    return Candidates(ids.data(), 0, static_cast<int>(ids.size()));
  }

  int size() const { return count_; }
  bool is_range() const { return ids_ == nullptr; }
  int32_t operator[](int i) const { return is_range() ? first_ + i : ids_[i]; }
  absl::Span<const int32_t> list() const {
    return absl::MakeConstSpan(ids_, count_);
  }

 private:
  Candidates(const int32_t* ids, int32_t first, int count)
      : ids_(ids), first_(first), count_(count) {}

  const int32_t* ids_;
  int32_t first_;
  int count_;
};

// Scratch space of one thread for tiles up to a fixed size.
struct TileWorkspace {
  TileWorkspace(int64_t dim, int max_queries, int max_candidates);

  std::vector<const double*> query_rows;
  std::vector<const double*> candidate_rows;
  PointLanes lanes;
  AlignedBuffer<double> scale;
};

// Writes kSelf where a query of the data meets itself among the candidates.
void MarkSelf(absl::Span<const int32_t> queries, Candidates candidates,
              double* out, int64_t out_stride);

}  // namespace rct

#endif  // RCT_METRIC_TILE_H_
