#include "tools/rct_search_flags.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/csv.h"
#include "base/matrix_file.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/ordering.pb.h"
#include "metric/metric.pb.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

using Arguments = std::vector<std::string>;

constexpr SearchCommand kNeighbors = SearchCommand::kNeighbors;
constexpr SearchCommand kGraph = SearchCommand::kGraph;
constexpr SearchCommand kBuild = SearchCommand::kBuild;

// Returns the flags that every command line needs, but for those that begin
// with `without`.
Arguments Least(const Arguments& more = {}, const std::string& without = "!") {
  Arguments arguments;
  for (const char* argument :
       {"--points=p.npy", "--query_rows=q.npy", "--kernel=rbf", "--k=5",
        "--num_inducing=8", "--out_indices=i.npy"}) {
    if (!absl::StartsWith(argument, without)) arguments.push_back(argument);
  }
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void ExpectError(const Arguments& arguments, const std::string& message,
                 SearchCommand command = kNeighbors) {
  EXPECT_THAT(ParseSearchTask(command, arguments),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
}

TEST(ParseSearchTaskTest, Defaults) {
  const absl::StatusOr<SearchTask> task = ParseSearchTask(kNeighbors, Least());
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->points, "p.npy");
  EXPECT_EQ(task->query_rows, "q.npy");
  EXPECT_EQ(task->queries, "");
  EXPECT_EQ(task->search.k, 5);
  EXPECT_EQ(task->search.threads, 0);
  EXPECT_FALSE(task->search.exclude_self);
  EXPECT_FALSE(task->search.predecessor);
  EXPECT_EQ(task->audit, 0);
  EXPECT_EQ(task->header, CsvHeader::kDetect);
  EXPECT_EQ(task->out_indices.path, "i.npy");
  EXPECT_EQ(task->out_distances.path, "");
  IndexOptions expected;
  auto& residual = *expected.mutable_residual();
  residual.mutable_kernel()->set_family(KernelConfig::RBF);
  residual.mutable_inducing()->mutable_random()->set_count(8);
  expected.set_threads(0);
  EXPECT_EQ(task->index.ShortDebugString(), expected.ShortDebugString());
}

TEST(ParseSearchTaskTest, EveryFlag) {
  const absl::StatusOr<SearchTask> task = ParseSearchTask(
      kNeighbors, Least({"--lengthscale=1,2.5", "--variance=3", "--jitter=1e-4",
                         "--seed=9", "--exclude_self", "--predecessor",
                         "--threads=2", "--strategy=level_synchronous",
                         "--audit=7", "--out_distances=d.csv", "--radius=0.25",
                         "--allowed_rows=a.npy", "--header=no"}));
  ASSERT_THAT(task, IsOk());
  const ResidualConfig& residual = task->index.residual();
  EXPECT_THAT(task->lengthscale, ElementsAre(1, 2.5));
  EXPECT_EQ(residual.kernel().variance(), 3);
  EXPECT_EQ(residual.jitter(), 1e-4);
  EXPECT_EQ(residual.inducing().random().count(), 8);
  EXPECT_EQ(residual.inducing().random().seed(), 9);
  EXPECT_EQ(task->index.strategy(), LEVEL_SYNCHRONOUS);
  EXPECT_EQ(task->index.threads(), 2);
  EXPECT_EQ(task->search.threads, 2);
  EXPECT_TRUE(task->search.exclude_self);
  EXPECT_TRUE(task->search.predecessor);
  EXPECT_EQ(task->audit, 7);
  EXPECT_EQ(task->search.radius, 0.25);
  EXPECT_FALSE(task->all_within);
  EXPECT_EQ(task->header, CsvHeader::kAbsent);
  EXPECT_EQ(task->allowed_rows, "a.npy");
  EXPECT_EQ(task->out_indices.format, MatrixFormat::kNpy);
  EXPECT_EQ(task->out_distances.format, MatrixFormat::kCsv);

  const auto with = [](const Arguments& more, const std::string& without) {
    const absl::StatusOr<SearchTask> task =
        ParseSearchTask(kNeighbors, Least(more, without));
    EXPECT_THAT(task, IsOk());
    return task.value_or(SearchTask());
  };
  EXPECT_EQ(with({"--queries=x.npy"}, "--query_rows").queries, "x.npy");
  const SearchTask lists =
      with({"--radius=0.5", "--out_offsets=o.csv"}, "--k=");
  EXPECT_TRUE(lists.all_within);
  EXPECT_EQ(lists.search.radius, 0.5);
  EXPECT_EQ(lists.out_offsets.path, "o.csv");
  EXPECT_EQ(lists.out_offsets.format, MatrixFormat::kCsv);
  EXPECT_EQ(with({"--inducing_rows=z.npy"}, "--num").inducing_rows, "z.npy");
  EXPECT_EQ(with({"--inducing_points=z.csv"}, "--num").inducing_points,
            "z.csv");
  EXPECT_TRUE(
      with({"--no_inducing"}, "--num").index.residual().inducing().has_none());
  const SearchTask factors =
      with({"--factors=v.npy", "--residual_variance=r.npy"}, "--num");
  EXPECT_EQ(factors.index.strategy(), EXHAUSTIVE);
  EXPECT_EQ(factors.factors, "v.npy");
  EXPECT_EQ(factors.residual_variance, "r.npy");
  const struct {
    const char* name;
    KernelConfig::Family family;
  } kernels[] = {{"rbf", KernelConfig::RBF},
                 {"matern12", KernelConfig::MATERN12},
                 {"matern32", KernelConfig::MATERN32},
                 {"matern52", KernelConfig::MATERN52}};
  for (const auto& [name, family] : kernels) {
    EXPECT_EQ(with({absl::StrCat("--kernel=", name)}, "--kernel")
                  .index.residual()
                  .kernel()
                  .family(),
              family);
  }
}

TEST(ParseSearchTaskTest, InducingPointsByName) {
  const auto inducing = [](const Arguments& more) {
    const auto task = ParseSearchTask(kNeighbors, Least(more));
    EXPECT_THAT(task, IsOk());
    return task->index.residual().inducing().ShortDebugString();
  };
  EXPECT_EQ(inducing({"--inducing=random"}), "random { count: 8 }");
  EXPECT_EQ(inducing({"--inducing=kmeans++", "--seed=3"}),
            "kmeans_plus_plus { count: 8 seed: 3 }");
  EXPECT_EQ(inducing({"--inducing=kmeans"}), "kmeans { count: 8 }");
  EXPECT_EQ(inducing({"--inducing=cover_tree"}), "cover_tree { count: 8 }");
  ExpectError(Least({"--inducing=k-means"}),
              "--inducing: there is no 'k-means'; there are: random, kmeans++");
  const auto task = ParseSearchTask(
      kBuild, {"--points=p.npy", "--kernel=rbf", "--index=p.rct",
               "--num_inducing=3", "--out_inducing=z.csv"});
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->out_inducing.path, "z.csv");
  EXPECT_EQ(task->out_inducing.format, MatrixFormat::kCsv);
}

TEST(ParseSearchTaskTest, AGraphIsOfAllRowsWithoutThemselves) {
  const absl::StatusOr<SearchTask> task =
      ParseSearchTask(kGraph, Least({}, "--query_rows"));
  ASSERT_THAT(task, IsOk());
  EXPECT_TRUE(task->search.exclude_self);
  EXPECT_EQ(task->query_rows, "");
  ExpectError(Least(), "there is no flag --query_rows", kGraph);
}

TEST(ParseSearchTaskTest, AnIndexTakesThePlaceOfPointsAndModel) {
  const Arguments least = {"--index=p.rct", "--query_rows=q.npy", "--k=5",
                           "--out_indices=i.npy"};
  const absl::StatusOr<SearchTask> task = ParseSearchTask(kNeighbors, least);
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->index_file, "p.rct");
  EXPECT_EQ(task->search.k, 5);
  for (const std::string flag :
       {"--points=p.npy", "--kernel=rbf", "--lengthscale=2", "--variance=2",
        "--num_inducing=8", "--inducing=kmeans", "--seed=2",
        "--inducing_rows=z.npy", "--inducing_points=z.npy", "--no_inducing",
        "--factors=v.npy", "--residual_variance=p.npy", "--jitter=1e-3",
        "--strategy=block"}) {
    Arguments arguments = least;
    arguments.push_back(flag);
    ExpectError(arguments,
                absl::StrCat("--index and ", flag.substr(0, flag.find('=')),
                             ": the index in the file has its own; leave one "
                             "out"));
  }
}

TEST(ParseSearchTaskTest, ABuildHasNoQueries) {
  const Arguments least = {"--points=p.npy", "--kernel=rbf", "--no_inducing",
                           "--index=p.rct"};
  const absl::StatusOr<SearchTask> task = ParseSearchTask(kBuild, least);
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->index_file, "p.rct");
  EXPECT_EQ(task->points, "p.npy");
  for (const char* flag : {"--k=3", "--queries=q.npy", "--predecessor",
                           "--audit=1", "--out_indices=i.npy"}) {
    Arguments arguments = least;
    arguments.emplace_back(flag);
    ExpectError(arguments, "there is no flag ", kBuild);
  }
  for (size_t i = 0; i < least.size(); ++i) {
    Arguments arguments = least;
    arguments.erase(arguments.begin() + static_cast<int>(i));
    ExpectError(arguments, " is missing: ", kBuild);
  }
}

TEST(ParseSearchTaskTest, MissingFlags) {
  const std::pair<std::string, std::string> cases[] = {
      {"--points",
       "--points is missing: the file with your points; or give --index"},
      {"--query_rows", "--query_rows or --queries is missing: a file with"},
      {"--kernel", "--kernel is missing: one of rbf, matern12, matern32"},
      {"--k=", "--k is missing: how many neighbors"},
      {"--num_inducing", "--num_inducing is missing: the number of inducing"},
      {"--out_indices", "--out_indices or --out_distances is missing: a file"},
  };
  for (const auto& [flag, message] : cases) {
    ExpectError(Least({}, flag), message);
  }
  ExpectError(Least({"--radius=0.5"}, "--k="),
              "--out_offsets is missing: a file that says where");
  ExpectError(Least({"--radius=0"}),
              "--radius: '0' is no positive and finite number");
  ExpectError(Least({"--radius=0.5", "--out_offsets=o.fvecs"}, "--k="),
              "--out_offsets: o.fvecs: is written as .npy, .csv or .tsv only");
}

TEST(ParseSearchTaskTest, ContradictionsNameBothFlags) {
  const struct {
    Arguments arguments;
    std::string message;
  } cases[] = {
      {Least({"--queries=x.npy"}),
       "--query_rows and --queries: both name the queries; leave one out"},
      {Least({"--inducing_rows=z.npy"}),
       "--num_inducing and --inducing_rows: both say what is taken out"},
      {Least({"--inducing_points=z.npy"}),
       "--num_inducing and --inducing_points: both say"},
      {Least({"--no_inducing"}), "--num_inducing and --no_inducing: both say"},
      {Least({"--factors=v.npy", "--residual_variance=p.npy"}),
       "--num_inducing and --factors: both say"},
      {Least({"--no_inducing", "--inducing_rows=z.npy"}, "--num"),
       "--inducing_rows and --no_inducing: both say"},
      {Least({"--factors=v.npy"}, "--num"),
       "--factors: needs --residual_variance as well"},
      {Least({"--residual_variance=p.npy"}),
       "--residual_variance: needs --factors as well"},
      {Least({"--seed=3", "--no_inducing"}, "--num"),
       "--seed: needs --num_inducing as well"},
      {Least({"--inducing=kmeans", "--inducing_rows=z.npy"}, "--num"),
       "--inducing: needs --num_inducing as well: it says how many are chosen"},
      {Least({"--inducing=cover_tree", "--seed=3"}),
       "--inducing=cover_tree and --seed: it leaves nothing to chance"},
      {Least({"--out_inducing=z.npy", "--no_inducing"}, "--num"),
       "--out_inducing and --no_inducing: there are no inducing points"},
      {Least({"--out_inducing=z.npy", "--factors=v.npy",
              "--residual_variance=p.npy"},
             "--num"),
       "--out_inducing and --factors: there are no inducing points"},
      {Least({"--jitter=1e-3", "--no_inducing"}, "--num"),
       "--jitter and --no_inducing: there is no K(Z,Z)"},
      {Least({"--jitter=1", "--factors=v.npy", "--residual_variance=p.npy"},
             "--num"),
       "--jitter and --factors: there is no K(Z,Z)"},
      {Least({"--queries=x.npy", "--predecessor"}, "--query_rows"),
       "--queries and --predecessor: a new point has no row number"},
      {Least({"--queries=x.npy", "--exclude_self"}, "--query_rows"),
       "--queries and --exclude_self: a new point has no row number"},
      {{"--queries=x.npy", "--factors=v.npy", "--residual_variance=p.npy"},
       "--queries and --factors: V and p of a new point need inducing"},
      {Least({"--strategy=level_synchronous", "--factors=v.npy",
              "--residual_variance=p.npy"},
             "--num"),
       "--strategy and --factors: factors of unknown error"},
      {Least({"--radius=1", "--out_offsets=o.npy"}),
       "--k and --out_offsets: a table of K columns has no lists"},
      {Least({"--format=csv"}),
       "--format and --out_indices: i.npy is no name for a file in csv"},
      {Least({"--format=npy", "--out_distances=d.csv"}),
       "--format and --out_distances: d.csv is no name for a file in npy"},
  };
  for (const auto& [arguments, message] : cases) {
    ExpectError(arguments, message);
  }
  // Factors are searched exhaustively, whether the flags say so or not.
  EXPECT_THAT(ParseSearchTask(kNeighbors,
                              Least({"--strategy=exhaustive", "--factors=v.npy",
                                     "--residual_variance=p.npy"},
                                    "--num")),
              IsOk());
}

TEST(ParseSearchTaskTest, EuclideanDistanceHasNoModel) {
  const Arguments least = {"--metric=euclidean", "--points=p.npy",
                           "--query_rows=q.npy", "--k=5",
                           "--out_indices=i.npy"};
  const absl::StatusOr<SearchTask> task = ParseSearchTask(kNeighbors, least);
  ASSERT_THAT(task, IsOk());
  EXPECT_TRUE(task->euclidean);
  EXPECT_EQ(task->index.ShortDebugString(), "threads: 0");
  EXPECT_FALSE(ParseSearchTask(kNeighbors, Least())->euclidean);
  EXPECT_FALSE(
      ParseSearchTask(kNeighbors, Least({"--metric=residual"}))->euclidean);

  for (const char* flag :
       {"--kernel=rbf", "--variance=2", "--num_inducing=3", "--inducing=random",
        "--out_inducing=z.npy", "--seed=1", "--inducing_rows=z.npy",
        "--inducing_points=z.npy", "--no_inducing", "--factors=v.npy",
        "--residual_variance=p.npy", "--jitter=1e-4"}) {
    Arguments arguments = least;
    arguments.emplace_back(flag);
    const std::string name =
        std::vector<std::string>(absl::StrSplit(flag, '='))[0];
    ExpectError(arguments, absl::StrCat("--metric=euclidean and ", name, ": "));
  }
  Arguments with_strategy = least;
  with_strategy.emplace_back("--strategy=best_first");
  EXPECT_EQ(ParseSearchTask(kNeighbors, with_strategy)->index.strategy(),
            BEST_FIRST);

  ExpectError({"--index=p.rct", "--metric=euclidean", "--query_rows=q.npy",
               "--k=5", "--out_indices=i.npy"},
              "--index and --metric: the index in the file has its own");
  ExpectError(
      Least({"--metric=cosine"}),
      "--metric: there is no 'cosine'; there are: residual, correlation, "
      "euclidean");
  EXPECT_TRUE(ParseSearchTask(kBuild, {"--metric=euclidean", "--points=p.npy",
                                       "--index=p.rct"})
                  ->euclidean);
  EXPECT_THAT(ParseSearchTask(
                  kBuild, {"--metric=residual", "--points=p.npy",
                           "--kernel=rbf", "--no_inducing", "--index=p.rct"}),
              IsOk());
}

TEST(ParseSearchTaskTest, CorrelationTakesNothingOut) {
  const Arguments least = Least({"--metric=correlation"}, "--num_inducing=");
  const absl::StatusOr<SearchTask> task = ParseSearchTask(kNeighbors, least);
  ASSERT_THAT(task, IsOk());
  EXPECT_TRUE(task->index.residual().inducing().has_none());
  EXPECT_FALSE(task->euclidean);
  for (const char* flag :
       {"--num_inducing=3", "--inducing_rows=z.npy", "--inducing_points=z.npy",
        "--factors=v.npy", "--jitter=1e-4", "--out_inducing=z.npy"}) {
    Arguments arguments = least;
    arguments.emplace_back(flag);
    const std::vector<std::string> name = absl::StrSplit(flag, '=');
    ExpectError(arguments,
                absl::StrCat("--metric=correlation and ", name[0], ": "));
  }
  EXPECT_THAT(ParseSearchTask(kBuild, {"--metric=correlation", "--points=p.npy",
                                       "--kernel=rbf", "--index=p.rct"}),
              IsOk());
}

TEST(ParseSearchTaskTest, OutputFormats) {
  ExpectError(Least({"--out_distances=d.dat"}),
              "--out_distances: d.dat: the ending names no format; end it with "
              ".npy, .csv or .tsv, or say --format");
  ExpectError(
      Least({"--out_distances=d.fvecs"}),
      "--out_distances: d.fvecs: is written as .npy, .csv or .tsv only");
  const absl::StatusOr<SearchTask> task = ParseSearchTask(
      kNeighbors,
      Least({"--out_indices=i.dat", "--format=csv"}, "--out_indices"));
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->out_indices.format, MatrixFormat::kCsv);
}

TEST(ParseSearchTaskTest, ValuesOutOfRange) {
  ExpectError(Least({"--k=0"}, "--k="),
              "--k: '0' is no integer from 1 to 2147483639");
  ExpectError(Least({"--threads=-1"}),
              "--threads: '-1' is no integer from 0 to 4096");
  ExpectError(Least({"--audit=0"}), "--audit: '0' is no integer from 1");
  ExpectError(Least({"--num_inducing=0"}, "--num"), "--num_inducing: '0'");
  ExpectError(Least({"--seed=-1"}), "--seed: '-1'");
  ExpectError(Least({"--lengthscale=1,0"}), "--lengthscale: '0'");
  ExpectError(Least({"--variance=-1"}), "--variance: '-1'");
  ExpectError(Least({"--jitter=0"}), "--jitter: '0'");
  ExpectError(Least({"--kernel=matern"}, "--kernel"),
              "--kernel: there is no 'matern'; there are: rbf, matern12, "
              "matern32, matern52");
  ExpectError(Least({"--strategy=fast"}),
              "--strategy: there is no 'fast'; there are: exhaustive");
  ExpectError(Least({"k=5"}),
              "unexpected argument 'k=5'; flags are written --name=value");
}

// The help explains every flag, on one screen.
TEST(SearchHelpTest, IsCompleteAndFits) {
  for (const SearchCommand command : {kNeighbors, kGraph, kBuild}) {
    const std::string help = SearchHelp(command);
    const std::vector<std::string> lines = absl::StrSplit(help, '\n');
    EXPECT_LE(lines.size(), 50);
    for (const std::string& line : lines) {
      EXPECT_THAT(line, SizeIs(testing::Le(80)));
    }
    for (const char* flag : {"index=",
                             "points=",
                             "kernel=",
                             "lengthscale=",
                             "variance=",
                             "num_inducing=",
                             "inducing=",
                             "seed=",
                             "inducing_rows=",
                             "inducing_points=",
                             "no_inducing ",
                             "factors=",
                             "residual_variance=",
                             "jitter=",
                             "metric=",
                             "strategy=",
                             "threads=",
                             "memory_limit=",
                             "header=",
                             "out_inducing=",
                             "format="}) {
      EXPECT_THAT(help, HasSubstr(absl::StrCat("  --", flag)));
    }
    for (const char* flag : {"k=", "predecessor ", "audit=", "out_indices=",
                             "out_distances=", "shard="}) {
      EXPECT_EQ(absl::StrContains(help, absl::StrCat("  --", flag)),
                command != kBuild);
    }
    const bool neighbors = command == kNeighbors;
    for (const char* flag : {"query_rows=", "queries=", "exclude_self "}) {
      EXPECT_EQ(absl::StrContains(help, absl::StrCat("  --", flag)), neighbors);
    }
    EXPECT_THAT(help, testing::Not(HasSubstr("$")));
  }
}

TEST(ParseSearchTaskTest, Order) {
  const auto parse = [](const std::string& order) {
    return ParseSearchTask(kGraph, Least({"--predecessor", "--order=" + order,
                                          "--out_order=o.csv"},
                                         "--query_rows"));
  };
  const absl::StatusOr<SearchTask> method = parse("MaxMin");
  ASSERT_THAT(method, IsOk());
  EXPECT_EQ(method->order_method, OrderingConfig::MAXMIN);
  EXPECT_EQ(method->order_file, "");
  EXPECT_EQ(method->out_order.path, "o.csv");
  EXPECT_EQ(method->out_order.format, MatrixFormat::kCsv);
  const absl::StatusOr<SearchTask> file = parse("./maxmin");
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->order_method, OrderingConfig::METHOD_UNSPECIFIED);
  EXPECT_EQ(file->order_file, "./maxmin");

  ExpectError(Least({"--order=maxmn", "--predecessor"}, "--query_rows"),
              "--order: there is no 'maxmn'; there are: maxmin, random, "
              "coordinate, middle_out, and files that end with .npy or .csv; "
              "did you mean maxmin?",
              kGraph);
  ExpectError(Least({"--order=maxmin"}, "--query_rows"),
              "--order: needs --predecessor as well", kGraph);
  ExpectError(Least({"--out_order=o.csv"}, "--query_rows"),
              "--out_order: needs --order as well", kGraph);
  ExpectError(Least({"--order=maxmin"}), "there is no flag --order");
}

}  // namespace
}  // namespace rct
