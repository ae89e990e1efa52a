// Renders a record as text. All functions are pure: the same record gives the
// same bytes.

#ifndef RCT_EXPERIMENTS_RENDER_H_
#define RCT_EXPERIMENTS_RENDER_H_

#include <string>

#include "experiments/record.pb.h"

namespace rct {

// Returns a Markdown table for each workload, under the sweep's title, with the
// failures of gates and the provenance below. A case whose gate failed shows no
// timing. Times are medians; ratios are medians of the ratios of each
// repetition, with their minimum and maximum. Where workloads differ in size
// alone (growth.h), a table of costs per row follows.
std::string RenderTable(const RunRecord& record);

// Returns the beginning of that text: the title and the tables of the first
// `workloads` workloads, which may be printed while others still run.
std::string RenderTableStart(const RunRecord& record, int workloads);

// Returns a Markdown table of counters for each workload, with a column for
// each counter that is not 0 in all of its cases. Uses the deterministic part
// of the record and, below the tables, its command.
std::string RenderCounters(const RunRecord& record);

// Returns kCsvHeader and a line for each case. Times are empty where a gate
// failed.
std::string RenderCsv(const RunRecord& record);

inline constexpr char kCsvHeader[] =
    "case,gate,recall,queries_per_second,ratio_to_exhaustive,"
    "ratio_with_build_to_exhaustive,distance_evaluations_per_query,"
    "build_seconds,peak_rss_mib,workload,gold,approximate,num_points,dimension,"
    "num_inducing,num_queries,k,threads,repetitions,search_seconds_median,"
    "search_seconds_min,search_seconds_max,factor_seconds,index_seconds,"
    "build_distance_evaluations,result_digest,build_bytes,forecast_ratio,"
    "forecast_ratio_with_build";

}  // namespace rct

#endif  // RCT_EXPERIMENTS_RENDER_H_
