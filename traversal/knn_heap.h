// The k nearest candidates of one query, as they are found.

#ifndef RCT_TRAVERSAL_KNN_HEAP_H_
#define RCT_TRAVERSAL_KNN_HEAP_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "metric/tile.h"
#include "traversal/neighbor_table.h"

namespace rct {

// Keeps the k smallest (distance, row) pairs, whatever the order in which they
// are offered; with a radius, those of them whose distance is strictly below
// it. Each row may be offered once, and only what threshold() admits. Allocates
// in Reset() alone, and there only the first time.
//
// Cost. Few pairs are kept sorted: one that enters takes up to k steps, which
// for a small k are faster than those of a heap. More pairs are a heap: O(log
// k) for a pair that enters once there are k, O(1) before; O(k log k) at the
// end.
class KnnHeap {
 public:
  // Empties the heap and prepares it for `k` >= 1 neighbors within `radius`.
  void Reset(int64_t k,
             double radius = std::numeric_limits<double>::infinity()) {
    capacity_ = k;
    limit_ = LargestSquaredWithin(radius);
    entries_.clear();
    entries_.reserve(k);
    UpdateThreshold();
  }

  bool full() const {
    return static_cast<int64_t>(entries_.size()) == capacity_;
  }

  // Returns the largest squared distance that can still enter. With fewer than
  // k entries it is the largest within the radius, exactly. With k it is the
  // square of the kth distance, raised by more than its rounding, if that is
  // less: squares that differ may have the same root, and then the row number
  // decides.
  double threshold() const { return threshold_; }
  // Returns the same where this is the kth distance and `limit` the largest
  // squared distance within the radius.
  static double Threshold(double kth, double limit) {
    return std::min(limit, kth * kth * (1 + 0x1p-50));
  }

  void Offer(double squared, int64_t row) {
    const Entry entry(FinalDistance(squared), row);
    if (capacity_ <= kSorted) {
      OfferSorted(entry);
      return;
    }
    if (!full()) {
      entries_.push_back(entry);
      if (!full()) return;
      std::make_heap(entries_.begin(), entries_.end());
    } else {
      if (!(entry < entries_.front())) return;
      ReplaceLargest(entry);
    }
    UpdateThreshold();
  }

  // Writes the neighbors into row `query` of `table` and empties the heap.
  void MoveTo(NeighborTable& table, int64_t query) {
    if (capacity_ > kSorted) std::sort(entries_.begin(), entries_.end());
    for (size_t j = 0; j < entries_.size(); ++j) {
      table.rows()(query, j) = static_cast<int64_t>(entries_[j].row);
      table.distances()(query, j) = entries_[j].distance();
    }
    entries_.clear();
  }

 private:
  // A pair. Distances are not negative: their bits are in their order, and a
  // pair is one integer of 128 bits, which is compared without a branch.
  struct Entry {
    Entry() = default;
    Entry(double distance, int64_t row)
        : row(static_cast<uint64_t>(row)),
          bits(std::bit_cast<uint64_t>(distance)) {}
    double distance() const { return std::bit_cast<double>(bits); }
    unsigned __int128 order() const {
      return static_cast<unsigned __int128>(bits) << 64 | row;
    }
    bool operator<(const Entry& other) const { return order() < other.order(); }

    uint64_t row;
    uint64_t bits;
  };

  // The most pairs that are kept sorted.
  static constexpr int64_t kSorted = 32;

  void OfferSorted(const Entry& entry) {
    if (!full()) {
      entries_.push_back(entry);
    } else if (!(entry < entries_.back())) {
      return;
    }
    size_t place = entries_.size() - 1;
    for (; place > 0 && entry < entries_[place - 1]; --place) {
      entries_[place] = entries_[place - 1];
    }
    entries_[place] = entry;
    UpdateThreshold();
  }

  // Sifts down once, where popping and pushing would sift twice.
  void ReplaceLargest(const Entry& entry) {
    const size_t size = entries_.size();
    size_t hole = 0;
    for (size_t child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && entries_[child] < entries_[child + 1]) ++child;
      if (!(entry < entries_[child])) break;
      entries_[hole] = entries_[child];
      hole = child;
    }
    entries_[hole] = entry;
  }

  void UpdateThreshold() {
    if (!full()) {
      threshold_ = limit_;
    } else {
      const double kth = capacity_ <= kSorted ? entries_.back().distance()
                                              : entries_.front().distance();
      threshold_ = Threshold(kth, limit_);
    }
  }

  int64_t capacity_ = 0;
  double limit_ = 0;  // of the radius
  double threshold_ = 0;
  std::vector<Entry> entries_;  // sorted, or a heap when there are k
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_KNN_HEAP_H_
