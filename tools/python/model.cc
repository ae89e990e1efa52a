#include "tools/python/model.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "index/residual_index.h"
#include "metric/inducing_points.h"
#include "metric/metric.pb.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "tools/python/binding.h"
#include "tools/python/index_caster.h"
#include "tools/python/shared_calls.h"
#include "tools/python/views.h"

namespace rct {
namespace {

namespace py = pybind11;

constexpr char kPointsDoc[] =
    R"(The coordinates of the points, (n, d): a read-only view.)";

constexpr char kNumInducingDoc[] = R"(m, the number of inducing points.)";

constexpr char kInducingDoc[] =
    R"(The coordinates of the inducing points, (m, d): a read-only view.

None for an index whose V and p came from elsewhere.)";

constexpr char kInducingRowsDoc[] =
    R"(The rows that are the inducing points, (m,) int64: a read-only view.

In the order in which they were given or chosen. None where the inducing points
are no rows.)";

constexpr char kFactorsDoc[] =
    R"(V, (n, m): a read-only view.

k(x_i, x_j) - V[i] @ V[j] is the covariance that remains.)";

constexpr char kResidualVarianceDoc[] =
    R"(p, (n,), what remains of each point's variance: a read-only view.)";

constexpr char kKernelDoc[] = R"(The name of the kernel.)";

constexpr char kLengthscaleDoc[] =
    R"(The lengthscale of each coordinate, (d,): a copy.)";

constexpr char kVarianceDoc[] = R"(k(x, x).)";

constexpr char kJitterDoc[] =
    R"(On the diagonal of K(Z, Z), times the variance.

None for an index whose V and p came from elsewhere.)";

const ResidualModel& ModelOf(const py::object& index) {
  return index.cast<const ResidualIndex&>().model();
}

py::object Points(const py::object& index) {
  return ViewOf(ModelOf(index).metric()->data().points.view(), index);
}

py::object Inducing(const py::object& index) {
  const InducingFactor* const factor = ModelOf(index).factor();
  if (factor == nullptr) return py::none();
  return ViewOf(factor->inducing().coordinates.view(), index);
}

py::object InducingRows(const py::object& index) {
  const InducingFactor* const factor = ModelOf(index).factor();
  if (factor == nullptr) return py::none();
  const std::vector<int64_t>& rows = factor->inducing().rows;
  if (rows.empty() && factor->num_inducing() > 0) return py::none();
  return ViewOf(absl::MakeConstSpan(rows), index);
}

py::object Factors(const py::object& index) {
  return ViewOf(ModelOf(index).metric()->data().v.view(), index);
}

py::object ResidualVariance(const py::object& index) {
  return ViewOf(ModelOf(index).metric()->data().variance.span(), index);
}

std::string KernelName(const ResidualIndex& index) {
  return absl::AsciiStrToLower(
      KernelConfig::Family_Name(index.model().config().kernel().family()));
}

py::array_t<double> Lengthscale(const ResidualIndex& index) {
  return LengthscaleArray(index.model().config().kernel().lengthscale(),
                          index.model().metric()->dim());
}

double Variance(const ResidualIndex& index) {
  return index.model().config().kernel().variance();
}

int64_t NumInducing(const ResidualIndex& index) {
  return index.model().metric()->data().v.cols();
}

py::object Jitter(const ResidualIndex& index) {
  if (index.model().factor() == nullptr) return py::none();
  return py::float_(index.model().config().jitter());
}

std::string Describe(const ResidualIndex& index) {
  const double variance = Variance(index);
  return absl::StrCat(
      "<rct.ResidualIndex of ", index.size(),
      " points, d = ", index.model().metric()->dim(),
      ", m = ", NumInducing(index), ", kernel '", KernelName(index),
      "', lengthscale = ", LengthscaleText(Lengthscale(index)),
      variance == 1 ? "" : absl::StrCat(", variance = ", NumberText(variance)),
      ", strategy '", StrategyName(index.options().strategy()), "'>");
}

}  // namespace

void AddModelProperties(IndexClass<ResidualIndex>& index) {
  Property(index, "points", &Points, kPointsDoc);
  Property(index, "kernel", &KernelName, kKernelDoc);
  Property(index, "lengthscale", &Lengthscale, kLengthscaleDoc);
  Property(index, "variance", &Variance, kVarianceDoc);
  Property(index, "inducing", &Inducing, kInducingDoc);
  Property(index, "inducing_rows", &InducingRows, kInducingRowsDoc);
  Property(index, "num_inducing", &NumInducing, kNumInducingDoc);
  Property(index, "jitter", &Jitter, kJitterDoc);
  Property(index, "factors", &Factors, kFactorsDoc);
  Property(index, "residual_variance", &ResidualVariance, kResidualVarianceDoc);
  Method(index, "__repr__", &Describe, kReprDoc);
}

}  // namespace rct
