// Which rank searches which deferred pairs.
//
// Pairs of a query and a cell that no bound dismisses (deferred_pairs.h) are
// many for some cells and few for others, and so the owners of cells would have
// unlike amounts of work. But any rank can search a pair: the coordinates of a
// cell are 8 d + 4 bytes a point, and its V is made again in any case. So ranks
// that have more to do than the mean, with what they have done before, give
// pairs of the cells that have most to those that have less.
//
// Cost. A run of pairs that moves takes V of its cell once more, and a run is
// only moved if it has four times that to evaluate; so moved runs fetch and
// project few points. No answer depends on who searches, nor would it if ranks
// computed different shares.

#ifndef RCT_INDEX_DISTRIBUTED_PAIR_SHARES_H_
#define RCT_INDEX_DISTRIBUTED_PAIR_SHARES_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace rct {

// Returns what V of a point is worth with m inducing points: it takes m^2
// operations, and an evaluation 2 m.
double EvaluationsOfPoint(int64_t m);

// Returns what a rank has done before pairs are shared out, as far as these
// make up for it. V that it has made counts for a third: it follows from where
// its cells are, and whoever had less to make would have as many more pairs to
// evaluate. So neither V nor evaluations of one rank are far from the mean.
double WorkDone(double projected, double evaluations, int64_t m);

// What all ranks know. Work is counted in evaluations.
struct PairWork {
  absl::Span<const int64_t> points;  // of each cell
  absl::Span<const double> pairs;    // of each cell and a query
  absl::Span<const int> first_cell;  // of each rank, and the number of cells
  absl::Span<const double> done;     // by each rank, before
  double of_point = 0;               // what V of a point is worth
};

// The pairs of a cell up to number `last`, after those of the run before, and
// the rank that searches them.
struct PairRun {
  int rank;
  double last;
};

// Returns the runs of the pairs of each cell, whole numbers of them but for
// what pairs of fractions leave to the owner. The owner's run is the first.
std::vector<std::vector<PairRun>> ShareOutPairs(const PairWork& work);

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_PAIR_SHARES_H_
