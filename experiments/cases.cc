#include "experiments/cases.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "experiments/sweep.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "index/residual_index.h"
#include "parity/gates.h"

namespace rct {
namespace {

constexpr int kMaxSubsetCases = 12;
// A subset of the changes is a mask of 64 bits.
constexpr int kMaxChanges = 63;

// Clears in `target` each field that `change` sets.
void ClearChanged(const google::protobuf::Message& change,
                  google::protobuf::Message& target) {
  const google::protobuf::Reflection& reflection = *change.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(change, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    reflection.ClearField(&target, field);
  }
}

// Replaces in `target` each field that `change` sets, except for the name; of
// `heuristics`, each heuristic by itself.
void Replace(const SweepCase& change, SweepCase& target) {
  HeuristicsConfig heuristics = target.heuristics();
  ClearChanged(change.heuristics(), heuristics);
  heuristics.MergeFrom(change.heuristics());
  const std::string name = target.name();
  ClearChanged(change, target);
  target.MergeFrom(change);
  target.set_name(name);
  if (change.has_heuristics()) *target.mutable_heuristics() = heuristics;
}

// Returns base with the changes of the cases whose bit in `subset` is set.
SweepCase Combine(const SweepConfig& config, uint64_t subset) {
  SweepCase result = config.base();
  std::string name = result.has_name() ? result.name() : "base";
  for (int i = 0; i < config.case__size(); ++i) {
    if (!(subset >> i & 1)) continue;
    Replace(config.case_(i), result);
    absl::StrAppend(&name, "+", config.case_(i).name());
  }
  result.set_name(name);
  return result;
}

absl::Status ValidateCase(const SweepCase& sweep_case) {
  if (sweep_case.precision() == SweepCase::PRECISION_UNSPECIFIED) {
    return absl::InvalidArgumentError("precision: not given; choose FLOAT64");
  }
  RCT_RETURN_IF_ERROR(ValidateIndexOptions(IndexOptionsOf(sweep_case)));
  if (sweep_case.has_k() && sweep_case.k() < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("k: is ", sweep_case.k(), "; must be at least 1"));
  }
  for (int i = 0; i < sweep_case.gate_size(); ++i) {
    RCT_RETURN_IF_ERROR(Annotate(ValidateGate(sweep_case.gate(i)),
                                 absl::StrCat("gate[", i, "]")));
  }
  return absl::OkStatus();
}

// Returns InvalidArgument where one of `changes`, the config's `field`, has no
// name.
template <class Changes>
absl::Status CheckNamed(const Changes& changes, std::string_view field) {
  for (int i = 0; i < changes.size(); ++i) {
    if (!changes[i].name().empty()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(field, "[", i, "].name: not given"));
  }
  return absl::OkStatus();
}

// Returns base with each of `changes`, under the name of the change.
template <class Changes>
std::vector<SweepCase> EachAlone(const SweepCase& base,
                                 const Changes& changes) {
  std::vector<SweepCase> cases;
  for (const SweepCase& change : changes) {
    cases.push_back(base);
    Replace(change, cases.back());
    cases.back().set_name(change.name());
  }
  return cases;
}

// Returns base, and base with each one of the changes.
std::vector<SweepCase> OneAtATime(const SweepConfig& config) {
  std::vector<SweepCase> cases = {Combine(config, 0)};
  for (int i = 0; i < config.case__size(); ++i) {
    cases.push_back(Combine(config, uint64_t{1} << i));
  }
  return cases;
}

// Returns base with all changes, and with all but each one.
std::vector<SweepCase> LeaveOneOut(const SweepConfig& config) {
  const uint64_t all = (uint64_t{1} << config.case__size()) - 1;
  std::vector<SweepCase> cases = {Combine(config, all)};
  cases.back().set_name("all");
  for (int i = 0; i < config.case__size(); ++i) {
    cases.push_back(Combine(config, all ^ uint64_t{1} << i));
    cases.back().set_name(absl::StrCat("all-", config.case_(i).name()));
  }
  return cases;
}

std::vector<SweepCase> AllSubsets(const SweepConfig& config) {
  std::vector<SweepCase> cases;
  for (uint64_t subset = 0; subset < uint64_t{1} << config.case__size();
       ++subset) {
    cases.push_back(Combine(config, subset));
  }
  return cases;
}

// Returns the cases that the mode makes of base and the changes.
absl::StatusOr<std::vector<SweepCase>> ExpandMode(const SweepConfig& config) {
  const int changes = config.case__size();
  switch (config.mode()) {
    case SweepConfig::LISTED:
      return EachAlone(config.base(), config.case_());
    case SweepConfig::ONE_AT_A_TIME:
    case SweepConfig::LEAVE_ONE_OUT:
    case SweepConfig::ABLATION: {
      if (changes > kMaxChanges) {
        return absl::InvalidArgumentError(
            absl::StrCat("case: ", changes, " given; at most ", kMaxChanges,
                         " are possible"));
      }
      if (config.mode() == SweepConfig::LEAVE_ONE_OUT) {
        return LeaveOneOut(config);
      }
      std::vector<SweepCase> cases = OneAtATime(config);
      if (config.mode() == SweepConfig::ABLATION) {
        for (SweepCase& rest : LeaveOneOut(config)) {
          cases.push_back(std::move(rest));
        }
      }
      return cases;
    }
    case SweepConfig::ALL_SUBSETS:
      if (changes > kMaxSubsetCases) {
        return absl::InvalidArgumentError(absl::StrCat(
            "case: ", changes, " given; ALL_SUBSETS takes at most ",
            kMaxSubsetCases));
      }
      return AllSubsets(config);
    case SweepConfig::MODE_UNSPECIFIED:
      break;
  }
  return absl::InvalidArgumentError(
      "mode: not given; choose LISTED, ONE_AT_A_TIME, LEAVE_ONE_OUT, "
      "ALL_SUBSETS or ABLATION");
}

// Gives every case without a gate the EXACT one, and checks all cases.
absl::Status Complete(std::vector<SweepCase>& cases) {
  if (cases.empty()) return absl::InvalidArgumentError("case: none given");
  absl::flat_hash_set<std::string> names;
  for (SweepCase& sweep_case : cases) {
    if (!names.insert(sweep_case.name()).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "case: the name '", sweep_case.name(), "' is there twice"));
    }
    if (sweep_case.gate().empty()) sweep_case.add_gate()->mutable_exact();
    RCT_RETURN_IF_ERROR(
        Annotate(ValidateCase(sweep_case),
                 absl::StrCat("case '", sweep_case.name(), "'")));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<SweepCase>> ExpandCases(const SweepConfig& config) {
  RCT_RETURN_IF_ERROR(CheckNamed(config.case_(), "case"));
  RCT_ASSIGN_OR_RETURN(std::vector<SweepCase> cases, ExpandMode(config));
  RCT_RETURN_IF_ERROR(CheckNamed(config.also(), "also"));
  for (SweepCase& also : EachAlone(config.base(), config.also())) {
    cases.push_back(std::move(also));
  }
  RCT_RETURN_IF_ERROR(Complete(cases));
  return cases;
}

IndexOptions IndexOptionsOf(const SweepCase& sweep_case) {
  IndexOptions options;
  options.set_strategy(sweep_case.strategy());
  options.set_threads(sweep_case.threads());
  if (sweep_case.has_tree()) *options.mutable_tree() = sweep_case.tree();
  if (sweep_case.has_heuristics()) {
    *options.mutable_heuristics() = sweep_case.heuristics();
  }
  return options;
}

bool IsApproximate(const SweepCase& sweep_case) {
  return std::none_of(sweep_case.gate().begin(), sweep_case.gate().end(),
                      [](const Gate& gate) { return gate.has_exact(); });
}

}  // namespace rct
