// Dynamic block: the width of a tile follows the work that waits.
//
// In the names of this heuristic, of its config and of its counter, which are
// part of file formats, "block" stands for a tile: the candidates that are
// evaluated together. Everywhere else a block is one of the BLOCK strategy.
//
// Fills TileSlot: it is asked before a tile is gathered, is told how many pairs
// of a query and a segment wait on the frontier, and answers from a ladder of
// widths,
//
//     16 up to 32 pairs, 32 up to 128, 64 up to 512, 128 above.
//
// Invariant. Only the grouping of the evaluations changes. A wider tile may
// evaluate candidates that an earlier one would have shown to be too far; they
// enter no neighbors then either, and the answer keeps its bits.
// Cost. Comparisons up to the rung, for each tile; `dynamic_blocks` counts the
// tiles of each rung.
// Helps if few pairs wait: thresholds fall between small tiles, and more of the
// later candidates can be dismissed.
// Hurts if rows are long: the narrower a tile, the more often rows of queries
// are read for it.
// The idea and the numbers are those of covertreex.

#ifndef RCT_HEURISTICS_DYNAMIC_BLOCK_DYNAMIC_BLOCK_H_
#define RCT_HEURISTICS_DYNAMIC_BLOCK_DYNAMIC_BLOCK_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "heuristics/dynamic_block/dynamic_block.pb.h"
#include "traversal/traversal.pb.h"

namespace rct {

class DynamicBlock {
 public:
  // Returns InvalidArgument, naming the field and element, if widths or limits
  // are out of range, do not ascend, or do not fit each other in number.
  static absl::StatusOr<DynamicBlock> Create(const DynamicBlockConfig& config);

  // Returns the width of the next tile, from 1 to `kMaxTile`.
  int Candidates(int64_t active) {
    Rung* rung = rungs_.data();
    while (active > rung->active_up_to) ++rung;
    ++rung->tiles;
    return rung->width;
  }

  // Sets `dynamic_blocks` to the tiles of each rung.
  void Report(SearchCounters& counters) const;

 private:
  struct Rung {
    int64_t active_up_to;  // the largest number, for the last rung
    int32_t width;
    int64_t tiles;  // of this width, so far
  };

  explicit DynamicBlock(std::vector<Rung> rungs) : rungs_(std::move(rungs)) {}

  std::vector<Rung> rungs_;
};

}  // namespace rct

#endif  // RCT_HEURISTICS_DYNAMIC_BLOCK_DYNAMIC_BLOCK_H_
