// The routines of lists of kept candidates, for each instruction set. See
// kept_candidates.h for what they are for. All tables return the same bits.

#ifndef RCT_TRAVERSAL_KEPT_ROUTINES_H_
#define RCT_TRAVERSAL_KEPT_ROUTINES_H_

#include <cstdint>

#include "metric/isa.h"

namespace rct {

// The candidates of one query with bounds on their |rho|. Columns are read and
// written in whole vectors: each has room for kKeptPadding elements after the
// last candidate.
struct KeptList {
  float* upper;
  float* lower;
  int32_t* row;
  int size;
  int64_t filtered;  // candidates that the predecessor constraint excluded
};

// Elements that a routine may touch beyond the end of a column.
inline constexpr int kKeptPadding = 32;

// Halvings of the interval in which `threshold` looks.
inline constexpr int kThresholdSteps = 12;

// The most pairs that `nearest` orders.
inline constexpr int kMaxRanked = 128;

struct KeptRoutines {
  Isa isa;

  // Keeps the candidates whose upper bound reaches `theta`, in their order.
  void (*drop_below)(float theta, KeptList& list);

  // Returns the largest x on a grid of kThresholdSteps halvings between `least`
  // and 1 that at least `wanted` of the values reach, or minus infinity where
  // fewer reach `least`.
  float (*threshold)(const float* values, int count, int wanted, float least);

  // Computes the middles of the candidates' bounds.
  void (*middles)(const KeptList& list, float* middle);

  // Write the rows of the candidates with score[j] >= best, and of the others
  // whose upper bound reaches `theta`, in the order of the list, and return
  // their number. `rows` has room for kKeptPadding more than the list.
  int (*choose)(const KeptList& list, const float* score, float best,
                int32_t* rows);
  int (*choose_others)(const KeptList& list, const float* score, float best,
                       float theta, int32_t* rows);

  // Writes the rows of `a` that `b` has, too, the others of `a`, and the others
  // of `b`, each in their order, and returns the number of the first. Each of
  // the two has at most kMaxRanked rows, all different. Everything has room for
  // kKeptPadding more rows.
  int (*share)(const int32_t* a, int count_a, const int32_t* b, int count_b,
               int32_t* both, int32_t* only_a, int32_t* only_b);

  // Of `count` <= kMaxRanked points with these squared distances and distinct
  // row numbers, writes the `k` nearest within the squared distance `limit`, or
  // as many as there are, by (distance, row) as KnnHeap orders them, and
  // returns their number. A pair's place is the number of pairs before it:
  // count^2 / 8 comparisons of vectors, and no branch that depends on them.
  // `squared` is read in whole vectors of eight.
  int (*nearest)(const double* squared, const int32_t* row, int count,
                 double limit, int k, int64_t* rows, double* distances);
};

// Returns the table for `isa`, or null where this machine or build lacks it.
const KeptRoutines* KeptRoutinesFor(Isa isa);

}  // namespace rct

#endif  // RCT_TRAVERSAL_KEPT_ROUTINES_H_
