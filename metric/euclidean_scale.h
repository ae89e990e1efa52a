// The power of two that brings squares of Euclidean distances into float64.
//
// Squares of differences above 2^511 overflow, and those below 2^-537 vanish.
// Products with a power of two are exact, and so is everything that is made of
// them as long as nothing over- or underflows: x 2^s for all coordinates x
// gives d 2^s for all distances d, the same bits but for the exponent.
//
// Coordinates are *ordinary* if they are 0 or from 2^-450 to below 2^500. Then
// two of them that differ do so by 2^-502 at least, and nothing overflows in up
// to 2^20 coordinates: s = 0. Else s makes them so, or at least the largest.
// The squares of what stays below 2^-450 may vanish. Beside the square of a
// larger difference, 2^-1004 or more, what they lose is below its rounding; two
// points that differ in such alone are refused, and so are distances above the
// largest number. So every distance that is returned is right.
//
// Cost: one pass over the coordinates; a sort of the points, and for new points
// one pass over the data each, only where such small ones are.

#ifndef RCT_METRIC_EUCLIDEAN_SCALE_H_
#define RCT_METRIC_EUCLIDEAN_SCALE_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"

namespace rct {

class EuclideanScale {
 public:
  // That of finite `points`, n x d. InvalidArgument, naming rows and columns,
  // where there is none: the largest coordinate is more than 2^1521 times the
  // smallest, two points differ in small ones alone, or distances overflow.
  static absl::StatusOr<EuclideanScale> Choose(MatrixView<const double> points);

  // s. 0 for ordinary coordinates.
  int exponent() const { return exponent_; }

  // A copy of finite points, times 2^s.
  Matrix<double> Apply(MatrixView<const double> points) const;

  // For new points, `queries` as they are given, in a search of `data`, the
  // points of Choose, scaled: InvalidArgument, naming row and column, where a
  // distance could overflow, or a square vanish that tells two points apart.
  absl::Status Validate(MatrixView<const double> queries,
                        MatrixView<const double> data) const;

  // A radius among scaled points: it holds what `radius` does.
  double ScaledRadius(double radius) const;
  // A distance, of what it is among scaled points.
  double Distance(double scaled) const;

 private:
  // Of the data, times 2^s, a side for each coordinate. Kept where s < 0 alone:
  // only then can a distance overflow.
  struct Side {
    double low = 0;
    double high = 0;
    int64_t low_row = 0;
    int64_t high_row = 0;
  };

  absl::Status MeasureBox(MatrixView<const double> points);
  absl::Status ValidateDistinct(MatrixView<const double> points) const;

  int exponent_ = 0;
  std::vector<Side> box_;
};

}  // namespace rct

#endif  // RCT_METRIC_EUCLIDEAN_SCALE_H_
