// What a cluster needs: writes the tables of docs/scale.md.
//
//     ./tools/bazel run -c opt //experiments/scale:cluster
//
// measures what a projection, an evaluation and a point of a unit take on this
// machine, holds the forecast against ranks that are threads, and makes
// forecasts for clusters. It takes some minutes, and little memory.
//
//     ./tools/bazel run -c opt //experiments/scale:cluster -- --costs
//
// only measures.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "experiments/scale/rank_run.h"
#include "experiments/scale/scale_costs.h"
#include "experiments/scale/scale_model.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/distributed_graph.h"
#include "metric/metric.pb.h"

namespace rct {
namespace {

// In the folder of the project, where the program is to be called.
constexpr char kPage[] = "docs/scale.md";

// Bytes a second that a rank sends while others do, on 10 Gbit Ethernet.
constexpr double kBytesPerSecond = 1e9;

// That a rank may take, for as large units as there are.
constexpr int64_t kMemory = int64_t{32} << 30;

// Ranks of a forecast that stand for the others.
constexpr int kSomeRanks = 4;

struct Setting {
  const char* name;
  KernelConfig::Family family;
  int64_t m;
  int64_t k;
  bool predecessor;
};

DistributedOptions OptionsOf(const Setting& setting, int64_t memory_limit) {
  DistributedOptions options;
  ResidualConfig& residual = *options.index.mutable_residual();
  residual.mutable_kernel()->set_family(setting.family);
  residual.mutable_kernel()->add_lengthscale(0.25);
  residual.mutable_inducing()->mutable_random()->set_count(setting.m);
  options.index.set_threads(1);
  options.k = setting.k;
  options.predecessor = setting.predecessor;
  options.memory_limit_bytes = memory_limit;
  return options;
}

// Returns the largest |a / b - 1|.
double WorstOf(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(a[i] / b[i] - 1));
  }
  return worst;
}

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double BalanceOf(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end()) / MeanOf(values);
}

// What all ranks of a forecast take.
std::vector<double> SecondsOfAll(const ScaleForecast& forecast, int ranks,
                                 int64_t m, const ScaleCosts& costs) {
  std::vector<double> seconds;
  for (const RankForecast& rank : forecast.ranks) {
    seconds.push_back(
        SecondsOf(rank.report, rank, m, costs) +
        BoundSecondsOf(forecast, ranks, rank.report.points, m, costs));
  }
  return seconds;
}

std::string CostsRow(const Setting& setting, const ScaleCosts& costs) {
  const auto m = static_cast<double>(setting.m);
  return absl::StrFormat(
      "| %s | %d | %.3f ns | %.2f µs | %.3f ns | %.1f µs |\n", setting.name,
      setting.m, 1e9 * costs.projection, 1e6 * costs.projection * m * m,
      1e9 * costs.evaluation, 1e6 * costs.unit_point);
}

// Compares real ranks with their forecast.
absl::StatusOr<std::string> RealRow(const Setting& setting, int64_t n,
                                    int ranks, ScaleModel& model,
                                    const UniformCloud& cloud,
                                    const DistributedOptions& options,
                                    const ScaleCosts& costs) {
  RCT_ASSIGN_OR_RETURN(const ScaleForecast forecast,
                       model.Forecast(ranks, ranks));
  RCT_ASSIGN_OR_RETURN(const RankRun run, RunRanks(cloud, options, ranks));
  std::vector<double> bytes, said_bytes, evaluations, said_evaluations;
  std::vector<double> projected, said_projected, work;
  for (int r = 0; r < ranks; ++r) {
    const RankReport& real = run.report.ranks[r];
    const RankReport& said = forecast.ranks[r].report;
    bytes.push_back(static_cast<double>(real.bytes_sent));
    said_bytes.push_back(static_cast<double>(said.bytes_sent));
    evaluations.push_back(static_cast<double>(real.evaluations));
    said_evaluations.push_back(static_cast<double>(said.evaluations));
    projected.push_back(static_cast<double>(real.projected));
    said_projected.push_back(static_cast<double>(said.projected));
    work.push_back(
        SecondsOf(real, forecast.ranks[r], setting.m, costs) +
        BoundSecondsOf(forecast, ranks, real.points, setting.m, costs));
  }
  const double of_point = static_cast<double>(ranks) / static_cast<double>(n);
  const std::string sent =
      ranks == 1 ? "| |"
                 : absl::StrFormat("%.0f | %.1f%% |", MeanOf(bytes) * of_point,
                                   100 * WorstOf(bytes, said_bytes));
  return absl::StrFormat(
      "| %s | %s | %d | %s %.0f | %.1f%% | %.2f | %.1f%% | %.2f | %.2f | %.2f "
      "| %.2f | %.2f | %.2f |\n",
      setting.name, setting.predecessor ? "yes" : "", ranks, sent,
      MeanOf(evaluations) * of_point,
      100 * WorstOf(evaluations, said_evaluations),
      MeanOf(projected) * of_point, 100 * WorstOf(projected, said_projected),
      BalanceOf(evaluations), BalanceOf(projected), BalanceOf(work),
      BalanceOf(run.seconds), MeanOf(run.seconds) * ranks,
      MeanOf(run.seconds) /
          MeanOf(SecondsOfAll(forecast, ranks, setting.m, costs)));
}

absl::StatusOr<std::string> RealTable() {
  constexpr int64_t kPoints = 100000;
  std::string table = absl::StrCat(
      "| kernel | predecessors | ranks | bytes sent a point | off by | "
      "evaluations a point | off by | V made a point | off by | balance of "
      "evaluations | of V | of work | of seconds | seconds | real / forecast "
      "|\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  const UniformCloud cloud = {.n = kPoints, .dim = 2, .seed = 1};
  for (const bool predecessor : {false, true}) {
    for (const auto& [name, family] :
         {std::pair("Matern 1/2", KernelConfig::MATERN12),
          std::pair("RBF", KernelConfig::RBF)}) {
      const Setting setting = {name, family, 64, 10, predecessor};
      const DistributedOptions options = OptionsOf(setting, int64_t{2} << 30);
      RCT_ASSIGN_OR_RETURN(const ScaleCosts costs,
                           MeasureCosts(cloud, options));
      RCT_ASSIGN_OR_RETURN(
          const std::unique_ptr<ScaleModel> model,
          ScaleModel::Create(cloud, options, /*trial_queries=*/64));
      for (const int ranks : {1, 2, 4, 8, 16}) {
        RCT_ASSIGN_OR_RETURN(
            const std::string row,
            RealRow(setting, kPoints, ranks, *model, cloud, options, costs));
        std::cerr << row;
        table += row;
      }
    }
  }
  return table;
}

// A row of the forecasts of one number of points. `alone` is R times the
// seconds of the first row.
std::string ForecastRow(const ScaleForecast& forecast, const Setting& setting,
                        int64_t n, int ranks, const ScaleCosts& costs,
                        double& alone) {
  const std::vector<double> seconds =
      SecondsOfAll(forecast, ranks, setting.m, costs);
  double points = 0, fetched = 0, pairs = 0, flops = 0, bytes = 0, held = 0;
  double partition = 0, bounds = 0, answers = 0;
  for (const RankForecast& rank : forecast.ranks) {
    const double some = static_cast<double>(std::ssize(forecast.ranks));
    points += static_cast<double>(rank.report.points) / some;
    fetched += static_cast<double>(rank.report.fetched_points) / some;
    pairs += static_cast<double>(rank.report.deferred_out) / some;
    flops += FlopsOf(rank.report, setting.m) / some;
    bytes += static_cast<double>(rank.report.bytes_sent) / some;
    partition += static_cast<double>(rank.report.traffic.points) / some;
    bounds += static_cast<double>(rank.report.traffic.bounds) / some;
    answers += static_cast<double>(rank.report.traffic.answers) / some;
    held = std::max(held, static_cast<double>(rank.bytes_held));
  }
  const double clock = *std::max_element(seconds.begin(), seconds.end()) +
                       bytes / kBytesPerSecond;
  if (alone == 0) alone = clock * ranks;
  return absl::StrFormat(
      "| 10^%.0f | %d | %d | %d | %.2f | %.2f | %.2g | %.0f | %.2f | %.2f | "
      "%.2f (%.2f, %.2f, %.2f) | %.0f | %.2f |\n",
      std::log10(static_cast<double>(n)), ranks, forecast.cells,
      forecast.ranks[0].report.units, fetched / points, pairs / points, flops,
      MeanOf(seconds), BalanceOf(seconds), held / 1e9, bytes / 1e9,
      partition / 1e9, bounds / 1e9, answers / 1e9, clock,
      alone / (clock * ranks));
}

// Points, in so many cells, or 0 for as many as the plan has, and the least
// number of ranks whose memory they fit.
struct Cut {
  int64_t n;
  int64_t cells;
  int from;
};

absl::StatusOr<std::string> ForecastTable(const Setting& setting,
                                          const ScaleCosts& costs) {
  std::string table =
      "| n | ranks | cells | units a rank | fetched a point | deferred a point "
      "| flops a rank | core seconds a rank | balance | memory, GB | sent a "
      "rank, GB (points, bounds, answers) | clock, s | efficiency |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const auto& [n, cells, from] :
       {Cut{10'000'000, 0, 1}, Cut{100'000'000, 1024, 16},
        Cut{100'000'000, 0, 16}}) {
    const UniformCloud cloud = {.n = n, .dim = 2, .seed = 1};
    DistributedOptions options = OptionsOf(setting, kMemory);
    options.cells = cells;
    RCT_ASSIGN_OR_RETURN(
        const std::unique_ptr<ScaleModel> model,
        ScaleModel::Create(cloud, options, /*trial_queries=*/16));
    double alone = 0;
    for (const int ranks : {1, 4, 16, 64, 256}) {
      if (ranks < from) continue;
      const absl::StatusOr<ScaleForecast> forecast =
          model->Forecast(ranks, kSomeRanks);
      // The points of a rank do not fit.
      if (forecast.status().code() == absl::StatusCode::kResourceExhausted) {
        continue;
      }
      RCT_RETURN_IF_ERROR(forecast.status());
      const std::string row =
          ForecastRow(*forecast, setting, n, ranks, costs, alone);
      std::cerr << row;
      table += row;
    }
  }
  return table;
}

// Puts a table between its markers.
absl::Status Put(std::string_view name, std::string_view table,
                 std::string& page) {
  const std::string begin = absl::StrCat("<!-- ", name, " -->\n");
  const std::string end = absl::StrCat("<!-- end of ", name, " -->");
  const size_t first = page.find(begin);
  const size_t last = page.find(end);
  if (first == std::string::npos || last == std::string::npos) {
    return absl::NotFoundError(
        absl::StrCat(kPage, ": has no table ", begin, "... ", end));
  }
  const size_t from = first + begin.size();
  page.replace(from, last - from, absl::StrCat("\n", table, "\n"));
  return absl::OkStatus();
}

absl::Status Main(bool only_costs) {
  const UniformCloud cloud = {.n = 1'000'000, .dim = 2, .seed = 1};
  const Setting settings[] = {
      {"Matern 1/2", KernelConfig::MATERN12, 128, 20, true},
      {"RBF", KernelConfig::RBF, 128, 20, true}};
  std::string costs_table =
      "| kernel | m | an element of a projection | a projection | an "
      "evaluation, for each inducing point | a point of a unit |\n"
      "|---|---|---|---|---|---|\n";
  std::vector<ScaleCosts> costs;
  for (const Setting& setting : settings) {
    RCT_ASSIGN_OR_RETURN(
        costs.emplace_back(),
        MeasureCosts(cloud, OptionsOf(setting, int64_t{2} << 30)));
    costs_table += CostsRow(setting, costs.back());
  }
  std::cerr << costs_table;
  if (only_costs) return absl::OkStatus();
  const std::string path = ResolvePath(kPage);
  RCT_ASSIGN_OR_RETURN(std::string page, ReadFile(path));
  RCT_ASSIGN_OR_RETURN(const std::string real, RealTable());
  RCT_RETURN_IF_ERROR(Put("costs", costs_table, page));
  RCT_RETURN_IF_ERROR(Put("real ranks", real, page));
  for (size_t i = 0; i < costs.size(); ++i) {
    RCT_ASSIGN_OR_RETURN(const std::string table,
                         ForecastTable(settings[i], costs[i]));
    RCT_RETURN_IF_ERROR(
        Put(absl::StrCat("cluster ", settings[i].name), table, page));
  }
  return WriteFileAtomically(path, page);
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) {
  const bool only_costs = argc == 2 && std::string_view(argv[1]) == "--costs";
  if (argc > 1 && !only_costs) {
    std::cerr << "cluster: the only flag is --costs\n";
    return EXIT_FAILURE;
  }
  const absl::Status status = rct::Main(only_costs);
  if (!status.ok()) std::cerr << "cluster: " << status.message() << "\n";
  return status.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
