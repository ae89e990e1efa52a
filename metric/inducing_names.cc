#include "metric/inducing_names.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "metric/metric.pb.h"

namespace rct {

const std::vector<std::string>& InducingNames() {
  static const auto& names = *new std::vector<std::string>{
      "random", "kmeans++", "kmeans", "cover_tree"};
  return names;
}

InducingConfig InducingByName(int name, int64_t count,
                              std::optional<uint64_t> seed) {
  InducingConfig config;
  const auto draw = [&](auto& choice) {
    choice.set_count(count);
    if (seed.has_value()) choice.set_seed(*seed);
  };
  switch (name) {
    case 0:
      draw(*config.mutable_random());
      break;
    case 1:
      draw(*config.mutable_kmeans_plus_plus());
      break;
    case 2:
      draw(*config.mutable_kmeans());
      break;
    default:
      RCT_CHECK(name == 3);
      config.mutable_cover_tree()->set_count(count);
  }
  return config;
}

}  // namespace rct
