// The flags of `rct build`, `rct neighbors` and `rct graph`.

#ifndef RCT_TOOLS_RCT_SEARCH_FLAGS_H_
#define RCT_TOOLS_RCT_SEARCH_FLAGS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tools/rct_search.h"

namespace rct {

enum class SearchCommand {
  kNeighbors,  // searches for the queries that flags name
  kGraph,      // searches for every row, itself excluded
  kBuild,      // writes an index to a file
};

// Returns the task that the arguments describe. Returns InvalidArgument, naming
// the flag, for errors that do not depend on the contents of files: flags that
// do not exist, are missing or contradict each other (the message names both),
// and values out of range.
absl::StatusOr<SearchTask> ParseSearchTask(
    SearchCommand command, absl::Span<const std::string> arguments);

// Returns the text of --help: every flag, and examples that can be pasted.
std::string SearchHelp(SearchCommand command);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_SEARCH_FLAGS_H_
