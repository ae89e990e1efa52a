// Repeated places: which points lie on one another.
//
// A covariance matrix with two equal rows is singular, and k neighbors that all
// lie on the query say nothing. Data with several observations at one place
// (repeated measurements, rounded coordinates) is therefore often reduced to
// its places, and observations are mapped to them.
//
// Two points are at one place if all their coordinates are equal; -0.0 equals
// 0.0. Points that are merely near each other are not.
//
// Cost: one pass, with a table of the places met so far: O(n d) expected time.

#ifndef RCT_INDEX_PLACES_H_
#define RCT_INDEX_PLACES_H_

#include <cstdint>
#include <vector>

#include "base/matrix.h"

namespace rct {

// The distinct places of n points, numbered by their first appearance.
struct Places {
  int64_t size() const { return static_cast<int64_t>(first_rows.size()); }

  std::vector<int64_t> first_rows;  // of each place, ascending
  std::vector<int64_t> counts;      // of each place: how many points are there
  std::vector<int64_t> places;      // of each point
};

// Returns the places of `points` (n x d, without NaN). Points of no coordinates
// are at one place.
Places UniquePlaces(MatrixView<const double> points);

}  // namespace rct

#endif  // RCT_INDEX_PLACES_H_
