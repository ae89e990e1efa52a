// Exact search of all pairs through a screen in float32.
//
// Exhaustive search spends nearly all its time on products of float64 vectors.
// Here they are products of the same vectors in float32, twice as many in a
// register and half as many bytes, which bracket |rho| of every pair
// (screen_bound.h). For each query, as the candidates pass by in tiles,
//
//     |c32| + E < reach root   -> dismissed: k others are nearer for certain
//     otherwise                -> kept, with bounds on |rho| from both sides,
//
// and theta, which follows from the k-th largest lower bound so far, rises. At
// the end the metric evaluates the candidates that are kept, hardly more than k
// where residual variances are not small (kept_candidates.h).
//
// A query that keeps too many, because its own residual variance is tiny or
// those of all others are, is given up after a few percent of its candidates,
// as soon as that is seen, and goes to exhaustive search together with others
// of that kind: a screen that does not help costs little.
//
// Why exact. A candidate is dismissed only where a bound that holds for the
// computed numbers is below theta; kept_candidates.h proves the rest. Answers
// have the bits of exhaustive search, whatever the threads. Counters do not
// depend on threads either, since batches of queries do not. The rounding model
// is not used, so that this is exact for factors from outside as well.
//
// Cost. n m float32 fused multiply-adds a query and n evaluations of the kernel
// in float32; 4 n m bytes read for each batch of queries, and kept in addition
// to V.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_FLOAT_SCREEN_SEARCHER_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_FLOAT_SCREEN_SEARCHER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "metric/residual_correlation.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/exhaustive/float_screen.pb.h"
#include "traversal/exhaustive/screen_points.h"
#include "traversal/exhaustive/screen_routines.h"
#include "traversal/searcher.h"

namespace rct {

class FloatScreenSearcher final : public Searcher<ResidualCorrelation> {
 public:
  // `metric` holds the data in the caller's order. `error_scale` is for tests.
  static std::unique_ptr<const FloatScreenSearcher> Create(
      std::shared_ptr<const ResidualCorrelation> metric,
      const FloatScreenConfig& config, int threads, double error_scale = 1);

  // About the median over all pairs of the error of a correlation in float32,
  // from a sample of the residual variances alone: no V is read.
  static double TypicalError(const ResidualCorrelation& metric);
  // Whether the screen is expected to be faster than exhaustive search.
  static bool Pays(const ResidualCorrelation& metric) {
    return TypicalError(metric) <= kMaxError;
  }
  // Errors up to this leave few enough candidates.
  static constexpr double kMaxError = 0.02;

  // Of what is kept in addition to the metric.
  int64_t bytes() const { return points_.bytes(); }

 private:
  struct Query;
  struct Worker;

  FloatScreenSearcher(std::shared_ptr<const ResidualCorrelation> metric,
                      int threads, double error_scale);

  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override;
  // Searches for the queries of one batch. Appends to `given_up`.
  void SearchBatch(const Request& request, absl::Span<const int32_t> queries,
                   Worker& worker, NeighborTable& neighbors,
                   std::vector<int32_t>& given_up) const;
  void LoadQuery(const Request& request, int32_t number, int64_t limit,
                 Query& query, Worker& worker) const;
  // Puts the queries that are still active next to each other.
  void Pack(const Request& request, Worker& worker) const;
  // Keeps `count` hits among the candidates from `first` on.
  void Keep(const SearchOptions& options, const ScreenHits& hits, int count,
            int64_t first, const Query& query, Worker& worker) const;
  // Raises theta and drops the candidates that do not reach it.
  void Raise(Query& query, Worker& worker) const;
  void Evaluate(const Request& request, Query& query, Worker& worker,
                NeighborTable& neighbors) const;

  const ScreenRoutines* routines_;
  ScreenPoints points_;
  double median_share_;  // in errors
  ExhaustiveSearcher<ResidualCorrelation> exhaustive_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_FLOAT_SCREEN_SEARCHER_H_
