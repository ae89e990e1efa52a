#include "traversal/neighbor_table.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "base/parallel.h"
#include "base/sha256.h"

namespace rct {
namespace {

// Numbers that one thread fills at a time.
constexpr int64_t kPiece = int64_t{1} << 16;

}  // namespace

NeighborTable NeighborTable::Unfilled(int64_t num_queries, int64_t k) {
  NeighborTable table;
  table.rows_ = Matrix<int64_t>(num_queries, k);
  table.distances_ = Matrix<double>(num_queries, k);
  return table;
}

void NeighborTable::Clear(int threads) {
  const int64_t size = num_queries() * k();
  ParallelFor(threads, (size + kPiece - 1) / kPiece, [&](int64_t piece, int) {
    const int64_t first = piece * kPiece;
    const int64_t count = std::min(kPiece, size - first);
    std::fill_n(rows_.data() + first, count, kNoNeighbor);
    std::fill_n(distances_.data() + first, count,
                std::numeric_limits<double>::infinity());
  });
}

NeighborTable NeighborTable::Clone() const {
  NeighborTable copy;
  copy.rows_ = rows_.Clone();
  copy.distances_ = distances_.Clone();
  return copy;
}

NeighborTable NeighborTable::First(int64_t k) const {
  NeighborTable first;
  first.rows_ = Matrix<int64_t>(num_queries(), k);
  first.distances_ = Matrix<double>(num_queries(), k);
  for (int64_t i = 0; i < num_queries(); ++i) {
    std::copy_n(rows_.row(i), k, first.rows_.row(i));
    std::copy_n(distances_.row(i), k, first.distances_.row(i));
  }
  return first;
}

NeighborTable NeighborTable::Select(absl::Span<const int64_t> queries) const {
  NeighborTable selected(static_cast<int64_t>(queries.size()), k());
  for (size_t i = 0; i < queries.size(); ++i) {
    const auto to = static_cast<int64_t>(i);
    std::copy_n(rows_.row(queries[i]), k(), selected.rows_.row(to));
    std::copy_n(distances_.row(queries[i]), k(), selected.distances_.row(to));
  }
  return selected;
}

std::string NeighborTable::Digest() const {
  Sha256 hash;
  const int64_t shape[] = {num_queries(), k()};
  hash.UpdateSpan(absl::MakeConstSpan(shape));
  const int64_t size = num_queries() * k();
  hash.UpdateSpan(absl::MakeConstSpan(rows_.data(), size));
  hash.UpdateSpan(absl::MakeConstSpan(distances_.data(), size));
  return hash.HexDigest();
}

}  // namespace rct
