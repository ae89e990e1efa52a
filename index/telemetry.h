// Telemetry: what a search or a build did, as lines of JSON.
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

// All fields but `workload`, `case` and `approximate`, which the caller knows.
// Without SearchOptions.telemetry the lists and times are empty. `threads` is
// what the search ran on.
QueryTelemetry DescribeSearch(const SearchResult& result, int threads);

// All fields but `workload` and `case`.
BuildTelemetry DescribePhase(const BuildPhase& phase, int threads);

// The message as one line of JSON, with its end: names as in the schema, every
// field whether it is set or not, numbers as numbers.
std::string TelemetryLine(const google::protobuf::Message& message);

}  // namespace rct

#endif  // RCT_INDEX_TELEMETRY_H_
