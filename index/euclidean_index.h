// The front door once more, for Euclidean distance.
//
//     absl::StatusOr<rct::EuclideanIndex> index =
//         rct::EuclideanIndex::Build(points);                  // n x d
//     absl::StatusOr<rct::SearchResult> result =
//         index->Search({0, 17, 4711}, {.k = 10, .exclude_self = true});
//     result->neighbors.rows()(1, 0);            // the nearest to row 17
//     result->neighbors.distances()(1, 0);       // how far it is
//
// For each query the k points with the smallest
//
//     d = sqrt(t),   t = (x_1 - y_1)^2 + ... + (x_d - y_d)^2,
//
// ordered by (distance, row), among all points or among earlier ones. Answers
// are exact for float64 numbers: those of a loop over all pairs that sums
//
//     t = fma(x_i - y_i, x_i - y_i, t),   i = 1, ..., d,
//
// and a sort, bit for bit, for any strategy, number of threads, tree and
// instruction set. Equal points are at distance 0 of each
// other and go by row. Where t overflows, distances are +inf and go by row.
//
// What it is for: the same questions as to a residual index, in the same words,
// as a baseline or before a kernel is known. A k-d tree made for Euclidean
// distance in few dimensions is faster: docs/performance.md says how much.

#ifndef RCT_INDEX_EUCLIDEAN_INDEX_H_
#define RCT_INDEX_EUCLIDEAN_INDEX_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "index/index.pb.h"
#include "metric/euclidean_distance.h"
#include "traversal/build_phase.h"
#include "traversal/searcher.h"

namespace rct {

// InvalidArgument, naming the field, for options that are out of range or
// contradict each other, whatever the points.
absl::Status ValidateEuclideanIndexOptions(
    const EuclideanIndexOptions& options);

// Movable and thread-safe.
class EuclideanIndex {
 public:
  // An index over `points` (n x d, finite, n may be 0), which are copied.
  // InvalidArgument, naming field and row, for bad input.
  static absl::StatusOr<EuclideanIndex> Build(
      MatrixView<const double> points,
      const EuclideanIndexOptions& options = {});

  // Neighbours of rows of the data, each in [0, size). Fewer than k neighbours
  // are no error: the table is padded with row -1 at distance +inf.
  // InvalidArgument where k is not from 1 to 2^31 - 9, threads < 0 or a row is
  // out of range.
  absl::StatusOr<SearchResult> Search(absl::Span<const int64_t> rows,
                                      SearchOptions options) const;

  // Neighbours, among the data, of new points (q x d, finite). A new point has
  // no row: `exclude_self` and `predecessor` are InvalidArgument.
  absl::StatusOr<SearchResult> SearchPoints(MatrixView<const double> points,
                                            SearchOptions options) const;

  int64_t size() const { return searcher_->metric().size(); }
  int64_t dim() const { return searcher_->metric().dim(); }

  // The strategy, tree and heuristics that are used.
  const EuclideanIndexOptions& options() const { return options_; }

  // What building the index cost, phase by phase; empty for EXHAUSTIVE.
  const std::vector<BuildPhase>& phases() const { return phases_; }
  // The sum of their evaluations.
  int64_t build_distance_evaluations() const;

 private:
  EuclideanIndex(EuclideanIndexOptions options,
                 std::unique_ptr<const Searcher<EuclideanDistance>> searcher,
                 std::vector<BuildPhase> phases)
      : options_(std::move(options)),
        searcher_(std::move(searcher)),
        phases_(std::move(phases)) {}

  EuclideanIndexOptions options_;
  std::unique_ptr<const Searcher<EuclideanDistance>> searcher_;
  std::vector<BuildPhase> phases_;
};

}  // namespace rct

#endif  // RCT_INDEX_EUCLIDEAN_INDEX_H_
