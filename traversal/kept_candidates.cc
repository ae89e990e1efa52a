#include "traversal/kept_candidates.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>

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

}  // namespace

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
      middles_(stride_),
      chosen_(stride_),
      tile_(tile),
      workspace_(owner.metric().dim(), 1, tile),
      squared_(RoundUpToLanes(tile) + kLanes),
      hits_(tile + 8) {
  for (int i = 0; i < num_queries; ++i) Clear(i);
  std::fill(squared_.begin(), squared_.end(), 0.0);
  RCT_CHECK(tile <= kMaxRanked);
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
  std::copy_n(list.lower, list.size, middles_.data());
  std::nth_element(middles_.begin(), middles_.begin() + k_ - 1,
                   middles_.begin() + list.size, std::greater<>());
  return middles_[k_ - 1];
}

float KeptCandidates::AboutKthLower(int i, float least) const {
  const KeptList& list = lists_[i];
  return routines_->threshold(list.lower, list.size, static_cast<int>(k_),
                              least);
}

std::optional<float> KeptCandidates::BestMiddle(const KeptList& list) {
  if (list.size <= k_ + k_ / 8 + kFew) return std::nullopt;
  routines_->middles(list, middles_.data());
  const float best = routines_->threshold(middles_.data(), list.size,
                                          static_cast<int>(k_), /*least=*/0);
  if (best < 0) return std::nullopt;
  return best;
}

void KeptCandidates::Begin(const Request& request, int32_t number,
                           NeighborTable& neighbors) {
  request_ = &request;
  number_ = number;
  neighbors_ = &neighbors;
  limit_ = LargestSquaredWithin(request.options.radius);
  tile_size_ = 0;
  in_heap_ = false;
  ranked_ = 0;
  found_ = 0;
}

void KeptCandidates::Take(absl::Span<const int32_t> rows) {
  while (!rows.empty()) {
    if (tile_size_ == static_cast<int>(tile_.size())) Spill();
    const int first = tile_size_;
    const auto some = rows.subspan(0, tile_.size() - first);
    std::copy(some.begin(), some.end(), tile_.begin() + first);
    tile_size_ += static_cast<int>(some.size());
    EvaluateTile(first);
    rows.remove_prefix(some.size());
  }
}

void KeptCandidates::TakeAllowed(absl::Span<const int32_t> rows) {
  const SearchOptions& options = request_->options;
  const int64_t own = request_->rows[number_];
  while (!rows.empty()) {
    const auto some = rows.subspan(0, chosen_.size());
    int count = 0;
    for (const int32_t row : some) {
      if (options.predecessor && row >= own) {
        ++filtered_;
      } else if (!(options.exclude_self && row == own) && options.Allows(row)) {
        chosen_[count++] = row;
      }
    }
    Take(absl::MakeConstSpan(chosen_).first(count));
    rows.remove_prefix(some.size());
  }
}

double KeptCandidates::Threshold() {
  if (in_heap_) {
    Spill();
    return heap_.threshold();
  }
  Rank();
  return found_ < k_ ? limit_
                     : KnnHeap::Threshold(
                           neighbors_->distances()(number_, k_ - 1), limit_);
}

void KeptCandidates::Finish() {
  if (in_heap_) {
    Spill();
    heap_.MoveTo(*neighbors_, number_);
  } else {
    if (ranked_ < tile_size_) Rank();
    CountEntered(found_);
  }
}

void KeptCandidates::CountEntered(int64_t count) {
  pushes_ += count;
  if (request_->options.telemetry) trace_.level(0).survivors += count;
}

ScopedSeconds KeptCandidates::Timed(double& seconds) const {
  return ScopedSeconds(request_->options.telemetry ? &seconds : nullptr);
}

void KeptCandidates::EvaluateTile(int first) {
  const int count = tile_size_ - first;
  const auto timed = Timed(trace_.evaluation_seconds);
  owner_.metric().SquaredDistances(
      request_->from, absl::MakeConstSpan(&request_->positions[number_], 1),
      Candidates::List(absl::MakeConstSpan(tile_).subspan(first, count)),
      squared_.data() + first, static_cast<int64_t>(tile_.size()), workspace_);
  evaluations_ += count;
  if (request_->options.telemetry) {
    trace_.AddTile(/*index=*/0, count, count, /*survivors=*/0);
  }
}

void KeptCandidates::Rank() {
  const auto timed = Timed(trace_.selection_seconds);
  found_ = routines_->nearest(
      squared_.data(), tile_.data(), tile_size_, limit_, static_cast<int>(k_),
      neighbors_->rows().row(number_), neighbors_->distances().row(number_));
  ranked_ = tile_size_;
}

void KeptCandidates::Spill() {
  const auto timed = Timed(trace_.selection_seconds);
  if (!in_heap_) heap_.Reset(k_, request_->options.radius);
  in_heap_ = true;
  const int64_t offered = owner_.OfferTileRow(
      squared_.data(),
      Candidates::List(absl::MakeConstSpan(tile_).first(tile_size_)),
      request_->rows[number_], request_->options, heap_, hits_.data(),
      filtered_);
  CountEntered(offered);
  tile_size_ = 0;
}

}  // namespace rct
