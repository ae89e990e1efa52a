// The experiment harness: runs the cases of a config, checks every answer,
// times the right ones and writes tables, CSV, telemetry and record.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/monitor.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/stop_signals.h"
#include "base/text_proto.h"
#include "experiments/cases.h"
#include "experiments/paths.h"
#include "experiments/plot.h"
#include "experiments/provenance.h"
#include "experiments/render.h"
#include "experiments/runner.h"
#include "index/telemetry.h"

constexpr char kDefaultConfig[] = "//experiments/configs/gold.textproto";

ABSL_FLAG(
    std::string, config, kDefaultConfig,
    "Sweep to run, a SweepConfig in text form. A path that starts with // is a "
    "file of this project.");
ABSL_FLAG(
    std::string, preset, "",
    "Name of a config that comes with the project "
    "(experiments/configs/presets/NAME.textproto), in place of --config.");
ABSL_FLAG(
    std::string, out, "",
    "Folder for record.textproto, table.md, counters.md and results.csv, and "
    "growth.svg where at least three workloads differ in size alone; made "
    "where it is missing. Empty means results/CONFIG.");
ABSL_FLAG(int32_t, repetitions, 0,
          "Timed repetitions; 0 means as the config says.");
ABSL_FLAG(int64_t, audit, -1,
          "Exhaustive search answers only this many queries of each workload, "
          "drawn at random; 0 means all, -1 as the config says.");
ABSL_FLAG(int32_t, threads, -1,
          "Threads of all cases; 0 means all that there are, -1 as the config "
          "says.");
ABSL_FLAG(
    std::string, telemetry, "",
    "File for one line of JSON for each search and each phase of a build "
    "(docs/telemetry.md), of all cases. Empty means telemetry.jsonl in --out, "
    "of the cases that ask for it. Timed searches run without telemetry.");
ABSL_FLAG(
    bool, resume, false,
    "Go on with the sweep that was stopped in --out, by the same command: "
    "cases that are checked and repetitions that are complete are not run "
    "again. Refused where config, commit, machine or compiler differ.");
ABSL_FLAG(std::string, cases, "",
          "Run only cases whose name contains a match of this regular "
          "expression.");

namespace rct {
namespace {

constexpr char kUsage[] =
    R"(Runs a sweep: checks every answer, times the right ones.

Prints a table of the cases of a config on its workloads, each as soon as it is
finished, and writes it, with a table of counters, a CSV file and a record of
everything, to a folder. A case whose answer fails its gate shows no timing. On
stderr a line says of each case what its check found.

What is done is kept as it is done: after Ctrl-C, or where the sweep ends
otherwise, the same command with --resume goes on.

Examples
  sweep
      the 32,768-point gold workload: exhaustive search and cover trees
  sweep --preset=quick
      four kernels on 4,096 generated points, in seconds
  sweep --config=my.textproto --cases='tree|exhaustive' --repetitions=9 --threads=2
  sweep --preset=quick --telemetry=quick.jsonl
      also what each search and build did, level by level and phase by phase

Under Bazel: bazel run //experiments:sweep -- --config=my.textproto
Relative paths are taken from where you called. A config is an rct.SweepConfig
(experiments/sweep.proto); experiments/configs/gold.textproto is a commented one.

Exit code: 0 if all gates passed, 1 if one failed or the input is bad, 2 for
an argument that is no flag, 128 and the signal's number after Ctrl-C, SIGTERM
or SIGHUP.)";

// Returns the names of the presets that come with the project.
std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(
           ResolveProjectPath("//experiments/configs/presets"), error)) {
    if (entry.path().extension() == ".textproto") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Returns the path of the file for telemetry: the one that the user names, or
// one in `out`. Makes its folder, so that an error comes before the work.
absl::StatusOr<std::string> TelemetryPath(const std::string& out) {
  const std::string flag = absl::GetFlag(FLAGS_telemetry);
  if (flag.empty()) return absl::StrCat(out, "/telemetry.jsonl");
  const std::filesystem::path path = ResolvePath(flag);
  std::error_code error;
  if (!path.has_filename() || std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--telemetry: ", flag, " is a folder; name a file in it"));
  }
  if (path.has_parent_path()) {
    RCT_RETURN_IF_ERROR(
        Annotate(MakeDirectories(path.parent_path().string()), "--telemetry"));
  }
  return path.string();
}

std::string TelemetryHeaderLine(const RunRecord& record) {
  const RunRecord::Provenance& origin = record.provenance();
  TelemetryHeader header;
  header.set_config_digest(record.deterministic().config_digest());
  header.set_title(record.deterministic().title());
  header.set_commit(origin.commit());
  header.set_machine(origin.machine());
  header.set_processors(origin.processors());
  header.set_instruction_set(origin.instruction_set());
  header.set_compiler(origin.compiler());
  header.set_compilation_mode(origin.compilation_mode());
  header.set_command(origin.command());
  header.set_time(origin.time());
  return TelemetryLine(header);
}

// Returns whether the argument is --resume in any of its spellings.
bool IsResume(std::string_view argument) {
  if (!absl::ConsumePrefix(&argument, "-")) return false;
  absl::ConsumePrefix(&argument, "-");
  return argument == "resume" || argument == "noresume" ||
         absl::StartsWith(argument, "resume=");
}

// Returns the argument quoted for a shell.
std::string Quoted(std::string_view argument) {
  const auto is_plain = [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("-_./=:,+@%", c);
  };
  if (!argument.empty() &&
      std::all_of(argument.begin(), argument.end(), is_plain)) {
    return std::string(argument);
  }
  return absl::StrCat("'", absl::StrReplaceAll(argument, {{"'", "'\\''"}}),
                      "'");
}

// Returns the path of the config that the flags name: a file of this project or
// of the caller's.
absl::StatusOr<std::string> ConfigPath() {
  std::string path = absl::GetFlag(FLAGS_config);
  if (path.empty()) {
    return absl::InvalidArgumentError("--config: is empty; name a file");
  }
  const std::string preset = absl::GetFlag(FLAGS_preset);
  if (preset.empty()) return path;
  if (path != kDefaultConfig) {
    return absl::InvalidArgumentError(
        "--preset and --config: both name a config; leave one out");
  }
  const std::vector<std::string> names = PresetNames();
  if (std::find(names.begin(), names.end(), preset) == names.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--preset: there is no '", preset,
                     "'; there are: ", absl::StrJoin(names, ", ")));
  }
  return absl::StrCat("//experiments/configs/presets/", preset, ".textproto");
}

SweepOptions OptionsFromFlags() {
  SweepOptions options;
  options.cases = absl::GetFlag(FLAGS_cases);
  if (absl::GetFlag(FLAGS_repetitions) != 0) {
    options.repetitions = absl::GetFlag(FLAGS_repetitions);
  }
  if (absl::GetFlag(FLAGS_audit) != -1) {
    options.audit = absl::GetFlag(FLAGS_audit);
  }
  if (absl::GetFlag(FLAGS_threads) != -1) {
    options.threads = absl::GetFlag(FLAGS_threads);
  }
  options.telemetry = !absl::GetFlag(FLAGS_telemetry).empty();
  options.announce = true;
  return options;
}

std::string OutputFolder(const std::string& config_path) {
  const std::string out = absl::GetFlag(FLAGS_out);
  return ResolvePath(
      out.empty()
          ? absl::StrCat("results/",
                         std::filesystem::path(config_path).stem().string())
          : out);
}

std::string StatePath(const std::string& out) {
  return absl::StrCat(out, "/unfinished.textproto");
}

std::string DigestOf(SweepState state) {
  state.clear_digest();
  return Sha256Hex(WriteTextProto(state));
}

// Returns the files that a sweep may write to its folder.
std::vector<std::string> FilesIn(const std::string& out) {
  std::vector<std::string> files = {StatePath(out)};
  for (const char* name : {"table.md", "counters.md", "results.csv",
                           "growth.svg", "record.textproto"}) {
    files.push_back(absl::StrCat(out, "/", name));
  }
  return files;
}

// Finds, before the work, errors that would otherwise come after it. Locks the
// folder until the process ends, so that another sweep cannot write to it.
absl::Status PrepareFolder(const std::string& out,
                           const std::string& telemetry_path) {
  for (const std::string& file : FilesIn(out)) {
    RCT_RETURN_IF_ERROR(Annotate(CheckWritable(file), "--out"));
    std::error_code ignored;
    if (std::filesystem::weakly_canonical(file, ignored) !=
        std::filesystem::weakly_canonical(telemetry_path, ignored)) {
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("--telemetry: ", telemetry_path,
                     " is a file that the sweep writes as well; name another"));
  }
  RCT_RETURN_IF_ERROR(Annotate(CheckWritable(telemetry_path), "--telemetry"));
  const int folder = open(out.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) != 0 &&
      errno == EWOULDBLOCK) {
    return absl::FailedPreconditionError(
        absl::StrCat("--out: another sweep writes to ", out,
                     "; wait for it or name another folder"));
  }
  return absl::OkStatus();
}

// Returns FailedPrecondition, naming the first difference, unless times of both
// records may stand in one table.
absl::Status CheckComparable(const RunRecord& begun, const RunRecord& now) {
  const RunRecord::Provenance& a = begun.provenance();
  const RunRecord::Provenance& b = now.provenance();
  const std::tuple<std::string_view, std::string, std::string> parts[] = {
      {"the command", a.command(), b.command()},
      {"the config", begun.deterministic().config_digest(),
       now.deterministic().config_digest()},
      {"the commit", a.commit(), b.commit()},
      {"the program (SHA-256)", a.program_digest(), b.program_digest()},
      {"the machine", a.machine(), b.machine()},
      {"the number of processors", absl::StrCat(a.processors()),
       absl::StrCat(b.processors())},
      {"the instruction set", a.instruction_set(), b.instruction_set()},
      {"the compiler", a.compiler(), b.compiler()},
      {"the compilation mode", a.compilation_mode(), b.compilation_mode()}};
  for (const auto& [what, before, after] : parts) {
    if (before == after) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "--resume: ", what, " was '", before,
        "' when the sweep began, and is '", after,
        "' now: their figures cannot stand in one table; begin anew, without "
        "--resume"));
  }
  return absl::OkStatus();
}

// Returns the state that the sweep starts from: an empty one or, with --resume,
// the one that was kept in `out`. `now` has the digest of the config and the
// provenance of this call.
absl::StatusOr<SweepState> Begin(const std::string& out, const RunRecord& now) {
  const std::string path = StatePath(out);
  SweepState state;
  std::error_code error;
  const bool stopped = std::filesystem::exists(path, error);
  if (!absl::GetFlag(FLAGS_resume)) {
    if (stopped) {
      const std::string aside = absl::StrCat(path, ".old");
      std::filesystem::rename(path, aside, error);
      std::fprintf(stderr,
                   "%s was of a sweep that was stopped, which --resume would "
                   "have gone on with; it is %s now\n",
                   path.c_str(), aside.c_str());
    }
    *state.mutable_record() = now;
    return state;
  }
  if (!stopped) {
    return absl::NotFoundError(
        absl::StrCat("--resume: ", path,
                     " is not there: no sweep was stopped; leave --resume out "
                     "to begin one"));
  }
  RCT_RETURN_IF_ERROR(
      Annotate(ReadTextProto(path, state).status(), "--resume"));
  if (state.digest() != DigestOf(state)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--resume: ", path,
                     " was changed since it was written; begin anew, without "
                     "--resume"));
  }
  RCT_RETURN_IF_ERROR(CheckComparable(state.record(), now));
  RunRecord::Provenance& origin = *state.mutable_record()->mutable_provenance();
  origin.set_resumed(origin.resumed() + 1);
  return state;
}

// Prints a growing text, each part as soon as it is known.
class GrowingText {
 public:
  // Prints the part of `text` that follows what was printed before.
  void Print(std::string_view text) {
    text.remove_prefix(printed_);
    const size_t written = std::fwrite(text.data(), 1, text.size(), stdout);
    failed_ = failed_ || written < text.size() || std::fflush(stdout) != 0;
    printed_ += text.size();
  }
  bool failed() const { return failed_; }

 private:
  size_t printed_ = 0;
  bool failed_ = false;
};

// Writes all results together: after an error the files of an earlier sweep are
// as they were.
absl::Status WriteResults(const std::string& out,
                          const std::string& telemetry_path,
                          const SweepState& state) {
  const RunRecord& record = state.record();
  const std::string plot = PlotGrowth(record);
  std::vector<std::pair<std::string, std::string>> results = {
      {absl::StrCat(out, "/table.md"), RenderTable(record)},
      {absl::StrCat(out, "/counters.md"), RenderCounters(record)},
      {absl::StrCat(out, "/results.csv"), RenderCsv(record)},
      {absl::StrCat(out, "/record.textproto"), WriteTextProto(record)}};
  if (!plot.empty()) {
    results.emplace_back(absl::StrCat(out, "/growth.svg"), plot);
  }
  if (!state.telemetry().empty()) {
    results.emplace_back(
        telemetry_path,
        absl::StrCat(TelemetryHeaderLine(record), state.telemetry()));
  }
  std::vector<FileToWrite> files;
  files.reserve(results.size());
  for (const auto& [path, contents] : results) {
    files.push_back({path, contents});
  }
  RCT_RETURN_IF_ERROR(WriteFilesAtomically(files));
  std::error_code ignored;
  std::filesystem::remove(StatePath(out), ignored);
  if (plot.empty()) std::filesystem::remove(out + "/growth.svg", ignored);
  std::fprintf(stderr, "Written to %s\n", out.c_str());
  return absl::OkStatus();
}

// Runs the sweep to its end and keeps its state in a file on the way. Returns
// whether all of the table was printed.
absl::StatusOr<bool> RunFrom(SweepState& state, const SweepConfig& config,
                             SweepOptions options,
                             const std::string& config_path,
                             const std::string& out) {
  bool kept = state.record().provenance().resumed() > 0;
  GrowingText table;
  options.keep = [&](const SweepState& now, int finished) {
    SweepState whole = now;
    whole.set_digest(DigestOf(now));
    absl::Status written =
        WriteFileAtomically(StatePath(out), WriteTextProto(whole));
    kept = kept || written.ok();
    if (finished > 0) table.Print(RenderTableStart(now.record(), finished));
    return written;
  };
  absl::Status status = Annotate(
      ContinueSweep(config, options, /*telemetry=*/true, state), config_path);
  if (absl::IsCancelled(status)) status = absl::CancelledError("interrupted");
  if (!status.ok() && kept) {
    status =
        absl::Status(status.code(),
                     absl::StrCat(status.message(),
                                  "; what is done is kept in ", StatePath(out),
                                  ": the same command with --resume goes on"));
  }
  RCT_RETURN_IF_ERROR(status);
  state.mutable_record()->mutable_provenance()->set_time(
      CollectProvenance("").time());
  table.Print(RenderTable(state.record()));
  return !table.failed();
}

absl::Status Run(const std::string& command, Monitor* monitor) {
  RCT_ASSIGN_OR_RETURN(const std::string config_path, ConfigPath());
  SweepOptions options = OptionsFromFlags();
  options.monitor = monitor;
  const std::string out = OutputFolder(config_path);
  SweepConfig config;
  RCT_ASSIGN_OR_RETURN(const std::string text,
                       ReadTextProto(ResolveProjectPath(config_path), config));
  RCT_RETURN_IF_ERROR(Annotate(ExpandCases(config).status(), config_path));
  RCT_RETURN_IF_ERROR(MakeDirectories(out));
  RCT_ASSIGN_OR_RETURN(const std::string telemetry_path, TelemetryPath(out));
  RCT_RETURN_IF_ERROR(PrepareFolder(out, telemetry_path));
  RunRecord now;
  now.mutable_deterministic()->set_config_digest(Sha256Hex(text));
  *now.mutable_provenance() = CollectProvenance(command);
  RCT_ASSIGN_OR_RETURN(SweepState state, Begin(out, now));
  RCT_ASSIGN_OR_RETURN(const bool printed,
                       RunFrom(state, config, options, config_path, out));
  RCT_RETURN_IF_ERROR(WriteResults(out, telemetry_path, state));
  if (!printed) {
    return absl::UnavailableError("the table could not be printed");
  }
  if (!AllGatesPass(state.record())) {
    return absl::FailedPreconditionError(
        "a gate failed; the table says which and why");
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(rct::kUsage);
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "sweep: unexpected argument '%s'; see --help\n",
                 rest[1]);
    return 2;
  }
  // The command that makes the table again. It has no --resume: a sweep that is
  // resumed belongs to the command that began it.
  std::string command = "./tools/bazel run //experiments:sweep";
  std::string_view before = " -- ";
  for (int i = 1; i < argc; ++i) {
    if (rct::IsResume(argv[i])) continue;
    absl::StrAppend(&command, before, rct::Quoted(argv[i]));
    before = " ";
  }
  // The results must not be lost because nobody reads the printed table.
  signal(SIGPIPE, SIG_IGN);
  const rct::StopSignals signals;
  rct::Monitor monitor([&signals](double) { return signals.noted() == 0; });
  const absl::Status status = rct::Run(command, &monitor);
  if (status.ok()) return 0;
  std::fprintf(stderr, "sweep: %s\n", std::string(status.message()).c_str());
  return absl::IsCancelled(status) ? 128 + signals.noted() : 1;
}
