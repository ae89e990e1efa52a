#include "index/places.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "absl/hash/hash.h"
#include "base/matrix.h"

namespace rct {
namespace {

// A point, by the value of its coordinates. Abseil hashes both zeros alike.
struct Point {
  const double* row;
  int64_t dim;

  friend bool operator==(const Point& a, const Point& b) {
    return std::equal(a.row, a.row + a.dim, b.row, b.row + b.dim);
  }
  template <class H>
  friend H AbslHashValue(H hash, const Point& point) {
    for (int64_t j = 0; j < point.dim; ++j) {
      hash = H::combine(std::move(hash), point.row[j]);
    }
    return hash;
  }
};

}  // namespace

Places UniquePlaces(MatrixView<const double> points) {
  Places result;
  result.places.reserve(static_cast<size_t>(points.rows));
  // Abseil's maps do not survive that memory runs out in them.
  std::unordered_map<Point, int64_t, absl::Hash<Point>> seen;
  for (int64_t i = 0; i < points.rows; ++i) {
    const auto [place, is_new] =
        seen.emplace(Point{points.row(i), points.cols}, result.size());
    if (is_new) {
      result.first_rows.push_back(i);
      result.counts.push_back(0);
    }
    ++result.counts[static_cast<size_t>(place->second)];
    result.places.push_back(place->second);
  }
  return result;
}

}  // namespace rct
