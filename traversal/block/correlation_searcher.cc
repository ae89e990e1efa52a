#include "traversal/block/correlation_searcher.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "metric/kernel.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/tile.h"
#include "traversal/block/box_search.h"
#include "traversal/block/box_tree.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// In more dimensions boxes dismiss little.
constexpr int kMaxDimensions = 8;

// Squared distances of scaled coordinates below this do not overflow.
constexpr double kMaxScaled = 1e150;

constexpr int kTile = 128;

// The kth smallest of the numbers that it is given.
class KthSmallest {
 public:
  void Reset(int64_t k) {
    k_ = k;
    numbers_.clear();
  }

  // Infinity while there are fewer than k numbers.
  double value() const {
    return static_cast<int64_t>(numbers_.size()) < k_ ? kInfinity
           : k_ <= kSorted                            ? numbers_.back()
                                                      : numbers_.front();
  }

  void Add(double number) {
    if (!(number < value())) return;
    const bool full = static_cast<int64_t>(numbers_.size()) == k_;
    if (k_ > kSorted) {
      if (full) {
        std::pop_heap(numbers_.begin(), numbers_.end());
        numbers_.pop_back();
      }
      numbers_.push_back(number);
      std::push_heap(numbers_.begin(), numbers_.end());
      return;
    }
    if (!full) numbers_.push_back(number);
    size_t place = numbers_.size() - 1;
    for (; place > 0 && number < numbers_[place - 1]; --place) {
      numbers_[place] = numbers_[place - 1];
    }
    numbers_[place] = number;
  }

 private:
  // The most numbers that are kept sorted; more are a heap.
  static constexpr int64_t kSorted = 32;

  int64_t k_ = 0;
  std::vector<double> numbers_;
};

// Scales a point.
void Scale(const Kernel& kernel, const double* x, double* z) {
  const KernelSpec spec = kernel.spec();
  for (int t = 0; t < spec.dim; ++t) z[t] = x[t] * spec.inverse_lengthscale[t];
}

double LargestOf(absl::Span<const double> z) {
  double largest = 0;
  for (const double value : z) largest = std::max(largest, std::abs(value));
  return largest;
}

// Returns k(r) / k(0), to within a few roundings.
double CorrelationAt(KernelFamily family, double r) {
  switch (family) {
    case KernelFamily::kRbf:
      return std::exp(-0.5 * r * r);
    case KernelFamily::kMatern12:
      return std::exp(-r);
    case KernelFamily::kMatern32: {
      const double a = std::sqrt(3.0) * r;
      return (1 + a) * std::exp(-a);
    }
    case KernelFamily::kMatern52: {
      const double a = std::sqrt(5.0) * r;
      return (1 + a + a * a / 3) * std::exp(-a);
    }
  }
  return 1;
}

// From the kth computed squared distance to the largest that a neighbor may
// have, see the header.
class Reach {
 public:
  // `peak` is variance s^2, `largest` the largest scaled coordinate.
  Reach(const Kernel& kernel, double peak, double largest)
      : family_(kernel.family()),
        peak_(peak),
        // Twice the header's, which covers the roundings of CorrelationAt, and
        // values of t that have one root and are ordered by row.
        epsilon_(2 * (kernel.rounding_ulps() + 10) * kUnitRoundoff *
                 std::max(1.0, peak)),
        zeta_(3 * std::sqrt(kernel.dim()) * kUnitRoundoff * largest),
        growth_(1 + (kernel.dim() + 8) * kUnitRoundoff) {}

  double SquaredFrom(double squared) const {
    if (squared == kInfinity) return kInfinity;
    const double radius = std::sqrt(squared) * growth_ + zeta_;
    const double wanted = peak_ * CorrelationAt(family_, radius) - 2 * epsilon_;
    if (!(wanted > 0)) return kInfinity;
    double step = radius * 0x1p-36 + 0x1p-40;
    while (peak_ * CorrelationAt(family_, radius + step) > wanted) step *= 4;
    const double reach = (radius + step + zeta_) * growth_;
    return reach * reach * growth_;
  }

 private:
  KernelFamily family_;
  double peak_;
  double epsilon_;
  double zeta_;
  double growth_;
};

}  // namespace

// Answers one query after the other. It is a visitor of the box tree: first it
// collects the k nearest points and those little farther, then, where that was
// not enough, all up to a fixed distance. On cache lines of its own, because it
// is written all the time.
class alignas(128) CorrelationSearcher::Worker {
 public:
  Worker(const CorrelationSearcher& searcher, const Request& request)
      : searcher_(searcher),
        request_(request),
        z_(searcher.metric().dim()),
        tile_(kTile + kLanes),
        hits_(kTile + kLanes),
        workspace_(searcher.metric().dim(), 1, kTile) {}

  void Search(PlacedQuery query, NeighborTable& neighbors) {
    const ScopedSeconds timed(request_.options.telemetry ? &work_.seconds
                                                         : nullptr);
    const ResidualCorrelation& metric = searcher_.metric();
    const int32_t position = query.position;
    row_ = request_.rows[query.query];
    Scale(metric.kernel(), request_.from.points.row(position), z_.data());
    const double s = request_.from.inverse_sqrt[position];
    const Reach reach(metric.kernel(), metric.kernel().variance() * s * s,
                      std::max(searcher_.largest_, LargestOf(z_)));
    Collect(position);
    const double limit = reach.SquaredFrom(kth_.value());
    if (limit > threshold_) CollectWithin(limit);
    Evaluate(position, limit, query.query, neighbors);
  }

  // The visitor of the tree.
  double threshold() const { return threshold_; }
  void Show(int32_t position, double squared) {
    const int64_t row = searcher_.order().row(position);
    if ((request_.options.exclude_self && row == row_) ||
        !request_.options.Allows(row)) {
      return;
    }
    near_.push_back({squared, position});
    if (fixed_) return;
    kth_.Add(squared);
    // Most neighbors that differ by roundings alone are then at hand.
    threshold_ = kth_.value() * (1 + 0x1p-20) + 0x1p-40;
  }

  const BoxWork& work() const { return work_; }

 private:
  struct Near {
    double squared;
    int32_t position;
  };

  double last_row() const {
    return request_.options.predecessor ? static_cast<double>(row_ - 1)
                                        : BoxTree::kAllRows;
  }

  void Visit(BoxTree::Leaves seeds) {
    near_.clear();
    searcher_.tree_.Visit(z_.data(), seeds, last_row(), *this, path_,
                          work_.counts);
  }

  void Collect(int32_t position) {
    kth_.Reset(request_.options.k);
    threshold_ = kInfinity;
    fixed_ = false;
    const int64_t leaf = request_.own() ? position / kBoxLeaf
                                        : searcher_.tree_.Locate(z_.data());
    Visit(searcher_.tree_.Around(leaf, request_.options.k));
  }

  void CollectWithin(double limit) {
    threshold_ = limit;
    fixed_ = true;
    Visit({});
  }

  // Answers the query from the collected points up to `limit`.
  void Evaluate(int32_t position, double limit, int32_t query,
                NeighborTable& neighbors) {
    ids_.clear();
    for (const Near& near : near_) {
      if (near.squared <= limit) ids_.push_back(near.position);
    }
    const SearchOptions& options = request_.options;
    nearest_.Reset(options.k, options.radius);
    int64_t filtered = 0;  // rows have been looked at already
    for (size_t first = 0; first < ids_.size(); first += kTile) {
      const auto tile = Candidates::List(absl::MakeConstSpan(ids_).subspan(
          first, std::min<size_t>(kTile, ids_.size() - first)));
      searcher_.metric().SquaredDistances(request_.from, {&position, 1}, tile,
                                          tile_.data(), kTile, workspace_);
      work_.evaluations += tile.size();
      work_.offered += searcher_.OfferTileRow(tile_.data(), tile, row_, options,
                                              nearest_, hits_.data(), filtered);
    }
    nearest_.MoveTo(neighbors, query);
  }

  const CorrelationSearcher& searcher_;
  const Request& request_;
  int64_t row_ = 0;        // of the query
  std::vector<double> z_;  // of the query
  KthSmallest kth_;        // of squared distances
  KnnHeap nearest_;
  double threshold_ = 0;
  bool fixed_ = false;
  std::vector<Near> near_;
  std::vector<int32_t> ids_;
  AlignedBuffer<double> tile_;
  std::vector<int32_t> hits_;
  TileWorkspace workspace_;
  BoxTree::Path path_;
  BoxWork work_;
};

bool CorrelationSearcher::Offered(const ResidualCorrelation& metric) {
  if (metric.size() == 0 || metric.data().v.cols() > 0 ||
      metric.dim() > kMaxDimensions) {
    return false;
  }
  std::vector<double> z(metric.dim());
  for (int64_t i = 0; i < metric.size(); ++i) {
    Scale(metric.kernel(), metric.data().points.row(i), z.data());
    if (!(LargestOf(z) < kMaxScaled)) return false;
  }
  return true;
}

std::unique_ptr<const CorrelationSearcher> CorrelationSearcher::Create(
    const ResidualCorrelation& metric, int threads) {
  const Matrix<double>& points = metric.data().points;
  Matrix<double> scaled(points.rows(), points.cols());
  double largest = 0;
  for (int64_t i = 0; i < points.rows(); ++i) {
    Scale(metric.kernel(), points.row(i), scaled.row(i));
    largest = std::max(
        largest,
        LargestOf({scaled.row(i), static_cast<size_t>(points.cols())}));
  }
  BoxTree tree(scaled.view(), metric.simd().isa, threads);
  auto ordered = std::make_shared<const ResidualCorrelation>(
      metric.Reordered(tree.rows()));
  RowOrder order({tree.rows().begin(), tree.rows().end()});
  return std::unique_ptr<const CorrelationSearcher>(new CorrelationSearcher(
      std::move(ordered), std::move(order), std::move(tree), largest));
}

void CorrelationSearcher::Search(const Request& request,
                                 NeighborTable& neighbors,
                                 SearchStatistics& statistics) const {
  const std::vector<PlacedQuery> queries = PlacedQueries(request);
  std::vector<Worker> workers;
  const int threads =
      BoxWorkers(request.num_queries(), request.options.threads);
  for (int i = 0; i < threads; ++i) workers.emplace_back(*this, request);
  SearchPlaced<PlacedQuery>(
      queries, request.options, neighbors,
      [&](PlacedQuery query, int id) { workers[id].Search(query, neighbors); });
  for (const Worker& worker : workers) {
    AddBoxWork(worker.work(), request.options, statistics);
  }
}

}  // namespace rct
