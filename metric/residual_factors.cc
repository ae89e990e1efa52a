#include "metric/residual_factors.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/archive.h"
#include "base/finite.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "metric/point_lanes.h"
#include "metric/simd_routines.h"

namespace rct {
namespace {

// The number of points that are solved together. Their part of V (m x 96
// doubles) fits a second-level cache for m up to about a thousand, and 96
// points are whole register tiles of three vectors.
constexpr int64_t kChunk = 96;

absl::Status ValidateScales(const ResidualConfig& config, double variance) {
  if (!(config.jitter() > 0) || !std::isfinite(config.jitter())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "jitter: is ", config.jitter(), "; must be positive and finite"));
  }
  if (!(config.variance_floor() > 0) ||
      !std::isfinite(config.variance_floor())) {
    return absl::InvalidArgumentError(
        absl::StrCat("variance_floor: is ", config.variance_floor(),
                     "; must be positive and finite"));
  }
  // Otherwise the product of two scales 1 / sqrt(p) could be infinite.
  if (!std::isnormal(config.variance_floor() * variance)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "variance_floor: is ", config.variance_floor(), " of a variance of ",
        variance, "; their product must be neither denormal nor infinite"));
  }
  return absl::OkStatus();
}

bool SameBits(const Matrix<double>& a, const Matrix<double>& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
  if (a.cols() == 0) return true;
  for (int64_t i = 0; i < a.rows(); ++i) {
    if (std::memcmp(a.row(i), b.row(i), a.cols() * sizeof(double)) != 0) {
      return false;
    }
  }
  return true;
}

// Returns |row|^2. Assumes that the row is zero from `length` on up to whole
// vectors.
double SquaredLength(const SimdRoutines& simd, const double* row,
                     int64_t length) {
  double squared;
  simd.dot_tile(&row, 1, &row, 1, RoundUpToLanes(length), &squared, 1);
  return squared;
}

// Returns a positive number in two digits, rounded up.
std::string FormatUp(double value) {
  return absl::StrFormat("%.1e", value * (1 + 0.05));
}

// Makes `min` the smaller of itself and `value`.
void LowerTo(int64_t value, std::atomic<int64_t>& min) {
  int64_t seen = min.load();
  while (value < seen && !min.compare_exchange_weak(seen, value)) {
  }
}

// A fault of one point.
struct Fault {
  std::string_view array;
  std::string_view what;
};

std::optional<Fault> FaultOf(const ResidualPoints& points, int64_t i,
                             const InducingFactor* factor) {
  const Matrix<double>& v = points.v;
  const double* row = v.row(i);
  for (int64_t t = v.cols(); t < v.stride(); ++t) {
    if (row[t] != 0) return Fault{"v", "is not zero in its padding"};
  }
  const double squared = SquaredLength(BestSimdRoutines(), row, v.cols());
  if (!std::isfinite(squared)) {
    return Fault{"v", "is not finite, or too long to be a factor"};
  }
  const double p = points.variance[i];
  if (!(p > 0) || !std::isnormal(p)) {
    return Fault{"variance", "is not positive, or not finite, or denormal"};
  }
  if (factor != nullptr && p != factor->ResidualVariance(squared)) {
    return Fault{"variance", "is not what follows from V"};
  }
  if (points.inverse_sqrt[i] != 1 / std::sqrt(p)) {
    return Fault{"inverse_sqrt", "is not what follows from the variance"};
  }
  return std::nullopt;
}

}  // namespace

InducingFactor::InducingFactor(Kernel kernel, InducingPoints inducing,
                               double jitter, double variance_floor,
                               const SimdRoutines& simd)
    : kernel_(std::move(kernel)),
      inducing_(std::move(inducing)),
      variance_floor_(variance_floor),
      rounding_{inducing_.coordinates.rows(), kernel_.variance(), jitter,
                kernel_.rounding_ulps()},
      simd_(&simd),
      panels_(FactorPanelsSize(num_panels())),
      inverse_diagonal_(num_panels() * kPanelRows) {}

int64_t InducingFactor::num_panels() const {
  return NumFactorPanels(num_inducing());
}

FactorPanel InducingFactor::panel(int64_t index) const {
  return {panels_.data() + FactorPanelsSize(index),
          inverse_diagonal_.data() + index * kPanelRows, index * kPanelRows};
}

absl::StatusOr<InducingFactor> InducingFactor::Create(
    Kernel kernel, InducingPoints inducing, const ResidualConfig& config,
    const SimdRoutines& simd, Monitor* monitor) {
  const double variance = kernel.variance();
  RCT_RETURN_IF_ERROR(ValidateScales(config, variance));
  InducingFactor factor(std::move(kernel), std::move(inducing),
                        config.jitter() * variance,
                        config.variance_floor() * variance, simd);
  RCT_RETURN_IF_ERROR(factor.Factorize(monitor));
  return factor;
}

InducingFactor InducingFactor::WithRows(std::vector<int64_t> rows) const {
  InducingFactor result(kernel_, {}, rounding_.jitter, variance_floor_, *simd_);
  result.inducing_ = {inducing_.coordinates.Share(), std::move(rows)};
  result.rounding_ = rounding_;
  result.panels_ = panels_.Share();
  result.inverse_diagonal_ = inverse_diagonal_.Share();
  return result;
}

template <class Self, class Archive>
void InducingFactor::Describe(Self& self, Archive& archive) {
  archive.Array("inducing.coordinates", self.inducing_.coordinates);
  archive.Array("inducing.rows", self.inducing_.rows);
  archive.Array("inducing.factor", self.panels_);
  archive.Array("inducing.diagonal", self.inverse_diagonal_);
}

absl::StatusOr<InducingFactor> InducingFactor::Restore(
    Kernel kernel, const ResidualConfig& config,
    MatrixView<const double> points, int threads, ArchiveReader& archive,
    Monitor* monitor, const SimdRoutines& simd) {
  const double variance = kernel.variance();
  const absl::Status scales = ValidateScales(config, variance);
  if (!scales.ok()) return archive.Refuse(scales.message());
  const auto expected =
      SelectInducingPoints(config.inducing(), points,
                           {.inverse_lengthscale = kernel.inverse_lengthscale(),
                            .threads = threads,
                            .monitor = monitor,
                            .simd = &simd});
  if (absl::IsInvalidArgument(expected.status())) {
    return archive.Refuse(expected.status().message());
  }
  RCT_RETURN_IF_ERROR(expected.status());
  InducingFactor factor(std::move(kernel), {}, config.jitter() * variance,
                        config.variance_floor() * variance, simd);
  Describe(factor, archive);
  if (archive.status().ok()) factor.Check(*expected, archive);
  RCT_RETURN_IF_ERROR(archive.status());
  factor.rounding_.num_inducing = factor.num_inducing();
  return factor;
}

void InducingFactor::Check(const InducingPoints& expected,
                           ArchiveReader& archive) const {
  archive.Expect(SameBits(inducing_.coordinates, expected.coordinates),
                 "inducing.coordinates",
                 "holds other points than the header asks for");
  archive.Expect(inducing_.rows == expected.rows, "inducing.rows",
                 "holds other rows than the header asks for");
  const bool sized =
      static_cast<int64_t>(panels_.size()) == FactorPanelsSize(num_panels()) &&
      static_cast<int64_t>(inverse_diagonal_.size()) ==
          num_panels() * kPanelRows;
  if (archive.Expect(sized, "inducing.factor",
                     "has another size than its diagonal or the points")) {
    CheckPanels(archive);
  }
}

void InducingFactor::CheckPanels(ArchiveReader& archive) const {
  const int64_t m = num_inducing();
  archive.Expect(AllFinite(panels_.span()), "inducing.factor", "is not finite");
  for (int64_t r = 0; r < num_panels() * kPanelRows; ++r) {
    const FactorPanel rows = panel(r / kPanelRows);
    const int64_t i = r % kPanelRows;
    const double diagonal = rows.data[r * kPanelRows + i];
    bool triangle = diagonal > 0 && (r < m || diagonal == 1);
    for (int64_t c = r + 1; c < rows.row + kPanelRows; ++c) {
      triangle &= rows.data[c * kPanelRows + i] == 0;
    }
    for (int64_t c = 0; c < r && r >= m; ++c) {
      triangle &= rows.data[c * kPanelRows + i] == 0;
    }
    archive.Expect(triangle, "inducing.factor",
                   "is no triangle with a positive diagonal");
    archive.Expect(inverse_diagonal_[r] == 1 / diagonal, "inducing.diagonal",
                   "is not the inverse of the factor's diagonal");
  }
}

void InducingFactor::Save(ArchiveWriter& archive) const {
  Describe(*this, archive);
}

// Row i of L is the forward substitution of k(Z, z_i). The factorization is
// hence the projection of the inducing points themselves, panel by panel:
// `columns` holds K(Z, Z) + jitter I row by row and turns into L^T.
absl::Status InducingFactor::Factorize(Monitor* monitor) {
  Matrix<double> columns = RegularizedCovariances();
  const int64_t stride = columns.stride();
  const Monitor::Part part(monitor, /*share=*/1, num_panels());
  for (int64_t index = 0; index < num_panels(); ++index) {
    if (!Monitor::Go(monitor, 1)) break;
    CopyEarlierColumns(index, columns);
    RCT_RETURN_IF_ERROR(FactorizeTriangle(index, columns));
    // The solve makes this panel's rows of L^T for all later points.
    const int64_t next = (index + 1) * kPanelRows;
    if (next < stride) {
      simd_->solve_panel(panel(index), stride, stride - next,
                         columns.row(0) + next);
    }
  }
  return Monitor::Check(monitor);
}

Matrix<double> InducingFactor::RegularizedCovariances() const {
  const int64_t m = num_inducing();
  const PointLanes lanes(inducing_.coordinates.view());
  Matrix<double> covariances =
      Matrix<double>::Zeros(num_panels() * kPanelRows, RoundUpToLanes(m));
  for (int64_t r = 0; r < m; ++r) {
    simd_->covariance_row(kernel_.spec(), inducing_.coordinates.row(r),
                          lanes.From(0), m, covariances.row(r));
    covariances(r, r) += rounding_.jitter;
  }
  return covariances;
}

void InducingFactor::CopyEarlierColumns(int64_t index,
                                        const Matrix<double>& columns) {
  const int64_t first = index * kPanelRows;
  double* data = panels_.data() + FactorPanelsSize(index);
  for (int64_t c = 0; c < first; ++c) {
    for (int64_t i = 0; i < kPanelRows; ++i) {
      data[c * kPanelRows + i] =
          first + i < num_inducing() ? columns(c, first + i) : 0.0;
    }
  }
}

absl::Status InducingFactor::FactorizeTriangle(int64_t index,
                                               const Matrix<double>& columns) {
  const int64_t first = index * kPanelRows;
  double* data = panels_.data() + FactorPanelsSize(index);
  for (int64_t i = 0; i < kPanelRows; ++i) {
    const int64_t r = first + i;
    for (int64_t k = 0; k < kPanelRows; ++k) {
      data[(first + k) * kPanelRows + i] = 0;
    }
    if (r >= num_inducing()) {
      data[r * kPanelRows + i] = 1;
      inverse_diagonal_[r] = 1;
      continue;
    }
    for (int64_t k = 0; k <= i; ++k) {
      double value = columns(first + k, r);
      for (int64_t c = 0; c < first + k; ++c) {
        value = std::fma(-data[c * kPanelRows + k], data[c * kPanelRows + i],
                         value);
      }
      if (k < i) {
        data[(first + k) * kPanelRows + i] =
            value * inverse_diagonal_[first + k];
      } else if (value > 0 && std::isfinite(value)) {
        data[r * kPanelRows + i] = std::sqrt(value);
        inverse_diagonal_[r] = 1 / data[r * kPanelRows + i];
      } else {
        return NotPositiveDefinite(r, value);
      }
    }
  }
  return absl::OkStatus();
}

absl::Status InducingFactor::NotPositiveDefinite(int64_t row,
                                                 double pivot) const {
  // From the jitter on for which bounds are proven (rounding.h) the errors of
  // K(Z,Z) and of its factorization are less than the jitter.
  const double errors = 2 * rounding_.FactorizationError() /
                        (rounding_.variance + rounding_.jitter);
  return absl::FailedPreconditionError(absl::StrCat(
      "inducing point ", row,
      inducing_.rows.empty() ? std::string()
                             : absl::StrCat(" (row ", inducing_.rows[row], ")"),
      ": K(Z,Z) + jitter is not positive definite there (pivot ", pivot,
      "); raise the jitter or remove near-duplicate inducing points: a jitter "
      "of ",
      FormatUp(errors / (1 - errors)), " does for any ", num_inducing(),
      " points, and this one is ", rounding_.jitter / rounding_.variance));
}

absl::StatusOr<ResidualPoints> InducingFactor::Project(Matrix<double> points,
                                                       int num_threads,
                                                       Monitor* monitor) const {
  const int64_t n = points.rows();
  ResidualPoints result(std::move(points), num_inducing());
  const PointLanes lanes(std::as_const(result.points).view());
  const int64_t num_chunks = (n + kChunk - 1) / kChunk;
  const int workers = static_cast<int>(
      std::max<int64_t>(1, std::min<int64_t>(num_threads, num_chunks)));
  std::vector<AlignedBuffer<double>> scratch;
  scratch.reserve(workers);
  for (int w = 0; w < workers; ++w) {
    scratch.emplace_back(num_panels() * kPanelRows * kChunk);
  }
  std::atomic<int64_t> first_bad = n;
  ParallelFor(workers, num_chunks, monitor, [&](int64_t chunk, int worker) {
    const int64_t first = chunk * kChunk;
    const int64_t bad = ProjectChunk(lanes, first, std::min(kChunk, n - first),
                                     scratch[worker].data(), result);
    if (bad != -1) LowerTo(bad, first_bad);
  });
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  if (first_bad < n) {
    return absl::FailedPreconditionError(
        absl::StrCat("row ", first_bad.load(),
                     ": its residual factor is not finite; raise the jitter"));
  }
  return result;
}

void InducingFactor::Solve(int64_t stride, int64_t count,
                           double* columns) const {
  for (int64_t index = 0; index < num_panels(); ++index) {
    simd_->solve_panel(panel(index), stride, count, columns);
  }
}

void InducingFactor::SolveTransposed(int64_t stride, int64_t count,
                                     double* columns) const {
  for (int64_t index = num_panels(); index-- > 0;) {
    simd_->solve_transposed_panel(panel(index), stride, count, columns);
  }
}

int64_t InducingFactor::ProjectChunk(const PointLanes& lanes, int64_t first,
                                     int64_t count, double* rhs,
                                     ResidualPoints& result) const {
  const int64_t m = num_inducing();
  for (int64_t r = 0; r < m; ++r) {
    simd_->covariance_row(kernel_.spec(), inducing_.coordinates.row(r),
                          lanes.From(first), count, rhs + r * kChunk);
  }
  std::fill(rhs + m * kChunk, rhs + padded_inducing() * kChunk, 0.0);
  Solve(kChunk, RoundUpToLanes(count), rhs);
  int64_t first_bad = -1;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = first + i;
    double* v = result.v.row(row);
    for (int64_t r = 0; r < m; ++r) v[r] = rhs[r * kChunk + i];
    std::fill(v + m, v + result.v.stride(), 0.0);
    const double squared = SquaredLength(*simd_, v, m);
    result.variance[row] = ResidualVariance(squared);
    result.inverse_sqrt[row] = 1 / std::sqrt(result.variance[row]);
    if (!std::isfinite(squared) && first_bad == -1) first_bad = row;
  }
  return first_bad;
}

absl::StatusOr<ResidualPoints> ResidualPointsFromFactors(
    MatrixView<const double> points, MatrixView<const double> v,
    absl::Span<const double> variance) {
  const int64_t n = points.rows;
  if (v.rows != n || static_cast<int64_t>(variance.size()) != n) {
    return absl::InvalidArgumentError(
        absl::StrCat("factors: ", n, " points, but V has ", v.rows,
                     " rows and the residual variance ", variance.size(),
                     " elements; all must agree"));
  }
  RCT_RETURN_IF_ERROR(ValidateFinite("factors: V", v));
  ResidualPoints result(n, points.cols, v.cols);
  for (int64_t i = 0; i < n; ++i) {
    if (!(variance[i] > 0) || !std::isnormal(variance[i])) {
      return absl::InvalidArgumentError(absl::StrCat(
          "factors: residual variance, row ", i, " is ", variance[i],
          "; must be positive and finite, and not denormal"));
    }
    std::copy_n(points.row(i), points.cols, result.points.row(i));
    double* row = result.v.row(i);
    std::copy_n(v.row(i), v.cols, row);
    std::fill(row + v.cols, row + result.v.stride(), 0.0);
    // If the length is finite, no product of two rows overflows, and no
    // distance is NaN.
    if (!std::isfinite(SquaredLength(BestSimdRoutines(), row, v.cols))) {
      return absl::InvalidArgumentError(absl::StrCat(
          "factors: V, row ", i, ": its squared length overflows"));
    }
    result.variance[i] = variance[i];
    result.inverse_sqrt[i] = 1 / std::sqrt(variance[i]);
  }
  return result;
}

void CheckResidualPoints(const ResidualPoints& points,
                         const InducingFactor* factor, int threads,
                         ArchiveReader& archive) {
  const int64_t n = points.size();
  const absl::Status finite =
      ValidateFinite("array 'points'", points.points.view());
  if (!finite.ok()) archive.Refuse(finite.message()).IgnoreError();
  if (factor != nullptr) {
    archive.Expect(points.v.cols() == factor->num_inducing(), "v",
                   "has not a column for each inducing point");
  }
  if (!archive.status().ok()) return;
  constexpr int64_t kRowsOfTask = 1024;
  const int64_t tasks = (n + kRowsOfTask - 1) / kRowsOfTask;
  std::vector<std::optional<Fault>> faults(tasks);
  std::vector<int64_t> rows(tasks);
  ParallelFor(threads, tasks, [&](int64_t task, int) {
    const int64_t end = std::min(n, (task + 1) * kRowsOfTask);
    for (int64_t i = task * kRowsOfTask; i < end && !faults[task]; ++i) {
      faults[task] = FaultOf(points, i, factor);
      rows[task] = i;
    }
  });
  for (int64_t task = 0; task < tasks; ++task) {
    if (!faults[task].has_value()) continue;
    archive.Expect(false, faults[task]->array,
                   absl::StrCat("row ", rows[task], " ", faults[task]->what));
    return;
  }
}

}  // namespace rct
