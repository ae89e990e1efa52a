// Orders of points, and places on the Earth as points.

#include "index/ordering.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/status_macros.h"
#include "index/c/arguments.h"
#include "index/c/call.h"
#include "index/c/rct.h"
#include "index/c/run.h"
#include "index/ordering.pb.h"
#include "metric/sphere.h"

struct rct_ordering {
  rct_ordering() { config.set_method(rct::OrderingConfig::MAXMIN); }

  rct::OrderingConfig config;
};

namespace rct {
namespace {

// Sets an option set(config) of an ordering.
template <class Set>
int32_t SetOption(const char* call, rct_ordering* ordering, rct_error** error,
                  Set set) {
  return Answer(call, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(NotNull("ordering", ordering));
    return set(ordering->config);
  });
}

}  // namespace
}  // namespace rct

rct_ordering* rct_ordering_new(void) { return rct::NewOrNull<rct_ordering>(); }

void rct_ordering_free(rct_ordering* ordering) { delete ordering; }

int32_t rct_ordering_set_method(rct_ordering* ordering, const char* method,
                                rct_error** error) {
  return rct::SetOption(
      __func__, ordering, error,
      [&](rct::OrderingConfig& config) -> absl::Status {
        RCT_ASSIGN_OR_RETURN(
            const int number,
            rct::Choose("method", method,
                        *rct::OrderingConfig::Method_descriptor()));
        config.set_method(static_cast<rct::OrderingConfig::Method>(number));
        return absl::OkStatus();
      });
}

int32_t rct_ordering_set_lengthscales(rct_ordering* ordering,
                                      const double* values, int64_t count,
                                      rct_error** error) {
  return rct::SetOption(__func__, ordering, error,
                        [&](rct::OrderingConfig& config) -> absl::Status {
                          RCT_ASSIGN_OR_RETURN(
                              const absl::Span<const double> given,
                              rct::SpanAt("lengthscales", values, count));
                          google::protobuf::RepeatedField<double> copy(
                              given.begin(), given.end());
                          config.mutable_lengthscale()->Swap(&copy);
                          return absl::OkStatus();
                        });
}

int32_t rct_ordering_set_seed(rct_ordering* ordering, uint64_t seed,
                              rct_error** error) {
  return rct::SetOption(__func__, ordering, error,
                        [&](rct::OrderingConfig& config) {
                          config.set_seed(seed);
                          return absl::OkStatus();
                        });
}

int32_t rct_ordering_set_column(rct_ordering* ordering, int64_t column,
                                rct_error** error) {
  return rct::SetOption(__func__, ordering, error,
                        [&](rct::OrderingConfig& config) {
                          config.set_column(column);
                          return absl::OkStatus();
                        });
}

int32_t rct_ordering_set_num_first(rct_ordering* ordering, int64_t num_first,
                                   rct_error** error) {
  return rct::SetOption(__func__, ordering, error,
                        [&](rct::OrderingConfig& config) {
                          config.set_num_first(num_first);
                          return absl::OkStatus();
                        });
}

int32_t rct_order(const double* points, int64_t n, int64_t d,
                  const rct_ordering* ordering, const rct_run* run,
                  int64_t* order, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_ASSIGN_OR_RETURN(const rct::MatrixView<const double> data,
                         rct::PointsAt("points", points, n, d));
    if (n > 0) RCT_RETURN_IF_ERROR(rct::NotNull("order", order));
    rct::OrderingConfig config =
        ordering == nullptr ? rct_ordering().config : ordering->config;
    config.set_threads(rct::ThreadsOf(run));
    rct::Watch watch(run);
    RCT_ASSIGN_OR_RETURN(const std::vector<int64_t> found,
                         rct::OrderPoints(data, config, watch.monitor()));
    std::copy(found.begin(), found.end(), order);
    return absl::OkStatus();
  });
}

int32_t rct_lon_lat(const double* places, int64_t n, int64_t d, double* points,
                    rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_ASSIGN_OR_RETURN(const rct::MatrixView<const double> data,
                         rct::PointsAt("places", places, n, d));
    if (n > 0) RCT_RETURN_IF_ERROR(rct::NotNull("points", points));
    const absl::StatusOr<rct::Matrix<double>> chords = rct::LonLatToChord(data);
    RCT_RETURN_IF_ERROR(rct::Annotate(chords.status(), "places"));
    for (int64_t i = 0; i < chords->rows(); ++i) {
      std::copy_n(chords->row(i), chords->cols(), points + i * chords->cols());
    }
    return absl::OkStatus();
  });
}
