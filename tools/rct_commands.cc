#include "tools/rct_commands.h"

#include <algorithm>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "base/monitor.h"
#include "base/stop_signals.h"
#include "base/version.h"
#include "tools/rct_coordinates.h"
#include "tools/rct_doctor.h"
#include "tools/rct_flags.h"
#include "tools/rct_info.h"
#include "tools/rct_input.h"
#include "tools/rct_join.h"
#include "tools/rct_order.h"
#include "tools/rct_search.h"
#include "tools/rct_search_flags.h"
#include "tools/rct_unique.h"

namespace rct {
namespace {

using Arguments = absl::Span<const std::string>;

constexpr int kBadInput = 1;
constexpr int kBadUsage = 2;
constexpr int kStopped = 128;  // plus the signal's number, as in a shell

constexpr std::string_view kHelp =
    R"(rct: exact nearest neighbors under the residual correlation metric.

For each query, the points most correlated with it under a Gaussian process,
after what M inducing points explain has been taken out:

  rho(i, j) = (k(x_i, x_j) - v_i . v_j) / sqrt(p_i p_j),  d = sqrt(1 - |rho|)

Commands
  build       an index in a file, which neighbors and graph can take
  neighbors   neighbors of the queries you name
  graph       neighbors of every point, or its Vecchia conditioning set
  join        one answer from the parts that several jobs have made
  order       an order of points, such as maxmin, for conditioning sets
  unique      the distinct places of your points, each once
  info        what is in a file, and whether it can be used
  doctor      what this machine can do, and a self-test

  rct COMMAND --help shows a command's flags, with an example; rct --version
  the version.

Example
  awk 'BEGIN {print "x,y"; while (i++ < 999) print i*37%101 "," i*53%97}' >p.csv
  rct info p.csv
  rct graph --points=p.csv --kernel=matern52 --lengthscale=20 \
    --num_inducing=50 --k=10 --predecessor --out_indices=sets.csv

Exit code: 0; 1 for bad input; 2 for a wrong command line; 128 and the signal's
number after Ctrl-C, SIGTERM or SIGHUP, which leave every file as it was.
)";

constexpr std::string_view kInfoHelp =
    R"(rct info: what is in a file, and whether the other commands take it.

  rct info [--header=yes|no] [--columns=NAME[,NAME...]] [--id_column=NAME]
    [--lonlat] [--num_inducing=M] [--k=K] FILE...

Of points: how many, of how many coordinates, the names of columns and the range
of each, and how many points lie on an earlier one. Of row numbers: how many,
and their range. Files are .npy, .csv, .tsv or .fvecs, also with .gz, or - for
stdin; --header says of text whether the first line names columns, and the other
flags are those of rct graph. With --num_inducing, the memory that an index with
M inducing points would take, array by array, and with --k that of its answers.
Of an index that rct build wrote: what it is made of, whether it is whole, and
what its parts take. Of a file that --out_part made: which part it is, and of
which search.

Example
  printf 'x,y\n0,0\n3,4\n0,0\n' >p.csv
  rct info p.csv
)";

constexpr std::string_view kDoctorHelp =
    R"(rct doctor: what this machine can do, and a self-test.

Shows processor, instruction sets, threads and memory, and then searches a
small problem with every instruction set and every strategy: all answers must
have the bits that they have on any other machine. Takes a second.

Example
  rct doctor
)";

CommandOutcome Fail(int exit_code, std::string_view program,
                    std::string_view message) {
  CommandOutcome outcome = {exit_code, "",
                            absl::StrCat(program, ": ", message, "\n")};
  if (exit_code == kBadUsage) {
    absl::StrAppend(&outcome.err, "See ", program, " --help\n");
  }
  return outcome;
}

// Runs run(task, interrupted), which returns a report.
template <class Task, class Run>
CommandOutcome RunTask(const absl::StatusOr<Task>& task,
                       std::string_view program, Run run) {
  if (!task.ok()) return Fail(kBadUsage, program, task.status().message());
  const StopSignals signals;
  const auto interrupted = [&signals] { return signals.noted() != 0; };
  const absl::StatusOr<std::string> report = run(*task, interrupted);
  if (absl::IsCancelled(report.status())) {
    const std::string_view kept = report.status().message();
    return Fail(kStopped + signals.noted(), program,
                absl::StartsWith(kept, "interrupted; ")
                    ? kept
                    : "interrupted; nothing is written");
  }
  if (!report.ok()) return Fail(kBadInput, program, report.status().message());
  return {0, "", *report + "\n"};
}

CommandOutcome Search(SearchCommand command, std::string_view program,
                      Arguments arguments) {
  return RunTask(ParseSearchTask(command, arguments), program,
                 command == SearchCommand::kBuild ? RunBuild : RunSearch);
}

CommandOutcome Order(std::string_view program, Arguments arguments) {
  return RunTask(ParseOrderTask(arguments), program, RunOrder);
}

CommandOutcome Neighbors(std::string_view program, Arguments arguments) {
  return Search(SearchCommand::kNeighbors, program, arguments);
}

CommandOutcome Graph(std::string_view program, Arguments arguments) {
  return Search(SearchCommand::kGraph, program, arguments);
}

CommandOutcome Build(std::string_view program, Arguments arguments) {
  return Search(SearchCommand::kBuild, program, arguments);
}

CommandOutcome Join(std::string_view program, Arguments arguments) {
  return RunTask(ParseJoinTask(arguments), program, RunJoin);
}

CommandOutcome Unique(std::string_view program, Arguments arguments) {
  return RunTask(ParseUniqueTask(arguments), program, RunUnique);
}

CommandOutcome Info(std::string_view program, Arguments arguments) {
  std::optional<int> header;
  CoordinateFlags coordinates;
  FlagSet flags;
  flags.Choice("header", HeaderNames(), &header);
  coordinates.Declare(flags);
  coordinates.DeclareIdColumn(flags);
  std::optional<int64_t> num_inducing, k;
  flags.Integer("num_inducing", 1, kMaxRows, &num_inducing);
  flags.Integer("k", 1, kMaxRows, &k);
  const absl::StatusOr<std::vector<std::string>> files = flags.Parse(arguments);
  if (!files.ok()) return Fail(kBadUsage, program, files.status().message());
  if (files->empty()) return Fail(kBadUsage, program, "no file is named");
  const StopSignals signals;
  Monitor reading([&signals](double) { return signals.noted() == 0; });
  CommandOutcome outcome;
  for (const std::string& file : *files) {
    const absl::StatusOr<std::string> text =
        DescribeFile(file, {.header = HeaderOf(header), .monitor = &reading},
                     coordinates, {num_inducing.value_or(0), k.value_or(0)});
    if (text.ok()) {
      outcome.out += *text;
      continue;
    }
    if (absl::IsCancelled(text.status())) {
      return Fail(kStopped + signals.noted(), program, "interrupted");
    }
    outcome.exit_code = kBadInput;
    absl::StrAppend(&outcome.err, program, ": ", text.status().message(), "\n");
  }
  return outcome;
}

CommandOutcome Doctor(std::string_view program, Arguments arguments) {
  const absl::StatusOr<std::vector<std::string>> rest =
      FlagSet().Parse(arguments);
  if (!rest.ok()) return Fail(kBadUsage, program, rest.status().message());
  if (!rest->empty()) {
    return Fail(kBadUsage, program,
                absl::StrCat("unexpected argument '", (*rest)[0], "'"));
  }
  CommandOutcome outcome = {0, DescribeMachine(), ""};
  const absl::Status status = SelfTest();
  absl::StrAppend(&outcome.out, "self-test     ",
                  status.ok() ? "passed" : "FAILED", "\n");
  if (!status.ok()) {
    outcome.exit_code = kBadInput;
    outcome.err = absl::StrCat(program, ": ", status.message(), "\n");
  }
  return outcome;
}

struct Command {
  std::string name;
  std::function<std::string()> help;
  CommandOutcome (*run)(std::string_view program, Arguments arguments);
};

const std::vector<Command>& Commands() {
  static const auto& commands = *new std::vector<Command>{
      {"build", [] { return SearchHelp(SearchCommand::kBuild); }, Build},
      {"neighbors", [] { return SearchHelp(SearchCommand::kNeighbors); },
       Neighbors},
      {"graph", [] { return SearchHelp(SearchCommand::kGraph); }, Graph},
      {"join", JoinHelp, Join},
      {"order", OrderHelp, Order},
      {"unique", UniqueHelp, Unique},
      {"info", [] { return std::string(kInfoHelp); }, Info},
      {"doctor", [] { return std::string(kDoctorHelp); }, Doctor},
  };
  return commands;
}

bool AsksForHelp(const std::string& argument) {
  return argument == "--help" || argument == "-h" || argument == "help";
}

}  // namespace

CommandOutcome RunCommand(Arguments arguments) {
  if (arguments.empty()) return {kBadUsage, "", std::string(kHelp)};
  if (arguments[0] == "--version") {
    return {0, absl::StrCat("rct ", kVersion, "\n"), ""};
  }
  bool help = AsksForHelp(arguments[0]);
  if (help) arguments.remove_prefix(1);
  if (arguments.empty()) return {0, std::string(kHelp), ""};
  const std::string& name = arguments[0];
  for (const Command& command : Commands()) {
    if (command.name != name) continue;
    arguments.remove_prefix(1);
    help = help || std::any_of(arguments.begin(), arguments.end(), AsksForHelp);
    if (help) return {0, command.help(), ""};
    const std::string program = "rct " + name;
    try {
      return command.run(program, arguments);
    } catch (const std::bad_alloc&) {
      return Fail(kBadInput, program,
                  "memory ran out, and no file is half written; name a smaller "
                  "file, or leave more memory to the program");
    }
  }
  std::vector<std::string> names;
  for (const Command& command : Commands()) names.push_back(command.name);
  return Fail(kBadUsage, "rct",
              absl::StrCat("there is no command '", name, "'",
                           DidYouMean(name, names, "")));
}

}  // namespace rct
