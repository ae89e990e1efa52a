// Shards: one search in N parts, each by a process of its own.
//
// Part I of N, from 1 to N, answers queries I - 1, I - 1 + N, I - 1 + 2 N and
// so on. Nobody has to agree on more than N: which queries a part holds follows
// from its number, and every query is in exactly one part.
//
// Why every N-th query. A query costs more the more rows may be its neighbors,
// which under the predecessor constraint are those before it, and the more
// points are near it. Parts that take turns have the same mixture of early and
// late rows, and of dense and empty regions, whatever the cost of a query is:
// no model of costs has to be right. Equal runs of rows would differ, by a
// factor of 2 N - 1 in exhaustive search under the predecessor constraint. Runs
// of neighboring points, which share some work, gain less than that: a sixth of
// the search with 262,144 points in 8 parts (RBF, m = 128, k = 30).

#ifndef RCT_TOOLS_RCT_SHARD_H_
#define RCT_TOOLS_RCT_SHARD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rct {

struct Shard {
  int64_t part = 1;   // 1 to parts
  int64_t parts = 1;  // 1 to kMaxRows

  // Returns how many of `queries` the part holds, and the number of its query
  // `i` among all.
  int64_t Count(int64_t queries) const {
    return queries < part ? 0 : (queries - part) / parts + 1;
  }
  int64_t Query(int64_t i) const { return part - 1 + i * parts; }

  friend bool operator==(const Shard&, const Shard&) = default;
};

// Returns the shard that "I/N" names, or InvalidArgument.
absl::StatusOr<Shard> ParseShard(std::string_view text);

// Returns "I/N".
std::string ShardName(const Shard& shard);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_SHARD_H_
