#include "traversal/exhaustive/float_screen_searcher.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "traversal/counters.h"
#include "traversal/exhaustive/float_screen.pb.h"
#include "traversal/exhaustive/query_batch.h"
#include "traversal/exhaustive/screen_bound.h"
#include "traversal/exhaustive/screen_frame.h"
#include "traversal/exhaustive/screen_points.h"
#include "traversal/exhaustive/screen_routines.h"
#include "traversal/kept_candidates.h"
#include "traversal/kept_routines.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// The number of candidates of a tile.
constexpr int kTilePanels = 5;
constexpr int kTile = kTilePanels * kScreenPanel;

// The number of candidates that are evaluated together for one query.
constexpr int kExactTile = 120;

// Returns the number of candidates above which a query is given up. They would
// be evaluated one query at a time, each at several times the cost that it has
// in a tile: about a sixth of the cost of exhaustive search is put at stake.
int64_t MostKept(int64_t k, int64_t n) {
  return 2 * k + 64 + std::min<int64_t>(n / 32, 4096);
}

// Returns how many more candidates are kept before theta is raised: half as
// many again, so that raising it costs no more than keeping them did.
int64_t RaiseAfter(int64_t size, int64_t k) {
  return std::max({size / 2, k, int64_t{64}});
}

// Returns the share of a point in errors: the error of a correlation is about
// the product of the two points' shares.
double ErrorShare(const ScreenBound& bound, const ResidualCorrelation& metric,
                  double p) {
  if (!(p > 0)) return std::numeric_limits<double>::infinity();
  const double unit = ScreenUnit(metric.kernel().variance());
  const double squared = (metric.kernel().variance() - p) * unit * unit;
  return std::sqrt(bound.Typical(std::max(0.0, squared)) / (p * unit * unit));
}

double MedianShare(const ScreenBound& bound,
                   const ResidualCorrelation& metric) {
  constexpr int64_t kSample = 4096;
  const int64_t n = metric.size();
  if (n == 0) return 0;
  std::vector<double> shares;
  for (int64_t i = 0; i < n; i += std::max<int64_t>(1, n / kSample)) {
    shares.push_back(ErrorShare(bound, metric, metric.data().variance[i]));
  }
  const auto median = shares.begin() + static_cast<int64_t>(shares.size()) / 2;
  std::nth_element(shares.begin(), median, shares.end());
  return *median;
}

}  // namespace

// One query of a batch.
struct FloatScreenSearcher::Query {
  int32_t number = 0;    // in the request
  int32_t position = 0;  // in the request's points
  int64_t row = 0;
  int64_t limit = 0;  // only rows below this count
  double inverse_sqrt = 0;
  ScreenQuery screen = {};
  std::vector<float> z;
  float theta = 0;
  int list = 0;            // of the kept candidates
  int64_t next_raise = 0;  // the size of the list at which theta is raised
};

struct FloatScreenSearcher::Worker {
  Worker(const Searcher<ResidualCorrelation>& owner, const ScreenPoints& points,
         int query_batch, int64_t k, int64_t n)
      : k(k),
        most(MostKept(k, n)),
        groups(query_batch * points.terms()),
        dots(query_batch * kTile),
        candidate(kTile + 16),
        size(kTile + 16),
        error(kTile + 16),
        queries(query_batch),
        kept(owner, query_batch, most + RaiseAfter(most, k) + kTile + 1, k,
             kExactTile) {
    for (int i = 0; i < query_batch; ++i) {
      queries[i].list = i;
      queries[i].z.resize(points.covariance().dim);
    }
  }

  int64_t k;
  int64_t most;
  AlignedBuffer<float> groups;  // v of the queries of `active`
  AlignedBuffer<float> dots;
  std::vector<int32_t> candidate;
  std::vector<float> size;
  std::vector<float> error;
  std::vector<Query> queries;
  // Of `queries`, in the order of `groups`; null where one was given up.
  std::vector<Query*> active;
  KeptCandidates kept;
  int64_t filtered = 0;  // candidates that were never kept
  double seconds = 0;    // of telemetry
};

std::unique_ptr<const FloatScreenSearcher> FloatScreenSearcher::Create(
    std::shared_ptr<const ResidualCorrelation> metric,
    const FloatScreenConfig& /*config*/, int threads, double error_scale) {
  return std::unique_ptr<const FloatScreenSearcher>(
      new FloatScreenSearcher(std::move(metric), threads, error_scale));
}

FloatScreenSearcher::FloatScreenSearcher(
    std::shared_ptr<const ResidualCorrelation> metric, int threads,
    double error_scale)
    : Searcher<ResidualCorrelation>(metric, RowOrder::Natural(metric->size())),
      routines_(ScreenRoutinesFor(metric->simd().isa)),
      points_(*metric, threads, error_scale),
      median_share_(MedianShare(points_.bound(), *metric)),
      exhaustive_(std::move(metric)) {}

double FloatScreenSearcher::TypicalError(const ResidualCorrelation& metric) {
  const double unit = ScreenUnit(metric.kernel().variance());
  const double share = MedianShare(
      ScreenBound(metric.data().v.cols(), metric.kernel().dim(),
                  metric.kernel().variance() * unit * unit, /*scale=*/1),
      metric);
  return share * share;
}

void FloatScreenSearcher::Search(const Request& request,
                                 NeighborTable& neighbors,
                                 SearchStatistics& statistics) const {
  const SearchOptions& options = request.options;
  const int64_t n = metric().size();
  const int64_t k = std::min(options.k, n);
  const std::vector<int32_t> by_position = QueriesByPosition(request);
  if (MostKept(k, n) > n / 2) {
    // Nothing would be dismissed before much has been kept.
    exhaustive_.SearchSome(request, by_position, neighbors, statistics);
    return;
  }
  const int64_t num_queries = request.num_queries();
  const auto query_batch = static_cast<int>(BatchSize(
      num_queries, QueriesThatFit(points_.terms() * int64_t{sizeof(float)}),
      kScreenGroup));
  const int64_t num_batches = (num_queries + query_batch - 1) / query_batch;
  const int num_workers =
      static_cast<int>(std::min<int64_t>(options.threads, num_batches));
  std::vector<Worker> workers;
  workers.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    workers.emplace_back(*this, points_, query_batch, k, n);
  }
  std::vector<std::vector<int32_t>> given_up(num_batches);
  ParallelFor(num_workers, num_batches, options.monitor,
              [&](int64_t batch, int worker_index) {
                Worker& worker = workers[worker_index];
                const ScopedSeconds timed(options.telemetry ? &worker.seconds
                                                            : nullptr);
                SearchBatch(request,
                            absl::MakeConstSpan(by_position)
                                .subspan(batch * query_batch, query_batch),
                            worker, neighbors, given_up[batch]);
              });
  if (!Monitor::Go(options.monitor)) return;
  for (const Worker& worker : workers) {
    SearchCounters never_kept;
    never_kept.set_predecessor_filtered(worker.filtered);
    AddCounters(never_kept, statistics.counters);
    AddCounters(worker.kept.counters(), statistics.counters);
    statistics.trace.Add(worker.kept.trace());
    statistics.trace.descent_seconds += worker.seconds;
  }
  std::vector<int32_t> rest;
  for (const std::vector<int32_t>& some : given_up) {
    rest.insert(rest.end(), some.begin(), some.end());
  }
  exhaustive_.SearchSome(request, rest, neighbors, statistics);
}

void FloatScreenSearcher::SearchBatch(const Request& request,
                                      absl::Span<const int32_t> queries,
                                      Worker& worker, NeighborTable& neighbors,
                                      std::vector<int32_t>& given_up) const {
  const bool predecessor = request.options.predecessor;
  const int64_t n = metric().size();
  int64_t end = 0;
  worker.active.clear();
  for (const int32_t number : queries) {
    // Half of the points would be kept, whatever they are.
    const double p = request.from.variance[request.positions[number]];
    if (ErrorShare(points_.bound(), metric(), p) * median_share_ > 1) {
      given_up.push_back(number);
      continue;
    }
    Query& query = worker.queries[worker.active.size()];
    LoadQuery(request, number,
              predecessor ? std::min(n, request.rows[number]) : n, query,
              worker);
    end = std::max(end, query.limit);
    worker.active.push_back(&query);
  }
  Pack(request, worker);

  const ScreenHits hits = {worker.candidate.data(), worker.size.data(),
                           worker.error.data()};
  const int64_t num_panels = (end + kScreenPanel - 1) / kScreenPanel;
  const int64_t num_tiles = (num_panels + kTilePanels - 1) / kTilePanels;
  // Rows that are near each other may be similar: those around the queries come
  // first, so that theta is high from the start.
  const int64_t first_tile =
      request.own() && num_tiles > 0
          ? request.positions[queries.front()] / kTile % num_tiles
          : 0;
  for (int64_t tile = 0; tile < num_tiles && !worker.active.empty(); ++tile) {
    const int64_t p = (first_tile + tile) % num_tiles * kTilePanels;
    const int count =
        static_cast<int>(std::min<int64_t>(kTilePanels, num_panels - p));
    const auto num_active = static_cast<int>(worker.active.size());
    const int num_groups = (num_active + kScreenGroup - 1) / kScreenGroup;
    for (int t = 0; t < count; ++t) {
      routines_->dots(worker.groups.data(), num_groups, points_.terms(),
                      points_.panel(p + t), points_.end(),
                      worker.dots.data() + t * kScreenPanel, kTile);
    }
    const ScreenCandidates candidates = points_.Candidates(p);
    int left = 0;
    for (int i = 0; i < num_active; ++i) {
      Query* query = worker.active[i];
      if (query == nullptr) continue;
      const int found =
          routines_->screen(points_.covariance(), query->screen, candidates,
                            count, worker.dots.data() + i * kTile, hits);
      Keep(request.options, hits, found, p * kScreenPanel, *query, worker);
      if (worker.kept[query->list].size >= query->next_raise) {
        Raise(*query, worker);
        if (worker.kept[query->list].size > worker.most) {
          given_up.push_back(query->number);
          worker.active[i] = nullptr;
          continue;
        }
      }
      ++left;
    }
    if (2 * left <= num_active) Pack(request, worker);
  }
  for (Query* query : worker.active) {
    if (query != nullptr) Evaluate(request, *query, worker, neighbors);
  }
  std::sort(given_up.begin(), given_up.end(), [&](int32_t a, int32_t b) {
    return std::pair(request.rows[a], a) < std::pair(request.rows[b], b);
  });
}

void FloatScreenSearcher::LoadQuery(const Request& request, int32_t number,
                                    int64_t limit, Query& query,
                                    Worker& worker) const {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  query.number = number;
  query.position = request.positions[number];
  query.row = request.rows[number];
  query.limit = limit;
  query.theta = -kInfinity;
  query.next_raise = RaiseAfter(0, worker.k);
  worker.kept.Clear(query.list);
  if (request.own() && !request.options.exclude_self && query.row < limit &&
      request.options.Allows(query.row)) {
    // At distance 0, whatever its correlation.
    worker.kept.Add(query.list, static_cast<int32_t>(query.row),
                    /*lower=*/kInfinity, /*upper=*/kInfinity);
  }
}

void FloatScreenSearcher::Pack(const Request& request, Worker& worker) const {
  std::erase(worker.active, nullptr);
  const int64_t group_size = kScreenGroup * points_.terms();
  const auto count = static_cast<int64_t>(worker.active.size());
  for (int64_t i = 0; i < count; ++i) {
    Query& query = *worker.active[i];
    const ScreenPoints::Terms terms = points_.Load(
        request.from, query.position,
        worker.groups.data() + i / kScreenGroup * group_size + i % kScreenGroup,
        kScreenGroup, query.z.data(), 1);
    query.inverse_sqrt = terms.inverse_sqrt;
    const ScreenBound& bound = points_.bound();
    query.screen = {
        query.z.data(), bound.Product(static_cast<double>(terms.length)),
        bound.Rest(terms.shift), bound.Reach(query.theta, query.inverse_sqrt)};
  }
  for (int64_t i = count; i % kScreenGroup != 0; ++i) {
    float* v =
        worker.groups.data() + i / kScreenGroup * group_size + i % kScreenGroup;
    for (int64_t c = 0; c < points_.terms(); ++c) v[c * kScreenGroup] = 0;
  }
}

void FloatScreenSearcher::Keep(const SearchOptions& options,
                               const ScreenHits& hits, int count, int64_t first,
                               const Query& query, Worker& worker) const {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const ScreenBound& bound = points_.bound();
  for (int h = 0; h < count; ++h) {
    const int64_t j = first + hits.candidate[h];
    // The query itself was kept before, unless it does not count.
    if (j == query.row) continue;
    if (j >= query.limit) {
      if (j < metric().size()) ++worker.filtered;
      continue;
    }
    if (!options.Allows(j)) continue;
    const double scales = query.inverse_sqrt * points_.inverse_sqrt(j);
    const auto row = static_cast<int32_t>(j);
    if (std::isinf(hits.error[h])) {
      // Its scale may be anything, too.
      worker.kept.Add(query.list, row, -kInfinity, kInfinity);
    } else {
      worker.kept.Add(query.list, row,
                      bound.Lower(hits.size[h], hits.error[h], scales),
                      bound.Upper(hits.size[h], hits.error[h], scales));
    }
  }
}

void FloatScreenSearcher::Raise(Query& query, Worker& worker) const {
  const KeptList& list = worker.kept[query.list];
  if (list.size >= worker.k) {
    const float theta = points_.bound().Theta(worker.kept.KthLower(query.list));
    if (theta > query.theta) {
      query.theta = theta;
      query.screen.reach = points_.bound().Reach(theta, query.inverse_sqrt);
      worker.kept.DropBelow(query.list, theta);
    }
  }
  query.next_raise = list.size + RaiseAfter(list.size, worker.k);
}

void FloatScreenSearcher::Evaluate(const Request& request, Query& query,
                                   Worker& worker,
                                   NeighborTable& neighbors) const {
  Raise(query, worker);
  const KeptCandidates::Asked asked = {query.number, query.list};
  worker.kept.Evaluate(
      request, absl::MakeConstSpan(&asked, 1), /*more=*/{},
      // |rho| below this has t above the threshold.
      [](double threshold) { return 1 - threshold - 0x1p-50; }, neighbors);
}

}  // namespace rct
