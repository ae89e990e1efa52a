// The Python module `rct`: ResidualIndex over NumPy arrays.
//
// The module is a thin layer. It checks shapes and types (arguments.h); the
// library checks everything else, and its errors become exceptions (errors.h).
// Answers are views of the library's own tables, which live as long as the
// arrays. The interpreter's lock is released while the library works (calls.h).

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/advice.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "tools/python/arguments.h"
#include "tools/python/calls.h"
#include "tools/python/errors.h"
#include "tools/python/index_caster.h"
#include "tools/python/model.h"
#include "tools/python/ordering.h"
#include "tools/python/places.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

namespace py = pybind11;

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

constexpr char kStrategyDoc[] = R"(The strategy that is used.)";

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
(distance, row): of repeated points the lower rows come first, so that a query's
own row need not be the first. Where there are fewer than k: row -1 at distance inf.)";

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
    R"(The k nearest rows to every row, itself excluded. Returns as search, q = n.

order   What "before" means for predecessor. None: the order of the rows. Or the
        name of a method of rct.order(), in units of the lengthscale. Or all n
        row numbers in an order, as rct.order() returns them.

Of neighbors at one distance the earlier one comes first. Row i of the answer
belongs to row i of the points in any order. While it runs, a call with an order
keeps the points and their factors a second time.)";

constexpr char kRebuildDoc[] =
    R"(An index over the same points under another kernel; this one stays.

Bit for bit what a new index would be, without copying points. All arguments are
as at first. None keeps kernel, lengthscale, variance and jitter; inducing=...
keeps the inducing points, also those that were chosen under another lengthscale,
and anything else, None included, chooses them anew. threads: 0 means all.)";

constexpr char kAppendDoc[] =
    R"(An index over these points followed by more, (q, d); this one stays.

The inducing points stay what they are, so that earlier rows keep their residual
factors and, under the predecessor constraint, their neighbors, bit for bit. New
rows begin at len(index). threads: 0 means all.)";

constexpr char kSaveDoc[] =
    R"(Writes the index to a file, whole or not at all.

path     str, bytes or os.PathLike. OSError where the system refuses it.
threads  0 means all.)";

constexpr char kLoadDoc[] =
    R"(The index that save() or `rct build` wrote: the same answers, bit for bit.

path     str, bytes or os.PathLike. The file is checked in full: ValueError says
         what is wrong with it, OSError why it cannot be read.
map      Leave the arrays in the file, from where they come as they are touched
         and are shared among processes. The file must not be written to or cut
         short while the index lives; replacing it, as save() does, is safe.
threads  0 means all.)";

template <class T>
T Value(absl::StatusOr<T> result) {
  ThrowUnlessOk(result.status());
  return *std::move(result);
}

void SetLengthscale(const py::object& lengthscale, KernelConfig& kernel) {
  const std::vector<double> values = Numbers("lengthscale", lengthscale);
  kernel.mutable_lengthscale()->Assign(values.begin(), values.end());
}

void SetFamily(const std::string& family, KernelConfig& kernel) {
  kernel.set_family(static_cast<KernelConfig::Family>(
      Choose("kernel", family, *KernelConfig::Family_descriptor())));
}

ResidualIndex Build(const py::object& points, const std::string& kernel,
                    const py::object& lengthscale, const py::object& variance,
                    const py::object& inducing, const py::object& num_inducing,
                    const py::object& seed, const py::object& jitter,
                    const std::optional<std::string>& strategy,
                    const py::object& threads) {
  const CArray<double> data = Points("points", points);
  IndexOptions options;
  ResidualConfig& residual = *options.mutable_residual();
  SetFamily(kernel, *residual.mutable_kernel());
  residual.mutable_kernel()->set_variance(Number("variance", variance));
  SetLengthscale(lengthscale, *residual.mutable_kernel());
  *residual.mutable_inducing() = Inducing(inducing, num_inducing, Seed(seed),
                                          data.shape(0), data.shape(1));
  residual.set_jitter(Number("jitter", jitter));
  if (strategy) {
    options.set_strategy(static_cast<Strategy>(
        Choose("strategy", *strategy, *Strategy_descriptor())));
  }
  options.set_threads(Threads(threads));
  ResidualIndex index = Value(Unlocked([&](Monitor* monitor) {
    return ResidualIndex::Build(View(data), options, monitor);
  }));
  Warn(AdviceOnModel(index.model()));
  return index;
}

ResidualIndex Rebuild(const ResidualIndex& index,
                      const std::optional<std::string>& kernel,
                      const py::object& lengthscale, const py::object& variance,
                      const py::object& inducing,
                      const py::object& num_inducing, const py::object& seed,
                      const py::object& jitter, const py::object& threads) {
  const ResidualModel& model = index.model();
  KernelConfig changed = model.config().kernel();
  if (kernel) SetFamily(*kernel, changed);
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

ResidualIndex Append(const ResidualIndex& index, const py::object& points,
                     const py::object& threads) {
  const CArray<double> added = Points("points", points);
  const int num_threads = Threads(threads);
  return Value(Unlocked([&](Monitor* monitor) {
    return index.Append(View(added), num_threads, monitor);
  }));
}

void Save(const ResidualIndex& index, const py::object& path,
          const py::object& threads) {
  const std::string name = Path(path);
  const int num_threads = Threads(threads);
  ThrowUnlessOk(Unlocked([&](Monitor* monitor) {
                  return index.Save(name, num_threads, monitor);
                }),
                name);
}

ResidualIndex Load(const py::object& path, bool map,
                   const py::object& threads) {
  const std::string name = Path(path);
  LoadOptions options = {.map = map, .threads = Threads(threads)};
  absl::StatusOr<ResidualIndex> index = Unlocked([&](Monitor* monitor) {
    options.monitor = monitor;
    return ResidualIndex::Load(name, options);
  });
  ThrowUnlessOk(index.status(), name);
  return *std::move(index);
}

// Returns a view of a matrix that `owner` keeps alive.
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

// Returns a view of a vector that `owner` keeps alive.
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

// Converts answers to arrays, after a warning where they mean nothing.

py::tuple Answer(absl::StatusOr<SearchResult> result,
                 const SearchOptions& options) {
  SearchResult found = Value(std::move(result));
  Warn(AdviceOnNeighbors(found.neighbors, options, AdvisedMetric::kResidual));
  return ToArrays(std::move(found));
}

py::tuple Answer(absl::StatusOr<RangeResult> result,
                 const SearchOptions& options) {
  RangeResult found = Value(std::move(result));
  Warn(AdviceOnRange(found.neighbors, options.radius, options,
                     AdvisedMetric::kResidual));
  return ToArrays(std::move(found));
}

// The arguments that all searches share. The last two are for queries that are
// rows.
struct Limits {
  const py::object& radius;
  const py::object& allowed;
  const py::object& threads;
  bool predecessor = false;
  bool exclude_self = false;
};

// Returns the arrays of the answer of search(options). `k` is null where all
// neighbors within the radius are wanted.
template <class Search>
py::tuple Run(const py::object* k, const Limits& limits, Search search) {
  const Flags flags("allowed", limits.allowed);
  SearchOptions options = {.exclude_self = limits.exclude_self,
                           .predecessor = limits.predecessor,
                           .allowed = flags.span()};
  if (k != nullptr) options.k = Integer("k", *k);
  options.radius = Number("radius", limits.radius);
  options.threads = Threads(limits.threads);
  return Answer(Unlocked([&](Monitor* monitor) {
                  options.monitor = monitor;
                  return search(options);
                }),
                options);
}

py::tuple Search(const ResidualIndex& index, const py::object& rows,
                 const py::object& k, bool predecessor, bool exclude_self,
                 const py::object& radius, const py::object& allowed,
                 const py::object& threads) {
  const CArray<int64_t> queries = Rows("rows", rows);
  return Run(&k, {radius, allowed, threads, predecessor, exclude_self},
             [&](const SearchOptions& options) {
               return index.Search(View(queries), options);
             });
}

py::tuple SearchPoints(const ResidualIndex& index, const py::object& points,
                       const py::object& k, const py::object& radius,
                       const py::object& allowed, const py::object& threads) {
  const CArray<double> queries = Points("points", points);
  return Run(&k, {radius, allowed, threads}, [&](const SearchOptions& options) {
    return index.SearchPoints(View(queries), options);
  });
}

py::tuple SearchRange(const ResidualIndex& index, const py::object& rows,
                      const py::object& radius, bool predecessor,
                      bool exclude_self, const py::object& allowed,
                      const py::object& threads) {
  const CArray<int64_t> queries = Rows("rows", rows);
  return Run(nullptr, {radius, allowed, threads, predecessor, exclude_self},
             [&](const SearchOptions& options) {
               return index.RangeSearch(View(queries), options.radius, options);
             });
}

py::tuple SearchRangePoints(const ResidualIndex& index,
                            const py::object& points, const py::object& radius,
                            const py::object& allowed,
                            const py::object& threads) {
  const CArray<double> queries = Points("points", points);
  return Run(
      nullptr, {radius, allowed, threads}, [&](const SearchOptions& options) {
        return index.RangeSearchPoints(View(queries), options.radius, options);
      });
}

py::tuple Graph(const ResidualIndex& index, const py::object& k,
                bool predecessor, const py::object& order,
                const py::object& radius, const py::object& allowed,
                const py::object& threads) {
  const bool in_order = !order.is_none();
  const std::vector<int64_t> rows =
      GraphOrder(order, predecessor, index, threads);
  return Run(&k, {radius, allowed, threads, predecessor, /*exclude_self=*/true},
             [&](const SearchOptions& options) {
               return in_order ? index.Graph(options, rows)
                               : index.Graph(options);
             });
}

std::string StrategyOf(const ResidualIndex& index) {
  return absl::AsciiStrToLower(Strategy_Name(index.options().strategy()));
}

}  // namespace

PYBIND11_MODULE(rct, module) {
  using py::arg;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  module.doc() = kModuleDoc;
  WatchTheEnd();
  BindOrdering(module);
  BindPlaces(module);
  py::class_<ResidualIndex> index(module, "ResidualIndex", kClassDoc);
  index
      .def(py::init(&Build), kInitDoc, arg("points"), py::kw_only(),
           arg("kernel"), arg("lengthscale") = 1.0, arg("variance") = 1.0,
           arg("inducing"), arg("num_inducing") = py::none(), arg("seed") = 1,
           arg("jitter") = 1e-6, arg("strategy") = py::none(),
           arg("threads") = 0)
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
           arg("predecessor") = false, arg("order") = py::none(),
           arg("radius") = kInfinity, arg("allowed") = py::none(),
           arg("threads") = 0)
      .def("rebuild", &Rebuild, kRebuildDoc, py::kw_only(),
           arg("kernel") = py::none(), arg("lengthscale") = py::none(),
           arg("variance") = py::none(), arg("inducing") = py::ellipsis(),
           arg("num_inducing") = py::none(), arg("seed") = py::none(),
           arg("jitter") = py::none(), arg("threads") = 0)
      .def("append", &Append, kAppendDoc, arg("points"), py::kw_only(),
           arg("threads") = 0)
      .def("save", &Save, kSaveDoc, arg("path"), py::kw_only(),
           arg("threads") = 0)
      .def_static("load", &Load, kLoadDoc, arg("path"), py::kw_only(),
                  arg("map") = false, arg("threads") = 0)
      .def_property_readonly("strategy", &StrategyOf, kStrategyDoc)
      .def("__len__", &ResidualIndex::size)
      .def("__repr__", [](const ResidualIndex& index) {
        const auto& data = index.model().metric()->data();
        return absl::StrCat("<rct.ResidualIndex of ", data.size(),
                            " points, d = ", data.points.cols(),
                            ", m = ", data.v.cols(), ">");
      });
  AddModelProperties(index);
}

}  // namespace rct
