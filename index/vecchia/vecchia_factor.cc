#include "index/vecchia/vecchia_factor.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/vecchia/conditional.h"
#include "index/vecchia/smallest_row.h"
#include "metric/residual_correlation.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

constexpr int64_t kRowsOfTask = 64;

// Returns the rows of set i, without the padding.
absl::Span<const int64_t> Set(MatrixView<const int64_t> sets, int64_t i) {
  const int64_t* const row = sets.row(i);
  return absl::MakeConstSpan(
      row, std::find(row, row + sets.cols, kNoNeighbor) - row);
}

// Returns the rank of each row in `order`.
std::vector<int64_t> Ranks(absl::Span<const int64_t> order, int64_t size) {
  std::vector<int64_t> ranks(size);
  for (int64_t i = 0; i < size; ++i) ranks[order.empty() ? i : order[i]] = i;
  return ranks;
}

// Makes B without its values: in row i the columns of set i and i itself.
SparseMatrix Structure(MatrixView<const int64_t> sets) {
  SparseMatrix b;
  b.offsets.resize(sets.rows + 1);
  for (int64_t i = 0; i < sets.rows; ++i) {
    const auto count = static_cast<int64_t>(Set(sets, i).size());
    b.offsets[i + 1] = b.offsets[i] + count + 1;
  }
  b.columns.resize(b.offsets.back());
  b.values.resize(b.offsets.back());
  for (int64_t i = 0; i < sets.rows; ++i) {
    const absl::Span<const int64_t> set = Set(sets, i);
    const auto begin = b.columns.begin() + b.offsets[i];
    *std::copy(set.begin(), set.end(), begin) = i;
    std::sort(begin, b.columns.begin() + b.offsets[i + 1]);
  }
  return b;
}

// Writes the values of row i of B.
void WriteRow(int64_t i, absl::Span<const int64_t> set,
              absl::Span<const double> weights, SparseMatrix& b) {
  const auto begin = b.columns.begin() + b.offsets[i];
  const auto end = b.columns.begin() + b.offsets[i + 1];
  const auto at = [&](int64_t row) -> double& {
    return b.values[std::lower_bound(begin, end, row) - b.columns.begin()];
  };
  at(i) = 1;
  for (size_t j = 0; j < set.size(); ++j) at(set[j]) = -weights[j];
}

absl::Status WithinRounding(int64_t row, absl::Span<const int64_t> set,
                            double noise) {
  constexpr size_t kShown = 5;
  return absl::FailedPreconditionError(absl::StrCat(
      "noise: with ", noise, ", row ", row,
      " has no variance left but rounding once row",
      set.size() == 1 ? " " : "s ",
      absl::StrJoin(set.subspan(0, std::min(kShown, set.size())), ", "),
      set.size() > kShown ? ", ..." : "",
      set.size() == 1 ? " is known" : " are known",
      "; give more noise, or each place once"));
}

}  // namespace

std::vector<double> SparseMatrix::Times(absl::Span<const double> x) const {
  std::vector<double> product(size());
  for (int64_t i = 0; i < size(); ++i) {
    double sum = 0;
    for (int64_t e = offsets[i]; e < offsets[i + 1]; ++e) {
      sum += values[e] * x[columns[e]];
    }
    product[i] = sum;
  }
  return product;
}

std::vector<double> SparseMatrix::TransposedTimes(
    absl::Span<const double> x) const {
  std::vector<double> product(size(), 0.0);
  for (int64_t i = 0; i < size(); ++i) {
    for (int64_t e = offsets[i]; e < offsets[i + 1]; ++e) {
      product[columns[e]] += values[e] * x[i];
    }
  }
  return product;
}

absl::Status ValidateSets(MatrixView<const int64_t> sets,
                          absl::Span<const int64_t> order, int64_t size) {
  if (sets.rows != size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "sets: there are ", sets.rows, " rows for ", size, " points"));
  }
  const std::vector<int64_t> ranks = Ranks(order, size);
  std::vector<int64_t> seen_in(size, kNoNeighbor);
  for (int64_t i = 0; i < size; ++i) {
    bool ended = false;
    for (int64_t j = 0; j < sets.cols; ++j) {
      const int64_t row = sets(i, j);
      const auto error = [&](const auto&... what) {
        return absl::InvalidArgumentError(
            absl::StrCat("sets: row ", i, ", entry ", j, ": ", what...));
      };
      if (row == kNoNeighbor) {
        ended = true;
        continue;
      }
      if (ended) return error("row ", row, " comes after -1, which ends a set");
      if (row < 0 || row >= size) {
        return error(row, " is no row of ", size, " points");
      }
      if (ranks[row] >= ranks[i]) {
        return error("row ", row, " does not come before row ", i,
                     order.empty() ? "" : " in the order",
                     "; ask for predecessors, in the same order");
      }
      if (seen_in[row] == i) return error("row ", row, " is in the set twice");
      seen_in[row] = i;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<VecchiaFactor> FactorizeSets(const ResidualCorrelation& metric,
                                            MatrixView<const int64_t> sets,
                                            double noise, int threads,
                                            Monitor* monitor) {
  const int64_t size = metric.size();
  RCT_RETURN_IF_ERROR(CheckMemory(
      16.0 * static_cast<double>(size) * static_cast<double>(sets.cols + 2),
      absl::StrCat("k: the factor of ", size, " rows with sets of ", sets.cols),
      "ask for smaller sets"));
  const int num_threads = ResolveThreads(threads);
  VecchiaFactor factor = {.b = Structure(sets), .d = std::vector<double>(size)};
  std::vector<Conditional> workers;
  for (int worker = 0; worker < num_threads; ++worker) {
    workers.emplace_back(metric, noise, sets.cols);
  }
  SmallestRow bad(size);
  const int64_t tasks = (size + kRowsOfTask - 1) / kRowsOfTask;
  ParallelFor(num_threads, tasks, monitor, [&](int64_t task, int worker) {
    Conditional& conditional = workers[worker];
    const int64_t first = task * kRowsOfTask;
    for (int64_t i = first; i < std::min(first + kRowsOfTask, size); ++i) {
      const absl::Span<const int64_t> set = Set(sets, i);
      if (!conditional.Compute(metric.data(), i, set) ||
          conditional.variance() + noise <= conditional.variance_error()) {
        bad.Record(i);
        continue;
      }
      factor.d[i] = conditional.variance() + noise;
      WriteRow(i, set, conditional.weights(), factor.b);
    }
  });
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  if (bad.row() < size) {
    return WithinRounding(bad.row(), Set(sets, bad.row()), noise);
  }
  return factor;
}

}  // namespace rct
