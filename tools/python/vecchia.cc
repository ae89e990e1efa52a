#include "tools/python/vecchia.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/residual_index.h"
#include "index/vecchia/vecchia_factor.h"
#include "index/vecchia/vecchia_model.h"
#include "tools/python/arguments.h"
#include "tools/python/binding.h"
#include "tools/python/calls.h"
#include "tools/python/errors.h"
#include "tools/python/index_caster.h"
#include "tools/python/ordering.h"
#include "tools/python/refusals.h"
#include "tools/python/scalars.h"
#include "tools/python/signature.h"
#include "tools/python/views.h"

template <>
class pybind11::detail::type_caster<rct::VecchiaModel>
    : public rct::IndexCaster<rct::VecchiaModel> {};

namespace rct {
namespace {

namespace py = pybind11;

constexpr char kVecchiaDoc[] =
    R"(A Gaussian process model of observations at the rows of this index.

y = f(x) + noise, where f has mean 0 and the kernel of the index. The low-rank
part of f is kept as it is, and Vecchia's approximation replaces the residual
process and the noise (the full-scale approximation); without inducing points it
replaces f. With k = len(index) - 1 the model is exact.

k        The size of conditioning sets: each row's k nearest earlier rows; and
         those of new points. 0 means none.
noise    The variance of the noise (the nugget), >= 0.
order    What "earlier" means, as in graph(): "maxmin" is the usual choice.
sets     Conditioning sets from elsewhere, (n, any) row numbers padded with -1,
         each row earlier than its own in the order; k is then for new points.
threads  Of this call and of those of the model. 0 means all. Changes no bit.

RuntimeError where float64 cannot tell a row from its set, as where places are
repeated and there is no noise.)";

constexpr char kClassDoc[] =
    R"(A Gaussian process model by Vecchia's approximation: ResidualIndex.vecchia().

    >>> import numpy, rct
    >>> points = numpy.random.default_rng(1).uniform(size=(500, 2))
    >>> y = numpy.sin(6 * points[:, 0]) + points[:, 1]
    >>> index = rct.ResidualIndex(points, kernel="matern32", lengthscale=0.5,
    ...                           inducing="kmeans++", num_inducing=20)
    >>> model = index.vecchia(k=15, noise=0.01, order="maxmin")
    >>> likelihood = model.log_likelihood(y)
    >>> mean, variance = model.predict([[0.5, 0.5]], y)
    >>> round(float(mean[0]), 1)
    0.6

It is immutable, and safe to share among threads.)";

constexpr char kInitDoc[] =
    R"(The model that index.vecchia(k, noise, ...) makes.)";

constexpr char kLogLikelihoodDoc[] =
    R"(The logarithm of the density of n observations, finite numbers.)";

constexpr char kPredictDoc[] =
    R"(The process at new points, (q, d), given n observations.

Returns its mean and its variance, (q,) each. An observation at a new point has
the variance of the noise on top of it. Points are predicted one by one.)";

constexpr char kSolveDoc[] =
    R"(The inverse of the model's covariance matrix of observations, times y: (n,).)";

constexpr char kBDoc[] =
    R"(B of the sparse factor, (n, n): a scipy.sparse.csr_array.

B.T @ diag(1 / D) @ B is the inverse of the covariance of the residual process
with noise. Row i has 1 at i, and minus the weights of its conditioning set. The
matrix of all observations is index.factors @ index.factors.T plus that
covariance. ImportError without SciPy.)";

constexpr char kKDoc[] = R"(The size of conditioning sets of new points.)";

constexpr char kNoiseDoc[] = R"(The variance of the noise.)";

constexpr char kIndexDoc[] = R"(The index, which the model shares.)";

constexpr char kReprDoc[] = R"(What the model is.)";

constexpr char kDDoc[] =
    R"(The conditional variances D of the sparse factor, (n,): a read-only view.)";

// Returns conditioning sets, (n, any) row numbers.
CArray<int64_t> Sets(const py::object& object) {
  const py::module_ numpy = py::module_::import("numpy");
  const int dimensions = numpy.attr("ndim")(object).cast<int>();
  if (dimensions != 2) {
    throw py::type_error(absl::StrCat(
        "sets: must be 2-dimensional, the set of a row in each "
        "row; has ",
        dimensions, dimensions == 1 ? " dimension" : " dimensions"));
  }
  const py::tuple shape = numpy.attr("shape")(object);
  CArray<int64_t> rows = Rows("sets", numpy.attr("ravel")(object));
  return rows.reshape(
      {shape[0].cast<py::ssize_t>(), shape[1].cast<py::ssize_t>()});
}

VecchiaModel Make(const ResidualIndex& index, const py::object& k,
                  const py::object& noise, const py::object& order,
                  const py::object& sets, const py::object& threads) {
  VecchiaOptions options;
  options.k = Integer("k", k);
  options.noise = Number("noise", noise);
  options.threads = Threads(threads);
  const std::vector<int64_t> rows =
      GraphOrder(order, /*predecessor=*/true, index, threads);
  options.order = rows;
  if (sets.is_none()) {
    return Value(Unlocked([&](Monitor* monitor) {
      options.monitor = monitor;
      return VecchiaModel::Create(index, options);
    }));
  }
  const CArray<int64_t> given = Sets(sets);
  const MatrixView<const int64_t> view(given.data(), given.shape(0),
                                       given.shape(1));
  return Value(Unlocked([&](Monitor* monitor) {
    options.monitor = monitor;
    return VecchiaModel::FromSets(index, view, options);
  }));
}

VecchiaModel Build(const py::object& index, const py::object& k,
                   const py::object& noise, const py::object& order,
                   const py::object& sets, const py::object& threads) {
  if (!py::isinstance<ResidualIndex>(index)) {
    throw py::type_error(
        absl::StrCat("index: must be a ResidualIndex, which has a kernel; is ",
                     TypeName(index)));
  }
  return Make(index.cast<const ResidualIndex&>(), k, noise, order, sets,
              threads);
}

double LogLikelihood(const VecchiaModel& model, const py::object& y) {
  const std::vector<double> observations = Numbers("y", y);
  return Value(
      Unlocked([&](Monitor*) { return model.LogLikelihood(observations); }));
}

// Returns an array with a copy of the numbers.
py::array_t<double> ToArray(const std::vector<double>& values) {
  return py::array_t<double>(static_cast<py::ssize_t>(values.size()),
                             values.data());
}

py::tuple Predict(const VecchiaModel& model, const py::object& points,
                  const py::object& y) {
  const CArray<double> queries = Points("points", points);
  const std::vector<double> observations = Numbers("y", y);
  const VecchiaPrediction found = Value(Unlocked([&](Monitor* monitor) {
    return model.Predict(View(queries), observations, monitor);
  }));
  return py::make_tuple(ToArray(found.mean), ToArray(found.variance));
}

py::array_t<double> Solve(const VecchiaModel& model, const py::object& y) {
  const std::vector<double> observations = Numbers("y", y);
  return ToArray(
      Value(Unlocked([&](Monitor*) { return model.Solve(observations); })));
}

py::object B(const py::object& self) {
  const auto& model = self.cast<const VecchiaModel&>();
  const SparseMatrix& b = model.factor().b;
  return py::module_::import("scipy.sparse")
      .attr("csr_array")(
          py::make_tuple(ViewOf(absl::MakeConstSpan(b.values), self),
                         ViewOf(absl::MakeConstSpan(b.columns), self),
                         ViewOf(absl::MakeConstSpan(b.offsets), self)),
          py::arg("shape") = py::make_tuple(b.size(), b.size()));
}

py::object D(const py::object& self) {
  return ViewOf(
      absl::MakeConstSpan(self.cast<const VecchiaModel&>().factor().d), self);
}

int64_t K(const VecchiaModel& model) { return model.k(); }

double Noise(const VecchiaModel& model) { return model.noise(); }

py::object IndexOf(const py::object& self) {
  return py::cast(self.cast<const VecchiaModel&>().index(),
                  py::return_value_policy::copy);
}

std::string Describe(const VecchiaModel& model) {
  return absl::StrCat("<rct.VecchiaModel of ", model.size(),
                      " points, k = ", model.k(), ", noise = ", model.noise(),
                      ">");
}

}  // namespace

void BindVecchiaModel(py::module_& module) {
  using py::arg;
  const Signature signature("VecchiaModel", arg("index"), arg("k") = 20,
                            arg("noise") = 0.0, py::kw_only(),
                            arg("order") = py::none(), arg("sets") = py::none(),
                            arg("threads") = 0);
  py::class_<VecchiaModel> model(module, "VecchiaModel",
                                 signature.Documented(kClassDoc).c_str());
  Constructor(model, signature, &Build, kInitDoc);
  Method(model, "log_likelihood", &LogLikelihood, kLogLikelihoodDoc, arg("y"));
  Method(model, "predict", &Predict, kPredictDoc, arg("points"), arg("y"));
  Method(model, "solve", &Solve, kSolveDoc, arg("y"));
  Method(model, "__repr__", &Describe, kReprDoc);
  Property(model, "B", &B, kBDoc);
  Property(model, "D", &D, kDDoc);
  Property(model, "k", &K, kKDoc);
  Property(model, "noise", &Noise, kNoiseDoc);
  Property(model, "index", &IndexOf, kIndexDoc);
}

void AddVecchia(IndexClass<ResidualIndex>& index) {
  using py::arg;
  Method(index, "vecchia", &Make, kVecchiaDoc, arg("k") = 20,
         arg("noise") = 0.0, py::kw_only(), arg("order") = py::none(),
         arg("sets") = py::none(), arg("threads") = 0);
}

}  // namespace rct
