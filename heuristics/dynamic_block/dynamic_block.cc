#include "heuristics/dynamic_block/dynamic_block.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "traversal/tree/slots.h"

namespace rct {
namespace {

absl::Status Validate(const DynamicBlockConfig& config) {
  for (int i = 0; i < config.block_size(); ++i) {
    const int32_t block = config.block(i);
    if (block < 1 || block > kMaxTile) {
      return absl::InvalidArgumentError(
          absl::StrCat("dynamic_block.block[", i, "]: is ", block,
                       "; must be from 1 to ", kMaxTile));
    }
    if (i > 0 && block <= config.block(i - 1)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "dynamic_block.block[", i, "]: is ", block,
          "; must be above the one before it, ", config.block(i - 1)));
    }
  }
  if (config.active_up_to_size() != config.block_size() - 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dynamic_block.active_up_to: has ", config.active_up_to_size(),
        " values for ", config.block_size(), " blocks; must have one fewer"));
  }
  for (int i = 0; i < config.active_up_to_size(); ++i) {
    const int64_t limit = config.active_up_to(i);
    if (limit < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("dynamic_block.active_up_to[", i, "]: is ", limit,
                       "; must be at least 1"));
    }
    if (i > 0 && limit <= config.active_up_to(i - 1)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "dynamic_block.active_up_to[", i, "]: is ", limit,
          "; must be above the one before it, ", config.active_up_to(i - 1)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DynamicBlock> DynamicBlock::Create(
    const DynamicBlockConfig& config) {
  DynamicBlockConfig ladder = config;
  if (ladder.block().empty() && ladder.active_up_to().empty()) {
    for (const int32_t block : {16, 32, 64, 128}) ladder.add_block(block);
    for (const int64_t limit : {32, 128, 512}) ladder.add_active_up_to(limit);
  }
  RCT_RETURN_IF_ERROR(Validate(ladder));
  std::vector<Rung> rungs;
  for (const int32_t block : ladder.block()) {
    rungs.push_back({std::numeric_limits<int64_t>::max(), block, 0});
  }
  for (int i = 0; i < ladder.active_up_to_size(); ++i) {
    rungs[i].active_up_to = ladder.active_up_to(i);
  }
  return DynamicBlock(std::move(rungs));
}

void DynamicBlock::Report(SearchCounters& counters) const {
  auto& blocks = *counters.mutable_dynamic_blocks();
  const int size = static_cast<int>(rungs_.size());
  if (blocks.size() < size) blocks.Resize(size, 0);
  for (int i = 0; i < size; ++i) blocks[i] += rungs_[i].blocks;
}

}  // namespace rct
