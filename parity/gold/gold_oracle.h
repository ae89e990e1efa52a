// Gold against the oracle.

#ifndef RCT_PARITY_GOLD_GOLD_ORACLE_H_
#define RCT_PARITY_GOLD_GOLD_ORACLE_H_

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parity/gates.h"
#include "parity/gold/gold.h"
#include "parity/oracle.h"

namespace rct {

// The oracle for the metrics of one gold. Keeps the last problem: answers that
// share their metric and follow each other share the projection.
class GoldOracle {
 public:
  // `gold` must outlive it.
  GoldOracle(const Gold& gold, int num_threads)
      : gold_(&gold), num_threads_(num_threads) {}

  // The problem of a metric, its `inducing` ignored: gold has one set of them.
  // Valid until the next call. Errors as OracleProblem::Residual.
  absl::StatusOr<const OracleProblem*> Problem(const ResidualConfig& residual);

 private:
  const Gold* gold_;
  int num_threads_;
  std::string key_;
  std::optional<OracleProblem> problem_;
};

// Frozen answers, beside the oracle's.
struct GoldReport {
  std::string name;
  Verdict verdict;  // SET_EQUAL_WITHIN(1e-6) of the frozen table

  // Largest |frozen - oracle| of the distances of rows that both have.
  double max_distance_difference = 0;
  // Largest |frozen / oracle - 1| of the residual variances.
  double max_variance_difference = 0;
  // Smallest difference of the oracle's kth and (k+1)th distance: below it no
  // error changes a set. Infinite if no query has k + 1 neighbours.
  double smallest_gap = 0;
  double seconds = 0;
};

// Answers every workload again and hands over a report for each.
absl::Status VerifyGold(const Gold& gold, int num_threads,
                        absl::FunctionRef<void(const GoldReport&)> report);

}  // namespace rct

#endif  // RCT_PARITY_GOLD_GOLD_ORACLE_H_
