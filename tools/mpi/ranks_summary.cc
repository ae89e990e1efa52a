#include "tools/mpi/ranks_summary.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/memory_limit.h"
#include "google/protobuf/util/json_util.h"
#include "index/distributed/distributed_graph.h"
#include "tools/mpi/ranks_report.pb.h"
#include "traversal/build_phase.h"

namespace rct {
namespace {

// The sum over ranks, and the largest of them against their mean.
struct OverRanks {
  double sum = 0;
  double largest = 0;

  void Add(double value) {
    sum += value;
    largest = std::max(largest, value);
  }
  double Imbalance(int ranks) const {
    return sum > 0 ? largest * ranks / sum : 1;
  }
};

OverRanks Over(const RanksReport& report, double (RankWork::*field)() const) {
  OverRanks all;
  for (const RankWork& rank : report.rank()) all.Add((rank.*field)());
  return all;
}

// Returns the steps of the search, each with the time of the slowest rank.
std::string Phases(const RanksReport& report) {
  std::string text;
  for (int i = 0; i < report.rank(0).phase_size(); ++i) {
    double seconds = 0;
    for (const RankWork& rank : report.rank()) {
      if (i < rank.phase_size()) {
        seconds = std::max(seconds, rank.phase(i).seconds());
      }
    }
    absl::StrAppendFormat(&text, "%s %s %.0f s", text.empty() ? "" : ",",
                          report.rank(0).phase(i).name(), seconds);
  }
  return text;
}

}  // namespace

RanksReport ReportOf(const DistributedReport& report) {
  RanksReport message;
  message.set_bound(report.bound);
  message.set_cells(static_cast<double>(report.cells));
  message.set_bound_bytes(static_cast<double>(report.bound_bytes));
  for (const RankReport& rank : report.ranks) {
    RankWork& work = *message.add_rank();
    work.set_points(static_cast<double>(rank.points));
    work.set_units(static_cast<double>(rank.units));
    work.set_fetched_points(static_cast<double>(rank.fetched_points));
    work.set_deferred_in(static_cast<double>(rank.deferred_in));
    work.set_deferred_out(static_cast<double>(rank.deferred_out));
    work.set_projected(static_cast<double>(rank.projected));
    work.set_evaluations(static_cast<double>(rank.evaluations));
    work.set_bytes_sent(static_cast<double>(rank.bytes_sent));
    RankBytes& sent = *work.mutable_sent();
    sent.set_points(static_cast<double>(rank.traffic.points));
    sent.set_bounds(static_cast<double>(rank.traffic.bounds));
    sent.set_fetched(static_cast<double>(rank.traffic.fetched));
    sent.set_deferred(static_cast<double>(rank.traffic.deferred));
    sent.set_answers(static_cast<double>(rank.traffic.answers));
    work.set_seconds_together(rank.seconds_together);
    for (const BuildPhase& phase : rank.phases) {
      RankPhase& step = *work.add_phase();
      step.set_name(phase.name);
      step.set_seconds(phase.seconds);
    }
  }
  return message;
}

std::string SummaryOf(const RanksReport& report) {
  const int ranks = report.rank_size();
  std::string text =
      absl::StrFormat("searched by %d rank%s in %.0f cells; bound: %s, %s",
                      ranks, ranks == 1 ? "" : "s", report.cells(),
                      report.bound(), HumanBytes(report.bound_bytes()));
  const double points = std::max(1.0, report.points());
  const OverRanks evaluations = Over(report, &RankWork::evaluations);
  absl::StrAppendFormat(
      &text, "; %.2f points fetched for each own, %.2f cells deferred",
      Over(report, &RankWork::fetched_points).sum / points,
      Over(report, &RankWork::deferred_in).sum / points);
  if (ranks > 1) {
    absl::StrAppendFormat(
        &text,
        "; %s sent in all; the rank with the most work has %.2f times the mean",
        HumanBytes(Over(report, &RankWork::bytes_sent).sum),
        evaluations.Imbalance(ranks));
  }
  const std::string phases = Phases(report);
  return phases.empty() ? text : absl::StrCat(text, ";", phases);
}

std::string JsonOf(const RanksReport& report) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  RCT_CHECK(
      google::protobuf::util::MessageToJsonString(report, &json, options).ok());
  return json;
}

}  // namespace rct
