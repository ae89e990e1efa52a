// The names of the ways to choose inducing points of which users give only the
// number, on the command line and in Python.

#ifndef RCT_METRIC_INDUCING_NAMES_H_
#define RCT_METRIC_INDUCING_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metric/metric.pb.h"

namespace rct {

// Returns "random", "kmeans++", "kmeans" and "cover_tree".
const std::vector<std::string>& InducingNames();

// Returns the config that chooses `count` points by InducingNames()[name]. A
// seed that is not given is the default one; "cover_tree" has none.
InducingConfig InducingByName(int name, int64_t count,
                              std::optional<uint64_t> seed);

}  // namespace rct

#endif  // RCT_METRIC_INDUCING_NAMES_H_
