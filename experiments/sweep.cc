// The experiment harness: runs the cases of a config, checks every answer,
// times the right ones and writes tables, CSV, telemetry and record.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
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
#include "base/file.h"
#include "base/sha256.h"
#include "base/status_macros.h"
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
    "Sweep to run, a SweepConfig in text form. A path that starts with // "
    "is a file of this project.");
ABSL_FLAG(
    std::string, preset, "",
    "Name of a config that comes with the project "
    "(experiments/configs/presets/NAME.textproto), in place of --config.");
ABSL_FLAG(
    std::string, out, "",
    "Folder for record.textproto, table.md, counters.md and results.csv, and "
    "growth.svg where at least three workloads differ in size alone; made "
    "where "
    "it is missing. Empty means results/CONFIG.");
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
ABSL_FLAG(std::string, cases, "",
          "Run only cases whose name contains a match of this regular "
          "expression.");

namespace rct {
namespace {

constexpr char kUsage[] =
    R"(Runs a sweep: checks every answer, times the right ones.

Prints a table of the cases of a config on its workloads and writes it, with a
table of counters, a CSV file and a record of everything, to a folder. A case
whose answer fails its gate shows no timing.

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
an argument that is no flag.)";

// The presets that come with the project, without their ending.
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

// Where telemetry goes: a file that the user names, or one in `out`. Made
// before the work, so that what cannot be written costs nothing.
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

// As a shell reads it.
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

absl::Status Run(const std::string& command) {
  std::string config_path = absl::GetFlag(FLAGS_config);
  if (const std::string preset = absl::GetFlag(FLAGS_preset); !preset.empty()) {
    if (config_path != kDefaultConfig) {
      return absl::InvalidArgumentError(
          "--preset and --config: both name a config; leave one out");
    }
    const std::vector<std::string> names = PresetNames();
    if (std::find(names.begin(), names.end(), preset) == names.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--preset: there is no '", preset,
                       "'; there are: ", absl::StrJoin(names, ", ")));
    }
    config_path =
        absl::StrCat("//experiments/configs/presets/", preset, ".textproto");
  }
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
  std::string out = absl::GetFlag(FLAGS_out);
  if (out.empty()) {
    out = absl::StrCat("results/",
                       std::filesystem::path(config_path).stem().string());
  }
  out = ResolvePath(out);

  SweepConfig config;
  RCT_ASSIGN_OR_RETURN(const std::string text,
                       ReadTextProto(ResolveProjectPath(config_path), config));
  RCT_RETURN_IF_ERROR(Annotate(ExpandCases(config).status(), config_path));
  // Made before the work, so that a folder that cannot be written costs
  // nothing.
  RCT_RETURN_IF_ERROR(MakeDirectories(out));
  RCT_ASSIGN_OR_RETURN(const std::string telemetry_path, TelemetryPath(out));
  options.telemetry = !absl::GetFlag(FLAGS_telemetry).empty();
  std::string telemetry;
  absl::StatusOr<RunRecord> record = RunSweep(config, options, &telemetry);
  RCT_RETURN_IF_ERROR(Annotate(record.status(), config_path));
  record->mutable_deterministic()->set_config_digest(Sha256Hex(text));
  *record->mutable_provenance() = CollectProvenance(command);

  const std::string table = RenderTable(*record);
  const bool printed =
      std::fputs(table.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  // The record last: where it is, the others belong to it.
  if (!telemetry.empty()) {
    RCT_RETURN_IF_ERROR(WriteFileAtomically(
        telemetry_path, absl::StrCat(TelemetryHeaderLine(*record), telemetry)));
  }
  RCT_RETURN_IF_ERROR(
      WriteFileAtomically(absl::StrCat(out, "/table.md"), table));
  RCT_RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(out, "/counters.md"),
                                          RenderCounters(*record)));
  RCT_RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(out, "/results.csv"),
                                          RenderCsv(*record)));
  if (const std::string plot = PlotGrowth(*record); !plot.empty()) {
    RCT_RETURN_IF_ERROR(
        WriteFileAtomically(absl::StrCat(out, "/growth.svg"), plot));
  }
  RCT_RETURN_IF_ERROR(WriteFileAtomically(
      absl::StrCat(out, "/record.textproto"), WriteTextProto(*record)));
  std::fprintf(stderr, "Written to %s\n", out.c_str());
  if (!printed) {
    return absl::UnavailableError("the table could not be printed");
  }
  if (!AllGatesPass(*record)) {
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
  std::string command = "./tools/bazel run //experiments:sweep";
  for (int i = 1; i < argc; ++i) {
    absl::StrAppend(&command, i == 1 ? " -- " : " ", rct::Quoted(argv[i]));
  }
  if (const absl::Status status = rct::Run(command); !status.ok()) {
    std::fprintf(stderr, "sweep: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
