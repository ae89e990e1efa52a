// The cells of a uniform cloud, without most of its points.
//
// The splits are those that ranks make of the cloud (shared_cells.h), from the
// same sample. A cell has as many points as its volume says, of which a real
// cell differs by the square root of that. Bounds are made of a few points a
// cell, the *thin* cells: the corners of its box, for bounds are about
// extremes; for each inducing point in it, one as near as the nearest of all
// would be, where p is least; and uniform ones.
//
// Cells of a cloud so small that thin cells would have as many points are
// *whole*: they have the points of the cloud.

#ifndef RCT_EXPERIMENTS_SCALE_CELL_CLOUD_H_
#define RCT_EXPERIMENTS_SCALE_CELL_CLOUD_H_

#include <cstdint>
#include <vector>

#include "base/matrix.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/shared_cells.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_factors.h"

namespace rct {

class CellCloud {
 public:
  // Makes `count` cells.
  CellCloud(const UniformCloud& cloud, const InducingFactor& factor,
            int64_t count, int threads);

  int size() const { return static_cast<int>(counts_.size()); }
  int64_t count(int cell) const { return counts_[cell]; }
  const std::vector<int64_t>& counts() const { return counts_; }
  int CellOf(const double* point) const { return tree_.CellOf(point, 0); }
  // Return the corners of the box of a cell.
  const double* low(int cell) const { return low_.row(cell); }
  const double* high(int cell) const { return high_.row(cell); }

  // Returns whether an inducing point lies in a cell.
  bool has_inducing(int cell) const { return has_inducing_[cell]; }

  const CellPoints& thin() const { return thin_; }
  bool whole() const { return whole_; }

 private:
  double VolumeOf(int cell) const;
  void MakeWhole(const UniformCloud& cloud, const InducingFactor& factor,
                 int threads);
  void MakeThin(const UniformCloud& cloud, const InducingFactor& factor);
  // Makes the thin points of a cell that has these inducing points.
  Matrix<double> ThinPoints(int cell, int64_t count, uint64_t seed,
                            const Matrix<double>& inducing,
                            const std::vector<int64_t>& in_cell) const;

  CellTree tree_;
  Matrix<double> low_;
  Matrix<double> high_;
  std::vector<int64_t> counts_;
  std::vector<bool> has_inducing_;
  bool whole_;
  std::vector<std::vector<int32_t>> thin_rows_;
  std::vector<Matrix<double>> thin_points_;
  CellPoints thin_;
};

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SCALE_CELL_CLOUD_H_
