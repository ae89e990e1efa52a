#include "tools/rct_order.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/monitor.h"
#include "base/quote.h"
#include "base/status_macros.h"
#include "index/ordering.h"
#include "tools/rct_coordinates.h"
#include "tools/rct_flags.h"
#include "tools/rct_input.h"

namespace rct {
namespace {

constexpr std::string_view kHelp =
    R"(rct order: an order of your points, for Vecchia approximations.

Files are .npy, .csv, .tsv, .fvecs or these with .gz; - is stdin or stdout.
Rows count from 0.

  --points=FILE             your points, n x d
    --columns=NAME[,NAME...]  only these columns
    --lonlat                the first two are longitude and latitude, degrees:
                            lengths are km, along chords
  --method=NAME             $methods
    maxmin                  first the point nearest to the mean, then always the
                            one farthest from all before it; repeats come last
    random                  any order; the same for the same --seed
    coordinate              by --column, ascending
    middle_out              by the distance from the mean, ascending
  --lengthscale=L[,L...]    one, or one for each column: maxmin and middle_out
                            divide coordinates by it (default 1)
  --seed=N                  of random (default 1)
  --column=NAME|NUMBER      of coordinate; the first is 0 (default 0)
  --num_first=N             rows 0 to N-1 come before all others, as training
                            points before new ones (default 0)
  --header=yes|no           first lines of text are names of columns, or data;
                            default: they must be names, and none a number
  --threads=N               default 0: all
  --out_order=FILE          row numbers, int64, the first row of the order first
  --format=npy|csv|tsv      where the ending of FILE does not say it

Points at one distance, and equal coordinates, are ordered by row. An order is
the same on every machine. rct graph --order=FILE --predecessor takes it.

Example
  awk 'BEGIN {print "x,y"; while (i++ < 999) print i*37%101 "," i*53%97}' >p.csv
  rct order --points=p.csv --method=maxmin --lengthscale=20,30 \
    --out_order=order.csv
  rct graph --points=p.csv --kernel=rbf --lengthscale=20,30 --num_inducing=50 \
    --k=10 --order=order.csv --predecessor --out_indices=sets.csv
)";

absl::Status UsageError(std::string_view message) {
  return absl::InvalidArgumentError(message);
}

// The values of flags that a task holds in another form.
struct Values {
  std::optional<int> method, header, format;
  std::optional<int64_t> seed, num_first, threads;
  std::vector<double> lengthscale;
};

FlagSet Declare(OrderTask& task, Values& values) {
  constexpr int64_t kMaxInteger = std::numeric_limits<int64_t>::max();
  FlagSet flags;
  flags.Text("points", &task.points);
  task.coordinates.Declare(flags);
  flags.Choice("method", OrderingMethods().names, &values.method);
  flags.Positives("lengthscale", &values.lengthscale);
  flags.Integer("seed", 0, kMaxInteger, &values.seed);
  flags.Text("column", &task.column);
  flags.Integer("num_first", 0, kMaxRows, &values.num_first);
  flags.Integer("threads", 0, kMaxThreads, &values.threads);
  flags.Choice("header", HeaderNames(), &values.header);
  flags.Text("out_order", &task.out_order.path);
  flags.Choice("format", FormatNames(), &values.format);
  return flags;
}

// Returns InvalidArgument for a flag that `method` has no use for.
absl::Status CheckUse(OrderingConfig::Method method, const FlagSet& flags) {
  const struct {
    std::string_view flag;
    std::vector<OrderingConfig::Method> methods;
  } uses[] = {
      {"lengthscale", {OrderingConfig::MAXMIN, OrderingConfig::MIDDLE_OUT}},
      {"seed", {OrderingConfig::RANDOM}},
      {"column", {OrderingConfig::COORDINATE}},
  };
  for (const auto& [flag, methods] : uses) {
    if (flags.Given(flag) == nullptr ||
        std::find(methods.begin(), methods.end(), method) != methods.end()) {
      continue;
    }
    return UsageError(
        absl::StrCat("--", flag, " and --method=", *flags.Given("method"),
                     ": the order does not depend on it; leave one out"));
  }
  return absl::OkStatus();
}

absl::Status CheckRequired(const FlagSet& flags) {
  const std::pair<std::string_view, std::string> required[] = {
      {"points", "the file with your points"},
      {"method",
       absl::StrCat("one of ", absl::StrJoin(OrderingMethods().names, ", "))},
      {"out_order", "a file for the order"}};
  for (const auto& [flag, what] : required) {
    if (flags.Given(flag) != nullptr) continue;
    return UsageError(absl::StrCat("--", flag, " is missing: ", what));
  }
  return absl::OkStatus();
}

// Returns the number of the column that --column names: a name, where a column
// has it, and else a number.
absl::StatusOr<int64_t> ColumnOf(const std::string& column,
                                 const Table<double>& table) {
  const auto& names = table.names;
  const auto named = std::find(names.begin(), names.end(), column);
  if (named != names.end()) return named - names.begin();
  int64_t number;
  const int64_t columns = table.values.cols();
  if (absl::SimpleAtoi(column, &number) && number >= 0 && number < columns) {
    return number;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--column: --points has no column ", Quote(column), "; give a number ",
      "from 0 to ", columns - 1, names.empty() ? "" : ", or one of the names ",
      absl::StrJoin(names, ", "), DidYouMean(column, names, "")));
}

absl::StatusOr<Table<double>> ReadPoints(const OrderTask& task,
                                         Monitor* monitor) {
  absl::StatusOr<Table<double>> table =
      ReadInputPoints(task.points, {.header = task.header, .monitor = monitor},
                      task.coordinates);
  if (!table.ok()) return Annotate(table.status(), "--points");
  RCT_RETURN_IF_ERROR(
      Annotate(CheckInputPoints(task.points, *table), "--points"));
  return table;
}

// Returns the library's error in the user's terms.
absl::Status InFlags(const absl::Status& status) {
  for (const std::string_view field :
       {"points", "lengthscale", "num_first", "column", "threads"}) {
    if (absl::StartsWith(status.message(), absl::StrCat(field, ":")) ||
        absl::StartsWith(status.message(), absl::StrCat(field, "["))) {
      return absl::Status(status.code(), absl::StrCat("--", status.message()));
    }
  }
  return status;
}

}  // namespace

const EnumNames& OrderingMethods() {
  static const EnumNames& names =
      *new EnumNames(*OrderingConfig::Method_descriptor());
  return names;
}

absl::StatusOr<OrderTask> ParseOrderTask(
    absl::Span<const std::string> arguments) {
  OrderTask task;
  Values values;
  FlagSet flags = Declare(task, values);
  RCT_ASSIGN_OR_RETURN(const std::vector<std::string> rest,
                       flags.Parse(arguments));
  if (!rest.empty()) {
    return UsageError(absl::StrCat("unexpected argument '", rest[0],
                                   "'; flags are written --name=value"));
  }
  RCT_RETURN_IF_ERROR(CheckRequired(flags));
  const auto method = static_cast<OrderingConfig::Method>(
      OrderingMethods().numbers[*values.method]);
  RCT_RETURN_IF_ERROR(CheckUse(method, flags));
  RCT_ASSIGN_OR_RETURN(
      task.out_order.format,
      OutputFormat("--out_order", task.out_order.path, values.format));
  task.header = HeaderOf(values.header);
  task.config.set_method(method);
  task.config.mutable_lengthscale()->Add(values.lengthscale.begin(),
                                         values.lengthscale.end());
  if (values.seed) task.config.set_seed(*values.seed);
  if (values.num_first) task.config.set_num_first(*values.num_first);
  task.config.set_threads(static_cast<int>(values.threads.value_or(0)));
  return task;
}

absl::StatusOr<std::string> RunOrder(const OrderTask& task,
                                     const Interrupted& interrupted) {
  RCT_RETURN_IF_ERROR(CheckFiles({{"--points", task.points}},
                                 {{"--out_order", task.out_order.path}}));
  Monitor reading([&interrupted](double) { return !interrupted(); });
  RCT_ASSIGN_OR_RETURN(Table<double> table, ReadPoints(task, &reading));
  const int64_t columns = table.values.cols();
  OrderingConfig config = task.config;
  if (config.method() == OrderingConfig::COORDINATE) {
    RCT_ASSIGN_OR_RETURN(
        const int64_t column,
        ColumnOf(task.column.empty() ? "0" : task.column, table));
    config.set_column(column);
  } else if (task.coordinates.lon_lat) {
    RCT_RETURN_IF_ERROR(
        Annotate(Annotate(ConvertLonLat(table), task.points), "--points"));
  }
  const std::vector<double> scales =
      LengthscalesOf(config.lengthscale(), columns, task.coordinates.lon_lat);
  config.mutable_lengthscale()->Assign(scales.begin(), scales.end());
  RCT_ASSIGN_OR_RETURN(
      const std::vector<int64_t> order,
      OrderAndShow(std::as_const(table.values).view(), config, interrupted));
  const std::string contents = SerializeOrder(task.out_order.format, order);
  Watch watch("writing", 100, interrupted);
  RCT_RETURN_IF_ERROR(WriteFilesAtomically(
      {{OutputPath(task.out_order.path), contents}}, watch.monitor()));
  return absl::StrCat("wrote ", task.out_order.path, ": an order of ",
                      order.size(), " rows");
}

std::string OrderHelp() {
  return absl::StrReplaceAll(
      kHelp, {{"$methods", absl::StrJoin(OrderingMethods().names, ", ")}});
}

absl::StatusOr<std::vector<int64_t>> OrderAndShow(
    MatrixView<const double> points, const OrderingConfig& config,
    const Interrupted& interrupted) {
  Watch watch("ordering", 100, interrupted);
  absl::StatusOr<std::vector<int64_t>> order =
      OrderPoints(points, config, watch.monitor());
  if (!order.ok()) return InFlags(order.status());
  return order;
}

absl::Status CheckInputOrder(std::string_view flag, const std::string& path,
                             absl::Span<const int64_t> order, int64_t n) {
  absl::Status status = ValidateOrder(order, n);
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(flag, ": ", path, ": ",
                   absl::StripPrefix(status.message(), "order: ")));
}

std::string SerializeOrder(MatrixFormat format,
                           const std::vector<int64_t>& order) {
  return SerializeOutput(format, "row", order);
}

}  // namespace rct
