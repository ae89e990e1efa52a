// The trial queries of a cell, in strata by how near they are to inducing
// points.
//
// Next to an inducing point little is left of a residual, and what is left
// resembles that of no other point much. Such a query has its neighbors far
// away in the metric, and a bound dismisses few cells for it. Of such queries
// there are a few times k around each inducing point, however many points there
// are. A plain sample of a cell of many points misses them, though what they
// evaluate together may be most of what queries of the cell do.
//
// So the strata are shells around inducing points: T points, the next 7 T, the
// next 56 T, and the rest. Each has about T trial queries, so that all of the
// innermost are tried.
//
// Standard error. A sum over strata of N_h queries, T_h of them tried, has the
// variance sum_h N_h^2 (1 - T_h / N_h) s_h^2 / T_h, where s_h^2 is the variance
// of what one query of the stratum does (Cochran, Sampling Techniques, 1977,
// section 5.3). The innermost stratum, where s_h is the largest, adds nothing
// to it. Cells are independent, so that the relative error of their sum falls
// with the root of their number.

#ifndef RCT_EXPERIMENTS_SCALE_TRIAL_STRATA_H_
#define RCT_EXPERIMENTS_SCALE_TRIAL_STRATA_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "experiments/scale/cell_cloud.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_factors.h"

namespace rct {

// What queries look for.
struct TrialSearch {
  int64_t k = 1;
  bool predecessor = false;
  int64_t early_rows = 0;  // which are no queries of cells
};

// Trial queries, one a row.
struct TrialQueries {
  Matrix<double> points;
  std::vector<double> before;   // the part of all points that it looks at
  std::vector<double> weights;  // how many queries it stands for
};

class TrialStrata {
 public:
  // All must outlive the object.
  TrialStrata(const UniformCloud& cloud, const CellCloud& cells,
              const InducingFactor& factor, const TrialSearch& search)
      : cloud_(cloud), cells_(cells), factor_(factor), search_(search) {}

  // Returns how many queries a cell has.
  double QueriesOf(int cell) const;

  // Returns the trial queries of a cell, about `count` of each stratum: rows of
  // a whole cell, or new points.
  TrialQueries Make(int cell, int64_t count) const;

 private:
  struct Sample;

  // Returns the square of the distance of a point to the nearest inducing
  // point, and its number, in coordinates that lengthscales divide.
  struct Nearest {
    double squared;
    int64_t inducing;
  };
  Nearest NearestInducing(const double* point) const;

  Sample RowsOf(int cell, int64_t count) const;
  Sample NewPoints(int cell, int64_t count) const;
  // Adds `count` points at random in a shell around an inducing point, as far
  // as they are in the cell and no other inducing point is nearer.
  struct Shell {
    double inner;
    double outer;
  };
  void AddShell(int cell, int64_t inducing, Shell shell, int64_t count,
                double weight, uint64_t stream, Sample& sample) const;
  // Adds points of a cell of `queries` that are farther from inducing points.
  void AddRest(int cell, double radius, int64_t count, double queries,
               Sample& sample) const;
  // Returns the part of all points before a query, whose place among those of
  // its cell is a number in [0, 1).
  double BeforeOf(double place) const;
  // Returns how far from a cell an inducing point is, in coordinates that
  // lengthscales divide.
  double DistanceTo(int cell, int64_t inducing) const;

  const UniformCloud& cloud_;
  const CellCloud& cells_;
  const InducingFactor& factor_;
  TrialSearch search_;
};

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SCALE_TRIAL_STRATA_H_
