// The indexes that a search task describes, made of its points.

#ifndef RCT_TOOLS_RCT_BUILD_H_
#define RCT_TOOLS_RCT_BUILD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "index/euclidean_index.h"
#include "index/residual_index.h"
#include "tools/rct_answer.h"
#include "tools/rct_search.h"
#include "tools/rct_task.h"
#include "tools/rct_watch.h"

namespace rct {

// Adds advice (index/advice.h) to the lines of a report.
void AddWarnings(const std::vector<std::string>& advice,
                 std::vector<std::string>& report);

// Builds an index of the rows in the order of the queries, and adds warnings
// about its model and its memory to `report`.
absl::StatusOr<ResidualIndex> BuildIndex(const SearchTask& task,
                                         const Input& input,
                                         const TaskQueries& queries,
                                         std::vector<std::string>& report,
                                         const Interrupted& interrupted);

// Builds an index of the points, which are in the order of the queries.
absl::StatusOr<EuclideanIndex> BuildEuclidean(const SearchTask& task,
                                              const Input& input,
                                              const Interrupted& interrupted);

// Returns the file of the inducing points, if the task asks for it.
absl::StatusOr<std::vector<Output>> InducingOutput(const SearchTask& task,
                                                   const ResidualIndex& index);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_BUILD_H_
