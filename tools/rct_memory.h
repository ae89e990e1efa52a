// --memory_limit: what a command takes beside its index, and what that leaves
// to the index.
//
// The limit holds what is known: coordinates as they were read, the index
// (index/index_memory.h), the answer, and the files that are made of it before
// they are written. What does not grow with the points comes on top: about 10
// MiB for the program itself, and about 6 MiB for the space that each thread
// works in. Lists of all neighbors within a radius have no size that is known
// before. A mapped index file belongs to the system, which drops its pages
// where memory is short.

#ifndef RCT_TOOLS_RCT_MEMORY_H_
#define RCT_TOOLS_RCT_MEMORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "index/index_memory.h"
#include "tools/rct_search.h"
#include "tools/rct_task.h"

namespace rct {

// Returns what the points of a task, as they were read, and its answers take.
// `input` is null where an index file holds the points.
std::vector<MemoryNeed> NeedsOfTask(const SearchTask& task, const Input* input,
                                    const TaskQueries& queries);

// Returns what the index in the task's file takes, once for each copy of it: 0
// where it is mapped.
MemoryNeed NeedOfFile(const SearchTask& task, double copies);

// Sets the memory limit of the task's index to what `needs` leave of
// --memory_limit, if it is given. Returns ResourceExhausted, with all figures,
// where they leave nothing.
absl::Status LimitIndex(absl::Span<const MemoryNeed> needs, SearchTask& task);

// Returns a status of an index with that limit in the terms of the flag.
absl::Status InTermsOfLimit(const absl::Status& status,
                            absl::Span<const MemoryNeed> needs,
                            const SearchTask& task);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_MEMORY_H_
