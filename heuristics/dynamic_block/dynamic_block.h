// Dynamic block: the width of a block follows the work that waits.
//
// Fills TileSlot: asked before a block is gathered, it is told how many pairs
// of a query and a segment wait on the frontier, and answers from a ladder of
// widths,
//
//     16 up to 32 pairs, 32 up to 128, 64 up to 512, 128 above.
//
// Invariant. Only the grouping of the evaluations changes. A wider block may
// evaluate candidates that an earlier one would have shown to be too far; they
// enter no neighbours then either, and the answer keeps its bits.
// Cost. Comparisons up to the rung, for a block; `dynamic_blocks` counts the
// blocks of each.
// Helps where few pairs wait: thresholds fall between small blocks, and what
// follows can be dismissed.
// Hurts where rows are long: the narrower a tile, the more often rows of
// queries are read for it.
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
  // InvalidArgument, naming the field and element, where widths or limits are
  // out of range, do not ascend, or do not fit each other in number.
  static absl::StatusOr<DynamicBlock> Create(const DynamicBlockConfig& config);

  // The width of the next block, 1 to kMaxTile.
  int Candidates(int64_t active) {
    Rung* rung = rungs_.data();
    while (active > rung->active_up_to) ++rung;
    ++rung->blocks;
    return rung->width;
  }

  // Adds the blocks of each rung to `dynamic_blocks`, element by element.
  void Report(SearchCounters& counters) const;

 private:
  struct Rung {
    int64_t active_up_to;  // the last one's is the largest number
    int32_t width;
    int64_t blocks;
  };

  explicit DynamicBlock(std::vector<Rung> rungs) : rungs_(std::move(rungs)) {}

  std::vector<Rung> rungs_;
};

}  // namespace rct

#endif  // RCT_HEURISTICS_DYNAMIC_BLOCK_DYNAMIC_BLOCK_H_
