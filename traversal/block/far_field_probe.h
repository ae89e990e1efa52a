// A probe of the far-field bound: what it leaves to a query, on a sample.
//
// A few points of two blocks are queries. Exhaustive search tells their kth
// distances, and with theta at its best the bound is put to the nearest blocks
// and to a sample of the others, each of which stands for several.
//
// Cost: one exhaustive search for 12 queries, and the making of 34 blocks.

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_PROBE_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_PROBE_H_

#include "base/monitor.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_costs.h"
#include "traversal/block/space_partition.h"
#include "traversal/exhaustive/exhaustive.h"

namespace rct {

// Returns the costs of the bound for blocks of `partition`, as far as the
// sample can tell. Assumes that the bound is offered and that there is a block.
// The costs mean nothing where `monitor` is cancelled.
FarFieldCosts ProbeFarField(
    const ExhaustiveSearcher<ResidualCorrelation>& exhaustive,
    const FarFieldOptions& options, const SpacePartition& partition,
    int threads, Monitor* monitor);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_PROBE_H_
