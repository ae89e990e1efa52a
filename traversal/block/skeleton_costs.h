// Costs: formulas for what the forms of the skeleton bound take.
//
// The unit is an evaluation of exhaustive search: m fused multiply-adds in a
// tile, m being the width of V in memory (in whole vectors), and a kernel,
// which takes about as long as 80 more. Machines differ less in ratios than in
// times. With n points, s the mean rank of the skeletons, S the sum of all
// ranks and h the part of hard queries, which end in exhaustive search:
//
//     exhaustive search    n a query, or as many as it has predecessors
//     skeletons            n s (3/2 + s/m)
//     tables               S (S/2 (1 + 2 s/m) + n s / 2m)
//     a query              50 + 6.5 k + 40 k s / (m + 80) + h n / 2
//     by tables            (300000 T sqrt(k) + 27 U b s^2) / (m + 80) more
//     by projections       S (1 + s/m) + 25 b more
//
// the last but one for all queries together, in T tasks of up to 128 queries of
// one of b blocks: a task looks at the more blocks the more neighbors it is
// asked for. Tasks of few queries need few tables, and U counts T or one for 32
// queries, whichever is less. Under the predecessor constraint queries take a
// quarter more, in every form (lazy_skeletons.cc). Partition and samples take
// 40500 / (m + 80) a point for the choice. The numbers are fitted to
// measurements on two machines, one with AVX-512 and one with AVX2
// (docs/performance.md): most forecasts of these lie between what the two
// measure, and all within a factor of two of either.
//
// Memory. Skeletons take 4 n (s + 11) bytes, and 4 n s more while they are
// made; tables 2 S^2, or 2/5 S^2 where they are compact, and 80 b^2; and gaps 2
// n b, less those of blocks that are far (skeleton_tables.h). Tables with which
// all would take more than twice the memory of V, 8 n m bytes, are never made,
// nor is anything that does not fit into a limit. Where gaps alone do not,
// there are tables without them.
//
// h is measured on a sample of the blocks (bound_probe.h), which takes twice as
// many queries for hard as are, or more: each of its few blocks stands for
// many.

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_COSTS_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_COSTS_H_

#include <cstdint>
#include <limits>

#include "base/archive.h"
#include "metric/residual_correlation.h"
#include "traversal/block/skeleton_bound.pb.h"

namespace rct {

class SkeletonCosts {
 public:
  // The bytes a point of tables in float32 beyond which they are compact.
  static constexpr int64_t kWholeTableBytes = 2048;

  // What tables keep of each pair of blocks beside its numbers, and of each
  // point.
  static constexpr double kPairBytes = 80;
  static constexpr double kLengthBytes = 4;

  // The multiply-adds that take as long as the kernel of an evaluation.
  static constexpr double kKernel = 80;

  // Returns about what tables take, by n and S.
  static double TableBytes(double points, double total_rank);

  // `hard` is the part of queries that end in exhaustive search.
  SkeletonCosts(const ResidualCorrelation& metric, double mean_rank,
                double num_blocks, double hard);

  // Reads what Save wrote of the costs of this metric. archive.status() is an
  // error afterwards where a value is out of range.
  SkeletonCosts(const ResidualCorrelation& metric, ArchiveReader& archive);

  // Sets the bytes that skeletons and tables may take together. A limit is no
  // part of what Save writes.
  void Limit(double bytes) { memory_ = bytes; }

  void Save(ArchiveWriter& archive) const;

  // The costs of making a part, or of a number of queries by a form.
  double dense(int64_t queries) const;
  double skeletons() const;
  double tables() const;
  double by_tables(int64_t queries, int64_t k) const;
  double by_projections(int64_t queries, int64_t k) const;

  // Returns the costs of the partition, and of the samples that the choice
  // looks at, of points of this width of V.
  static double Partition(double points, double width) {
    return 11500 * points / (width + kKernel);
  }
  static double Samples(double points, double width) {
    return 29000 * points / (width + kKernel);
  }

  // Returns the cost of this number of queries of 50 neighbors by the cheapest
  // form that is not DENSE, all parts still to be made.
  double Total(int64_t queries) const;
  // Return whether skeletons, tables with them, and gaps with both may take
  // their memory.
  bool SkeletonsFit() const;
  bool TablesFit() const;
  bool GapsFit() const;
  // Returns TABLES, PROJECTIONS or DENSE, whichever is cheapest for this number
  // of queries of 50 neighbors, all parts still to be made.
  SkeletonBoundConfig::Form Cheapest(int64_t queries) const;

 private:
  template <class Self, class Archive>
  static void Describe(Self& self, Archive& archive);

  // The costs of a number of queries that all forms with skeletons share.
  double Filtered(int64_t queries, int64_t k) const;
  // Returns whether so many bytes beside skeletons stay within the limits.
  bool FitsWith(double bytes) const;
  double WithTables(int64_t queries) const;
  double WithProjections(int64_t queries) const;
  double total_rank() const { return mean_rank_ * num_blocks_; }

  double points_;
  double width_;  // of a row of V, in float64 numbers
  double num_blocks_;
  double mean_rank_;
  double hard_;
  double memory_ = std::numeric_limits<double>::infinity();
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_COSTS_H_
