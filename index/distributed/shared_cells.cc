#include "index/distributed/shared_cells.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/packing.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "index/distributed/cell_shares.h"
#include "index/distributed/rank_exchange.h"
#include "index/distributed/slices.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_factors.h"
#include "traversal/block/median_splits.h"

namespace rct {
namespace {

// The stream of the sample: "cells" in ASCII.
constexpr uint64_t kSampleStream = 0x63656c6c73;

// Points whose cells are one task.
constexpr int64_t kPiece = 1 << 14;

// Where a range of sample points is split.
int64_t Middle(PointRange range) {
  return range.first + (range.size() + 1) / 2;
}

void PackPoint(int32_t row, absl::Span<const double> point,
               std::string& bytes) {
  Pack(row, bytes);
  Pack(point, bytes);
}

// Rows and points, in the order of rows.
struct Sample {
  std::vector<int32_t> rows;
  Matrix<double> points;
};

// Gathers the sample that the splits of `cells` cells follow from.
absl::StatusOr<Sample> GatherSample(MatrixView<const double> slice, int64_t n,
                                    absl::Span<const int64_t> excluded,
                                    int64_t cells, RankExchange& exchange) {
  Sample sample;
  sample.rows = CellSampleRows(n, excluded, cells);
  sample.points = Matrix<double>(std::ssize(sample.rows), slice.cols);
  const RowRange range = SliceOf(n, exchange.rank(), exchange.size());
  auto next =
      std::lower_bound(sample.rows.begin(), sample.rows.end(), range.first);
  RCT_RETURN_IF_ERROR(exchange.ExchangeWithAll(
      [&](int, int64_t bytes) {
        std::string piece;
        for (; next != sample.rows.end() && *next < range.last(); ++next) {
          if (!piece.empty() && std::ssize(piece) >= bytes) break;
          PackPoint(
              *next,
              {slice.row(*next - range.first), static_cast<size_t>(slice.cols)},
              piece);
        }
        return piece;
      },
      [&](int, std::string_view piece) {
        for (Unpacker unpacker(piece); !unpacker.done();) {
          const auto row = unpacker.Value<int32_t>();
          const auto place =
              std::lower_bound(sample.rows.begin(), sample.rows.end(), row) -
              sample.rows.begin();
          unpacker.Read(slice.cols, sample.points.row(place));
        }
      }));
  return sample;
}

// What is known of all cells.
struct CellSizes {
  std::vector<int64_t> counts;
  std::vector<int32_t> first_rows;
};

CellSizes GatherSizes(absl::Span<const int32_t> cell_of, int64_t first_row,
                      int64_t cells, RankExchange& exchange) {
  constexpr int32_t kNoRow = std::numeric_limits<int32_t>::max();
  CellSizes sizes = {std::vector<int64_t>(cells),
                     std::vector<int32_t>(cells, kNoRow)};
  for (int64_t i = 0; i < std::ssize(cell_of); ++i) {
    if (cell_of[i] < 0) continue;
    if (sizes.counts[cell_of[i]]++ == 0) {
      sizes.first_rows[cell_of[i]] = static_cast<int32_t>(first_row + i);
    }
  }
  std::string own;
  Pack(absl::MakeConstSpan(sizes.counts), own);
  Pack(absl::MakeConstSpan(sizes.first_rows), own);
  std::fill(sizes.counts.begin(), sizes.counts.end(), 0);
  for (const std::string& bytes : exchange.Gather(own)) {
    Unpacker unpacker(bytes);
    for (int64_t& count : sizes.counts) count += unpacker.Value<int64_t>();
    for (int32_t& row : sizes.first_rows) {
      row = std::min(row, unpacker.Value<int32_t>());
    }
  }
  return sizes;
}

// Returns the cell of each point of a slice, -1 for inducing points.
std::vector<int32_t> CellsOf(MatrixView<const double> slice, int64_t first_row,
                             absl::Span<const int64_t> inducing,
                             const CellTree& tree, int threads) {
  std::vector<int32_t> cell_of(slice.rows);
  ParallelFor(
      threads, (slice.rows + kPiece - 1) / kPiece, [&](int64_t piece, int) {
        const int64_t last = std::min(slice.rows, (piece + 1) * kPiece);
        for (int64_t i = piece * kPiece; i < last; ++i) {
          cell_of[i] =
              tree.CellOf(slice.row(i), static_cast<int32_t>(first_row + i));
        }
      });
  for (const int64_t row : inducing) {
    if (row >= first_row && row < first_row + slice.rows) {
      cell_of[row - first_row] = -1;
    }
  }
  return cell_of;
}

using CellsOfRanks = std::vector<std::vector<int32_t>>;

// Sends each rank the cells that are requested from it, and returns those that
// each requests from this one.
absl::StatusOr<CellsOfRanks> ExchangeRequests(CellsOfRanks requests,
                                              RankExchange& exchange) {
  CellsOfRanks wanted(exchange.size());
  RCT_RETURN_IF_ERROR(exchange.Exchange(
      [&](int to, int64_t) {
        std::string piece;
        Pack(absl::MakeConstSpan(requests[to]), piece);
        requests[to].clear();
        return piece;
      },
      [&](int from, std::string_view piece) {
        for (Unpacker unpacker(piece); !unpacker.done();) {
          wanted[from].push_back(unpacker.Value<int32_t>());
        }
      }));
  return wanted;
}

}  // namespace

std::vector<int32_t> CellSampleRows(int64_t n,
                                    absl::Span<const int64_t> excluded,
                                    int64_t cells) {
  const int64_t others = n - std::ssize(excluded);
  RandomStream stream(/*seed=*/0, kSampleStream);
  std::vector<int32_t> rows;
  size_t before = 0;
  for (const int64_t number : SampleWithoutReplacement(
           others, std::min(others, kSampleOfCell * cells), stream)) {
    while (before < excluded.size() &&
           excluded[before] <= number + static_cast<int64_t>(before)) {
      ++before;
    }
    rows.push_back(static_cast<int32_t>(number + before));
  }
  return rows;
}

CellTree::CellTree(MatrixView<const double> sample,
                   absl::Span<const int32_t> rows,
                   absl::Span<const double> scale, int64_t count, int threads)
    : count_(count), splits_(count) {
  std::vector<int32_t> order(sample.rows);
  std::iota(order.begin(), order.end(), 0);
  const auto done = [&](PointRange range, const MedianSplit& split) {
    int64_t node = 1;
    PointRange at = {0, sample.rows};
    while (at.first != range.first || at.last != range.last) {
      const bool second = range.first >= Middle(at);
      (second ? at.first : at.last) = Middle(at);
      node = 2 * node + static_cast<int64_t>(second);
    }
    splits_[node] = {split.dimension, split.value, rows[order[split.middle]]};
  };
  SplitByMedians(sample, scale, (sample.rows + count - 1) / count, threads,
                 {Middle, [](PointRange) { return false; }, done},
                 absl::MakeSpan(order));
}

int CellTree::CellOf(const double* point, int32_t row) const {
  int64_t node = 1;
  while (node < count_) {
    const Split& split = splits_[node];
    const double x = point[split.dimension];
    const bool first = x < split.value || (x == split.value && row < split.row);
    node = 2 * node + static_cast<int64_t>(!first);
  }
  return static_cast<int>(node - count_);
}

void CellTree::Narrow(int cell, absl::Span<double> low,
                      absl::Span<double> high) const {
  const int64_t leaf = count_ + cell;
  for (int depth = std::bit_width(static_cast<uint64_t>(count_)) - 1; depth > 0;
       --depth) {
    const Split& split = splits_[leaf >> depth];
    const bool second = (leaf >> (depth - 1)) % 2 == 1;
    (second ? low : high)[split.dimension] = split.value;
  }
}

SharedCells::SharedCells(std::vector<int64_t> counts,
                         std::vector<int32_t> first_rows,
                         std::vector<int> first_cell)
    : points_(std::move(counts), std::move(first_rows)),
      first_cell_(std::move(first_cell)) {}

int SharedCells::owner(int cell) const {
  return static_cast<int>(
      std::upper_bound(first_cell_.begin() + 1, first_cell_.end(), cell) -
      (first_cell_.begin() + 1));
}

absl::StatusOr<SharedCells> SharedCells::Create(MatrixView<const double> slice,
                                                int64_t n,
                                                const InducingFactor& factor,
                                                int64_t count, int64_t groups,
                                                int64_t early_rows, int threads,
                                                RankExchange& exchange) {
  std::vector<int64_t> inducing = factor.inducing().rows;
  std::sort(inducing.begin(), inducing.end());
  const int64_t others = n - std::ssize(inducing);
  if (others == 0 || count == 0) {
    return SharedCells({}, {}, std::vector<int>(exchange.size() + 1));
  }
  RCT_ASSIGN_OR_RETURN(const Sample sample,
                       GatherSample(slice, n, inducing, count, exchange));
  const int64_t first_row = SliceOf(n, exchange.rank(), exchange.size()).first;
  std::optional<CellTree> tree;
  std::vector<int32_t> cell_of;
  RCT_RETURN_IF_ERROR(exchange.Step([&] {
    tree.emplace(sample.points.view(), sample.rows,
                 factor.kernel().inverse_lengthscale(), count, threads);
    cell_of = CellsOf(slice, first_row, inducing, *tree, threads);
    return absl::OkStatus();
  }));
  CellSizes sizes = GatherSizes(cell_of, first_row, count, exchange);
  std::vector<int> first_cell = ShareOutCells(
      sizes.counts, groups, EarlyWork(early_rows, exchange.size()));
  SharedCells cells(std::move(sizes.counts), std::move(sizes.first_rows),
                    std::move(first_cell));
  RCT_RETURN_IF_ERROR(cells.Travel(slice, first_row, cell_of, *tree, exchange));
  RCT_RETURN_IF_ERROR(
      exchange.Step([&] { return cells.SortOwn(exchange.rank(), threads); }));
  return cells;
}

absl::Status SharedCells::Travel(MatrixView<const double> slice,
                                 int64_t first_row,
                                 absl::Span<const int32_t> cell_of,
                                 const CellTree& tree, RankExchange& exchange) {
  const int first = first_cell(exchange.rank());
  std::vector<int64_t> place = {0};  // of the next point of each own cell
  for (int c = first; c < last_cell(exchange.rank()); ++c) {
    place.push_back(place.back() + points_.count(c));
  }
  std::vector<std::vector<int32_t>> to_send(exchange.size());
  RCT_RETURN_IF_ERROR(exchange.Step([&] {
    own_ = {std::vector<int32_t>(place.back()),
            Matrix<double>(place.back(), slice.cols)};
    for (int64_t i = slice.rows; i-- > 0;) {
      if (cell_of[i] < 0) continue;
      to_send[owner(cell_of[i])].push_back(static_cast<int32_t>(i));
    }
    return absl::OkStatus();
  }));
  return exchange.Exchange(
      [&](int to, int64_t bytes) {
        std::string piece;
        std::vector<int32_t>& left = to_send[to];
        while (!left.empty() && (piece.empty() || std::ssize(piece) < bytes)) {
          const int32_t i = left.back();
          left.pop_back();
          PackPoint(static_cast<int32_t>(first_row + i),
                    {slice.row(i), static_cast<size_t>(slice.cols)}, piece);
        }
        return piece;
      },
      [&](int, std::string_view piece) {
        std::vector<double> point(slice.cols);
        for (Unpacker unpacker(piece); !unpacker.done();) {
          const auto row = unpacker.Value<int32_t>();
          unpacker.Read(slice.cols, point.data());
          const int64_t at = place[tree.CellOf(point.data(), row) - first]++;
          own_.rows[at] = row;
          std::copy(point.begin(), point.end(), own_.points.row(at));
        }
      });
}

absl::Status SharedCells::SortOwn(int rank, int threads) {
  const int first = first_cell(rank);
  const int own = last_cell(rank) - first;
  std::vector<int64_t> begin = {0};
  for (int c = first; c < first + own; ++c) {
    begin.push_back(begin.back() + points_.count(c));
  }
  const int64_t dim = own_.points.cols();
  ParallelFor(threads, own, [&](int64_t c, int) {
    const int64_t count = begin[c + 1] - begin[c];
    int32_t* rows = own_.rows.data() + begin[c];
    std::vector<int32_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](int32_t a, int32_t b) { return rows[a] < rows[b]; });
    const MatrixView<const double> points(own_.points.row(begin[c]), count,
                                          dim);
    const Matrix<double> sorted = GatherPoints(points, order);
    std::copy_n(sorted.data(), count * dim, own_.points.row(begin[c]));
    std::sort(rows, rows + count);
  });
  for (int c = 0; c < own; ++c) {
    const int64_t count = begin[c + 1] - begin[c];
    points_.Put(first + c,
                absl::MakeConstSpan(own_.rows.data() + begin[c], count),
                {own_.points.row(begin[c]), count, dim});
  }
  return absl::OkStatus();
}

absl::Status SharedCells::Fetch(absl::Span<const int32_t> cells,
                                RankExchange& exchange) {
  CellsOfRanks requests(exchange.size());
  for (const int32_t c : cells) {
    if (owner(c) != exchange.rank()) requests[owner(c)].push_back(c);
  }
  RCT_ASSIGN_OR_RETURN(CellsOfRanks wanted,
                       ExchangeRequests(std::move(requests), exchange));
  return exchange.Exchange(
      [&](int to, int64_t bytes) {
        std::string piece;
        std::vector<int32_t>& left = wanted[to];
        while (!left.empty() && (piece.empty() || std::ssize(piece) < bytes)) {
          const CellView& cell = points_[left.back()];
          Pack(left.back(), piece);
          Pack(cell.rows, piece);
          Pack(absl::MakeConstSpan(cell.point(0), cell.size() * cell.from.cols),
               piece);
          left.pop_back();
        }
        return piece;
      },
      [&](int, std::string_view piece) {
        const int64_t dim = own_.points.cols();
        for (Unpacker unpacker(piece); !unpacker.done();) {
          const auto cell = unpacker.Value<int32_t>();
          const int64_t count = points_.count(cell);
          Run& run = fetched_.emplace_back(
              Run{std::vector<int32_t>(count), Matrix<double>(count, dim)});
          unpacker.Read(count, run.rows.data());
          unpacker.Read(count * dim, run.points.data());
          points_.Put(cell, run.rows, std::as_const(run.points).view());
          fetched_cells_.push_back(cell);
        }
      });
}

void SharedCells::Drop() {
  for (const int32_t cell : fetched_cells_) points_.Drop(cell);
  fetched_cells_.clear();
  fetched_.clear();
}

}  // namespace rct
