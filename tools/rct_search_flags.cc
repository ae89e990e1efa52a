#include "tools/rct_search_flags.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "base/matrix_file.h"
#include "base/status_macros.h"
#include "google/protobuf/descriptor.h"
#include "index/index.pb.h"
#include "metric/metric.pb.h"
#include "tools/rct_flags.h"
#include "tools/rct_input.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

// A flag that chooses among others, and whether it is there.
using Given = std::pair<std::string_view, bool>;

absl::Status UsageError(std::string_view message) {
  return absl::InvalidArgumentError(message);
}

// At most one of the flags; `what` they all do.
absl::Status AtMostOne(absl::Span<const Given> flags, std::string_view what) {
  std::vector<std::string_view> given;
  for (const auto& [flag, is_given] : flags) {
    if (is_given) given.push_back(flag);
  }
  if (given.size() <= 1) return absl::OkStatus();
  return UsageError(absl::StrCat(given[0], " and ", given[1], ": both ", what,
                                 "; leave one out"));
}

absl::Status NotTogether(Given a, Given b, std::string_view why) {
  if (!a.second || !b.second) return absl::OkStatus();
  return UsageError(
      absl::StrCat(a.first, " and ", b.first, ": ", why, "; leave one out"));
}

absl::Status Needs(Given a, Given b, std::string_view why) {
  if (!a.second || b.second) return absl::OkStatus();
  return UsageError(
      absl::StrCat(a.first, ": needs ", b.first, " as well: ", why));
}

// With an index from a file, what it was made of cannot be said again.
absl::Status WithoutIndex(Given index, absl::Span<const Given> flags) {
  for (const Given& flag : flags) {
    RCT_RETURN_IF_ERROR(
        NotTogether(index, flag, "the index in the file has its own"));
  }
  return absl::OkStatus();
}

absl::Status Required(Given flag, std::string_view what) {
  if (flag.second) return absl::OkStatus();
  return UsageError(absl::StrCat(flag.first, " is missing: ", what));
}

// The names that an enum's flag takes, and their numbers: all but 0, which is
// "not given", in small letters.
struct EnumNames {
  explicit EnumNames(const google::protobuf::EnumDescriptor& descriptor) {
    for (int i = 0; i < descriptor.value_count(); ++i) {
      if (descriptor.value(i)->number() == 0) continue;
      names.push_back(absl::AsciiStrToLower(descriptor.value(i)->name()));
      numbers.push_back(descriptor.value(i)->number());
    }
  }
  std::vector<std::string> names;
  std::vector<int> numbers;
};

const EnumNames& Kernels() {
  static const EnumNames& names =
      *new EnumNames(*KernelConfig::Family_descriptor());
  return names;
}

const EnumNames& Strategies() {
  static const EnumNames& names = *new EnumNames(*Strategy_descriptor());
  return names;
}

constexpr MatrixFormat kFormats[] = {MatrixFormat::kNpy, MatrixFormat::kCsv};
const std::vector<std::string>& FormatNames() {
  static const auto& names = *new std::vector<std::string>{"npy", "csv"};
  return names;
}

// What --format says, or else the ending of the file.
absl::StatusOr<MatrixFormat> OutputFormat(std::string_view flag,
                                          const std::string& path,
                                          std::optional<int> format) {
  if (path == "-" && !format.has_value()) return MatrixFormat::kCsv;
  const absl::StatusOr<MatrixFormat> ending = FormatOf(path);
  if (ending.ok() && *ending == MatrixFormat::kFvecs) {
    return UsageError(
        absl::StrCat(flag, ": ", path, ": is written as .npy or .csv only"));
  }
  if (!format.has_value()) {
    if (ending.ok()) return *ending;
    return UsageError(absl::StrCat(flag, ": ", path,
                                   ": the ending names no format; end it "
                                   "with .npy or .csv, or say --format"));
  }
  if (ending.ok() && *ending != kFormats[*format]) {
    return UsageError(absl::StrCat(
        "--format and ", flag, ": ", path, " is no name for a file in ",
        FormatNames()[*format], " format; leave one out"));
  }
  return kFormats[*format];
}

constexpr std::string_view kIntroduction[] = {
    R"(rct neighbors: the K points most correlated with each query, exactly.

Files are .npy, .csv or .fvecs, or - for stdin and stdout; rows count from 0.
Neighbors at one distance, as repeated points are, are ordered by row.

  --index=FILE              what rct build wrote; or, to build it now:
  --points=FILE             your points, n x d
$model  --query_rows=FILE         queries: row numbers of points, or
  --queries=FILE            new points, q x d (for every row: rct graph)
  --k=K                     neighbors of each query; or, or as well,
  --radius=R                only those nearer than R: without --k, all of them
  --exclude_self            a row is no neighbor of itself
)",
    R"(rct graph: the K points most correlated with each of your points, exactly.

Files are .npy, .csv or .fvecs, or - for stdin and stdout; rows count from 0.
No row is its own neighbor. Neighbors at one distance are ordered by row.

  --index=FILE              what rct build wrote; or, to build it now:
  --points=FILE             your points, n x d
$model  --k=K                     neighbors of each point; or, or as well,
  --radius=R                only those nearer than R: without --k, all of them
)",
    R"(rct build: an index in a file, for rct neighbors and rct graph.

Files are .npy, .csv or .fvecs, or - for stdin and stdout; rows count from 0.

  --points=FILE             your points, n x d
$model  --header=yes|no           first lines of .csv are names of columns, or data;
                            default: they must be names, and none a number
  --threads=N               default 0: all
  --index=FILE              where the index goes: as large as it is in memory

Every later call starts from the file, with the same answers. A file that was
damaged, cut short or written by a newer version is refused.

Example
  awk 'BEGIN {print "x,y"; while (i++ < 999) print i*37%101 "," i*53%97}' >p.csv
)"};

constexpr std::string_view kModelFlags =
    R"(  --kernel=NAME             $kernels
  --lengthscale=L[,L...]    one, or one for each column, in its unit
  --variance=S              k(x, x) (default 1)
  --num_inducing=M          inducing points: M rows drawn at random, or
    --seed=N                  by this seed (default 1)
  --inducing_rows=FILE      these rows, or
  --inducing_points=FILE    these coordinates, m x d, or
  --no_inducing             none: the correlation of the process itself, or
  --factors=FILE            your own V, n x m, with
    --residual_variance=FILE  your own p, n x 1
  --jitter=J                on the diagonal of K(Z,Z), times S (default 1e-6)
$metric  --strategy=NAME           $strategies
                            (same answer, other speed; default $strategy)
)";

constexpr std::string_view kMetricFlag =
    R"(  --metric=euclidean        Euclidean distance in place of all since --kernel
)";

constexpr std::string_view kSearchFlags =
    R"(  --predecessor             only rows before the query's (Vecchia)
  --allowed_rows=FILE       only these row numbers of points are neighbors
  --header=yes|no           first lines of .csv are names of columns, or data;
                            default: they must be names, and none a number
  --threads=N               default 0: all
  --audit=N                 search N random queries again, exhaustively; compare
  --out_indices=FILE        row numbers, int64, q x k; -1 where there is none
  --out_distances=FILE      sqrt(1-|correlation|) or Euclidean; float64; or inf
  --out_offsets=FILE        without --k: where each list begins, int64, q + 1
  --format=npy|csv          where the ending of FILE does not say it

Example
  awk 'BEGIN {print "x,y"; while (i++ < 999) print i*37%101 "," i*53%97}' >p.csv
)";

constexpr std::string_view kExample[] = {
    R"(  printf 'row\n0\n500\n' >q.csv
  rct neighbors --points=p.csv --query_rows=q.csv --kernel=matern52 \
    --lengthscale=20 --num_inducing=50 --k=5 --out_indices=neighbors.csv
)",
    R"(  rct graph --points=p.csv --kernel=rbf --lengthscale=20,30 \
    --num_inducing=50 --k=10 --predecessor --out_indices=sets.npy
)",
    R"(  rct build --points=p.csv --kernel=matern52 --lengthscale=20 \
    --num_inducing=50 --index=p.rct
  rct info p.rct
  rct graph --index=p.rct --k=10 --predecessor --out_indices=sets.npy
)"};

}  // namespace

absl::StatusOr<SearchTask> ParseSearchTask(
    SearchCommand command, absl::Span<const std::string> arguments) {
  SearchTask task;
  std::optional<int> kernel, strategy, format, metric, header;
  std::optional<double> variance, jitter, radius;
  std::optional<int64_t> k, num_inducing, seed, threads, audit;
  std::vector<double> lengthscale;
  bool no_inducing = false;

  const bool searches = command != SearchCommand::kBuild;
  FlagSet flags;
  flags.Text("index", &task.index_file);
  flags.Text("points", &task.points);
  flags.Choice("kernel", Kernels().names, &kernel);
  flags.Positives("lengthscale", &lengthscale);
  flags.Positive("variance", &variance);
  flags.Integer("num_inducing", 1, kMost, &num_inducing);
  flags.Integer("seed", 0, kMost, &seed);
  flags.Text("inducing_rows", &task.inducing_rows);
  flags.Text("inducing_points", &task.inducing_points);
  flags.Switch("no_inducing", &no_inducing);
  flags.Text("factors", &task.factors);
  flags.Text("residual_variance", &task.residual_variance);
  flags.Positive("jitter", &jitter);
  flags.Choice("strategy", Strategies().names, &strategy);
  flags.Integer("threads", 0, kMaxThreads, &threads);
  flags.Choice("metric", {"residual", "euclidean"}, &metric);
  flags.Choice("header", HeaderNames(), &header);
  if (searches) {
    flags.Integer("k", 1, kMaxRows, &k);
    flags.Positive("radius", &radius);
    flags.Switch("predecessor", &task.search.predecessor);
    flags.Text("allowed_rows", &task.allowed_rows);
    flags.Integer("audit", 1, kMost, &audit);
    flags.Text("out_offsets", &task.out_offsets);
    flags.Text("out_indices", &task.out_indices);
    flags.Text("out_distances", &task.out_distances);
    flags.Choice("format", FormatNames(), &format);
  }
  if (command == SearchCommand::kNeighbors) {
    flags.Text("query_rows", &task.query_rows);
    flags.Text("queries", &task.queries);
    flags.Switch("exclude_self", &task.search.exclude_self);
  } else {
    task.search.exclude_self = true;
  }
  RCT_ASSIGN_OR_RETURN(const std::vector<std::string> rest,
                       flags.Parse(arguments));
  if (!rest.empty()) {
    return UsageError(absl::StrCat("unexpected argument '", rest[0],
                                   "'; flags are written --name=value"));
  }

  const Given index = {"--index", !task.index_file.empty()};
  const Given points = {"--points", !task.points.empty()};
  const Given kernel_name = {"--kernel", kernel.has_value()};
  const Given query_rows = {"--query_rows", !task.query_rows.empty()};
  const Given queries = {"--queries", !task.queries.empty()};
  const Given random = {"--num_inducing", num_inducing.has_value()};
  const Given rows = {"--inducing_rows", !task.inducing_rows.empty()};
  const Given coordinates = {"--inducing_points",
                             !task.inducing_points.empty()};
  const Given none = {"--no_inducing", no_inducing};
  const Given factors = {"--factors", !task.factors.empty()};
  const Given residual_variance = {"--residual_variance",
                                   !task.residual_variance.empty()};
  const Given number = {"--k", k.has_value()};
  const Given offsets = {"--out_offsets", !task.out_offsets.empty()};
  const Given predecessor = {"--predecessor", task.search.predecessor};
  const Given exclude_self = {"--exclude_self", task.search.exclude_self};
  const Given seed_given = {"--seed", seed.has_value()};
  const Given jitter_given = {"--jitter", jitter.has_value()};

  // Contradictions first: a flag too many says more than one too few.
  const bool loads = searches && index.second;
  const Given model[] = {kernel_name,
                         {"--lengthscale", !lengthscale.empty()},
                         {"--variance", variance.has_value()},
                         random,
                         seed_given,
                         rows,
                         coordinates,
                         none,
                         factors,
                         residual_variance,
                         jitter_given};
  if (loads) {
    RCT_RETURN_IF_ERROR(WithoutIndex(index, {points}));
    RCT_RETURN_IF_ERROR(WithoutIndex(index, model));
    RCT_RETURN_IF_ERROR(
        WithoutIndex(index, {{"--metric", metric.has_value()},
                             {"--strategy", strategy.has_value()}}));
  }
  task.euclidean = metric == 1;
  if (task.euclidean && !searches) {
    return UsageError(
        "--metric=euclidean: an index file is of the residual metric; give "
        "--points and --metric to rct neighbors or rct graph, which build such "
        "an index as they need it");
  }
  if (task.euclidean) {
    const Given euclidean = {"--metric=euclidean", true};
    for (const Given& flag : model) {
      RCT_RETURN_IF_ERROR(
          NotTogether(euclidean, flag, "a distance in space has no model"));
    }
    const bool blocks =
        strategy.has_value() && Strategies().numbers[*strategy] == BLOCK;
    RCT_RETURN_IF_ERROR(NotTogether(euclidean, {"--strategy=block", blocks},
                                    "blocks are for correlations"));
  }
  const Given sources[] = {random, rows, coordinates, none, factors};
  RCT_RETURN_IF_ERROR(
      AtMostOne(sources, "say what is taken out of the process"));
  RCT_RETURN_IF_ERROR(AtMostOne({query_rows, queries}, "name the queries"));
  RCT_RETURN_IF_ERROR(Needs(factors, residual_variance, "V goes with p"));
  RCT_RETURN_IF_ERROR(Needs(residual_variance, factors, "p goes with V"));
  RCT_RETURN_IF_ERROR(
      Needs(seed_given, random, "it is the seed of their choice"));
  for (const Given& source : {none, factors}) {
    RCT_RETURN_IF_ERROR(
        NotTogether(jitter_given, source, "there is no K(Z,Z) to add it to"));
  }
  for (const Given& constraint : {predecessor, exclude_self}) {
    RCT_RETURN_IF_ERROR(
        NotTogether(queries, constraint, "a new point has no row number"));
  }
  RCT_RETURN_IF_ERROR(NotTogether(
      queries, factors, "V and p of a new point need inducing points"));
  const bool prunes =
      strategy.has_value() && Strategies().numbers[*strategy] != EXHAUSTIVE;
  RCT_RETURN_IF_ERROR(NotTogether(
      {"--strategy", prunes}, factors,
      "factors of unknown error can be searched exhaustively only"));

  RCT_RETURN_IF_ERROR(
      NotTogether(number, offsets,
                  "a table of K columns has no lists that begin anywhere"));

  if (!loads) {
    RCT_RETURN_IF_ERROR(
        Required(points, searches ? "the file with your points; or give --index"
                                  : "the file with your points"));
  }
  if (command == SearchCommand::kNeighbors) {
    RCT_RETURN_IF_ERROR(Required(
        {"--query_rows or --queries", query_rows.second || queries.second},
        "a file with the queries; for every row call rct graph"));
  }
  if (!loads && !task.euclidean) {
    RCT_RETURN_IF_ERROR(Required(
        kernel_name,
        absl::StrCat("one of ", absl::StrJoin(Kernels().names, ", "))));
    const bool has_source =
        std::any_of(std::begin(sources), std::end(sources),
                    [](const Given& source) { return source.second; });
    RCT_RETURN_IF_ERROR(
        Required({"--num_inducing", has_source},
                 "the number of inducing points; or give --inducing_rows, "
                 "--inducing_points, --no_inducing or --factors"));
  }
  task.all_within = searches && !k.has_value();
  if (searches) {
    RCT_RETURN_IF_ERROR(
        Required({"--k", k.has_value() || radius.has_value()},
                 "how many neighbors are wanted; or --radius, how near"));
    RCT_RETURN_IF_ERROR(
        Required({"--out_indices or --out_distances",
                  !task.out_indices.empty() || !task.out_distances.empty()},
                 "a file for the answer"));
  } else {
    RCT_RETURN_IF_ERROR(Required(index, "the file that the index goes into"));
  }
  if (task.all_within) {
    RCT_RETURN_IF_ERROR(
        Required(offsets, "a file that says where each query's list begins"));
    RCT_ASSIGN_OR_RETURN(
        task.out_offsets_format,
        OutputFormat("--out_offsets", task.out_offsets, format));
  }
  if (!task.out_indices.empty()) {
    RCT_ASSIGN_OR_RETURN(
        task.out_indices_format,
        OutputFormat("--out_indices", task.out_indices, format));
  }
  if (!task.out_distances.empty()) {
    RCT_ASSIGN_OR_RETURN(
        task.out_distances_format,
        OutputFormat("--out_distances", task.out_distances, format));
  }

  task.header = HeaderOf(header);
  task.index.set_threads(static_cast<int>(threads.value_or(0)));
  task.search.threads = task.index.threads();
  task.search.k = k.value_or(1);
  if (radius) task.search.radius = *radius;
  task.audit = audit.value_or(0);
  if (loads) return task;
  if (strategy) {
    task.index.set_strategy(
        static_cast<Strategy>(Strategies().numbers[*strategy]));
  }
  if (task.euclidean) return task;

  ResidualConfig& residual = *task.index.mutable_residual();
  residual.mutable_kernel()->set_family(
      static_cast<KernelConfig::Family>(Kernels().numbers[*kernel]));
  residual.mutable_kernel()->mutable_lengthscale()->Add(lengthscale.begin(),
                                                        lengthscale.end());
  if (variance) residual.mutable_kernel()->set_variance(*variance);
  if (jitter) residual.set_jitter(*jitter);
  if (no_inducing) residual.mutable_inducing()->mutable_none();
  if (num_inducing) {
    auto& draw = *residual.mutable_inducing()->mutable_random();
    draw.set_count(*num_inducing);
    if (seed) draw.set_seed(*seed);
  }
  // Whatever the default is: nothing else is proven for them.
  if (factors.second) task.index.set_strategy(EXHAUSTIVE);
  return task;
}

std::string SearchHelp(SearchCommand command) {
  const bool searches = command != SearchCommand::kBuild;
  const std::string model = absl::StrReplaceAll(
      kModelFlags,
      {{"$metric", searches ? kMetricFlag : ""},
       {"$kernels", absl::StrJoin(Kernels().names, ", ")},
       {"$strategies", absl::StrJoin(Strategies().names, ", ")},
       {"$strategy",
        absl::AsciiStrToLower(Strategy_Name(IndexOptions().strategy()))}});
  const auto which = static_cast<size_t>(command);
  return absl::StrCat(
      absl::StrReplaceAll(kIntroduction[which], {{"$model", model}}),
      searches ? kSearchFlags : "", kExample[which]);
}

}  // namespace rct
