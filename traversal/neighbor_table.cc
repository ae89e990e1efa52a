#include "traversal/neighbor_table.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/sha256.h"

namespace rct {

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
