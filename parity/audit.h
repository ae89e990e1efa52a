// Audits: which queries of an answer are checked by an exhaustive search.

#ifndef RCT_PARITY_AUDIT_H_
#define RCT_PARITY_AUDIT_H_

#include <cstdint>
#include <vector>

namespace rct {

// Returns the numbers, ascending, of the queries that an audit of `count` among
// `num_queries` checks: all of them where `count` is as large, and else a
// random choice, the same in every call. Both are at least 0.
std::vector<int64_t> DrawAudit(int64_t num_queries, int64_t count);

}  // namespace rct

#endif  // RCT_PARITY_AUDIT_H_
