// Skeleton bounds against exhaustive search, on the workloads of
// docs/performance.md.
//
//     ./tools/bazel run //traversal/block:skeleton_bound_benchmark --
//         [workload] [n] [m] [k] [form] [block size] [rms residual]
//         [repetitions] [whole|-] [predecessor]
//
// Both sides search the same queries on the same factors with two threads,
// taking turns; times are the smallest of the repetitions, and every answer is
// compared bit for bit. The form is TABLES, PROJECTIONS or DENSE: AUTO would
// make its index within a search, which the smallest time leaves out.
// Exhaustive search of all rows is timed on a sample of them unless n is small;
// the answers compared are then those of the sample, or of all rows by `whole`.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/lazy_skeletons.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_searcher.h"
#include "traversal/build_phase.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int kThreads = 2;

// Returns the processor time of all threads together, over their number: other
// programs on the machine disturb it less than the time on the clock.
double Seconds(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / kThreads;
}

struct Workload {
  const char* name;
  KernelConfig::Family family;
  double lengthscale;
  PointSet points;
};

constexpr Workload kWorkloads[] = {
    {"rbf", KernelConfig::RBF, 1, PointSet::kNormal},
    {"rbf_cube", KernelConfig::RBF, 0.2, PointSet::kUniformCube},
    {"matern52", KernelConfig::MATERN52, 1, PointSet::kNormal},
    {"matern52_cube", KernelConfig::MATERN52, 0.3, PointSet::kUniformCube},
};

struct Arguments {
  const Workload* workload = nullptr;
  int64_t n, m, k;
  SkeletonBoundConfig config;
  int repetitions;
  bool whole;
  bool predecessor;
};

Arguments Parse(int argc, char** argv) {
  const auto argument = [&](int i, const char* fallback) {
    return argc > i ? std::string(argv[i]) : std::string(fallback);
  };
  Arguments arguments;
  for (const Workload& candidate : kWorkloads) {
    if (argument(1, "rbf") == candidate.name) arguments.workload = &candidate;
  }
  RCT_CHECK(arguments.workload != nullptr);
  arguments.n = std::atoll(argument(2, "32768").c_str());
  arguments.m = std::atoll(argument(3, "512").c_str());
  arguments.k = std::atoll(argument(4, "50").c_str());
  SkeletonBoundConfig::Form form;
  RCT_CHECK(SkeletonBoundConfig::Form_Parse(argument(5, "TABLES"), &form));
  RCT_CHECK(form != SkeletonBoundConfig::AUTO);
  arguments.config.set_form(form);
  arguments.config.set_block_size(std::atoi(argument(6, "0").c_str()));
  arguments.config.set_rms_residual(std::atof(argument(7, "0").c_str()));
  arguments.repetitions = std::atoi(argument(8, "3").c_str());
  arguments.whole = argument(9, "") == "whole";
  arguments.predecessor = argument(10, "") == "predecessor";
  return arguments;
}

// The phases, by whose names skeleton_phases.awk tells samples apart.

__attribute__((noinline)) std::shared_ptr<const ResidualCorrelation> MakeModel(
    const Arguments& arguments, const Matrix<double>& points) {
  ResidualConfig residual;
  residual.mutable_kernel()->set_family(arguments.workload->family);
  residual.mutable_kernel()->add_lengthscale(arguments.workload->lengthscale);
  residual.mutable_inducing()->mutable_random()->set_count(arguments.m);
  const Kernel kernel = *Kernel::Create(residual.kernel(), 3);
  const InducingFactor factor = *InducingFactor::Create(
      kernel, *SelectInducingPoints(residual.inducing(), points.view()),
      residual);
  return std::make_shared<const ResidualCorrelation>(
      kernel, *factor.Project(points.view(), kThreads), factor.rounding());
}

__attribute__((noinline)) std::unique_ptr<const SkeletonSearcher> BuildIndex(
    const Arguments& arguments,
    const std::shared_ptr<const ResidualCorrelation>& metric) {
  return *SkeletonSearcher::Create(metric, arguments.config, kThreads);
}

__attribute__((noinline)) SearchResult SearchExhaustively(
    const ExhaustiveSearcher<ResidualCorrelation>& searcher,
    const std::vector<int64_t>& rows, const SearchOptions& options) {
  return searcher.SearchRows(rows, options);
}

__attribute__((noinline)) SearchResult SearchSomeRows(
    const SkeletonSearcher& searcher, const std::vector<int64_t>& rows,
    const SearchOptions& options) {
  return searcher.SearchRows(rows, options);
}

__attribute__((noinline)) SearchResult SearchAllRows(
    const SkeletonSearcher& searcher, const std::vector<int64_t>& rows,
    const SearchOptions& options) {
  return searcher.SearchRows(rows, options);
}

// The smallest times of the repetitions.
struct Times {
  double model = 1e9, build = 1e9, exhaustive = 1e9, some = 1e9, all = 1e9;
};

struct Answers {
  SearchResult exhaustive;  // of some rows
  SearchResult some;
  SearchResult all;
};

void Keep(double& smallest, double seconds) {
  smallest = std::min(smallest, seconds);
}

void PrintIndex(const Arguments& arguments, const LazySkeletons& lazy,
                const Times& times) {
  std::printf("%s: n = %lld, m = %lld, k = %lld, form %s\n",
              arguments.workload->name, static_cast<long long>(arguments.n),
              static_cast<long long>(arguments.m),
              static_cast<long long>(arguments.k),
              SkeletonBoundConfig::Form_Name(lazy.form()).c_str());
  if (const BlockSkeletons* skeletons = lazy.skeletons()) {
    std::printf(
        "blocks %d of %lld, mean rank %.1f, median rms residual %.3f\n",
        skeletons->num_blocks(),
        static_cast<long long>(skeletons->block_size()),
        static_cast<double>(skeletons->total_rank()) / skeletons->num_blocks(),
        skeletons->median_residual());
  }
  std::printf("V %.3f s, index %.3f s\n", times.model, times.build);
  for (const BuildPhase& phase : lazy.phases()) {
    std::printf("  %-10s %.3f s, %.1f MiB\n", phase.name.c_str(), phase.seconds,
                static_cast<double>(phase.bytes) / 0x1p20);
  }
}

// Returns whether the answers for all rows hold those for `some` rows.
bool SameRows(const Answers& answers, const std::vector<int64_t>& some,
              int64_t k) {
  const NeighborTable& all = answers.all.neighbors;
  const NeighborTable& expected = answers.exhaustive.neighbors;
  bool same = true;
  for (size_t i = 0; i < some.size(); ++i) {
    for (int64_t j = 0; j < k; ++j) {
      same = same && all.rows()(some[i], j) == expected.rows()(i, j) &&
             all.distances()(some[i], j) == expected.distances()(i, j);
    }
  }
  return same;
}

void PrintSearches(const Arguments& arguments, const Times& times,
                   const Answers& answers, bool same, bool same_rows) {
  const auto n = static_cast<double>(arguments.n);
  const double all_exhaustive = n * times.exhaustive / 1024;
  std::printf("exhaustive %.0f queries/s\n", 1024 / times.exhaustive);
  std::printf(
      "1,024 queries: %.0f/s, %.1f x, index counted %.2f x, all counted %.2f "
      "x, evaluations %.1f, %s\n",
      1024 / times.some, times.exhaustive / times.some,
      times.exhaustive / (times.some + times.build),
      (times.exhaustive + times.model) /
          (times.some + times.build + times.model),
      static_cast<double>(answers.some.counters.distance_evaluations()) / 1024,
      same ? "identical" : "DIFFERENT");
  const SearchCounters& counters = answers.all.counters;
  const auto each = [&](int64_t total) {
    return static_cast<double>(total) / n;
  };
  std::printf(
      "all rows: %.0f/s, %.1f x, all counted %.1f x, evaluations %.1f, %s\n",
      n / times.all, all_exhaustive / times.all,
      (all_exhaustive + times.model) / (times.all + times.build + times.model),
      each(counters.distance_evaluations()),
      same_rows ? "identical" : "DIFFERENT");
  std::printf(
      "a query: %.1f blocks seen, %.1f sub-blocks dropped, %.1f points "
      "screened, %.4f searched exhaustively\n",
      each(counters.segments_expanded()), each(counters.sub_block_prunes()),
      each(counters.points_screened()), each(counters.exhaustive_queries()));
}

int Main(int argc, char** argv) {
  const Arguments arguments = Parse(argc, argv);
  const Matrix<double> points =
      MakePointSet(arguments.workload->points, arguments.n, 3, /*seed=*/42);
  Times times;
  std::shared_ptr<const ResidualCorrelation> metric;
  for (int r = 0; r < 2; ++r) {
    metric = nullptr;
    Keep(times.model, Seconds([&] { metric = MakeModel(arguments, points); }));
  }
  std::unique_ptr<const SkeletonSearcher> searcher;
  for (int r = 0; r < arguments.repetitions; ++r) {
    searcher = nullptr;
    Keep(times.build,
         Seconds([&] { searcher = BuildIndex(arguments, metric); }));
  }
  PrintIndex(arguments, searcher->lazy(), times);

  const ExhaustiveSearcher<ResidualCorrelation> exhaustive(metric);
  RandomStream stream(7, 0);
  std::vector<int64_t> some(1024);
  for (int64_t& row : some) {
    row = static_cast<int64_t>(stream.UniformBelow(arguments.n));
  }
  std::vector<int64_t> all(arguments.n);
  std::iota(all.begin(), all.end(), 0);
  const SearchOptions options = {.k = arguments.k,
                                 .predecessor = arguments.predecessor,
                                 .threads = kThreads};
  Answers answers;
  for (int r = 0; r < arguments.repetitions; ++r) {
    Keep(times.exhaustive, Seconds([&] {
           answers.exhaustive = SearchExhaustively(exhaustive, some, options);
         }));
    Keep(times.some, Seconds([&] {
           answers.some = SearchSomeRows(*searcher, some, options);
         }));
    Keep(times.all, Seconds([&] {
           answers.all = SearchAllRows(*searcher, all, options);
         }));
  }
  const bool same =
      answers.exhaustive.neighbors.Digest() == answers.some.neighbors.Digest();
  const bool same_rows = SameRows(answers, some, arguments.k);
  PrintSearches(arguments, times, answers, same, same_rows);
  if (arguments.whole) {
    const SearchResult reference = exhaustive.SearchRows(all, options);
    std::printf("every row: %s\n",
                reference.neighbors.Digest() == answers.all.neighbors.Digest()
                    ? "identical"
                    : "DIFFERENT");
  }
  return same && same_rows ? 0 : 1;
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) { return rct::Main(argc, argv); }
