#include "tools/rct_join.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "tools/rct_answer.h"
#include "tools/rct_flags.h"
#include "tools/rct_input.h"
#include "tools/rct_output.h"
#include "tools/rct_part.h"
#include "tools/rct_watch.h"

namespace rct {
namespace {

constexpr std::string_view kHelp =
    R"(rct join: one answer from the parts of it that several jobs have made.

With --shard=I/N, rct graph and rct neighbors answer every N-th query from the
I-th on, and --out_part takes the place of the files of the answer. Jobs know
nothing of each other, and the machines need only see the files. The answer is
the same as without --shard, byte for byte; join refuses parts that are missing,
there twice, damaged, or of another search.

  rct join PART... --out_indices=FILE ...

  --out_indices=FILE        row numbers, int64, q x k; -1 where there is none
  --out_distances=FILE      float64; or inf
  --out_offsets=FILE        of parts without --k: where each list begins
  --format=npy|csv|tsv      where the ending of FILE does not say it

A part takes 16 bytes a neighbor, and its job little more: with --index it maps
the file, which all jobs of one machine share. It holds 1/N of early and of late
rows, so that parts take equally long under --predecessor, too. With --order a
job makes an index of its own. rct info PART says what is in a part.

An array job of a scheduler does it as well, here Slurm's:

  #!/bin/sh
  #SBATCH --array=1-8
  rct graph --index=p.rct --shard=$SLURM_ARRAY_TASK_ID/8 --k=10 --predecessor \
    --out_part=sets$SLURM_ARRAY_TASK_ID.rctpart

Example
  awk 'BEGIN {print "x,y"; while (i++ < 999) print i*37%101 "," i*53%97}' >p.csv
  rct build --points=p.csv --kernel=matern52 --lengthscale=20 \
    --num_inducing=50 --index=p.rct
  for i in 1 2 3; do
    rct graph --index=p.rct --shard=$i/3 --k=10 --predecessor \
      --out_part=sets$i.rctpart
  done
  rct join sets*.rctpart --out_indices=sets.csv
)";

// Returns the files as those that are read.
std::vector<FileFlag> InputsOf(const JoinTask& task) {
  std::vector<FileFlag> inputs;
  inputs.reserve(task.parts.size());
  for (const std::string& part : task.parts) {
    inputs.emplace_back("a part", part);
  }
  return inputs;
}

absl::StatusOr<std::vector<Part>> ReadParts(const JoinTask& task,
                                            const Interrupted& interrupted) {
  const auto count = static_cast<int64_t>(task.parts.size());
  Watch watch("reading", count, interrupted);
  const Monitor::Part whole(watch.monitor());
  std::vector<Part> parts;
  for (const std::string& path : task.parts) {
    const Monitor::Part share(watch.monitor(),
                              1 / static_cast<double>(count - parts.size()));
    RCT_ASSIGN_OR_RETURN(
        Part part,
        Part::Read(InputPath(path), HardwareThreads(), watch.monitor()));
    parts.push_back(std::move(part));
  }
  return parts;
}

// Returns ResourceExhausted where the answer and its files, as numbers, take
// more memory than there is.
absl::Status CheckJoinedMemory(const std::vector<Part>& parts) {
  double neighbors = 0;
  for (const Part& part : parts) {
    neighbors += static_cast<double>(part.rows.rows()) *
                 static_cast<double>(part.rows.cols());
  }
  return CheckMemory(32 * neighbors,
                     absl::StrCat("the answer of all ", parts.size(),
                                  " parts and the files of it"),
                     "join them where there is more");
}

// Returns InvalidArgument where files are asked for that an answer has not.
absl::Status CheckOffsets(const JoinTask& task, bool all_within) {
  const bool wanted = !task.files.offsets.path.empty();
  if (wanted == all_within) return absl::OkStatus();
  return absl::InvalidArgumentError(
      wanted ? "--out_offsets: the parts were searched with --k, and a table "
               "has no lists that begin anywhere; leave it out"
             : "--out_offsets is missing: the parts hold lists, and a file has "
               "to say where each begins");
}

}  // namespace

absl::StatusOr<JoinTask> ParseJoinTask(
    absl::Span<const std::string> arguments) {
  JoinTask task;
  std::optional<int> format;
  FlagSet flags;
  flags.Text("out_offsets", &task.files.offsets.path);
  flags.Text("out_indices", &task.files.indices.path);
  flags.Text("out_distances", &task.files.distances.path);
  flags.Choice("format", FormatNames(), &format);
  RCT_ASSIGN_OR_RETURN(task.parts, flags.Parse(arguments));
  if (task.parts.empty()) {
    return absl::InvalidArgumentError(
        "no part is named: the files that --out_part made");
  }
  if (task.files.indices.path.empty() && task.files.distances.path.empty()) {
    return absl::InvalidArgumentError(
        "--out_indices or --out_distances is missing: a file for the answer");
  }
  for (const auto& [flag, file] :
       {std::pair<std::string_view, OutputFile*>{"--out_offsets",
                                                 &task.files.offsets},
        {"--out_indices", &task.files.indices},
        {"--out_distances", &task.files.distances}}) {
    if (file->path.empty()) continue;
    RCT_ASSIGN_OR_RETURN(file->format, OutputFormat(flag, file->path, format));
  }
  return task;
}

std::string JoinHelp() { return std::string(kHelp); }

absl::StatusOr<std::string> RunJoin(const JoinTask& task,
                                    const std::function<bool()>& interrupted) {
  RCT_RETURN_IF_ERROR(CheckFiles(
      InputsOf(task), {{"--out_offsets", task.files.offsets.path},
                       {"--out_indices", task.files.indices.path},
                       {"--out_distances", task.files.distances.path}}));
  RCT_ASSIGN_OR_RETURN(const std::vector<Part> parts,
                       ReadParts(task, interrupted));
  RCT_RETURN_IF_ERROR(CheckJoinedMemory(parts));
  RCT_ASSIGN_OR_RETURN(const JoinedParts joined, JoinParts(parts, task.parts));
  RCT_RETURN_IF_ERROR(CheckOffsets(task, joined.answers.all_within));
  const std::vector<Output> outputs =
      SerializeAnswers(task.files, joined.answers, joined.ids);
  RCT_RETURN_IF_ERROR(WriteOutputs(outputs, interrupted));
  std::string report =
      absl::StrCat(Wrote(outputs), ": ", Shape(joined.answers), ", from ",
                   parts.size(), parts.size() == 1 ? " part" : " parts");
  if (const std::string rows = ShortRows(joined.answers); !rows.empty()) {
    absl::StrAppend(&report, "\n", rows);
  }
  return report;
}

}  // namespace rct
