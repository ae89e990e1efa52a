#include "experiments/runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/status_macros.h"
#include "experiments/cases.h"
#include "experiments/memory.h"
#include "experiments/workload.h"
#include "index/residual_index.h"
#include "index/telemetry.h"
#include "parity/gates.h"
#include "traversal/build_phase.h"

namespace rct {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

int64_t VBytes(const ResidualModel& model) {
  const Matrix<double>& v = model.metric()->data().v;
  return static_cast<int64_t>(sizeof(double)) * v.rows() * v.stride();
}

int64_t NeighborsOf(const SweepCase& sweep_case, const Workload& workload) {
  return sweep_case.has_k() ? sweep_case.k() : workload.config().k();
}

// Returns the exhaustive search that a case is compared with.
SweepCase ReferenceOf(const SweepCase& sweep_case) {
  SweepCase reference;
  reference.set_strategy(EXHAUSTIVE);
  reference.set_threads(sweep_case.threads());
  if (sweep_case.has_k()) reference.set_k(sweep_case.k());
  return reference;
}

bool IsReference(const SweepCase& sweep_case) {
  return sweep_case.strategy() == EXHAUSTIVE;
}

// An index is taken as settled after so many searches: after the first number
// if they have made nothing, and otherwise after the second.
constexpr int kMaxIdleCalls = 16;
constexpr int kMaxCalls = 128;

// Returns a line about the result of the check of a case.
std::string Announcement(const RunRecord::Deterministic::Case& known,
                         double queries_per_second) {
  std::vector<std::string> failures;
  for (const auto& verdict : known.verdict()) {
    if (verdict.pass()) continue;
    failures.push_back(
        absl::StrCat(verdict.gate(), " failed: ", verdict.message()));
  }
  if (!failures.empty()) return absl::StrJoin(failures, "; ");
  std::vector<std::string> gates;
  for (const auto& verdict : known.verdict()) gates.push_back(verdict.gate());
  return absl::StrFormat("%s, %.0f queries/s at first sight",
                         absl::StrJoin(gates, ", "), queries_per_second);
}

// The parts of a sweep's state that belong to one workload. They grow as cases
// and repetitions end.
struct WorkloadState {
  RunRecord::Deterministic::Workload* known;
  RunRecord::Measured::Workload* measured;
  std::string* telemetry;  // null where none is wanted

  int cases() const { return known->case__size(); }
  int repetitions() const { return measured->factor_seconds_size(); }
};

// Checks and times the cases of one workload.
class WorkloadRunner {
 public:
  // `keep` is called after each case and repetition.
  WorkloadRunner(const Workload& workload, const std::vector<SweepCase>& cases,
                 const SweepOptions& options, Progress& progress,
                 WorkloadState state, std::function<absl::Status()> keep)
      : workload_(workload),
        cases_(cases),
        threads_(options.threads.value_or(0)),
        options_(options),
        progress_(progress),
        telemetry_(state.telemetry),
        keep_(std::move(keep)),
        deterministic_(state.known),
        measured_(state.measured) {}

  // Continues the state to its end.
  absl::Status Run(int repetitions) {
    if (deterministic_->case__size() < static_cast<int>(cases_.size())) {
      RCT_RETURN_IF_ERROR(Check());
    }
    for (int round = measured_->factor_seconds_size(); round < repetitions;
         ++round) {
      RCT_RETURN_IF_ERROR(Time(round));
      RCT_RETURN_IF_ERROR(keep_());
    }
    return absl::OkStatus();
  }

 private:
  // The results of one case in one round.
  struct Outcome {
    SearchResult result;
    std::vector<BuildPhase> build_phases;
    int64_t build_distance_evaluations = 0;
    int64_t first_forecast_evaluations = 0;
    int64_t build_bytes = 0;
    double index_seconds = 0;
    double search_seconds = 0;
    double first_search_seconds = 0;
  };

  // Searches the audited queries exhaustively; the time is scaled to all
  // queries.
  absl::StatusOr<Outcome> SearchReference(const SweepCase& sweep_case,
                                          const ResidualModel& model) const {
    Outcome outcome;
    RCT_ASSIGN_OR_RETURN(
        const ResidualIndex index,
        ResidualIndex::Build(model, IndexOptionsOf(ReferenceOf(sweep_case))));
    const auto start = std::chrono::steady_clock::now();
    RCT_ASSIGN_OR_RETURN(
        outcome.result,
        workload_.SearchAudited(index, NeighborsOf(sweep_case, workload_),
                                sweep_case.threads(), options_.monitor));
    outcome.search_seconds = SecondsSince(start) *
                             static_cast<double>(workload_.num_queries()) /
                             static_cast<double>(workload_.audited().size());
    return outcome;
  }

  absl::StatusOr<Outcome> BuildAndSearch(const SweepCase& sweep_case,
                                         const ResidualModel& model,
                                         bool telemetry = false) const {
    Outcome outcome;
    auto start = std::chrono::steady_clock::now();
    RCT_ASSIGN_OR_RETURN(const ResidualIndex index,
                         ResidualIndex::Build(model, IndexOptionsOf(sweep_case),
                                              options_.monitor));
    outcome.index_seconds = SecondsSince(start);
    const auto search = [&]() -> absl::Status {
      outcome.result = {};  // No two answers are held at once.
      start = std::chrono::steady_clock::now();
      RCT_ASSIGN_OR_RETURN(
          outcome.result,
          workload_.Search(index, NeighborsOf(sweep_case, workload_),
                           sweep_case.threads(), telemetry, options_.monitor));
      outcome.search_seconds = SecondsSince(start);
      return absl::OkStatus();
    };
    RCT_RETURN_IF_ERROR(search());
    outcome.first_search_seconds = outcome.search_seconds;
    outcome.build_phases = index.phases();
    for (const BuildPhase& phase : outcome.build_phases) {
      outcome.build_distance_evaluations += phase.distance_evaluations;
      outcome.first_forecast_evaluations += phase.forecast_evaluations;
      outcome.build_bytes += phase.bytes;
    }
    outcome.first_forecast_evaluations +=
        outcome.result.counters.forecast_evaluations();
    // An index to which calls add is searched until it is settled, and then
    // once more.
    bool again = index.kept_bytes() > 0;
    const auto most_calls = [&] {
      return index.kept_bytes() > 0 ? kMaxCalls : kMaxIdleCalls;
    };
    for (int calls = 0; !index.settled() && calls < most_calls(); ++calls) {
      RCT_RETURN_IF_ERROR(search());
      again = true;
    }
    if (again) RCT_RETURN_IF_ERROR(search());
    outcome.build_bytes += index.kept_bytes();
    return outcome;
  }

  // Describes the workload in the record.
  void Describe(const ResidualModel& model) {
    deterministic_->set_name(workload_.config().name());
    deterministic_->set_data_digest(workload_.DataDigest());
    deterministic_->set_num_points(workload_.num_points());
    deterministic_->set_dimension(workload_.dimension());
    deterministic_->set_num_inducing(model.metric()->data().v.cols());
    deterministic_->set_num_queries(workload_.num_queries());
    const auto audited = static_cast<int64_t>(workload_.audited().size());
    if (audited < workload_.num_queries()) {
      deterministic_->set_audited_queries(audited);
    }
    measured_->set_name(workload_.config().name());
  }

  // The answer of exhaustive search for the audited queries, and the number of
  // its evaluations for all queries.
  struct Expected {
    NeighborTable neighbors;
    int64_t evaluations;
  };
  absl::StatusOr<Expected> SearchExpected(const SweepCase& sweep_case,
                                          const ResidualModel& model) const {
    RCT_ASSIGN_OR_RETURN(Outcome reference, SearchReference(sweep_case, model));
    const double scale =
        static_cast<double>(workload_.num_queries()) /
        std::max(1.0, static_cast<double>(workload_.audited().size()));
    return Expected{
        std::move(reference.result.neighbors),
        std::llround(scale *
                     static_cast<double>(
                         reference.result.counters.distance_evaluations()))};
  }

  // Checks the cases that are not checked yet.
  absl::Status Check() {
    RCT_ASSIGN_OR_RETURN(const ResidualModel model,
                         workload_.MakeModel(threads_, options_.monitor));
    Describe(model);
    const int checked = deterministic_->case__size();
    if (checked == 0 &&
        std::any_of(cases_.begin(), cases_.end(),
                    [&](const SweepCase& c) { return WantsTelemetry(c); })) {
      AddLines(model.phases(), /*case_name=*/"", threads_);
    }
    std::map<int64_t, Expected> expected;  // by k
    for (size_t i = checked; i < cases_.size(); ++i) {
      const SweepCase& sweep_case = cases_[i];
      const int64_t k = NeighborsOf(sweep_case, workload_);
      if (!expected.contains(k)) {
        RCT_ASSIGN_OR_RETURN(expected[k], SearchExpected(sweep_case, model));
      }
      RCT_RETURN_IF_ERROR(
          Annotate(CheckCase(sweep_case, model, expected[k]),
                   absl::StrCat("case '", sweep_case.name(), "'")));
      progress_.Advance(1);
      RCT_RETURN_IF_ERROR(keep_());
    }
    return absl::OkStatus();
  }

  // Adds a case to the record, whole or not at all.
  absl::Status CheckCase(const SweepCase& sweep_case,
                         const ResidualModel& model, const Expected& expected) {
    RunRecord::Deterministic::Case known;
    RunRecord::Measured::Case measured;
    known.set_name(sweep_case.name());
    known.set_k(NeighborsOf(sweep_case, workload_));
    known.set_approximate(IsApproximate(sweep_case));
    measured.set_name(sweep_case.name());
    measured.set_threads(ResolveThreads(sweep_case.threads()));

    // The expected answers and other cases' memory are no part of the case's.
    ResetPeakResidentBytes();
    const int64_t others = PeakResidentBytes() - VBytes(model);
    RCT_ASSIGN_OR_RETURN(
        const Outcome outcome,
        BuildAndSearch(sweep_case, model, WantsTelemetry(sweep_case)));
    measured.set_peak_rss_bytes(PeakResidentBytes() - others);
    known.set_result_digest(outcome.result.neighbors.Digest());
    *known.mutable_counters() = outcome.result.counters;
    known.set_build_distance_evaluations(outcome.build_distance_evaluations);
    known.set_first_forecast_evaluations(outcome.first_forecast_evaluations);
    known.set_build_bytes(outcome.build_bytes);
    known.set_exhaustive_evaluations(expected.evaluations);
    RCT_RETURN_IF_ERROR(
        Judge(sweep_case, outcome.result, expected.neighbors, known));
    if (WantsTelemetry(sweep_case)) AddLines(sweep_case, outcome);
    if (options_.announce) {
      const double queries = static_cast<double>(workload_.num_queries());
      progress_.Say(
          absl::StrCat(workload_.config().name(), ": ", sweep_case.name(), ": ",
                       Announcement(known, queries / outcome.search_seconds)));
    }
    *deterministic_->add_case_() = std::move(known);
    *measured_->add_case_() = std::move(measured);
    return absl::OkStatus();
  }

  bool WantsTelemetry(const SweepCase& sweep_case) const {
    return telemetry_ != nullptr &&
           (options_.telemetry || sweep_case.telemetry());
  }

  void AddLines(const std::vector<BuildPhase>& phases,
                const std::string& case_name, int threads) const {
    for (const BuildPhase& phase : phases) {
      BuildTelemetry line = DescribePhase(phase, ResolveThreads(threads));
      line.set_workload(workload_.config().name());
      line.set_case_(case_name);
      *telemetry_ += TelemetryLine(line);
    }
  }

  void AddLines(const SweepCase& sweep_case, const Outcome& outcome) const {
    AddLines(outcome.build_phases, sweep_case.name(), sweep_case.threads());
    QueryTelemetry line =
        DescribeSearch(outcome.result, ResolveThreads(sweep_case.threads()));
    line.set_workload(workload_.config().name());
    line.set_case_(sweep_case.name());
    line.set_approximate(IsApproximate(sweep_case));
    *telemetry_ += TelemetryLine(line);
  }

  absl::Status Judge(const SweepCase& sweep_case, const SearchResult& result,
                     const NeighborTable& expected,
                     RunRecord::Deterministic::Case& known) const {
    const auto add = [&](const Verdict& verdict) {
      RunRecord::Deterministic::Verdict& entry = *known.add_verdict();
      entry.set_gate(verdict.label);
      entry.set_pass(verdict.pass);
      if (!verdict.pass) entry.set_message(verdict.message);
    };
    const NeighborTable audited = result.neighbors.Select(workload_.audited());
    for (const Gate& gate : sweep_case.gate()) {
      RCT_ASSIGN_OR_RETURN(
          const Verdict verdict,
          CheckGate(gate,
                    gate.has_counter_at_most() ? result.neighbors : audited,
                    expected, result.counters));
      add(verdict);
    }
    known.set_recall(CheckExact(audited, expected).recall);
    if (workload_.has_gold() && !IsApproximate(sweep_case)) {
      RCT_ASSIGN_OR_RETURN(const NeighborTable gold,
                           workload_.GoldNeighbors(result.neighbors.k()));
      Verdict verdict = CheckSetEqualWithin(
          result.neighbors, gold, workload_.config().gold().tolerance());
      verdict.label = absl::StrCat("gold ", verdict.label);
      add(verdict);
    }
    return absl::OkStatus();
  }

  bool Passed(size_t i) const {
    const auto& verdicts = deterministic_->case_(static_cast<int>(i)).verdict();
    return std::all_of(verdicts.begin(), verdicts.end(),
                       [](const auto& verdict) { return verdict.pass(); });
  }

  // Adds a repetition to the record, whole or not at all.
  absl::Status Time(int round) {
    RunRecord::Measured::Workload measured = *measured_;
    const auto start = std::chrono::steady_clock::now();
    RCT_ASSIGN_OR_RETURN(const ResidualModel model,
                         workload_.MakeModel(threads_, options_.monitor));
    measured.add_factor_seconds(SecondsSince(start));
    // Exhaustive seconds by (k, threads).
    std::map<std::pair<int64_t, int>, double> exhaustive;
    for (size_t step = 0; step < cases_.size(); ++step) {
      const size_t i = (step + round) % cases_.size();
      progress_.Advance(1);
      if (!Passed(i)) continue;
      RCT_ASSIGN_OR_RETURN(const Outcome outcome,
                           BuildAndSearch(cases_[i], model));
      RCT_RETURN_IF_ERROR(CheckSame(i, outcome, round));
      RunRecord::Measured::Case& timed =
          *measured.mutable_case_(static_cast<int>(i));
      timed.add_index_seconds(outcome.index_seconds);
      timed.add_search_seconds(outcome.search_seconds);
      timed.add_first_search_seconds(outcome.first_search_seconds);
      if (IsReference(cases_[i])) {
        timed.add_exhaustive_seconds(outcome.search_seconds);
        exhaustive[Key(cases_[i])] = outcome.search_seconds;
      }
    }
    for (size_t i = 0; i < cases_.size(); ++i) {
      if (!Passed(i) || IsReference(cases_[i])) continue;
      const auto key = Key(cases_[i]);
      if (!exhaustive.contains(key)) {
        RCT_ASSIGN_OR_RETURN(const Outcome reference,
                             SearchReference(cases_[i], model));
        exhaustive[key] = reference.search_seconds;
      }
      measured.mutable_case_(static_cast<int>(i))
          ->add_exhaustive_seconds(exhaustive[key]);
    }
    *measured_ = std::move(measured);
    return absl::OkStatus();
  }

  // Returns FailedPrecondition unless the answer of case i is that of its
  // check.
  absl::Status CheckSame(size_t i, const Outcome& outcome, int round) const {
    if (outcome.result.neighbors.Digest() ==
        deterministic_->case_(static_cast<int>(i)).result_digest()) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(
        absl::StrCat("case '", cases_[i].name(), "' of workload '",
                     workload_.config().name(),
                     "' changed its answer in repetition ", round + 1));
  }

  std::pair<int64_t, int> Key(const SweepCase& sweep_case) const {
    return {NeighborsOf(sweep_case, workload_), sweep_case.threads()};
  }

  const Workload& workload_;
  const std::vector<SweepCase>& cases_;
  const int threads_;
  const SweepOptions& options_;
  Progress& progress_;
  std::string* const telemetry_;
  const std::function<absl::Status()> keep_;
  RunRecord::Deterministic::Workload* const deterministic_;
  RunRecord::Measured::Workload* const measured_;
};

absl::StatusOr<std::vector<SweepCase>> SelectCases(
    const SweepConfig& config, const SweepOptions& options) {
  RCT_ASSIGN_OR_RETURN(std::vector<SweepCase> cases, ExpandCases(config));
  if (!options.cases.empty()) {
    std::regex pattern;
    try {
      pattern = std::regex(options.cases, std::regex::ECMAScript);
    } catch (const std::regex_error& error) {
      return absl::InvalidArgumentError(
          absl::StrCat("--cases: '", options.cases,
                       "' is no regular expression: ", error.what()));
    }
    std::string names;
    for (const SweepCase& sweep_case : cases) {
      absl::StrAppend(&names, " ", sweep_case.name());
    }
    std::erase_if(cases, [&](const SweepCase& sweep_case) {
      return !std::regex_search(sweep_case.name(), pattern);
    });
    if (cases.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--cases: '", options.cases, "' matches none of the cases:", names));
    }
  }
  if (options.threads.has_value()) {
    for (SweepCase& sweep_case : cases) {
      sweep_case.set_threads(*options.threads);
    }
  }
  return cases;
}

std::string FieldOf(const SweepConfig& config, int w) {
  return absl::StrCat("workload[", w, "] '", config.workload(w).name(), "'");
}

// Returns the number of repetitions, or InvalidArgument where options are out
// of range or the names of workloads are not distinct.
absl::StatusOr<int> CheckOptions(const SweepConfig& config,
                                 const SweepOptions& options) {
  const int repetitions =
      options.check_only ? 0
                         : options.repetitions.value_or(config.repetitions());
  if (repetitions < 1 && !options.check_only) {
    return absl::InvalidArgumentError(
        absl::StrCat("repetitions: is ", repetitions, "; must be at least 1"));
  }
  if (options.threads.value_or(0) < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--threads: is ", *options.threads, "; must be at least 0"));
  }
  if (config.workload().empty()) {
    return absl::InvalidArgumentError("workload: none given");
  }
  absl::flat_hash_set<std::string> names;
  for (int w = 0; w < config.workload_size(); ++w) {
    if (!names.insert(config.workload(w).name()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(FieldOf(config, w), ": the name is there twice"));
    }
  }
  return repetitions;
}

absl::StatusOr<Workload> LoadWorkload(const SweepConfig& config, int w,
                                      const SweepOptions& options) {
  WorkloadConfig workload_config = config.workload(w);
  if (options.audit.has_value()) workload_config.set_audit(*options.audit);
  absl::StatusOr<Workload> workload = Workload::Load(workload_config);
  if (!workload.ok()) return Annotate(workload.status(), FieldOf(config, w));
  return workload;
}

// Reads the data of all workloads, so that a missing file is found before the
// work. Returns FailedPrecondition where data have changed since the state was
// written.
absl::Status CheckData(const SweepConfig& config, const SweepOptions& options,
                       const SweepState& state) {
  const auto& known = state.record().deterministic();
  // A single workload that has not begun is read right after this.
  if (config.workload_size() == 1 && known.workload().empty()) {
    return absl::OkStatus();
  }
  for (int w = 0; w < config.workload_size(); ++w) {
    RCT_ASSIGN_OR_RETURN(const Workload workload,
                         LoadWorkload(config, w, options));
    if (w >= known.workload_size() || !known.workload(w).has_data_digest() ||
        known.workload(w).data_digest() == workload.DataDigest()) {
      continue;
    }
    return absl::FailedPreconditionError(
        absl::StrCat(FieldOf(config, w),
                     ": the data have changed since the sweep was stopped; "
                     "begin it anew"));
  }
  return absl::OkStatus();
}

// Returns workload w of the state, which is added if it is not there.
WorkloadState StateOf(SweepState& state, int w, bool telemetry) {
  RunRecord& record = *state.mutable_record();
  if (record.deterministic().workload_size() == w) {
    record.mutable_deterministic()->add_workload();
    record.mutable_measured()->add_workload();
  }
  return {record.mutable_deterministic()->mutable_workload(w),
          record.mutable_measured()->mutable_workload(w),
          telemetry ? state.mutable_telemetry() : nullptr};
}

// Returns FailedPrecondition unless the state can have come from this config,
// these cases and repetitions: it must hold a prefix of the workloads, all but
// the last of them finished.
absl::Status CheckState(const SweepConfig& config,
                        const std::vector<SweepCase>& cases, int repetitions,
                        SweepState& state) {
  const auto error = [](const auto&... what) {
    return absl::FailedPreconditionError(absl::StrCat(
        "what is there of the sweep is of another one: ", what...));
  };
  const RunRecord& record = state.record();
  const int begun = record.deterministic().workload_size();
  if (begun > config.workload_size() ||
      record.measured().workload_size() != begun) {
    return error("it has ", begun, " workloads");
  }
  for (int w = 0; w < begun; ++w) {
    const WorkloadState there = StateOf(state, w, /*telemetry=*/false);
    const std::string& name = there.known->name();
    if (name != config.workload(w).name()) {
      return error("workload ", w, " is '", name, "'");
    }
    const auto all = static_cast<int>(cases.size());
    const int checked = there.cases();
    if (checked > all || there.measured->case__size() != checked ||
        there.repetitions() > (checked < all ? 0 : repetitions) ||
        (w + 1 < begun && there.repetitions() < repetitions)) {
      return error("workload '", name, "' has ", checked, " cases and ",
                   there.repetitions(), " repetitions");
    }
    for (int i = 0; i < checked; ++i) {
      if (there.known->case_(i).name() == cases[i].name()) continue;
      return error("case ", i, " is '", there.known->case_(i).name(), "'");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ContinueSweep(const SweepConfig& config,
                           const SweepOptions& options, bool telemetry,
                           SweepState& state) {
  RCT_ASSIGN_OR_RETURN(const std::vector<SweepCase> cases,
                       SelectCases(config, options));
  RCT_ASSIGN_OR_RETURN(const int repetitions, CheckOptions(config, options));
  RCT_RETURN_IF_ERROR(CheckState(config, cases, repetitions, state));
  state.mutable_record()->mutable_deterministic()->set_title(config.title());
  const auto steps = static_cast<int64_t>(cases.size());
  int64_t left = steps * config.workload_size() * (int64_t{repetitions} + 1);
  for (int w = 0; w < state.record().deterministic().workload_size(); ++w) {
    const WorkloadState there = StateOf(state, w, telemetry);
    left -= there.cases() + steps * there.repetitions();
  }
  RCT_RETURN_IF_ERROR(CheckData(config, options, state));
  Progress progress("sweep", left);
  for (int w = 0; w < config.workload_size(); ++w) {
    const WorkloadState there = StateOf(state, w, telemetry);
    const auto finished = [&] {
      return there.cases() == static_cast<int>(cases.size()) &&
             there.repetitions() == repetitions;
    };
    if (finished()) continue;
    RCT_ASSIGN_OR_RETURN(const Workload workload,
                         LoadWorkload(config, w, options));
    WorkloadRunner runner(workload, cases, options, progress, there,
                          [&]() -> absl::Status {
                            if (options.keep == nullptr) {
                              return absl::OkStatus();
                            }
                            return options.keep(state, finished() ? w + 1 : w);
                          });
    RCT_RETURN_IF_ERROR(Annotate(runner.Run(repetitions), FieldOf(config, w)));
  }
  return absl::OkStatus();
}

absl::StatusOr<RunRecord> RunSweep(const SweepConfig& config,
                                   const SweepOptions& options,
                                   std::string* telemetry) {
  SweepState state;
  RCT_RETURN_IF_ERROR(
      ContinueSweep(config, options, telemetry != nullptr, state));
  if (telemetry != nullptr) *telemetry += state.telemetry();
  return std::move(*state.mutable_record());
}

bool AllGatesPass(const RunRecord& record) {
  for (const auto& workload : record.deterministic().workload()) {
    for (const auto& sweep_case : workload.case_()) {
      for (const auto& verdict : sweep_case.verdict()) {
        if (!verdict.pass()) return false;
      }
    }
  }
  return true;
}

}  // namespace rct
