// Costs: formulas for what the forms of the skeleton bound take.
//
// The unit is an evaluation of exhaustive search, m fused multiply-adds in a
// tile: machines differ less in ratios than in times. With n points, s the mean
// rank of the skeletons, S the sum of all ranks and h the part of hard queries,
// which end in exhaustive search:
//
//     exhaustive search    n a query, or as many as it has predecessors
//     skeletons            n s (3/2 + s/m)
//     tables               S (S/2 (1 + 2 s/m) + n s / 2m)
//     by tables            8 k + (3072 + 61 k) s/m + h n     a query
//     by projections       the same and S (1 + s/m) + 25 b   a query
//
// for b blocks. The numbers of the last two are fitted to measurements
// (docs/performance.md).
//
// h is measured on a sample of the blocks (bound_probe.h).

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_COSTS_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_COSTS_H_

#include <cstdint>

#include "base/archive.h"
#include "metric/residual_correlation.h"
#include "traversal/block/skeleton_bound.pb.h"

namespace rct {

class SkeletonCosts {
 public:
  // `hard` is the part of queries that end in exhaustive search.
  SkeletonCosts(const ResidualCorrelation& metric, double mean_rank,
                double num_blocks, double hard);

  // As Save wrote them, of this metric; without use where archive.status() is
  // an error then.
  SkeletonCosts(const ResidualCorrelation& metric, ArchiveReader& archive);
  void Save(ArchiveWriter& archive) const;

  double dense(int64_t queries) const;
  double skeletons() const;
  double tables() const;
  double by_tables(int64_t queries, int64_t k) const;
  double by_projections(int64_t queries, int64_t k) const;

  // TABLES, PROJECTIONS or DENSE: what is cheapest for so many queries of 50
  // neighbours, with everything still to make.
  SkeletonBoundConfig::Form Cheapest(int64_t queries) const;

 private:
  template <class Self, class Archive>
  static void Describe(Self& self, Archive& archive);

  double total_rank() const { return mean_rank_ * num_blocks_; }

  double points_;
  double width_;
  double num_blocks_;
  double mean_rank_;
  double hard_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_COSTS_H_
