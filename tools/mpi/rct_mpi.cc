// The command line over many processes; `rct_mpi --help` explains it.

#include <signal.h>

#include <cstdio>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/version.h"
#include "index/distributed/communicator.h"
#include "tools/mpi/file_guard.h"
#include "tools/mpi/mpi_communicator.h"
#include "tools/mpi/rank_signals.h"
#include "tools/mpi/ranks_graph.h"
#include "tools/mpi/rct_mpi_flags.h"
#include "tools/rct_commands.h"

namespace rct {
namespace {

constexpr int kBadInput = 1;
constexpr int kBadUsage = 2;

CommandOutcome Fail(int exit_code, std::string_view program,
                    std::string_view message) {
  CommandOutcome outcome = {exit_code, "",
                            absl::StrCat(program, ": ", message, "\n")};
  if (exit_code == kBadUsage) {
    absl::StrAppend(&outcome.err, "See rct_mpi --help\n");
  }
  return outcome;
}

// Runs the command on this rank. All ranks return the same code.
CommandOutcome Run(absl::Span<const std::string> arguments, Communicator& ranks,
                   FileGuard& guard) {
  for (const std::string& argument : arguments) {
    if (argument == "--help" || argument == "-h" || argument == "help") {
      return {0, RanksHelp(), ""};
    }
  }
  if (arguments.empty()) return {kBadUsage, "", RanksHelp()};
  if (arguments[0] == "--version") {
    return {0, absl::StrCat("rct_mpi ", kVersion, "\n"), ""};
  }
  absl::StatusOr<RanksTask> task =
      arguments[0] == "graph"
          ? ParseRanksTask(arguments.subspan(1))
          : absl::InvalidArgumentError(
                absl::StrCat("there is no command '", arguments[0],
                             "'; there is graph, and rct has the others"));
  const absl::Status usage = ranks.Agree(task.status());
  constexpr std::string_view kProgram = "rct_mpi graph";
  if (!usage.ok()) return Fail(kBadUsage, kProgram, usage.message());
  const absl::StatusOr<std::string> report = RunRanksGraph(*task, ranks, guard);
  if (!report.ok()) return Fail(kBadInput, kProgram, report.status().message());
  return {0, "", *report + "\n"};
}

// Runs the command on all ranks, of which rank 0 speaks.
int RunOnRanks(absl::Span<const std::string> arguments, FileGuard& guard) {
  const MpiSession session;
  MpiCommunicator ranks;
  if (ranks.rank() == 0) {
    EndOnSignals(guard);
  } else {
    guard.End();
  }
  try {
    const CommandOutcome outcome = Run(arguments, ranks, guard);
    if (ranks.rank() != 0) return outcome.exit_code;
    // All is said now: mpirun ends the ranks that are left where the first one
    // returns an error.
    IgnoreSignals();
    std::fputs(outcome.err.c_str(), stderr);
    std::fputs(outcome.out.c_str(), stdout);
    std::fflush(stdout);
    return outcome.exit_code;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr,
                 "rct_mpi graph: memory ran out on rank %d, and no file is "
                 "half written; start more ranks on more machines, or leave "
                 "more memory to each\n",
                 ranks.rank());
    MpiSession::Abort(kBadInput);
  }
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) {
  // Writing to a file that may not grow, or to a pipe without a reader, is an
  // error, after which unfinished files are removed.
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  rct::FileGuard guard;
  const std::vector<std::string> arguments(argv + (argc > 0), argv + argc);
  return rct::RunOnRanks(arguments, guard);
}
