#include "tools/python/shared_calls.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/advice.h"
#include "index/euclidean_index.h"
#include "index/residual_index.h"
#include "tools/python/arguments.h"
#include "tools/python/binding.h"
#include "tools/python/calls.h"
#include "tools/python/errors.h"
#include "tools/python/index_caster.h"
#include "tools/python/ordering.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

namespace py = pybind11;

constexpr char kSaveDoc[] =
    R"(Writes the index to a file, whole or not at all.

path     str, bytes or os.PathLike. OSError where the system refuses it.
threads  0 means all.)";

constexpr char kStrategyDoc[] = R"(The strategy that is used.)";

constexpr char kSearchDoc[] =
    R"(The k nearest rows to rows of the points.

rows          q row numbers, from 0 to n - 1, or one.
k             Neighbors of each, >= 1.
predecessor   Only rows before the query's own (Vecchia).
exclude_self  A row is no neighbor of itself.
radius        Only neighbors at a distance strictly below it. None means any.
allowed       n booleans: which rows may be neighbors. None means all.
threads       0 means all. Changes no answer.

Returns rows, (q, k) int64, and distances, (q, k) float64, both (k,) for one row
number that is no list, ordered by (distance, row): of repeated points the lower
rows come first, so that a query's own row need not be the first. Where there are fewer than k: row -1 at distance inf. Distances
are in [0, 1], Euclidean ones in lengthscales.)";

constexpr char kSearchPointsDoc[] =
    R"(The k nearest rows to new points, (q, d) finite numbers. Returns as search.)";

constexpr char kRangeSearchDoc[] =
    R"(All rows within a radius of rows of the points, however many.

rows, predecessor, exclude_self, allowed and threads as in search; one row number
is as a list of one. radius: distances are strictly below it.

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
keeps the points, with their factors if they have any, a second time.)";

constexpr char kAppendDoc[] =
    R"(An index over these points followed by more, (q, d); this one stays.

All options stay what they are, and so do inducing points: earlier rows keep their
numbers, their residual factors and, under the predecessor constraint, their
neighbors, bit for bit. New rows begin at len(index). threads: 0 means all.)";

constexpr char kMetricDoc[] =
    R"("residual"; "correlation", where there are no inducing points; or "euclidean".)";

constexpr char kSizeDoc[] = R"(n, the number of points.)";

constexpr char kDimDoc[] = R"(d, the number of coordinates.)";

// What answers of an index are judged by.
template <class Index>
constexpr AdvisedMetric kAdvised = AdvisedMetric::kResidual;
template <>
constexpr AdvisedMetric kAdvised<EuclideanIndex> = AdvisedMetric::kEuclidean;

std::string MetricOf(const ResidualIndex& index) {
  return index.model().metric()->data().v.cols() == 0 ? "correlation"
                                                      : "residual";
}
std::string MetricOf(const EuclideanIndex&) { return "euclidean"; }

int64_t DimOf(const ResidualIndex& index) {
  return index.model().metric()->dim();
}
int64_t DimOf(const EuclideanIndex& index) { return index.dim(); }

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
                 const SearchOptions& options, AdvisedMetric metric) {
  SearchResult found = Value(std::move(result));
  Warn(AdviceOnNeighbors(found.neighbors, options, metric));
  return ToArrays(std::move(found));
}

py::tuple Answer(absl::StatusOr<RangeResult> result,
                 const SearchOptions& options, AdvisedMetric metric) {
  RangeResult found = Value(std::move(result));
  Warn(AdviceOnRange(found.neighbors, options.radius, options, metric));
  return ToArrays(std::move(found));
}

// The arguments that all searches share. The last two are for queries that are
// rows.
struct Limits {
  // None means no limit, unless all neighbors within it are wanted.
  const py::object& radius;
  const py::object& allowed;
  const py::object& threads;
  bool predecessor = false;
  bool exclude_self = false;
};

// Returns the arrays of the answer of search(options). `k` is null where all
// neighbors within the radius are wanted.
template <class Search>
py::tuple Run(AdvisedMetric metric, const py::object* k, const Limits& limits,
              Search search) {
  const Flags flags("allowed", limits.allowed);
  SearchOptions options = {.exclude_self = limits.exclude_self,
                           .predecessor = limits.predecessor,
                           .allowed = flags.span()};
  if (k != nullptr) options.k = Integer("k", *k);
  if (k == nullptr || !limits.radius.is_none()) {
    options.radius = Number("radius", limits.radius);
  }
  options.threads = Threads(limits.threads);
  return Answer(Unlocked([&](Monitor* monitor) {
                  options.monitor = monitor;
                  return search(options);
                }),
                options, metric);
}

template <class Index>
py::tuple Search(const Index& index, const py::object& rows,
                 const py::object& k, const py::object& predecessor,
                 const py::object& exclude_self, const py::object& radius,
                 const py::object& allowed, const py::object& threads) {
  const QueryRows queries = RowsOrRow("rows", rows);
  const py::tuple answer =
      Run(kAdvised<Index>, &k,
          {radius, allowed, threads, Boolean("predecessor", predecessor),
           Boolean("exclude_self", exclude_self)},
          [&](const SearchOptions& options) {
            return index.Search(View(queries.rows), options);
          });
  if (!queries.is_one) return answer;
  return py::make_tuple(answer[0][py::int_(0)], answer[1][py::int_(0)]);
}

template <class Index>
py::tuple SearchPoints(const Index& index, const py::object& points,
                       const py::object& k, const py::object& radius,
                       const py::object& allowed, const py::object& threads) {
  const CArray<double> queries = Points("points", points);
  return Run(kAdvised<Index>, &k, {radius, allowed, threads},
             [&](const SearchOptions& options) {
               return index.SearchPoints(View(queries), options);
             });
}

template <class Index>
py::tuple SearchRange(const Index& index, const py::object& rows,
                      const py::object& radius, const py::object& predecessor,
                      const py::object& exclude_self, const py::object& allowed,
                      const py::object& threads) {
  const QueryRows queries = RowsOrRow("rows", rows);
  return Run(kAdvised<Index>, nullptr,
             {radius, allowed, threads, Boolean("predecessor", predecessor),
              Boolean("exclude_self", exclude_self)},
             [&](const SearchOptions& options) {
               return index.RangeSearch(View(queries.rows), options.radius,
                                        options);
             });
}

template <class Index>
py::tuple SearchRangePoints(const Index& index, const py::object& points,
                            const py::object& radius, const py::object& allowed,
                            const py::object& threads) {
  const CArray<double> queries = Points("points", points);
  return Run(kAdvised<Index>, nullptr, {radius, allowed, threads},
             [&](const SearchOptions& options) {
               return index.RangeSearchPoints(View(queries), options.radius,
                                              options);
             });
}

template <class Index>
py::tuple Graph(const Index& index, const py::object& k,
                const py::object& predecessor, const py::object& order,
                const py::object& radius, const py::object& allowed,
                const py::object& threads) {
  const bool in_order = !order.is_none();
  const bool earlier = Boolean("predecessor", predecessor);
  const std::vector<int64_t> rows = GraphOrder(order, earlier, index, threads);
  return Run(kAdvised<Index>, &k,
             {radius, allowed, threads, earlier, /*exclude_self=*/true},
             [&](const SearchOptions& options) {
               return in_order ? index.Graph(options, rows)
                               : index.Graph(options);
             });
}

template <class Index>
Index Append(const Index& index, const py::object& points,
             const py::object& threads) {
  const CArray<double> added = Points("points", points);
  const int num_threads = Threads(threads);
  return Value(Unlocked([&](Monitor* monitor) {
    return index.Append(View(added), num_threads, monitor);
  }));
}

template <class Index>
void BindSearches(IndexClass<Index>& index) {
  using py::arg;
  Method(index, "search", &Search<Index>, kSearchDoc, arg("rows"), arg("k"),
         py::kw_only(), arg("predecessor") = false, arg("exclude_self") = false,
         arg("radius") = py::none(), arg("allowed") = py::none(),
         arg("threads") = 0);
  Method(index, "search_points", &SearchPoints<Index>, kSearchPointsDoc,
         arg("points"), arg("k"), py::kw_only(), arg("radius") = py::none(),
         arg("allowed") = py::none(), arg("threads") = 0);
  Method(index, "range_search", &SearchRange<Index>, kRangeSearchDoc,
         arg("rows"), arg("radius"), py::kw_only(), arg("predecessor") = false,
         arg("exclude_self") = false, arg("allowed") = py::none(),
         arg("threads") = 0);
  Method(index, "range_search_points", &SearchRangePoints<Index>,
         kRangeSearchPointsDoc, arg("points"), arg("radius"), py::kw_only(),
         arg("allowed") = py::none(), arg("threads") = 0);
  Method(index, "graph", &Graph<Index>, kGraphDoc, arg("k"), py::kw_only(),
         arg("predecessor") = false, arg("order") = py::none(),
         arg("radius") = py::none(), arg("allowed") = py::none(),
         arg("threads") = 0);
}

template <class Index>
void Save(const Index& index, const py::object& path,
          const py::object& threads) {
  const std::string name = Path(path);
  const int num_threads = Threads(threads);
  ThrowUnlessOk(Unlocked([&](Monitor* monitor) {
                  return index.Save(name, num_threads, monitor);
                }),
                name);
}

template <class Index>
std::string StrategyOf(const Index& index) {
  return StrategyName(index.options().strategy());
}

template <class Index>
int64_t SizeOf(const Index& index) {
  return index.size();
}

template <class Index>
void BindAll(IndexClass<Index>& index) {
  using py::arg;
  BindSearches(index);
  Method(index, "append", &Append<Index>, kAppendDoc, arg("points"),
         py::kw_only(), arg("threads") = 0);
  Method(index, "save", &Save<Index>, kSaveDoc, arg("path"), py::kw_only(),
         arg("threads") = 0);
  Property(index, "metric",
           static_cast<std::string (*)(const Index&)>(&MetricOf), kMetricDoc);
  Property(index, "strategy", &StrategyOf<Index>, kStrategyDoc);
  Property(index, "size", &SizeOf<Index>, kSizeDoc);
  Property(index, "dim", static_cast<int64_t (*)(const Index&)>(&DimOf),
           kDimDoc);
  Method(index, "__len__", &SizeOf<Index>, kSizeDoc);
}

}  // namespace

void BindSharedCalls(IndexClass<ResidualIndex>& index) { BindAll(index); }
void BindSharedCalls(IndexClass<EuclideanIndex>& index) { BindAll(index); }

Strategy StrategyNamed(const py::object& name) {
  return static_cast<Strategy>(
      Choose("strategy", name, *Strategy_descriptor()));
}

std::string StrategyName(Strategy strategy) {
  return absl::AsciiStrToLower(Strategy_Name(strategy));
}

std::string NumberText(double number) { return py::repr(py::float_(number)); }

std::string LengthscaleText(const py::array_t<double>& lengthscale) {
  constexpr py::ssize_t kMost = 4;
  const double* const begin = lengthscale.data();
  const double* const end = begin + lengthscale.size();
  if (begin == end) return "[]";
  if (std::all_of(begin, end, [&](double l) { return l == *begin; })) {
    return NumberText(*begin);
  }
  const bool all = lengthscale.size() <= kMost;
  return absl::StrCat(
      "[",
      absl::StrJoin(begin, all ? end : begin + kMost - 1, ", ",
                    [](std::string* out, double l) { *out += NumberText(l); }),
      all ? "" : ", ...", "]");
}

py::array_t<double> LengthscaleArray(
    const google::protobuf::RepeatedField<double>& given, int64_t dim) {
  py::array_t<double> lengthscale(dim);
  for (py::ssize_t t = 0; t < dim; ++t) {
    lengthscale.mutable_at(t) =
        given.empty() ? 1 : given[given.size() == 1 ? 0 : static_cast<int>(t)];
  }
  return lengthscale;
}

}  // namespace rct
