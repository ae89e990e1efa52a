#include "metric/kernel.h"

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace rct {
namespace {

bool PositiveAndFinite(double x) { return x > 0 && std::isfinite(x); }

}  // namespace

Kernel::Kernel(KernelFamily family, double variance,
               std::vector<double> inverse_lengthscale)
    : family_(family),
      variance_(variance),
      inverse_lengthscale_(std::move(inverse_lengthscale)) {}

absl::StatusOr<Kernel> Kernel::Create(const KernelConfig& config, int64_t dim) {
  if (dim < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "points have ", dim, " coordinates; at least 1 is needed"));
  }
  KernelFamily family = KernelFamily::kRbf;
  switch (config.family()) {
    case KernelConfig::RBF:
      family = KernelFamily::kRbf;
      break;
    case KernelConfig::MATERN12:
      family = KernelFamily::kMatern12;
      break;
    case KernelConfig::MATERN32:
      family = KernelFamily::kMatern32;
      break;
    case KernelConfig::MATERN52:
      family = KernelFamily::kMatern52;
      break;
    case KernelConfig::FAMILY_UNSPECIFIED:
      return absl::InvalidArgumentError(
          "kernel.family: not given; choose RBF, MATERN12, MATERN32 or "
          "MATERN52");
  }
  if (!PositiveAndFinite(config.variance())) {
    return absl::InvalidArgumentError(
        absl::StrCat("kernel.variance: is ", config.variance(),
                     "; must be positive and finite"));
  }
  const int given = config.lengthscale_size();
  if (given > 1 && given != dim) {
    return absl::InvalidArgumentError(absl::StrCat(
        "kernel.lengthscale: ", given, " values for points of ", dim,
        " coordinates; give one, or one for each coordinate"));
  }
  std::vector<double> inverse(dim, 1.0);
  for (int64_t t = 0; t < dim && given > 0; ++t) {
    const int source = given == 1 ? 0 : static_cast<int>(t);
    const double lengthscale = config.lengthscale(source);
    inverse[t] = 1 / lengthscale;
    if (!PositiveAndFinite(lengthscale) || !PositiveAndFinite(inverse[t])) {
      return absl::InvalidArgumentError(
          absl::StrCat("kernel.lengthscale[", source, "]: is ", lengthscale,
                       "; it and its inverse must be positive and finite"));
    }
  }
  return Kernel(family, config.variance(), std::move(inverse));
}

}  // namespace rct
