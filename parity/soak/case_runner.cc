#include "parity/soak/case_runner.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "index/index.h"
#include "metric/test_data.h"
#include "parity/soak/case_index.h"
#include "parity/soak/reference.h"
#include "parity/soak/soak.pb.h"
#include "parity/soak/soak_points.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

constexpr int64_t kMaxPoints = 1 << 20;
constexpr int64_t kMaxCandidates = 1 << 20;

// Streams of random numbers of a call.
enum Stream : uint64_t { kQueries = 1, kOrder, kAllowed };

// Returns the first difference of two lists of neighbors of a query, or "".
std::string Difference(int64_t query, const NeighborList& actual,
                       const NeighborList& expected) {
  for (size_t j = 0; j < std::max(actual.size(), expected.size()); ++j) {
    const auto entry = [j](const NeighborList& list) {
      return j < list.size()
                 ? absl::StrFormat("row %d at %a (%.17g)", list[j].second,
                                   list[j].first, list[j].first)
                 : std::string("nothing");
    };
    // Padding has row -1 at infinity, and no distance is NaN or -0, so that
    // equal numbers have equal bits.
    if (j >= actual.size() || j >= expected.size() ||
        actual[j] != expected[j]) {
      return absl::StrCat("query ", query, ", rank ", j, ": expected ",
                          entry(expected), ", found ", entry(actual));
    }
  }
  return "";
}

// One call of a case: its arguments, and what came of it.
class CallRun {
 public:
  CallRun(const SoakCall& call, const SoakPoints& spec, const CaseIndex& both,
          MatrixView<const double> points);

  // Calls the index and returns what is wrong, if anything is.
  std::optional<CaseIndex::Failure> Run();

  int64_t rows() const { return static_cast<int64_t>(sample_.size()); }
  int64_t neighbors() const { return neighbors_; }

 private:
  bool own() const { return new_points_.cols() == 0; }
  bool range() const {
    return call_.kind() == SoakCall::RANGE ||
           call_.kind() == SoakCall::RANGE_POINTS;
  }
  void DrawQueries(const SoakPoints& spec, MatrixView<const double> points);
  void DrawConstraints(int64_t n);
  SearchOptions Options(double radius) const;
  SearchOptions Options() const { return Options(constraints_.radii[0]); }
  // Sets the radii, from all neighbors of the sample.
  void SetRadii(const NeighborTable& all);
  // Returns what the reference lists for the sample, and sets the radii.
  absl::StatusOr<NeighborTable> ListAll();
  absl::StatusOr<NeighborTable> Call() const;
  // Call the index and return the first difference, or "".
  absl::StatusOr<std::string> CompareTable(
      absl::Span<const NeighborList> expected) const;
  absl::StatusOr<std::string> CompareRange(
      absl::Span<const NeighborList> expected) const;

  const SoakCall& call_;
  const CaseIndex& both_;
  std::vector<int64_t> rows_;    // queries that are rows
  Matrix<double> new_points_;    // or points
  std::vector<int64_t> order_;   // of ORDERED
  std::vector<int64_t> sample_;  // the queries that are compared
  std::unique_ptr<bool[]> flags_;
  Constraints constraints_;
  int64_t neighbors_ = 0;
};

CallRun::CallRun(const SoakCall& call, const SoakPoints& spec,
                 const CaseIndex& both, MatrixView<const double> points)
    : call_(call), both_(both) {
  DrawQueries(spec, points);
  DrawConstraints(points.rows);
  const int64_t queries =
      own() ? static_cast<int64_t>(rows_.size()) : new_points_.rows();
  const int64_t most =
      std::min(queries, std::max<int64_t>(1, kMaxCandidates / points.rows));
  // All that are searched one by one are compared.
  const bool all = call_.kind() == SoakCall::SINGLE_ROWS;
  if (all) rows_.resize(most);
  for (int64_t i = 0; i < most; ++i) {
    sample_.push_back(all ? i : i * queries / most);
  }
  constraints_.radii.assign(most, std::numeric_limits<double>::infinity());
}

void CallRun::DrawQueries(const SoakPoints& spec,
                          MatrixView<const double> points) {
  RandomStream random(call_.seed(), kQueries);
  switch (call_.kind()) {
    case SoakCall::POINTS:
    case SoakCall::RANGE_POINTS:
      new_points_ =
          MakeNewPoints(points, spec, call_.queries(), random.Next64());
      return;
    case SoakCall::GRAPH:
    case SoakCall::ORDERED:
      rows_.resize(points.rows);
      std::iota(rows_.begin(), rows_.end(), 0);
      return;
    default:
      rows_.resize(call_.queries());
      for (int64_t& row : rows_) {
        row = static_cast<int64_t>(random.UniformBelow(points.rows));
      }
  }
}

void CallRun::DrawConstraints(int64_t n) {
  const bool graph =
      call_.kind() == SoakCall::GRAPH || call_.kind() == SoakCall::ORDERED;
  constraints_.exclude_self = call_.exclude_self() || graph;
  constraints_.predecessor = call_.predecessor();
  if (call_.kind() == SoakCall::ORDERED) {
    order_.resize(n);
    std::iota(order_.begin(), order_.end(), 0);
    RandomStream random(call_.seed(), kOrder);
    Shuffle(absl::MakeSpan(order_), random);
    constraints_.ranks.resize(n);
    for (int64_t i = 0; i < n; ++i) constraints_.ranks[order_[i]] = i;
  }
  if (!call_.has_allowed()) return;
  RandomStream random(call_.seed(), kAllowed);
  flags_ = std::make_unique<bool[]>(n);
  constraints_.allowed.resize(n);
  for (int64_t i = 0; i < n; ++i) {
    constraints_.allowed[i] = flags_[i] = random.Uniform() < call_.allowed();
  }
}

SearchOptions CallRun::Options(double radius) const {
  SearchOptions options = {.k = call_.k(),
                           .exclude_self = call_.exclude_self(),
                           .predecessor = call_.predecessor(),
                           .radius = radius,
                           .threads = call_.threads()};
  if (flags_ != nullptr) {
    options.allowed =
        absl::MakeConstSpan(flags_.get(), constraints_.allowed.size());
  }
  return options;
}

void CallRun::SetRadii(const NeighborTable& all) {
  const int64_t rank = call_.radius_rank();
  if (rank < 1 || rank > all.k()) return;
  for (size_t i = 0; i < constraints_.radii.size(); ++i) {
    // Queries that are searched one by one have radii of their own.
    const auto row =
        static_cast<int64_t>(call_.kind() == SoakCall::SINGLE_ROWS ? i : 0);
    double radius = all.distances()(row, rank - 1);
    for (int step = 0; step < std::abs(call_.radius_ulps()); ++step) {
      const double end = std::numeric_limits<double>::infinity();
      radius = std::nextafter(radius, call_.radius_ulps() > 0 ? end : -end);
    }
    constraints_.radii[i] = radius;
  }
}

absl::StatusOr<NeighborTable> CallRun::ListAll() {
  const Index& reference = both_.reference();
  const SearchOptions all = {.k = reference.size()};
  SearchResult result;
  if (own()) {
    std::vector<int64_t> rows;
    for (const int64_t i : sample_) rows.push_back(rows_[i]);
    RCT_ASSIGN_OR_RETURN(result, reference.Search(rows, all));
  } else {
    RCT_ASSIGN_OR_RETURN(result,
                         reference.SearchPoints(new_points_.view(), all));
    result.neighbors = result.neighbors.Select(sample_);
  }
  SetRadii(result.neighbors);
  return std::move(result.neighbors);
}

absl::StatusOr<NeighborTable> CallRun::Call() const {
  const Index& index = both_.subject();
  SearchResult result;
  switch (call_.kind()) {
    case SoakCall::GRAPH: {
      RCT_ASSIGN_OR_RETURN(result, index.Graph(Options()));
      break;
    }
    case SoakCall::ORDERED: {
      RCT_ASSIGN_OR_RETURN(result, index.Graph(Options(), order_));
      break;
    }
    case SoakCall::POINTS: {
      RCT_ASSIGN_OR_RETURN(result,
                           index.SearchPoints(new_points_.view(), Options()));
      break;
    }
    case SoakCall::SINGLE_ROWS: {
      NeighborTable table(static_cast<int64_t>(rows_.size()), call_.k());
      for (size_t i = 0; i < rows_.size(); ++i) {
        RCT_ASSIGN_OR_RETURN(const SearchResult one,
                             index.Search(absl::MakeConstSpan(&rows_[i], 1),
                                          Options(constraints_.radii[i])));
        std::copy_n(one.neighbors.rows().row(0), call_.k(),
                    table.rows().row(i));
        std::copy_n(one.neighbors.distances().row(0), call_.k(),
                    table.distances().row(i));
      }
      return table;
    }
    default: {
      RCT_ASSIGN_OR_RETURN(result, index.Search(rows_, Options()));
    }
  }
  return std::move(result.neighbors);
}

absl::StatusOr<std::string> CallRun::CompareRange(
    absl::Span<const NeighborList> expected) const {
  const Index& index = both_.subject();
  RangeResult result;
  if (own()) {
    RCT_ASSIGN_OR_RETURN(
        result, index.RangeSearch(rows_, constraints_.radii[0], Options()));
  } else {
    RCT_ASSIGN_OR_RETURN(
        result, index.RangeSearchPoints(new_points_.view(),
                                        constraints_.radii[0], Options()));
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto rows = result.neighbors.rows_of(sample_[i]);
    const auto distances = result.neighbors.distances_of(sample_[i]);
    NeighborList list;
    for (size_t j = 0; j < rows.size(); ++j) {
      list.emplace_back(distances[j], rows[j]);
    }
    std::string difference = Difference(sample_[i], list, expected[i]);
    if (!difference.empty()) return difference;
  }
  return "";
}

absl::StatusOr<std::string> CallRun::CompareTable(
    absl::Span<const NeighborList> expected) const {
  RCT_ASSIGN_OR_RETURN(const NeighborTable table, Call());
  for (size_t i = 0; i < sample_.size(); ++i) {
    NeighborList list;
    for (int64_t j = 0; j < table.k(); ++j) {
      list.emplace_back(table.distances()(sample_[i], j),
                        table.rows()(sample_[i], j));
    }
    NeighborList first = expected[i];
    first.resize(call_.k(),
                 {std::numeric_limits<double>::infinity(), kNoNeighbor});
    std::string difference = Difference(sample_[i], list, first);
    if (!difference.empty()) return difference;
  }
  return "";
}

std::optional<CaseIndex::Failure> CallRun::Run() {
  const absl::StatusOr<NeighborTable> all = ListAll();
  if (!all.ok()) {
    const absl::Status status =
        range() ? CompareRange({}).status() : Call().status();
    return CaseIndex::Failure{
        status.code() == all.status().code() ? SoakOutcome::REFUSED
                                             : SoakOutcome::ERROR,
        absl::StrCat("index: ", status.ToString(),
                     "; reference: ", all.status().ToString())};
  }
  std::vector<int64_t> own_rows;
  if (own()) {
    for (const int64_t i : sample_) own_rows.push_back(rows_[i]);
  }
  const std::vector<NeighborList> expected =
      ChooseNeighbors(*all, own_rows, constraints_);
  for (const NeighborList& list : expected) {
    const auto found = static_cast<int64_t>(list.size());
    neighbors_ += range() ? found : std::min(found, call_.k());
  }
  absl::StatusOr<std::string> difference =
      range() ? CompareRange(expected) : CompareTable(expected);
  if (!difference.ok()) {
    return CaseIndex::Failure{SoakOutcome::ERROR,
                              difference.status().ToString()};
  }
  if (difference->empty()) return std::nullopt;
  return CaseIndex::Failure{SoakOutcome::DIFFERS, *std::move(difference)};
}

SoakOutcome Ended(SoakOutcome outcome, SoakOutcome::Kind kind,
                  std::string message) {
  outcome.set_kind(kind);
  outcome.set_message(std::move(message));
  return outcome;
}

// Returns why a case makes no sense, or "".
std::string WhyMalformed(const SoakCase& soak_case) {
  const SoakPoints& points = soak_case.points();
  if (points.count() < 1 || points.count() > kMaxPoints || points.dim() < 1) {
    return "points: there are none, or too many";
  }
  const std::vector<std::string> shapes = AdversarialNames();
  if (std::find(shapes.begin(), shapes.end(), points.shape()) == shapes.end()) {
    return absl::StrCat("points.shape: there is no ", points.shape());
  }
  if (soak_case.metric().metric_case() == MetricConfig::METRIC_NOT_SET) {
    return "metric: not given";
  }
  for (const SoakStep& step : soak_case.step()) {
    if (step.step_case() == SoakStep::STEP_NOT_SET) return "step: not given";
    if (step.has_call() && (step.call().k() < 1 || step.call().queries() < 1)) {
      return "call: k and queries must be at least 1";
    }
    if (step.has_append() && step.append().count() < 1) {
      return "append: the count must be at least 1";
    }
  }
  return "";
}

SoakOutcome Run(const SoakCase& soak_case, const std::string& folder) {
  SoakOutcome outcome;
  std::string malformed = WhyMalformed(soak_case);
  if (!malformed.empty()) {
    return Ended(outcome, SoakOutcome::MALFORMED, std::move(malformed));
  }
  CaseIndex both(soak_case, folder);
  std::optional<CaseIndex::Failure> failure = both.Build();
  for (int i = 0; i < soak_case.step_size() && !failure.has_value(); ++i) {
    const SoakStep& step = soak_case.step(i);
    if (!step.has_call()) {
      failure = both.Change(step);
      continue;
    }
    CallRun run(step.call(), soak_case.points(), both, both.points());
    failure = run.Run();
    if (failure.has_value()) {
      failure->message = absl::StrCat("step ", i, ", ",
                                      SoakCall::Kind_Name(step.call().kind()),
                                      ": ", failure->message);
      break;
    }
    outcome.set_calls(outcome.calls() + 1);
    outcome.set_rows(outcome.rows() + run.rows());
    outcome.set_neighbors(outcome.neighbors() + run.neighbors());
  }
  return failure.has_value()
             ? Ended(outcome, failure->kind, std::move(failure->message))
             : outcome;
}

}  // namespace

SoakOutcome RunSoakCase(const SoakCase& soak_case,
                        const std::string& folder) try {
  return Run(soak_case, folder);
} catch (const std::exception& exception) {
  return Ended({}, SoakOutcome::CRASHED,
               absl::StrCat("an exception: ", exception.what()));
}

}  // namespace rct
