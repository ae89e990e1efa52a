#include "index/index.h"

#include <cstdint>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/status_macros.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "traversal/range_search.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

absl::StatusOr<Index> BuildResidual(MatrixView<const double> points,
                                    const ResidualConfig& residual,
                                    IndexOptions options, Monitor* monitor) {
  *options.mutable_residual() = residual;
  RCT_ASSIGN_OR_RETURN(ResidualIndex index,
                       ResidualIndex::Build(points, options, monitor));
  return Index(std::move(index));
}

absl::StatusOr<Index> BuildEuclidean(MatrixView<const double> points,
                                     const MetricConfig::Euclidean& metric,
                                     const IndexOptions& from,
                                     Monitor* monitor) {
  EuclideanIndexOptions options;
  *options.mutable_lengthscale() = metric.lengthscale();
  options.set_threads(from.threads());
  if (from.memory_limit_bytes() != 0) {
    options.set_memory_limit_bytes(from.memory_limit_bytes());
  }
  if (from.has_strategy()) options.set_strategy(from.strategy());
  if (from.has_tree()) *options.mutable_tree() = from.tree();
  if (from.has_heuristics()) *options.mutable_heuristics() = from.heuristics();
  RCT_ASSIGN_OR_RETURN(EuclideanIndex index,
                       EuclideanIndex::Build(points, options, monitor));
  return Index(std::move(index));
}

}  // namespace

absl::StatusOr<Index> Index::Build(MatrixView<const double> points,
                                   const MetricConfig& metric,
                                   const IndexOptions& options,
                                   Monitor* monitor) {
  if (options.has_residual()) {
    return absl::InvalidArgumentError(
        "residual: the metric is an argument of its own; leave it out of the "
        "options");
  }
  switch (metric.metric_case()) {
    case MetricConfig::kResidual:
      return BuildResidual(points, metric.residual(), options, monitor);
    case MetricConfig::kCorrelation: {
      ResidualConfig residual;
      *residual.mutable_kernel() = metric.correlation();
      residual.mutable_inducing()->mutable_none();
      return BuildResidual(points, residual, options, monitor);
    }
    case MetricConfig::kEuclidean:
      return BuildEuclidean(points, metric.euclidean(), options, monitor);
    case MetricConfig::METRIC_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "metric: not given; choose residual, correlation or euclidean");
}

absl::StatusOr<Index> Index::Append(MatrixView<const double> points,
                                    int threads, Monitor* monitor) const {
  return std::visit(
      [&](const auto& index) -> absl::StatusOr<Index> {
        RCT_ASSIGN_OR_RETURN(auto appended,
                             index.Append(points, threads, monitor));
        return Index(std::move(appended));
      },
      either_);
}

absl::StatusOr<SearchResult> Index::Search(absl::Span<const int64_t> rows,
                                           const SearchOptions& options) const {
  return std::visit(
      [&](const auto& index) { return index.Search(rows, options); }, either_);
}

absl::StatusOr<SearchResult> Index::Graph(const SearchOptions& options) const {
  return std::visit([&](const auto& index) { return index.Graph(options); },
                    either_);
}

absl::StatusOr<SearchResult> Index::Graph(
    const SearchOptions& options, absl::Span<const int64_t> order) const {
  return std::visit(
      [&](const auto& index) { return index.Graph(options, order); }, either_);
}

absl::StatusOr<SearchResult> Index::SearchPoints(
    MatrixView<const double> points, const SearchOptions& options) const {
  return std::visit(
      [&](const auto& index) { return index.SearchPoints(points, options); },
      either_);
}

absl::StatusOr<RangeResult> Index::RangeSearch(
    absl::Span<const int64_t> rows, double radius,
    const SearchOptions& options) const {
  return std::visit(
      [&](const auto& index) {
        return index.RangeSearch(rows, radius, options);
      },
      either_);
}

absl::StatusOr<RangeResult> Index::RangeSearchPoints(
    MatrixView<const double> points, double radius,
    const SearchOptions& options) const {
  return std::visit(
      [&](const auto& index) {
        return index.RangeSearchPoints(points, radius, options);
      },
      either_);
}

int64_t Index::size() const {
  return std::visit([](const auto& index) { return index.size(); }, either_);
}

int64_t Index::dim() const {
  return euclidean() != nullptr ? euclidean()->dim()
                                : residual()->model().metric()->dim();
}

Strategy Index::strategy() const {
  return std::visit(
      [](const auto& index) { return index.options().strategy(); }, either_);
}

}  // namespace rct
