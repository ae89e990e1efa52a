// Compares gold with the oracle.

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

// The oracle for the metrics of one gold. It keeps the last problem, so that
// consecutive answers of one metric share the projection.
class GoldOracle {
 public:
  // `gold` must outlive the object.
  GoldOracle(const Gold& gold, int num_threads)
      : gold_(&gold), num_threads_(num_threads) {}

  // Returns the problem of a metric, which is valid until the next call.
  // `residual.inducing` is ignored: gold has one set of inducing points. Errors
  // are those of OracleProblem::Residual.
  absl::StatusOr<const OracleProblem*> Problem(const ResidualConfig& residual);

 private:
  const Gold* gold_;
  int num_threads_;
  std::string key_;
  std::optional<OracleProblem> problem_;
};

// The comparison of frozen answers with those of the oracle.
struct GoldReport {
  std::string name;
  Verdict verdict;  // SET_EQUAL_WITHIN(1e-6) of the frozen table

  // Largest |frozen - oracle| of the distances of rows that both have.
  double max_distance_difference = 0;
  // Largest |frozen / oracle - 1| of the residual variances.
  double max_variance_difference = 0;
  // The smallest difference of the oracle's kth and (k+1)th distance: no error
  // below half of it changes a set. Infinite if no query has k + 1 neighbors.
  double smallest_gap = 0;
  double seconds = 0;
};

// Answers every workload again and calls `report` for each.
absl::Status VerifyGold(const Gold& gold, int num_threads,
                        absl::FunctionRef<void(const GoldReport&)> report);

}  // namespace rct

#endif  // RCT_PARITY_GOLD_GOLD_ORACLE_H_
