// Index: neighbors under the metric that a config names, by the same calls.
//
//     rct::MetricConfig metric;
//     metric.mutable_correlation()->set_family(rct::KernelConfig::MATERN32);
//     metric.mutable_correlation()->add_lengthscale(0.3);
//     absl::StatusOr<rct::Index> index = rct::Index::Build(points, metric);
//     index->Graph({.k = 10, .predecessor = true});
//
// An Index holds a ResidualIndex or a EuclideanIndex, whose headers say what
// their calls mean. docs/choosing.md says when to take which metric: residual
// correlation where there is noise and a low-rank part, Euclidean distance in
// lengthscales where there is little noise.

#ifndef RCT_INDEX_INDEX_H_
#define RCT_INDEX_INDEX_H_

#include <cstdint>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "traversal/range_search.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {

// An index over points. Immutable and thread-safe; copies are cheap and share
// everything.
class Index {
 public:
  // Builds an index over `points` (n x d). `options.residual` must be absent.
  // Returns InvalidArgument where `metric` names no metric, and the errors of
  // ResidualIndex::Build or EuclideanIndex::Build.
  static absl::StatusOr<Index> Build(MatrixView<const double> points,
                                     const MetricConfig& metric,
                                     const IndexOptions& options = {},
                                     Monitor* monitor = nullptr);

  // Make an Index of either kind.
  Index(ResidualIndex index) : either_(std::move(index)) {}   // NOLINT
  Index(EuclideanIndex index) : either_(std::move(index)) {}  // NOLINT

  // Builds an index over these points followed by `points` (q x d), as Append
  // of its kind does: earlier rows keep their numbers and, with `predecessor`,
  // their neighbors. This index stays as it is.
  absl::StatusOr<Index> Append(MatrixView<const double> points, int threads = 0,
                               Monitor* monitor = nullptr) const;

  // The searches of both kinds, with their results and errors.
  absl::StatusOr<SearchResult> Search(absl::Span<const int64_t> rows,
                                      const SearchOptions& options) const;
  absl::StatusOr<SearchResult> Graph(const SearchOptions& options) const;
  absl::StatusOr<SearchResult> Graph(const SearchOptions& options,
                                     absl::Span<const int64_t> order) const;
  absl::StatusOr<SearchResult> SearchPoints(MatrixView<const double> points,
                                            const SearchOptions& options) const;
  absl::StatusOr<RangeResult> RangeSearch(absl::Span<const int64_t> rows,
                                          double radius,
                                          const SearchOptions& options) const;
  absl::StatusOr<RangeResult> RangeSearchPoints(
      MatrixView<const double> points, double radius,
      const SearchOptions& options) const;

  int64_t size() const;
  int64_t dim() const;
  Strategy strategy() const;

  // Return the index if it is of this kind, and null otherwise. Correlation is
  // residual correlation without inducing points.
  const ResidualIndex* residual() const {
    return std::get_if<ResidualIndex>(&either_);
  }
  const EuclideanIndex* euclidean() const {
    return std::get_if<EuclideanIndex>(&either_);
  }

 private:
  std::variant<ResidualIndex, EuclideanIndex> either_;
};

}  // namespace rct

#endif  // RCT_INDEX_INDEX_H_
