#include "tools/mpi/rct_mpi_flags.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/matrix_file.h"
#include "base/quote.h"
#include "base/status_macros.h"
#include "tools/rct_output.h"
#include "tools/rct_search_flags.h"
#include "tools/rct_task.h"

namespace rct {
namespace {

constexpr std::string_view kHelp =
    R"(rct_mpi: rct graph by many processes, of one machine or of many.

  mpirun -n RANKS rct_mpi graph FLAGS

The answer has the bytes of rct graph's, whatever the number of ranks. Each rank
reads a slice of the points, owns a part of space and writes a slice of the
answer: the files are to be on a file system that all ranks share. They take
their places whole, at the end; after an error, Ctrl-C or the end of a rank each
is as it was.

  --points=FILE             your points, n x d: .npy, of which a rank reads its
                            slice; another format is read whole by each rank
    --columns=NAME[,NAME...] --lonlat  as in rct graph
  --kernel=NAME --lengthscale=L[,L...] --variance=S --jitter=J
                            the process, as in rct graph
  --num_inducing=M [--inducing=NAME] [--seed=N]
                            inducing points; or --inducing_rows=FILE, or
                            --inducing_points=FILE
  --k=K                     neighbors of each point
  --predecessor             only rows before the query's (Vecchia)
  --out_indices=FILE        row numbers, .npy, int64, n x k; -1: there is none
  --out_distances=FILE      sqrt(1-|correlation|), .npy, float64; inf: none
  --threads=N               of each rank; default 0: its share of the processors
  --memory_limit=SIZE       of each rank, as 4GiB
  --report=FILE             what each rank did, took and sent, as JSON

rct graph --help says more of each flag; rct_mpi --version the version.

Example
  awk 'BEGIN {print "x,y"; while (i++ < 999) print i*37%101 "," i*53%97}' >p.csv
  mpirun -n 2 rct_mpi graph --points=p.csv --kernel=matern52 --lengthscale=20 \
    --num_inducing=50 --k=10 --predecessor --out_indices=sets.npy

Exit code: 0; 1 for bad input; 2 for a wrong command line. Where a signal ended
a rank, mpirun has another one. mpirun --quiet adds no words of its own.
)";

// Flags of `rct graph` alone.
constexpr std::string_view kRefused[] = {
    "index",  "no_inducing",  "factors",     "residual_variance", "strategy",
    "radius", "allowed_rows", "order",       "out_order",         "id_column",
    "shard",  "out_part",     "out_offsets", "out_inducing",      "work",
    "resume", "audit",        "metric"};

// Returns the name of the flag that `argument` is, or "".
std::string_view FlagName(std::string_view argument) {
  if (!absl::ConsumePrefix(&argument, "--")) return "";
  return argument.substr(0, argument.find('='));
}

// Takes --report=FILE, or --report FILE, out of the arguments.
absl::Status TakeReport(std::vector<std::string>& arguments,
                        std::string& report) {
  std::vector<std::string> others;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (FlagName(arguments[i]) != "report") {
      others.push_back(std::move(arguments[i]));
      continue;
    }
    if (!report.empty()) {
      return absl::InvalidArgumentError("--report: is given twice");
    }
    const size_t equals = arguments[i].find('=');
    if (equals != std::string::npos) {
      report = arguments[i].substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      report = arguments[++i];
    }
    if (report.empty()) {
      return absl::InvalidArgumentError("--report: the value is missing");
    }
  }
  arguments = std::move(others);
  return absl::OkStatus();
}

absl::Status CheckFlags(absl::Span<const std::string> arguments) {
  for (const std::string& argument : arguments) {
    for (const std::string_view name : kRefused) {
      if (FlagName(argument) != name) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "--", name,
          ": is a flag of rct graph alone; rct_mpi has the K nearest rows of "
          "--points, under a kernel with inducing points"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOutput(std::string_view flag, const OutputFile& file) {
  if (file.path.empty() ||
      (file.format == MatrixFormat::kNpy && file.path != "-")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(flag, ": ", Quote(file.path),
                   ": rct_mpi writes .npy files; name one that ends with "
                   ".npy"));
}

}  // namespace

absl::StatusOr<RanksTask> ParseRanksTask(
    absl::Span<const std::string> arguments) {
  RanksTask task;
  std::vector<std::string> others(arguments.begin(), arguments.end());
  RCT_RETURN_IF_ERROR(TakeReport(others, task.report));
  RCT_RETURN_IF_ERROR(CheckFlags(others));
  RCT_ASSIGN_OR_RETURN(task.search,
                       ParseSearchTask(SearchCommand::kGraph, others));
  for (const auto& [flag, path] : InputsOf(task.search)) {
    if (path != "-") continue;
    return absl::InvalidArgumentError(absl::StrCat(
        flag, ": -: standard input is there for one rank only; name a file"));
  }
  RCT_RETURN_IF_ERROR(CheckOutput("--out_indices", task.search.out_indices));
  RCT_RETURN_IF_ERROR(
      CheckOutput("--out_distances", task.search.out_distances));
  return task;
}

std::string RanksHelp() { return std::string(kHelp); }

}  // namespace rct
