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
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_searcher.h"
#include "traversal/block/skeleton_tables.h"
#include "traversal/build_phase.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int kThreads = 2;

// Of all threads together, over their number: what others do on the machine
// counts less than in the time on the clock.
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

int Main(int argc, char** argv) {
  const auto argument = [&](int i, const char* fallback) {
    return argc > i ? std::string(argv[i]) : std::string(fallback);
  };
  const std::string name = argument(1, "rbf");
  const int64_t n = std::atoll(argument(2, "32768").c_str());
  const int64_t m = std::atoll(argument(3, "512").c_str());
  const int64_t k = std::atoll(argument(4, "50").c_str());
  SkeletonBoundConfig config;
  SkeletonBoundConfig::Form form;
  RCT_CHECK(SkeletonBoundConfig::Form_Parse(argument(5, "TABLES"), &form));
  RCT_CHECK(form != SkeletonBoundConfig::AUTO);
  config.set_form(form);
  config.set_block_size(std::atoi(argument(6, "0").c_str()));
  config.set_rms_residual(std::atof(argument(7, "0").c_str()));
  const int repetitions = std::atoi(argument(8, "3").c_str());
  const bool whole = argument(9, "") == "whole";
  const bool predecessor = argument(10, "") == "predecessor";
  const Workload* workload = nullptr;
  for (const Workload& candidate : kWorkloads) {
    if (name == candidate.name) workload = &candidate;
  }
  RCT_CHECK(workload != nullptr);

  const Matrix<double> points =
      MakePointSet(workload->points, n, 3, /*seed=*/42);
  ResidualConfig residual;
  residual.mutable_kernel()->set_family(workload->family);
  residual.mutable_kernel()->add_lengthscale(workload->lengthscale);
  residual.mutable_inducing()->mutable_random()->set_count(m);
  const Kernel kernel = *Kernel::Create(residual.kernel(), 3);
  std::shared_ptr<const ResidualCorrelation> metric;
  double model_seconds = 1e9;
  for (int r = 0; r < 2; ++r) {
    metric = nullptr;
    model_seconds = std::min(
        model_seconds, Seconds([&] {
          const InducingFactor factor = *InducingFactor::Create(
              kernel, *SelectInducingPoints(residual.inducing(), points.view()),
              residual);
          metric = std::make_shared<const ResidualCorrelation>(
              kernel, *factor.Project(points.view(), kThreads),
              factor.rounding());
        }));
  }
  std::unique_ptr<const SkeletonSearcher> searcher;
  double build_seconds = 1e9;
  for (int r = 0; r < repetitions; ++r) {
    searcher = nullptr;
    build_seconds = std::min(build_seconds, Seconds([&] {
                               searcher = *SkeletonSearcher::Create(
                                   metric, config, kThreads);
                             }));
  }
  const ExhaustiveSearcher<ResidualCorrelation> exhaustive(metric);
  std::printf("%s: n = %lld, m = %lld, k = %lld, form %s\n", name.c_str(),
              static_cast<long long>(n), static_cast<long long>(m),
              static_cast<long long>(k),
              SkeletonBoundConfig::Form_Name(searcher->lazy().form()).c_str());
  if (const BlockSkeletons* skeletons = searcher->lazy().skeletons()) {
    std::printf(
        "blocks %d of %lld, mean rank %.1f, median rms residual %.3f\n",
        skeletons->num_blocks(),
        static_cast<long long>(skeletons->block_size()),
        static_cast<double>(skeletons->total_rank()) / skeletons->num_blocks(),
        skeletons->median_residual());
  }
  std::printf("V %.3f s, index %.3f s\n", model_seconds, build_seconds);
  for (const BuildPhase& phase : searcher->lazy().phases()) {
    std::printf("  %-10s %.3f s, %.1f MiB\n", phase.name.c_str(), phase.seconds,
                static_cast<double>(phase.bytes) / 0x1p20);
  }

  RandomStream stream(7, 0);
  std::vector<int64_t> some(1024);
  for (int64_t& row : some) row = static_cast<int64_t>(stream.UniformBelow(n));
  std::vector<int64_t> all(n);
  std::iota(all.begin(), all.end(), 0);
  const SearchOptions options = {
      .k = k, .predecessor = predecessor, .threads = kThreads};
  double exhaustive_seconds = 1e9, some_seconds = 1e9, all_seconds = 1e9;
  SearchResult expected, found, everything;
  for (int r = 0; r < repetitions; ++r) {
    exhaustive_seconds = std::min(
        exhaustive_seconds,
        Seconds([&] { expected = exhaustive.SearchRows(some, options); }));
    some_seconds =
        std::min(some_seconds,
                 Seconds([&] { found = searcher->SearchRows(some, options); }));
    all_seconds = std::min(all_seconds, Seconds([&] {
                             everything = searcher->SearchRows(all, options);
                           }));
  }
  const bool same = expected.neighbors.Digest() == found.neighbors.Digest();
  bool same_rows = true;
  for (size_t i = 0; i < some.size(); ++i) {
    for (int64_t j = 0; j < k; ++j) {
      same_rows = same_rows &&
                  everything.neighbors.rows()(some[i], j) ==
                      expected.neighbors.rows()(i, j) &&
                  everything.neighbors.distances()(some[i], j) ==
                      expected.neighbors.distances()(i, j);
    }
  }
  const double rate = 1024 / exhaustive_seconds;
  const double all_exhaustive = static_cast<double>(n) / rate;
  std::printf("exhaustive %.0f queries/s\n", rate);
  std::printf(
      "1,024 queries: %.0f/s, %.1f x, index counted %.2f x, all counted %.2f "
      "x, "
      "evaluations %.1f, %s\n",
      1024 / some_seconds, exhaustive_seconds / some_seconds,
      exhaustive_seconds / (some_seconds + build_seconds),
      (exhaustive_seconds + model_seconds) /
          (some_seconds + build_seconds + model_seconds),
      static_cast<double>(found.counters.distance_evaluations()) / 1024,
      same ? "identical" : "DIFFERENT");
  std::printf(
      "all rows: %.0f/s, %.1f x, all counted %.1f x, evaluations %.1f, %s\n",
      static_cast<double>(n) / all_seconds, all_exhaustive / all_seconds,
      (all_exhaustive + model_seconds) /
          (all_seconds + build_seconds + model_seconds),
      static_cast<double>(everything.counters.distance_evaluations()) /
          static_cast<double>(n),
      same_rows ? "identical" : "DIFFERENT");
  const auto each = [&](int64_t total) {
    return static_cast<double>(total) / static_cast<double>(n);
  };
  const SearchCounters& counters = everything.counters;
  std::printf(
      "a query: %.1f blocks seen, %.1f sub-blocks dropped, %.1f points "
      "screened, %.4f searched exhaustively\n",
      each(counters.segments_expanded()), each(counters.sub_block_prunes()),
      each(counters.points_screened()), each(counters.exhaustive_queries()));
  if (whole) {
    const SearchResult reference = exhaustive.SearchRows(all, options);
    std::printf("every row: %s\n",
                reference.neighbors.Digest() == everything.neighbors.Digest()
                    ? "identical"
                    : "DIFFERENT");
  }
  return same && same_rows ? 0 : 1;
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) { return rct::Main(argc, argv); }
