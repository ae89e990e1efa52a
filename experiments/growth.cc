#include "experiments/growth.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

#include "experiments/record.pb.h"
#include "experiments/spread.h"

namespace rct {
namespace {

using Known = RunRecord::Deterministic;
using Timed = RunRecord::Measured;

constexpr int kMinWorkloads = 3;

// Returns whether `same` holds between the first workload and each one.
template <class Same>
bool LikeTheFirst(const Known& known, Same same) {
  return std::all_of(known.workload().begin(), known.workload().end(),
                     [&](const Known::Workload& workload) {
                       return same(known.workload(0), workload);
                     });
}

bool SameSearch(const Known::Workload& a, const Known::Workload& b) {
  return a.dimension() == b.dimension() &&
         std::equal(a.case_().begin(), a.case_().end(), b.case_().begin(),
                    b.case_().end(),
                    [](const Known::Case& x, const Known::Case& y) {
                      return x.name() == y.name() && x.k() == y.k();
                    });
}

bool SamePoints(const Known::Workload& a, const Known::Workload& b) {
  return a.num_points() == b.num_points();
}

bool SameQueries(const Known::Workload& a, const Known::Workload& b) {
  return a.num_queries() == b.num_queries();
}

bool AllRows(const Known::Workload&, const Known::Workload& b) {
  return b.num_queries() == b.num_points();
}

// Returns the workloads ordered by `size`, or nothing if a size is 0 or two
// sizes are equal.
template <class Size>
std::optional<std::vector<int>> Ascending(const Known& known, Size size) {
  const auto of = [&](int w) { return size(known.workload(w)); };
  std::vector<int> order(known.workload_size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int a, int b) { return of(a) < of(b); });
  int64_t last = 0;
  for (const int w : order) {
    if (of(w) <= last) return std::nullopt;
    last = of(w);
  }
  return order;
}

GrowthRow RowOf(const Known::Workload& workload, const Timed::Workload& times,
                int i) {
  const Known::Case& known = workload.case_(i);
  const Timed::Case& timed = times.case_(i);
  const double points = static_cast<double>(workload.num_points());
  const double queries =
      std::max(1.0, static_cast<double>(workload.num_queries()));
  GrowthRow row{.workload = workload.name(),
                .name = known.name(),
                .num_points = workload.num_points(),
                .num_inducing = workload.num_inducing()};
  row.search_evaluations =
      static_cast<double>(known.counters().distance_evaluations()) / queries;
  row.index_evaluations =
      static_cast<double>(known.build_distance_evaluations()) / points;
  row.index_bytes = static_cast<double>(known.build_bytes()) / points;
  row.factor_bytes = static_cast<double>(sizeof(double)) *
                     static_cast<double>(row.num_inducing);

  const bool pass =
      std::all_of(known.verdict().begin(), known.verdict().end(),
                  [](const Known::Verdict& verdict) { return verdict.pass(); });
  row.timed = pass && !timed.search_seconds().empty();
  if (row.timed) {
    row.factor_us = 1e6 * SpreadOf(times.factor_seconds()).median / points;
    row.index_us = 1e6 * SpreadOf(timed.index_seconds()).median / points;
    row.search_us = 1e6 * SpreadOf(timed.search_seconds()).median / queries;
  }
  return row;
}

}  // namespace

std::optional<Growth> GrowthOf(const RunRecord& record) {
  const Known& known = record.deterministic();
  if (known.workload_size() < kMinWorkloads ||
      known.workload(0).case_().empty() || !LikeTheFirst(known, SameSearch) ||
      !(LikeTheFirst(known, SameQueries) || LikeTheFirst(known, AllRows))) {
    return std::nullopt;
  }
  Growth growth;
  std::optional<std::vector<int>> order =
      Ascending(known, [](const Known::Workload& w) { return w.num_points(); });
  growth.of_points = order.has_value();
  if (!order && LikeTheFirst(known, SamePoints)) {
    order = Ascending(
        known, [](const Known::Workload& w) { return w.num_inducing(); });
  }
  if (!order || known.workload(0).num_points() == 0) return std::nullopt;
  growth.cases.resize(known.workload(0).case__size());
  for (size_t i = 0; i < growth.cases.size(); ++i) {
    for (const int w : *order) {
      growth.cases[i].push_back(RowOf(known.workload(w),
                                      record.measured().workload(w),
                                      static_cast<int>(i)));
    }
  }
  return growth;
}

}  // namespace rct
