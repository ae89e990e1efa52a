// Answers of searches, and the files they become. `rct graph` and `rct
// neighbors` write through these functions, and so does `rct join`: a joined
// answer has the bytes of one that was never split.

#ifndef RCT_TOOLS_RCT_ANSWER_H_
#define RCT_TOOLS_RCT_ANSWER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tools/rct_identifiers.h"
#include "tools/rct_output.h"
#include "tools/rct_watch.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_table.h"

namespace rct {

// The neighbors of all queries: lists with all_within, and else a table.
struct Answers {
  bool all_within = false;
  NeighborTable table;
  RangeTable lists;
};

// The files of an answer; those with path "" are not wanted. A table has no
// offsets.
struct AnswerFiles {
  OutputFile offsets;
  OutputFile indices;
  OutputFile distances;
};

// The path and the contents of a file.
using Output = std::pair<std::string, std::string>;

// Returns the files of an answer. Text has identifiers where `ids` has a name.
std::vector<Output> SerializeAnswers(const AnswerFiles& files,
                                     const Answers& answers,
                                     const Identifiers& ids);

// Returns what there is in an answer: "300 x 4".
std::string Shape(const Answers& answers);

// Returns a sentence about queries with fewer neighbors than a table has
// columns, or "".
std::string ShortRows(const Answers& answers);

// Writes files together: after an error each is as it was.
absl::Status WriteOutputs(absl::Span<const Output> outputs,
                          const Interrupted& interrupted);

// Returns "wrote A and B" for the paths of `outputs`.
std::string Wrote(absl::Span<const Output> outputs);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_ANSWER_H_
