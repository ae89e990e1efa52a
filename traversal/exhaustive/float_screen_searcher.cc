#include "traversal/exhaustive/float_screen_searcher.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
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
#include "metric/tile.h"
#include "traversal/exhaustive/float_screen.pb.h"
#include "traversal/exhaustive/query_block.h"
#include "traversal/exhaustive/screen_bound.h"
#include "traversal/exhaustive/screen_points.h"
#include "traversal/exhaustive/screen_routines.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// Candidates of a tile.
constexpr int kTilePanels = 5;
constexpr int kTile = kTilePanels * kScreenPanel;

// Candidates that are evaluated together for one query.
constexpr int kExactTile = 120;

// A query that keeps more is given up. What is kept is evaluated one query at a
// time, each candidate at several times the cost that it has in a tile: about
// a sixth of what exhaustive search of the query costs is put at stake.
int64_t MostKept(int64_t k, int64_t n) {
  return 2 * k + 64 + std::min<int64_t>(n / 32, 4096);
}

// Theta is raised when this many more candidates have been kept: half as many
// again, so that raising it costs no more than keeping them did.
int64_t RaiseAfter(int64_t size, int64_t k) {
  return std::max({size / 2, k, int64_t{64}});
}

// The error of a correlation is about the product of the two points' shares.
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

// What one query has kept.
struct FloatScreenSearcher::Kept {
  int32_t number = 0;    // of the query
  int32_t position = 0;  // in the request's points
  int64_t row = 0;
  int64_t limit = 0;  // only rows below this count
  double inverse_sqrt = 0;
  ScreenQuery query = {};
  std::vector<float> z;
  float theta = 0;

  int64_t size = 0;
  int64_t next_raise = 0;
  std::vector<float> upper;
  std::vector<float> lower;
  std::vector<int32_t> candidate;
};

struct FloatScreenSearcher::Worker {
  Worker(const ScreenPoints& points, int query_block, int64_t k, int64_t n)
      : k(k),
        most(MostKept(k, n)),
        groups(query_block * points.terms()),
        dots(query_block * kTile),
        candidate(kTile + 16),
        size(kTile + 16),
        error(kTile + 16),
        kept(query_block),
        order(most + RaiseAfter(most, k) + kTile + 1),
        tiles(points.covariance().dim, 1, kExactTile),
        squared(kExactTile),
        hits(kExactTile + 8) {
    std::fill(squared.begin(), squared.end(), 0.0);
    for (Kept& one : kept) {
      one.z.resize(points.covariance().dim);
      one.upper.resize(order.size());
      one.lower.resize(order.size());
      one.candidate.resize(order.size());
    }
  }

  int64_t k;
  int64_t most;
  AlignedBuffer<float> groups;  // v of the queries of `active`
  AlignedBuffer<float> dots;
  std::vector<int32_t> candidate;
  std::vector<float> size;
  std::vector<float> error;
  std::vector<Kept> kept;
  // Of `kept`, in the order of `groups`; null where one was given up.
  std::vector<Kept*> active;
  std::vector<float> order;
  std::vector<int32_t> best;

  TileWorkspace tiles;
  AlignedBuffer<double> squared;
  std::vector<int32_t> hits;
  KnnHeap heap;

  int64_t evaluations = 0;
  int64_t filtered = 0;
  int64_t pushes = 0;
  SearchTrace trace;
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
      kernels_(ScreenRoutinesFor(metric->simd().isa)),
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
  const auto query_block = static_cast<int>(QueryBlock(
      num_queries, QueriesThatFit(points_.terms() * int64_t{sizeof(float)}),
      kScreenGroup));
  const int64_t num_blocks = (num_queries + query_block - 1) / query_block;
  const int num_workers =
      static_cast<int>(std::min<int64_t>(options.threads, num_blocks));
  std::vector<Worker> workers;
  workers.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    workers.emplace_back(points_, query_block, k, n);
  }
  std::vector<std::vector<int32_t>> given_up(num_blocks);
  ParallelFor(num_workers, num_blocks, options.monitor,
              [&](int64_t block, int worker_index) {
                Worker& worker = workers[worker_index];
                const ScopedSeconds timed(options.telemetry
                                              ? &worker.trace.descent_seconds
                                              : nullptr);
                SearchBlock(request,
                            absl::MakeConstSpan(by_position)
                                .subspan(block * query_block, query_block),
                            worker, neighbors, given_up[block]);
              });
  if (!Monitor::Go(options.monitor)) return;
  SearchCounters& counters = statistics.counters;
  for (const Worker& worker : workers) {
    counters.set_heap_pushes(counters.heap_pushes() + worker.pushes);
    counters.set_distance_evaluations(counters.distance_evaluations() +
                                      worker.evaluations);
    counters.set_predecessor_filtered(counters.predecessor_filtered() +
                                      worker.filtered);
    statistics.trace.Add(worker.trace);
  }
  std::vector<int32_t> rest;
  for (const std::vector<int32_t>& some : given_up) {
    rest.insert(rest.end(), some.begin(), some.end());
  }
  exhaustive_.SearchSome(request, rest, neighbors, statistics);
}

void FloatScreenSearcher::SearchBlock(const Request& request,
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
    Kept& kept = worker.kept[worker.active.size()];
    LoadQuery(request, number,
              predecessor ? std::min(n, request.rows[number]) : n, kept,
              worker);
    end = std::max(end, kept.limit);
    worker.active.push_back(&kept);
  }
  Pack(request, worker);

  const ScreenHits hits = {worker.candidate.data(), worker.size.data(),
                           worker.error.data()};
  const int64_t num_panels = (end + kScreenPanel - 1) / kScreenPanel;
  const int64_t num_tiles = (num_panels + kTilePanels - 1) / kTilePanels;
  // Rows that are near each other may be similar: those around the queries come
  // first, so that theta is high from the start.
  const int64_t first_tile =
      &request.from == &metric().data() && num_tiles > 0
          ? request.positions[queries.front()] / kTile % num_tiles
          : 0;
  for (int64_t tile = 0; tile < num_tiles && !worker.active.empty(); ++tile) {
    const int64_t p = (first_tile + tile) % num_tiles * kTilePanels;
    const int count =
        static_cast<int>(std::min<int64_t>(kTilePanels, num_panels - p));
    const auto num_active = static_cast<int>(worker.active.size());
    const int num_groups = (num_active + kScreenGroup - 1) / kScreenGroup;
    for (int t = 0; t < count; ++t) {
      kernels_->dots(worker.groups.data(), num_groups, points_.terms(),
                     points_.panel(p + t), points_.end(),
                     worker.dots.data() + t * kScreenPanel, kTile);
    }
    const ScreenCandidates candidates = points_.Candidates(p);
    int left = 0;
    for (int i = 0; i < num_active; ++i) {
      Kept* kept = worker.active[i];
      if (kept == nullptr) continue;
      const int found =
          kernels_->screen(points_.covariance(), kept->query, candidates, count,
                           worker.dots.data() + i * kTile, hits);
      Keep(request.options.allowed, hits, found, p * kScreenPanel, *kept,
           worker);
      if (kept->size >= kept->next_raise) {
        Raise(*kept, worker);
        if (kept->size > worker.most) {
          given_up.push_back(kept->number);
          worker.active[i] = nullptr;
          continue;
        }
      }
      ++left;
    }
    if (2 * left <= num_active) Pack(request, worker);
  }
  for (Kept* kept : worker.active) {
    if (kept != nullptr) Evaluate(request, *kept, worker, neighbors);
  }
  std::sort(given_up.begin(), given_up.end(), [&](int32_t a, int32_t b) {
    return std::pair(request.rows[a], a) < std::pair(request.rows[b], b);
  });
}

void FloatScreenSearcher::LoadQuery(const Request& request, int32_t number,
                                    int64_t limit, Kept& kept,
                                    Worker& worker) const {
  kept.number = number;
  kept.position = request.positions[number];
  kept.row = request.rows[number];
  kept.limit = limit;
  kept.theta = -std::numeric_limits<float>::infinity();
  kept.size = 0;
  kept.next_raise = RaiseAfter(0, worker.k);
  const bool own = &request.from == &metric().data();
  const absl::Span<const bool> allowed = request.options.allowed;
  if (own && !request.options.exclude_self && kept.row < limit &&
      (allowed.empty() || allowed[kept.row])) {
    // At distance 0, whatever its correlation.
    kept.upper[0] = kept.lower[0] = std::numeric_limits<float>::infinity();
    kept.candidate[0] = static_cast<int32_t>(kept.row);
    kept.size = 1;
  }
}

void FloatScreenSearcher::Pack(const Request& request, Worker& worker) const {
  std::erase(worker.active, nullptr);
  const int64_t group_size = kScreenGroup * points_.terms();
  const auto count = static_cast<int64_t>(worker.active.size());
  for (int64_t i = 0; i < count; ++i) {
    Kept& kept = *worker.active[i];
    const ScreenPoints::Terms terms = points_.Load(
        request.from, kept.position,
        worker.groups.data() + i / kScreenGroup * group_size + i % kScreenGroup,
        kScreenGroup, kept.z.data(), 1);
    kept.inverse_sqrt = terms.inverse_sqrt;
    const ScreenBound& bound = points_.bound();
    kept.query = {
        kept.z.data(), bound.Product(static_cast<double>(terms.length)),
        bound.Rest(terms.shift), bound.Reach(kept.theta, kept.inverse_sqrt)};
  }
  for (int64_t i = count; i % kScreenGroup != 0; ++i) {
    float* v =
        worker.groups.data() + i / kScreenGroup * group_size + i % kScreenGroup;
    for (int64_t c = 0; c < points_.terms(); ++c) v[c * kScreenGroup] = 0;
  }
}

void FloatScreenSearcher::Keep(absl::Span<const bool> allowed,
                               const ScreenHits& hits, int count, int64_t first,
                               Kept& kept, Worker& worker) const {
  const ScreenBound& bound = points_.bound();
  for (int h = 0; h < count; ++h) {
    const int64_t j = first + hits.candidate[h];
    // The query itself was kept before, unless it does not count.
    if (j == kept.row) continue;
    if (j >= kept.limit) {
      if (j < metric().size()) ++worker.filtered;
      continue;
    }
    if (!allowed.empty() && !allowed[j]) continue;
    const double scales = kept.inverse_sqrt * points_.inverse_sqrt(j);
    if (std::isinf(hits.error[h])) {
      // Its scale may be anything, too.
      kept.upper[kept.size] = std::numeric_limits<float>::infinity();
      kept.lower[kept.size] = -std::numeric_limits<float>::infinity();
    } else {
      kept.upper[kept.size] = bound.Upper(hits.size[h], hits.error[h], scales);
      kept.lower[kept.size] = bound.Lower(hits.size[h], hits.error[h], scales);
    }
    kept.candidate[kept.size] = static_cast<int32_t>(j);
    ++kept.size;
  }
}

void FloatScreenSearcher::Raise(Kept& kept, Worker& worker) const {
  if (kept.size >= worker.k) {
    const auto begin = worker.order.begin();
    std::copy_n(kept.lower.begin(), kept.size, begin);
    std::nth_element(begin, begin + worker.k - 1, begin + kept.size,
                     std::greater<>());
    const float theta = points_.bound().Theta(begin[worker.k - 1]);
    if (theta > kept.theta) {
      kept.theta = theta;
      kept.query.reach = points_.bound().Reach(theta, kept.inverse_sqrt);
      int64_t size = 0;
      for (int64_t j = 0; j < kept.size; ++j) {
        kept.upper[size] = kept.upper[j];
        kept.lower[size] = kept.lower[j];
        kept.candidate[size] = kept.candidate[j];
        size += static_cast<int64_t>(kept.upper[j] >= theta);
      }
      kept.size = size;
    }
  }
  kept.next_raise = kept.size + RaiseAfter(kept.size, worker.k);
}

void FloatScreenSearcher::Evaluate(const Request& request, Kept& kept,
                                   Worker& worker,
                                   NeighborTable& neighbors) const {
  const bool telemetry = request.options.telemetry;
  const ScopedSeconds timed(telemetry ? &worker.trace.evaluation_seconds
                                      : nullptr);
  Raise(kept, worker);
  KnnHeap& heap = worker.heap;
  heap.Reset(worker.k, request.options.radius);
  std::vector<int32_t>& some = worker.best;
  some.clear();
  const auto evaluate = [&] {
    const auto count = static_cast<int64_t>(some.size());
    for (int64_t first = 0; first < count; first += kExactTile) {
      const Candidates candidates = Candidates::List(
          absl::MakeConstSpan(some).subspan(first, kExactTile));
      metric().SquaredDistances(
          request.from, absl::MakeConstSpan(&kept.position, 1), candidates,
          worker.squared.data(), kExactTile, worker.tiles);
      const int64_t offered = OfferTileRow(worker.squared.data(), candidates,
                                           kept.row, request.options, heap,
                                           worker.hits.data(), worker.filtered);
      worker.evaluations += candidates.size();
      worker.pushes += offered;
      if (telemetry) {
        worker.trace.AddBlock(/*index=*/0, candidates.size(), candidates.size(),
                              offered);
      }
    }
    some.clear();
  };
  // The k that are nearest for certain, or at least their equals: the kth
  // distance is then as small as it gets.
  float sure = -std::numeric_limits<float>::infinity();
  if (kept.size > worker.k) {
    const auto begin = worker.order.begin();
    std::copy_n(kept.lower.begin(), kept.size, begin);
    std::nth_element(begin, begin + worker.k - 1, begin + kept.size,
                     std::greater<>());
    sure = begin[worker.k - 1];
  }
  for (int64_t j = 0; j < kept.size; ++j) {
    if (kept.lower[j] >= sure) some.push_back(kept.candidate[j]);
  }
  evaluate();
  // |rho| below this has t above the threshold.
  const double theta = 1 - heap.threshold() - 0x1p-50;
  for (int64_t j = 0; j < kept.size; ++j) {
    if (kept.lower[j] < sure && static_cast<double>(kept.upper[j]) >= theta) {
      some.push_back(kept.candidate[j]);
    }
  }
  evaluate();
  heap.MoveTo(neighbors, kept.number);
}

}  // namespace rct
