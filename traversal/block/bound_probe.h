// A probe of the skeleton bound: which part of queries it does not help.
//
// A few points of the blocks of a sample are queries. Exhaustive search tells
// their kth distances, and with theta at its best the bound is put to every
// point of the sample: the points that it leaves, times the number of blocks
// that each sampled one stands for, are what a search would have to evaluate. A
// query for which that is too much is hard.
//
// Cost: one exhaustive search for 16 queries, and their products with the
// skeletons of the sample.

#ifndef RCT_TRAVERSAL_BLOCK_BOUND_PROBE_H_
#define RCT_TRAVERSAL_BLOCK_BOUND_PROBE_H_

#include "traversal/block/block_skeletons.h"
#include "traversal/exhaustive/exhaustive.h"

namespace rct {

// Returns the part of queries, from 0 to 1, that the bound leaves to exhaustive
// search, as far as the blocks of `sample` that have a skeleton can tell; 1
// where none has. There is at least one point.
double HardPart(const ExhaustiveSearcher<ResidualCorrelation>& exhaustive,
                const BlockSkeletons& sample, int threads);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_BOUND_PROBE_H_
