// Vecchia models.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/status_macros.h"
#include "index/c/arguments.h"
#include "index/c/call.h"
#include "index/c/handle.h"
#include "index/c/rct.h"
#include "index/c/run.h"
#include "index/residual_index.h"
#include "index/vecchia/vecchia_model.h"

struct rct_model {
  rct::VecchiaModel model;
};

int32_t rct_model_new(const rct_index* index, int64_t k, double noise,
                      const int64_t* order, int64_t order_count,
                      const rct_run* run, rct_model** model,
                      rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("model", model));
    *model = nullptr;
    RCT_RETURN_IF_ERROR(rct::NotNull("index", index));
    const rct::ResidualIndex* const residual = index->index.residual();
    if (residual == nullptr) {
      return absl::FailedPreconditionError(
          "index: one of the metric \"euclidean\" has no covariance function; "
          "build one of \"residual\" or \"correlation\"");
    }
    RCT_ASSIGN_OR_RETURN(const absl::Span<const int64_t> rows,
                         rct::SpanAt("order", order, order_count));
    rct::Watch watch(run);
    RCT_ASSIGN_OR_RETURN(
        rct::VecchiaModel made,
        rct::VecchiaModel::Create(*residual, {.k = k,
                                              .noise = noise,
                                              .order = rows,
                                              .threads = rct::ThreadsOf(run),
                                              .monitor = watch.monitor()}));
    *model = new rct_model{std::move(made)};
    return absl::OkStatus();
  });
}

void rct_model_free(rct_model* model) { delete model; }

int64_t rct_model_size(const rct_model* model) {
  return model == nullptr ? -1 : model->model.size();
}

int64_t rct_model_dim(const rct_model* model) {
  return model == nullptr ? -1 : model->model.index().model().metric()->dim();
}

int64_t rct_model_k(const rct_model* model) {
  return model == nullptr ? -1 : model->model.k();
}

int32_t rct_model_log_likelihood(const rct_model* model, const double* y,
                                 int64_t n, double* log_likelihood,
                                 rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("model", model));
    RCT_RETURN_IF_ERROR(rct::NotNull("log_likelihood", log_likelihood));
    RCT_ASSIGN_OR_RETURN(const absl::Span<const double> observed,
                         rct::SpanAt("y", y, n));
    RCT_ASSIGN_OR_RETURN(*log_likelihood, model->model.LogLikelihood(observed));
    return absl::OkStatus();
  });
}

int32_t rct_model_solve(const rct_model* model, const double* y, int64_t n,
                        double* solution, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("model", model));
    RCT_ASSIGN_OR_RETURN(const absl::Span<const double> observed,
                         rct::SpanAt("y", y, n));
    if (n > 0) RCT_RETURN_IF_ERROR(rct::NotNull("solution", solution));
    RCT_ASSIGN_OR_RETURN(const std::vector<double> found,
                         model->model.Solve(observed));
    std::copy(found.begin(), found.end(), solution);
    return absl::OkStatus();
  });
}

int32_t rct_model_predict(const rct_model* model, const double* points,
                          int64_t q, int64_t d, const double* y, int64_t n,
                          const rct_run* run, double* mean, double* variance,
                          rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("model", model));
    RCT_ASSIGN_OR_RETURN(const rct::MatrixView<const double> at,
                         rct::PointsAt("points", points, q, d));
    RCT_ASSIGN_OR_RETURN(const absl::Span<const double> observed,
                         rct::SpanAt("y", y, n));
    if (q > 0) RCT_RETURN_IF_ERROR(rct::NotNull("mean", mean));
    rct::Watch watch(run);
    RCT_ASSIGN_OR_RETURN(const rct::VecchiaPrediction found,
                         model->model.Predict(at, observed, watch.monitor()));
    std::copy(found.mean.begin(), found.mean.end(), mean);
    if (variance == nullptr) return absl::OkStatus();
    std::copy(found.variance.begin(), found.variance.end(), variance);
    return absl::OkStatus();
  });
}
