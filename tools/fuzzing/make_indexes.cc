// Writes the inputs of the index target, which other versions of the format
// would be refused for their version alone: make_indexes FILE..., of which each
// name says what is in it.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int64_t kRows = 70;

IndexOptions Options(Strategy strategy) {
  IndexOptions options;
  options.set_strategy(strategy);
  options.set_threads(1);
  ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(KernelConfig::MATERN32);
  residual.mutable_kernel()->add_lengthscale(0.3);
  residual.mutable_inducing()->mutable_random()->set_count(4);
  return options;
}

IndexOptions Blocks(SkeletonBoundConfig::Form form) {
  IndexOptions options = Options(BLOCK);
  auto& skeletons = *options.mutable_heuristics()->mutable_skeleton_bound();
  skeletons.set_form(form);
  skeletons.set_block_size(32);
  return options;
}

InducingConfig& Inducing(IndexOptions& options) {
  return *options.mutable_residual()->mutable_inducing();
}

std::map<std::string, IndexOptions> ResidualOptions() {
  std::map<std::string, IndexOptions> all = {
      {"exhaustive", Options(EXHAUSTIVE)},
      {"screen", Options(EXHAUSTIVE)},
      {"tree", Options(LEVEL_SYNCHRONOUS)},
      {"static_tree", Options(BEST_FIRST)},
      {"dense", Blocks(SkeletonBoundConfig::DENSE)},
      {"tables", Blocks(SkeletonBoundConfig::TABLES)},
      {"projections", Blocks(SkeletonBoundConfig::PROJECTIONS)},
      {"auto", Blocks(SkeletonBoundConfig::AUTO)},
      {"far_field", Options(BLOCK)},
      {"kmeans_plus_plus", Options(EXHAUSTIVE)},
      {"centers", Options(BLOCK)},
      {"correlation", Options(BLOCK)},
  };
  all["screen"].mutable_heuristics()->mutable_float_screen();
  all["tree"].mutable_heuristics()->mutable_level_cache();
  all["tree"].mutable_heuristics()->mutable_masked_dedupe();
  all["static_tree"].mutable_tree()->set_structure(CoverTreeConfig::STATIC);
  all["far_field"].mutable_heuristics()->mutable_far_field();
  Inducing(all["kmeans_plus_plus"]).mutable_kmeans_plus_plus()->set_count(4);
  Inducing(all["centers"]).mutable_kmeans()->set_count(4);
  Inducing(all["correlation"]).mutable_none();
  return all;
}

template <class Index, class Options>
void Write(const std::string& path, const Options& options) {
  const Matrix<double> points =
      MakePointSet(PointSet::kUniformCube, kRows, 2, 1);
  const auto index = Index::Build(points.view(), options);
  const absl::Status status = index.ok() ? index->Save(path) : index.status();
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", path.c_str(), status.ToString().c_str());
  std::exit(1);
}

void Write(const std::string& path) {
  const std::string name = std::filesystem::path(path).stem().string();
  EuclideanIndexOptions euclidean;
  euclidean.add_lengthscale(0.5);
  if (name == "euclidean") return Write<EuclideanIndex>(path, euclidean);
  if (name == "euclidean_tree") {
    euclidean.set_strategy(BEST_FIRST);
    return Write<EuclideanIndex>(path, euclidean);
  }
  const auto all = ResidualOptions();
  RCT_CHECK(all.contains(name));
  Write<ResidualIndex>(path, all.at(name));
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) rct::Write(argv[i]);
}
