#include "traversal/kept_candidates.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/types/span.h"
#include "base/check.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/kept_routines.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// Lists are evaluated in one step that are longer than the answer by an eighth
// and this at most.
constexpr int kFew = 8;

// What a candidate takes.
constexpr int64_t kCandidateBytes = 2 * sizeof(float) + sizeof(int32_t);

// What the rooms in which lists begin take: a huge page.
constexpr int64_t kRoomBytes = int64_t{1} << 21;

int64_t WholeLines(int64_t elements) { return elements / 16 * 16; }

}  // namespace

KeptCandidates::Answer::Answer(int64_t k, int64_t capacity, int tile)
    : middles(capacity), chosen(capacity), tile(tile + kKeptPadding) {
  heap.Reset(k);
}

KeptCandidates::KeptCandidates(const Searcher<ResidualCorrelation>& owner,
                               int num_queries, int64_t capacity, int64_t k,
                               int tile)
    : owner_(owner),
      routines_(KeptRoutinesFor(owner.metric().simd().isa)),
      k_(k),
      tile_(tile),
      whole_(WholeLines(capacity + 15) + kKeptPadding),
      little_(std::min(whole_,
                       WholeLines(kRoomBytes / kCandidateBytes / num_queries))),
      rooms_(num_queries * little_ * kCandidateBytes),
      wholes_at_once_(
          std::max<int64_t>(1, (kRoomBytes - 1) / (whole_ * kCandidateBytes))),
      lists_(num_queries),
      room_(num_queries),
      whole_of_(num_queries, -1),
      workspace_(owner.metric().dim(), kMostAsked, tile),
      squared_stride_(RoundUpToLanes(tile) + kLanes),
      squared_(kMostAsked * squared_stride_),
      hits_(tile + 8) {
  for (int64_t i = 0; little_ < whole_ && i < num_queries;
       i += wholes_at_once_) {
    wholes_.emplace_back(std::min(wholes_at_once_, num_queries - i) * whole_ *
                         kCandidateBytes);
  }
  free_.reserve(num_queries);
  for (int i = num_queries - 1; i >= 0; --i) {
    Clear(i);
    free_.push_back(i);
  }
  std::fill(squared_.begin(), squared_.end(), 0.0);
  RCT_CHECK(tile <= kMaxRanked);
  answers_.reserve(kMostAsked);
  for (int q = 0; q < kMostAsked; ++q) {
    answers_.emplace_back(k, whole_, tile);
    answers_.back().squared = squared_.data() + q * squared_stride_;
  }
}

SearchCounters KeptCandidates::counters() const {
  SearchCounters counters;
  counters.set_distance_evaluations(evaluations_);
  counters.set_predecessor_filtered(filtered_);
  counters.set_heap_pushes(pushes_);
  return counters;
}

void KeptCandidates::Place(int i, std::byte* memory, int64_t room) {
  const KeptList from = lists_[i];
  KeptList& to = lists_[i];
  to.upper = reinterpret_cast<float*>(memory);
  to.lower = to.upper + room;
  to.row = reinterpret_cast<int32_t*>(to.lower + room);
  std::copy_n(from.upper, from.size, to.upper);
  std::copy_n(from.lower, from.size, to.lower);
  std::copy_n(from.row, from.size, to.row);
  room_[i] = room;
}

void KeptCandidates::Clear(int i) {
  lists_[i] = {};
  Place(i, rooms_.data() + i * little_ * kCandidateBytes, little_);
  if (whole_of_[i] >= 0) free_.push_back(std::exchange(whole_of_[i], -1));
}

void KeptCandidates::Enlarge(int i) {
  if (room_[i] == whole_) return;
  whole_of_[i] = free_.back();
  free_.pop_back();
  const int64_t whole = whole_of_[i];
  Place(i,
        wholes_[whole / wholes_at_once_].data() +
            whole % wholes_at_once_ * whole_ * kCandidateBytes,
        whole_);
}

void KeptCandidates::DropForbidden(int i, int first,
                                   absl::Span<const bool> allowed) {
  KeptList& list = lists_[i];
  int size = first;
  for (int j = first; j < list.size; ++j) {
    list.upper[size] = list.upper[j];
    list.lower[size] = list.lower[j];
    list.row[size] = list.row[j];
    size += static_cast<int>(allowed[list.row[j]]);
  }
  list.size = size;
}

void KeptCandidates::DropBelow(int i, float theta) {
  routines_->drop_below(theta, lists_[i]);
}

float KeptCandidates::KthLower(int i) {
  const KeptList& list = lists_[i];
  RCT_CHECK(list.size >= k_);
  AlignedBuffer<float>& lower = answers_[0].middles;
  std::copy_n(list.lower, list.size, lower.data());
  std::nth_element(lower.begin(), lower.begin() + k_ - 1,
                   lower.begin() + list.size, std::greater<>());
  return lower[k_ - 1];
}

float KeptCandidates::AboutKthLower(int i, float least) const {
  const KeptList& list = lists_[i];
  return routines_->threshold(list.lower, list.size, static_cast<int>(k_),
                              least);
}

void KeptCandidates::Prefetch(const Request& request,
                              absl::Span<const Asked> queries,
                              NeighborTable& neighbors) {
  const auto after = [&](size_t first) {
    return queries.subspan(std::min(first, queries.size()), kMostAsked);
  };
  for (const Asked& asked : after(2 * kMostAsked)) {
    request.Prefetch(asked.number);
  }
  for (const Asked& asked : after(kMostAsked)) {
    const int32_t position = request.positions[asked.number];
    __builtin_prefetch(request.from.v.row(position));
    __builtin_prefetch(request.from.points.row(position));
    __builtin_prefetch(&request.from.inverse_sqrt[position]);
    neighbors.Prefetch(asked.number);
  }
}

void KeptCandidates::Begin(const Request& request,
                           absl::Span<const Asked> queries,
                           NeighborTable& neighbors) {
  request_ = &request;
  neighbors_ = &neighbors;
  limit_ = LargestSquaredWithin(request.options.radius);
  RCT_CHECK(queries.size() <= answers_.size());
  for (size_t q = 0; q < queries.size(); ++q) {
    Answer& answer = answers_[q];
    answer.number = queries[q].number;
    answer.list = &lists_[queries[q].list];
    answer.tile_size = 0;
    answer.in_heap = false;
    answer.ranked = 0;
    answer.found = 0;
    FindBest(answer);
  }
}

void KeptCandidates::FindBest(Answer& answer) {
  const KeptList& list = *answer.list;
  answer.best.reset();
  if (list.size <= k_ + k_ / 8 + kFew) return;
  routines_->middles(list, answer.middles.data());
  const float best = routines_->threshold(answer.middles.data(), list.size,
                                          static_cast<int>(k_), /*least=*/0);
  if (best >= 0) answer.best = best;
}

void KeptCandidates::TakeBest(int count) {
  absl::Span<const int32_t> rows[kMostAsked];
  bool fit = true;
  for (int q = 0; q < count; ++q) {
    Answer& answer = answers_[q];
    rows[q] = absl::MakeConstSpan(answer.list->row, answer.list->size);
    if (answer.best.has_value()) {
      const int chosen = routines_->choose(*answer.list, answer.middles.data(),
                                           *answer.best, answer.chosen.data());
      rows[q] = absl::MakeConstSpan(answer.chosen).first(chosen);
    }
    fit = fit && static_cast<int>(rows[q].size()) <= tile_;
  }
  if (count < 2 || !fit) {
    for (int q = 0; q < count; ++q) Take(rows[q], answers_[q]);
    return;
  }
  Answer& a = answers_[0];
  Answer& b = answers_[1];
  alignas(64) int32_t only_a[kMaxRanked + kKeptPadding];
  alignas(64) int32_t only_b[kMaxRanked + kKeptPadding];
  const auto size_a = static_cast<int>(rows[0].size());
  const auto size_b = static_cast<int>(rows[1].size());
  const int shared = routines_->share(rows[0].data(), size_a, rows[1].data(),
                                      size_b, a.tile.data(), only_a, only_b);
  std::copy_n(a.tile.begin(), shared, b.tile.begin());
  a.tile_size = b.tile_size = shared;
  const int32_t both[] = {request_->positions[a.number],
                          request_->positions[b.number]};
  if (shared > 0) EvaluateTile(both, a, 0, shared);
  Take(absl::MakeConstSpan(only_a, size_a - shared), a);
  Take(absl::MakeConstSpan(only_b, size_b - shared), b);
}

void KeptCandidates::Take(absl::Span<const int32_t> rows, Answer& answer) {
  while (!rows.empty()) {
    if (answer.tile_size == tile_) Spill(answer);
    const int first = answer.tile_size;
    const auto some = rows.subspan(0, tile_ - first);
    std::copy(some.begin(), some.end(), answer.tile.begin() + first);
    answer.tile_size += static_cast<int>(some.size());
    EvaluateTile(absl::MakeConstSpan(&request_->positions[answer.number], 1),
                 answer, first, static_cast<int>(some.size()));
    rows.remove_prefix(some.size());
  }
}

void KeptCandidates::TakeAllowed(absl::Span<const int32_t> rows,
                                 Answer& answer) {
  const SearchOptions& options = request_->options;
  while (!rows.empty()) {
    const int64_t own = request_->rows[answer.number];
    const auto some = rows.subspan(0, answer.chosen.size());
    int count = 0;
    for (const int32_t row : some) {
      if (options.predecessor && row >= own) {
        ++filtered_;
      } else if (!(options.exclude_self && row == own) && options.Allows(row)) {
        answer.chosen[count++] = row;
      }
    }
    Take(absl::MakeConstSpan(answer.chosen).first(count), answer);
    rows.remove_prefix(some.size());
  }
}

double KeptCandidates::Threshold(Answer& answer) {
  if (answer.in_heap) {
    Spill(answer);
    return answer.heap.threshold();
  }
  Rank(answer);
  return answer.found < k_
             ? limit_
             : KnnHeap::Threshold(
                   neighbors_->distances()(answer.number, k_ - 1), limit_);
}

void KeptCandidates::Finish(Answer& answer) {
  if (answer.in_heap) {
    Spill(answer);
    answer.heap.MoveTo(*neighbors_, answer.number);
  } else {
    if (answer.ranked < answer.tile_size) Rank(answer);
    CountEntered(answer.found);
  }
}

void KeptCandidates::CountEntered(int64_t count) {
  pushes_ += count;
  if (request_->options.telemetry) trace_.level(0).survivors += count;
}

ScopedSeconds KeptCandidates::Timed(double& seconds) const {
  return ScopedSeconds(request_->options.telemetry ? &seconds : nullptr);
}

void KeptCandidates::EvaluateTile(absl::Span<const int32_t> queries,
                                  Answer& answer, int first, int count) {
  const auto timed = Timed(trace_.evaluation_seconds);
  owner_.metric().SquaredDistances(
      request_->from, queries,
      Candidates::List(absl::MakeConstSpan(answer.tile).subspan(first, count)),
      answer.squared + first, squared_stride_, workspace_);
  const int64_t pairs = int64_t{count} * std::ssize(queries);
  evaluations_ += pairs;
  if (request_->options.telemetry) {
    trace_.AddTile(/*index=*/0, count, pairs, /*survivors=*/0);
  }
}

void KeptCandidates::Rank(Answer& answer) {
  const auto timed = Timed(trace_.selection_seconds);
  answer.found = routines_->nearest(
      answer.squared, answer.tile.data(), answer.tile_size, limit_,
      static_cast<int>(k_), neighbors_->rows().row(answer.number),
      neighbors_->distances().row(answer.number));
  answer.ranked = answer.tile_size;
}

void KeptCandidates::Spill(Answer& answer) {
  const auto timed = Timed(trace_.selection_seconds);
  if (!answer.in_heap) answer.heap.Reset(k_, request_->options.radius);
  answer.in_heap = true;
  const int64_t offered = owner_.OfferTileRow(
      answer.squared,
      Candidates::List(
          absl::MakeConstSpan(answer.tile).first(answer.tile_size)),
      request_->rows[answer.number], request_->options, answer.heap,
      hits_.data(), filtered_);
  CountEntered(offered);
  answer.tile_size = 0;
}

}  // namespace rct
