#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "experiments/scale/rank_run.h"
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
         double(clock() - t0) / CLOCKS_PER_SEC, rep->bound.c_str(), rep->cells,
         rep->bound_bytes);
  for (auto& x : rep->ranks) show(x);
}
