// Makes each allocation of a call fail once. The call must return its answer or
// ResourceExhausted, and the index must answer afterwards as it did before.

#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/sanitizers.h"
#include "base/sha256.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/ordering.h"
#include "index/ordering.pb.h"
#include "index/residual_index.h"
#include "index/vecchia/vecchia_model.h"
#include "metric/metric.pb.h"
#include "metric/test_data.h"
#include "traversal/allocation_counter.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

#if defined(__SANITIZE_ADDRESS__)
// A message of protobuf that runs out of memory while it is copied leaks its
// copies.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT
  return "leak:rct::*Config::*Config\nleak:rct::*Options::*Options\n"
         "leak:rct::*Header::*Header\n";
}
#endif

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int64_t kRows = 150;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Runs `call` with its first allocation failing, its second, and so on until
// none is left, that allocation alone and with all after it. After each,
// `examine` is called, with memory enough.
void FailEach(const std::function<absl::Status()>& call,
              const std::function<void()>& examine) {
  for (const bool for_good : {false, true}) {
    bool happened = true;
    int64_t errors = 0;
    for (int64_t number = 0; happened; number += kAllocationStep) {
      ASSERT_LT(number, 100'000);
      absl::Status status;
      {
        const AllocationFailure failure(number, for_good);
        status = call();
        happened = failure.happened();
      }
      if (!status.ok()) {
        ++errors;
        ASSERT_TRUE(happened) << status;
        ASSERT_EQ(status.code(), absl::StatusCode::kResourceExhausted)
            << status;
      }
      examine();
      if (testing::Test::HasFailure()) {
        FAIL() << "allocation " << number << (for_good ? " and after" : "");
      }
    }
    EXPECT_GT(errors, 0);
  }
}

IndexOptions Options(Strategy strategy) {
  IndexOptions options;
  ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(KernelConfig::MATERN32);
  residual.mutable_inducing()->mutable_random()->set_count(12);
  options.set_strategy(strategy);
  options.set_threads(2);
  return options;
}

SkeletonBoundConfig& Skeletons(IndexOptions& options) {
  return *options.mutable_heuristics()->mutable_skeleton_bound();
}

// Returns options of each kind of index.
std::vector<IndexOptions> AllOptions() {
  std::vector<IndexOptions> all;
  for (const Strategy strategy :
       {EXHAUSTIVE, LEVEL_SYNCHRONOUS, BEST_FIRST, BLOCK}) {
    all.push_back(Options(strategy));
  }
  for (const SkeletonBoundConfig::Form form :
       {SkeletonBoundConfig::TABLES, SkeletonBoundConfig::PROJECTIONS}) {
    all.push_back(Options(BLOCK));
    Skeletons(all.back()).set_form(form);
  }
  all.push_back(Options(EXHAUSTIVE));
  all.back().mutable_heuristics()->mutable_float_screen();
  all.push_back(Options(LEVEL_SYNCHRONOUS));
  all.back().mutable_heuristics()->mutable_level_cache();
  all.back().mutable_heuristics()->mutable_masked_dedupe();
  all.back().mutable_tree()->set_structure(CoverTreeConfig::STATIC);
  return all;
}

template <class T>
T Value(absl::StatusOr<T> result) {
  EXPECT_THAT(result.status(), IsOk());
  return *std::move(result);
}

std::string Digest(const RangeTable& table) {
  Sha256 hash;
  hash.UpdateSpan(absl::MakeConstSpan(table.offsets));
  hash.UpdateSpan(absl::MakeConstSpan(table.rows));
  hash.UpdateSpan(absl::MakeConstSpan(table.distances));
  return hash.HexDigest();
}

const std::vector<int64_t> kQueries = {3, 0, 149, 77, 3};

// The calls of an index, each with a digest of its answer.
template <class Index>
struct Calls {
  using Call = std::function<absl::Status(std::string* digest)>;

  static std::vector<Call> Of(const Index& index,
                              const Matrix<double>& points) {
    const auto nearest = [](auto call) -> Call {
      return [call](std::string* digest) {
        const absl::StatusOr<SearchResult> result = call();
        if (result.ok() && digest != nullptr) {
          *digest = result->neighbors.Digest();
        }
        return result.status();
      };
    };
    const auto within = [](auto call) -> Call {
      return [call](std::string* digest) {
        const absl::StatusOr<RangeResult> result = call();
        if (result.ok() && digest != nullptr) {
          *digest = Digest(result->neighbors);
        }
        return result.status();
      };
    };
    const Index* const i = &index;
    const MatrixView<const double> some(points.data(), 9, points.cols());
    std::vector<int64_t> backwards(points.rows());
    std::iota(backwards.rbegin(), backwards.rend(), 0);
    return {
        nearest([=] { return i->Search(kQueries, {.k = 7, .threads = 2}); }),
        nearest([=] {
          return i->Graph({.k = 4, .predecessor = true, .threads = 1});
        }),
        nearest([=] {
          return i->Graph({.k = 4, .predecessor = true, .threads = 2},
                          backwards);
        }),
        nearest(
            [=] { return i->SearchPoints(some, {.k = 200, .threads = 2}); }),
        within([=] { return i->RangeSearch(kQueries, 0.9, {.threads = 2}); }),
        within([=] {
          return i->RangeSearchPoints(some, kInfinity, {.threads = 2});
        })};
  }
};

template <class Index>
void FailEachSearch(const Index& index, const Matrix<double>& points) {
  for (const auto& call : Calls<Index>::Of(index, points)) {
    std::string expected;
    ASSERT_THAT(call(&expected), IsOk());
    FailEach([&] { return call(nullptr); },
             [&] {
               std::string digest;
               EXPECT_THAT(call(&digest), IsOk());
               EXPECT_EQ(digest, expected);
             });
  }
}

// A field of a oneof for which there is no memory is not set, and its message
// can be destroyed, whatever was there before it.
TEST(MessagesOutOfMemoryTest, FieldsOfAOneof) {
  MetricConfig full;
  full.mutable_residual()->mutable_inducing()->mutable_random()->set_count(12);
  const std::string bytes = full.SerializeAsString();
  const std::function<void(MetricConfig&)> uses[] = {
      [](MetricConfig& config) { config.mutable_residual(); },
      [](MetricConfig& config) { config.mutable_euclidean(); },
      [&](MetricConfig& config) { config.ParseFromString(bytes); },
      [&](MetricConfig& config) { config.MergeFrom(full); }};
  for (const auto& use : uses) {
    bool happened = true;
    for (int64_t number = 0; happened; ++number) {
      alignas(MetricConfig) unsigned char memory[sizeof(MetricConfig)];
      for (volatile unsigned char& byte : memory) byte = 0xa5;
      auto* const config = new (memory) MetricConfig;
      bool threw = false;
      {
        const AllocationFailure failure(number, /*for_good=*/false);
        try {
          use(*config);
        } catch (const std::bad_alloc&) {
          threw = true;
        }
        happened = failure.happened();
      }
      EXPECT_EQ(threw, happened);
      if (number == 0) {
        EXPECT_EQ(config->metric_case(), MetricConfig::METRIC_NOT_SET);
      }
      config->~MetricConfig();
    }
  }
}

using OutOfMemoryTest = FolderTest;

TEST_F(OutOfMemoryTest, Searches) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  for (const IndexOptions& options : AllOptions()) {
    SCOPED_TRACE(options.ShortDebugString());
    FailEachSearch(Value(ResidualIndex::Build(points.view(), options)), points);
  }
}

TEST_F(OutOfMemoryTest, EuclideanSearches) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  for (const Strategy strategy : {EXHAUSTIVE, LEVEL_SYNCHRONOUS}) {
    EuclideanIndexOptions options;
    options.set_strategy(strategy);
    FailEach(
        [&] { return EuclideanIndex::Build(points.view(), options).status(); },
        [] {});
    FailEachSearch(Value(EuclideanIndex::Build(points.view(), options)),
                   points);
  }
}

TEST_F(OutOfMemoryTest, Builds) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  for (const IndexOptions& options : AllOptions()) {
    SCOPED_TRACE(options.ShortDebugString());
    FailEach(
        [&] { return ResidualIndex::Build(points.view(), options).status(); },
        [] {});
  }
}

TEST_F(OutOfMemoryTest, Orders) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  for (int method = 1; method <= OrderingConfig::Method_MAX; ++method) {
    OrderingConfig config;
    config.set_method(static_cast<OrderingConfig::Method>(method));
    config.set_num_first(kRows / 2);
    config.set_threads(2);
    FailEach([&] { return OrderPoints(points.view(), config).status(); },
             [] {});
  }
}

TEST_F(OutOfMemoryTest, Rebuilds) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  for (const Strategy strategy : {LEVEL_SYNCHRONOUS, BLOCK}) {
    const ResidualIndex index =
        Value(ResidualIndex::Build(points.view(), Options(strategy)));
    const std::string expected =
        Value(index.Graph({.k = 5})).neighbors.Digest();
    KernelConfig kernel;
    kernel.set_family(KernelConfig::RBF);
    FailEach([&] { return index.Rebuild(kernel, 2).status(); },
             [&] {
               EXPECT_EQ(Value(index.Graph({.k = 5})).neighbors.Digest(),
                         expected);
             });
  }
}

TEST_F(OutOfMemoryTest, Appends) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  const Matrix<double> more = MakePoints("normal", 30, 2, 2);
  const auto fail_each = [&](const auto& index) {
    const std::string expected =
        Value(index.Graph({.k = 5})).neighbors.Digest();
    FailEach([&] { return index.Append(more.view(), 2).status(); },
             [&] {
               EXPECT_EQ(Value(index.Graph({.k = 5})).neighbors.Digest(),
                         expected);
             });
  };
  for (const Strategy strategy : {LEVEL_SYNCHRONOUS, BLOCK}) {
    fail_each(Value(ResidualIndex::Build(points.view(), Options(strategy))));
    EuclideanIndexOptions options;
    options.set_strategy(strategy);
    options.add_lengthscale(0.7);
    fail_each(Value(EuclideanIndex::Build(points.view(), options)));
  }
}

TEST_F(OutOfMemoryTest, Models) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  const Matrix<double> at = MakePoints("normal", 70, 2, 2);
  const ResidualIndex index =
      Value(ResidualIndex::Build(points.view(), Options(BLOCK)));
  const std::vector<double> y(kRows, 1.5);
  const auto create = [&] {
    return VecchiaModel::Create(index, {.k = 6, .noise = 0.1, .threads = 2});
  };
  const VecchiaModel model = Value(create());
  const double expected = Value(model.LogLikelihood(y));
  const std::vector<double> mean = Value(model.Predict(at.view(), y)).mean;
  const auto examine = [&] {
    EXPECT_EQ(Value(model.LogLikelihood(y)), expected);
    EXPECT_EQ(Value(model.Predict(at.view(), y)).mean, mean);
  };
  FailEach([&] { return create().status(); }, examine);
  FailEach([&] { return model.LogLikelihood(y).status(); }, examine);
  FailEach([&] { return model.Solve(y).status(); }, examine);
  FailEach([&] { return model.Predict(at.view(), y).status(); }, examine);
}

TEST_F(OutOfMemoryTest, ResidualModels) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  const ResidualConfig config = Options(EXHAUSTIVE).residual();
  const auto create = [&] {
    return ResidualModel::Create(points.view(), config, /*threads=*/2);
  };
  FailEach([&] { return create().status(); }, [] {});
  const ResidualModel model = Value(create());
  const ResidualPoints& data = model.metric()->data();
  FailEach(
      [&] {
        return ResidualModel::FromFactors(points.view(), config.kernel(),
                                          data.v.view(), data.variance)
            .status();
      },
      [] {});
  FailEach([&] { return model.Append(points.view(), 2).status(); }, [] {});
}

TEST_F(OutOfMemoryTest, CopiesOfEuclideanIndexes) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  EuclideanIndexOptions options;
  options.set_strategy(LEVEL_SYNCHRONOUS);
  const EuclideanIndex index =
      Value(EuclideanIndex::Build(points.view(), options));
  std::vector<int64_t> backwards(kRows);
  std::iota(backwards.rbegin(), backwards.rend(), 0);
  FailEach([&] { return index.Reordered(backwards).status(); }, [] {});
  FailEach([&] { return index.Exhaustive().status(); }, [] {});
}

TEST_F(OutOfMemoryTest, Files) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  const std::string path = Path("index");
  const auto fail_each = [&](const auto& index, const auto&... loads) {
    const std::string expected =
        Value(index.Graph({.k = 5})).neighbors.Digest();
    const auto expect_same = [&](const auto& load) {
      EXPECT_EQ(Value(Value(load()).Graph({.k = 5})).neighbors.Digest(),
                expected);
    };
    ASSERT_THAT(index.Save(path), IsOk());
    // The file is the old one or the whole new one, and there is no other.
    FailEach([&] { return index.Save(path, 2); },
             [&] {
               EXPECT_THAT(Names(), testing::ElementsAre("index"));
               (expect_same(loads), ...);
             });
    const std::string bytes = Value(index.ToBytes());
    FailEach([&] { return index.ToBytes(2).status(); },
             [&] { EXPECT_TRUE(Value(index.ToBytes()) == bytes); });
    (FailEach([&] { return loads().status(); }, [] {}), ...);
  };
  for (const Strategy strategy : {EXHAUSTIVE, BLOCK}) {
    const ResidualIndex index =
        Value(ResidualIndex::Build(points.view(), Options(strategy)));
    const std::string bytes = Value(index.ToBytes());
    fail_each(
        index,
        [&] { return ResidualIndex::Load(path, {.map = true, .threads = 2}); },
        [&] { return ResidualIndex::Load(path, {.map = false, .threads = 2}); },
        [&] { return ResidualIndex::FromBytes(bytes, 2); });
  }
  for (const Strategy strategy : {EXHAUSTIVE, LEVEL_SYNCHRONOUS}) {
    EuclideanIndexOptions options;
    options.set_strategy(strategy);
    const EuclideanIndex index =
        Value(EuclideanIndex::Build(points.view(), options));
    const std::string bytes = Value(index.ToBytes());
    fail_each(
        index, [&] { return EuclideanIndex::Load(path, 2); },
        [&] { return EuclideanIndex::FromBytes(bytes, 2); });
  }
}

// Tests the call that makes skeletons and tables for later ones.
TEST_F(OutOfMemoryTest, WhatCallsMakeForLaterOnes) {
  const Matrix<double> points = MakePoints("cube", 4000, 2, 1);
  IndexOptions options = Options(BLOCK);
  ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(KernelConfig::RBF);
  residual.mutable_kernel()->add_lengthscale(0.3);
  residual.mutable_inducing()->mutable_random()->set_count(64);
  const std::string path = Path("index");
  ASSERT_THAT(Value(ResidualIndex::Build(points.view(), options)).Save(path),
              IsOk());
  std::vector<int64_t> rows(points.rows());
  std::iota(rows.begin(), rows.end(), 0);
  const auto graph = [](const ResidualIndex& index) {
    return index.Graph({.k = 5, .threads = 2});
  };
  // The call of this number makes them.
  int64_t allocations = 0;
  int calls = 0;
  std::string expected;
  for (const ResidualIndex index = Value(ResidualIndex::Load(path));
       !index.settled(); ++calls) {
    const int64_t before = AllocationCount();
    expected = Value(graph(index)).neighbors.Digest();
    allocations = AllocationCount() - before;
    ASSERT_LT(calls, 50);
  }
  int with_tables = 0, answered_without = 0;
  for (const bool for_good : {false, true}) {
    for (int64_t number = 0; number < allocations;
         number += 1 + allocations / 40) {
      SCOPED_TRACE(number);
      const ResidualIndex index = Value(ResidualIndex::Load(path));
      for (int i = 1; i < calls; ++i) {
        ASSERT_THAT(graph(index).status(), IsOk());
      }
      ASSERT_FALSE(index.settled());
      absl::Status status;
      {
        const AllocationFailure failure(number, for_good);
        status = graph(index).status();
      }
      if (!status.ok()) {
        ASSERT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
      }
      if (index.settled()) ++with_tables;
      if (status.ok() && !index.settled()) ++answered_without;
      // The index answers with the parts that it has kept, and makes the
      // missing ones when calls have paid for them.
      for (int i = 0; i < 50; ++i) {
        ASSERT_EQ(Value(graph(index)).neighbors.Digest(), expected);
        if (index.settled()) break;
      }
      ASSERT_TRUE(index.settled());
    }
  }
  EXPECT_GT(with_tables, 0);
  EXPECT_GT(answered_without, 0);
}

testing::Matcher<absl::Status> Exhausted(const std::string& what) {
  return StatusIs(absl::StatusCode::kResourceExhausted,
                  AllOf(StartsWith(what), HasSubstr("are to be had; ")));
}

// Sizes beyond any machine's memory are refused before any work.
TEST_F(OutOfMemoryTest, AnswersThatNoMachineHolds) {
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  const ResidualIndex index =
      Value(ResidualIndex::Build(points.view(), Options(BLOCK)));
  EuclideanIndexOptions plain;
  const EuclideanIndex euclidean =
      Value(EuclideanIndex::Build(points.view(), plain));
  // 4.7 TiB.
  const SearchOptions many = {.k = 2147483639};
  for (const absl::Status& status :
       {index.Graph(many).status(),
        index.SearchPoints(points.view(), many).status(),
        euclidean.Graph(many).status(),
        euclidean.SearchPoints(points.view(), many).status()}) {
    EXPECT_THAT(status, Exhausted("k: 150 queries with 2147483639 neighbors "
                                  "each take 4.7 TiB"));
  }
  // k may exceed the number of points.
  EXPECT_EQ(Value(index.Search({0}, {.k = 1000})).neighbors.k(), 1000);
}

// Limits the memory of the process, which is one of its own.
void Limit(int64_t room) {
  std::ifstream statm("/proc/self/statm");
  int64_t pages = 0;
  statm >> pages;
  const auto limit = static_cast<rlim_t>(pages * 4096 + room);
  const rlimit both = {limit, limit};
  if (setrlimit(RLIMIT_AS, &both) != 0) std::exit(2);
}

TEST_F(OutOfMemoryTest, WhatIsKnownToBeTooMuchIsRefused) {
  if (kShadowMemory) {
    GTEST_SKIP() << "The sanitizer needs address space of its own.";
  }
  const Matrix<double> points = MakePoints("normal", 20'000, 2, 1);
  IndexOptions options = Options(EXHAUSTIVE);
  const ResidualIndex index =
      Value(ResidualIndex::Build(points.view(), options));
  const auto refused = [&](int64_t mebibytes, const std::string& what,
                           const std::function<absl::Status()>& call) {
    EXPECT_EXIT(
        {
          Limit(mebibytes << 20);
          const absl::Status status = call();
          std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
          std::exit(absl::IsResourceExhausted(status) ? 0 : 1);
        },
        testing::ExitedWithCode(0), what + ".*are to be had");
  };
  options.mutable_residual()->mutable_inducing()->mutable_random()->set_count(
      2000);
  refused(200, "inducing: 20000 points with 2000 inducing points take 3", [&] {
    return ResidualIndex::Build(points.view(), options).status();
  });
  // The model fits, and its copy for the tree does not.
  options.set_strategy(LEVEL_SYNCHRONOUS);
  refused(500, "inducing: 20000 points with 2000 inducing points take 6", [&] {
    return ResidualIndex::Build(points.view(), options).status();
  });
  refused(200, "k: 20000 queries with 1000 neighbors each take 305 MiB",
          [&] { return index.Graph({.k = 1000}).status(); });
  std::vector<int64_t> rows(20'000);
  refused(200, "radius: 20000 queries with all 20000 rows",
          [&] { return index.RangeSearch(rows, kInfinity, {}).status(); });
  refused(200, "radius: 20000 queries with all 20000 rows", [&] {
    return index.RangeSearchPoints(points.view(), kInfinity, {}).status();
  });
}

}  // namespace
}  // namespace rct
