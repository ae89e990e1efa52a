#include "index/index_file.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/npy.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "metric/test_data.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr int64_t kRows = 2400;
constexpr int64_t kDim = 3;

class IndexFileTest : public FolderTest {};

IndexOptions Options(Strategy strategy,
                     KernelConfig::Family family = KernelConfig::RBF) {
  IndexOptions options;
  options.mutable_residual()->mutable_kernel()->set_family(family);
  options.mutable_residual()->mutable_inducing()->mutable_random()->set_count(
      24);
  options.set_strategy(strategy);
  return options;
}

SkeletonBoundConfig& Skeletons(IndexOptions& options) {
  return *options.mutable_heuristics()->mutable_skeleton_bound();
}

ResidualIndex Build(const Matrix<double>& points, const IndexOptions& options) {
  auto index = ResidualIndex::Build(points.view(), options);
  EXPECT_THAT(index.status(), IsOk());
  return *std::move(index);
}

// Returns rows, distances and counters of searches of every kind.
std::vector<std::string> Answers(const ResidualIndex& index) {
  std::vector<std::string> answers;
  const auto add = [&](const absl::StatusOr<SearchResult>& result) {
    if (!result.ok()) {
      answers.emplace_back(result.status().ToString());
      return;
    }
    answers.push_back(result->counters.SerializeAsString());
    answers.push_back(SerializeNpy(result->neighbors.rows()));
    answers.push_back(SerializeNpy(result->neighbors.distances()));
  };
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < index.size(); row += 1 + index.size() / 200) {
    rows.push_back(row);
  }
  add(index.Search(rows, {.k = 7}));
  add(index.Search(rows, {.k = 3, .exclude_self = true, .threads = 1}));
  add(index.Search(rows, {.k = 5, .predecessor = true}));
  const Matrix<double> queries =
      MakePoints("normal", 50, index.model().metric()->dim(), 9);
  add(index.SearchPoints(queries.view(), {.k = 4}));
  return answers;
}

void ExpectSame(const ResidualIndex& index, const std::string& path) {
  ASSERT_THAT(index.Save(path), IsOk());
  const std::vector<std::string> expected = Answers(index);
  for (const bool map : {false, true}) {
    SCOPED_TRACE(map ? "mapped" : "read");
    const auto loaded = ResidualIndex::Load(path, {.map = map, .threads = 2});
    ASSERT_THAT(loaded.status(), IsOk());
    // A loaded index is saved with the same bytes.
    ASSERT_THAT(loaded->Save(path + ".again"), IsOk());
    EXPECT_EQ(ReadFile(path + ".again").value(), ReadFile(path).value());
    EXPECT_EQ(Answers(*loaded), expected);
    EXPECT_EQ(loaded->options().SerializeAsString(),
              index.options().SerializeAsString());
    EXPECT_EQ(loaded->model().config().SerializeAsString(),
              index.model().config().SerializeAsString());
    ASSERT_FALSE(loaded->phases().empty());
    EXPECT_EQ(loaded->phases()[0].name, "load");
    EXPECT_GT(loaded->phases()[0].seconds, 0);
  }
  // The same in memory.
  const auto bytes = index.ToBytes(/*threads=*/2);
  ASSERT_THAT(bytes.status(), IsOk());
  const auto restored = ResidualIndex::FromBytes(*bytes, /*threads=*/2);
  ASSERT_THAT(restored.status(), IsOk());
  EXPECT_EQ(Answers(*restored), expected);
  // Searches may have added tables since the file was written.
  ASSERT_THAT(index.Save(path), IsOk());
  EXPECT_TRUE(*ReadFile(path) == *index.ToBytes());
}

// An example of use.
TEST_F(IndexFileTest, SavesAnIndexAndLoadsIt) {
  const Matrix<double> points = MakePoints("normal", 100, kDim, 1);
  ASSERT_THAT(Build(points, Options(BLOCK)).Save(Path("index.rct")), IsOk());
  EXPECT_TRUE(IsIndexFile(Path("index.rct")));
  const auto index = ResidualIndex::Load(Path("index.rct"));
  ASSERT_THAT(index.status(), IsOk());
  EXPECT_EQ(index->size(), 100);
  EXPECT_EQ(index->Search({17}, {.k = 1})->neighbors.rows()(0, 0), 17);
}

TEST_F(IndexFileTest, EveryStrategyAndKernel) {
  const Matrix<double> points = MakePoints("normal", 600, kDim, 1);
  for (const Strategy strategy :
       {EXHAUSTIVE, BLOCK, LEVEL_SYNCHRONOUS, BEST_FIRST}) {
    for (const KernelConfig::Family family :
         {KernelConfig::RBF, KernelConfig::MATERN12, KernelConfig::MATERN32,
          KernelConfig::MATERN52}) {
      SCOPED_TRACE(absl::StrCat(Strategy_Name(strategy), " ",
                                KernelConfig::Family_Name(family)));
      IndexOptions options = Options(strategy, family);
      if (strategy == BLOCK) {
        Skeletons(options).set_form(SkeletonBoundConfig::TABLES);
      }
      ExpectSame(Build(points, options), Path("index"));
    }
  }
}

TEST_F(IndexFileTest, EveryFormOfSkeletons) {
  const Matrix<double> points = MakePoints("normal", kRows, kDim, 1);
  for (const SkeletonBoundConfig::Form form :
       {SkeletonBoundConfig::AUTO, SkeletonBoundConfig::TABLES,
        SkeletonBoundConfig::PROJECTIONS, SkeletonBoundConfig::DENSE}) {
    SCOPED_TRACE(SkeletonBoundConfig::Form_Name(form));
    IndexOptions options = Options(BLOCK);
    Skeletons(options).set_form(form);
    ExpectSame(Build(points, options), Path("index"));
    Skeletons(options).set_norm_table(false);
    Skeletons(options).set_block_size(64);
    ExpectSame(Build(points, options), Path("index"));
  }
}

// How fine skeletons have to be is the choice of samples, which a file keeps
// for the calls that make them.
TEST_F(IndexFileTest, SkeletonsToComeAreThoseThatSamplesChose) {
  const Matrix<double> points = MakePoints("cube", 32'768, 2, 1);
  IndexOptions options = Options(BLOCK);
  options.mutable_residual()->mutable_inducing()->mutable_random()->set_count(
      8);
  const ResidualIndex index = Build(points, options);
  ASSERT_THAT(index.Save(Path("index")), IsOk());
  const auto loaded = ResidualIndex::Load(Path("index"));
  ASSERT_THAT(loaded.status(), IsOk());
  const auto made = index.Graph({.k = 7});
  const auto remade = loaded->Graph({.k = 7});
  ASSERT_THAT(made.status(), IsOk());
  ASSERT_THAT(remade.status(), IsOk());
  EXPECT_EQ(remade->counters.SerializeAsString(),
            made->counters.SerializeAsString());
  EXPECT_LT(remade->counters.distance_evaluations(), int64_t{32'768} * 1000);
}

// Tables that calls have made are saved for other processes.
TEST_F(IndexFileTest, TablesThatCallsMade) {
  const Matrix<double> points = MakePoints("cube", 4000, 2, 1);
  IndexOptions options = Options(BLOCK);
  options.mutable_residual()->mutable_kernel()->add_lengthscale(0.3);
  options.mutable_residual()->mutable_inducing()->mutable_random()->set_count(
      64);
  const ResidualIndex index = Build(points, options);
  ASSERT_FALSE(index.settled());
  ASSERT_THAT(index.Save(Path("before")), IsOk());
  const auto before = ResidualIndex::Load(Path("before"));
  ASSERT_THAT(before.status(), IsOk());
  EXPECT_FALSE(before->settled());
  std::vector<int64_t> rows(points.rows());
  std::iota(rows.begin(), rows.end(), 0);
  for (int i = 0; i < 50 && !index.settled(); ++i) {
    ASSERT_THAT(index.Search(rows, {.k = 5}).status(), IsOk());
  }
  ASSERT_TRUE(index.settled());
  const std::vector<std::string> expected = Answers(index);
  ASSERT_THAT(index.Save(Path("after")), IsOk());
  EXPECT_GT(std::filesystem::file_size(Path("after")),
            std::filesystem::file_size(Path("before")));
  const auto after = ResidualIndex::Load(Path("after"));
  ASSERT_THAT(after.status(), IsOk());
  EXPECT_TRUE(after->settled());
  EXPECT_EQ(Answers(*after), expected);
}

// With large residual variances BLOCK screens all pairs, as EXHAUSTIVE may.
TEST_F(IndexFileTest, ScreensAreMadeAgain) {
  const Matrix<double> points = MakePoints("normal", kRows, 8, 1);
  IndexOptions options = Options(BLOCK, KernelConfig::MATERN12);
  ExpectSame(Build(points, options), Path("index"));
  options.set_strategy(EXHAUSTIVE);
  options.mutable_heuristics()->mutable_float_screen();
  ExpectSame(Build(points, options), Path("index"));
}

TEST_F(IndexFileTest, HeuristicsOfTrees) {
  IndexOptions options = Options(LEVEL_SYNCHRONOUS);
  options.mutable_heuristics()->mutable_level_cache();
  options.mutable_heuristics()->mutable_child_order();
  options.mutable_tree()->set_structure(CoverTreeConfig::STATIC);
  ExpectSame(Build(MakePoints("normal", 500, kDim, 1), options), Path("index"));
}

TEST_F(IndexFileTest, EveryKindOfInducingPoints) {
  const Matrix<double> points = MakePoints("clusters", 300, 2, 1);
  IndexOptions options = Options(BLOCK);
  options.clear_strategy();
  ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->add_lengthscale(0.5);
  residual.mutable_kernel()->add_lengthscale(0.25);
  residual.mutable_kernel()->set_variance(3);
  residual.set_jitter(1e-5);
  residual.set_variance_floor(1e-7);
  ExpectSame(Build(points, options), Path("index"));
  residual.mutable_inducing()->mutable_none();
  ExpectSame(Build(points, options), Path("index"));
  residual.mutable_inducing()->mutable_rows()->add_row(17);
  residual.mutable_inducing()->mutable_rows()->add_row(4);
  ExpectSame(Build(points, options), Path("index"));
  for (const double x : {0.5, 1.0, -0.25, 2.0}) {
    residual.mutable_inducing()->mutable_coordinates()->add_value(x);
  }
  ExpectSame(Build(points, options), Path("index"));
  residual.mutable_inducing()->mutable_cover_tree()->set_count(20);
  ExpectSame(Build(points, options), Path("index"));
  residual.mutable_inducing()->mutable_kmeans_plus_plus()->set_count(20);
  ExpectSame(Build(points, options), Path("index"));
  for (const bool nearest_rows : {false, true}) {
    auto& kmeans = *residual.mutable_inducing()->mutable_kmeans();
    kmeans.set_count(20);
    kmeans.set_nearest_rows(nearest_rows);
    const ResidualIndex index = Build(points, options);
    ExpectSame(index, Path("index"));
    // The inducing points are those of other lengthscales.
    KernelConfig kernel = residual.kernel();
    kernel.set_lengthscale(0, 2);
    const auto rebuilt = index.Rebuild(kernel);
    ASSERT_THAT(rebuilt.status(), IsOk());
    ExpectSame(*rebuilt, Path("index"));
  }
}

// A load that selects inducing points again can be cancelled meanwhile, and is
// told as done from 0 to 1.
TEST_F(IndexFileTest, ALoadThatSelectsAgain) {
  IndexOptions options = Options(EXHAUSTIVE);
  options.mutable_residual()->mutable_inducing()->mutable_kmeans()->set_count(
      150);
  ASSERT_THAT(
      Build(MakePoints("normal", 2000, 2, 1), options).Save(Path("index")),
      IsOk());
  std::vector<double> told;
  Monitor watch([&told](double done) {
    told.push_back(done);
    return true;
  });
  EXPECT_THAT(ResidualIndex::Load(Path("index"), {.monitor = &watch}).status(),
              IsOk());
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  ASSERT_FALSE(told.empty());
  Monitor cancelled([](double) { return true; });
  cancelled.Cancel();
  EXPECT_THAT(
      ResidualIndex::Load(Path("index"), {.monitor = &cancelled}).status(),
      StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(IndexFileTest, FactorsFromElsewhere) {
  const ResidualIndex own =
      Build(MakePoints("normal", 300, kDim, 1), Options(EXHAUSTIVE));
  const ResidualPoints& data = own.model().metric()->data();
  const auto model = ResidualModel::FromFactors(
      data.points.view(), own.model().config().kernel(), data.v.view(),
      data.variance.span());
  ASSERT_THAT(model.status(), IsOk());
  const auto index = ResidualIndex::Build(*model, IndexOptions());
  ASSERT_THAT(index.status(), IsOk());
  ExpectSame(*index, Path("index"));
  const auto loaded = ResidualIndex::Load(Path("index"));
  ASSERT_THAT(loaded.status(), IsOk());
  EXPECT_EQ(loaded->model().factor(), nullptr);
  EXPECT_EQ(loaded->options().strategy(), EXHAUSTIVE);
}

TEST_F(IndexFileTest, HardlyAnyPoints) {
  for (const int64_t n : {0, 1, 2}) {
    for (const Strategy strategy :
         {EXHAUSTIVE, BLOCK, LEVEL_SYNCHRONOUS, BEST_FIRST}) {
      SCOPED_TRACE(absl::StrCat(n, " ", Strategy_Name(strategy)));
      IndexOptions options = Options(strategy);
      auto& inducing = *options.mutable_residual()->mutable_inducing();
      inducing.mutable_coordinates()->add_value(0.5);
      ExpectSame(Build(MakePoints("normal", n, 1, 1), options), Path("index"));
      inducing.mutable_none();
      ExpectSame(Build(MakePoints("normal", n, 1, 1), options), Path("index"));
    }
  }
}

// Returns the path of the file that the address is mapped from, or other text.
std::string MappedFrom(const void* address) {
  std::ifstream maps("/proc/self/maps");
  const auto wanted = reinterpret_cast<uint64_t>(address);
  for (std::string line; std::getline(maps, line);) {
    const std::vector<std::string> fields =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    const std::pair<std::string, std::string> range =
        absl::StrSplit(fields[0], '-');
    uint64_t first = 0, last = 0;
    if (absl::SimpleHexAtoi(range.first, &first) &&
        absl::SimpleHexAtoi(range.second, &last) && first <= wanted &&
        wanted < last) {
      return fields.size() > 5 ? fields[5] : "";
    }
  }
  return "";
}

TEST_F(IndexFileTest, WhatIsMappedStaysInTheFile) {
  const ResidualIndex index =
      Build(MakePoints("normal", kRows, kDim, 1), Options(BLOCK));
  ASSERT_THAT(index.Save(Path("index")), IsOk());
  for (const bool map : {false, true}) {
    const auto loaded = ResidualIndex::Load(Path("index"), {.map = map});
    ASSERT_THAT(loaded.status(), IsOk());
    const ResidualPoints& data = loaded->model().metric()->data();
    const std::string file = std::filesystem::canonical(Path("index"));
    EXPECT_EQ(MappedFrom(data.v.data()) == file, map);
    EXPECT_EQ(MappedFrom(data.points.data()) == file, map);
    EXPECT_EQ(reinterpret_cast<uint64_t>(data.v.data()) % 64, 0u);
  }
}

// The index holds the file that it was loaded from, whatever happens to its
// name; and it may be moved, and its model copied, like any other.
TEST_F(IndexFileTest, OutlivesItsFile) {
  const Matrix<double> points = MakePoints("normal", 300, kDim, 1);
  IndexOptions options = Options(BLOCK);
  Skeletons(options).set_form(SkeletonBoundConfig::TABLES);
  const ResidualIndex index = Build(points, options);
  const std::vector<std::string> expected = Answers(index);
  for (const bool map : {false, true}) {
    ASSERT_THAT(index.Save(Path("index")), IsOk());
    auto loaded = ResidualIndex::Load(Path("index"), {.map = map});
    ASSERT_THAT(loaded.status(), IsOk());
    const ResidualIndex other =
        Build(MakePoints("cube", 50, 1, 1), Options(EXHAUSTIVE));
    ASSERT_THAT(other.Save(Path("index")), IsOk());
    EXPECT_EQ(Answers(*loaded), expected);
    std::filesystem::remove(Path("index"));
    const ResidualModel model = loaded->model();
    const ResidualIndex moved = *std::move(loaded);
    EXPECT_EQ(Answers(moved), expected);
    const auto exhaustive = ResidualIndex::Build(model, IndexOptions());
    ASSERT_THAT(exhaustive.status(), IsOk());
    EXPECT_EQ(Answers(*exhaustive)[1], expected[1]);
  }
}

TEST_F(IndexFileTest, BytesThatAreNoIndex) {
  const Matrix<double> points = MakePoints("normal", 100, kDim, 1);
  const ResidualIndex index = Build(points, Options(BLOCK));
  const std::string bytes = *index.ToBytes();
  std::string damaged = bytes;
  damaged[bytes.size() / 2] ^= 1;
  for (const std::string& wrong :
       {std::string(), bytes.substr(0, bytes.size() - 1), damaged}) {
    EXPECT_THAT(ResidualIndex::FromBytes(wrong),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         StartsWith("the bytes of an index: ")));
  }
  EXPECT_THAT(index.ToBytes(/*threads=*/-1),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ResidualIndex::FromBytes(bytes, /*threads=*/-1),
              StatusIs(absl::StatusCode::kInvalidArgument));
  Monitor cancelled([](double) { return true; });
  cancelled.Cancel();
  EXPECT_THAT(index.ToBytes(1, &cancelled),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(ResidualIndex::FromBytes(bytes, 1, &cancelled),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(IndexFileTest, SameBytesWhateverTheThreads) {
  const Matrix<double> points = MakePoints("normal", kRows, kDim, 1);
  IndexOptions options = Options(BLOCK);
  Skeletons(options).set_form(SkeletonBoundConfig::TABLES);
  for (const int threads : {1, 3}) {
    options.set_threads(threads);
    ASSERT_THAT(
        Build(points, options).Save(Path(absl::StrCat(threads)), threads),
        IsOk());
  }
  EXPECT_EQ(ReadFile(Path("1")).value(), ReadFile(Path("3")).value());
}

TEST_F(IndexFileTest, Summary) {
  IndexOptions options = Options(BLOCK);
  Skeletons(options).set_form(SkeletonBoundConfig::TABLES);
  const ResidualIndex index =
      Build(MakePoints("normal", kRows, kDim, 1), options);
  ASSERT_THAT(index.Save(Path("index")), IsOk());
  EXPECT_TRUE(IsIndexFile(Path("index")));
  const auto summary = SummarizeIndexFile(Path("index"));
  ASSERT_THAT(summary.status(), IsOk());
  EXPECT_EQ(summary->header.num_points(), kRows);
  EXPECT_EQ(summary->header.dim(), kDim);
  EXPECT_EQ(summary->header.num_inducing(), 24);
  EXPECT_EQ(summary->header.options().strategy(), BLOCK);
  EXPECT_EQ(summary->header.options().residual().inducing().random().count(),
            24);
  EXPECT_EQ(summary->digest.size(), 64u);
  EXPECT_EQ(summary->bytes,
            static_cast<int64_t>(std::filesystem::file_size(Path("index"))));
  std::vector<std::string> names;
  int64_t sum = 0;
  for (const auto& [name, bytes] : summary->parts) {
    names.push_back(name);
    sum += bytes;
    if (name == "v") {
      EXPECT_EQ(bytes, kRows * 24 * 8);
    }
  }
  EXPECT_THAT(names, ElementsAre("header", "points", "v", "variance",
                                 "inverse_sqrt", "inducing", "skeletons",
                                 "partition", "cones", "tables"));
  EXPECT_LE(sum, summary->bytes);
}

// Damage.

absl::Status LoadStatus(const std::string& path) {
  absl::Status status = ResidualIndex::Load(path).status();
  EXPECT_EQ(ResidualIndex::Load(path, {.map = true}).status(), status);
  EXPECT_EQ(SummarizeIndexFile(path).status(), status);
  return status;
}

testing::Matcher<absl::Status> Invalid(const std::string& path,
                                       const std::string& what) {
  return StatusIs(absl::StatusCode::kInvalidArgument,
                  AllOf(StartsWith(path + ": "), HasSubstr(what)));
}

class DamageTest : public IndexFileTest {
 protected:
  DamageTest() : path_(Path("index")) {
    IndexOptions options = Options(BLOCK);
    options.mutable_residual()->mutable_inducing()->mutable_random()->set_count(
        5);
    Skeletons(options).set_form(SkeletonBoundConfig::TABLES);
    Skeletons(options).set_block_size(32);
    EXPECT_THAT(Build(MakePoints("normal", 40, 2, 1), options).Save(path_),
                IsOk());
    contents_ = ReadFile(path_).value();
  }

  // Without the syncing of WriteFileAtomically.
  void Write(const std::string& contents) const {
    std::ofstream(path_, std::ios::binary) << contents;
  }

  const std::string path_;
  std::string contents_;
};

TEST_F(DamageTest, EveryTruncation) {
  ASSERT_GT(contents_.size(), 4000u);
  for (size_t size = contents_.size(); size-- > 0;) {
    ASSERT_EQ(truncate(path_.c_str(), static_cast<off_t>(size)), 0);
    const absl::Status status = ResidualIndex::Load(path_).status();
    if (size == 0) {
      EXPECT_THAT(status, Invalid(path_, "is empty, and no rct index file"));
    } else if (size < 64) {
      EXPECT_THAT(status,
                  Invalid(path_, absl::StrCat("truncated: has ", size,
                                              " bytes, its start alone 64")));
    } else {
      EXPECT_THAT(status,
                  Invalid(path_, absl::StrCat("truncated: has ", size,
                                              " bytes of ", contents_.size(),
                                              "; build the index again")));
    }
    if (size % 1000 == 0) {
      EXPECT_EQ(LoadStatus(path_), status);
    }
  }
}

TEST_F(DamageTest, EveryByteOfTheStartAndRandomOnes) {
  std::mt19937_64 random(1);
  std::vector<size_t> places(64);
  std::iota(places.begin(), places.end(), 0);
  for (int i = 0; i < 1000; ++i) places.push_back(random() % contents_.size());
  for (const size_t place : places) {
    std::string damaged = contents_;
    damaged[place] = static_cast<char>(damaged[place] ^ (1 + random() % 255));
    Write(damaged);
    const absl::Status status = ResidualIndex::Load(path_).status();
    SCOPED_TRACE(place);
    EXPECT_THAT(status, Invalid(path_, place < 8    ? "is no rct index file"
                                       : place < 12 ? "version"
                                       : place < 16 ? "damaged: its digest"
                                       : place < 24 ? "bytes"
                                                    : "damaged: its digest"));
  }
  Write(contents_);
  EXPECT_THAT(LoadStatus(path_), IsOk());
}

TEST_F(DamageTest, TrailingBytes) {
  Write(contents_ + "xyz");
  EXPECT_THAT(LoadStatus(path_),
              Invalid(path_, "3 more than it should; build the index again"));
}

TEST_F(DamageTest, AnotherVersion) {
  contents_[8] = 7;
  Write(contents_);
  EXPECT_THAT(LoadStatus(path_),
              Invalid(path_,
                      "has version 7 of the format, from a newer program; this "
                      "one reads version 1: build the index again"));
}

TEST_F(DamageTest, AnotherKindOfFile) {
  ASSERT_THAT(WriteNpy(path_, MakePoints("normal", 40, 2, 1).view()), IsOk());
  EXPECT_FALSE(IsIndexFile(path_));
  EXPECT_THAT(LoadStatus(path_),
              Invalid(path_, "is no rct index file: starts with '\\x93NUMPY"));
  EXPECT_THAT(
      LoadStatus(Path("missing")),
      StatusIs(absl::StatusCode::kNotFound,
               Path("missing") + ": cannot open: No such file or directory"));
  EXPECT_THAT(LoadStatus(Path("")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       Path("") + ": cannot read: Is a directory"));
  EXPECT_THAT(ResidualIndex::Load(path_, {.threads = -1}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith("threads: is -1")));
}

// Writes that fail.

TEST_F(DamageTest, AFailedWriteKeepsWhatWasThere) {
  const ResidualIndex other =
      Build(MakePoints("cube", kRows, 2, 1), Options(EXHAUSTIVE));
  // No file may grow past 4096 bytes for a moment, as on a disk that is full.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = other.Save(path_);
  const absl::Status new_status = other.Save(Path("new"));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kOutOfRange,
                               path_ + ": cannot write: File too large"));
  EXPECT_FALSE(new_status.ok());
  EXPECT_THAT(Names(), ElementsAre("index"));
  EXPECT_EQ(ReadFile(path_).value(), contents_);
}

TEST_F(IndexFileTest, NowhereToWrite) {
  const ResidualIndex index =
      Build(MakePoints("cube", 50, 1, 1), Options(EXHAUSTIVE));
  EXPECT_THAT(index.Save(Path("missing/index")),
              StatusIs(absl::StatusCode::kNotFound,
                       Path("missing/index") +
                           ": cannot create a file in its folder: No such file "
                           "or directory"));
  // Not even root can make files there.
  EXPECT_THAT(index.Save("/proc/index"), testing::Not(IsOk()));
  EXPECT_THAT(index.Save(Path("index"), -1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith("threads: is -1")));
  EXPECT_THAT(Names(), IsEmpty());
}

}  // namespace
}  // namespace rct
