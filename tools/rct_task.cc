#include "tools/rct_task.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/monitor.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "index/index_memory.h"
#include "index/ordered_graph.h"
#include "index/ordering.h"
#include "index/ordering.pb.h"
#include "index/residual_index.h"
#include "metric/inducing_points.h"
#include "metric/metric.pb.h"
#include "metric/simd_routines.h"
#include "tools/rct_coordinates.h"
#include "tools/rct_input.h"
#include "tools/rct_order.h"
#include "tools/rct_output.h"
#include "tools/rct_shard.h"
#include "tools/rct_watch.h"

namespace rct {
namespace {

// The beginnings of the library's errors, and what they become for flags.
constexpr std::pair<std::string_view, std::string_view> kFlagOf[] = {
    {"points: ", "--points: "},
    {"query points: ", "--queries: "},
    {"strategy: ", "--strategy: "},
    {"inducing: ", "--points: "},  // drawn from them
    {"inducing.rows.row", "--inducing_rows"},
    {"inducing.random.count: ", "--num_inducing: "},
    {"inducing.kmeans_plus_plus.count: ", "--num_inducing: "},
    {"inducing.kmeans.count: ", "--num_inducing: "},
    {"inducing.cover_tree.count: ", "--num_inducing: "},
    {"inducing.kmeans_plus_plus: ", "--inducing: "},
    {"inducing.kmeans: ", "--inducing: "},
    {"inducing.cover_tree: ", "--inducing: "},
    {"kernel.lengthscale", "--lengthscale"},
    {"lengthscale", "--lengthscale"},
    {"variance_floor: ", "--variance: variance_floor "},
    {"jitter: ", "--jitter: "},
    {"factors: V", "--factors: V"},
    {"factors: residual variance", "--residual_variance: p"},
    {"factors: ", "--factors: "},
    {"k: ", "--k: "},
    {"radius: ", "--radius: "},
    {"threads: ", "--threads: "},
    {"allowed: ", "--allowed_rows: "},
    {"order: ", "--order: "},
};

// Returns the contents of a file, read by a function of rct_input.h, or its
// error with the flag in front.
template <class T>
absl::StatusOr<T> Read(std::string_view flag, const std::string& path,
                       const ReadOptions& options,
                       absl::StatusOr<T> (*read)(const std::string&,
                                                 const ReadOptions&)) {
  absl::StatusOr<T> result = read(path, options);
  if (!result.ok()) return Annotate(result.status(), flag);
  return result;
}

KernelConfig KernelOf(const SearchTask& task, const Input& input) {
  KernelConfig kernel = task.index.residual().kernel();
  const std::vector<double> scales = ScalesOf(task, input);
  kernel.mutable_lengthscale()->Assign(scales.begin(), scales.end());
  return kernel;
}

// Returns ResourceExhausted where an index with m inducing points would be
// larger than it may be.
absl::Status CheckLimit(const SearchTask& task, const Input& input, int64_t m) {
  const int64_t n = input.points.rows();
  std::vector<MemoryNeed> needs =
      NeedsOf(task.index, n, input.points.cols(), m);
  if (!task.order_file.empty() ||
      task.order_method != OrderingConfig::METHOD_UNSPECIFIED) {
    needs.push_back({"points and factors before their order",
                     needs[0].bytes + needs[1].bytes + needs[2].bytes});
  }
  return CheckMemoryLimit(
      needs, task.index.memory_limit_bytes(),
      absl::StrCat(n, " points with ", m, " inducing points"));
}

absl::StatusOr<ResidualModel> FromFactors(const SearchTask& task,
                                          const Input& input) {
  RCT_ASSIGN_OR_RETURN(
      const Table<double> v,
      Read("--factors", task.factors, input.options, ReadInputTable));
  RCT_RETURN_IF_ERROR(CheckLimit(task, input, v.values.cols()));
  RCT_ASSIGN_OR_RETURN(const std::vector<double> variance,
                       Read("--residual_variance", task.residual_variance,
                            input.options, ReadInputVector));
  return InFlags(ResidualModel::FromFactors(
      input.points.view(), KernelOf(task, input), v.values.view(), variance));
}

// Adds to `config` the inducing points of a file, if the task names one.
absl::Status ReadInducing(const SearchTask& task, const Input& input,
                          InducingConfig& config) {
  if (!task.inducing_rows.empty()) {
    RCT_ASSIGN_OR_RETURN(const std::vector<int64_t> rows,
                         Read("--inducing_rows", task.inducing_rows,
                              input.options, ReadInputRows));
    if (rows.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--inducing_rows: ", task.inducing_rows,
                       ": has no rows; for none say --no_inducing"));
    }
    config.mutable_rows()->mutable_row()->Add(rows.begin(), rows.end());
  }
  if (!task.inducing_points.empty()) {
    RCT_ASSIGN_OR_RETURN(
        Table<double> table,
        Read("--inducing_points", task.inducing_points,
             task.coordinates.ForMore(input.options, input.info.names,
                                      /*ids=*/false),
             ReadInputTable));
    RCT_ASSIGN_OR_RETURN(const Matrix<double> z,
                         MatchColumns("--inducing_points", task.inducing_points,
                                      std::move(table), input.info));
    if (z.rows() == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--inducing_points: ", task.inducing_points,
                       ": has no rows; for none say --no_inducing"));
    }
    config.mutable_coordinates()->mutable_value()->Add(
        z.data(), z.data() + z.rows() * z.cols());
  }
  return absl::OkStatus();
}

// Returns row numbers of the points.
absl::StatusOr<std::vector<int64_t>> ReadRowsOf(const PointsInfo& points,
                                                std::string_view flag,
                                                const std::string& path,
                                                const ReadOptions& options) {
  RCT_ASSIGN_OR_RETURN(std::vector<int64_t> rows,
                       Read(flag, path, options, ReadInputRows));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || rows[i] >= points.size) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag, ": ", path, ": row ", i, " is ", rows[i],
                       "; must be from 0 to ", points.size - 1,
                       ", the last row of ", points.flag));
    }
  }
  return rows;
}

// Returns for each row whether it may be a neighbor, or null where all may.
absl::StatusOr<std::unique_ptr<bool[]>> ReadAllowed(
    const SearchTask& task, const PointsInfo& points,
    const ReadOptions& options) {
  if (task.allowed_rows.empty()) return nullptr;
  RCT_ASSIGN_OR_RETURN(
      const std::vector<int64_t> rows,
      ReadRowsOf(points, "--allowed_rows", task.allowed_rows, options));
  auto allowed = std::make_unique<bool[]>(points.size);
  for (const int64_t row : rows) allowed[row] = true;
  return allowed;
}

}  // namespace

absl::Status InFlags(const absl::Status& status) {
  for (const auto& [field, flag] : kFlagOf) {
    if (!absl::StartsWith(status.message(), field)) continue;
    return absl::Status(
        status.code(),
        absl::StrCat(flag, status.message().substr(field.size())));
  }
  return status;
}

std::vector<FileFlag> InputsOf(const SearchTask& task) {
  return {{"--index", task.index_file},
          {"--points", task.points},
          {"--query_rows", task.query_rows},
          {"--queries", task.queries},
          {"--allowed_rows", task.allowed_rows},
          {"--order", task.order_file},
          {"--inducing_rows", task.inducing_rows},
          {"--inducing_points", task.inducing_points},
          {"--factors", task.factors},
          {"--residual_variance", task.residual_variance}};
}

std::vector<double> ScalesOf(const SearchTask& task, const Input& input) {
  return LengthscalesOf(task.lengthscale, input.info.dim, input.info.lon_lat);
}

absl::StatusOr<ResidualConfig> ModelConfig(const SearchTask& task,
                                           const Input& input) {
  ResidualConfig config = task.index.residual();
  *config.mutable_kernel() = KernelOf(task, input);
  RCT_RETURN_IF_ERROR(ReadInducing(task, input, *config.mutable_inducing()));
  return config;
}

absl::StatusOr<ResidualModel> MakeModel(const SearchTask& task,
                                        const Input& input, Monitor* monitor) {
  if (!task.factors.empty()) return FromFactors(task, input);
  RCT_ASSIGN_OR_RETURN(const ResidualConfig config, ModelConfig(task, input));
  RCT_RETURN_IF_ERROR(
      CheckLimit(task, input,
                 InducingCount(config.inducing(), input.points.rows(),
                               input.points.cols())));
  return InFlags(ResidualModel::Create(input.points.view(), config,
                                       task.index.threads(), BestSimdRoutines(),
                                       monitor));
}

absl::StatusOr<TaskQueries> ReadQueries(const SearchTask& task,
                                        const PointsInfo& points,
                                        const ReadOptions& options,
                                        std::vector<std::string> ids) {
  TaskQueries queries;
  queries.ids.name = task.coordinates.id_column;
  if (!task.queries.empty()) {
    queries.is_rows = false;
    RCT_ASSIGN_OR_RETURN(
        Table<double> table,
        Read("--queries", task.queries,
             task.coordinates.ForMore(options, points.names, /*ids=*/true),
             ReadInputTable));
    queries.ids.queries = std::move(table.ids);
    RCT_ASSIGN_OR_RETURN(
        queries.points,
        MatchColumns("--queries", task.queries, std::move(table), points));
  } else if (!task.query_rows.empty()) {
    RCT_ASSIGN_OR_RETURN(queries.rows, ReadRowsOf(points, "--query_rows",
                                                  task.query_rows, options));
  } else {
    queries.rows.resize(points.size);
    std::iota(queries.rows.begin(), queries.rows.end(), 0);
  }
  for (size_t i = 0; i < queries.rows.size() && !ids.empty(); ++i) {
    queries.ids.queries.push_back(ids[static_cast<size_t>(queries.rows[i])]);
  }
  queries.ids.points = std::move(ids);
  RCT_ASSIGN_OR_RETURN(queries.allowed, ReadAllowed(task, points, options));
  return queries;
}

absl::StatusOr<std::vector<int64_t>> ReadOrder(const SearchTask& task,
                                               MatrixView<const double> points,
                                               absl::Span<const double> scales,
                                               const ReadOptions& options,
                                               const Interrupted& interrupted) {
  if (task.order_method != OrderingConfig::METHOD_UNSPECIFIED) {
    OrderingConfig config;
    config.set_method(task.order_method);
    config.mutable_lengthscale()->Assign(scales.begin(), scales.end());
    config.set_threads(task.index.threads());
    return OrderAndShow(points, config, interrupted);
  }
  std::vector<int64_t> order;
  if (task.order_file.empty()) return order;
  RCT_ASSIGN_OR_RETURN(
      order, Read("--order", task.order_file, options, ReadInputRows));
  RCT_RETURN_IF_ERROR(
      CheckInputOrder("--order", task.order_file, order, points.rows));
  return order;
}

void TakeShard(const Shard& shard, TaskQueries& queries) {
  queries.num_all = queries.size();
  Sha256 digest;
  digest.UpdateSpan(absl::MakeConstSpan(queries.rows));
  const Matrix<double>& points = queries.points;
  for (int64_t i = 0; i < points.rows(); ++i) {
    digest.UpdateSpan(absl::MakeConstSpan(points.row(i), points.cols()));
  }
  queries.digest = digest.HexDigest();
  const int64_t count = shard.Count(queries.num_all);
  if (queries.is_rows) {
    for (int64_t i = 0; i < count; ++i) {
      queries.rows[i] = queries.rows[shard.Query(i)];
    }
    queries.rows.resize(count);
    queries.rows.shrink_to_fit();
  } else {
    Matrix<double> some(count, points.cols());
    for (int64_t i = 0; i < count; ++i) {
      std::copy_n(points.row(shard.Query(i)), points.cols(), some.row(i));
    }
    queries.points = std::move(some);
  }
  if (queries.ids.queries.empty()) return;
  std::vector<std::string> ids;
  for (int64_t i = 0; i < count; ++i) {
    ids.push_back(std::move(queries.ids.queries[shard.Query(i)]));
  }
  queries.ids.queries = std::move(ids);
}

void PutInOrder(std::vector<int64_t> order, TaskQueries& queries) {
  if (order.empty()) return;
  queries.rows = RanksOf(order);
  queries.allowed = FlagsInOrder(
      absl::MakeConstSpan(queries.allowed.get(),
                          queries.allowed == nullptr ? 0 : order.size()),
      order);
  queries.order = std::move(order);
}

absl::StatusOr<ResidualModel> InOrder(const ResidualModel& model,
                                      const TaskQueries& queries) {
  if (queries.order.empty()) return model;
  return InFlags(model.Reordered(queries.order));
}

absl::StatusOr<Input> ReadPoints(const SearchTask& task,
                                 const ReadOptions& options) {
  absl::StatusOr<Table<double>> read =
      ReadInputPoints(task.points, options, task.coordinates);
  if (!read.ok()) return Annotate(read.status(), "--points");
  Table<double> table = *std::move(read);
  RCT_RETURN_IF_ERROR(
      Annotate(CheckInputPoints(task.points, table), "--points"));
  const int64_t columns = table.values.cols();
  if (task.coordinates.lon_lat) {
    RCT_RETURN_IF_ERROR(
        Annotate(Annotate(ConvertLonLat(table), task.points), "--points"));
  }
  if (!task.euclidean && task.lengthscale.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--lengthscale is missing: how far the process stays correlated, in ",
        task.coordinates.lon_lat ? "kilometres" : "the units of --points",
        "; to begin with, --lengthscale=",
        SuggestLengthscale(std::as_const(table.values).view(),
                           task.coordinates.lon_lat),
        " is the standard deviation of the coordinates"));
  }
  Input input{options,
              {"--points", table.values.rows(), columns, std::move(table.names),
               task.coordinates.lon_lat},
              std::move(table.values),
              std::move(table.ids)};
  return input;
}

}  // namespace rct
