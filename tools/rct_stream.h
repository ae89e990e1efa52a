// `rct graph --work=FOLDER`: the graph of points whose factors do not fit into
// memory (index/streaming/streamed_graph.h).
//
// In the folder are the parts of the search and, at the end, the answer, which
// is never in memory as a whole. The files of the task are written together
// once all is there, and the parts are removed after that. Whatever stops the
// command before leaves the parts that were done, and --resume does the others.

#ifndef RCT_TOOLS_RCT_STREAM_H_
#define RCT_TOOLS_RCT_STREAM_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/matrix_file.h"
#include "tools/rct_search.h"
#include "tools/rct_watch.h"

namespace rct {

// Does the work of RunSearch for a task with a work folder.
absl::StatusOr<std::string> StreamFromPoints(const SearchTask& task,
                                             const ReadOptions& options,
                                             const Interrupted& interrupted);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_STREAM_H_
