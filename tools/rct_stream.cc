#include "tools/rct_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/memory_limit.h"
#include "base/npy.h"
#include "base/status_macros.h"
#include "index/streaming/exhaustive_rows.h"
#include "index/streaming/streamed_graph.h"
#include "parity/audit.h"
#include "tools/rct_output.h"
#include "tools/rct_task.h"
#include "tools/rct_watch.h"
#include "traversal/build_phase.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

// A file that is written from its beginning to its end.
class Appended {
 public:
  explicit Appended(std::string path)
      : path_(std::move(path)), file_(std::fopen(path_.c_str(), "wb")) {}

  const std::string& path() const { return path_; }

  absl::Status Append(const void* data, size_t bytes) {
    if (file_ != nullptr && std::fwrite(data, 1, bytes, file_.get()) == bytes) {
      return absl::OkStatus();
    }
    return absl::ErrnoToStatus(errno,
                               absl::StrCat(path_, ": cannot be written"));
  }
  absl::Status Append(std::string_view bytes) {
    return Append(bytes.data(), bytes.size());
  }
  template <class T>
  absl::Status Append(MatrixView<const T> rows) {
    for (int64_t i = 0; i < rows.rows; ++i) {
      RCT_RETURN_IF_ERROR(Append(rows.row(i), rows.cols * sizeof(T)));
    }
    return absl::OkStatus();
  }
  absl::Status Close() {
    if (file_ != nullptr && std::fclose(file_.release()) == 0) {
      return absl::OkStatus();
    }
    return absl::ErrnoToStatus(errno,
                               absl::StrCat(path_, ": cannot be written"));
  }

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::string path_;
  std::unique_ptr<std::FILE, CloseFile> file_;
};

// The answer in the work folder, and the files that it becomes.
class Outputs {
 public:
  Outputs(const SearchTask& task, const std::string& folder, int64_t n)
      : indices_path_(task.out_indices.path),
        distances_path_(task.out_distances.path),
        n_(n),
        k_(task.search.k),
        audited_rows_(DrawAudit(n, task.audit)),
        audited_(static_cast<int64_t>(audited_rows_.size()), k_),
        folder_(folder) {}

  absl::Status Append(int64_t first, const NeighborTable& table) {
    if (first == 0) {
      if (!indices_path_.empty()) {
        indices_.emplace(folder_ + "/indices.npy");
        RCT_RETURN_IF_ERROR(indices_->Append(NpyPreambleOfIndices(n_, k_)));
      }
      if (!distances_path_.empty()) {
        distances_.emplace(folder_ + "/distances.npy");
        RCT_RETURN_IF_ERROR(distances_->Append(NpyPreambleOfValues(n_, k_)));
      }
    }
    for (int64_t i = 0; i < table.num_queries(); ++i) {
      short_rows_ += table.count(i) < k_ ? 1 : 0;
    }
    KeepAudited(first, table);
    if (indices_) RCT_RETURN_IF_ERROR(indices_->Append(table.rows()));
    if (!distances_) return absl::OkStatus();
    return distances_->Append(table.distances());
  }

  // Searches the rows of the audit again; Internal where they differ.
  absl::Status Audit(MatrixView<const double> points,
                     const StreamOptions& options,
                     const Interrupted& interrupted) const {
    if (audited_rows_.empty()) return absl::OkStatus();
    Watch watch("auditing", points.rows, interrupted);
    RCT_ASSIGN_OR_RETURN(
        const NeighborTable expected,
        ExhaustiveRows(points, options, audited_rows_, watch.monitor()));
    std::vector<int64_t> all(audited_rows_.size());
    std::iota(all.begin(), all.end(), 0);
    return CompareAudit(audited_, all, expected);
  }

  // Writes the files of the task, together, and removes those of the folder.
  absl::Status Finish(const Interrupted& interrupted) {
    std::vector<SharedBytes> contents;
    std::vector<FileToWrite> files;
    for (auto* const output : {&indices_, &distances_}) {
      if (!*output) continue;
      RCT_RETURN_IF_ERROR((*output)->Close());
      RCT_ASSIGN_OR_RETURN(contents.emplace_back(), MapFile((*output)->path()));
      files.push_back(
          {OutputPath(output == &indices_ ? indices_path_ : distances_path_),
           contents.back().bytes});
    }
    {
      Watch watch("writing", 100, interrupted);
      RCT_RETURN_IF_ERROR(WriteFilesAtomically(files, watch.monitor()));
    }
    std::error_code error;
    for (auto* const output : {&indices_, &distances_}) {
      if (*output) std::filesystem::remove((*output)->path(), error);
    }
    return absl::OkStatus();
  }

  std::string Wrote() const {
    std::vector<std::string> paths;
    for (const std::string* path : {&indices_path_, &distances_path_}) {
      if (!path->empty()) paths.push_back(*path);
    }
    return absl::StrCat("wrote ", absl::StrJoin(paths, " and "), ": ", n_,
                        " x ", k_);
  }
  int64_t short_rows() const { return short_rows_; }
  int64_t num_audited() const { return audited_.num_queries(); }

 private:
  // Keeps the rows of the audit that are in the table.
  void KeepAudited(int64_t first, const NeighborTable& table) {
    const auto from = [&](int64_t row) {
      return std::lower_bound(audited_rows_.begin(), audited_rows_.end(), row) -
             audited_rows_.begin();
    };
    const int64_t last = from(first + table.num_queries());
    for (int64_t i = from(first); i < last; ++i) {
      const int64_t query = audited_rows_[i] - first;
      std::copy_n(table.rows().row(query), k_, audited_.rows().row(i));
      std::copy_n(table.distances().row(query), k_,
                  audited_.distances().row(i));
    }
  }

  std::string indices_path_;
  std::string distances_path_;
  int64_t n_;
  int64_t k_;
  std::vector<int64_t> audited_rows_;
  NeighborTable audited_;
  std::string folder_;
  std::optional<Appended> indices_;
  std::optional<Appended> distances_;
  int64_t short_rows_ = 0;
};

// Returns a status of the library in the terms of the flags.
absl::Status InTermsOfFlags(const absl::Status& status) {
  constexpr std::string_view kLimit = "memory_limit_bytes: ";
  const std::string_view message = status.message();
  if (message.substr(0, kLimit.size()) == kLimit) {
    return absl::Status(
        status.code(),
        absl::StrCat("--memory_limit: ", message.substr(kLimit.size())));
  }
  if (absl::IsFailedPrecondition(status)) {
    return absl::Status(status.code(), absl::StrCat("--work: ", message));
  }
  return InFlags(status);
}

// Returns ResourceExhausted where the disk of the work folder has no room for
// the parts and the answer.
absl::Status CheckDisk(const StreamOptions& options, int64_t n) {
  // Of a neighbor: a row and a distance, in a part and in the answer.
  constexpr double kBytesOfNeighbor = 12 + 16;
  const double needed = kBytesOfNeighbor * static_cast<double>(n) *
                        static_cast<double>(options.k);
  std::error_code error;
  const std::filesystem::space_info space =
      std::filesystem::space(options.work, error);
  if (error || options.resume ||
      needed <= static_cast<double>(space.available)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("--work: ", options.work, ": the parts and the answer take ",
                   HumanBytes(needed), ", and the disk has ",
                   HumanBytes(static_cast<double>(space.available)),
                   "; name a folder on another one"));
}

std::string Summary(const StreamReport& report) {
  const auto part = [](int64_t count, int64_t of) {
    return static_cast<double>(count) /
           static_cast<double>(std::max<int64_t>(1, of));
  };
  std::string text =
      absl::StrFormat("searched in %d units of %d cells; bound: %s, %s",
                      report.units, report.cells, report.bound,
                      HumanBytes(static_cast<double>(report.bound_bytes)));
  if (report.own_points > 0) {
    absl::StrAppendFormat(
        &text, "; %.2f points fetched for each own, %.2f cells deferred",
        part(report.fetched_points, report.own_points),
        part(report.deferred, report.own_points));
  }
  for (const BuildPhase& phase : report.phases) {
    absl::StrAppendFormat(&text, "%s %s %.0f s",
                          &phase == &report.phases.front() ? ";" : ",",
                          phase.name, phase.seconds);
  }
  if (report.units_resumed > 0) {
    absl::StrAppend(&text, "; ", report.units_resumed, " units were there");
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> StreamFromPoints(const SearchTask& task,
                                             const ReadOptions& read,
                                             const Interrupted& interrupted) {
  RCT_ASSIGN_OR_RETURN(const Input input, ReadPoints(task, read));
  StreamOptions options;
  options.index = task.index;
  RCT_ASSIGN_OR_RETURN(*options.index.mutable_residual(),
                       ModelConfig(task, input));
  options.k = task.search.k;
  options.predecessor = task.search.predecessor;
  options.work = OutputPath(task.work);
  options.resume = task.resume;
  options.memory_limit_bytes = task.memory_limit;
  RCT_RETURN_IF_ERROR(Annotate(MakeDirectories(options.work), "--work"));
  RCT_RETURN_IF_ERROR(CheckDisk(options, input.points.rows()));
  Outputs outputs(task, options.work, input.points.rows());
  std::optional<Watch> watch(std::in_place, "searching", input.points.rows(),
                             interrupted);
  const absl::StatusOr<StreamReport> report = StreamGraph(
      input.points.view(), options,
      [&](int64_t first, const NeighborTable& table) {
        return outputs.Append(first, table);
      },
      watch->monitor());
  watch.reset();
  if (!report.ok()) {
    std::error_code error;
    std::filesystem::remove(options.work, error);  // only where it is empty
    if (absl::IsCancelled(report.status()) &&
        std::filesystem::exists(options.work, error)) {
      return absl::CancelledError(
          absl::StrCat("interrupted; what is done is in ", options.work,
                       ", and the same command with --resume does the rest"));
    }
    return InTermsOfFlags(report.status());
  }
  RCT_RETURN_IF_ERROR(outputs.Audit(input.points.view(), options, interrupted));
  RCT_RETURN_IF_ERROR(outputs.Finish(interrupted));
  RemoveStreamFiles(options.work);
  std::string text = Summary(*report);
  if (outputs.num_audited() > 0) {
    absl::StrAppend(&text, "\naudit: ", outputs.num_audited(), " of ",
                    input.points.rows(),
                    " queries searched again, exhaustively: same bits");
  }
  absl::StrAppend(&text, "\n", outputs.Wrote());
  if (outputs.short_rows() > 0) {
    absl::StrAppend(&text, "\n", outputs.short_rows(),
                    " queries have fewer than ", task.search.k,
                    " neighbors: row -1 at distance inf");
  }
  return text;
}

}  // namespace rct
