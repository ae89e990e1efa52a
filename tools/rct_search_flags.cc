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
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "base/matrix_file.h"
#include "base/quote.h"
#include "base/status_macros.h"
#include "index/index.pb.h"
#include "index/ordering.pb.h"
#include "metric/inducing_names.h"
#include "metric/metric.pb.h"
#include "tools/rct_enum_names.h"
#include "tools/rct_flags.h"
#include "tools/rct_input.h"
#include "tools/rct_order.h"
#include "tools/rct_output.h"
#include "tools/rct_shard.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int64_t kMaxInteger = std::numeric_limits<int64_t>::max();

absl::Status UsageError(std::string_view message) {
  return absl::InvalidArgumentError(message);
}

const EnumNames& Kernels() {
  static const EnumNames& names =
      *new EnumNames(*KernelConfig::Family_descriptor());
  return names;
}

const EnumNames& Strategies() {
  static const EnumNames& names = *new EnumNames(*Strategy_descriptor());
  return names;
}

constexpr std::string_view kIntroduction[] = {
    R"(rct neighbors: the K points most correlated with each query, exactly.

Files are .npy, .csv, .tsv, .fvecs or these with .gz; - is stdin or stdout.
Rows count from 0. Neighbors at one distance, as repeats, are ordered by row.

  --index=FILE              what rct build wrote; or, to build it now:
  --points=FILE             your points, n x d
$columns$model  --query_rows=FILE         queries: row numbers of points, or
  --queries=FILE            new points, q x d (for every row: rct graph)
  --k=K                     neighbors of each query; or, or as well,
  --radius=R                only those nearer than R: without --k, all of them
  --exclude_self            a row is no neighbor of itself
)",
    R"(rct graph: the K points most correlated with each of your points, exactly.

Files are .npy, .csv, .tsv, .fvecs or these with .gz; - is stdin or stdout.
Rows count from 0. No row is its own neighbor; ties go by row, or by --order.

  --index=FILE              what rct build wrote; or, to build it now:
  --points=FILE             your points, n x d
$columns$model  --k=K                     neighbors of each point; or, or as well,
  --radius=R                only those nearer than R: without --k, all of them
)",
    R"(rct build: an index in a file, for rct neighbors and rct graph.

Files are .npy, .csv, .tsv, .fvecs or these with .gz; - is stdin or stdout.
Rows count from 0.

  --points=FILE             your points, n x d
$columns$model  --header=yes|no           first lines of text are names of columns, or data;
                            default: they must be names, and none a number
  --threads=N               default 0: all
  --memory_limit=SIZE       in all, as 4GiB; with less BLOCK may be slower
  --index=FILE              where the index goes: as large as it is in memory
$out_inducing  --format=npy|csv          where the ending of that FILE does not say it

Every later call starts from the file, with the same answers. A file that was
damaged, cut short or written by a newer version is refused.

Example
  awk 'BEGIN {print "x,y"; while (i++ < 999) print i*37%101 "," i*53%97}' >p.csv
)"};

constexpr std::string_view kColumnsHelp =
    R"(    --columns=NAME[,NAME...]  only these columns, of new points too
    --lonlat                longitude, latitude (degrees) first; chords in km
)";

constexpr std::string_view kIdHelp =
    R"(    --id_column=NAME        identifiers; they replace row numbers in text output
)";

constexpr std::string_view kModelHelp =
    R"(  --kernel=NAME             $kernels
  --lengthscale=L[,L...]    one, or one for each column, in its unit
  --variance=S              k(x, x) (default 1)
  --num_inducing=M          inducing points: M of them, at random, or as
    --inducing=NAME           $choices
    --seed=N                  choose them by this seed (default 1), or
  --inducing_rows=FILE      these rows, or
  --inducing_points=FILE    these coordinates, m x d, or
  --no_inducing             none: the correlation of the process itself, or
  --factors=FILE            your own V, n x m, with
    --residual_variance=FILE  your own p, n x 1
  --jitter=J                on the diagonal of K(Z,Z), times S (default 1e-6)
$metric  --strategy=NAME           $strategies
                            (same answer, other speed; default $strategy)
)";

constexpr std::string_view kMetricHelp =
    R"(  --metric=NAME             residual (default), correlation (--no_inducing), or
                            euclidean: distance in --lengthscale, no --kernel
)";

constexpr std::string_view kOutInducingHelp =
    R"(  --out_inducing=FILE       coordinates of the inducing points, m x d
)";

constexpr std::string_view kSearchHelp =
    R"(  --predecessor             only rows before the query's (Vecchia)
$order  --allowed_rows=FILE       only these row numbers of points are neighbors
  --header=yes|no           text begins with names; default: if none is a number
  --threads=N               default 0: all
  --memory_limit=SIZE       in all, as 4GiB; with less BLOCK may be slower
  --audit=N                 search N random queries again, exhaustively; compare
$out_inducing  --out_indices=FILE        row numbers, int64, q x k; -1 where there is none
  --out_distances=FILE      sqrt(1-|correlation|) or Euclidean; float64; or inf
  --out_offsets=FILE        without --k: where each list begins, int64, q + 1
  --format=npy|csv|tsv      where the ending of FILE does not say it
  --shard=I/N --out_part=FILE  answer a part of the queries: rct join --help

Example
  awk 'BEGIN {print "x,y"; while (i++ < 999) print i*37%101 "," i*53%97}' >p.csv
)";

constexpr std::string_view kOrderHelp =
    R"(  --order=METHOD|FILE       before by this order: maxmin or others of rct order,
                            in units of --lengthscale; or a file of row numbers
  --out_order=FILE          the order that was used
  --work=FOLDER [--resume]  past memory: by parts, .npy only; or go on with it
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

// The values of flags that a task holds in another form.
struct Values {
  std::optional<int> kernel, strategy, format, metric, header, inducing;
  std::optional<double> variance, jitter, radius;
  std::string order, shard;
  std::optional<int64_t> k, num_inducing, seed, threads, audit;
  bool no_inducing = false;
};

// The numbers of the values of --metric.
constexpr int kCorrelation = 1;
constexpr int kEuclidean = 2;

bool Searches(SearchCommand command) {
  return command != SearchCommand::kBuild;
}

// Returns the flags of `command`, which store their values in `task` and
// `values`.
FlagSet Declare(SearchCommand command, SearchTask& task, Values& values) {
  FlagSet flags;
  flags.Text("index", &task.index_file);
  flags.Text("points", &task.points);
  flags.Choice("kernel", Kernels().names, &values.kernel);
  flags.Positives("lengthscale", &task.lengthscale);
  flags.Positive("variance", &values.variance);
  flags.Integer("num_inducing", 1, kMaxInteger, &values.num_inducing);
  flags.Choice("inducing", InducingNames(), &values.inducing);
  flags.Integer("seed", 0, kMaxInteger, &values.seed);
  flags.Text("inducing_rows", &task.inducing_rows);
  flags.Text("inducing_points", &task.inducing_points);
  flags.Switch("no_inducing", &values.no_inducing);
  flags.Text("factors", &task.factors);
  flags.Text("residual_variance", &task.residual_variance);
  flags.Positive("jitter", &values.jitter);
  flags.Choice("strategy", Strategies().names, &values.strategy);
  flags.Integer("threads", 0, kMaxThreads, &values.threads);
  flags.Bytes("memory_limit", &task.memory_limit);
  flags.Choice("metric", {"residual", "correlation", "euclidean"},
               &values.metric);
  flags.Choice("header", HeaderNames(), &values.header);
  flags.Text("out_inducing", &task.out_inducing.path);
  flags.Choice("format", FormatNames(), &values.format);
  task.coordinates.Declare(flags);
  if (Searches(command)) {
    task.coordinates.DeclareIdColumn(flags);
    flags.Integer("k", 1, kMaxRows, &values.k);
    flags.Positive("radius", &values.radius);
    flags.Switch("predecessor", &task.search.predecessor);
    flags.Text("allowed_rows", &task.allowed_rows);
    flags.Integer("audit", 1, kMaxInteger, &values.audit);
    flags.Text("out_offsets", &task.out_offsets.path);
    flags.Text("out_indices", &task.out_indices.path);
    flags.Text("out_distances", &task.out_distances.path);
    flags.Text("shard", &values.shard);
    flags.Text("out_part", &task.out_part);
  }
  if (command == SearchCommand::kGraph) {
    flags.Text("order", &values.order);
    flags.Text("out_order", &task.out_order.path);
    flags.Text("work", &task.work);
    flags.Switch("resume", &task.resume);
  }
  if (command == SearchCommand::kNeighbors) {
    flags.Text("query_rows", &task.query_rows);
    flags.Text("queries", &task.queries);
    flags.Switch("exclude_self", &task.search.exclude_self);
  }
  return flags;
}

// A term about a flag: "--name" holds where the flag is given, "--name=value"
// where it is given with that value, "--name!=value" where it is given with
// another one.
bool Holds(std::string_view term, const FlagSet& flags) {
  const size_t equals = term.find('=');
  std::string_view name = term.substr(0, equals);
  absl::ConsumePrefix(&name, "--");
  const bool other = absl::ConsumeSuffix(&name, "!");
  const std::string* const value = flags.Given(name);
  if (value == nullptr || equals == term.npos) return value != nullptr;
  return absl::EqualsIgnoreCase(*value, term.substr(equals + 1)) != other;
}

// Returns the term as an error shows it, without an excluded value.
std::string_view Shown(std::string_view term) {
  return term.substr(0, term.find('!'));
}

// A rule about flags that are given together.
struct Rule {
  enum Kind {
    kAtMostOne,  // of all terms
    kExcludes,   // the first excludes each of the others
    kNeeds       // the first needs the second
  };
  Kind kind;
  std::vector<std::string_view> terms;
  std::string_view why;
};

absl::Status Check(const Rule& rule, const FlagSet& flags) {
  const std::vector<std::string_view>& terms = rule.terms;
  const auto holds = [&flags](std::string_view t) { return Holds(t, flags); };
  auto first = terms.begin();
  if (rule.kind == Rule::kAtMostOne) {
    first = std::find_if(first, terms.end(), holds);
  }
  if (first == terms.end() || !holds(*first)) return absl::OkStatus();
  const auto other = std::find_if(first + 1, terms.end(), holds);
  const bool found = other != terms.end();
  if (rule.kind == Rule::kNeeds) {
    if (found) return absl::OkStatus();
    return UsageError(absl::StrCat(Shown(*first), ": needs ", Shown(terms[1]),
                                   " as well: ", rule.why));
  }
  if (!found) return absl::OkStatus();
  return UsageError(absl::StrCat(Shown(*first), " and ", Shown(*other), ": ",
                                 rule.why, "; leave one out"));
}

// Returns the rule for searches in an index from a file.
const Rule& RuleOfLoadedIndex() {
  static const Rule& rule = *new Rule{
      Rule::kExcludes,
      {"--index", "--points", "--kernel", "--lengthscale", "--variance",
       "--num_inducing", "--inducing", "--seed", "--inducing_rows",
       "--inducing_points", "--no_inducing", "--factors", "--residual_variance",
       "--jitter", "--metric", "--strategy", "--lonlat"},
      "the index in the file has its own"};
  return rule;
}

// Returns another one.
const Rule& RuleOfIdentifiers() {
  static const Rule& rule = *new Rule{
      Rule::kExcludes,
      {"--index", "--id_column"},
      "an index file keeps no identifiers, and numbers the rows of its points"};
  return rule;
}

const std::vector<Rule>& Rules() {
  static const auto& rules = *new std::vector<Rule>{
      {Rule::kExcludes,
       {"--metric=euclidean", "--kernel", "--variance", "--num_inducing",
        "--inducing", "--seed", "--inducing_rows", "--inducing_points",
        "--no_inducing", "--factors", "--residual_variance", "--jitter",
        "--out_inducing"},
       "a distance in space has no model"},
      {Rule::kExcludes,
       {"--metric=correlation", "--num_inducing", "--inducing", "--seed",
        "--inducing_rows", "--inducing_points", "--factors",
        "--residual_variance", "--jitter", "--out_inducing"},
       "nothing is taken out of the process"},
      {Rule::kAtMostOne,
       {"--num_inducing", "--inducing_rows", "--inducing_points",
        "--no_inducing", "--factors"},
       "both say what is taken out of the process"},
      {Rule::kAtMostOne,
       {"--query_rows", "--queries"},
       "both name the queries"},
      {Rule::kNeeds, {"--factors", "--residual_variance"}, "V goes with p"},
      {Rule::kNeeds, {"--residual_variance", "--factors"}, "p goes with V"},
      {Rule::kNeeds,
       {"--inducing", "--num_inducing"},
       "it says how many are chosen"},
      {Rule::kNeeds,
       {"--seed", "--num_inducing"},
       "it is the seed of their choice"},
      {Rule::kExcludes,
       {"--inducing=cover_tree", "--seed"},
       "it leaves nothing to chance"},
      {Rule::kExcludes,
       {"--out_inducing", "--no_inducing", "--factors"},
       "there are no inducing points to write"},
      {Rule::kExcludes,
       {"--jitter", "--no_inducing", "--factors"},
       "there is no K(Z,Z) to add it to"},
      {Rule::kExcludes,
       {"--queries", "--predecessor", "--exclude_self"},
       "a new point has no row number"},
      {Rule::kExcludes,
       {"--queries", "--factors"},
       "V and p of a new point need inducing points"},
      {Rule::kExcludes,
       {"--strategy!=exhaustive", "--factors"},
       "factors of unknown error can be searched exhaustively only"},
      {Rule::kNeeds,
       {"--order", "--predecessor"},
       "an order says which rows come before which"},
      {Rule::kNeeds, {"--out_order", "--order"}, "it is the order written"},
      {Rule::kNeeds, {"--resume", "--work"}, "it names what is gone on with"},
      {Rule::kExcludes,
       {"--work", "--no_inducing", "--metric=correlation",
        "--metric=euclidean"},
       "without factors, points that fit into memory have a graph that does"},
      {Rule::kExcludes,
       {"--work", "--index", "--factors", "--radius", "--allowed_rows",
        "--order", "--id_column", "--shard", "--out_offsets", "--out_inducing"},
       "a search by parts has the K nearest rows of --points only"},
      {Rule::kNeeds, {"--shard", "--out_part"}, "it is the file of the part"},
      {Rule::kNeeds,
       {"--out_part", "--shard"},
       "it says which part goes there"},
      {Rule::kExcludes,
       {"--shard", "--out_indices", "--out_distances", "--out_offsets",
        "--format"},
       "a part goes into --out_part, and rct join writes the answer"},
      {Rule::kExcludes,
       {"--shard", "--out_order"},
       "every part has the same order, which rct order writes"},
      {Rule::kExcludes,
       {"--shard", "--out_inducing"},
       "every part has the same inducing points, which rct build writes"},
      {Rule::kExcludes,
       {"--k", "--out_offsets"},
       "a table of K columns has no lists that begin anywhere"}};
  return rules;
}

// Returns InvalidArgument for the first contradiction among the flags.
absl::Status CheckContradictions(SearchCommand command, const FlagSet& flags) {
  if (Searches(command)) {
    RCT_RETURN_IF_ERROR(Check(RuleOfLoadedIndex(), flags));
    RCT_RETURN_IF_ERROR(Check(RuleOfIdentifiers(), flags));
  }
  for (const Rule& rule : Rules()) RCT_RETURN_IF_ERROR(Check(rule, flags));
  return absl::OkStatus();
}

// Returns InvalidArgument, with `name` for the flags, unless one of them is
// given.
absl::Status Require(absl::Span<const std::string_view> any,
                     const FlagSet& flags, std::string_view name,
                     std::string_view what) {
  for (const std::string_view flag : any) {
    if (Holds(flag, flags)) return absl::OkStatus();
  }
  return UsageError(absl::StrCat(name, " is missing: ", what));
}

absl::Status Require(std::string_view flag, const FlagSet& flags,
                     std::string_view what) {
  return Require({flag}, flags, flag, what);
}

absl::Status RequireModel(const FlagSet& flags) {
  RCT_RETURN_IF_ERROR(
      Require("--kernel", flags,
              absl::StrCat("one of ", absl::StrJoin(Kernels().names, ", "))));
  return Require({"--num_inducing", "--inducing_rows", "--inducing_points",
                  "--no_inducing", "--metric=correlation", "--factors"},
                 flags, "--num_inducing",
                 "the number of inducing points; or give --inducing_rows, "
                 "--inducing_points, --no_inducing or --factors");
}

absl::Status RequireAnswer(const FlagSet& flags) {
  RCT_RETURN_IF_ERROR(
      Require({"--k", "--radius"}, flags, "--k",
              "how many neighbors are wanted; or --radius, how near"));
  if (Holds("--shard", flags)) return absl::OkStatus();
  RCT_RETURN_IF_ERROR(Require({"--out_indices", "--out_distances"}, flags,
                              "--out_indices or --out_distances",
                              "a file for the answer"));
  if (Holds("--k", flags)) return absl::OkStatus();
  return Require("--out_offsets", flags,
                 "a file that says where each query's list begins");
}

// Returns InvalidArgument for the first flag that is missing.
absl::Status CheckRequired(SearchCommand command, const FlagSet& flags) {
  const bool searches = Searches(command);
  const bool loads = searches && Holds("--index", flags);
  if (!loads) {
    RCT_RETURN_IF_ERROR(
        Require("--points", flags,
                searches ? "the file with your points; or give --index"
                         : "the file with your points"));
  }
  if (command == SearchCommand::kNeighbors) {
    RCT_RETURN_IF_ERROR(Require(
        {"--query_rows", "--queries"}, flags, "--query_rows or --queries",
        "a file with the queries; for every row call rct graph"));
  }
  if (!loads && !Holds("--metric=euclidean", flags)) {
    RCT_RETURN_IF_ERROR(RequireModel(flags));
  }
  if (searches) return RequireAnswer(flags);
  return Require("--index", flags, "the file that the index goes into");
}

// Decides the formats of the output files.
absl::Status SetFormats(std::optional<int> format, SearchTask& task) {
  const std::pair<std::string_view, OutputFile&> outputs[] = {
      {"--out_inducing", task.out_inducing},
      {"--out_offsets", task.out_offsets},
      {"--out_indices", task.out_indices},
      {"--out_distances", task.out_distances},
      {"--out_order", task.out_order}};
  for (const auto& [flag, file] : outputs) {
    if (file.path.empty()) continue;
    RCT_ASSIGN_OR_RETURN(file.format, OutputFormat(flag, file.path, format));
    if (!task.work.empty() &&
        (file.format != MatrixFormat::kNpy || file.path == "-")) {
      return UsageError(
          absl::StrCat("--work: writes .npy files, and ", flag, " is ",
                       Quote(file.path), "; name a file that ends with .npy"));
    }
  }
  return absl::OkStatus();
}

void FillModel(const Values& values, ResidualConfig& residual) {
  KernelConfig& kernel = *residual.mutable_kernel();
  kernel.set_family(
      static_cast<KernelConfig::Family>(Kernels().numbers[*values.kernel]));
  if (values.variance) kernel.set_variance(*values.variance);
  if (values.jitter) residual.set_jitter(*values.jitter);
  if (values.no_inducing || values.metric == kCorrelation) {
    residual.mutable_inducing()->mutable_none();
  }
  if (values.num_inducing) {
    *residual.mutable_inducing() = InducingByName(
        values.inducing.value_or(0), *values.num_inducing, values.seed);
  }
}

// Sets the order that --order names, if it is given: a method's, or else a
// file's. Text that looks like neither is a misspelled method.
absl::Status SetOrder(const std::string& order, SearchTask& task) {
  const EnumNames& methods = OrderingMethods();
  for (size_t i = 0; i < methods.names.size(); ++i) {
    if (!absl::EqualsIgnoreCase(order, methods.names[i])) continue;
    task.order_method = static_cast<OrderingConfig::Method>(methods.numbers[i]);
    return absl::OkStatus();
  }
  if (!order.empty() && order != "-" && !absl::StrContains(order, '/') &&
      !FormatOf(order).ok()) {
    return UsageError(
        absl::StrCat("--order: there is no ", Quote(order),
                     "; there are: ", absl::StrJoin(methods.names, ", "),
                     ", and files that end with .npy or .csv",
                     DidYouMean(order, methods.names, "")));
  }
  task.order_file = order;
  return absl::OkStatus();
}

// Fills in the parts of a task that `values` hold. Assumes that the flags
// passed all checks.
void Fill(SearchCommand command, const Values& values, SearchTask& task) {
  task.header = HeaderOf(values.header);
  task.euclidean = values.metric == kEuclidean;
  task.all_within = Searches(command) && !values.k.has_value();
  task.index.set_threads(static_cast<int>(values.threads.value_or(0)));
  task.search.threads = task.index.threads();
  task.search.k = values.k.value_or(1);
  if (values.radius) task.search.radius = *values.radius;
  if (command != SearchCommand::kNeighbors) task.search.exclude_self = true;
  task.audit = values.audit.value_or(0);
  if (values.strategy) {
    task.index.set_strategy(
        static_cast<Strategy>(Strategies().numbers[*values.strategy]));
  }
  if (values.kernel) FillModel(values, *task.index.mutable_residual());
  // No other strategy, and so perhaps not the default, is proven for factors.
  if (!task.factors.empty()) task.index.set_strategy(EXHAUSTIVE);
}

}  // namespace

absl::StatusOr<SearchTask> ParseSearchTask(
    SearchCommand command, absl::Span<const std::string> arguments) {
  SearchTask task;
  Values values;
  FlagSet flags = Declare(command, task, values);
  RCT_ASSIGN_OR_RETURN(const std::vector<std::string> rest,
                       flags.Parse(arguments));
  if (!rest.empty()) {
    return UsageError(absl::StrCat("unexpected argument '", rest[0],
                                   "'; flags are written --name=value"));
  }
  // Contradictions come first: they say more than a flag that is missing.
  RCT_RETURN_IF_ERROR(CheckContradictions(command, flags));
  RCT_RETURN_IF_ERROR(CheckRequired(command, flags));
  RCT_RETURN_IF_ERROR(SetFormats(values.format, task));
  RCT_RETURN_IF_ERROR(SetOrder(values.order, task));
  if (!values.shard.empty()) {
    absl::StatusOr<Shard> shard = ParseShard(values.shard);
    if (!shard.ok()) return Annotate(shard.status(), "--shard");
    task.shard = *shard;
  }
  Fill(command, values, task);
  return task;
}

std::string SearchHelp(SearchCommand command) {
  const bool searches = Searches(command);
  const std::string model = absl::StrReplaceAll(
      kModelHelp,
      {{"$metric", kMetricHelp},
       {"$choices", absl::StrJoin(InducingNames(), ", ")},
       {"$kernels", absl::StrJoin(Kernels().names, ", ")},
       {"$strategies", absl::StrJoin(Strategies().names, ", ")},
       {"$strategy",
        absl::AsciiStrToLower(Strategy_Name(IndexOptions().strategy()))}});
  const auto which = static_cast<size_t>(command);
  return absl::StrCat(
      absl::StrReplaceAll(
          absl::StrCat(kIntroduction[which], searches ? kSearchHelp : ""),
          {{"$model", model},
           {"$columns", absl::StrCat(kColumnsHelp, searches ? kIdHelp : "")},
           {"$out_inducing", kOutInducingHelp},
           {"$order", command == SearchCommand::kGraph ? kOrderHelp : ""}}),
      kExample[which]);
}

}  // namespace rct
