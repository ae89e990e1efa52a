#include "traversal/neighbor_table.h"

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
