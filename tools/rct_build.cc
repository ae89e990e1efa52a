#include "tools/rct_build.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/matrix_file.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "base/status_macros.h"
#include "index/advice.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/index_memory.h"
#include "index/residual_index.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "tools/rct_answer.h"
#include "tools/rct_memory.h"
#include "tools/rct_output.h"
#include "tools/rct_search.h"
#include "tools/rct_task.h"
#include "tools/rct_watch.h"
#include "traversal/build_phase.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// Warns of a limit that left BLOCK no room, so that it searches all pairs.
std::vector<std::string> AdviceOnLimit(const ResidualIndex& index) {
  const IndexOptions& options = index.options();
  if (options.strategy() != BLOCK || options.memory_limit_bytes() == 0) {
    return {};
  }
  int64_t made = 0;
  for (const BuildPhase& phase : index.phases()) made += phase.bytes;
  const ResidualPoints& data = index.model().metric()->data();
  const int64_t n = data.size(), m = data.v.cols();
  const double left = MemoryLeft(options.memory_limit_bytes(),
                                 NeedsOf(options, n, data.points.cols(), m));
  const double typical = TotalBytes(TypicalBlockNeeds(n, m));
  if (made > 0 || left >= typical) return {};
  return {absl::StrCat("--memory_limit leaves ", HumanBytes(left),
                       " to what makes a search fast, which takes up to about ",
                       HumanBytes(typical),
                       " here, so that all pairs are evaluated; raise it")};
}

}  // namespace

void AddWarnings(const std::vector<std::string>& advice,
                 std::vector<std::string>& report) {
  for (const std::string& sentence : advice) {
    report.push_back(absl::StrCat("warning: ", sentence));
  }
}

absl::StatusOr<ResidualIndex> BuildIndex(const SearchTask& task,
                                         const Input& input,
                                         const TaskQueries& queries,
                                         std::vector<std::string>& report,
                                         const Interrupted& interrupted) {
  std::optional<Watch> watch(std::in_place, "factors", 100, interrupted);
  RCT_ASSIGN_OR_RETURN(ResidualModel model,
                       MakeModel(task, input, watch->monitor()));
  AddWarnings(AdviceOnModel(model), report);
  RCT_ASSIGN_OR_RETURN(model, InOrder(model, queries));
  IndexOptions options = task.index;
  options.clear_residual();
  for (const std::string& name : input.info.names) {
    options.add_coordinate_name(name);
  }
  if (input.info.lon_lat) options.set_lon_lat(true);
  if (options.strategy() == BLOCK) {
    options.mutable_heuristics()
        ->mutable_skeleton_bound()
        ->set_expected_queries(queries.size());
  }
  watch.emplace("index", 100, interrupted);
  absl::StatusOr<ResidualIndex> index = InFlags(
      ResidualIndex::Build(std::move(model), options, watch->monitor()));
  if (index.ok()) AddWarnings(AdviceOnLimit(*index), report);
  return index;
}

absl::StatusOr<EuclideanIndex> BuildEuclidean(const SearchTask& task,
                                              const Input& input,
                                              const Interrupted& interrupted) {
  EuclideanIndexOptions options;
  options.set_threads(task.index.threads());
  options.set_memory_limit_bytes(task.index.memory_limit_bytes());
  const std::vector<double> scales = ScalesOf(task, input);
  options.mutable_lengthscale()->Assign(scales.begin(), scales.end());
  if (task.index.has_strategy()) options.set_strategy(task.index.strategy());
  options.mutable_coordinate_name()->Assign(input.info.names.begin(),
                                            input.info.names.end());
  if (input.info.lon_lat) options.set_lon_lat(true);
  Watch watch("index", 100, interrupted);
  return InFlags(
      EuclideanIndex::Build(input.points.view(), options, watch.monitor()));
}

absl::StatusOr<std::vector<Output>> InducingOutput(const SearchTask& task,
                                                   const ResidualIndex& index) {
  const auto& [path, format] = task.out_inducing;
  if (path.empty()) return std::vector<Output>();
  const InducingFactor* const factor = index.model().factor();
  if (factor == nullptr || factor->num_inducing() == 0) {
    return absl::InvalidArgumentError(
        "--out_inducing: the index has no inducing points; leave it out");
  }
  std::string contents =
      SerializeOutput(format, "x", factor->inducing().coordinates.view());
  const auto& names = index.options().coordinate_name();
  // Places on a sphere are written as chords, which have no names.
  if (format != MatrixFormat::kNpy && !names.empty() &&
      !index.options().lon_lat()) {
    contents.replace(0, contents.find('\n'),
                     absl::StrJoin(names, std::string(1, SeparatorOf(format))));
  }
  return std::vector<Output>{{path, std::move(contents)}};
}

absl::StatusOr<std::string> RunBuild(const SearchTask& asked,
                                     const Interrupted& interrupted) {
  SearchTask task = asked;
  SearchTask reads = task;
  reads.index_file.clear();  // this command writes it
  RCT_RETURN_IF_ERROR(CheckFiles(InputsOf(reads),
                                 {{"--index", task.index_file},
                                  {"--out_inducing", task.out_inducing.path}}));
  Monitor reading([&interrupted](double) { return !interrupted(); });
  RCT_ASSIGN_OR_RETURN(
      const Input input,
      ReadPoints(task, {.header = task.header, .monitor = &reading}));
  // An index in a file is probably searched for as many queries as points.
  RCT_ASSIGN_OR_RETURN(const TaskQueries queries,
                       ReadQueries(task, input.info, input.options,
                                   /*ids=*/{}));
  const std::vector<MemoryNeed> needs = NeedsOfTask(task, &input, queries);
  RCT_RETURN_IF_ERROR(LimitIndex(needs, task));
  if (task.euclidean) {
    const absl::StatusOr<EuclideanIndex> index =
        BuildEuclidean(task, input, interrupted);
    RCT_RETURN_IF_ERROR(InTermsOfLimit(index.status(), needs, task));
    Watch watch("writing", 100, interrupted);
    RCT_RETURN_IF_ERROR(
        Annotate(index->Save(OutputPath(task.index_file), task.index.threads(),
                             watch.monitor()),
                 "--index"));
    return absl::StrCat("wrote ", task.index_file, ": an index of ",
                        index->size(), " points");
  }
  std::vector<std::string> warnings;
  const absl::StatusOr<ResidualIndex> index =
      BuildIndex(task, input, queries, warnings, interrupted);
  RCT_RETURN_IF_ERROR(InTermsOfLimit(index.status(), needs, task));
  RCT_ASSIGN_OR_RETURN(const std::vector<Output> others,
                       InducingOutput(task, *index));
  Watch watch("writing", 100, interrupted);
  RCT_RETURN_IF_ERROR(
      Annotate(index->Save(OutputPath(task.index_file), task.index.threads(),
                           watch.monitor()),
               "--index"));
  std::vector<std::string> report = {absl::StrCat(
      "wrote ", task.index_file, ": an index of ", index->size(), " points")};
  for (const auto& [path, contents] : others) {
    RCT_RETURN_IF_ERROR(
        Annotate(WriteFileAtomically(OutputPath(path), contents),
                 absl::StrCat(report.front(), ", but --out_inducing")));
    report.push_back(absl::StrCat("wrote ", path, ": the inducing points"));
  }
  report.insert(report.end(), warnings.begin(), warnings.end());
  return absl::StrJoin(report, "\n");
}

}  // namespace rct
