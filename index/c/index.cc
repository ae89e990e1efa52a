// Makes, keeps and describes indexes.

#include "index/index.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/memory_limit.h"
#include "base/status_macros.h"
#include "index/advice.h"
#include "index/c/arguments.h"
#include "index/c/call.h"
#include "index/c/config.h"
#include "index/c/handle.h"
#include "index/c/rct.h"
#include "index/c/run.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// Hands an index to the caller, after what there is to say about it.
absl::Status HandOver(Index index, const rct_run* run, rct_index** handle) {
  auto made = std::make_unique<rct_index>(rct_index{std::move(index)});
  const ResidualIndex* const residual = made->index.residual();
  if (HearsWarnings(run) && residual != nullptr) {
    Warn(*run, AdviceOnModel(residual->model()));
  }
  *handle = made.release();
  return absl::OkStatus();
}

// Returns the first check of each function that makes an index, and clears what
// it returns.
absl::Status Begin(const char* name, rct_index** handle) {
  RCT_RETURN_IF_ERROR(NotNull(name, handle));
  *handle = nullptr;
  return absl::OkStatus();
}

// Returns ResourceExhausted where the file of a Euclidean index, whose points
// an index keeps, is larger than the limit.
absl::Status CheckSize(const std::string& path, int64_t limit) {
  std::error_code error;
  const auto bytes =
      static_cast<double>(std::filesystem::file_size(path, error));
  if (error || limit == 0 || bytes <= static_cast<double>(limit)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "memory_limit_bytes: the index in ", path, " takes ", HumanBytes(bytes),
      ", and may take ", HumanBytes(static_cast<double>(limit)),
      "; raise the limit"));
}

absl::StatusOr<Index> Load(const std::string& path,
                           const LoadOptions& options) {
  if (EuclideanIndex::IsFile(path)) {
    RCT_RETURN_IF_ERROR(CheckSize(path, options.memory_limit_bytes));
    RCT_ASSIGN_OR_RETURN(
        EuclideanIndex index,
        EuclideanIndex::Load(path, options.threads, options.monitor));
    return Index(std::move(index));
  }
  RCT_ASSIGN_OR_RETURN(ResidualIndex index, ResidualIndex::Load(path, options));
  return Index(std::move(index));
}

absl::StatusOr<ResidualConfig> ResidualOf(const rct_config& config) {
  RCT_ASSIGN_OR_RETURN(MetricConfig metric, MetricOf(config));
  switch (metric.metric_case()) {
    case MetricConfig::kResidual:
      return std::move(*metric.mutable_residual());
    case MetricConfig::kCorrelation: {
      ResidualConfig residual;
      *residual.mutable_kernel() = metric.correlation();
      residual.mutable_inducing()->mutable_none();
      return residual;
    }
    default:
      return absl::InvalidArgumentError(
          "metric: an index is rebuilt under \"residual\" or \"correlation\"; "
          "call rct_index_build for \"euclidean\"");
  }
}

}  // namespace
}  // namespace rct

int32_t rct_index_build(const double* points, int64_t n, int64_t d,
                        const rct_config* config, const rct_run* run,
                        rct_index** index, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::Begin("index", index));
    RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
    RCT_ASSIGN_OR_RETURN(const rct::MatrixView<const double> data,
                         rct::PointsAt("points", points, n, d));
    RCT_ASSIGN_OR_RETURN(const rct::MetricConfig metric,
                         rct::MetricOf(*config));
    rct::IndexOptions options;
    options.set_threads(rct::ThreadsOf(run));
    if (const int64_t limit = rct::MemoryLimitOf(run); limit > 0) {
      options.set_memory_limit_bytes(limit);
    }
    if (config->strategy != rct::STRATEGY_UNSPECIFIED) {
      options.set_strategy(config->strategy);
    }
    rct::Watch watch(run);
    RCT_ASSIGN_OR_RETURN(
        rct::Index built,
        rct::Index::Build(data, metric, options, watch.monitor()));
    return rct::HandOver(std::move(built), run, index);
  });
}

int32_t rct_index_rebuild(const rct_index* index, const rct_config* config,
                          const rct_run* run, rct_index** rebuilt,
                          rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::Begin("rebuilt", rebuilt));
    RCT_RETURN_IF_ERROR(rct::NotNull("index", index));
    RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
    const rct::ResidualIndex* const residual = index->index.residual();
    if (residual == nullptr) {
      return absl::FailedPreconditionError(
          "index: one of the metric \"euclidean\" cannot be rebuilt; call "
          "rct_index_build");
    }
    RCT_ASSIGN_OR_RETURN(const rct::ResidualConfig changed,
                         rct::ResidualOf(*config));
    rct::Watch watch(run);
    RCT_ASSIGN_OR_RETURN(
        rct::ResidualIndex built,
        residual->Rebuild(changed, rct::ThreadsOf(run), watch.monitor()));
    return rct::HandOver(std::move(built), run, rebuilt);
  });
}

int32_t rct_index_append(const rct_index* index, const double* points,
                         int64_t q, int64_t d, const rct_run* run,
                         rct_index** longer, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::Begin("longer", longer));
    RCT_RETURN_IF_ERROR(rct::NotNull("index", index));
    RCT_ASSIGN_OR_RETURN(const rct::MatrixView<const double> data,
                         rct::PointsAt("points", points, q, d));
    rct::Watch watch(run);
    RCT_ASSIGN_OR_RETURN(
        rct::Index built,
        index->index.Append(data, rct::ThreadsOf(run), watch.monitor()));
    return rct::HandOver(std::move(built), run, longer);
  });
}

int32_t rct_index_save(const rct_index* index, const char* path,
                       const rct_run* run, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("index", index));
    RCT_RETURN_IF_ERROR(rct::NotNull("path", path));
    const int threads = rct::ThreadsOf(run);
    rct::Watch watch(run);
    const rct::EuclideanIndex* const euclidean = index->index.euclidean();
    return euclidean != nullptr
               ? euclidean->Save(path, threads, watch.monitor())
               : index->index.residual()->Save(path, threads, watch.monitor());
  });
}

int32_t rct_index_load(const char* path, int32_t map, const rct_run* run,
                       rct_index** index, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::Begin("index", index));
    RCT_RETURN_IF_ERROR(rct::NotNull("path", path));
    rct::Watch watch(run);
    RCT_ASSIGN_OR_RETURN(
        rct::Index loaded,
        rct::Load(path, {.map = map != 0,
                         .threads = rct::ThreadsOf(run),
                         .memory_limit_bytes = rct::MemoryLimitOf(run),
                         .monitor = watch.monitor()}));
    return rct::HandOver(std::move(loaded), run, index);
  });
}

void rct_index_free(rct_index* index) { delete index; }

int64_t rct_index_size(const rct_index* index) {
  return index == nullptr ? -1 : index->index.size();
}

int64_t rct_index_dim(const rct_index* index) {
  return index == nullptr ? -1 : index->index.dim();
}

int64_t rct_index_num_inducing(const rct_index* index) {
  if (index == nullptr) return -1;
  const rct::ResidualIndex* const residual = index->index.residual();
  return residual == nullptr ? 0 : residual->model().metric()->data().v.cols();
}

const char* rct_index_metric(const rct_index* index) {
  if (index == nullptr) return nullptr;
  if (index->index.euclidean() != nullptr) return "euclidean";
  return rct_index_num_inducing(index) == 0 ? "correlation" : "residual";
}

const char* rct_index_strategy(const rct_index* index) {
  if (index == nullptr) return nullptr;
  switch (index->index.strategy()) {
    case rct::EXHAUSTIVE:
      return "exhaustive";
    case rct::LEVEL_SYNCHRONOUS:
      return "level_synchronous";
    case rct::BEST_FIRST:
      return "best_first";
    default:
      return "block";
  }
}
