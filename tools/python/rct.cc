// The Python module `rct`: ResidualIndex over NumPy arrays.
//
// Thin on purpose: shapes and types are checked here, everything else by the
// library, whose errors become exceptions. Arrays of float64 in C order are
// read where they are; answers are views of the library's own tables, which
// live as long as the arrays do. The interpreter's lock is released while the
// library works, and taken some 20 times a second to see whether Ctrl-C was
// pressed.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

namespace py = pybind11;

// C order and this type: in place where the array is so already, a converted
// copy where it is not.
template <class T>
using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

constexpr char kModuleDoc[] =
    R"(Exact nearest neighbors under the residual correlation metric.

For each query, the points most correlated with it under a Gaussian process,
after what the inducing points explain has been taken out:

    >>> import numpy, rct
    >>> points = numpy.random.default_rng(1).normal(size=(1000, 3))
    >>> index = rct.ResidualIndex(points, kernel="matern52", inducing=50)
    >>> rows, distances = index.search([17, 400], k=10)
    >>> rows.shape, int(rows[0, 0]), float(distances[0, 0])
    ((2, 10), 17, 0.0)
    >>> sets, _ = index.graph(k=10, predecessor=True)  # Vecchia
)";

constexpr char kClassDoc[] =
    R"(An index over points: immutable, and safe to share among threads.)";

constexpr char kInitDoc[] =
    R"(Computes the residual factors of the points and builds the index.

points       (n, d) numbers, all finite. Copied into the index.
kernel       "rbf", "matern12", "matern32" or "matern52".
lengthscale  One positive number, or d of them. Unit: that of the coordinates.
variance     k(x, x) > 0.
inducing     What is taken out of the process: an int m for m rows drawn at
             random; a one-dimensional array of distinct row numbers; an (m, d)
             array of coordinates; or None for nothing.
seed         Of the random rows; the same on every machine.
jitter       On the diagonal of K(Z, Z), times the variance; > 0.
strategy     "exhaustive" or another one: the same answer at another speed.
threads      0 means all. Changes no answer.

ValueError names what is wrong, with row and column; RuntimeError where K(Z, Z)
cannot be factorized.)";

constexpr char kSearchDoc[] =
    R"(The k nearest rows to rows of the points.

rows          q row numbers, from 0 to n - 1.
k             Neighbors of each, >= 1.
predecessor   Only rows before the query's own (Vecchia).
exclude_self  A row is no neighbor of itself.
radius        Only neighbors at a distance strictly below it.
allowed       n booleans: which rows may be neighbors. None means all.
threads       0 means all. Changes no answer.

Returns rows, (q, k) int64, and distances, (q, k) float64 in [0, 1], ordered by
(distance, row). Where there are fewer than k: row -1 at distance inf.)";

constexpr char kSearchPointsDoc[] =
    R"(The k nearest rows to new points, (q, d) finite numbers. Returns as search.)";

constexpr char kRangeSearchDoc[] =
    R"(All rows within a radius of rows of the points, however many.

rows, predecessor, exclude_self, allowed and threads as in search.

Returns offsets, (q + 1,) int64, rows, int64, and distances, float64: those of
query i are entries offsets[i] to offsets[i + 1], ordered by (distance, row). So
scipy.sparse.csr_array((distances, rows, offsets), shape=(q, n)) is the matrix of
the distances below the radius.)";

constexpr char kRangeSearchPointsDoc[] =
    R"(All rows within a radius of new points, (q, d). Returns as range_search.)";

constexpr char kGraphDoc[] =
    R"(The k nearest rows to every row, itself excluded. Returns as search, q = n.)";

constexpr char kRebuildDoc[] =
    R"(An index over the same points under another kernel; this one stays.

Bit for bit what a new index would be, without copying points or choosing
inducing points again. kernel, lengthscale and variance are as at first; None
keeps what it is. threads: 0 means all.)";

constexpr char kSaveDoc[] =
    R"(Writes the index to a file, whole or not at all.

threads  0 means all.)";

constexpr char kLoadDoc[] =
    R"(The index that save() or `rct build` wrote: the same answers, bit for bit.

path     Checked in full: ValueError says what is wrong with the file.
map      Leave the arrays in the file, from where they come as they are touched
         and are shared among processes. The file must not be written to or cut
         short while the index lives; replacing it, as save() does, is safe.
threads  0 means all.)";

void ThrowUnlessOk(const absl::Status& status) {
  if (status.ok()) return;
  const std::string message(status.message());
  if (absl::IsInvalidArgument(status)) throw py::value_error(message);
  throw std::runtime_error(message);
}

// Runs the library without the interpreter's lock: call(monitor), where the
// monitor asks for signals. What a signal's handler has raised is the error of
// this thread, in which the monitor calls back.
template <class Call>
auto Unlocked(Call call) {
  Monitor monitor([](double) {
    const py::gil_scoped_acquire acquire;
    return PyErr_CheckSignals() == 0;
  });
  auto result = [&] {
    const py::gil_scoped_release release;
    return call(&monitor);
  }();
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  ThrowUnlessOk(result.status());
  return *std::move(result);
}

// Anything that NumPy makes an array of: one that exists is not copied.
py::array ToArray(const char* name, const py::object& object) {
  py::array array = py::array::ensure(object);
  if (!array) throw py::type_error(absl::StrCat(name, ": is no array"));
  return array;
}

// Floats would become row numbers, and complex numbers real, without a word.
void CheckArray(const char* name, const py::array& array, int dimensions,
                const char* kinds, const char* what) {
  if (array.ndim() == dimensions &&
      absl::StrContains(kinds, array.dtype().kind())) {
    return;
  }
  throw py::type_error(absl::StrCat(
      name, ": must be ", dimensions, "-dimensional, of ", what, "; is ",
      array.ndim(), "-dimensional, of ", std::string(py::str(array.dtype()))));
}

Array<double> Points(const char* name, const py::object& object) {
  const py::array array = ToArray(name, object);
  CheckArray(name, array, 2, "fiu", "real numbers");
  return Array<double>(array);
}

Array<int64_t> Rows(const char* name, const py::object& object) {
  const py::array array = ToArray(name, object);
  // An empty list makes an array of float64.
  if (array.ndim() == 1 && array.size() == 0) return Array<int64_t>(0);
  CheckArray(name, array, 1, "iu", "integers, which are row numbers");
  return Array<int64_t>(array);
}

MatrixView<const double> View(const Array<double>& points) {
  return {points.data(), points.shape(0), points.shape(1)};
}

absl::Span<const int64_t> View(const Array<int64_t>& rows) {
  return {rows.data(), static_cast<size_t>(rows.size())};
}

// n flags; None means that there are none. They live as long as this does.
class Flags {
 public:
  Flags(const char* name, const py::object& object) {
    if (object.is_none()) return;
    const py::array array = ToArray(name, object);
    CheckArray(name, array, 1, "b", "booleans");
    flags_ = Array<bool>(array);
    span_ = absl::MakeConstSpan(flags_.data(), flags_.size());
    // Otherwise it would mean all.
    if (span_.empty()) {
      throw py::value_error(absl::StrCat(name, ": is empty; None means all"));
    }
  }
  absl::Span<const bool> span() const { return span_; }

 private:
  Array<bool> flags_;
  absl::Span<const bool> span_;
};

template <class Enum>
Enum Choose(const char* name, const std::string& choice,
            bool (*parse)(const std::string&, Enum*)) {
  Enum value = Enum();
  if (!parse(absl::AsciiStrToUpper(choice), &value)) {
    throw py::value_error(absl::StrCat(name, ": there is no '", choice, "'"));
  }
  return value;
}

// None, a count, rows or coordinates.
InducingConfig Inducing(const py::object& inducing, uint64_t seed) {
  InducingConfig config;
  if (inducing.is_none()) {
    config.mutable_none();
    return config;
  }
  const py::array array = ToArray("inducing", inducing);
  if (array.ndim() == 0 && absl::StrContains("iu", array.dtype().kind())) {
    config.mutable_random()->set_count(inducing.cast<int64_t>());
    config.mutable_random()->set_seed(seed);
  } else if (array.ndim() == 2) {
    const Array<double> points = Points("inducing", array);
    config.mutable_coordinates()->mutable_value()->Add(
        points.data(), points.data() + points.size());
  } else {
    const Array<int64_t> rows = Rows("inducing", array);
    config.mutable_rows()->mutable_row()->Add(rows.data(),
                                              rows.data() + rows.size());
  }
  return config;
}

// One, or one for each dimension.
using Lengthscale = std::variant<double, std::vector<double>>;

void SetLengthscale(const Lengthscale& lengthscale, KernelConfig& kernel) {
  kernel.clear_lengthscale();
  if (const double* one = std::get_if<double>(&lengthscale)) {
    kernel.add_lengthscale(*one);
  } else {
    const auto& several = std::get<std::vector<double>>(lengthscale);
    kernel.mutable_lengthscale()->Add(several.begin(), several.end());
  }
}

ResidualIndex Build(const py::object& points, const std::string& kernel,
                    const Lengthscale& lengthscale, double variance,
                    const py::object& inducing, uint64_t seed, double jitter,
                    const std::string& strategy, int threads) {
  IndexOptions options;
  ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(
      Choose("kernel", kernel, KernelConfig::Family_Parse));
  residual.mutable_kernel()->set_variance(variance);
  SetLengthscale(lengthscale, *residual.mutable_kernel());
  *residual.mutable_inducing() = Inducing(inducing, seed);
  residual.set_jitter(jitter);
  options.set_strategy(Choose("strategy", strategy, Strategy_Parse));
  options.set_threads(threads);
  const Array<double> data = Points("points", points);
  return Unlocked([&](Monitor* monitor) {
    return ResidualIndex::Build(View(data), options, monitor);
  });
}

ResidualIndex Rebuild(const ResidualIndex& index,
                      const std::optional<std::string>& kernel,
                      const std::optional<Lengthscale>& lengthscale,
                      std::optional<double> variance, int threads) {
  KernelConfig config = index.model().config().kernel();
  if (kernel) {
    config.set_family(Choose("kernel", *kernel, KernelConfig::Family_Parse));
  }
  if (lengthscale) SetLengthscale(*lengthscale, config);
  if (variance) config.set_variance(*variance);
  return Unlocked([&](Monitor* monitor) {
    return index.Rebuild(config, threads, monitor);
  });
}

void Save(const ResidualIndex& index, const std::string& path, int threads) {
  const absl::Status status = [&] {
    const py::gil_scoped_release release;
    return index.Save(path, threads);
  }();
  ThrowUnlessOk(status);
}

ResidualIndex Load(const std::string& path, bool map, int threads) {
  return Unlocked([&](Monitor*) {
    return ResidualIndex::Load(path, {.map = map, .threads = threads});
  });
}

// A view of a matrix that `owner` keeps.
template <class T>
py::array ViewOf(MatrixView<T> matrix, const py::object& owner) {
  return py::array_t<T>({matrix.rows, matrix.cols},
                        {matrix.stride * static_cast<int64_t>(sizeof(T)),
                         static_cast<int64_t>(sizeof(T))},
                        matrix.data, owner);
}

py::tuple ToArrays(SearchResult result) {
  auto table = std::make_unique<NeighborTable>(std::move(result.neighbors));
  NeighborTable* const kept = table.get();
  const py::capsule owner(table.release(), [](void* table) {
    delete static_cast<NeighborTable*>(table);
  });
  return py::make_tuple(ViewOf(kept->rows(), owner),
                        ViewOf(kept->distances(), owner));
}

// A view of a vector that `owner` keeps.
template <class T>
py::array ViewOf(std::vector<T>& values, const py::object& owner) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data(),
                        owner);
}

py::tuple ToArrays(RangeResult result) {
  auto table = std::make_unique<RangeTable>(std::move(result.neighbors));
  RangeTable* const kept = table.get();
  const py::capsule owner(table.release(), [](void* table) {
    delete static_cast<RangeTable*>(table);
  });
  return py::make_tuple(ViewOf(kept->offsets, owner), ViewOf(kept->rows, owner),
                        ViewOf(kept->distances, owner));
}

py::tuple Search(const ResidualIndex& index, const py::object& rows, int64_t k,
                 bool predecessor, bool exclude_self, double radius,
                 const py::object& allowed, int threads) {
  const Array<int64_t> queries = Rows("rows", rows);
  const Flags flags("allowed", allowed);
  return ToArrays(Unlocked([&](Monitor* monitor) {
    return index.Search(View(queries), {.k = k,
                                        .exclude_self = exclude_self,
                                        .predecessor = predecessor,
                                        .radius = radius,
                                        .allowed = flags.span(),
                                        .monitor = monitor,
                                        .threads = threads});
  }));
}

py::tuple SearchPoints(const ResidualIndex& index, const py::object& points,
                       int64_t k, double radius, const py::object& allowed,
                       int threads) {
  const Array<double> queries = Points("points", points);
  const Flags flags("allowed", allowed);
  return ToArrays(Unlocked([&](Monitor* monitor) {
    return index.SearchPoints(View(queries), {.k = k,
                                              .radius = radius,
                                              .allowed = flags.span(),
                                              .monitor = monitor,
                                              .threads = threads});
  }));
}

py::tuple SearchRange(const ResidualIndex& index, const py::object& rows,
                      double radius, bool predecessor, bool exclude_self,
                      const py::object& allowed, int threads) {
  const Array<int64_t> queries = Rows("rows", rows);
  const Flags flags("allowed", allowed);
  return ToArrays(Unlocked([&](Monitor* monitor) {
    return index.RangeSearch(View(queries), radius,
                             {.exclude_self = exclude_self,
                              .predecessor = predecessor,
                              .allowed = flags.span(),
                              .monitor = monitor,
                              .threads = threads});
  }));
}

py::tuple SearchRangePoints(const ResidualIndex& index,
                            const py::object& points, double radius,
                            const py::object& allowed, int threads) {
  const Array<double> queries = Points("points", points);
  const Flags flags("allowed", allowed);
  return ToArrays(Unlocked([&](Monitor* monitor) {
    return index.RangeSearchPoints(
        View(queries), radius,
        {.allowed = flags.span(), .monitor = monitor, .threads = threads});
  }));
}

py::tuple Graph(const ResidualIndex& index, int64_t k, bool predecessor,
                double radius, const py::object& allowed, int threads) {
  const Flags flags("allowed", allowed);
  return ToArrays(Unlocked([&](Monitor* monitor) {
    return index.Graph({.k = k,
                        .predecessor = predecessor,
                        .radius = radius,
                        .allowed = flags.span(),
                        .monitor = monitor,
                        .threads = threads});
  }));
}

}  // namespace

PYBIND11_MODULE(rct, module) {
  using py::arg;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  module.doc() = kModuleDoc;
  py::class_<ResidualIndex>(module, "ResidualIndex", kClassDoc)
      .def(py::init(&Build), kInitDoc, arg("points"), py::kw_only(),
           arg("kernel"), arg("lengthscale") = 1.0, arg("variance") = 1.0,
           arg("inducing"), arg("seed") = 1, arg("jitter") = 1e-6,
           arg("strategy") = "exhaustive", arg("threads") = 0)
      .def("search", &Search, kSearchDoc, arg("rows"), arg("k"), py::kw_only(),
           arg("predecessor") = false, arg("exclude_self") = false,
           arg("radius") = kInfinity, arg("allowed") = py::none(),
           arg("threads") = 0)
      .def("search_points", &SearchPoints, kSearchPointsDoc, arg("points"),
           arg("k"), py::kw_only(), arg("radius") = kInfinity,
           arg("allowed") = py::none(), arg("threads") = 0)
      .def("range_search", &SearchRange, kRangeSearchDoc, arg("rows"),
           arg("radius"), py::kw_only(), arg("predecessor") = false,
           arg("exclude_self") = false, arg("allowed") = py::none(),
           arg("threads") = 0)
      .def("range_search_points", &SearchRangePoints, kRangeSearchPointsDoc,
           arg("points"), arg("radius"), py::kw_only(),
           arg("allowed") = py::none(), arg("threads") = 0)
      .def("graph", &Graph, kGraphDoc, arg("k"), py::kw_only(),
           arg("predecessor") = false, arg("radius") = kInfinity,
           arg("allowed") = py::none(), arg("threads") = 0)
      .def("rebuild", &Rebuild, kRebuildDoc, py::kw_only(),
           arg("kernel") = py::none(), arg("lengthscale") = py::none(),
           arg("variance") = py::none(), arg("threads") = 0)
      .def("save", &Save, kSaveDoc, arg("path"), py::kw_only(),
           arg("threads") = 0)
      .def_static("load", &Load, kLoadDoc, arg("path"), py::kw_only(),
                  arg("map") = false, arg("threads") = 0)
      .def("__len__", &ResidualIndex::size)
      .def("__repr__", [](const ResidualIndex& index) {
        const auto& data = index.model().metric()->data();
        return absl::StrCat("<rct.ResidualIndex of ", data.size(),
                            " points, d = ", data.points.cols(),
                            ", m = ", data.v.cols(), ">");
      });
}

}  // namespace rct
