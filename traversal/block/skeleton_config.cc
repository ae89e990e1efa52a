#include "traversal/block/skeleton_config.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "metric/kernel.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_bounds.h"

namespace rct {
namespace {

constexpr int64_t kMinBlockSize = 32;
constexpr int64_t kMaxBlockSize = 8192;

double AutomaticResidual(KernelFamily family) {
  return family == KernelFamily::kRbf ? 0.05 : 0.07;
}

// Early rows lie in the first quarter of a block, late ones in the last half.
constexpr int kRowSplits = 2;

}  // namespace

absl::Status ValidateSkeletonBoundConfig(const SkeletonBoundConfig& config) {
  if (config.form() == SkeletonBoundConfig::FORM_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        "heuristics.skeleton_bound.form: not given; choose AUTO, TABLES, "
        "PROJECTIONS or DENSE");
  }
  const int32_t size = config.block_size();
  if (size != 0 && (size < kMinBlockSize || size > kMaxBlockSize ||
                    !std::has_single_bit(static_cast<uint32_t>(size)))) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.skeleton_bound.block_size: is ", size,
                     "; must be a power of two from ", kMinBlockSize, " to ",
                     kMaxBlockSize, ", or 0"));
  }
  if (!(config.rms_residual() >= 0) || !(config.rms_residual() < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.skeleton_bound.rms_residual: is ",
                     config.rms_residual(), "; must be from 0 to below 1"));
  }
  if (config.expected_queries() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.skeleton_bound.expected_queries: is ",
                     config.expected_queries(), "; must not be negative"));
  }
  if (config.memory_bytes() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("heuristics.skeleton_bound.memory_bytes: is ",
                     config.memory_bytes(), "; must not be negative"));
  }
  return absl::OkStatus();
}

int64_t AutomaticBlockSize(int64_t n, int64_t m, KernelFamily family) {
  const double ratio = static_cast<double>(n) / std::max<double>(1.0, m);
  const int cell = family == KernelFamily::kRbf ? 32 : 16;
  const auto size = static_cast<uint64_t>(cell * std::sqrt(ratio));
  return std::clamp<int64_t>(std::bit_floor(size + size / 3), 2 * kMinBlockSize,
                             kMaxBlockSize / 4);
}

double MemoryOf(const SkeletonBoundConfig& config) {
  return config.memory_bytes() > 0 ? static_cast<double>(config.memory_bytes())
                                   : std::numeric_limits<double>::infinity();
}

SkeletonOptions SkeletonOptionsFor(const ResidualCorrelation& metric,
                                   const SkeletonBoundConfig& config,
                                   bool group_by_row, const SlackScale& scale) {
  const KernelFamily family = metric.kernel().family();
  return {
      .block_size = config.block_size() > 0
                        ? config.block_size()
                        : AutomaticBlockSize(metric.size(),
                                             metric.data().v.cols(), family),
      .rms_residual = config.rms_residual() > 0 ? config.rms_residual()
                                                : AutomaticResidual(family),
      .row_splits = group_by_row ? kRowSplits : 0,
      .scale = scale};
}

}  // namespace rct
