#include "index/distributed/rank_reports.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/packing.h"
#include "index/distributed/distributed_graph.h"
#include "index/distributed/rank_exchange.h"

namespace rct {
namespace {

// Calls use(number) for each number of a report.
template <class Report, class Use>
void EachNumber(Report& report, Use use) {
  use(report.points);
  use(report.units);
  use(report.fetched_points);
  use(report.deferred_in);
  use(report.deferred_out);
  use(report.projected);
  use(report.evaluations);
  use(report.searches.early);
  use(report.searches.units);
  use(report.searches.deferred);
  use(report.bytes_sent);
  use(report.traffic.points);
  use(report.traffic.bounds);
  use(report.traffic.fetched);
  use(report.traffic.deferred);
  use(report.traffic.answers);
  use(report.seconds_together);
}

std::string PackReport(const RankReport& report) {
  std::string bytes;
  EachNumber(report, [&](auto number) { Pack(number, bytes); });
  for (const BuildPhase& phase : report.phases) {
    Pack(std::ssize(phase.name), bytes);
    bytes += phase.name;
    Pack(phase.seconds, bytes);
  }
  return bytes;
}

RankReport ReadReport(const std::string& bytes) {
  Unpacker unpacker(bytes);
  RankReport report;
  EachNumber(report, [&](auto& number) { unpacker.Read(1, &number); });
  while (!unpacker.done()) {
    BuildPhase& phase = report.phases.emplace_back();
    phase.name = std::string(unpacker.Bytes(unpacker.Value<int64_t>()));
    phase.seconds = unpacker.Value<double>();
  }
  return report;
}

}  // namespace

std::vector<RankReport> GatherReports(const RankReport& own,
                                      RankExchange& exchange) {
  std::vector<RankReport> reports;
  for (const std::string& bytes : exchange.Gather(PackReport(own))) {
    reports.push_back(ReadReport(bytes));
  }
  return reports;
}

}  // namespace rct
