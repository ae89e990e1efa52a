#include "index/index_memory.h"

#include <malloc.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "base/sanitizers.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "traversal/build_phase.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// Returns the bytes of memory that the process holds and has written to, what
// the allocator keeps for later given back: 0 under a sanitizer, whose
// allocator keeps more.
double AllocatedBytes() {
  if (kWatchesMemory) return 0;
  malloc_trim(0);
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    double kilobytes = 0;
    if (word == "RssAnon:" && status >> kilobytes) return 1024 * kilobytes;
  }
  ADD_FAILURE() << "/proc/self/status has no RssAnon";
  return 0;
}

// Small arrays, and the rest of the huge pages of large ones.
constexpr double kSlack = 24 << 20;

IndexOptions Options(KernelConfig::Family family, int64_t m,
                     Strategy strategy) {
  IndexOptions options;
  ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(family);
  if (m == 0) {
    residual.mutable_inducing()->mutable_none();
  } else {
    residual.mutable_inducing()->mutable_random()->set_count(m);
  }
  options.set_strategy(strategy);
  options.set_threads(2);
  return options;
}

double Needed(const IndexOptions& options, const Matrix<double>& points) {
  return TotalBytes(NeedsOf(options, points.rows(), points.cols(),
                            options.residual().inducing().random().count()));
}

// Needs are neither less nor much more than what an index keeps.
TEST(IndexMemoryTest, NeedsAreWhatIsKept) {
  const Matrix<double> points =
      MakePointSet(PointSet::kUniformCube, 60'000, 3, 1);
  std::vector<IndexOptions> all = {
      Options(KernelConfig::RBF, 200, EXHAUSTIVE),
      Options(KernelConfig::RBF, 200, EXHAUSTIVE),
      Options(KernelConfig::MATERN32, 200, LEVEL_SYNCHRONOUS)};
  all[1].mutable_heuristics()->mutable_float_screen();
  all[2].mutable_tree()->set_structure(CoverTreeConfig::STATIC);
  for (const IndexOptions& options : all) {
    SCOPED_TRACE(options.ShortDebugString());
    const double before = AllocatedBytes();
    const auto index = ResidualIndex::Build(points.view(), options);
    ASSERT_THAT(index, IsOk());
    const double kept = AllocatedBytes() - before;
    const double needed = Needed(options, points);
    EXPECT_LE(kept, needed + kSlack);
    if (before > 0) {
      EXPECT_GE(kept, 0.9 * needed);
    }
  }
}

TEST(IndexMemoryTest, TheLimitIsKeptToTheByte) {
  const Matrix<double> points =
      MakePointSet(PointSet::kUniformCube, 1000, 3, 1);
  for (const Strategy strategy :
       {EXHAUSTIVE, LEVEL_SYNCHRONOUS, BEST_FIRST, BLOCK}) {
    IndexOptions options = Options(KernelConfig::MATERN52, 100, strategy);
    const auto needed = static_cast<int64_t>(Needed(options, points));
    options.set_memory_limit_bytes(needed);
    EXPECT_THAT(ResidualIndex::Build(points.view(), options), IsOk());
    options.set_memory_limit_bytes(needed - 1);
    EXPECT_THAT(
        ResidualIndex::Build(points.view(), options),
        StatusIs(absl::StatusCode::kResourceExhausted,
                 AllOf(StartsWith("memory_limit_bytes: an index of 1000 points "
                                  "with 100 inducing points takes "),
                       HasSubstr("points 23 KiB"), HasSubstr("V 812 KiB"),
                       HasSubstr("p and 1/sqrt(p) 16 KiB"),
                       HasSubstr("K(Z,Z) and its factor 162 KiB"),
                       HasSubstr("; raise the limit, or take fewer"))));
  }
  IndexOptions options = Options(KernelConfig::MATERN52, 100, BLOCK);
  options.set_memory_limit_bytes(-1);
  EXPECT_THAT(ResidualIndex::Build(points.view(), options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "memory_limit_bytes: is -1; must not be negative"));
}

double PhaseBytes(const ResidualIndex& index) {
  double bytes = 0;
  for (const BuildPhase& phase : index.phases()) {
    bytes += static_cast<double>(phase.bytes);
  }
  return bytes;
}

// BLOCK makes what fits into the limit, and answers the same.
TEST(IndexMemoryTest, BlockLeavesOutWhatDoesNotFit) {
  constexpr int64_t kRows = 9'000;
  const Matrix<double> points =
      MakePointSet(PointSet::kUniformCube, kRows, 2, 1);
  const struct {
    KernelConfig::Family family;
    int64_t inducing;
  } cases[] = {{KernelConfig::RBF, 64},
               {KernelConfig::MATERN52, 64},
               {KernelConfig::MATERN12, 64},
               {KernelConfig::MATERN32, 0}};
  for (const auto& [family, inducing] : cases) {
    for (const int64_t expected : {int64_t{0}, kRows}) {
      SCOPED_TRACE(testing::Message() << KernelConfig::Family_Name(family)
                                      << ", expected " << expected);
      IndexOptions options = Options(family, inducing, BLOCK);
      options.mutable_residual()->mutable_kernel()->add_lengthscale(0.3);
      options.mutable_heuristics()
          ->mutable_skeleton_bound()
          ->set_expected_queries(expected);
      const auto made = [](const ResidualIndex& index) {
        return PhaseBytes(index) + static_cast<double>(index.kept_bytes());
      };
      const auto whole = ResidualIndex::Build(points.view(), options);
      ASSERT_THAT(whole, IsOk());
      const std::string digest = whole->Graph({.k = 6})->neighbors.Digest();
      const double all = made(*whole);
      EXPECT_GT(all, 0);
      // While it is made, an index may take several times what it keeps.
      for (const double part : {8.0, 0.9, 0.5, 0.2, 0.01}) {
        const double left = part * all;
        options.set_memory_limit_bytes(
            static_cast<int64_t>(Needed(options, points) + left));
        const auto index = ResidualIndex::Build(points.view(), options);
        ASSERT_THAT(index, IsOk());
        EXPECT_EQ(index->Graph({.k = 6})->neighbors.Digest(), digest);
        EXPECT_LE(made(*index), left) << part;
        if (part > 2) {
          EXPECT_EQ(made(*index), all);
        }
      }
    }
  }
}

TEST(IndexMemoryTest, IndexesThatGrowKeepTheLimit) {
  const Matrix<double> points =
      MakePointSet(PointSet::kUniformCube, 1000, 3, 1);
  IndexOptions options = Options(KernelConfig::MATERN52, 96, BLOCK);
  options.set_memory_limit_bytes(static_cast<int64_t>(Needed(options, points)));
  const auto index = ResidualIndex::Build(points.view(), options);
  ASSERT_THAT(index, IsOk());
  EXPECT_EQ(index->options().memory_limit_bytes(),
            options.memory_limit_bytes());
  ResidualConfig config = index->model().config();
  EXPECT_THAT(index->Rebuild(config.kernel()), IsOk());
  config.mutable_inducing()->mutable_random()->set_count(128);
  EXPECT_THAT(index->Rebuild(config),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("1000 points with 128 inducing points")));
  EXPECT_THAT(index->Append(points.view()),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("2000 points with 96 inducing points")));
}

TEST(IndexMemoryTest, LoadedIndexesKeepTheLimit) {
  const std::string path = testing::TempDir() + "/i.rct";
  const Matrix<double> points =
      MakePointSet(PointSet::kUniformCube, 1000, 3, 1);
  IndexOptions options = Options(KernelConfig::MATERN52, 100, BLOCK);
  options.set_memory_limit_bytes(1 << 30);
  const auto built = ResidualIndex::Build(points.view(), options);
  ASSERT_THAT(built, IsOk());
  ASSERT_THAT(built->Save(path), IsOk());
  auto loaded = ResidualIndex::Load(path);
  ASSERT_THAT(loaded, IsOk());
  // The limit is that of a machine, not of an index.
  EXPECT_FALSE(loaded->options().has_memory_limit_bytes());
  const std::string digest = built->Graph({.k = 3})->neighbors.Digest();
  const auto bytes = static_cast<int64_t>(ReadFile(path)->size());
  loaded = ResidualIndex::Load(path, {.memory_limit_bytes = bytes});
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(loaded->options().memory_limit_bytes(), bytes);
  EXPECT_EQ(loaded->Graph({.k = 3})->neighbors.Digest(), digest);
  EXPECT_THAT(ResidualIndex::Load(path, {.memory_limit_bytes = bytes - 1}),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("raise the limit, or map the file")));
  loaded = ResidualIndex::Load(path, {.map = true, .memory_limit_bytes = 1});
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(loaded->Graph({.k = 3})->neighbors.Digest(), digest);
}

TEST(IndexMemoryTest, EuclideanIndexes) {
  const Matrix<double> points =
      MakePointSet(PointSet::kUniformCube, 100'000, 3, 1);
  for (const Strategy strategy :
       {EXHAUSTIVE, LEVEL_SYNCHRONOUS, BEST_FIRST, BLOCK}) {
    SCOPED_TRACE(Strategy_Name(strategy));
    EuclideanIndexOptions options;
    options.set_strategy(strategy);
    const double needed =
        TotalBytes(NeedsOf(options, points.rows(), points.cols()));
    const double before = AllocatedBytes();
    options.set_memory_limit_bytes(static_cast<int64_t>(needed));
    const auto index = EuclideanIndex::Build(points.view(), options);
    ASSERT_THAT(index, IsOk());
    EXPECT_LE(AllocatedBytes() - before, needed + kSlack);
    options.set_memory_limit_bytes(static_cast<int64_t>(needed) - 1);
    EXPECT_THAT(EuclideanIndex::Build(points.view(), options),
                StatusIs(absl::StatusCode::kResourceExhausted,
                         StartsWith("memory_limit_bytes: an index of 100000 "
                                    "points takes ")));
  }
}

}  // namespace
}  // namespace rct
