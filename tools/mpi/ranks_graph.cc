#include "tools/mpi/ranks_graph.h"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/monitor.h"
#include "base/npy.h"
#include "base/progress.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "index/advice.h"
#include "index/advice_tally.h"
#include "index/distributed/communicator.h"
#include "index/distributed/distributed_graph.h"
#include "tools/mpi/file_guard.h"
#include "tools/mpi/rank_machine.h"
#include "tools/mpi/ranks_report.pb.h"
#include "tools/mpi/ranks_summary.h"
#include "tools/mpi/shared_files.h"
#include "tools/mpi/sliced_points.h"
#include "tools/rct_output.h"
#include "tools/rct_task.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using Clock = std::chrono::steady_clock;

// Returns an error, the same on all ranks, where `own` differs between them.
absl::Status CheckAlike(Communicator& ranks, const std::string& own,
                        std::string_view what, std::string_view remedy) {
  const std::vector<std::string> all = ranks.Gather(own);
  for (int r = 1; r < ranks.size(); ++r) {
    if (all[r] == all[0]) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        what, " of rank ", r, " differ from those of rank 0; ", remedy));
  }
  return absl::OkStatus();
}

// The files of a task. Each rank writes the rows of its slice; the report is
// rank 0's.
class RowFiles {
 public:
  RowFiles(const RanksTask& task, int64_t n, Communicator& ranks,
           FileGuard& guard)
      : files_(ranks, guard),
        search_(task.search.search),
        k_(task.search.search.k) {
    const auto [indices, distances] =
        std::pair(task.search.out_indices.path, task.search.out_distances.path);
    Add("--out_indices", indices, NpyPreambleOfIndices(n, k_), n);
    Add("--out_distances", distances, NpyPreambleOfValues(n, k_), n);
    Add("--report", task.report, "", 0);
    has_indices_ = !indices.empty();
    has_distances_ = !distances.empty();
  }

  // Collective.
  absl::Status Create() { return files_.Create(list_); }

  absl::Status WriteRows(int64_t first, const NeighborTable& table) {
    for (int64_t i = 0; i < table.num_queries(); ++i) {
      short_rows_ += table.count(i) < k_ ? 1 : 0;
    }
    tally_.Add(table, search_, AdvisedMetric::kResidual);
    size_t file = 0;
    if (has_indices_) {
      RCT_RETURN_IF_ERROR(Write(file++, first, table.rows()));
    }
    if (!has_distances_) return absl::OkStatus();
    return Write(file, first, table.distances());
  }

  // On rank 0: what no slice has.
  absl::Status WriteHeadersAndReport(std::string_view report) {
    for (size_t i = 0; i < list_.size(); ++i) {
      const bool is_report = list_[i].bytes == 0;
      RCT_RETURN_IF_ERROR(
          files_.Write(i, 0, is_report ? report : preambles_[i]));
    }
    return absl::OkStatus();
  }

  // Collective.
  absl::Status Replace(const absl::Status& own) { return files_.Replace(own); }

  // Of the rows that were written: how many have fewer neighbors than k, and
  // what advice counts.
  int64_t short_rows() const { return short_rows_; }
  const AdviceTally& tally() const { return tally_; }

 private:
  void Add(std::string flag, const std::string& path, std::string preamble,
           int64_t n) {
    if (path.empty()) return;
    const auto before = static_cast<int64_t>(preamble.size());
    const int64_t row_bytes = k_ * int64_t{sizeof(double)};
    list_.push_back({std::move(flag), OutputPath(path),
                     before == 0 ? 0 : before + n * row_bytes});
    preambles_.push_back(std::move(preamble));
  }

  template <class T>
  absl::Status Write(size_t file, int64_t first, MatrixView<const T> rows) {
    const auto before = static_cast<int64_t>(preambles_[file].size());
    const int64_t row_bytes = k_ * int64_t{sizeof(T)};
    const int64_t offset = before + first * row_bytes;
    if (rows.stride == rows.cols && rows.rows > 0) {
      return files_.Write(file, offset,
                          absl::MakeConstSpan(rows.data, rows.rows * k_));
    }
    for (int64_t i = 0; i < rows.rows; ++i) {
      RCT_RETURN_IF_ERROR(files_.Write(file, offset + i * row_bytes,
                                       absl::MakeConstSpan(rows.row(i), k_)));
    }
    return absl::OkStatus();
  }

  SharedFiles files_;
  std::vector<SharedFile> list_;
  std::vector<std::string> preambles_;
  const SearchOptions& search_;
  const int64_t k_;
  bool has_indices_ = false;
  bool has_distances_ = false;
  int64_t short_rows_ = 0;
  AdviceTally tally_;
};

// Progress of the search, which rank 0 shows.
class RankWatch {
 public:
  RankWatch(int rank, int64_t n)
      : is_shown_(rank == 0),
        n_(n),
        progress_("searching", n, is_shown_ ? LauncherDisplay() : Nowhere()),
        monitor_([this](double done) { return Show(done); }) {}

  Monitor* monitor() { return is_shown_ ? &monitor_ : nullptr; }

 private:
  static Progress::Display Nowhere() {
    return {.is_terminal = false, .now = Clock::now, .write = [](auto) {}};
  }
  bool Show(double done) {
    const auto steps = static_cast<int64_t>(done * static_cast<double>(n_));
    progress_.Advance(steps - std::exchange(shown_, steps));
    return true;
  }

  const bool is_shown_;
  const int64_t n_;
  int64_t shown_ = 0;
  Progress progress_;
  Monitor monitor_;
};

absl::StatusOr<DistributedOptions> OptionsOf(const SearchTask& task,
                                             const Input& input,
                                             Communicator& ranks) {
  DistributedOptions options;
  options.index = task.index;
  const int share = ThreadsOfRank(ranks);
  if (options.index.threads() == 0) options.index.set_threads(share);
  absl::StatusOr<ResidualConfig> model = ModelConfig(task, input);
  RCT_RETURN_IF_ERROR(ranks.Agree(model.status()));
  *options.index.mutable_residual() = *std::move(model);
  options.k = task.search.k;
  options.predecessor = task.search.predecessor;
  options.memory_limit_bytes = task.memory_limit;
  return options;
}

// Returns a status of the library in the terms of the flags.
absl::Status InTermsOfFlags(const absl::Status& status) {
  std::string_view message = status.message();
  if (!absl::ConsumePrefix(&message, "memory_limit_bytes: ")) {
    return InFlags(status);
  }
  return absl::Status(status.code(), absl::StrCat("--memory_limit: ", message));
}

// Returns what the flags say of the answer and its files, which all ranks have
// to be told alike. Files of points are compared by their rows.
std::string FlagsOfAnswer(const RanksTask& task) {
  const SearchTask& search = task.search;
  return absl::StrCat(search.index.residual().SerializeAsString(), "\n",
                      absl::StrJoin(search.lengthscale, ","), "\n",
                      absl::StrJoin(search.coordinates.columns, ","), "\n",
                      search.coordinates.lon_lat, "\n", search.search.k, "\n",
                      search.search.predecessor, "\n", search.out_indices.path,
                      "\n", search.out_distances.path, "\n", task.report);
}

// Finds what does not fit together before anything is read or made.
absl::Status CheckBefore(const RanksTask& task, Communicator& ranks) {
  RCT_RETURN_IF_ERROR(CheckAlike(ranks, std::string(kVersion), "the programs",
                                 "start one version everywhere"));
  RCT_RETURN_IF_ERROR(CheckAlike(ranks, FlagsOfAnswer(task), "the flags",
                                 "start all ranks with the same ones"));
  absl::Status status;
  if (ranks.rank() == 0) {
    status = CheckFiles(InputsOf(task.search),
                        {{"--out_indices", task.search.out_indices.path},
                         {"--out_distances", task.search.out_distances.path},
                         {"--report", task.report}});
  }
  return ranks.Agree(status);
}

// Fills in what each rank knows of itself. Collective.
void AddRanks(Communicator& ranks, int threads, RanksReport& report) {
  RankWork own;
  own.set_host(HostName());
  own.set_threads(threads);
  own.set_peak_bytes(static_cast<double>(PeakMemoryBytes()));
  const std::vector<std::string> all = ranks.Gather(own.SerializeAsString());
  for (int r = 0; r < ranks.size(); ++r) {
    if (r == report.rank_size()) report.add_rank();
    report.mutable_rank(r)->MergeFromString(all[r]);
  }
}

// Searches, and writes the rows of this rank's slice. Collective.
absl::StatusOr<RanksReport> Search(Communicator& ranks, const Input& input,
                                   const DistributedOptions& options,
                                   RowFiles& files) {
  RankWatch watch(ranks.rank(), input.info.size);
  const absl::StatusOr<DistributedReport> done = DistributedGraph(
      ranks, {input.info.size, input.points.view()}, options,
      [&](int64_t first, const NeighborTable& table) {
        return files.WriteRows(first, table);
      },
      watch.monitor());
  if (!done.ok()) return InTermsOfFlags(done.status());
  RanksReport report = ReportOf(*done);
  report.set_version(std::string(kVersion));
  report.set_points(static_cast<double>(input.info.size));
  report.set_columns(static_cast<int>(input.points.cols()));
  report.set_k(static_cast<double>(options.k));
  report.set_predecessor(options.predecessor);
  return report;
}

// Returns lines about the whole answer: advice, and how many queries have fewer
// neighbors than were asked for. Collective.
std::vector<std::string> RemarksOn(const RanksTask& task, const RowFiles& files,
                                   Communicator& ranks) {
  AdviceTally own = files.tally();
  int64_t numbers[] = {own.judged, own.unrelated, own.coinciding,
                       files.short_rows()};
  AdviceTally all;
  int64_t short_rows = 0;
  for (const std::string& bytes : ranks.Gather(std::string(
           reinterpret_cast<const char*>(numbers), sizeof(numbers)))) {
    std::memcpy(numbers, bytes.data(), sizeof(numbers));
    all.Add({numbers[0], numbers[1], numbers[2]});
    short_rows += numbers[3];
  }
  std::vector<std::string> remarks;
  for (const std::string& advice :
       all.Advice(task.search.search.radius, AdvisedMetric::kResidual)) {
    remarks.push_back(absl::StrCat("warning: ", advice));
  }
  if (short_rows > 0) {
    remarks.push_back(absl::StrCat(short_rows, " queries have fewer than ",
                                   task.search.search.k,
                                   " neighbors: row -1 at distance inf"));
  }
  return remarks;
}

std::string Lines(const RanksTask& task, const RanksReport& report,
                  const std::vector<std::string>& remarks) {
  std::vector<std::string> paths;
  for (const std::string* path :
       {&task.search.out_indices.path, &task.search.out_distances.path}) {
    if (!path->empty()) paths.push_back(*path);
  }
  std::vector<std::string> lines = {
      SummaryOf(report),
      absl::StrCat("wrote ", absl::StrJoin(paths, " and "), ": ",
                   static_cast<int64_t>(report.points()), " x ",
                   task.search.search.k)};
  lines.insert(lines.end(), remarks.begin(), remarks.end());
  return absl::StrJoin(lines, "\n");
}

}  // namespace

absl::StatusOr<std::string> RunRanksGraph(const RanksTask& task,
                                          Communicator& ranks,
                                          FileGuard& guard) {
  const Clock::time_point start = Clock::now();
  RCT_RETURN_IF_ERROR(CheckBefore(task, ranks));
  absl::StatusOr<SlicedPoints> points = ReadSlicedPoints(
      task.search, {.header = task.search.header}, ranks.rank(), ranks.size());
  RCT_RETURN_IF_ERROR(ranks.Agree(points.status()));
  RCT_RETURN_IF_ERROR(
      CheckAlike(ranks, points->digest, "--points: the rows",
                 "name a file that is the same one on all machines"));
  RCT_ASSIGN_OR_RETURN(const DistributedOptions options,
                       OptionsOf(task.search, points->input, ranks));
  RowFiles files(task, points->input.info.size, ranks, guard);
  RCT_RETURN_IF_ERROR(files.Create());

  RCT_ASSIGN_OR_RETURN(RanksReport report,
                       Search(ranks, points->input, options, files));
  report.set_seconds(
      std::chrono::duration<double>(Clock::now() - start).count());
  AddRanks(ranks, options.index.threads(), report);
  const std::vector<std::string> remarks = RemarksOn(task, files, ranks);
  absl::Status written;
  if (ranks.rank() == 0) {
    written =
        files.WriteHeadersAndReport(task.report.empty() ? "" : JsonOf(report));
  }
  RCT_RETURN_IF_ERROR(files.Replace(written));
  return Lines(task, report, remarks);
}

}  // namespace rct
