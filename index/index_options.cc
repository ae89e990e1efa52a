#include "index/index_options.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "heuristics/composition/composition.h"
#include "index/index.pb.h"
#include "index/validation.h"

namespace rct {

Composition CompositionOf(const IndexOptions& options) {
  return {options.strategy(), options.tree(), options.heuristics()};
}

absl::Status ValidateIndexOptions(const IndexOptions& options) {
  RCT_RETURN_IF_ERROR(ValidateThreads(options.threads()));
  RCT_RETURN_IF_ERROR(ValidateMemoryLimit(options.memory_limit_bytes()));
  return ValidateStrategy(CompositionOf(options), options.has_tree());
}

namespace {

template <class Options>
absl::Status ValidateNames(const Options& options, int64_t dim) {
  if (options.lon_lat() && dim < 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("lon_lat: is for points of three chord coordinates and "
                     "more; these have ",
                     dim));
  }
  const int64_t columns = options.lon_lat() ? dim - 1 : dim;
  const int names = options.coordinate_name_size();
  if (names != 0 && names != columns) {
    return absl::InvalidArgumentError(absl::StrCat(
        "coordinate_name: ", names, " names for points of ", columns,
        options.lon_lat() ? " columns before their conversion to chords"
                          : " coordinates",
        "; give one for each, or none"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateCoordinates(const IndexOptions& options, int64_t dim) {
  return ValidateNames(options, dim);
}

absl::Status ValidateCoordinates(const EuclideanIndexOptions& options,
                                 int64_t dim) {
  return ValidateNames(options, dim);
}

}  // namespace rct
