#include "tools/python/residual.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/monitor.h"
#include "index/advice.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "tools/python/arguments.h"
#include "tools/python/binding.h"
#include "tools/python/calls.h"
#include "tools/python/errors.h"
#include "tools/python/index_caster.h"
#include "tools/python/model.h"
#include "tools/python/shared_calls.h"
#include "tools/python/signature.h"
#include "tools/python/state.h"
#include "tools/python/vecchia.h"

namespace rct {
namespace {

namespace py = pybind11;

constexpr char kClassDoc[] =
    R"(An index over points: immutable, and safe to share among threads.

Copies are the index itself. pickle keeps all of it, also of one whose file is
mapped, as save() does: the same answers, bit for bit.)";

constexpr char kInitDoc[] =
    R"(Computes the residual factors of the points and builds the index.

points       (n, d) numbers, all finite. Copied into the index.
kernel       "rbf", "matern12", "matern32" or "matern52".
lengthscale  One positive number, or d of them. Unit: that of the coordinates.
variance     k(x, x) > 0.
inducing     What is taken out of the process: an int m for m rows drawn at
             random; "random", "kmeans++", "kmeans" (its centers) or "cover_tree"
             (rows, each the farthest from those before) for num_inducing points
             that are spread over the data; a one-dimensional array of distinct
             row numbers; an (m, d) array of coordinates; or None for nothing.
num_inducing How many, where inducing is a name.
seed         Of the choice, except "cover_tree"; the same on every machine.
jitter       On the diagonal of K(Z, Z), times the variance; > 0.
strategy     "exhaustive", "level_synchronous", "best_first" or "block": the same
             answer at another speed. None is the library's own choice: "block",
             or "exhaustive" where the jitter is too small for its bounds.
threads      0 means all. Changes no answer.

Anything that NumPy makes an array of is one. ValueError and TypeError name what
is wrong, with row and column; RuntimeError where K(Z, Z) cannot be factorized;
MemoryError where there is too little. A UserWarning says where an answer, here
and of all searches, is right and yet of no use: a lengthscale in another unit
than the coordinates, repeated points.)";

constexpr char kRebuildDoc[] =
    R"(An index over the same points under another kernel; this one stays.

Bit for bit what a new index would be, without copying points. All arguments are
as at first. None keeps kernel, lengthscale, variance and jitter; inducing=...
keeps the inducing points, also those that were chosen under another lengthscale,
and anything else, None included, chooses them anew. threads: 0 means all.)";

constexpr char kLoadDoc[] =
    R"(The index that save() or `rct build` wrote: the same answers, bit for bit.

path     str, bytes or os.PathLike. The file is checked in full: ValueError says
         what is wrong with it, OSError why it cannot be read.
map      Leave the arrays in the file, from where they come as they are touched
         and are shared among processes. The file must not be written to or cut
         short while the index lives; replacing it, as save() does, is safe.
threads  0 means all.)";

void SetLengthscale(const py::object& lengthscale, KernelConfig& kernel) {
  const std::vector<double> values = Numbers("lengthscale", lengthscale);
  kernel.mutable_lengthscale()->Assign(values.begin(), values.end());
}

void SetFamily(const py::object& family, KernelConfig& kernel) {
  kernel.set_family(static_cast<KernelConfig::Family>(
      Choose("kernel", family, *KernelConfig::Family_descriptor())));
}

ResidualIndex Build(const py::object& points, const py::object& kernel,
                    const py::object& lengthscale, const py::object& variance,
                    const py::object& inducing, const py::object& num_inducing,
                    const py::object& seed, const py::object& jitter,
                    const py::object& strategy, const py::object& threads) {
  const CArray<double> data = Points("points", points);
  IndexOptions options;
  ResidualConfig& residual = *options.mutable_residual();
  SetFamily(kernel, *residual.mutable_kernel());
  residual.mutable_kernel()->set_variance(Number("variance", variance));
  SetLengthscale(lengthscale, *residual.mutable_kernel());
  *residual.mutable_inducing() = Inducing(inducing, num_inducing, Seed(seed),
                                          data.shape(0), data.shape(1));
  residual.set_jitter(Number("jitter", jitter));
  if (!strategy.is_none()) options.set_strategy(StrategyNamed(strategy));
  options.set_threads(Threads(threads));
  ResidualIndex index = Value(Unlocked([&](Monitor* monitor) {
    return ResidualIndex::Build(View(data), options, monitor);
  }));
  Warn(AdviceOnModel(index.model()));
  return index;
}

ResidualIndex Rebuild(const ResidualIndex& index, const py::object& kernel,
                      const py::object& lengthscale, const py::object& variance,
                      const py::object& inducing,
                      const py::object& num_inducing, const py::object& seed,
                      const py::object& jitter, const py::object& threads) {
  const ResidualModel& model = index.model();
  KernelConfig changed = model.config().kernel();
  if (!kernel.is_none()) SetFamily(kernel, changed);
  if (!lengthscale.is_none()) SetLengthscale(lengthscale, changed);
  if (!variance.is_none()) changed.set_variance(Number("variance", variance));
  const bool keeps = inducing.is(py::ellipsis());
  if (keeps) RefuseWithoutInducing(num_inducing, seed);
  const int num_threads = Threads(threads);
  if (keeps && (jitter.is_none() || model.factor() == nullptr)) {
    return Value(Unlocked([&](Monitor* monitor) {
      return index.Rebuild(changed, num_threads, monitor);
    }));
  }
  ResidualConfig config = keeps ? model.ConfigUnder(changed) : model.config();
  *config.mutable_kernel() = changed;
  if (!jitter.is_none()) config.set_jitter(Number("jitter", jitter));
  if (!keeps) {
    *config.mutable_inducing() =
        Inducing(inducing, num_inducing, seed.is_none() ? 1 : Seed(seed),
                 index.size(), model.metric()->dim());
  }
  return Value(Unlocked([&](Monitor* monitor) {
    return index.Rebuild(config, num_threads, monitor);
  }));
}

ResidualIndex Load(const py::object& path, const py::object& map,
                   const py::object& threads) {
  const std::string name = Path(path);
  LoadOptions options = {.map = Boolean("map", map),
                         .threads = Threads(threads)};
  absl::StatusOr<ResidualIndex> index = Unlocked([&](Monitor* monitor) {
    options.monitor = monitor;
    return ResidualIndex::Load(name, options);
  });
  ThrowUnlessOk(index.status(), name);
  return *std::move(index);
}

}  // namespace

void BindResidualIndex(py::module_& module) {
  using py::arg;
  const Signature signature(
      "ResidualIndex", arg("points"), py::kw_only(), arg("kernel"),
      arg("lengthscale") = 1.0, arg("variance") = 1.0, arg("inducing"),
      arg("num_inducing") = py::none(), arg("seed") = 1, arg("jitter") = 1e-6,
      arg("strategy") = py::none(), arg("threads") = 0);
  IndexClass<ResidualIndex> index(module, "ResidualIndex",
                                  signature.Documented(kClassDoc).c_str());
  Constructor(index, signature, &Build, kInitDoc);
  Method(index, "rebuild", &Rebuild, kRebuildDoc, py::kw_only(),
         arg("kernel") = py::none(), arg("lengthscale") = py::none(),
         arg("variance") = py::none(), arg("inducing") = py::ellipsis(),
         arg("num_inducing") = py::none(), arg("seed") = py::none(),
         arg("jitter") = py::none(), arg("threads") = 0);
  StaticMethod(index, "load", &Load, kLoadDoc, arg("path"), py::kw_only(),
               arg("map") = false, arg("threads") = 0);
  BindSharedCalls(index);
  BindState(index);
  AddModelProperties(index);
  AddVecchia(index);
}

}  // namespace rct
