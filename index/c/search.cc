// Searches, and what they find.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/status_macros.h"
#include "index/advice.h"
#include "index/c/arguments.h"
#include "index/c/call.h"
#include "index/c/filter.h"
#include "index/c/handle.h"
#include "index/c/rct.h"
#include "index/c/run.h"
#include "index/index.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"

struct rct_ranges {
  rct::RangeTable table;
};

namespace rct {
namespace {

AdvisedMetric AdvisedOf(const Index& index) {
  return index.euclidean() != nullptr ? AdvisedMetric::kEuclidean
                                      : AdvisedMetric::kResidual;
}

// The caller's arrays.
struct Output {
  int64_t q;
  int64_t k;
  int64_t* neighbors;  // q x k
  double* distances;   // q x k, or null
};

// Runs search(options) for the k nearest and writes its answer.
template <class Search>
absl::Status Nearest(const Index& index, SearchOptions options,
                     const rct_run* run, Output output, Search search) {
  if (output.q > 0) RCT_RETURN_IF_ERROR(NotNull("neighbors", output.neighbors));
  options.k = output.k;
  Watch watch(run);
  options.monitor = watch.monitor();
  RCT_ASSIGN_OR_RETURN(const SearchResult result, search(options));
  const NeighborTable& found = result.neighbors;
  if (HearsWarnings(run)) {
    Warn(*run, AdviceOnNeighbors(found, options, AdvisedOf(index)));
  }
  for (int64_t i = 0; i < output.q; ++i) {
    const int64_t at = i * output.k;
    std::copy_n(found.rows().row(i), output.k, output.neighbors + at);
    if (output.distances == nullptr) continue;
    std::copy_n(found.distances().row(i), output.k, output.distances + at);
  }
  return absl::OkStatus();
}

// Runs search(options) for all within a radius and hands its answer over.
template <class Search>
absl::Status Within(const Index& index, double radius, SearchOptions options,
                    const rct_run* run, rct_ranges** ranges, Search search) {
  if (options.radius < std::numeric_limits<double>::infinity()) {
    return absl::InvalidArgumentError(
        "radius: a range search takes it as an argument; leave the filter's at "
        "infinity");
  }
  Watch watch(run);
  options.monitor = watch.monitor();
  RCT_ASSIGN_OR_RETURN(RangeResult result, search(options));
  auto found =
      std::make_unique<rct_ranges>(rct_ranges{std::move(result.neighbors)});
  if (HearsWarnings(run)) {
    Warn(*run, AdviceOnRange(found->table, radius, options, AdvisedOf(index)));
  }
  *ranges = found.release();
  return absl::OkStatus();
}

}  // namespace
}  // namespace rct

int32_t rct_index_search(const rct_index* index, const int64_t* rows, int64_t q,
                         int64_t k, const rct_filter* filter,
                         const rct_run* run, int64_t* neighbors,
                         double* distances, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("index", index));
    RCT_ASSIGN_OR_RETURN(const absl::Span<const int64_t> queries,
                         rct::SpanAt("rows", rows, q));
    return rct::Nearest(index->index, rct::OptionsOf(filter, run), run,
                        {q, k, neighbors, distances},
                        [&](const rct::SearchOptions& options) {
                          return index->index.Search(queries, options);
                        });
  });
}

int32_t rct_index_search_points(const rct_index* index, const double* points,
                                int64_t q, int64_t d, int64_t k,
                                const rct_filter* filter, const rct_run* run,
                                int64_t* neighbors, double* distances,
                                rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("index", index));
    RCT_ASSIGN_OR_RETURN(const rct::MatrixView<const double> queries,
                         rct::PointsAt("points", points, q, d));
    return rct::Nearest(index->index, rct::OptionsOf(filter, run), run,
                        {q, k, neighbors, distances},
                        [&](const rct::SearchOptions& options) {
                          return index->index.SearchPoints(queries, options);
                        });
  });
}

int32_t rct_index_graph(const rct_index* index, int64_t k, const int64_t* order,
                        int64_t order_count, const rct_filter* filter,
                        const rct_run* run, int64_t* neighbors,
                        double* distances, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("index", index));
    RCT_ASSIGN_OR_RETURN(const absl::Span<const int64_t> rows,
                         rct::SpanAt("order", order, order_count));
    rct::SearchOptions options = rct::OptionsOf(filter, run);
    options.exclude_self = true;  // as the advice takes it
    return rct::Nearest(index->index, options, run,
                        {index->index.size(), k, neighbors, distances},
                        [&](const rct::SearchOptions& options) {
                          return rows.empty()
                                     ? index->index.Graph(options)
                                     : index->index.Graph(options, rows);
                        });
  });
}

int32_t rct_index_range(const rct_index* index, const int64_t* rows, int64_t q,
                        double radius, const rct_filter* filter,
                        const rct_run* run, rct_ranges** ranges,
                        rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("ranges", ranges));
    *ranges = nullptr;
    RCT_RETURN_IF_ERROR(rct::NotNull("index", index));
    RCT_ASSIGN_OR_RETURN(const absl::Span<const int64_t> queries,
                         rct::SpanAt("rows", rows, q));
    return rct::Within(index->index, radius, rct::OptionsOf(filter, run), run,
                       ranges, [&](const rct::SearchOptions& options) {
                         return index->index.RangeSearch(queries, radius,
                                                         options);
                       });
  });
}

int32_t rct_index_range_points(const rct_index* index, const double* points,
                               int64_t q, int64_t d, double radius,
                               const rct_filter* filter, const rct_run* run,
                               rct_ranges** ranges, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("ranges", ranges));
    *ranges = nullptr;
    RCT_RETURN_IF_ERROR(rct::NotNull("index", index));
    RCT_ASSIGN_OR_RETURN(const rct::MatrixView<const double> queries,
                         rct::PointsAt("points", points, q, d));
    return rct::Within(index->index, radius, rct::OptionsOf(filter, run), run,
                       ranges, [&](const rct::SearchOptions& options) {
                         return index->index.RangeSearchPoints(queries, radius,
                                                               options);
                       });
  });
}

void rct_ranges_free(rct_ranges* ranges) { delete ranges; }

int64_t rct_ranges_num_queries(const rct_ranges* ranges) {
  return ranges == nullptr ? -1 : ranges->table.num_queries();
}

int64_t rct_ranges_num_neighbors(const rct_ranges* ranges) {
  return ranges == nullptr ? -1 : ranges->table.offsets.back();
}

const int64_t* rct_ranges_offsets(const rct_ranges* ranges) {
  return ranges == nullptr ? nullptr : ranges->table.offsets.data();
}

const int64_t* rct_ranges_rows(const rct_ranges* ranges) {
  return ranges == nullptr ? nullptr : ranges->table.rows.data();
}

const double* rct_ranges_distances(const rct_ranges* ranges) {
  return ranges == nullptr ? nullptr : ranges->table.distances.data();
}
