// The sparse factor of Vecchia's approximation of the residual process.
//
// Rows of the data come in an order. Row i is conditioned on the observations
// of a few earlier rows, its set S_i: with b_i and D_i of conditional.h,
//
//     B_ii = 1,  B_ij = -b_ij for j in S_i;     d_i = D_i + s2
//
// and (B' diag(1 / d) B)^-1 approximates R + s2 I, the covariance of
// observations of the residual process with noise s2 (Vecchia 1988; Datta,
// Banerjee, Finley and Gelfand 2016). It equals R + s2 I where
// each set holds all earlier rows. B is triangular in the order, so that its
// determinant is 1.
//
// A d_i that is no larger than the rounding of D_i is an error: rows repeat
// each other, or the kernel is so smooth that float64 cannot tell row i from
// what its set says of it. Noise mends both.
//
// Cost: that of conditional.h for each row, and 16 bytes for each number of B.

#ifndef RCT_INDEX_VECCHIA_VECCHIA_FACTOR_H_
#define RCT_INDEX_VECCHIA_VECCHIA_FACTOR_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"

namespace rct {

// A square matrix of n rows in compressed sparse rows: entries offsets[i] to
// offsets[i + 1] are those of row i, in ascending columns.
struct SparseMatrix {
  std::vector<int64_t> offsets = {0};  // n + 1
  std::vector<int64_t> columns;
  std::vector<double> values;

  int64_t size() const { return static_cast<int64_t>(offsets.size()) - 1; }

  // Returns the product with a vector of n elements.
  std::vector<double> Times(absl::Span<const double> x) const;
  // Returns the product of the transpose with a vector of n elements.
  std::vector<double> TransposedTimes(absl::Span<const double> x) const;
};

struct VecchiaFactor {
  SparseMatrix b;         // B, n x n, in the rows of the data
  std::vector<double> d;  // d_i > 0, in the unit of covariances
};

// Returns InvalidArgument, naming row and entry, unless `sets` (n x k) are sets
// of earlier rows: row numbers in [0, n), each once, that come before row i in
// `order` (all rows, each once; empty stands for 0, 1, ...), and kNoNeighbor
// behind them.
absl::Status ValidateSets(MatrixView<const int64_t> sets,
                          absl::Span<const int64_t> order, int64_t size);

// Computes B and d for valid `sets`. Returns FailedPrecondition, naming the
// row, where its d is within rounding; ResourceExhausted; Cancelled where
// `monitor` is. The same bits for any number of threads and any instruction
// set.
absl::StatusOr<VecchiaFactor> FactorizeSets(const ResidualCorrelation& metric,
                                            MatrixView<const int64_t> sets,
                                            double noise, int threads,
                                            Monitor* monitor);

}  // namespace rct

#endif  // RCT_INDEX_VECCHIA_VECCHIA_FACTOR_H_
