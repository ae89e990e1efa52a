#include "index/distributed/deferred_pairs.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/packing.h"
#include "index/streaming/cell_points.h"
#include "index/streaming/cells.h"
#include "index/streaming/streamed_points.h"
#include "index/streaming/unit_search.h"

namespace rct {
namespace {

std::vector<int32_t> RowsOf(absl::Span<const DeferredQuery> pairs) {
  std::vector<int32_t> rows;
  rows.reserve(pairs.size());
  for (const DeferredQuery& pair : pairs) rows.push_back(pair.row);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

int64_t PlaceOf(absl::Span<const int32_t> rows, int32_t row) {
  return std::lower_bound(rows.begin(), rows.end(), row) - rows.begin();
}

}  // namespace

void DeferredPairs::Add(
    absl::Span<const DeferredQuery> pairs,
    absl::FunctionRef<const double*(int32_t row)> point_of) {
  waiting_.pairs.insert(waiting_.pairs.end(), pairs.begin(), pairs.end());
  for (const int32_t row : RowsOf(pairs)) {
    const double* point = point_of(row);
    waiting_.rows.push_back(row);
    waiting_.points.insert(waiting_.points.end(), point, point + dim_);
  }
  added_ += std::ssize(pairs);
}

std::vector<int32_t> DeferredPairs::CountByCell(int64_t cells) const {
  std::vector<int32_t> counts(cells);
  for (const DeferredQuery& pair : waiting_.pairs) ++counts[pair.cell];
  return counts;
}

void DeferredPairs::Send(
    absl::FunctionRef<int(int32_t cell, int64_t number)> to) {
  Batch all = std::exchange(waiting_, {});
  std::sort(all.pairs.begin(), all.pairs.end());
  int64_t number = 0;
  for (size_t i = 0; i < all.pairs.size(); ++i, ++number) {
    const DeferredQuery& pair = all.pairs[i];
    if (i > 0 && all.pairs[i - 1].cell != pair.cell) number = 0;
    of_rank_[to(pair.cell, number)].pairs.push_back(pair);
  }
  std::vector<int32_t> order(all.rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int32_t a, int32_t b) { return all.rows[a] < all.rows[b]; });
  const MatrixView<const double> points(all.points.data(), std::ssize(all.rows),
                                        dim_);
  const Matrix<double> sorted = GatherPoints(points, order);
  std::sort(all.rows.begin(), all.rows.end());
  const RowPoints point_of(all.rows, sorted.view());
  for (Batch& batch : of_rank_) {
    batch.rows = RowsOf(batch.pairs);
    batch.points.reserve(batch.rows.size() * dim_);
    for (const int32_t row : batch.rows) {
      batch.points.insert(batch.points.end(), point_of[row],
                          point_of[row] + dim_);
    }
  }
}

std::string DeferredPairs::Next(int to, int64_t bytes) {
  std::string piece;
  Batch& batch = of_rank_[to];
  if (batch.pairs.empty()) return piece;
  // A pair that brings its query along.
  const int64_t of_pair = 24 + 8 * dim_;
  const int64_t room = std::max<int64_t>(1, bytes / of_pair);
  const auto pairs = absl::MakeConstSpan(batch.pairs)
                         .subspan(batch.next, static_cast<size_t>(room));
  const std::vector<int32_t> rows = RowsOf(pairs);
  Pack(std::ssize(rows), piece);
  Pack(absl::MakeConstSpan(rows), piece);
  for (const int32_t row : rows) {
    const int64_t place = PlaceOf(batch.rows, row);
    Pack(absl::MakeConstSpan(batch.points.data() + place * dim_, dim_), piece);
  }
  Pack(std::ssize(pairs), piece);
  for (const DeferredQuery& pair : pairs) {
    Pack(pair.cell, piece);
    Pack(pair.row, piece);
    Pack(pair.distance, piece);
  }
  batch.next += pairs.size();
  if (batch.next == batch.pairs.size()) batch = {};
  return piece;
}

void ReceivedPairs::Take(std::string_view piece) {
  for (Unpacker unpacker(piece); !unpacker.done();) {
    const auto num_rows = unpacker.Value<int64_t>();
    const size_t before = rows_.size();
    rows_.resize(before + num_rows);
    unpacker.Read(num_rows, rows_.data() + before);
    points_.resize(rows_.size() * dim_);
    unpacker.Read(num_rows * dim_, points_.data() + before * dim_);
    for (auto left = unpacker.Value<int64_t>(); left > 0; --left) {
      DeferredQuery& pair = pairs_.emplace_back();
      pair.cell = unpacker.Value<int32_t>();
      pair.row = unpacker.Value<int32_t>();
      pair.distance = unpacker.Value<double>();
    }
  }
}

std::vector<int32_t> ReceivedPairs::Cells() const {
  std::vector<int32_t> cells;
  for (const DeferredQuery& pair : pairs_) cells.push_back(pair.cell);
  std::sort(cells.begin(), cells.end());
  cells.erase(std::unique(cells.begin(), cells.end()), cells.end());
  return cells;
}

absl::StatusOr<FoundNeighbors> ReceivedPairs::Search(const StreamedPoints& all,
                                                     int threads,
                                                     Monitor* monitor) {
  std::vector<int32_t> order(rows_.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int32_t a, int32_t b) { return rows_[a] < rows_[b]; });
  const MatrixView<const double> points(points_.data(), std::ssize(rows_),
                                        dim_);
  const Matrix<double> sorted = GatherPoints(points, order);
  std::sort(rows_.begin(), rows_.end());
  std::sort(pairs_.begin(), pairs_.end());
  absl::StatusOr<FoundNeighbors> found = SearchOwned(
      all, pairs_, RowPoints(rows_, sorted.view()), threads, monitor);
  rows_.clear();
  points_.clear();
  pairs_.clear();
  return found;
}

}  // namespace rct
