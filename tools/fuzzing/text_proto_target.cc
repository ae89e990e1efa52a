// Configs in text form: of sweeps, whose cases are expanded, and of indexes,
// which are built over a few points and searched.

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "base/text_proto.h"
#include "experiments/cases.h"
#include "experiments/sweep.pb.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/ordering.h"
#include "index/ordering.pb.h"
#include "index/residual_index.h"
#include "tools/fuzzing/memory_file.h"
#include "tools/fuzzing/target.h"
#include "traversal/searcher.h"

namespace rct {

// A sweep over all subsets has 4096 cases at most, and a case is an index's
// config.
const FuzzLimits kFuzzLimits = {.per_byte = 1 << 15, .constant = 1 << 25};

namespace {

constexpr int64_t kRows = 24;

const Matrix<double>& Points() {
  static const auto& points =
      *new Matrix<double>(MakePointSet(PointSet::kUniformCube, kRows, 2, 1));
  return points;
}

template <class Index, class Options>
void TryIndex(Options options) {
  options.set_threads(1);
  const auto index = Index::Build(Points().view(), options);
  if (index.ok()) {
    const auto found = index->Search({0, 7}, {.k = 3, .threads = 1});
    RCT_CHECK(found.ok());
    RCT_CHECK(found->neighbors.num_queries() == 2);
  } else {
    RCT_CHECK(!index.status().message().empty());
    RCT_CHECK(!absl::IsInternal(index.status()));
  }
}

}  // namespace
}  // namespace rct

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const rct::MemoryFile file(rct::InputOf(data, size));
  const auto reads = [&file](auto& message) {
    return rct::ReadTextProto(file.path(), message).ok();
  };
  rct::SweepConfig sweep;
  rct::IndexOptions residual;
  rct::EuclideanIndexOptions euclidean;
  rct::OrderingConfig ordering;
  if (reads(sweep)) rct::ExpandCases(sweep).status().IgnoreError();
  if (reads(residual)) rct::TryIndex<rct::ResidualIndex>(residual);
  if (reads(euclidean)) rct::TryIndex<rct::EuclideanIndex>(euclidean);
  if (reads(ordering)) {
    ordering.set_threads(1);
    rct::OrderPoints(rct::Points().view(), ordering).status().IgnoreError();
  }
  return 0;
}
