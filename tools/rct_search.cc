#include "tools/rct_search.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/npy.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "parity/gates.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// Separates this use of a seed from others'.
constexpr uint64_t kAuditStream = 0x6175646974;

// Between two looks at the clock: long enough for the threads to have their
// fill, short enough for a progress line to move.
constexpr int64_t kBatch = 4096;

// The library's names of what flags are about.
constexpr std::pair<std::string_view, std::string_view> kFlagOf[] = {
    {"points: ", "--points: "},
    {"inducing.rows.row", "--inducing_rows"},
    {"inducing.random.count: ", "--num_inducing: "},
    {"kernel.lengthscale", "--lengthscale"},
    {"variance_floor: ", "--variance: variance_floor "},
    {"jitter: ", "--jitter: "},
    {"factors: V", "--factors: V"},
    {"factors: residual variance", "--residual_variance: p"},
    {"factors: ", "--factors: "},
};

// The library's error in the user's terms.
absl::Status InFlags(const absl::Status& status) {
  for (const auto& [field, flag] : kFlagOf) {
    if (!absl::StartsWith(status.message(), field)) continue;
    return absl::Status(
        status.code(),
        absl::StrCat(flag, status.message().substr(field.size())));
  }
  return status;
}

template <class T>
absl::StatusOr<T> InFlags(absl::StatusOr<T> result) {
  if (!result.ok()) return InFlags(result.status());
  return result;
}

// What `read` makes of the file, or its error with the flag in front.
template <class T>
absl::StatusOr<T> Read(std::string_view flag, const std::string& path,
                       absl::StatusOr<T> (*read)(const std::string&)) {
  absl::StatusOr<T> result = read(ResolvePath(path));
  if (!result.ok()) return Annotate(result.status(), flag);
  return result;
}

// However they are spelled, and through links; they need not exist.
bool SameFile(const std::string& a, const std::string& b) {
  const auto canonical = [](const std::string& path) {
    std::error_code error;
    return std::filesystem::weakly_canonical(
        std::filesystem::absolute(path, error), error);
  };
  return canonical(a) == canonical(b);
}

// Finds before the work what would fail after it.
absl::Status CheckOutput(std::string_view flag, const std::string& path,
                         const SearchTask& task) {
  const std::string resolved = ResolvePath(path);
  const auto error = [&](std::string_view problem) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": ", path, ": ", problem));
  };
  const std::pair<std::string_view, std::string> inputs[] = {
      {"--index", flag == "--index" ? "" : task.index_file},
      {"--points", task.points},
      {"--query_rows", task.query_rows},
      {"--queries", task.queries},
      {"--inducing_rows", task.inducing_rows},
      {"--inducing_points", task.inducing_points},
      {"--factors", task.factors},
      {"--residual_variance", task.residual_variance}};
  for (const auto& [input, name] : inputs) {
    if (!name.empty() && SameFile(resolved, ResolvePath(name))) {
      return error(
          absl::StrCat("is the file of ", input, " too, and would replace it"));
    }
  }
  std::error_code ignored;
  if (std::filesystem::is_directory(resolved, ignored)) {
    return error("is a folder; name a file");
  }
  const std::filesystem::path folder =
      std::filesystem::absolute(resolved, ignored).parent_path();
  if (!std::filesystem::is_directory(folder, ignored)) {
    return error("its folder does not exist; make it first");
  }
  if (access(folder.c_str(), W_OK) != 0) {
    return error("its folder cannot be written to");
  }
  return absl::OkStatus();
}

absl::Status CheckOutputs(const SearchTask& task) {
  if (!task.out_indices.empty()) {
    RCT_RETURN_IF_ERROR(CheckOutput("--out_indices", task.out_indices, task));
  }
  if (!task.out_distances.empty()) {
    RCT_RETURN_IF_ERROR(
        CheckOutput("--out_distances", task.out_distances, task));
  }
  if (!task.out_indices.empty() && !task.out_distances.empty() &&
      SameFile(ResolvePath(task.out_indices),
               ResolvePath(task.out_distances))) {
    return absl::InvalidArgumentError(
        absl::StrCat("--out_indices and --out_distances: both name ",
                     task.out_indices, "; each needs a file of its own"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ResidualModel> FromFactors(const SearchTask& task,
                                          MatrixView<const double> points) {
  RCT_ASSIGN_OR_RETURN(const Matrix<double> v,
                       Read("--factors", task.factors, ReadMatrix));
  RCT_ASSIGN_OR_RETURN(
      const std::vector<double> variance,
      Read("--residual_variance", task.residual_variance, ReadVector));
  return InFlags(ResidualModel::FromFactors(
      points, task.index.residual().kernel(), v.view(), variance));
}

absl::StatusOr<ResidualModel> MakeModel(const SearchTask& task,
                                        MatrixView<const double> points) {
  if (!task.factors.empty()) return FromFactors(task, points);
  ResidualConfig config = task.index.residual();
  if (!task.inducing_rows.empty()) {
    RCT_ASSIGN_OR_RETURN(
        const std::vector<int64_t> rows,
        Read("--inducing_rows", task.inducing_rows, ReadIndices));
    if (rows.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--inducing_rows: ", task.inducing_rows,
                       ": has no rows; for none say --no_inducing"));
    }
    config.mutable_inducing()->mutable_rows()->mutable_row()->Add(rows.begin(),
                                                                  rows.end());
  }
  if (!task.inducing_points.empty()) {
    RCT_ASSIGN_OR_RETURN(
        const Matrix<double> z,
        Read("--inducing_points", task.inducing_points, ReadMatrix));
    if (z.rows() == 0 || z.cols() != points.cols) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--inducing_points: ", task.inducing_points, ": has ", z.rows(),
          " rows of ", z.cols(), " columns; at least 1 row is needed, of ",
          points.cols, " columns as --points has"));
    }
    config.mutable_inducing()->mutable_coordinates()->mutable_value()->Add(
        z.data(), z.data() + z.rows() * z.cols());
  }
  return InFlags(ResidualModel::Create(points, config, task.index.threads()));
}

// Queries of either kind.
struct Queries {
  int64_t size() const {
    return is_rows ? static_cast<int64_t>(rows.size()) : points.rows();
  }

  // Neighbours of queries [first, first + count).
  template <class Index>
  absl::StatusOr<SearchResult> Search(const Index& index, int64_t first,
                                      int64_t count,
                                      const SearchOptions& options) const {
    if (is_rows) {
      return index.Search(absl::MakeSpan(rows).subspan(first, count), options);
    }
    return index.SearchPoints(
        MatrixView<const double>(points.row(first), count, points.cols()),
        options);
  }

  bool is_rows = true;
  std::vector<int64_t> rows;
  Matrix<double> points;
};

// For `size` points of `dim` coordinates, which are those of `flag`.
absl::StatusOr<Queries> ReadQueries(const SearchTask& task,
                                    std::string_view flag, int64_t size,
                                    int64_t dim) {
  Queries queries;
  if (!task.queries.empty()) {
    queries.is_rows = false;
    RCT_ASSIGN_OR_RETURN(queries.points,
                         Read("--queries", task.queries, ReadMatrix));
    if (queries.points.cols() != dim) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--queries: ", task.queries, ": has ", queries.points.cols(),
          " columns, ", flag, " has ", dim, "; both must have the same"));
    }
  } else if (!task.query_rows.empty()) {
    RCT_ASSIGN_OR_RETURN(queries.rows,
                         Read("--query_rows", task.query_rows, ReadIndices));
    for (size_t i = 0; i < queries.rows.size(); ++i) {
      if (queries.rows[i] < 0 || queries.rows[i] >= size) {
        return absl::InvalidArgumentError(
            absl::StrCat("--query_rows: ", task.query_rows, ": row ", i, " is ",
                         queries.rows[i], "; must be from 0 to ", size - 1,
                         ", the last row of ", flag));
      }
    }
  } else {
    queries.rows.resize(size);
    std::iota(queries.rows.begin(), queries.rows.end(), 0);
  }
  return queries;
}

absl::StatusOr<Matrix<double>> ReadPoints(const SearchTask& task) {
  RCT_ASSIGN_OR_RETURN(Matrix<double> points,
                       Read("--points", task.points, ReadMatrix));
  if (points.rows() == 0 || points.cols() == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--points: ", task.points, ": has ", points.rows(), " rows of ",
        points.cols(), " columns; at least one of each is needed"));
  }
  return points;
}

// An index that will be asked for so many queries in all.
absl::StatusOr<ResidualIndex> BuildIndex(const SearchTask& task,
                                         MatrixView<const double> points,
                                         int64_t expected_queries) {
  RCT_ASSIGN_OR_RETURN(ResidualModel model, MakeModel(task, points));
  IndexOptions options = task.index;
  options.clear_residual();
  if (options.strategy() == BLOCK) {
    options.mutable_heuristics()
        ->mutable_skeleton_bound()
        ->set_expected_queries(expected_queries);
  }
  return InFlags(ResidualIndex::Build(std::move(model), options));
}

struct PreparedSearch {
  ResidualIndex index;
  Queries queries;
};

// Queries are looked at before an index is built.
absl::StatusOr<PreparedSearch> Prepare(const SearchTask& task) {
  if (task.index_file.empty()) {
    RCT_ASSIGN_OR_RETURN(const Matrix<double> points, ReadPoints(task));
    RCT_ASSIGN_OR_RETURN(
        Queries queries,
        ReadQueries(task, "--points", points.rows(), points.cols()));
    RCT_ASSIGN_OR_RETURN(ResidualIndex index,
                         BuildIndex(task, points.view(), queries.size()));
    return PreparedSearch{std::move(index), std::move(queries)};
  }
  absl::StatusOr<ResidualIndex> index = ResidualIndex::Load(
      ResolvePath(task.index_file), {.threads = task.index.threads()});
  if (!index.ok()) return Annotate(index.status(), "--index");
  RCT_ASSIGN_OR_RETURN(Queries queries,
                       ReadQueries(task, "--index", index->size(),
                                   index->model().metric()->dim()));
  return PreparedSearch{*std::move(index), std::move(queries)};
}

void CopyRows(const NeighborTable& from, NeighborTable& to, int64_t first) {
  for (int64_t i = 0; i < from.num_queries(); ++i) {
    std::copy_n(from.rows().row(i), from.k(), to.rows().row(first + i));
    std::copy_n(from.distances().row(i), from.k(),
                to.distances().row(first + i));
  }
}

template <class Index>
absl::StatusOr<NeighborTable> SearchAll(const Index& index,
                                        const Queries& queries,
                                        const SearchOptions& options) {
  NeighborTable table(queries.size(), options.k);
  Progress progress("searching", queries.size());
  for (int64_t first = 0; first < queries.size(); first += kBatch) {
    const int64_t count = std::min(kBatch, queries.size() - first);
    RCT_ASSIGN_OR_RETURN(const SearchResult result,
                         queries.Search(index, first, count, options));
    CopyRows(result.neighbors, table, first);
    progress.Advance(count);
  }
  return table;
}

template <class Index>
absl::StatusOr<std::string> Audit(const Index& exhaustive,
                                  const Queries& queries,
                                  const SearchTask& task,
                                  const NeighborTable& answers) {
  RandomStream stream(/*seed=*/1, kAuditStream);
  const std::vector<int64_t> sample = SampleWithoutReplacement(
      queries.size(), std::min(task.audit, queries.size()), stream);
  NeighborTable expected(static_cast<int64_t>(sample.size()), answers.k());
  Progress progress("auditing", expected.num_queries());
  for (int64_t i = 0; i < expected.num_queries(); ++i) {
    RCT_ASSIGN_OR_RETURN(const SearchResult result,
                         queries.Search(exhaustive, sample[i], 1, task.search));
    CopyRows(result.neighbors, expected, i);
    progress.Advance(1);
  }
  RCT_RETURN_IF_ERROR(CompareAudit(answers, sample, expected));
  return absl::StrCat("audit: ", sample.size(), " of ", queries.size(),
                      " queries searched again, exhaustively: same bits");
}

template <class T>
std::string Serialize(MatrixFormat format, std::string_view column,
                      MatrixView<const T> table) {
  return format == MatrixFormat::kCsv ? SerializeCsv(column, table)
                                      : SerializeNpy(table);
}

absl::StatusOr<std::string> Write(const SearchTask& task,
                                  const NeighborTable& table) {
  std::vector<FileToWrite> files;
  std::string indices, distances, report;
  const auto add = [&](const std::string& path, const std::string& contents) {
    files.push_back({ResolvePath(path), contents});
    absl::StrAppend(&report, report.empty() ? "wrote " : " and ", path);
  };
  if (!task.out_indices.empty()) {
    indices = Serialize(task.out_indices_format, "neighbor", table.rows());
    add(task.out_indices, indices);
  }
  if (!task.out_distances.empty()) {
    distances =
        Serialize(task.out_distances_format, "distance", table.distances());
    add(task.out_distances, distances);
  }
  RCT_RETURN_IF_ERROR(WriteFilesAtomically(files));
  return absl::StrCat(report, ": ", table.num_queries(), " x ", table.k());
}

// Searches, audits against what `make_exhaustive` makes, and writes.
template <class Index, class MakeExhaustive>
absl::StatusOr<std::string> Answer(const Index& index, const Queries& queries,
                                   const SearchTask& task,
                                   MakeExhaustive make_exhaustive) {
  RCT_ASSIGN_OR_RETURN(const NeighborTable neighbors,
                       SearchAll(index, queries, task.search));

  std::vector<std::string> report;
  if (task.audit > 0) {
    RCT_ASSIGN_OR_RETURN(const Index exhaustive, make_exhaustive());
    RCT_ASSIGN_OR_RETURN(report.emplace_back(),
                         Audit(exhaustive, queries, task, neighbors));
  }
  RCT_ASSIGN_OR_RETURN(report.emplace_back(), Write(task, neighbors));
  int64_t short_rows = 0;
  for (int64_t i = 0; i < neighbors.num_queries(); ++i) {
    short_rows += neighbors.count(i) < neighbors.k();
  }
  if (short_rows > 0) {
    report.push_back(absl::StrCat(short_rows, " queries have fewer than ",
                                  neighbors.k(),
                                  " neighbors: row -1 at distance inf"));
  }
  return absl::StrJoin(report, "\n");
}

absl::StatusOr<std::string> RunEuclidean(const SearchTask& task) {
  RCT_ASSIGN_OR_RETURN(const Matrix<double> points, ReadPoints(task));
  RCT_ASSIGN_OR_RETURN(
      const Queries queries,
      ReadQueries(task, "--points", points.rows(), points.cols()));
  EuclideanIndexOptions options;
  options.set_threads(task.index.threads());
  if (task.index.has_strategy()) options.set_strategy(task.index.strategy());
  RCT_ASSIGN_OR_RETURN(const EuclideanIndex index,
                       InFlags(EuclideanIndex::Build(points.view(), options)));
  return Answer(index, queries, task, [&] {
    options.set_strategy(EXHAUSTIVE);
    return EuclideanIndex::Build(points.view(), options);
  });
}

}  // namespace

absl::Status CompareAudit(const NeighborTable& answers,
                          absl::Span<const int64_t> queries,
                          const NeighborTable& expected) {
  const Verdict verdict = CheckExact(answers.Select(queries), expected);
  if (verdict.pass) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(
      "--audit: the answer differs from exhaustive search: ", verdict.message,
      " (queries as audited); this is a bug, please report it"));
}

absl::StatusOr<std::string> RunSearch(const SearchTask& task) {
  RCT_RETURN_IF_ERROR(CheckOutputs(task));
  if (task.euclidean) return RunEuclidean(task);
  RCT_ASSIGN_OR_RETURN((const auto [index, queries]), Prepare(task));
  return Answer(index, queries, task, [&model = index.model()] {
    IndexOptions options;
    options.set_strategy(EXHAUSTIVE);
    return ResidualIndex::Build(model, options);
  });
}

absl::StatusOr<std::string> RunBuild(const SearchTask& task) {
  RCT_RETURN_IF_ERROR(CheckOutput("--index", task.index_file, task));
  RCT_ASSIGN_OR_RETURN(const Matrix<double> points, ReadPoints(task));
  // A file is made to be searched often.
  RCT_ASSIGN_OR_RETURN(const ResidualIndex index,
                       BuildIndex(task, points.view(), points.rows()));
  RCT_RETURN_IF_ERROR(
      Annotate(index.Save(ResolvePath(task.index_file), task.index.threads()),
               "--index"));
  return absl::StrCat("wrote ", task.index_file, ": an index of ", index.size(),
                      " points");
}

}  // namespace rct
