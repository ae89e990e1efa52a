#include "traversal/kept_candidates.h"

#include <algorithm>
#include <cstdint>
#include <functional>

#include "absl/types/span.h"
#include "base/check.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/kept_routines.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {

KeptCandidates::KeptCandidates(const Searcher<ResidualCorrelation>& owner,
                               int num_queries, int64_t capacity, int64_t k,
                               int tile)
    : owner_(owner),
      routines_(KeptRoutinesFor(owner.metric().simd().isa)),
      k_(k),
      stride_((capacity + 15) / 16 * 16 + kKeptPadding),
      upper_(num_queries * stride_),
      lower_(upper_.size()),
      row_(upper_.size()),
      lists_(num_queries),
      scores_(stride_),
      tile_(tile),
      workspace_(owner.metric().dim(), 1, tile),
      squared_(RoundUpToLanes(tile)),
      hits_(tile + 8) {
  for (int i = 0; i < num_queries; ++i) Clear(i);
  std::fill(squared_.begin(), squared_.end(), 0.0);
  heap_.Reset(k);
}

SearchCounters KeptCandidates::counters() const {
  SearchCounters counters;
  counters.set_distance_evaluations(evaluations_);
  counters.set_predecessor_filtered(filtered_);
  counters.set_heap_pushes(pushes_);
  return counters;
}

void KeptCandidates::Clear(int i) {
  const int64_t first = i * stride_;
  lists_[i] = {upper_.data() + first, lower_.data() + first,
               row_.data() + first, 0, 0};
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
  std::copy_n(list.lower, list.size, scores_.data());
  std::nth_element(scores_.begin(), scores_.begin() + k_ - 1,
                   scores_.begin() + list.size, std::greater<>());
  return scores_[k_ - 1];
}

float KeptCandidates::AboutKthLower(int i, float least) const {
  const KeptList& list = lists_[i];
  return routines_->threshold(list.lower, list.size, static_cast<int>(k_),
                              least);
}

float KeptCandidates::AboutKthMiddle(int i) {
  const KeptList& list = lists_[i];
  for (int j = 0; j < list.size; ++j) {
    scores_[j] = 0.5f * (list.upper[j] + list.lower[j]);
  }
  return routines_->threshold(scores_.data(), list.size, static_cast<int>(k_),
                              /*least=*/0);
}

void KeptCandidates::EvaluateTile(const Request& request, int32_t number) {
  if (tile_size_ == 0) return;
  const bool telemetry = request.options.telemetry;
  const auto timed = [&](double& seconds) {
    return ScopedSeconds(telemetry ? &seconds : nullptr);
  };
  const int count = tile_size_;
  tile_size_ = 0;
  const Candidates candidates =
      Candidates::List(absl::MakeConstSpan(tile_).first(count));
  {
    const auto evaluation_timed = timed(trace_.evaluation_seconds);
    owner_.metric().SquaredDistances(
        request.from, absl::MakeConstSpan(&request.positions[number], 1),
        candidates, squared_.data(), static_cast<int64_t>(tile_.size()),
        workspace_);
  }
  const auto selection_timed = timed(trace_.selection_seconds);
  const int64_t offered =
      owner_.OfferTileRow(squared_.data(), candidates, request.rows[number],
                          request.options, heap_, hits_.data(), filtered_);
  evaluations_ += count;
  pushes_ += offered;
  if (telemetry) trace_.AddTile(/*index=*/0, count, count, offered);
}

}  // namespace rct
