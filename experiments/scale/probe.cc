#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "experiments/scale/rank_run.h"
#include "experiments/scale/scale_costs.h"
#include "experiments/scale/scale_model.h"
using namespace rct;
int main(int argc, char** argv) {
  // kernel n m k pred ranks early units
  DistributedOptions o;
  auto& r = *o.index.mutable_residual();
  r.mutable_kernel()->set_family(
      strcmp(argv[1], "rbf") == 0 ? KernelConfig::RBF : KernelConfig::MATERN12);
  r.mutable_kernel()->add_lengthscale(0.25);
  r.mutable_inducing()->mutable_random()->set_count(atoi(argv[3]));
  o.index.set_threads(1);
  o.k = atoi(argv[4]);
  o.predecessor = atoi(argv[5]);
  if (argc > 7) o.early_rows = atoi(argv[7]);
  if (argc > 8) o.units = atoi(argv[8]);
  UniformCloud c{atoll(argv[2]), 2, 1};
  o.memory_limit_bytes = int64_t{4} << 30;
  auto show = [](const RankReport& x) {
    printf(
        "pts %ld u %ld fet %ld din %ld dout %ld proj %ld eval %ld | B %ld p "
        "%ld b %ld f %ld d %ld a %ld\n",
        x.points, x.units, x.fetched_points, x.deferred_in, x.deferred_out,
        x.projected, x.evaluations, x.bytes_sent, x.traffic.points,
        x.traffic.bounds, x.traffic.fetched, x.traffic.deferred,
        x.traffic.answers);
  };
  const int R = atoi(argv[6]);
  clock_t t0 = clock();
  auto model = ScaleModel::Create(c, o, R > 32 ? 32 : 128);
  if (!model.ok()) {
    puts(model.status().ToString().c_str());
    return 1;
  }
  auto f = (*model)->Forecast(R, R > 32 ? 4 : R);
  if (!f.ok()) {
    puts(f.status().ToString().c_str());
    return 1;
  }
  printf("model %.1f s: %s cells %ld bytes %ld\n",
         double(clock() - t0) / CLOCKS_PER_SEC, f->bound.c_str(), f->cells,
         f->bound_bytes);
  for (auto& x : f->ranks) {
    printf("%d early eval %ld held %ld: ", x.rank, x.early_evaluations,
           x.bytes_held);
    show(x.report);
  }
  if (R > 32) return 0;
  t0 = clock();
  auto rep = RunRanks(c, o, R);
  if (!rep.ok()) {
    puts(rep.status().ToString().c_str());
    return 1;
  }
  printf("real %.1f s: bound %s cells %ld bytes %ld\n",
         double(clock() - t0) / CLOCKS_PER_SEC, rep->report.bound.c_str(),
         rep->report.cells, rep->report.bound_bytes);
  auto costs = MeasureCosts(c, o);
  if (!costs.ok()) {
    puts(costs.status().ToString().c_str());
    return 1;
  }
  printf("costs proj %g eval %g unit %g\n", costs->projection,
         costs->evaluation, costs->unit_point);
  double a = 0, b = 0, am = 0, bm = 0;
  for (int r = 0; r < R; ++r) {
    auto& x = rep->report.ranks[r];
    show(x);
    auto& fr = f->ranks[r];
    const int m = atoi(argv[3]);
    double sm = SecondsOf(fr.report, fr.early_projected, m, *costs);
    double s2 = SecondsOf(x, fr.early_projected, m, *costs);
    a += sm;
    b += rep->seconds[r];
    am = std::max(am, sm);
    bm = std::max(bm, rep->seconds[r]);
    printf("  seconds model %.3f from counts %.3f real %.3f\n", sm, s2,
           rep->seconds[r]);
    for (auto& p : x.phases) printf("   %s %.2f", p.name.c_str(), p.seconds);
    puts("");
  }
  printf("balance model %.3f real %.3f  total model %.2f real %.2f\n",
         am * R / a, bm * R / b, a, b);
}
