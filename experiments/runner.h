// Runs a sweep: checks every answer first, then times the right ones.
//
// For each workload, round 0 builds and searches each case once. The case's
// gates compare the answer with exhaustive search, and with frozen gold where
// the workload names it. The rounds after it time the cases that passed, one
// after the other, the whole set once in each round, so that drift of the
// machine affects all alike; ratios are formed within a round. Each round also
// builds and times V and every index anew, and every answer must have the
// digest of round 0. Telemetry is recorded in round 0 alone, so that it costs
// no measured time.

#ifndef RCT_EXPERIMENTS_RUNNER_H_
#define RCT_EXPERIMENTS_RUNNER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/monitor.h"
#include "experiments/record.pb.h"
#include "experiments/sweep.pb.h"

namespace rct {

struct SweepOptions {
  // Replace the numbers of the config; by default they do not.
  std::optional<int> repetitions = std::nullopt;
  std::optional<int> threads = std::nullopt;
  // Replaces the number of audited queries of each workload; by default it does
  // not.
  std::optional<int64_t> audit = std::nullopt;
  // Whether the sweep ends after round 0, without times. Off by default.
  bool check_only = false;
  // Whether every case writes telemetry; by default those do that ask for it.
  bool telemetry = false;
  // Only cases whose name contains a match of this regular expression are run;
  // by default all are.
  std::string cases = {};
  // Whether a line on stderr tells the result of each check. Off by default.
  bool announce = false;
  // Ends the sweep where it is cancelled; null, the default, means none.
  Monitor* monitor = nullptr;
  // Called whenever a case or a repetition was added to the state, in which
  // `finished` workloads are complete. An error ends the sweep.
  std::function<absl::Status(const SweepState& state, int finished)> keep =
      nullptr;
};

// Returns the deterministic and the measured part of a record. Returns
// InvalidArgument, naming the field, for a bad config, and FailedPrecondition
// where an answer changes from one round to the next. A gate that fails is no
// error: the record says so. `telemetry`, if not null, receives the lines of
// docs/telemetry.md without the header; they are no part of the record.
absl::StatusOr<RunRecord> RunSweep(const SweepConfig& config,
                                   const SweepOptions& options,
                                   std::string* telemetry = nullptr);

// Continues the sweep that `state` has begun, to its end: cases that are
// checked and repetitions that are complete are not run again. The
// deterministic part becomes that of an uninterrupted sweep; the provenance
// stays as it is; and if `telemetry`, lines of telemetry are added to those of
// the state. Returns Cancelled where the monitor is cancelled, and
// FailedPrecondition where the workloads, cases or data of `state` are not
// those of the config and options. The data of all workloads are read before
// the first one is run.
absl::Status ContinueSweep(const SweepConfig& config,
                           const SweepOptions& options, bool telemetry,
                           SweepState& state);

// Returns whether every gate of every case passed.
bool AllGatesPass(const RunRecord& record);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_RUNNER_H_
