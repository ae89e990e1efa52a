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

// Replaces in `target` each field that `change` sets, but for the name.
void Replace(const SweepCase& change, SweepCase& target) {
  const google::protobuf::Reflection& reflection = *change.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(change, &fields);
  SweepCase only;
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->number() == SweepCase::kNameFieldNumber) continue;
    reflection.ClearField(&target, field);
  }
  only = change;
  only.clear_name();
  target.MergeFrom(only);
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
    case SweepConfig::LEAVE_ONE_OUT: {
      if (changes > 63) {
        return absl::InvalidArgumentError(
            absl::StrCat("case: ", changes, " given; at most 63 are possible"));
      }
      const bool leave_out = config.mode() == SweepConfig::LEAVE_ONE_OUT;
      const uint64_t start = leave_out ? (uint64_t{1} << changes) - 1 : 0;
      cases.push_back(Combine(config, start));
      for (int i = 0; i < changes; ++i) {
        cases.push_back(Combine(config, start ^ uint64_t{1} << i));
        if (leave_out) {
          cases.back().set_name(absl::StrCat("all-", config.case_(i).name()));
        }
      }
      if (leave_out) cases.front().set_name("all");
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
          "mode: not given; choose LISTED, ONE_AT_A_TIME, LEAVE_ONE_OUT or "
          "ALL_SUBSETS");
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
