#include "index/telemetry.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "google/protobuf/util/json_util.h"
#include "traversal/search_trace.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// Returns milliseconds rounded to a microsecond: further digits would be noise.
double Milliseconds(double seconds) { return std::round(seconds * 1e6) / 1e3; }

double Count(int64_t count) { return static_cast<double>(count); }

void AddTrace(const SearchTrace& trace, QueryTelemetry& line) {
  for (const SearchTrace::Level& level : trace.levels) {
    line.add_frontier_levels(Count(level.frontier));
    line.add_frontier_expanded(Count(level.expanded));
    line.add_frontier_pruned(Count(level.pruned));
    line.add_level_evaluations(Count(level.evaluations));
    line.add_yields(level.evaluations == 0
                        ? 0
                        : Count(level.survivors) / Count(level.evaluations));
  }
  for (const auto& [width, tiles] : trace.tiles) {
    line.add_block_sizes(width);
    line.add_block_counts(Count(tiles));
  }
  line.set_evaluation_ms(Milliseconds(trace.evaluation_seconds));
  line.set_selection_ms(Milliseconds(trace.selection_seconds));
  line.set_descent_ms(Milliseconds(trace.descent_seconds));
}

void AddCounters(const SearchCounters& counters, QueryTelemetry& line) {
  line.set_caps_applied(0);
  line.set_prunes_lower_bound(Count(counters.prunes_lower_bound()));
  line.set_prunes_lower_bound_chunks(
      Count(counters.level_cache_segment_prunes()));
  line.set_prunes_cap(0);
  line.set_masked_dedup(Count(counters.duplicates_dropped()));
  line.set_distance_evals(Count(counters.distance_evaluations()));
  line.set_budget_escalations(Count(counters.budget_escalations()));
  line.set_budget_early_terminate(Count(counters.budget_early_stops()));
  line.set_level_cache_hits(Count(counters.level_cache_hits()));
  line.set_level_cache_misses(Count(counters.level_cache_misses()));
  line.set_predecessor_filtered(Count(counters.predecessor_filtered()));
  line.set_subtrees_pruned(Count(counters.subtrees_pruned()));
  line.set_segments_expanded(Count(counters.segments_expanded()));
  line.set_heap_pushes(Count(counters.heap_pushes()));
  line.set_level_cache_child_prunes(Count(counters.level_cache_child_prunes()));
  line.set_radius_floors_applied(Count(counters.radius_floors_applied()));
  line.set_frontiers_sorted(Count(counters.frontiers_sorted()));
  for (const int64_t blocks : counters.dynamic_blocks()) {
    line.add_dynamic_blocks(Count(blocks));
  }
  line.set_sub_block_prunes(Count(counters.sub_block_prunes()));
  line.set_points_screened(Count(counters.points_screened()));
  line.set_exhaustive_queries(Count(counters.exhaustive_queries()));
  line.set_forecast_evaluations(Count(counters.forecast_evaluations()));
}

}  // namespace

QueryTelemetry DescribeSearch(const SearchResult& result, int threads) {
  QueryTelemetry line;
  line.set_queries(Count(result.neighbors.num_queries()));
  line.set_k(static_cast<int32_t>(result.neighbors.k()));
  line.set_threads(threads);
  AddTrace(result.trace, line);
  AddCounters(result.counters, line);
  return line;
}

BuildTelemetry DescribePhase(const BuildPhase& phase, int threads) {
  BuildTelemetry line;
  line.set_threads(threads);
  line.set_phase(phase.name);
  line.set_milliseconds(Milliseconds(phase.seconds));
  line.set_evaluations(Count(phase.distance_evaluations));
  line.set_bytes(Count(phase.bytes));
  return line;
}

std::string TelemetryLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string line;
  RCT_CHECK(google::protobuf::util::MessageToJsonString(message, &line, options)
                .ok());
  line += '\n';
  return line;
}

}  // namespace rct
