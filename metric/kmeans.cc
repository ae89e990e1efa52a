#include "metric/kmeans.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "metric/scaled_points.h"
#include "metric/seeding.h"

namespace rct {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Numbers for the rows of a block.
using Block = std::array<double, kRowBlock>;

// What the rows of a segment say about their centers.
struct SegmentSums {
  Matrix<double> shift;        // m x d, the sums of row - center
  std::vector<int64_t> count;  // m, the numbers of rows
  int64_t changes = 0;         // the number of rows with another center
};

class Lloyd {
 public:
  Lloyd(const ScaledPoints& points, absl::Span<const int64_t> rows, int threads)
      : points_(points),
        threads_(threads),
        centers_(static_cast<int64_t>(rows.size()), points.dim()),
        center_of_(points.size(), -1) {
    for (size_t c = 0; c < rows.size(); ++c) {
      const std::vector<double> place = points.Place(rows[c]);
      std::copy(place.begin(), place.end(),
                centers_.row(static_cast<int64_t>(c)));
    }
  }

  // Does one iteration. Returns false, with the centers as they were, if no row
  // changed its center.
  bool Iterate(Monitor* monitor);

  Matrix<double> TakeCenters() { return std::move(centers_); }

 private:
  SegmentSums Assign(RowSegment segment);
  void AssignBlock(int64_t first, int64_t count, Block& nearest_center) const;
  void MoveCenters(absl::Span<const SegmentSums> sums);

  const ScaledPoints& points_;
  const int threads_;
  Matrix<double> centers_;
  std::vector<int32_t> center_of_;  // of each row
};

// Moves each of `strays` to the row that is farthest from all other centers.
// Calls moved(center, row) for each.
template <class Moved>
void MoveToFarthest(const ScaledPoints& points, int threads,
                    absl::Span<const int64_t> strays, Matrix<double>& centers,
                    Moved moved) {
  NearestPlace nearest(points, threads);
  for (int64_t c = 0; c < centers.rows(); ++c) {
    if (!std::binary_search(strays.begin(), strays.end(), c)) {
      nearest.Add(centers.row(c));
    }
  }
  for (const int64_t c : strays) {
    const int64_t row = nearest.Farthest();
    if (row < 0) return;
    const std::vector<double> place = points.Place(row);
    std::copy(place.begin(), place.end(), centers.row(c));
    nearest.Add(place.data());
    moved(c, row);
  }
}

// The center is a double so that one vector instruction chooses it and its
// distance alike.
void Lloyd::AssignBlock(int64_t first, int64_t count,
                        Block& nearest_center) const {
  alignas(64) Block nearest;
  alignas(64) Block squared;
  nearest.fill(kInfinity);
  squared.fill(0);
  for (int64_t c = 0; c < centers_.rows(); ++c) {
    points_.SquaredDistances(centers_.row(c), first, count, squared.data());
    const auto center = static_cast<double>(c);
    for (int64_t j = 0; j < kRowBlock; ++j) {
      const bool nearer = squared[j] < nearest[j];
      nearest[j] = nearer ? squared[j] : nearest[j];
      nearest_center[j] = nearer ? center : nearest_center[j];
    }
  }
}

SegmentSums Lloyd::Assign(RowSegment segment) {
  const int64_t m = centers_.rows();
  SegmentSums sums{Matrix<double>::Zeros(m, points_.dim()),
                   std::vector<int64_t>(m)};
  alignas(64) Block nearest_center;
  ForRowBlocks(segment, [&](int64_t first, int64_t count) {
    AssignBlock(first, count, nearest_center);
    for (int64_t j = 0; j < count; ++j) {
      const auto c = static_cast<int32_t>(nearest_center[j]);
      const int64_t row = first + j;
      sums.changes += static_cast<int64_t>(center_of_[row] != c);
      center_of_[row] = c;
      ++sums.count[c];
      for (int64_t t = 0; t < points_.dim(); ++t) {
        sums.shift(c, t) += points_.Coordinate(row, t) - centers_(c, t);
      }
    }
  });
  return sums;
}

void Lloyd::MoveCenters(absl::Span<const SegmentSums> sums) {
  std::vector<int64_t> strays;
  for (int64_t c = 0; c < centers_.rows(); ++c) {
    int64_t count = 0;
    for (const SegmentSums& segment : sums) count += segment.count[c];
    if (count == 0) {
      strays.push_back(c);
      continue;
    }
    for (int64_t t = 0; t < points_.dim(); ++t) {
      double shift = 0;
      for (const SegmentSums& segment : sums) shift += segment.shift(c, t);
      centers_(c, t) += shift / static_cast<double>(count);
    }
  }
  if (strays.empty()) return;
  MoveToFarthest(points_, threads_, strays, centers_, [](int64_t, int64_t) {});
}

bool Lloyd::Iterate(Monitor* monitor) {
  std::vector<SegmentSums> sums(points_.num_segments());
  ParallelFor(threads_, points_.num_segments(), [&](int64_t index, int) {
    if (!Monitor::Go(monitor)) return;
    sums[index] = Assign(points_.segment(index));
  });
  if (!Monitor::Go(monitor, 1)) return false;
  const bool changed = std::any_of(
      sums.begin(), sums.end(),
      [](const SegmentSums& segment) { return segment.changes > 0; });
  if (changed) MoveCenters(sums);
  return changed;
}

// A set of places. Coordinates 0 and -0 are equal. Abseil's sets do not survive
// that memory runs out in them.
using PlaceSet =
    std::unordered_set<std::vector<double>, absl::Hash<std::vector<double>>>;

// A row and its squared distance; row -1 is infinitely far.
struct Nearest {
  double squared = kInfinity;
  int64_t row = -1;
};

// Returns the nearest row of a segment whose place is not `taken`.
Nearest NearestOfSegment(const ScaledPoints& points, RowSegment segment,
                         const double* center, const PlaceSet& taken) {
  alignas(64) Block squared;
  Nearest nearest;
  ForRowBlocks(segment, [&](int64_t first, int64_t count) {
    points.SquaredDistances(center, first, count, squared.data());
    for (int64_t j = 0; j < count; ++j) {
      if (squared[j] < nearest.squared &&
          !taken.contains(points.Place(first + j))) {
        nearest = {squared[j], first + j};
      }
    }
  });
  return nearest;
}

}  // namespace

Matrix<double> KMeansCenters(const ScaledPoints& points,
                             absl::Span<const int64_t> rows, int iterations,
                             int threads, Monitor* monitor) {
  const Monitor::Part part(monitor, /*share=*/1, iterations);
  Lloyd lloyd(points, rows, threads);
  for (int i = 0; i < iterations && lloyd.Iterate(monitor); ++i) {
  }
  return lloyd.TakeCenters();
}

Matrix<double> UnscaledCenters(const ScaledPoints& points,
                               MatrixView<const double> data,
                               absl::Span<const double> inverse_lengthscale,
                               MatrixView<const double> centers, int threads) {
  constexpr double kGreatest = std::numeric_limits<double>::max();
  Matrix<double> unscaled = Matrix<double>::Copy(centers);
  Matrix<double> places = Matrix<double>::Copy(centers);
  PlaceSet taken;
  std::vector<int64_t> repeated;
  for (int64_t c = 0; c < centers.rows; ++c) {
    for (int64_t t = 0; t < centers.cols && !inverse_lengthscale.empty(); ++t) {
      const double inverse = inverse_lengthscale[t];
      unscaled(c, t) =
          std::clamp(centers(c, t) / inverse, -kGreatest, kGreatest);
      places(c, t) = unscaled(c, t) * inverse;
    }
    const double* const place = places.row(c);
    if (!taken.emplace(place, place + centers.cols).second) {
      repeated.push_back(c);
    }
  }
  if (repeated.empty()) return unscaled;
  MoveToFarthest(points, threads, repeated, places,
                 [&](int64_t center, int64_t row) {
                   std::copy_n(data.row(row), data.cols, unscaled.row(center));
                 });
  return unscaled;
}

std::vector<int64_t> NearestRows(const ScaledPoints& points,
                                 MatrixView<const double> centers, int threads,
                                 Monitor* monitor) {
  const Monitor::Part part(monitor, /*share=*/1, centers.rows);
  PlaceSet taken;
  std::vector<int64_t> rows;
  std::vector<Nearest> nearest(points.num_segments());
  for (int64_t c = 0; c < centers.rows; ++c) {
    ParallelFor(threads, points.num_segments(), [&](int64_t index, int) {
      nearest[index] = NearestOfSegment(points, points.segment(index),
                                        centers.row(c), taken);
    });
    const auto first = std::min_element(nearest.begin(), nearest.end(),
                                        [](const Nearest& a, const Nearest& b) {
                                          return a.squared < b.squared;
                                        });
    rows.push_back(first->row);
    taken.insert(points.Place(first->row));
    if (!Monitor::Go(monitor, 1)) break;
  }
  return rows;
}

}  // namespace rct
