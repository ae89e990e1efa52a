#include "index/c/config.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/status_macros.h"
#include "index/c/arguments.h"
#include "index/c/call.h"
#include "index/c/rct.h"
#include "index/index.pb.h"
#include "metric/inducing_names.h"
#include "metric/metric.pb.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using Metric = rct_config::Metric;

const std::vector<std::string>& MetricWords() {
  static const auto& words =
      *new std::vector<std::string>{"residual", "correlation", "euclidean"};
  return words;
}

// Returns an error for an option without a use.
absl::Status Useless(const char* option, Metric metric) {
  return absl::InvalidArgumentError(absl::StrCat(
      option, ": the metric \"", MetricWords()[static_cast<int>(metric)],
      "\" has no use for it; do not call rct_config_set_", option,
      ", or choose another metric"));
}

absl::Status CheckUse(const rct_config& config) {
  if (config.metric == Metric::kResidual) return absl::OkStatus();
  if (config.residual.has_inducing()) return Useless("inducing", config.metric);
  if (config.residual.has_jitter()) return Useless("jitter", config.metric);
  if (config.metric == Metric::kCorrelation) return absl::OkStatus();
  const KernelConfig& kernel = config.residual.kernel();
  if (kernel.has_family()) return Useless("kernel", config.metric);
  if (kernel.has_variance()) return Useless("variance", config.metric);
  return absl::OkStatus();
}

absl::Status CheckNeed(const rct_config& config) {
  if (config.metric == Metric::kEuclidean) return absl::OkStatus();
  if (!config.residual.kernel().has_family()) {
    return absl::InvalidArgumentError(
        "kernel: is not given; call rct_config_set_kernel");
  }
  if (config.metric == Metric::kResidual && !config.residual.has_inducing()) {
    return absl::InvalidArgumentError(
        "inducing: is not given; call rct_config_set_inducing or one of its "
        "like, or choose the metric \"correlation\", which has no inducing "
        "points");
  }
  return absl::OkStatus();
}

// Sets a field of the config to a value made before, which does not fail.
void SetInducing(rct_config& config, InducingConfig& inducing) {
  config.residual.mutable_inducing()->Swap(&inducing);
}

}  // namespace

absl::StatusOr<MetricConfig> MetricOf(const rct_config& config) {
  RCT_RETURN_IF_ERROR(CheckUse(config));
  RCT_RETURN_IF_ERROR(CheckNeed(config));
  MetricConfig metric;
  switch (config.metric) {
    case Metric::kResidual:
      *metric.mutable_residual() = config.residual;
      break;
    case Metric::kCorrelation:
      *metric.mutable_correlation() = config.residual.kernel();
      break;
    case Metric::kEuclidean:
      *metric.mutable_euclidean()->mutable_lengthscale() =
          config.residual.kernel().lengthscale();
      break;
  }
  return metric;
}

}  // namespace rct

rct_config* rct_config_new(void) { return rct::NewOrNull<rct_config>(); }

void rct_config_free(rct_config* config) { delete config; }

int32_t rct_config_set_metric(rct_config* config, const char* metric,
                              rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
    RCT_ASSIGN_OR_RETURN(const int i,
                         rct::Choose("metric", metric, rct::MetricWords()));
    config->metric = static_cast<rct_config::Metric>(i);
    return absl::OkStatus();
  });
}

int32_t rct_config_set_kernel(rct_config* config, const char* family,
                              rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
    RCT_ASSIGN_OR_RETURN(
        const int number,
        rct::Choose("kernel", family, *rct::KernelConfig::Family_descriptor()));
    config->residual.mutable_kernel()->set_family(
        static_cast<rct::KernelConfig::Family>(number));
    return absl::OkStatus();
  });
}

int32_t rct_config_set_lengthscales(rct_config* config, const double* values,
                                    int64_t count, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
    RCT_ASSIGN_OR_RETURN(const absl::Span<const double> given,
                         rct::SpanAt("lengthscales", values, count));
    google::protobuf::RepeatedField<double> copy(given.begin(), given.end());
    config->residual.mutable_kernel()->mutable_lengthscale()->Swap(&copy);
    return absl::OkStatus();
  });
}

int32_t rct_config_set_variance(rct_config* config, double variance,
                                rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
    config->residual.mutable_kernel()->set_variance(variance);
    return absl::OkStatus();
  });
}

int32_t rct_config_set_inducing(rct_config* config, const char* method,
                                int64_t count, uint64_t seed,
                                rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
    RCT_ASSIGN_OR_RETURN(const int name,
                         rct::Choose("inducing", method, rct::InducingNames()));
    rct::InducingConfig inducing = rct::InducingByName(name, count, seed);
    rct::SetInducing(*config, inducing);
    return absl::OkStatus();
  });
}

int32_t rct_config_set_inducing_rows(rct_config* config, const int64_t* rows,
                                     int64_t count, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
    RCT_ASSIGN_OR_RETURN(const absl::Span<const int64_t> given,
                         rct::SpanAt("inducing rows", rows, count));
    rct::InducingConfig inducing;
    inducing.mutable_rows()->mutable_row()->Add(given.begin(), given.end());
    rct::SetInducing(*config, inducing);
    return absl::OkStatus();
  });
}

int32_t rct_config_set_inducing_points(rct_config* config, const double* points,
                                       int64_t m, int64_t d,
                                       rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
    RCT_RETURN_IF_ERROR(rct::ValidateArray("inducing points", points, m, d));
    if (m * d > std::numeric_limits<int32_t>::max()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "inducing points: ", m, " x ", d, " are more than 2^31 numbers"));
    }
    rct::InducingConfig inducing;
    inducing.mutable_coordinates()->mutable_value()->Add(points,
                                                         points + m * d);
    rct::SetInducing(*config, inducing);
    return absl::OkStatus();
  });
}

int32_t rct_config_set_jitter(rct_config* config, double jitter,
                              rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
    config->residual.set_jitter(jitter);
    return absl::OkStatus();
  });
}

int32_t rct_config_set_strategy(rct_config* config, const char* strategy,
                                rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
    RCT_ASSIGN_OR_RETURN(
        const int number,
        rct::Choose("strategy", strategy, *rct::Strategy_descriptor()));
    config->strategy = static_cast<rct::Strategy>(number);
    return absl::OkStatus();
  });
}
