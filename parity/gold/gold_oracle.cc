#include "parity/gold/gold_oracle.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/status_macros.h"
#include "parity/gates.h"
#include "parity/gold/gold.h"
#include "parity/oracle.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

constexpr double kTolerance = 1e-6;

double MaxDistanceDifference(const NeighborTable& a, const NeighborTable& b) {
  double largest = 0;
  for (int64_t query = 0; query < a.num_queries(); ++query) {
    absl::flat_hash_map<int64_t, double> distances;
    for (int64_t rank = 0; rank < a.count(query); ++rank) {
      distances.emplace(a.rows()(query, rank), a.distances()(query, rank));
    }
    for (int64_t rank = 0; rank < b.count(query); ++rank) {
      const auto match = distances.find(b.rows()(query, rank));
      if (match == distances.end()) continue;
      largest = std::max(largest,
                         std::abs(match->second - b.distances()(query, rank)));
    }
  }
  return largest;
}

// Returns the smallest gap between the last two columns, among the queries that
// have both.
double SmallestGap(const NeighborTable& table) {
  double smallest = std::numeric_limits<double>::infinity();
  const int64_t last = table.k() - 1;
  for (int64_t query = 0; query < table.num_queries(); ++query) {
    if (table.count(query) <= last) continue;
    smallest = std::min(smallest, table.distances()(query, last) -
                                      table.distances()(query, last - 1));
  }
  return smallest;
}

}  // namespace

absl::StatusOr<const OracleProblem*> GoldOracle::Problem(
    const ResidualConfig& residual) {
  ResidualConfig metric = residual;
  metric.clear_inducing();
  std::string key = metric.SerializeAsString();
  if (!problem_ || key != key_) {
    const Matrix<double> inducing = gold_->Inducing();
    RCT_ASSIGN_OR_RETURN(
        problem_, OracleProblem::Residual(
                      gold_->points.view(), metric.kernel(), inducing.view(),
                      metric.jitter(), metric.variance_floor(), num_threads_));
    key_ = std::move(key);
  }
  return &*problem_;
}

absl::Status VerifyGold(const Gold& gold, int num_threads,
                        absl::FunctionRef<void(const GoldReport&)> report) {
  GoldOracle oracle(gold, num_threads);
  for (const GoldAnswers& answers : gold.answers) {
    const auto start = std::chrono::steady_clock::now();
    RCT_ASSIGN_OR_RETURN(const OracleProblem* problem,
                         oracle.Problem(answers.residual));
    const int64_t k = answers.neighbors.k();
    OracleSearchOptions options;
    options.predecessor = answers.predecessor;
    RCT_ASSIGN_OR_RETURN(
        const NeighborTable one_more,
        problem->Search(gold.query_rows, k + 1, options, num_threads));
    const NeighborTable expected = one_more.First(k);

    GoldReport result;
    result.name = answers.name;
    result.verdict =
        CheckSetEqualWithin(answers.neighbors, expected, kTolerance);
    result.max_distance_difference =
        MaxDistanceDifference(answers.neighbors, expected);
    result.smallest_gap = SmallestGap(one_more);
    for (int64_t i = 0; i < problem->size(); ++i) {
      const long double ratio =
          answers.residual_variance[i] / problem->ResidualVariance(i);
      result.max_variance_difference =
          std::max(result.max_variance_difference,
                   static_cast<double>(std::abs(ratio - 1)));
    }
    result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    report(result);
  }
  return absl::OkStatus();
}

}  // namespace rct
