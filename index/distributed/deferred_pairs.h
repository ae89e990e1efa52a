// Pairs of a query and a cell that no bound dismisses, on their way to the
// ranks that search them (pair_shares.h).
//
// Pairs wait until they are sent. A query travels once to a rank for all its
// cells there, with its coordinates and the distance within which it looks.
// Ranks get as many at a time as a piece holds, search, and send what they find
// to the slices of the queries.

#ifndef RCT_INDEX_DISTRIBUTED_DEFERRED_PAIRS_H_
#define RCT_INDEX_DISTRIBUTED_DEFERRED_PAIRS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/monitor.h"
#include "index/streaming/streamed_points.h"
#include "index/streaming/unit_search.h"

namespace rct {

// Those that a rank is to send.
class DeferredPairs {
 public:
  DeferredPairs(int ranks, int64_t dim) : dim_(dim), of_rank_(ranks) {}

  // Adds pairs of queries that no other call has. point_of(row) are the
  // coordinates of a query.
  void Add(absl::Span<const DeferredQuery> pairs,
           absl::FunctionRef<const double*(int32_t row)> point_of);

  // Returns how many pairs wait, and how many there were in all.
  int64_t waiting() const { return std::ssize(waiting_.pairs); }
  int64_t added() const { return added_; }
  // Returns how many pairs wait with each of `cells` cells.
  std::vector<int32_t> CountByCell(int64_t cells) const;

  // Sends all pairs that wait on their way: pair `number` of those with a cell
  // to rank to(cell, number).
  void Send(absl::FunctionRef<int(int32_t cell, int64_t number)> to);

  // Returns a piece of them for a rank.
  std::string Next(int to, int64_t bytes);

 private:
  // Pairs, sorted, with their queries; those before `next` were sent.
  struct Batch {
    std::vector<int32_t> rows;  // of its queries, ascending
    std::vector<double> points;
    std::vector<DeferredQuery> pairs;
    size_t next = 0;
  };

  int64_t dim_;
  Batch waiting_;  // neither its rows nor its pairs are sorted
  std::vector<Batch> of_rank_;
  int64_t added_ = 0;
};

// Those that a rank got, with the points of their queries.
class ReceivedPairs {
 public:
  explicit ReceivedPairs(int64_t dim) : dim_(dim) {}

  void Take(std::string_view piece);
  int64_t size() const { return static_cast<int64_t>(pairs_.size()); }
  // Returns their cells, ascending.
  std::vector<int32_t> Cells() const;

  // Returns what they find, and drops them.
  absl::StatusOr<FoundNeighbors> Search(const StreamedPoints& all, int threads,
                                        Monitor* monitor);

 private:
  int64_t dim_;
  std::vector<int32_t> rows_;
  std::vector<double> points_;
  std::vector<DeferredQuery> pairs_;
};

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_DEFERRED_PAIRS_H_
