#include "tools/rct_search.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/status_macros.h"
#include "index/advice.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/index_memory.h"
#include "index/ordered_graph.h"
#include "index/residual_index.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_points.h"
#include "parity/audit.h"
#include "parity/gates.h"
#include "tools/rct_answer.h"
#include "tools/rct_build.h"
#include "tools/rct_input.h"
#include "tools/rct_memory.h"
#include "tools/rct_order.h"
#include "tools/rct_output.h"
#include "tools/rct_part.h"
#include "tools/rct_search_fields.h"
#include "tools/rct_shard.h"
#include "tools/rct_stream.h"
#include "tools/rct_task.h"
#include "tools/rct_watch.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

template <class Index>
absl::StatusOr<Answers> SearchEither(const Index& index,
                                     const TaskQueries& queries, int64_t first,
                                     int64_t count, const SearchTask& task,
                                     const SearchOptions& options) {
  Answers answers;
  answers.all_within = task.all_within;
  if (task.all_within) {
    RCT_ASSIGN_OR_RETURN(
        RangeResult result,
        InFlags(queries.RangeSearch(index, first, count, options)));
    answers.lists = std::move(result.neighbors);
  } else {
    RCT_ASSIGN_OR_RETURN(SearchResult result,
                         InFlags(queries.Search(index, first, count, options)));
    answers.table = std::move(result.neighbors);
  }
  return answers;
}

// Returns lists as rows of a table that is as wide as the longest.
NeighborTable TableOf(const RangeTable& lists,
                      absl::Span<const int64_t> queries) {
  int64_t longest = 1;
  for (const int64_t i : queries) longest = std::max(longest, lists.count(i));
  NeighborTable table(static_cast<int64_t>(queries.size()), longest);
  for (size_t q = 0; q < queries.size(); ++q) {
    const auto to = static_cast<int64_t>(q);
    const absl::Span<const int64_t> rows = lists.rows_of(queries[q]);
    const absl::Span<const double> distances = lists.distances_of(queries[q]);
    std::copy(rows.begin(), rows.end(), table.rows().row(to));
    std::copy(distances.begin(), distances.end(), table.distances().row(to));
  }
  return table;
}

template <class Index>
absl::StatusOr<std::string> Audit(const Index& exhaustive,
                                  const TaskQueries& queries,
                                  const SearchTask& task,
                                  const SearchOptions& search,
                                  const Answers& answers,
                                  const Interrupted& interrupted) {
  const std::vector<int64_t> sample = DrawAudit(queries.size(), task.audit);
  Progress progress("auditing", static_cast<int64_t>(sample.size()));
  for (const int64_t query : sample) {
    RCT_ASSIGN_OR_RETURN(
        const Answers expected,
        SearchEither(exhaustive, queries, query, 1, task, search));
    const absl::Status same =
        task.all_within
            ? CompareAudit(TableOf(answers.lists, {query}), {int64_t{0}},
                           TableOf(expected.lists, {int64_t{0}}))
            : CompareAudit(answers.table, {query}, expected.table);
    if (!same.ok()) {
      return Annotate(same, absl::StrCat("query ", task.shard.Query(query)));
    }
    progress.Advance(1);
    if (interrupted()) return absl::CancelledError("interrupted");
  }
  return absl::StrCat("audit: ", sample.size(), " of ", queries.size(),
                      " queries searched again, exhaustively: same bits");
}

// Gives the neighbors of an index in `order` the row numbers of the caller.
void NameRows(absl::Span<const int64_t> order, Answers& answers) {
  NeighborTable& table = answers.table;
  for (int64_t i = 0; i < table.num_queries(); ++i) {
    RanksToRows(order, absl::MakeSpan(table.rows().row(i), table.k()));
  }
  RanksToRows(order, absl::MakeSpan(answers.lists.rows));
}

// Writes the answer and the files `others`, and returns what it wrote.
absl::StatusOr<std::string> Write(const SearchTask& task,
                                  const Answers& answers,
                                  const TaskQueries& queries,
                                  const std::vector<Output>& others,
                                  const Interrupted& interrupted) {
  std::vector<Output> outputs =
      SerializeAnswers({task.out_offsets, task.out_indices, task.out_distances},
                       answers, queries.ids);
  if (const auto& [path, format] = task.out_order; !path.empty()) {
    outputs.emplace_back(path, SerializeOrder(format, queries.order));
  }
  const std::string wrote = Wrote(outputs);
  outputs.insert(outputs.end(), others.begin(), others.end());
  RCT_RETURN_IF_ERROR(WriteOutputs(outputs, interrupted));
  return absl::StrCat(wrote, ": ", Shape(answers));
}

// Writes the answers of a shard and returns what it wrote.
absl::StatusOr<std::string> WritePart(const SearchTask& task, Answers answers,
                                      const TaskQueries& queries,
                                      SearchFields fields, int64_t num_points,
                                      const Interrupted& interrupted) {
  const Part part(task.shard, queries.num_all, num_points, std::move(fields),
                  answers, queries.ids);
  answers = Answers();
  Watch watch("writing", 100, interrupted);
  RCT_RETURN_IF_ERROR(Annotate(
      part.Write(OutputPath(task.out_part),
                 ResolveThreads(task.index.threads()), watch.monitor()),
      "--out_part"));
  return absl::StrCat("wrote ", task.out_part, ": part ", ShardName(task.shard),
                      ", ", part.size(), " of ", queries.num_all, " queries");
}

// Returns lines about an answer that is written: advice (index/advice.h), and
// how many queries have fewer neighbors than were asked for.
std::vector<std::string> RemarksOn(const Answers& answers,
                                   const SearchTask& task) {
  const AdvisedMetric metric =
      task.euclidean ? AdvisedMetric::kEuclidean : AdvisedMetric::kResidual;
  std::vector<std::string> remarks;
  AddWarnings(task.all_within
                  ? AdviceOnRange(answers.lists, task.search.radius,
                                  task.search, metric)
                  : AdviceOnNeighbors(answers.table, task.search, metric),
              remarks);
  if (std::string rows = ShortRows(answers); !rows.empty()) {
    remarks.push_back(std::move(rows));
  }
  return remarks;
}

// Searches, audits with the index that make_exhaustive() returns, and writes
// the answer and the files `others`. Returns the lines of `report` and further
// ones.
template <class Index, class MakeExhaustive>
absl::StatusOr<std::string> Answer(
    const Index& index, const TaskQueries& queries, const SearchTask& task,
    const MakeExhaustive& make_exhaustive, const std::vector<Output>& others,
    std::vector<std::string> report, const Interrupted& interrupted) {
  SearchOptions search = task.search;
  if (queries.allowed != nullptr) {
    search.allowed = absl::MakeConstSpan(queries.allowed.get(), index.size());
  }
  std::optional<Watch> watch(std::in_place, "searching", queries.size(),
                             interrupted);
  search.monitor = watch->monitor();
  RCT_ASSIGN_OR_RETURN(
      Answers answers,
      SearchEither(index, queries, 0, queries.size(), task, search));
  watch.reset();
  search.monitor = nullptr;

  if (task.audit > 0) {
    RCT_ASSIGN_OR_RETURN(const Index exhaustive, make_exhaustive());
    RCT_ASSIGN_OR_RETURN(
        report.emplace_back(),
        Audit(exhaustive, queries, task, search, answers, interrupted));
  }
  if (!queries.order.empty()) NameRows(queries.order, answers);
  const std::vector<std::string> remarks = RemarksOn(answers, task);
  if (task.out_part.empty()) {
    RCT_ASSIGN_OR_RETURN(report.emplace_back(),
                         Write(task, answers, queries, others, interrupted));
  } else {
    RCT_ASSIGN_OR_RETURN(
        report.emplace_back(),
        WritePart(task, std::move(answers), queries,
                  FieldsOf(task, queries, index), index.size(), interrupted));
  }
  for (const auto& [path, contents] : others) {
    report.push_back(absl::StrCat("wrote ", path, ": the inducing points"));
  }
  report.insert(report.end(), remarks.begin(), remarks.end());
  return absl::StrJoin(report, "\n");
}

absl::StatusOr<std::string> SearchResidual(const SearchTask& task,
                                           const Interrupted& interrupted,
                                           const ResidualIndex& index,
                                           const TaskQueries& queries,
                                           std::vector<std::string> report) {
  RCT_ASSIGN_OR_RETURN(const std::vector<Output> others,
                       InducingOutput(task, index));
  return Answer(
      index, queries, task,
      [&] {
        IndexOptions options;
        options.set_strategy(EXHAUSTIVE);
        return ResidualIndex::Build(index.model(), options);
      },
      others, std::move(report), interrupted);
}

absl::StatusOr<std::string> SearchEuclidean(const SearchTask& task,
                                            const Interrupted& interrupted,
                                            const EuclideanIndex& index,
                                            const TaskQueries& queries) {
  return Answer(
      index, queries, task, [&] { return index.Exhaustive(); },
      /*others=*/{}, /*report=*/{}, interrupted);
}

// Returns ResourceExhausted where a loaded index, which takes `needs`, and the
// answers of the queries are more than the command may take.
absl::Status CheckAnswer(std::vector<MemoryNeed> needs,
                         const TaskQueries& queries, SearchTask task) {
  const std::vector<MemoryNeed> more =
      NeedsOfTask(task, /*input=*/nullptr, queries);
  needs.insert(needs.end(), more.begin(), more.end());
  return LimitIndex(needs, task);
}

// Searches in an index that rct build --metric=euclidean wrote.
absl::StatusOr<std::string> SearchEuclideanFile(
    SearchTask task, const ReadOptions& options,
    const Interrupted& interrupted) {
  task.euclidean = true;
  // Boxes hold the points twice more.
  std::vector<MemoryNeed> needs = {NeedOfFile(task, /*copies=*/3)};
  RCT_RETURN_IF_ERROR(LimitIndex(needs, task));
  std::optional<Watch> watch(std::in_place, "loading", 100, interrupted);
  absl::StatusOr<EuclideanIndex> index = EuclideanIndex::Load(
      InputPath(task.index_file), task.index.threads(), watch->monitor());
  watch.reset();
  if (!index.ok()) return Annotate(index.status(), "--index");
  const auto& names = index->options().coordinate_name();
  const bool lon_lat = index->options().lon_lat();
  RCT_ASSIGN_OR_RETURN(TaskQueries queries,
                       ReadQueries(task,
                                   {"--index",
                                    index->size(),
                                    index->dim() - (lon_lat ? 1 : 0),
                                    {names.begin(), names.end()},
                                    lon_lat},
                                   options, /*ids=*/{}));
  const Matrix<double> scaled = index->ScaledPoints();
  RCT_ASSIGN_OR_RETURN(
      std::vector<int64_t> order,
      ReadOrder(task, scaled.view(), /*scales=*/{}, options, interrupted));
  PutInOrder(std::move(order), queries);
  if (!task.out_part.empty()) TakeShard(task.shard, queries);
  if (!queries.order.empty()) needs[0].bytes *= 2;
  RCT_RETURN_IF_ERROR(CheckAnswer(std::move(needs), queries, task));
  if (!queries.order.empty()) {
    watch.emplace("index", 100, interrupted);
    index = InFlags(index->Reordered(queries.order, watch->monitor()));
    RCT_RETURN_IF_ERROR(index.status());
    watch.reset();
  }
  return SearchEuclidean(task, interrupted, *index, queries);
}

// Loads the index of a task. A shard maps it: all that run on a machine share
// its pages.
absl::StatusOr<ResidualIndex> Load(const SearchTask& task,
                                   const Interrupted& interrupted) {
  Watch watch("loading", 100, interrupted);
  return ResidualIndex::Load(InputPath(task.index_file),
                             {.map = !task.out_part.empty(),
                              .threads = task.index.threads(),
                              .shards = task.shard.parts,
                              .memory_limit_bytes = task.memory_limit,
                              .monitor = watch.monitor()});
}

// Returns an index of the same points in the order of the queries, for them.
absl::StatusOr<ResidualIndex> Reordered(const ResidualIndex& index,
                                        const SearchTask& task,
                                        const TaskQueries& queries,
                                        const Interrupted& interrupted) {
  Watch watch("index", 100, interrupted);
  RCT_ASSIGN_OR_RETURN(ResidualModel model, InOrder(index.model(), queries));
  IndexOptions used = index.options();
  used.set_threads(task.index.threads());
  if (used.heuristics().has_skeleton_bound()) {
    used.mutable_heuristics()->mutable_skeleton_bound()->set_expected_queries(
        queries.size());
  }
  return InFlags(ResidualIndex::Build(std::move(model), used, watch.monitor()));
}

absl::StatusOr<std::string> SearchIndexFile(SearchTask task,
                                            const ReadOptions& options,
                                            const Interrupted& interrupted) {
  if (EuclideanIndex::IsFile(InputPath(task.index_file))) {
    return SearchEuclideanFile(task, options, interrupted);
  }
  std::vector<MemoryNeed> needs = {NeedOfFile(task, /*copies=*/1)};
  RCT_RETURN_IF_ERROR(LimitIndex(needs, task));
  absl::StatusOr<ResidualIndex> index = Load(task, interrupted);
  if (!index.ok()) return Annotate(index.status(), "--index");
  const auto& names = index->options().coordinate_name();
  const bool lon_lat = index->options().lon_lat();
  RCT_ASSIGN_OR_RETURN(
      TaskQueries queries,
      ReadQueries(task,
                  {"--index",
                   index->size(),
                   index->model().metric()->dim() - (lon_lat ? 1 : 0),
                   {names.begin(), names.end()},
                   lon_lat},
                  options, /*ids=*/{}));
  std::vector<std::string> report;
  AddWarnings(AdviceOnModel(index->model()), report);
  RCT_ASSIGN_OR_RETURN(
      std::vector<int64_t> order,
      ReadOrder(task, index->model().metric()->data().points.view(),
                index->model().config().kernel().lengthscale(), options,
                interrupted));
  PutInOrder(std::move(order), queries);
  if (!task.out_part.empty()) TakeShard(task.shard, queries);
  if (!queries.order.empty()) {
    const ResidualPoints& data = index->model().metric()->data();
    needs.push_back({"the index in the order",
                     TotalBytes(NeedsOf(index->options(), data.size(),
                                        data.points.cols(), data.v.cols()))});
  }
  RCT_RETURN_IF_ERROR(CheckAnswer(std::move(needs), queries, task));
  if (!queries.order.empty()) {
    index = Reordered(*index, task, queries, interrupted);
    RCT_RETURN_IF_ERROR(index.status());
  }
  return SearchResidual(task, interrupted, *index, queries, std::move(report));
}

absl::StatusOr<std::string> SearchFromPoints(SearchTask task,
                                             const ReadOptions& read,
                                             const Interrupted& interrupted) {
  RCT_ASSIGN_OR_RETURN(Input input, ReadPoints(task, read));
  RCT_ASSIGN_OR_RETURN(TaskQueries queries, ReadQueries(task, input.info, read,
                                                        std::move(input.ids)));
  RCT_ASSIGN_OR_RETURN(std::vector<int64_t> order,
                       ReadOrder(task, std::as_const(input.points).view(),
                                 ScalesOf(task, input), read, interrupted));
  PutInOrder(std::move(order), queries);
  if (!task.out_part.empty()) TakeShard(task.shard, queries);
  const std::vector<MemoryNeed> needs = NeedsOfTask(task, &input, queries);
  RCT_RETURN_IF_ERROR(LimitIndex(needs, task));
  if (!task.euclidean) {
    std::vector<std::string> report;
    const absl::StatusOr<ResidualIndex> index =
        BuildIndex(task, input, queries, report, interrupted);
    RCT_RETURN_IF_ERROR(InTermsOfLimit(index.status(), needs, task));
    return SearchResidual(task, interrupted, *index, queries,
                          std::move(report));
  }
  if (!queries.order.empty()) {
    const std::vector<int32_t> rows(queries.order.begin(), queries.order.end());
    input.points =
        EuclideanPoints{std::move(input.points)}.Reordered(rows).points;
  }
  const absl::StatusOr<EuclideanIndex> index =
      BuildEuclidean(task, input, interrupted);
  RCT_RETURN_IF_ERROR(InTermsOfLimit(index.status(), needs, task));
  return SearchEuclidean(task, interrupted, *index, queries);
}

}  // namespace

absl::Status CompareAudit(const NeighborTable& answers,
                          absl::Span<const int64_t> queries,
                          const NeighborTable& expected) {
  const Verdict verdict = CheckExact(answers.Select(queries), expected);
  if (verdict.pass) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(
      "--audit: the answer differs from exhaustive search: ", verdict.message,
      "; this is a bug, please report it"));
}

absl::StatusOr<std::string> RunSearch(const SearchTask& task,
                                      const Interrupted& interrupted) {
  RCT_RETURN_IF_ERROR(
      CheckFiles(InputsOf(task), {{"--out_offsets", task.out_offsets.path},
                                  {"--out_indices", task.out_indices.path},
                                  {"--out_distances", task.out_distances.path},
                                  {"--out_order", task.out_order.path},
                                  {"--out_inducing", task.out_inducing.path},
                                  {"--out_part", task.out_part}}));
  Monitor reading([&interrupted](double) { return !interrupted(); });
  const ReadOptions options = {.header = task.header, .monitor = &reading};
  if (!task.work.empty()) return StreamFromPoints(task, options, interrupted);
  return task.index_file.empty() ? SearchFromPoints(task, options, interrupted)
                                 : SearchIndexFile(task, options, interrupted);
}

}  // namespace rct
