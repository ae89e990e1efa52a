// Kept candidates: the list of points that bounds have not dismissed yet.
//
// A strategy that bounds |rho| instead of evaluating it runs through the points
// and keeps, for each query, a list of candidates (row, lower, upper) with
//
//     lower <= |rho(query, row)| <= upper.
//
// Theta is a number that the k nearest neighbors are known to reach. While the
// list grows theta rises, and candidates whose upper bound is below theta leave
// the list. At the end the metric evaluates the k candidates that look best,
// by which theta becomes as large as it can be, and then those that still reach
// theta.
//
// Why the answers are exact. Let L be a number that at least k lower bounds of
// the list reach. Then k points have |rho| >= L, and so a point with |rho| <
// theta for any theta below L by more than the width at which distances merge
// (knn_heap.h) has k points that are strictly nearer: it is no neighbor,
// whatever its row. A later L counts the candidates that are on the list then,
// and so the argument holds for it as well, as for the last theta, which
// follows from the kth evaluated distance or from the radius. So every neighbor
// is on the list at the end, each is evaluated, and KnnHeap orders them by
// (distance, row): the answer does not depend on the order in which points came
// or on how tight their bounds were. How far theta lies below L is the bound's
// own matter (SkeletonSlack::Theta, ScreenBound::Theta). ∎
//
// Cost. Raising theta reads the list a few times; a strategy raises it when the
// list has grown by a part of itself. The last step evaluates hardly more than
// k candidates one query at a time, at several times the price of a pair in a
// tile. Where they fit a tile they are ranked in vectors, and otherwise pass
// through a heap.

#ifndef RCT_TRAVERSAL_KEPT_CANDIDATES_H_
#define RCT_TRAVERSAL_KEPT_CANDIDATES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "metric/tile.h"
#include "traversal/kept_routines.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {

// The lists of several queries, and the scratch space to evaluate them, for one
// thread. The constructor allocates all memory; no other function does.
class KeptCandidates {
 public:
  using Request = Searcher<ResidualCorrelation>::Request;

  // Lists of `num_queries` queries, each of up to `capacity` candidates, for
  // the `k` nearest. `owner` searches the data in the caller's order and must
  // outlive this. Candidates are evaluated in tiles of `tile`.
  KeptCandidates(const Searcher<ResidualCorrelation>& owner, int num_queries,
                 int64_t capacity, int64_t k, int tile);

  KeptCandidates(const KeptCandidates&) = delete;
  KeptCandidates& operator=(const KeptCandidates&) = delete;
  KeptCandidates(KeptCandidates&&) = default;

  // The list of query i, and those of the queries after it.
  KeptList* list(int i) { return &lists_[i]; }
  const KeptList& operator[](int i) const { return lists_[i]; }

  // Makes the list of query i empty.
  void Clear(int i);

  // Adds a candidate to the list of query i, which must have room.
  void Add(int i, int32_t row, float lower, float upper) {
    KeptList& list = lists_[i];
    list.upper[list.size] = upper;
    list.lower[list.size] = lower;
    list.row[list.size] = row;
    ++list.size;
  }

  // Drops the candidates of query i from number `first` on that the caller does
  // not allow: only neighbors may raise theta.
  void DropForbidden(int i, int first, absl::Span<const bool> allowed);

  // Drops the candidates of query i whose upper bound is below `theta`.
  void DropBelow(int i, float theta);

  // Returns the k-th largest lower bound of query i, which has at least k
  // candidates. Linear in the size of the list.
  float KthLower(int i);

  // Returns a number that at least k lower bounds of query i reach: the k-th
  // largest but for a part of 2^-kThresholdSteps of the range from `least` to
  // 1, in whole vectors; minus infinity where fewer than k reach `least`.
  float AboutKthLower(int i, float least) const;

  // Evaluates the list of query i, number `number` of `request`, and writes its
  // neighbors. The candidates that look best, by the middles of their bounds,
  // and the points `more`, which have no bounds, come first, then every other
  // candidate whose upper bound reaches theta_of(t), t the squared distance
  // that a neighbor must not exceed. Assumes that each candidate may be a
  // neighbor, and that theta_of returns a number as the proof above asks for.
  template <class ThetaOf>
  void Evaluate(const Request& request, int32_t number, int i,
                absl::Span<const int32_t> more, ThetaOf theta_of,
                NeighborTable& neighbors);

  // Returns the evaluations, heap pushes and candidates that the predecessor
  // constraint filtered, summed over all evaluations.
  SearchCounters counters() const;
  // Times and tiles of the evaluations; empty without telemetry.
  const SearchTrace& trace() const { return trace_; }

 private:
  // Returns the middle that k candidates or a few more reach, and keeps the
  // middles; nothing where there are hardly more candidates, or fewer.
  std::optional<float> BestMiddle(const KeptList& list);

  // Starts the evaluation of another query.
  void Begin(const Request& request, int32_t number, NeighborTable& neighbors);
  // Evaluates points and takes them into the answer.
  void Take(absl::Span<const int32_t> rows);
  // Evaluates those of the points that may be neighbors.
  void TakeAllowed(absl::Span<const int32_t> rows);
  // Returns the squared distance that further neighbors must not exceed.
  double Threshold();
  // Completes the answer.
  void Finish();

  // Computes the squared distances of the points on the tile from number
  // `first` on.
  void EvaluateTile(int first);
  // Writes the nearest of the tile's points to the answer.
  void Rank();
  // Moves the points of the tile to the heap.
  void Spill();
  void CountEntered(int64_t count);
  // Adds the time of a scope, with telemetry.
  ScopedSeconds Timed(double& seconds) const;

  const Searcher<ResidualCorrelation>& owner_;
  const KeptRoutines* routines_;
  int64_t k_;

  // Columns of all lists, one after the other.
  int64_t stride_;
  AlignedBuffer<float> upper_;
  AlignedBuffer<float> lower_;
  AlignedBuffer<int32_t> row_;
  std::vector<KeptList> lists_;

  // The scratch space of one list.
  AlignedBuffer<float> middles_;
  std::vector<int32_t> chosen_;

  // The query that is being evaluated: its points that are on the tile, all of
  // them but for those in the heap.
  const Request* request_ = nullptr;
  int32_t number_ = 0;
  NeighborTable* neighbors_ = nullptr;
  double limit_ = 0;  // of the radius
  std::vector<int32_t> tile_;
  int tile_size_ = 0;
  bool in_heap_ = false;
  int ranked_ = 0;  // points of the tile that the answer is of
  int found_ = 0;   // neighbors in the answer
  TileWorkspace workspace_;
  AlignedBuffer<double> squared_;
  std::vector<int32_t> hits_;
  KnnHeap heap_;

  int64_t evaluations_ = 0;
  int64_t filtered_ = 0;
  int64_t pushes_ = 0;
  SearchTrace trace_;
};

template <class ThetaOf>
void KeptCandidates::Evaluate(const Request& request, int32_t number, int i,
                              absl::Span<const int32_t> more, ThetaOf theta_of,
                              NeighborTable& neighbors) {
  const KeptList& list = lists_[i];
  Begin(request, number, neighbors);
  const std::optional<float> best = BestMiddle(list);
  if (!best.has_value()) {
    Take(absl::MakeConstSpan(list.row, list.size));
    TakeAllowed(more);
  } else {
    const auto chosen = [&](int count) {
      return absl::MakeConstSpan(chosen_).first(count);
    };
    Take(chosen(
        routines_->choose(list, middles_.data(), *best, chosen_.data())));
    TakeAllowed(more);
    const float theta = FloatBelow(theta_of(Threshold()));
    Take(chosen(routines_->choose_others(list, middles_.data(), *best, theta,
                                         chosen_.data())));
  }
  Finish();
}

}  // namespace rct

#endif  // RCT_TRAVERSAL_KEPT_CANDIDATES_H_
