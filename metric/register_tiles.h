// Register tiles: loops over rows of which a routine computes several at once.
//
// What a tile computes are chains of fused multiply-adds, and one chain waits
// four cycles for each of its terms: a tile of one row takes as long as one of
// eight. The rows that are left over after the whole tiles are therefore one
// tile, too, of whatever number they are.

#ifndef RCT_METRIC_REGISTER_TILES_H_
#define RCT_METRIC_REGISTER_TILES_H_

#include <cstdint>
#include <type_traits>

namespace rct::simd {

template <int kRows>
using TileRows = std::integral_constant<int, kRows>;

// Calls use(first, TileRows<count>()) if 0 < count <= kMost.
template <int kMost, class Use>
inline void UseTile(int64_t first, int64_t count, const Use& use) {
  if constexpr (kMost > 0) {
    if (count == kMost) {
      use(first, TileRows<kMost>());
    } else {
      UseTile<kMost - 1>(first, count, use);
    }
  }
}

// Divides rows [0, count) into tiles of kMost and one of what is left, and
// calls use(first, TileRows<rows>()) for each in turn.
template <int kMost, class Use>
inline void EachTile(int64_t count, const Use& use) {
  int64_t first = 0;
  for (; first + kMost <= count; first += kMost) use(first, TileRows<kMost>());
  UseTile<kMost - 1>(first, count - first, use);
}

}  // namespace rct::simd

#endif  // RCT_METRIC_REGISTER_TILES_H_
