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
#include "index/distributed/shared_cells.h"
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
    absl::Span<const DeferredQuery> pairs, const SharedCells& cells,
    absl::FunctionRef<const double*(int32_t row)> point_of) {
  for (size_t begin = 0; begin < pairs.size();) {
    const int to = cells.owner(pairs[begin].cell);
    size_t end = begin + 1;
    while (end < pairs.size() && pairs[end].cell < cells.last_cell(to)) ++end;
    const auto of_owner = pairs.subspan(begin, end - begin);
    Batch& batch = of_rank_[to].emplace_back();
    batch.pairs.assign(of_owner.begin(), of_owner.end());
    batch.rows = RowsOf(of_owner);
    batch.points.reserve(batch.rows.size() * dim_);
    for (const int32_t row : batch.rows) {
      const double* point = point_of(row);
      batch.points.insert(batch.points.end(), point, point + dim_);
    }
    begin = end;
  }
  left_ += std::ssize(pairs);
  added_ += std::ssize(pairs);
}

std::string DeferredPairs::Next(int to, int64_t bytes) {
  std::string piece;
  std::vector<Batch>& batches = of_rank_[to];
  // A pair that brings its query along.
  const int64_t of_pair = 24 + 8 * dim_;
  while (!batches.empty() &&
         std::ssize(piece) + of_pair <= std::max<int64_t>(bytes, of_pair)) {
    Batch& batch = batches.back();
    const int64_t room =
        std::max<int64_t>(1, (bytes - std::ssize(piece)) / of_pair);
    const auto pairs = absl::MakeConstSpan(batch.pairs)
                           .subspan(batch.next, static_cast<size_t>(room));
    const std::vector<int32_t> rows = RowsOf(pairs);
    Pack(std::ssize(rows), piece);
    Pack(absl::MakeConstSpan(rows), piece);
    for (const int32_t row : rows) {
      const int64_t place = PlaceOf(batch.rows, row);
      Pack(absl::MakeConstSpan(batch.points.data() + place * dim_, dim_),
           piece);
    }
    Pack(std::ssize(pairs), piece);
    for (const DeferredQuery& pair : pairs) {
      Pack(pair.cell, piece);
      Pack(pair.row, piece);
      Pack(pair.distance, piece);
    }
    left_ -= std::ssize(pairs);
    batch.next += pairs.size();
    if (batch.next == batch.pairs.size()) batches.pop_back();
  }
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
