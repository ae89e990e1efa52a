// Running a sweep: first every answer is checked, then the right ones are
// timed.
//
// For each workload, round 0 builds and searches each case once and holds the
// answer against exhaustive search through the case's gates, and against frozen
// gold where the workload names some. The rounds after it time the cases that
// passed, one after the other, the whole set once a round, so that drift of the
// machine meets all alike; ratios are formed within a round. In each round V
// and every index are built anew and timed too, and every answer must have the
// digest of round 0. Telemetry is that of round 0, so that no time pays for it.

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
  // In place of the config's.
  std::optional<int> repetitions = std::nullopt;
  std::optional<int> threads = std::nullopt;
  // Audited queries of each workload, in place of the config's.
  std::optional<int64_t> audit = std::nullopt;
  // Round 0 alone: the measured part has no times.
  bool check_only = false;
  // Telemetry of every case, whether or not it asks for it.
  bool telemetry = false;
  // Only cases whose name contains a match of this regular expression.
  std::string cases = {};
  // Whether a line on stderr says of each case what its check found.
  bool announce = false;
  // Ends the sweep where it is cancelled; may be null.
  Monitor* monitor = nullptr;
  // Called whenever the state has a case or a repetition more, of which so many
  // workloads are finished. An error ends the sweep.
  std::function<absl::Status(const SweepState& state, int finished)> keep =
      nullptr;
};

// The deterministic and the measured part of a record. InvalidArgument, naming
// the field, for a bad config; FailedPrecondition where an answer changes from
// one round to the next. A gate that fails is no error: it stands in the
// record. `telemetry`, if not null, receives the lines of docs/telemetry.md but
// for the header; they are no part of the record.
absl::StatusOr<RunRecord> RunSweep(const SweepConfig& config,
                                   const SweepOptions& options,
                                   std::string* telemetry = nullptr);

// The same, from where `state` has come to, which it brings to its end: cases
// that are checked and repetitions that are there are not run again. The
// deterministic part is that of an uninterrupted sweep. The provenance is left
// alone, and telemetry added to that of the state, if `telemetry`. Cancelled
// where the monitor is; FailedPrecondition where `state` is none of this config
// and these options: its workloads, cases or data differ. Data of all workloads
// are read before the first is run.
absl::Status ContinueSweep(const SweepConfig& config,
                           const SweepOptions& options, bool telemetry,
                           SweepState& state);

// Whether every gate of every case passed.
bool AllGatesPass(const RunRecord& record);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_RUNNER_H_
