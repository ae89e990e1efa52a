#include "tools/rct_shard.h"

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"
#include "base/quote.h"

namespace rct {

absl::StatusOr<Shard> ParseShard(std::string_view text) {
  const std::pair<std::string_view, std::string_view> numbers =
      absl::StrSplit(text, absl::MaxSplits('/', 1));
  Shard shard;
  if (!absl::SimpleAtoi(numbers.first, &shard.part) ||
      !absl::SimpleAtoi(numbers.second, &shard.parts)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quote(text),
                     " is no I/N: the number of a part and that of all parts, "
                     "as 3/8"));
  }
  if (shard.parts < 1 || shard.parts > kMaxRows) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quote(text), " has ", shard.parts,
                     " parts; there can be 1 to ", kMaxRows));
  }
  if (shard.part < 1 || shard.part > shard.parts) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quote(text), " is no part; parts count from 1: 1/",
                     shard.parts, " to ", shard.parts, "/", shard.parts));
  }
  return shard;
}

std::string ShardName(const Shard& shard) {
  return absl::StrCat(shard.part, "/", shard.parts);
}

}  // namespace rct
