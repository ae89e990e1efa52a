#include "index/distributed/slice_answers.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/packing.h"
#include "base/status_macros.h"
#include "index/distributed/rank_exchange.h"
#include "index/distributed/slices.h"
#include "index/streaming/streamed_graph.h"
#include "index/streaming/unit_search.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

// The bytes of the rows that are handed out at once.
constexpr int64_t kRunBytes = int64_t{32} << 20;

// What is left to be sent to each rank of items [0, count) that are sorted by
// row: row_of(i).
class Runs {
 public:
  template <class RowOf>
  Runs(int64_t n, int size, int64_t count, RowOf row_of) {
    int64_t next = 0;
    for (int r = 0; r < size; ++r) {
      const int64_t first = next;
      const int64_t last_row = SliceOf(n, r, size).last();
      while (next < count && row_of(next) < last_row) ++next;
      left_.emplace_back(first, next);
    }
  }

  // Returns the next items for a rank, at least one while there are any.
  std::pair<int64_t, int64_t> Take(int to, int64_t most) {
    auto& [first, last] = left_[to];
    const int64_t begin = first;
    first = std::min(last, first + std::max<int64_t>(1, most));
    return {begin, first};
  }

 private:
  std::vector<std::pair<int64_t, int64_t>> left_;
};

}  // namespace

SliceAnswers::SliceAnswers(int64_t n, RowRange slice, int64_t k)
    : n_(n),
      slice_(slice),
      neighbors_(slice.count, k),
      distances_(slice.count, k) {
  for (int64_t i = 0; i < slice.count; ++i) {
    std::fill_n(neighbors_.row(i), k, -1);
    std::fill_n(distances_.row(i), k, std::numeric_limits<double>::infinity());
  }
}

void SliceAnswers::Offer(int64_t row, double distance, int32_t neighbor) {
  RCT_CHECK(row >= slice_.first && row < slice_.last());
  const int64_t k = neighbors_.cols();
  int32_t* rows = neighbors_.row(row - slice_.first);
  double* distances = distances_.row(row - slice_.first);
  const auto before = [&](int64_t j) {
    return rows[j] < 0 ||
           std::pair(distance, neighbor) < std::pair(distances[j], rows[j]);
  };
  int64_t place = k;
  while (place > 0 && before(place - 1)) --place;
  if (place == k) return;
  std::copy_backward(rows + place, rows + k - 1, rows + k);
  std::copy_backward(distances + place, distances + k - 1, distances + k);
  rows[place] = neighbor;
  distances[place] = distance;
}

absl::Status SliceAnswers::Send(const UnitAnswer& answer,
                                RankExchange& exchange) {
  const int64_t k = neighbors_.cols();
  Runs runs(n_, exchange.size(), std::ssize(answer.rows),
            [&](int64_t i) { return answer.rows[i]; });
  return exchange.Exchange(
      [&](int to, int64_t bytes) {
        std::string piece;
        const auto [first, last] = runs.Take(to, bytes / (8 + 12 * k));
        for (int64_t i = first; i < last; ++i) {
          const int32_t* rows = answer.neighbors.row(i);
          const auto count =
              static_cast<int32_t>(std::find(rows, rows + k, -1) - rows);
          Pack(answer.rows[i], piece);
          Pack(count, piece);
          Pack(absl::MakeConstSpan(rows, count), piece);
          Pack(absl::MakeConstSpan(answer.distances.row(i), count), piece);
        }
        return piece;
      },
      [&](int, std::string_view piece) {
        std::vector<int32_t> rows(k);
        std::vector<double> distances(k);
        for (Unpacker unpacker(piece); !unpacker.done();) {
          const auto row = unpacker.Value<int32_t>();
          const auto count = unpacker.Value<int32_t>();
          unpacker.Read(count, rows.data());
          unpacker.Read(count, distances.data());
          for (int32_t j = 0; j < count; ++j) Offer(row, distances[j], rows[j]);
        }
      });
}

absl::Status SliceAnswers::Send(const FoundNeighbors& found,
                                RankExchange& exchange) {
  constexpr int64_t kBytes = 2 * sizeof(int32_t) + sizeof(double);
  Runs runs(n_, exchange.size(), std::ssize(found.query),
            [&](int64_t i) { return found.query[i]; });
  return exchange.Exchange(
      [&](int to, int64_t bytes) {
        std::string piece;
        const auto [first, last] = runs.Take(to, bytes / kBytes);
        for (int64_t i = first; i < last; ++i) {
          Pack(found.query[i], piece);
          Pack(found.row[i], piece);
          Pack(found.distance[i], piece);
        }
        return piece;
      },
      [&](int, std::string_view piece) {
        for (Unpacker unpacker(piece); !unpacker.done();) {
          const auto query = unpacker.Value<int32_t>();
          const auto row = unpacker.Value<int32_t>();
          Offer(query, unpacker.Value<double>(), row);
        }
      });
}

absl::Status SliceAnswers::Write(GraphRowsWriter write,
                                 Monitor* monitor) const {
  const int64_t k = neighbors_.cols();
  const int64_t run = std::max<int64_t>(1, kRunBytes / (16 * k));
  const Monitor::Part part(monitor, /*share=*/1, slice_.count / run + 1);
  for (int64_t first = 0; first < slice_.count; first += run) {
    if (!Monitor::Go(monitor, 1)) return Monitor::Check(monitor);
    NeighborTable table(std::min(run, slice_.count - first), k);
    for (int64_t i = 0; i < table.num_queries(); ++i) {
      std::copy_n(neighbors_.row(first + i), k, table.rows().row(i));
      std::copy_n(distances_.row(first + i), k, table.distances().row(i));
    }
    RCT_RETURN_IF_ERROR(write(slice_.first + first, table));
  }
  return absl::OkStatus();
}

}  // namespace rct
