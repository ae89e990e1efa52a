#include "index/euclidean_index.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "heuristics/composition/composition.h"
#include "index/dispatch.h"
#include "index/exceptions.h"
#include "index/index_memory.h"
#include "index/index_options.h"
#include "index/ordered_graph.h"
#include "index/ordering.h"
#include "index/validation.h"
#include "metric/euclidean_distance.h"
#include "metric/euclidean_range.h"
#include "metric/inducing_points.h"
#include "traversal/build_phase.h"
#include "traversal/range_search.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/node_order.h"

namespace rct {
namespace {

Composition CompositionOf(const EuclideanIndexOptions& options) {
  return {options.strategy(), options.tree(), options.heuristics()};
}

// In more dimensions a search of all pairs is faster than one of boxes
// (docs/performance.md).
constexpr int64_t kMaxCoordinatesOfBoxes = 8;

// Returns the options with defaults for those that were not given.
EuclideanIndexOptions Resolve(EuclideanIndexOptions options, int64_t dim) {
  options.clear_threads();
  if (!options.has_strategy()) {
    options.set_strategy(dim > kMaxCoordinatesOfBoxes ? EXHAUSTIVE : BLOCK);
  }
  if (options.strategy() == EXHAUSTIVE || options.strategy() == BLOCK) {
    return options;
  }
  // An evaluation costs a few operations and a segment a hundred, so that large
  // segments and few levels are best. In more dimensions the base is small:
  // nets grow by base^d from one level to the next, and the last may be far too
  // fine.
  if (!options.has_tree()) {
    options.mutable_tree()->set_leaf_size(128);
    options.mutable_tree()->set_base(dim <= 3 ? 4 : 2);
  }
  if (!options.has_heuristics()) {
    options.mutable_heuristics()->mutable_child_order();
  }
  return options;
}

// Returns how many times points are kept, row by row and in vectors: by the
// metric in an order of its own, and by boxes.
double CopiesKept(const EuclideanIndexOptions& options) {
  return options.strategy() == BLOCK ? 3 : 2;
}

absl::Status CheckCopyMemory(int64_t size, int64_t dim,
                             const EuclideanIndexOptions& options) {
  RCT_RETURN_IF_ERROR(CheckMemoryLimit(NeedsOf(options, size, dim),
                                       options.memory_limit_bytes(),
                                       absl::StrCat(size, " points")));
  return CheckMemory(
      sizeof(double) * static_cast<double>(size) * static_cast<double>(dim) *
          CopiesKept(options),
      absl::StrCat("points: the index's copies of ", size, " points"),
      "take fewer points");
}

}  // namespace

Matrix<double> EuclideanIndex::InLengthscales(
    MatrixView<const double> points, const EuclideanIndexOptions& options) {
  Matrix<double> scaled = Matrix<double>::Copy(points);
  const int given = options.lengthscale_size();
  if (given == 0) return scaled;
  for (int64_t i = 0; i < scaled.rows(); ++i) {
    for (int64_t t = 0; t < scaled.cols(); ++t) {
      scaled(i, t) /= options.lengthscale(given == 1 ? 0 : static_cast<int>(t));
    }
  }
  return scaled;
}

absl::Status ValidateEuclideanIndexOptions(
    const EuclideanIndexOptions& options) {
  RCT_RETURN_IF_ERROR(ValidateThreads(options.threads()));
  RCT_RETURN_IF_ERROR(ValidateMemoryLimit(options.memory_limit_bytes()));
  for (int i = 0; i < options.lengthscale_size(); ++i) {
    const double lengthscale = options.lengthscale(i);
    if (!(lengthscale > 0) || !std::isfinite(lengthscale)) {
      return absl::InvalidArgumentError(
          absl::StrCat("lengthscale[", i, "]: is ", lengthscale,
                       "; it must be positive and finite"));
    }
  }
  Composition composition = CompositionOf(options);
  if (!options.has_strategy()) {
    if (options.has_tree() || options.has_heuristics()) {
      return absl::InvalidArgumentError(
          "strategy: not given, but what it is to use is; choose EXHAUSTIVE, "
          "LEVEL_SYNCHRONOUS, BEST_FIRST or BLOCK");
    }
    composition.strategy = EXHAUSTIVE;
  }
  RCT_RETURN_IF_ERROR(ValidateStrategy(composition, options.has_tree()));
  // Composing a searcher of no points finds the options that only Euclidean
  // distance excludes.
  return ComposeSearcher(std::make_shared<const EuclideanDistance>(
                             EuclideanPoints{Matrix<double>(0, 1)}),
                         composition, /*threads=*/1)
      .status();
}

absl::Status EuclideanIndex::ValidateForCoordinates(
    const EuclideanIndexOptions& options, int64_t dim) {
  const int given = options.lengthscale_size();
  if (given > 1 && given != dim) {
    return absl::InvalidArgumentError(
        absl::StrCat("lengthscale: ", given, " values for points of ", dim,
                     " coordinates; give none, one, or one for each"));
  }
  return ValidateCoordinates(options, dim);
}

absl::StatusOr<EuclideanIndex> EuclideanIndex::Build(
    MatrixView<const double> points, const EuclideanIndexOptions& options,
    Monitor* monitor) try {
  const Monitor::Part whole(monitor);
  RCT_RETURN_IF_ERROR(ValidateEuclideanIndexOptions(options));
  RCT_RETURN_IF_ERROR(ValidateFinite("points", points));
  EuclideanIndexOptions used = Resolve(options, points.cols);
  RCT_RETURN_IF_ERROR(CheckCopyMemory(points.rows, points.cols, used));
  RCT_RETURN_IF_ERROR(ValidateForCoordinates(options, points.cols));
  return Compose(InLengthscales(points, options), std::move(used),
                 options.threads(), monitor);
} catch (...) {
  return StatusOfException("Build");
}

absl::StatusOr<EuclideanIndex> EuclideanIndex::Compose(
    Matrix<double> scaled, EuclideanIndexOptions options, int threads,
    Monitor* monitor) {
  RCT_RETURN_IF_ERROR(ValidateEuclideanPoints(scaled.view()));
  RCT_ASSIGN_OR_RETURN(
      ComposedSearcher<EuclideanDistance> composed,
      ComposeSearcher(std::make_shared<const EuclideanDistance>(
                          EuclideanPoints{std::move(scaled)}),
                      CompositionOf(options), ResolveThreads(threads),
                      monitor));
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  return EuclideanIndex(std::move(options), std::move(composed.searcher),
                        std::move(composed.phases));
}

absl::StatusOr<EuclideanIndex> EuclideanIndex::Append(
    MatrixView<const double> points, int threads, Monitor* monitor) const try {
  const Monitor::Part whole(monitor);
  RCT_RETURN_IF_ERROR(ValidateThreads(threads));
  RCT_RETURN_IF_ERROR(ValidateAppended(points, size(), dim()));
  RCT_RETURN_IF_ERROR(CheckCopyMemory(size() + points.rows, dim(), options_));
  const Matrix<double> added = InLengthscales(points, options_);
  // Errors of the new points alone name their own rows.
  RCT_RETURN_IF_ERROR(ValidateEuclideanPoints(added.view()));
  Matrix<double> all(size() + points.rows, dim());
  CopyScaledPoints(all.view());
  for (int64_t i = 0; i < added.rows(); ++i) {
    std::copy_n(added.row(i), dim(), all.row(size() + i));
  }
  return Compose(std::move(all), options_, threads, monitor);
} catch (...) {
  return StatusOfException("Append");
}

absl::StatusOr<EuclideanIndex> EuclideanIndex::Reordered(
    absl::Span<const int64_t> order, Monitor* monitor) const try {
  RCT_RETURN_IF_ERROR(ValidateOrder(order, size()));
  RCT_RETURN_IF_ERROR(CheckCopyMemory(size(), dim(), options_));
  const std::vector<int32_t> rows(order.begin(), order.end());
  return Compose(EuclideanPoints{ScaledPoints()}.Reordered(rows).points,
                 options_, /*threads=*/0, monitor);
} catch (...) {
  return StatusOfException("Reordered");
}

absl::StatusOr<EuclideanIndex> EuclideanIndex::Exhaustive() const try {
  EuclideanIndexOptions options = options_;
  options.set_strategy(EXHAUSTIVE);
  options.clear_tree();
  options.clear_heuristics();
  RCT_RETURN_IF_ERROR(CheckCopyMemory(size(), dim(), options));
  return Compose(ScaledPoints(), std::move(options), /*threads=*/0, nullptr);
} catch (...) {
  return StatusOfException("Exhaustive");
}

Matrix<double> EuclideanIndex::ScaledPoints() const {
  Matrix<double> points(size(), dim());
  CopyScaledPoints(points.view());
  return points;
}

void EuclideanIndex::CopyScaledPoints(MatrixView<double> to) const {
  const Matrix<double>& stored = searcher_->metric().data().points;
  for (int64_t i = 0; i < size(); ++i) {
    std::copy_n(stored.row(searcher_->order().position(i)), dim(), to.row(i));
  }
}

int64_t EuclideanIndex::build_distance_evaluations() const {
  return DistanceEvaluations(phases_);
}

// The calls below repeat those of ResidualIndex: each is one line of dispatch.h
// in a public function with documentation of its own.

absl::StatusOr<SearchResult> EuclideanIndex::Search(
    absl::Span<const int64_t> rows, SearchOptions options) const try {
  return NearestToRows(*searcher_, rows, options);
} catch (...) {
  return StatusOfException("Search");
}

absl::StatusOr<SearchResult> EuclideanIndex::Graph(SearchOptions options) const
    try {
  return NearestToAllRows(*searcher_, options);
} catch (...) {
  return StatusOfException("Graph");
}

absl::StatusOr<SearchResult> EuclideanIndex::Graph(
    SearchOptions options, absl::Span<const int64_t> order) const try {
  RCT_RETURN_IF_ERROR(ValidateOrderedGraph(options, order, size()));
  if (IsNatural(order)) return NearestToAllRows(*searcher_, options);
  RCT_RETURN_IF_ERROR(CheckCopyMemory(size(), dim(), options_));
  const Monitor::Part whole(options.monitor);
  std::optional<Monitor::Part> part(std::in_place, options.monitor,
                                    kShareOfOrderedIndex);
  std::vector<int32_t> positions;
  positions.reserve(order.size());
  for (const int64_t row : order) {
    positions.push_back(searcher_->order().position(row));
  }
  RCT_ASSIGN_OR_RETURN(
      const ComposedSearcher<EuclideanDistance> ordered,
      ComposeSearcher(std::make_shared<const EuclideanDistance>(
                          searcher_->metric().Reordered(positions)),
                      CompositionOf(options_), ResolveThreads(options.threads),
                      options.monitor));
  part.reset();
  return NearestInOrder(*ordered.searcher, order, options);
} catch (...) {
  return StatusOfException("Graph");
}

absl::StatusOr<RangeResult> EuclideanIndex::RangeSearch(
    absl::Span<const int64_t> rows, double radius, SearchOptions options) const
    try {
  return AllWithinOfRows(*searcher_, rows, radius, options);
} catch (...) {
  return StatusOfException("RangeSearch");
}

absl::StatusOr<EuclideanIndex::NewPoints> EuclideanIndex::PrepareQueries(
    MatrixView<const double> points, const SearchOptions& options) const {
  RCT_RETURN_IF_ERROR(ValidateSearch(options, size()));
  RCT_RETURN_IF_ERROR(ValidateNoRows(options));
  RCT_RETURN_IF_ERROR(ValidateQueryPoints(points, dim()));
  RCT_RETURN_IF_ERROR(CheckAnswerMemory(points.rows, options.k));
  Matrix<double> scaled = InLengthscales(points, options_);
  RCT_RETURN_IF_ERROR(ValidateEuclideanQueries(
      scaled.view(), searcher_->metric().data().points.view(), has_small_));
  const RowOrder order = options_.strategy() == EXHAUSTIVE
                             ? RowOrder::Natural(points.rows)
                             : HilbertOrder(scaled.view());
  std::vector<int32_t> positions(points.rows);
  for (int64_t i = 0; i < points.rows; ++i) positions[i] = order.position(i);
  const EuclideanPoints copy{std::move(scaled)};
  return NewPoints{copy.Reordered(order.rows()), std::move(positions)};
}

absl::StatusOr<SearchResult> EuclideanIndex::SearchPoints(
    MatrixView<const double> points, SearchOptions options) const try {
  RCT_ASSIGN_OR_RETURN(NewPoints queries, PrepareQueries(points, options));
  return Nearest(
      *searcher_,
      Queries<EuclideanPoints>(queries.points, std::move(queries.positions)),
      options);
} catch (...) {
  return StatusOfException("SearchPoints");
}

absl::StatusOr<RangeResult> EuclideanIndex::RangeSearchPoints(
    MatrixView<const double> points, double radius, SearchOptions options) const
    try {
  options = WithinRadius(options, radius);
  RCT_RETURN_IF_ERROR(CheckRangeMemory(points.rows, options, size()));
  RCT_ASSIGN_OR_RETURN(NewPoints queries, PrepareQueries(points, options));
  return AllWithin(
      *searcher_,
      Queries<EuclideanPoints>(queries.points, std::move(queries.positions)),
      options);
} catch (...) {
  return StatusOfException("RangeSearchPoints");
}

}  // namespace rct
