#include "experiments/workload.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "experiments/paths.h"
#include "index/residual_index.h"
#include "metric/inducing_points.h"
#include "metric/simd_routines.h"
#include "parity/audit.h"
#include "parity/gold/gold.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

// Separates this use of a seed from all others.
constexpr uint64_t kQueryStream = 0x71756572696573;

// The number of coordinates that may be generated: more must be a mistake.
// Below it sizes in bytes do not overflow.
constexpr int64_t kMaxCoordinates = int64_t{1} << 40;

// Returns the result, or its error with the field in front.
template <class T>
absl::StatusOr<T> ForField(std::string_view field, absl::StatusOr<T> result) {
  if (!result.ok()) return Annotate(result.status(), field);
  return result;
}

absl::StatusOr<Matrix<double>> Generate(const GeneratedPoints& config,
                                        const std::string& field) {
  if (config.count() < 0 || config.dimension() < 1 || config.clusters() < 1 ||
      !(config.cluster_radius() >= 0) ||
      std::max(config.count(), config.clusters()) >
          kMaxCoordinates / config.dimension()) {
    return absl::InvalidArgumentError(absl::StrCat(
        field,
        ": count must be at least 0, dimension and clusters at least 1, "
        "cluster_radius at least 0, and all coordinates together at most ",
        kMaxCoordinates, "; found {", config.ShortDebugString(), "}"));
  }
  PointSet set = PointSet::kNormal;
  switch (config.shape()) {
    case GeneratedPoints::NORMAL:
      set = PointSet::kNormal;
      break;
    case GeneratedPoints::UNIFORM_CUBE:
      set = PointSet::kUniformCube;
      break;
    case GeneratedPoints::CLUSTERS:
      set = PointSet::kClusters;
      break;
    case GeneratedPoints::GRID:
      set = PointSet::kGrid;
      break;
    case GeneratedPoints::CIRCLE:
      set = PointSet::kCircle;
      break;
    case GeneratedPoints::SHAPE_UNSPECIFIED:
      return absl::InvalidArgumentError(absl::StrCat(
          field,
          ".shape: not given; choose NORMAL, UNIFORM_CUBE, CLUSTERS, GRID or "
          "CIRCLE"));
  }
  return MakePointSet(set, config.count(), config.dimension(), config.seed(),
                      {config.clusters(), config.cluster_radius()});
}

}  // namespace

absl::StatusOr<Matrix<double>> LoadPoints(const PointSource& source,
                                          const std::string& field) {
  switch (source.source_case()) {
    case PointSource::kNpy:
      return ForField(absl::StrCat(field, ".npy"),
                      ReadNpyMatrix(ResolveProjectPath(source.npy())));
    case PointSource::kGenerated:
      return Generate(source.generated(), absl::StrCat(field, ".generated"));
    case PointSource::SOURCE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": no source given; set npy or generated"));
}

absl::StatusOr<Workload> Workload::Load(const WorkloadConfig& config) {
  Workload workload(config);
  if (config.name().empty()) {
    return absl::InvalidArgumentError("name: not given");
  }
  if (config.k() < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("k: is ", config.k(), "; must be at least 1"));
  }
  RCT_ASSIGN_OR_RETURN(workload.points_, LoadPoints(config.points(), "points"));
  RCT_RETURN_IF_ERROR(workload.LoadQueries());
  RCT_RETURN_IF_ERROR(workload.DrawAudit());
  RCT_RETURN_IF_ERROR(workload.LoadMetric());
  RCT_RETURN_IF_ERROR(workload.LoadExpected());
  return workload;
}

absl::Status Workload::LoadQueries() {
  const QuerySource& queries = config_.queries();
  switch (queries.source_case()) {
    case QuerySource::kAllRows:
      query_rows_.resize(num_points());
      std::iota(query_rows_.begin(), query_rows_.end(), 0);
      return absl::OkStatus();
    case QuerySource::kRandomRows: {
      const int64_t count = queries.random_rows().count();
      if (count < 1 || num_points() < 1) {
        return absl::InvalidArgumentError(
            absl::StrCat("queries.random_rows.count: is ", count, " of ",
                         num_points(), " rows; both must be at least 1"));
      }
      RandomStream stream(queries.random_rows().seed(), kQueryStream);
      for (int64_t i = 0; i < count; ++i) {
        query_rows_.push_back(
            static_cast<int64_t>(stream.UniformBelow(num_points())));
      }
      return absl::OkStatus();
    }
    case QuerySource::kRowsNpy: {
      RCT_ASSIGN_OR_RETURN(
          query_rows_,
          ForField("queries.rows_npy",
                   ReadNpyIndices(ResolveProjectPath(queries.rows_npy()))));
      return absl::OkStatus();
    }
    case QuerySource::kNewPoints: {
      RCT_ASSIGN_OR_RETURN(query_points_, LoadPoints(queries.new_points(),
                                                     "queries.new_points"));
      return absl::OkStatus();
    }
    case QuerySource::SOURCE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "queries: no source given; set all_rows, random_rows, rows_npy or "
      "new_points");
}

absl::Status Workload::LoadMetric() {
  const int sources = config_.residual().has_inducing() +
                      config_.has_inducing_rows_npy() +
                      config_.has_factors_npy();
  if (sources != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "exactly one of residual.inducing, inducing_rows_npy and factors_npy "
        "must be given; found ",
        sources));
  }
  if (config_.has_factors_npy() != config_.has_residual_variance_npy()) {
    return absl::InvalidArgumentError(
        "factors_npy and residual_variance_npy: one is given without the "
        "other");
  }
  if (config_.has_inducing_rows_npy()) {
    RCT_ASSIGN_OR_RETURN(
        const std::vector<int64_t> rows,
        ForField("inducing_rows_npy", ReadNpyIndices(ResolveProjectPath(
                                          config_.inducing_rows_npy()))));
    config_.mutable_residual()
        ->mutable_inducing()
        ->mutable_rows()
        ->mutable_row()
        ->Add(rows.begin(), rows.end());
  }
  if (config_.has_factors_npy()) {
    if (config_.residual().has_jitter() ||
        config_.residual().has_variance_floor()) {
      return absl::InvalidArgumentError(
          "residual.jitter and residual.variance_floor: are for inducing "
          "points; factors_npy has none");
    }
    RCT_ASSIGN_OR_RETURN(
        factors_,
        ForField("factors_npy",
                 ReadNpyMatrix(ResolveProjectPath(config_.factors_npy()))));
    RCT_ASSIGN_OR_RETURN(residual_variance_,
                         ForField("residual_variance_npy",
                                  ReadNpyVector(ResolveProjectPath(
                                      config_.residual_variance_npy()))));
  }
  return absl::OkStatus();
}

absl::Status Workload::LoadExpected() {
  if (!config_.has_gold()) return absl::OkStatus();
  const double tolerance = config_.gold().tolerance();
  if (!(tolerance >= 0) || !std::isfinite(tolerance)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "gold.tolerance: is ", tolerance, "; must be at least 0 and finite"));
  }
  RCT_ASSIGN_OR_RETURN(
      const Gold gold,
      ForField("gold.manifest",
               LoadGold(ResolveProjectPath(config_.gold().manifest()))));
  RCT_ASSIGN_OR_RETURN(
      const GoldAnswers* const answers,
      ForField("gold.answer", gold.Find(config_.gold().answer())));
  const NeighborTable& answer = answers->neighbors;
  if (answer.num_queries() != num_queries() || answer.k() < config_.k()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "gold.answer: ", config_.gold().answer(), " has ", answer.num_queries(),
        " queries with ", answer.k(), " neighbors each; the workload asks for ",
        num_queries(), " with ", config_.k()));
  }
  gold_ = answer.Clone();
  return absl::OkStatus();
}

absl::StatusOr<NeighborTable> Workload::GoldNeighbors(int64_t k) const {
  RCT_CHECK(gold_.has_value());
  if (k > gold_->k()) {
    return absl::InvalidArgumentError(
        absl::StrCat("k: is ", k, "; gold.answer has ", gold_->k(),
                     " neighbors of each query"));
  }
  return gold_->First(k);
}

int64_t Workload::num_queries() const {
  return query_points_.has_value() ? query_points_->rows()
                                   : static_cast<int64_t>(query_rows_.size());
}

absl::StatusOr<ResidualModel> Workload::MakeModel(int threads,
                                                  Monitor* monitor) const {
  if (factors_.has_value()) {
    return ResidualModel::FromFactors(points_.view(),
                                      config_.residual().kernel(),
                                      factors_->view(), residual_variance_);
  }
  return ResidualModel::Create(points_.view(), config_.residual(), threads,
                               BestSimdRoutines(), monitor);
}

absl::StatusOr<SearchResult> Workload::Search(const ResidualIndex& index,
                                              int64_t k, int threads,
                                              bool telemetry,
                                              Monitor* monitor) const {
  SearchOptions options = OptionsOf(k, threads, monitor);
  options.telemetry = telemetry;
  if (query_points_.has_value()) {
    return index.SearchPoints(query_points_->view(), options);
  }
  return index.Search(query_rows_, options);
}

absl::StatusOr<SearchResult> Workload::SearchAudited(const ResidualIndex& index,
                                                     int64_t k, int threads,
                                                     Monitor* monitor) const {
  const SearchOptions options = OptionsOf(k, threads, monitor);
  if (query_points_.has_value()) {
    Matrix<double> points(static_cast<int64_t>(audited_.size()),
                          query_points_->cols());
    for (size_t i = 0; i < audited_.size(); ++i) {
      std::copy_n(query_points_->row(audited_[i]), points.cols(),
                  points.row(static_cast<int64_t>(i)));
    }
    return index.SearchPoints(points.view(), options);
  }
  std::vector<int64_t> rows;
  rows.reserve(audited_.size());
  for (const int64_t i : audited_) rows.push_back(query_rows_[i]);
  return index.Search(rows, options);
}

SearchOptions Workload::OptionsOf(int64_t k, int threads,
                                  Monitor* monitor) const {
  return {.k = k,
          .exclude_self = config_.exclude_self(),
          .predecessor = config_.predecessor(),
          .monitor = monitor,
          .threads = threads};
}

absl::Status Workload::DrawAudit() {
  const int64_t count = config_.audit();
  if (count < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("audit: is ", count, "; must be at least 0"));
  }
  audited_ = rct::DrawAudit(num_queries(), count == 0 ? num_queries() : count);
  return absl::OkStatus();
}

std::string Workload::DataDigest() const {
  // Each part is hashed with its shape, so that numbers cannot move from one
  // part to the next.
  Sha256 hash;
  const auto add = [&](const auto* values, int64_t rows, int64_t cols) {
    const int64_t shape[] = {rows, cols};
    hash.UpdateSpan(absl::MakeConstSpan(shape));
    hash.UpdateSpan(absl::MakeConstSpan(values, rows * cols));
  };
  const auto add_list = [&](const auto& list) {
    add(list.data(), static_cast<int64_t>(list.size()), 1);
  };
  const auto add_matrix = [&](const Matrix<double>& matrix) {
    add(matrix.data(), matrix.rows(), matrix.cols());
  };
  const Matrix<double> none;
  const InducingConfig& inducing = config_.residual().inducing();
  add_matrix(points_);
  add_list(query_rows_);
  add_matrix(query_points_.has_value() ? *query_points_ : none);
  add_matrix(factors_.has_value() ? *factors_ : none);
  add_list(residual_variance_);
  add_list(inducing.rows().row());
  add_list(inducing.coordinates().value());
  const uint64_t draw[] = {static_cast<uint64_t>(inducing.random().count()),
                           inducing.random().seed()};
  hash.UpdateSpan(absl::MakeConstSpan(draw));
  // What is chosen by distance follows from the points and these.
  if (ChoosesByDistance(inducing)) {
    add_list(config_.residual().kernel().lengthscale());
    hash.Update(inducing.SerializeAsString());
  }
  return hash.HexDigest();
}

}  // namespace rct
