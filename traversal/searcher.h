// What all strategies have in common: requests, and rows in and rows out.

#ifndef RCT_TRAVERSAL_SEARCHER_H_
#define RCT_TRAVERSAL_SEARCHER_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/check.h"
#include "base/monitor.h"
#include "metric/tile.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/traversal.pb.h"

namespace rct {

struct SearchOptions {
  // Neighbours of each query, >= 1. May exceed the number of points.
  int64_t k = 1;
  // A row is no neighbour of itself.
  bool exclude_self = false;
  // Only rows before the query's own are its neighbours (and so never itself).
  bool predecessor = false;
  // A neighbour's distance is strictly below it. Infinity, the default, is no
  // limit; at 0 and below nothing is a neighbour. No NaN.
  double radius = std::numeric_limits<double>::infinity();
  // Which rows may be neighbours, a flag for each row of the data; empty means
  // all. Queries may be any rows. Bounds do not know of it: the fewer rows are
  // allowed, the nearer a search comes to the cost of exhaustive search.
  absl::Span<const bool> allowed = {};
  // Whether the result's trace is filled. Changes no answer and no counter.
  bool telemetry = false;
  // Told how far the search is, and able to end it; may be null. What a search
  // that it has ended returns is worth nothing; an index returns Cancelled.
  Monitor* monitor = nullptr;
  // Queries are split among this many threads, >= 1; an index takes 0 for all
  // that this process may use. Changes no answer and no counter.
  int threads = 1;
};

// What a search did, for those who want to know.
struct SearchStatistics {
  SearchCounters counters;
  SearchTrace trace;  // empty unless options.telemetry
};

struct SearchResult : SearchStatistics {
  NeighborTable neighbors;
};

// A search over one metric. Immutable after construction; thread-safe.
template <class Metric>
class Searcher {
 public:
  using Points = typename Metric::Points;

  struct Request {
    const Points& from;
    absl::Span<const int32_t> positions;  // of the queries in `from`
    absl::Span<const int64_t> rows;       // their row numbers, or kNoNeighbor
    const SearchOptions& options;

    int64_t num_queries() const {
      return static_cast<int64_t>(positions.size());
    }
  };

  virtual ~Searcher() = default;

  // Queries are rows of the data, in [0, size).
  SearchResult SearchRows(absl::Span<const int64_t> rows,
                          const SearchOptions& options) const {
    std::vector<int32_t> positions(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      positions[i] = order_.position(rows[i]);
    }
    return Run({metric_->data(), positions, rows, options});
  }

  // Queries are all of `points`; the constraints on rows must be off.
  SearchResult SearchPoints(const Points& points,
                            const SearchOptions& options) const {
    std::vector<int32_t> positions(points.size());
    std::iota(positions.begin(), positions.end(), 0);
    const std::vector<int64_t> no_rows(points.size(), kNoNeighbor);
    return Run({points, positions, no_rows, options});
  }

  // Some of the points of `request.from`. Where they are the metric's own data
  // they are rows, and positions are those of order().
  SearchResult Run(const Request& request) const {
    RCT_CHECK(request.options.k >= 1 && request.options.threads >= 1 &&
              !std::isnan(request.options.radius) &&
              (request.options.allowed.empty() ||
               static_cast<int64_t>(request.options.allowed.size()) ==
                   metric_->size()));
    SearchResult result;
    result.neighbors = NeighborTable(request.num_queries(), request.options.k);
    if (metric_->size() > 0 && request.num_queries() > 0 &&
        request.options.radius > 0) {
      const Monitor::Part whole(request.options.monitor);
      Search(request, result.neighbors, result);
    }
    return result;
  }

  // Bytes that calls have made since construction and that are kept for later
  // ones, and whether that is all there will be.
  virtual int64_t kept_bytes() const { return 0; }
  virtual bool settled() const { return true; }

  const Metric& metric() const { return *metric_; }
  const RowOrder& order() const { return order_; }

  // Offers one query the candidates of `squared` that can still enter, and
  // returns how many were offered; `filtered` grows by those that the
  // predecessor constraint excluded. `hits` has room for candidates.size() + 8.
  int64_t OfferTileRow(const double* squared, Candidates candidates,
                       int64_t query_row, const SearchOptions& options,
                       KnnHeap& heap, int32_t* hits, int64_t& filtered) const {
    int64_t offered = 0;
    const int found = metric_->simd().select_at_most(squared, candidates.size(),
                                                     heap.threshold(), hits);
    for (int h = 0; h < found; ++h) {
      const double t = squared[hits[h]];
      if (t > heap.threshold()) continue;
      const int64_t row = order_.row(candidates[hits[h]]);
      if (options.predecessor && row >= query_row) {
        ++filtered;
      } else if (!(options.exclude_self && row == query_row) &&
                 (options.allowed.empty() || options.allowed[row])) {
        heap.Offer(t, row);
        ++offered;
      }
    }
    return offered;
  }

 protected:
  // `metric` holds the data in the order that `order` describes.
  Searcher(std::shared_ptr<const Metric> metric, RowOrder order)
      : metric_(std::move(metric)), order_(std::move(order)) {}

  // The numbers of the queries in the order of their positions: those near each
  // other share work.
  std::vector<int32_t> QueriesByPosition(const Request& request) const {
    std::vector<int32_t> queries(request.positions.size());
    std::iota(queries.begin(), queries.end(), 0);
    std::stable_sort(queries.begin(), queries.end(), [&](int32_t a, int32_t b) {
      return request.positions[a] < request.positions[b];
    });
    return queries;
  }

  virtual void Search(const Request& request, NeighborTable& neighbors,
                      SearchStatistics& statistics) const = 0;

 private:
  std::shared_ptr<const Metric> metric_;
  RowOrder order_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_SEARCHER_H_
