#include "experiments/runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
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

int64_t NeighborsOf(const SweepCase& sweep_case, const Workload& workload) {
  return sweep_case.has_k() ? sweep_case.k() : workload.config().k();
}

// The exhaustive search that a case is compared with.
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

// Searches that an index gets to become what it will be.
constexpr int kMostCalls = 16;

class WorkloadRunner {
 public:
  WorkloadRunner(const Workload& workload, const std::vector<SweepCase>& cases,
                 const SweepOptions& options, Progress& progress,
                 std::string* telemetry)
      : workload_(workload),
        cases_(cases),
        threads_(options.threads.value_or(0)),
        telemetry_of_all_(options.telemetry),
        progress_(progress),
        telemetry_(telemetry) {}

  absl::Status Run(int repetitions, RunRecord& record) {
    deterministic_ = record.mutable_deterministic()->add_workload();
    measured_ = record.mutable_measured()->add_workload();
    RCT_RETURN_IF_ERROR(Check());
    for (int round = 0; round < repetitions; ++round) {
      RCT_RETURN_IF_ERROR(Time(round));
    }
    return absl::OkStatus();
  }

 private:
  // What one case did in one round.
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

  // Exhaustive search of the audited queries, its time scaled to all of them.
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
                                sweep_case.threads()));
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
    RCT_ASSIGN_OR_RETURN(
        const ResidualIndex index,
        ResidualIndex::Build(model, IndexOptionsOf(sweep_case)));
    outcome.index_seconds = SecondsSince(start);
    const auto search = [&]() -> absl::Status {
      start = std::chrono::steady_clock::now();
      RCT_ASSIGN_OR_RETURN(
          outcome.result,
          workload_.Search(index, NeighborsOf(sweep_case, workload_),
                           sweep_case.threads(), telemetry));
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
    // An index that calls still add to is searched until it is complete, and
    // then once more.
    bool again = index.kept_bytes() > 0;
    for (int calls = 0; !index.settled() && calls < kMostCalls; ++calls) {
      RCT_RETURN_IF_ERROR(search());
      again = true;
    }
    if (again) RCT_RETURN_IF_ERROR(search());
    outcome.build_bytes += index.kept_bytes();
    return outcome;
  }

  absl::Status Check() {
    RCT_ASSIGN_OR_RETURN(const ResidualModel model,
                         workload_.MakeModel(threads_));
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
    if (std::any_of(cases_.begin(), cases_.end(),
                    [&](const SweepCase& c) { return WantsTelemetry(c); })) {
      AddLines(model.phases(), /*case_name=*/"", threads_);
    }

    struct Expected {
      NeighborTable neighbors;
      int64_t evaluations;
    };
    std::map<int64_t, Expected> expected;  // by k
    for (const SweepCase& sweep_case : cases_) {
      const int64_t k = NeighborsOf(sweep_case, workload_);
      if (!expected.contains(k)) {
        RCT_ASSIGN_OR_RETURN(Outcome reference,
                             SearchReference(sweep_case, model));
        const double scale = static_cast<double>(workload_.num_queries()) /
                             std::max(1.0, static_cast<double>(audited));
        expected[k] = {
            std::move(reference.result.neighbors),
            std::llround(
                scale * static_cast<double>(
                            reference.result.counters.distance_evaluations()))};
      }
      RunRecord::Deterministic::Case& known = *deterministic_->add_case_();
      RunRecord::Measured::Case& measured = *measured_->add_case_();
      known.set_name(sweep_case.name());
      known.set_k(k);
      known.set_approximate(IsApproximate(sweep_case));
      measured.set_name(sweep_case.name());
      measured.set_threads(ResolveThreads(sweep_case.threads()));

      ResetPeakResidentBytes();
      absl::StatusOr<Outcome> outcome =
          BuildAndSearch(sweep_case, model, WantsTelemetry(sweep_case));
      RCT_RETURN_IF_ERROR(Annotate(
          outcome.status(), absl::StrCat("case '", sweep_case.name(), "'")));
      measured.set_peak_rss_bytes(PeakResidentBytes());
      known.set_result_digest(outcome->result.neighbors.Digest());
      *known.mutable_counters() = outcome->result.counters;
      known.set_build_distance_evaluations(outcome->build_distance_evaluations);
      known.set_first_forecast_evaluations(outcome->first_forecast_evaluations);
      known.set_build_bytes(outcome->build_bytes);
      known.set_exhaustive_evaluations(expected[k].evaluations);
      RCT_RETURN_IF_ERROR(Annotate(
          Judge(sweep_case, outcome->result, expected[k].neighbors, known),
          absl::StrCat("case '", sweep_case.name(), "'")));
      if (WantsTelemetry(sweep_case)) AddLines(sweep_case, *outcome);
      progress_.Advance(1);
    }
    return absl::OkStatus();
  }

  bool WantsTelemetry(const SweepCase& sweep_case) const {
    return telemetry_ != nullptr &&
           (telemetry_of_all_ || sweep_case.telemetry());
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

  absl::Status Time(int round) {
    const auto start = std::chrono::steady_clock::now();
    RCT_ASSIGN_OR_RETURN(const ResidualModel model,
                         workload_.MakeModel(threads_));
    measured_->add_factor_seconds(SecondsSince(start));
    // Exhaustive seconds by (k, threads).
    std::map<std::pair<int64_t, int>, double> exhaustive;
    for (size_t step = 0; step < cases_.size(); ++step) {
      const size_t i = (step + round) % cases_.size();
      progress_.Advance(1);
      if (!Passed(i)) continue;
      RCT_ASSIGN_OR_RETURN(const Outcome outcome,
                           BuildAndSearch(cases_[i], model));
      if (outcome.result.neighbors.Digest() !=
          deterministic_->case_(static_cast<int>(i)).result_digest()) {
        return absl::FailedPreconditionError(
            absl::StrCat("case '", cases_[i].name(), "' of workload '",
                         workload_.config().name(),
                         "' changed its answer in repetition ", round + 1));
      }
      RunRecord::Measured::Case& measured =
          *measured_->mutable_case_(static_cast<int>(i));
      measured.add_index_seconds(outcome.index_seconds);
      measured.add_search_seconds(outcome.search_seconds);
      measured.add_first_search_seconds(outcome.first_search_seconds);
      if (IsReference(cases_[i])) {
        measured.add_exhaustive_seconds(outcome.search_seconds);
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
      measured_->mutable_case_(static_cast<int>(i))
          ->add_exhaustive_seconds(exhaustive[key]);
    }
    return absl::OkStatus();
  }

  std::pair<int64_t, int> Key(const SweepCase& sweep_case) const {
    return {NeighborsOf(sweep_case, workload_), sweep_case.threads()};
  }

  const Workload& workload_;
  const std::vector<SweepCase>& cases_;
  const int threads_;
  const bool telemetry_of_all_;
  Progress& progress_;
  std::string* telemetry_;
  RunRecord::Deterministic::Workload* deterministic_ = nullptr;
  RunRecord::Measured::Workload* measured_ = nullptr;
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

}  // namespace

absl::StatusOr<RunRecord> RunSweep(const SweepConfig& config,
                                   const SweepOptions& options,
                                   std::string* telemetry) {
  RCT_ASSIGN_OR_RETURN(const std::vector<SweepCase> cases,
                       SelectCases(config, options));
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
  const auto field = [&](int w) {
    return absl::StrCat("workload[", w, "] '", config.workload(w).name(), "'");
  };
  absl::flat_hash_set<std::string> names;
  for (int w = 0; w < config.workload_size(); ++w) {
    if (!names.insert(config.workload(w).name()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(field(w), ": the name is there twice"));
    }
  }
  RunRecord record;
  record.mutable_deterministic()->set_title(config.title());
  Progress progress("sweep", static_cast<int64_t>(cases.size()) *
                                 config.workload_size() *
                                 (int64_t{repetitions} + 1));
  for (int w = 0; w < config.workload_size(); ++w) {
    WorkloadConfig workload_config = config.workload(w);
    if (options.audit.has_value()) workload_config.set_audit(*options.audit);
    absl::StatusOr<Workload> workload = Workload::Load(workload_config);
    RCT_RETURN_IF_ERROR(Annotate(workload.status(), field(w)));
    WorkloadRunner runner(*workload, cases, options, progress, telemetry);
    RCT_RETURN_IF_ERROR(Annotate(runner.Run(repetitions, record), field(w)));
  }
  return record;
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
