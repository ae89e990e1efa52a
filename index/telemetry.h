// Telemetry: a search or a build described by a line of JSON.
//
//     absl::StatusOr<rct::SearchResult> result =
//         index.Search(rows, {.k = 50, .telemetry = true, .threads = 2});
//     rct::QueryTelemetry telemetry = rct::DescribeSearch(*result, 2);
//     telemetry.set_workload("mine");
//     file << rct::TelemetryLine(telemetry);
//
// docs/telemetry.md explains every field.

#ifndef RCT_INDEX_TELEMETRY_H_
#define RCT_INDEX_TELEMETRY_H_

#include <string>

#include "google/protobuf/message.h"
#include "index/telemetry.pb.h"
#include "traversal/build_phase.h"
#include "traversal/searcher.h"

namespace rct {

// Returns all fields but `workload`, `case` and `approximate`, which the caller
// knows. Without SearchOptions.telemetry the lists and times are empty.
// `threads` is the number that the search ran on.
QueryTelemetry DescribeSearch(const SearchResult& result, int threads);

// Returns all fields but `workload` and `case`.
BuildTelemetry DescribePhase(const BuildPhase& phase, int threads);

// Returns the message as one line of JSON that ends with a newline: names are
// those of the schema, every field is there whether it is set or not, and
// numbers are numbers.
std::string TelemetryLine(const google::protobuf::Message& message);

}  // namespace rct

#endif  // RCT_INDEX_TELEMETRY_H_
