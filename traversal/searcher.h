// The interface of all strategies: queries, options, and answers by row number.

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
#include "traversal/counters.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/traversal.pb.h"

namespace rct {

struct SearchOptions {
  // The number of neighbors of each query, >= 1. It may exceed the number of
  // points.
  int64_t k = 1;
  // Whether a row is no neighbor of itself.
  bool exclude_self = false;
  // Whether only rows before the query's own are its neighbors (and so never
  // the query itself).
  bool predecessor = false;
  // The distance that a neighbor must be strictly below. Infinity, the default,
  // is no limit; at 0 and below nothing is a neighbor. NaN is not allowed.
  double radius = std::numeric_limits<double>::infinity();
  // The rows that may be neighbors, a flag for each row of the data; empty, the
  // default, means all. Queries may be any rows. Bounds do not know of the
  // flags: the fewer rows are allowed, the nearer a search comes to the cost of
  // exhaustive search.
  absl::Span<const bool> allowed = {};
  // Whether the result's trace is filled. Changes no answer and no counter.
  bool telemetry = false;
  // The monitor that is told how far the search is, and that may end it; may be
  // null. A search that it has ended returns an incomplete result, and an index
  // returns Cancelled instead.
  Monitor* monitor = nullptr;
  // The number of threads that share the queries, >= 1; an index takes 0 for
  // all that this process may use. Changes no answer and no counter.
  int threads = 1;

  // Returns whether `row` of the data may be a neighbor of some query.
  bool Allows(int64_t row) const { return allowed.empty() || allowed[row]; }
};

// The work of a search, counted and timed.
struct SearchStatistics {
  SearchCounters counters;
  SearchTrace trace;  // empty unless options.telemetry
};

struct SearchResult : SearchStatistics {
  NeighborTable neighbors;
};

// Queries: some of a set of points, which are the data or new ones. `Points`
// are those of a metric and must outlive the queries.
template <class Points>
class Queries {
 public:
  // Query i is row rows[i] of `data`, which holds rows in this order.
  Queries(const Points& data, const RowOrder& order,
          absl::Span<const int64_t> rows)
      : from_(data), positions_(rows.size()), rows_(rows.begin(), rows.end()) {
    for (size_t i = 0; i < rows.size(); ++i) {
      positions_[i] = order.position(rows[i]);
    }
  }

  // Query i is point positions[i] of `points`, and no row.
  Queries(const Points& points, std::vector<int32_t> positions)
      : from_(points),
        positions_(std::move(positions)),
        rows_(positions_.size(), kNoNeighbor) {}

  // Query i is point i of `points`, and no row.
  explicit Queries(const Points& points)
      : Queries(points, std::vector<int32_t>(points.size())) {
    std::iota(positions_.begin(), positions_.end(), 0);
  }

  // Returns the queries of these numbers, in the given order.
  template <class Number>
  Queries Some(absl::Span<const Number> numbers) const {
    return Some(from_, positions_, rows_, numbers);
  }
  template <class Number>
  static Queries Some(const Points& from, absl::Span<const int32_t> positions,
                      absl::Span<const int64_t> rows,
                      absl::Span<const Number> numbers) {
    Queries some(from, std::vector<int32_t>(numbers.size()));
    for (size_t i = 0; i < numbers.size(); ++i) {
      some.positions_[i] = positions[numbers[i]];
      some.rows_[i] = rows[numbers[i]];
    }
    return some;
  }

  int64_t size() const { return static_cast<int64_t>(positions_.size()); }
  const Points& from() const { return from_; }
  absl::Span<const int32_t> positions() const { return positions_; }
  absl::Span<const int64_t> rows() const { return rows_; }

 private:
  const Points& from_;
  std::vector<int32_t> positions_;
  std::vector<int64_t> rows_;
};

// A search over one metric. Immutable after construction; thread-safe.
template <class Metric>
class Searcher {
 public:
  using Points = typename Metric::Points;

  // The queries and options of one call, as strategies see them.
  struct Request {
    const Points& data;                   // of the metric
    const Points& from;                   // the points of the queries
    absl::Span<const int32_t> positions;  // of the queries in `from`
    absl::Span<const int64_t> rows;       // their row numbers, or kNoNeighbor
    const SearchOptions& options;

    int64_t num_queries() const {
      return static_cast<int64_t>(positions.size());
    }
    // Asks for what is known of a query, which is about to be read.
    void Prefetch(int32_t query) const {
      __builtin_prefetch(&positions[query]);
      __builtin_prefetch(&rows[query]);
    }
    // Returns whether queries are points of the data, which know themselves.
    bool own() const { return &from == &data; }
  };

  virtual ~Searcher() = default;

  // Searches for rows of the data, each in [0, size).
  SearchResult SearchRows(absl::Span<const int64_t> rows,
                          const SearchOptions& options) const {
    return Run(Rows(rows), options);
  }

  // Searches for all of `points`. The constraints on rows must be off.
  SearchResult SearchPoints(const Points& points,
                            const SearchOptions& options) const {
    return Run(Queries<Points>(points), options);
  }

  // Returns rows of the data, each in [0, size), as queries.
  Queries<Points> Rows(absl::Span<const int64_t> rows) const {
    return Queries<Points>(metric_->data(), order_, rows);
  }

  // Searches for any queries. Those from the metric's own data are rows, as
  // Rows() makes them.
  SearchResult Run(const Queries<Points>& queries,
                   const SearchOptions& options) const {
    RCT_CHECK(
        options.k >= 1 && options.threads >= 1 && !std::isnan(options.radius) &&
        (options.allowed.empty() ||
         static_cast<int64_t>(options.allowed.size()) == metric_->size()));
    SearchResult result;
    const Request request = {metric_->data(), queries.from(),
                             queries.positions(), queries.rows(), options};
    result.neighbors = NeighborTable::Unfilled(queries.size(), options.k);
    if (!ClearsTables() || !Asks(request)) {
      result.neighbors.Clear(options.threads);
    }
    SearchInto(request, result.neighbors, result);
    return result;
  }

  // Answers some of the request's queries, given by distinct numbers, for a
  // search that answers the others itself, and adds the counters of that to
  // `statistics`.
  void SearchSome(const Request& request, absl::Span<const int32_t> queries,
                  NeighborTable& neighbors,
                  SearchStatistics& statistics) const {
    if (queries.empty()) return;
    if (static_cast<int64_t>(queries.size()) == request.num_queries() &&
        std::is_sorted(queries.begin(), queries.end())) {
      // All of them: a table of their own would be a second answer.
      SearchStatistics all;
      SearchInto({metric_->data(), request.from, request.positions,
                  request.rows, request.options},
                 neighbors, all);
      AddCounters(all.counters, statistics.counters);
      statistics.trace.Add(all.trace);
      return;
    }
    const SearchResult found =
        Run(Queries<Points>::Some(request.from, request.positions, request.rows,
                                  queries),
            request.options);
    for (size_t i = 0; i < queries.size(); ++i) {
      std::copy_n(found.neighbors.rows().row(i), neighbors.k(),
                  neighbors.rows().row(queries[i]));
      std::copy_n(found.neighbors.distances().row(i), neighbors.k(),
                  neighbors.distances().row(queries[i]));
    }
    AddCounters(found.counters, statistics.counters);
    statistics.trace.Add(found.trace);
  }

  // Returns the bytes that calls have made since construction and that are kept
  // for later ones.
  virtual int64_t kept_bytes() const { return 0; }
  // Returns whether no call will make more.
  virtual bool settled() const { return true; }

  const Metric& metric() const { return *metric_; }
  const std::shared_ptr<const Metric>& shared_metric() const { return metric_; }
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
                 options.Allows(row)) {
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

  // A query of a request, and the position of its point.
  struct PlacedQuery {
    int32_t position;
    int32_t query;
  };

  // Returns the queries in the order of their positions, and those at one
  // position in their own order: queries that are near each other share work.
  // Cost: O(q log q), or O(q) where queries are a large part of the data.
  std::vector<PlacedQuery> PlacedQueries(const Request& request) const {
    const auto count = static_cast<int32_t>(request.num_queries());
    std::vector<PlacedQuery> placed(count);
    if (!request.own() || 4 * request.num_queries() < metric_->size()) {
      for (int32_t i = 0; i < count; ++i) placed[i] = {request.positions[i], i};
      std::sort(placed.begin(), placed.end(),
                [](const PlacedQuery& a, const PlacedQuery& b) {
                  return std::pair(a.position, a.query) <
                         std::pair(b.position, b.query);
                });
      return placed;
    }
    std::vector<int32_t> next(metric_->size() + 1);
    for (const int32_t position : request.positions) ++next[position + 1];
    std::partial_sum(next.begin(), next.end(), next.begin());
    for (int32_t i = 0; i < count; ++i) {
      const int32_t position = request.positions[i];
      placed[next[position]++] = {position, i};
    }
    return placed;
  }

  // Returns the numbers of the queries in the same order.
  std::vector<int32_t> QueriesByPosition(const Request& request) const {
    std::vector<int32_t> queries;
    queries.reserve(request.num_queries());
    for (const PlacedQuery& placed : PlacedQueries(request)) {
      queries.push_back(placed.query);
    }
    return queries;
  }

  // Answers the request. `neighbors` is clear, unless ClearsTables().
  virtual void Search(const Request& request, NeighborTable& neighbors,
                      SearchStatistics& statistics) const = 0;

  // Returns whether Search itself clears the table: where it first makes what
  // later calls use as well, the memory of the answer can wait for the end of
  // that.
  virtual bool ClearsTables() const { return false; }

 private:
  // Returns whether there can be neighbors.
  bool Asks(const Request& request) const {
    return metric_->size() > 0 && request.num_queries() > 0 &&
           request.options.radius > 0;
  }

  // Searches for all queries where there can be neighbors.
  void SearchInto(const Request& request, NeighborTable& neighbors,
                  SearchStatistics& statistics) const {
    if (!Asks(request)) return;
    const Monitor::Part whole(request.options.monitor);
    Search(request, neighbors, statistics);
  }

  std::shared_ptr<const Metric> metric_;
  RowOrder order_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_SEARCHER_H_
