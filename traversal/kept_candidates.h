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
// k candidates of each query. What such pairs wait for are rows of V, and so
// two queries that are near each other are evaluated together: of the
// candidates that both have each row is read once. Where the candidates of a
// query fit a tile they are ranked in vectors, and otherwise pass through a
// heap.

#ifndef RCT_TRAVERSAL_KEPT_CANDIDATES_H_
#define RCT_TRAVERSAL_KEPT_CANDIDATES_H_

#include <cstddef>
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

  // Makes room for `more` candidates of query i, as far as its capacity goes.
  // Whoever appends to a list calls this before, but for Add.
  void Reserve(int i, int more) {
    if (lists_[i].size + more + kKeptPadding > room_[i]) Enlarge(i);
  }

  // Adds a candidate to the list of query i, which is below its capacity.
  void Add(int i, int32_t row, float lower, float upper) {
    Reserve(i, 1);
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

  // A query whose list is to be evaluated: its number in the request, and that
  // of its list.
  struct Asked {
    int32_t number;
    int list;
  };
  static constexpr int kMostAsked = 2;

  // Evaluates the lists of one query, or of two, best two that are near each
  // other, and writes their neighbors. Of each the candidates that look best,
  // by the middles of their bounds, and the points `more`, which have no
  // bounds, come first, then every other candidate whose upper bound reaches
  // theta_of(t), t the squared distance that a neighbor must not exceed.
  // Assumes that each candidate may be a neighbor, and that theta_of returns a
  // number as the proof above asks for.
  template <class ThetaOf>
  void Evaluate(const Request& request, absl::Span<const Asked> queries,
                absl::Span<const int32_t> more, ThetaOf theta_of,
                NeighborTable& neighbors);
  // Does so for any number of queries, each next to those that are near it.
  template <class ThetaOf>
  void EvaluateAll(const Request& request, absl::Span<const Asked> queries,
                   absl::Span<const int32_t> more, ThetaOf theta_of,
                   NeighborTable& neighbors) {
    for (size_t i = 0; i < queries.size(); i += kMostAsked) {
      Prefetch(request, queries.subspan(i), neighbors);
      Evaluate(request, queries.subspan(i, kMostAsked), more, theta_of,
               neighbors);
    }
  }

  // Returns the evaluations, heap pushes and candidates that the predecessor
  // constraint filtered, summed over all evaluations.
  SearchCounters counters() const;
  // Times and tiles of the evaluations; empty without telemetry.
  const SearchTrace& trace() const { return trace_; }

 private:
  // A query that is being evaluated: its points that are on the tile, all of
  // them but for those in the heap.
  struct Answer {
    Answer(int64_t k, int64_t capacity, int tile);

    int32_t number = 0;
    const KeptList* list = nullptr;
    // The middle that k candidates or a few more reach; nothing where there are
    // hardly more candidates, or fewer, which are then all the best.
    std::optional<float> best;
    AlignedBuffer<float> middles;
    std::vector<int32_t> chosen;
    std::vector<int32_t> tile;
    double* squared = nullptr;
    int tile_size = 0;
    bool in_heap = false;
    int ranked = 0;  // points of the tile that the answer is of
    int found = 0;   // neighbors in the answer
    KnnHeap heap;
  };

  // Lets list i, which keeps its candidates, be one of `room` elements that
  // begins at `memory`.
  void Place(int i, std::byte* memory, int64_t room);
  // Moves a list to where it has room for its whole capacity.
  void Enlarge(int i);
  // Asks for what will be read and written of the queries after the first
  // kMostAsked.
  static void Prefetch(const Request& request, absl::Span<const Asked> queries,
                       NeighborTable& neighbors);
  // Starts the evaluation of other queries.
  void Begin(const Request& request, absl::Span<const Asked> queries,
             NeighborTable& neighbors);
  // Finds the middle of a list that k candidates reach.
  void FindBest(Answer& answer);
  // Evaluates the candidates of all queries that look best.
  void TakeBest(int count);
  // Evaluates `rows` for a query, and takes them into its answer.
  void Take(absl::Span<const int32_t> rows, Answer& answer);
  // Evaluates those of the points that may be neighbors.
  void TakeAllowed(absl::Span<const int32_t> rows, Answer& answer);
  // Returns the squared distance that further neighbors must not exceed.
  double Threshold(Answer& answer);
  // Completes an answer.
  void Finish(Answer& answer);

  // Computes the squared distances of `count` points on the tile of the first
  // of `queries` from number `first` on: those of the others are the same.
  void EvaluateTile(absl::Span<const int32_t> queries, Answer& answer,
                    int first, int count);
  // Writes the nearest of the tile's points to the answer.
  void Rank(Answer& answer);
  // Moves the points of the tile to the heap.
  void Spill(Answer& answer);
  void CountEntered(int64_t count);
  // Adds the time of a scope, with telemetry.
  ScopedSeconds Timed(double& seconds) const;

  const Searcher<ResidualCorrelation>& owner_;
  const KeptRoutines* routines_;
  int64_t k_;
  int tile_;

  // The columns of all lists. Hardly any list is long: the lists begin in
  // little rooms, all of which fit a huge page. Rooms for the whole capacity of
  // each are there, in buffers of small pages, but their memory is not touched
  // before a list moves to one, and the first of them are used before the
  // others.
  int64_t whole_;   // elements of a whole capacity
  int64_t little_;  // of a little room
  AlignedBuffer<std::byte> rooms_;
  int64_t wholes_at_once_;  // of a buffer
  std::vector<AlignedBuffer<std::byte>> wholes_;
  std::vector<KeptList> lists_;
  std::vector<int64_t> room_;  // of each list
  std::vector<int> whole_of_;  // its whole room, or -1
  std::vector<int> free_;      // whole rooms, the first one last

  // The queries that are being evaluated.
  const Request* request_ = nullptr;
  NeighborTable* neighbors_ = nullptr;
  double limit_ = 0;  // of the radius
  std::vector<Answer> answers_;
  TileWorkspace workspace_;
  int64_t squared_stride_;
  AlignedBuffer<double> squared_;  // of the tiles
  std::vector<int32_t> hits_;

  int64_t evaluations_ = 0;
  int64_t filtered_ = 0;
  int64_t pushes_ = 0;
  SearchTrace trace_;
};

template <class ThetaOf>
void KeptCandidates::Evaluate(const Request& request,
                              absl::Span<const Asked> queries,
                              absl::Span<const int32_t> more, ThetaOf theta_of,
                              NeighborTable& neighbors) {
  const auto count = static_cast<int>(queries.size());
  Begin(request, queries, neighbors);
  TakeBest(count);
  for (Answer& answer : absl::MakeSpan(answers_).first(count)) {
    TakeAllowed(more, answer);
    if (answer.best.has_value()) {
      const float theta = FloatBelow(theta_of(Threshold(answer)));
      const int others =
          routines_->choose_others(*answer.list, answer.middles.data(),
                                   *answer.best, theta, answer.chosen.data());
      Take(absl::MakeConstSpan(answer.chosen).first(others), answer);
    }
    Finish(answer);
  }
}

}  // namespace rct

#endif  // RCT_TRAVERSAL_KEPT_CANDIDATES_H_
