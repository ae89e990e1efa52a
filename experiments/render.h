// From a record to what people look at. Pure functions: the same record gives
// the same bytes.

#ifndef RCT_EXPERIMENTS_RENDER_H_
#define RCT_EXPERIMENTS_RENDER_H_

#include <string>

#include "experiments/record.pb.h"

namespace rct {

// A Markdown table for each workload, under the sweep's title, with the
// provenance and the failures of gates below. A case whose gate failed shows no
// timing. Times are medians; ratios are medians of the ratios of each
// repetition, with their least and greatest. Where workloads differ in their
// size alone (growth.h), a table of what a row costs follows.
std::string RenderTable(const RunRecord& record);

// The beginning of that: the title and the tables of the first `workloads`
// workloads, which may be printed while others are still run.
std::string RenderTableStart(const RunRecord& record, int workloads);

// What the cases did, as opposed to how long it took: a Markdown table of
// counters for each workload, of those that any of its cases has. Of the
// deterministic part alone; the command that makes it stands below.
std::string RenderCounters(const RunRecord& record);

// One line for each case, in the columns of kCsvHeader. Fields that a failed
// gate withholds are empty.
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
