// The flags of `rct build`, `rct neighbors` and `rct graph`.

#ifndef RCT_TOOLS_RCT_SEARCH_FLAGS_H_
#define RCT_TOOLS_RCT_SEARCH_FLAGS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tools/rct_search.h"

namespace rct {

enum class SearchCommand {
  kNeighbors,  // of the queries that flags name
  kGraph,      // of every row, itself excluded
  kBuild,      // of nothing yet: the index goes into a file
};

// The task that the arguments describe. InvalidArgument, naming the flag, for
// what is wrong whatever the files hold: flags that do not exist, are missing
// or contradict each other (both are named then), values out of range.
absl::StatusOr<SearchTask> ParseSearchTask(
    SearchCommand command, absl::Span<const std::string> arguments);

// What --help shows: every flag, and examples that can be pasted.
std::string SearchHelp(SearchCommand command);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_SEARCH_FLAGS_H_
