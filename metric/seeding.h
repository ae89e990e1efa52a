// Rows that are spread over the data: k-means++ and farthest-first.
//
// Both choose one row at a time by its squared distance D^2 to the nearest row
// that is chosen already (metric/scaled_points.h):
//
//   k-means++       draws the next row with probability D^2 / sum of D^2, the
//                   first one uniformly (Arthur and Vassilvitskii, "k-means++:
//                   the advantages of careful seeding", SODA 2007). The sum of
//                   the final D^2 is within 8 (ln m + 2) of the least possible,
//                   in expectation: more rows lie where there is more data.
//   farthest-first  takes the row of the greatest D, the lowest of several; row
//                   0 first (Gonzalez, "Clustering to minimize the maximum
//                   intercluster distance", TCS 38, 1985). The first m rows are
//                   a net: their distances from each other are at least r, and
//                   all rows lie within r of them, where r, the D of the next
//                   row, is at most twice the least possible. It covers the
//                   extent of the data, however the rows are distributed.
//
// The nets of a cover tree (traversal/tree/cover_tree.h) have the same two
// properties, but only at radii of one geometric sequence. A count between two
// of its nets would cut the finer one off in row order, which leaves parts of
// the data without any point. Farthest-first is the hierarchy that has a net of
// every size: the first m rows are one for each m.
//
// In both, a row at a place that is taken has D = 0 and is not chosen. Where
// all D are 0 the places are used up, and their number is known.
//
// The choice of m rows begins with the choice of fewer, for the same seed.
//
// Random numbers. A draw takes u uniform in [0, 1) and returns the first row at
// which the running sum of D^2 exceeds u times the total: the sum over segments
// first, then over the rows of one segment. Sums are of 2^-40 D^2, so that no
// sum of 2^31 squares in range overflows.
//
// Cost: n m distances in m passes over the data, each in parallel over
// segments.

#ifndef RCT_METRIC_SEEDING_H_
#define RCT_METRIC_SEEDING_H_

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "base/random.h"
#include "metric/scaled_points.h"

namespace rct {

// The squared distance of each row to the nearest of some places.
class NearestPlace {
 public:
  // Begins with no place; rows are infinitely far from it. `points` must live
  // as long as this object.
  NearestPlace(const ScaledPoints& points, int threads);

  // Adds a place, which has points.dim() coordinates.
  void Add(const double* place);

  // The functions below assume that a place was added. They return -1 if no row
  // is at a distance above 0.

  // Returns the row of the greatest distance, the lowest one of several.
  int64_t Farthest() const;

  // Draws a row with a probability in proportion to its squared distance.
  int64_t Draw(RandomStream& stream) const;

  double squared(int64_t row) const { return squared_[row]; }

 private:
  // Of the squared distances of one segment.
  struct Summary {
    double sum = 0;  // times 2^-40
    double greatest = 0;
  };

  Summary AddToSegment(const double* place, RowSegment segment);

  const ScaledPoints& points_;
  const int threads_;
  AlignedBuffer<double> squared_;  // n, and zeros up to a multiple of eight
  std::vector<Summary> summaries_;
};

// Return `count` rows at different places in the order in which they are
// chosen, or fewer where there are no more places. Assume that there is a row
// and that count >= 1. Each row is a step of the work of `monitor`; if it is
// cancelled, the result is incomplete and must be dropped.
std::vector<int64_t> KMeansPlusPlus(const ScaledPoints& points, int64_t count,
                                    uint64_t seed, int threads,
                                    Monitor* monitor = nullptr);
std::vector<int64_t> FarthestFirst(const ScaledPoints& points, int64_t count,
                                   int threads, Monitor* monitor = nullptr);

}  // namespace rct

#endif  // RCT_METRIC_SEEDING_H_
