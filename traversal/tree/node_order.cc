#include "traversal/tree/node_order.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/matrix.h"
#include "traversal/row_order.h"
#include "traversal/tree/cover_tree.h"

namespace rct {
namespace {

// The coordinates share the bits of a position along the curve.
constexpr int64_t kIndexBits = 63;
constexpr int64_t kMaxCoordinateBits = 16;

// Returns the position along the Hilbert curve of a cell given by `bits` bits
// for each of its coordinates, and overwrites these. The cell is unfolded from
// the finest rotation to the coarsest and Gray-decoded, and its bits are
// interleaved.
uint64_t HilbertIndex(std::vector<uint32_t>& cell, int bits) {
  const size_t d = cell.size();
  for (uint32_t q = 1u << (bits - 1); q > 1; q >>= 1) {
    const uint32_t below = q - 1;
    for (size_t t = 0; t < d; ++t) {
      if (cell[t] & q) {
        cell[0] ^= below;  // invert
      } else {
        const uint32_t swapped = (cell[0] ^ cell[t]) & below;  // exchange
        cell[0] ^= swapped;
        cell[t] ^= swapped;
      }
    }
  }
  for (size_t t = 1; t < d; ++t) cell[t] ^= cell[t - 1];
  uint32_t flip = 0;
  for (uint32_t q = 1u << (bits - 1); q > 1; q >>= 1) {
    if (cell[d - 1] & q) flip ^= q - 1;
  }
  for (uint32_t& coordinate : cell) coordinate ^= flip;
  uint64_t index = 0;
  for (int bit = bits - 1; bit >= 0; --bit) {
    for (const uint32_t coordinate : cell) {
      index = index << 1 | (coordinate >> bit & 1);
    }
  }
  return index;
}

std::vector<int32_t> Iota(int64_t n) {
  std::vector<int32_t> ids(n);
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

}  // namespace

RowOrder HilbertOrder(MatrixView<const double> points) {
  const int64_t dim = std::min(points.cols, kIndexBits);
  const int bits =
      static_cast<int>(std::min(kMaxCoordinateBits, kIndexBits / dim));
  const double cells = static_cast<double>(1u << bits);
  std::vector<double> low(dim), width(dim);
  for (int64_t t = 0; t < dim && points.rows > 0; ++t) {
    double high = points(0, t);
    low[t] = high;
    for (int64_t i = 1; i < points.rows; ++i) {
      low[t] = std::min(low[t], points(i, t));
      high = std::max(high, points(i, t));
    }
    // Halves are taken, since the width of a finite range may overflow.
    width[t] = high / 2 - low[t] / 2;
  }
  std::vector<uint64_t> index(points.rows);
  std::vector<uint32_t> cell(dim);
  for (int64_t i = 0; i < points.rows; ++i) {
    for (int64_t t = 0; t < dim; ++t) {
      const double offset = points(i, t) / 2 - low[t] / 2;
      const double place = width[t] > 0 ? offset / width[t] * cells : 0;
      cell[t] = static_cast<uint32_t>(std::min(place, cells - 1));
    }
    index[i] = HilbertIndex(cell, bits);
  }
  std::vector<int32_t> rows = Iota(points.rows);
  std::stable_sort(rows.begin(), rows.end(),
                   [&](int32_t a, int32_t b) { return index[a] < index[b]; });
  return RowOrder(std::move(rows));
}

RowOrder BreadthFirstOrder(const NetHierarchy& nets) {
  std::vector<int32_t> rows = Iota(nets.size());
  std::sort(rows.begin(), rows.end(), [&](int32_t a, int32_t b) {
    return std::pair(nets.level[a], a) < std::pair(nets.level[b], b);
  });
  // Parents come before their children, level by level, so that a parent's rank
  // is known when its children are sorted by it.
  std::vector<int32_t> rank(nets.size(), 0);
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin;
    while (end < rows.size() &&
           nets.level[rows[end]] == nets.level[rows[begin]]) {
      ++end;
    }
    std::sort(rows.begin() + begin, rows.begin() + end,
              [&](int32_t a, int32_t b) {
                const auto above = [&](int32_t row) {
                  return nets.parent[row] < 0 ? -1 : rank[nets.parent[row]];
                };
                return std::pair(above(a), a) < std::pair(above(b), b);
              });
    for (size_t i = begin; i < end; ++i) {
      rank[rows[i]] = static_cast<int32_t>(i);
    }
    begin = end;
  }
  return RowOrder(std::move(rows));
}

RowOrder MakeNodeOrder(CoverTreeConfig::NodeOrder order,
                       const NetHierarchy& nets,
                       MatrixView<const double> points) {
  switch (order) {
    case CoverTreeConfig::NATURAL:
      return RowOrder::Natural(nets.size());
    case CoverTreeConfig::HILBERT:
      return HilbertOrder(points);
    case CoverTreeConfig::BREADTH_FIRST:
      return BreadthFirstOrder(nets);
    case CoverTreeConfig::NODE_ORDER_UNSPECIFIED:
      break;
  }
  RCT_CHECK(false);
  std::abort();
}

}  // namespace rct
