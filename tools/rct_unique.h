// `rct unique`: the distinct places of points, in a file.

#ifndef RCT_TOOLS_RCT_UNIQUE_H_
#define RCT_TOOLS_RCT_UNIQUE_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "tools/rct_coordinates.h"
#include "tools/rct_output.h"

namespace rct {

// A task, as flags describe it.
struct UniqueTask {
  CsvHeader header = CsvHeader::kDetect;
  CoordinateFlags coordinates;
  std::string points;
  // The points of the distinct places (index/places.h), in the order of their
  // first appearance, with the names and the identifiers of the first.
  OutputFile out_points;
  OutputFile out_inverse;  // for each point the number of its place
  OutputFile out_counts;   // for each place the number of its points
};

// Returns the task that `arguments` describe, or InvalidArgument with a message
// for the user.
absl::StatusOr<UniqueTask> ParseUniqueTask(
    absl::Span<const std::string> arguments);

std::string UniqueHelp();

// Finds the places, writes the files and returns a line without its end. Errors
// name the flag; nothing is written then. Cancelled soon after `interrupted`
// returns true.
absl::StatusOr<std::string> RunUnique(
    const UniqueTask& task,
    const std::function<bool()>& interrupted = [] { return false; });

}  // namespace rct

#endif  // RCT_TOOLS_RCT_UNIQUE_H_
