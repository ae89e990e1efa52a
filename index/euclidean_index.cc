#include "index/euclidean_index.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "heuristics/composition/composition.h"
#include "index/validation.h"
#include "metric/euclidean_distance.h"
#include "metric/inducing_points.h"
#include "traversal/neighbor_table.h"
#include "traversal/node_order.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

Composition CompositionOf(const EuclideanIndexOptions& options) {
  return {options.strategy(), options.tree(), options.heuristics()};
}

// Below so many points, and above so many coordinates, a tree takes longer than
// it saves (docs/performance.md).
constexpr int64_t kLeastPointsOfATree = 4096;
constexpr int64_t kMostCoordinatesOfATree = 8;

// With what was not given filled in.
EuclideanIndexOptions Resolve(EuclideanIndexOptions options, int64_t size,
                              int64_t dim) {
  options.clear_threads();
  if (!options.has_strategy()) {
    options.set_strategy(size < kLeastPointsOfATree ||
                                 dim > kMostCoordinatesOfATree
                             ? EXHAUSTIVE
                             : LEVEL_SYNCHRONOUS);
  }
  if (options.strategy() == EXHAUSTIVE) return options;
  // An evaluation costs a few operations here and a segment a hundred, so
  // segments are large, and levels few. Not so in more dimensions: nets grow by
  // base^d from one level to the next, and the last may be far too fine.
  if (!options.has_tree()) {
    options.mutable_tree()->set_leaf_size(128);
    options.mutable_tree()->set_base(dim <= 3 ? 4 : 2);
  }
  if (!options.has_heuristics()) {
    options.mutable_heuristics()->mutable_child_order();
  }
  return options;
}

// Some rows of `points`, in this order.
EuclideanPoints Take(MatrixView<const double> points,
                     absl::Span<const int32_t> rows) {
  EuclideanPoints taken{
      Matrix<double>(static_cast<int64_t>(rows.size()), points.cols)};
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(points.row(rows[i]), points.cols,
                taken.points.row(static_cast<int64_t>(i)));
  }
  return taken;
}

EuclideanPoints Copy(MatrixView<const double> points) {
  EuclideanPoints copy{Matrix<double>(points.rows, points.cols)};
  for (int64_t i = 0; i < points.rows; ++i) {
    std::copy_n(points.row(i), points.cols, copy.points.row(i));
  }
  return copy;
}

}  // namespace

absl::Status ValidateEuclideanIndexOptions(
    const EuclideanIndexOptions& options) {
  RCT_RETURN_IF_ERROR(ValidateThreads(options.threads()));
  Composition composition = CompositionOf(options);
  if (!options.has_strategy()) {
    if (options.has_tree() || options.has_heuristics()) {
      return absl::InvalidArgumentError(
          "strategy: not given, but what it is to use is; choose EXHAUSTIVE, "
          "LEVEL_SYNCHRONOUS or BEST_FIRST");
    }
    composition.strategy = EXHAUSTIVE;
  }
  RCT_RETURN_IF_ERROR(ValidateStrategy(composition, options.has_tree()));
  // Over Euclidean distance a few more are out of range, whatever the points.
  return ComposeSearcher(std::make_shared<const EuclideanDistance>(
                             EuclideanPoints{Matrix<double>(0, 1)}),
                         composition, /*threads=*/1)
      .status();
}

absl::StatusOr<EuclideanIndex> EuclideanIndex::Build(
    MatrixView<const double> points, const EuclideanIndexOptions& options) {
  RCT_RETURN_IF_ERROR(ValidateEuclideanIndexOptions(options));
  RCT_RETURN_IF_ERROR(ValidateFinite("points", points));
  EuclideanIndexOptions used = Resolve(options, points.rows, points.cols);
  RCT_ASSIGN_OR_RETURN(
      ComposedSearcher<EuclideanDistance> composed,
      ComposeSearcher(std::make_shared<const EuclideanDistance>(Copy(points)),
                      CompositionOf(used), ResolveThreads(options.threads())));
  return EuclideanIndex(std::move(used), std::move(composed.searcher),
                        std::move(composed.phases));
}

int64_t EuclideanIndex::build_distance_evaluations() const {
  return DistanceEvaluations(phases_);
}

absl::StatusOr<SearchResult> EuclideanIndex::Search(
    absl::Span<const int64_t> rows, SearchOptions options) const {
  RCT_RETURN_IF_ERROR(ValidateRowSearch(rows, size(), options));
  options.threads = ResolveThreads(options.threads);
  return searcher_->SearchRows(rows, options);
}

absl::StatusOr<SearchResult> EuclideanIndex::SearchPoints(
    MatrixView<const double> points, SearchOptions options) const {
  RCT_RETURN_IF_ERROR(ValidatePointSearch(options));
  RCT_RETURN_IF_ERROR(ValidateQueryPoints(points, dim()));
  options.threads = ResolveThreads(options.threads);
  if (options_.strategy() == EXHAUSTIVE) {
    return searcher_->SearchPoints(Copy(points), options);
  }
  // Queries that descend together share work when they are near each other, as
  // rows are by the order of storage and new points are not.
  const RowOrder order = HilbertOrder(points);
  SearchResult result =
      searcher_->SearchPoints(Take(points, order.rows()), options);
  std::vector<int64_t> place(points.rows);
  for (int64_t i = 0; i < points.rows; ++i) {
    place[i] = order.position(i);
  }
  result.neighbors = result.neighbors.Select(place);
  return result;
}

}  // namespace rct
