// Compares every strategy, on the workload of 32,768 points, with the frozen
// answers from outside and with the frozen bits of this library.

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/residual_index.h"
#include "metric/simd_routines.h"
#include "parity/gate_matchers.h"
#include "parity/gold/gold.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

constexpr int kThreads = 2;

struct Answer {
  const char* name;
  // The digest of the neighbor table, which no machine, instruction set or
  // strategy changes.
  const char* digest;
};

class GoldWorkloadTest : public testing::TestWithParam<Answer> {
 protected:
  static const Gold& gold() {
    static const Gold& gold =
        *new Gold(LoadGold("parity/gold/manifest.textproto").value());
    return gold;
  }

  NeighborTable Search(const ResidualModel& model,
                       const IndexOptions& options) {
    const GoldAnswers& answers = *gold().Find(GetParam().name).value();
    return ResidualIndex::Build(model, options)
        .value()
        .Search(gold().query_rows, {.k = answers.neighbors.k(),
                                    .predecessor = answers.predecessor,
                                    .threads = kThreads})
        .value()
        .neighbors;
  }

  ResidualModel Model(const SimdRoutines& simd) {
    return ResidualModel::Create(gold().points.view(),
                                 gold().Find(GetParam().name).value()->residual,
                                 kThreads, simd)
        .value();
  }
};

TEST_P(GoldWorkloadTest, EveryStrategyHasTheFrozenNeighbors) {
  const GoldAnswers& answers = *gold().Find(GetParam().name).value();
  const ResidualModel model = Model(BestSimdRoutines());
  IndexOptions options;
  options.set_strategy(EXHAUSTIVE);
  const NeighborTable exhaustive = Search(model, options);
  EXPECT_THAT(exhaustive, SetEqualWithin(answers.neighbors, 1e-6));
  EXPECT_EQ(exhaustive.Digest(), GetParam().digest);

  options.set_strategy(LEVEL_SYNCHRONOUS);
  for (const auto structure :
       {CoverTreeConfig::RESIDUAL, CoverTreeConfig::STATIC}) {
    options.mutable_tree()->set_structure(structure);
    EXPECT_THAT(Search(model, options), MatchesExactly(exhaustive))
        << CoverTreeConfig::Structure_Name(structure);
  }

  options.Clear();
  options.set_strategy(BLOCK);
  for (const auto form :
       {SkeletonBoundConfig::AUTO, SkeletonBoundConfig::TABLES,
        SkeletonBoundConfig::PROJECTIONS}) {
    options.mutable_heuristics()->mutable_skeleton_bound()->set_form(form);
    EXPECT_THAT(Search(model, options), MatchesExactly(exhaustive))
        << SkeletonBoundConfig::Form_Name(form);
  }
}

TEST_P(GoldWorkloadTest, Avx2HasTheSameBits) {
  const SimdRoutines* const avx2 = SimdRoutinesFor(Isa::kAvx2);
  if (avx2 == nullptr) GTEST_SKIP() << "this machine has no AVX2";
  IndexOptions options;
  options.set_strategy(EXHAUSTIVE);
  EXPECT_EQ(Search(Model(*avx2), options).Digest(), GetParam().digest);
}

INSTANTIATE_TEST_SUITE_P(
    All, GoldWorkloadTest,
    testing::Values(
        Answer{
            "rbf",
            "0242a0473afaf884241c967c7ad7167b86c04b88b2dfbdf80751573dd20ddf5f"},
        Answer{
            "matern52",
            "fd4451efcec412bf3c9d766518910ce9bee31c5c1c84cc92bc1ee1bfe3579a36"},
        Answer{"rbf_predecessor",
               "cea558a12bb20bf67d14f1a4764443f8a7a50d804b53f540eb32e988d4bc809"
               "1"}),
    [](const testing::TestParamInfo<Answer>& info) {
      return std::string(info.param.name);
    });

}  // namespace
}  // namespace rct
