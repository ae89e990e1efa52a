#include "experiments/cases.h"

#include <algorithm>
#include <cstdint>
#include <string>
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

// Replaces in `target` each field that `change` sets, but for the name, and
// each heuristic.
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

// `base` with the changes of the cases whose bit is set.
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

}  // namespace

absl::StatusOr<std::vector<SweepCase>> ExpandCases(const SweepConfig& config) {
  const int changes = config.case__size();
  for (int i = 0; i < changes; ++i) {
    if (config.case_(i).name().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("case[", i, "].name: not given"));
    }
  }
  std::vector<SweepCase> cases;
  switch (config.mode()) {
    case SweepConfig::LISTED:
      for (const SweepCase& change : config.case_()) {
        cases.push_back(config.base());
        Replace(change, cases.back());
        cases.back().set_name(change.name());
      }
      break;
    case SweepConfig::ONE_AT_A_TIME:
    case SweepConfig::LEAVE_ONE_OUT:
    case SweepConfig::ABLATION: {
      if (changes > 63) {
        return absl::InvalidArgumentError(
            absl::StrCat("case: ", changes, " given; at most 63 are possible"));
      }
      if (config.mode() != SweepConfig::LEAVE_ONE_OUT) {
        cases.push_back(Combine(config, 0));
        for (int i = 0; i < changes; ++i) {
          cases.push_back(Combine(config, uint64_t{1} << i));
        }
      }
      if (config.mode() != SweepConfig::ONE_AT_A_TIME) {
        const uint64_t all = (uint64_t{1} << changes) - 1;
        cases.push_back(Combine(config, all));
        cases.back().set_name("all");
        for (int i = 0; i < changes; ++i) {
          cases.push_back(Combine(config, all ^ uint64_t{1} << i));
          cases.back().set_name(absl::StrCat("all-", config.case_(i).name()));
        }
      }
      break;
    }
    case SweepConfig::ALL_SUBSETS:
      if (changes > kMaxSubsetCases) {
        return absl::InvalidArgumentError(absl::StrCat(
            "case: ", changes, " given; ALL_SUBSETS takes at most ",
            kMaxSubsetCases));
      }
      for (uint64_t subset = 0; subset < uint64_t{1} << changes; ++subset) {
        cases.push_back(Combine(config, subset));
      }
      break;
    case SweepConfig::MODE_UNSPECIFIED:
      return absl::InvalidArgumentError(
          "mode: not given; choose LISTED, ONE_AT_A_TIME, LEAVE_ONE_OUT, "
          "ALL_SUBSETS or ABLATION");
  }
  for (int i = 0; i < config.also_size(); ++i) {
    if (config.also(i).name().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("also[", i, "].name: not given"));
    }
    cases.push_back(config.base());
    Replace(config.also(i), cases.back());
    cases.back().set_name(config.also(i).name());
  }
  if (cases.empty()) {
    return absl::InvalidArgumentError("case: none given");
  }
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
