#include <cstdio>
#include <cstdlib>
#include <cstring>
#include "experiments/scale/rank_run.h"
using namespace rct;
int main(int argc, char** argv) {
  // kernel n m k pred ranks early units
  DistributedOptions o;
  auto& r = *o.index.mutable_residual();
  r.mutable_kernel()->set_family(strcmp(argv[1], "rbf") == 0 ? KernelConfig::RBF : KernelConfig::MATERN12);
  r.mutable_kernel()->add_lengthscale(0.25);
  r.mutable_inducing()->mutable_random()->set_count(atoi(argv[3]));
  o.index.set_threads(1);
  o.k = atoi(argv[4]); o.predecessor = atoi(argv[5]);
  if (argc > 7) o.early_rows = atoi(argv[7]);
  if (argc > 8) o.units = atoi(argv[8]);
  UniformCloud c{atoll(argv[2]), 2, 1};
  auto rep = RunRanks(c, o, atoi(argv[6]));
  if (!rep.ok()) { puts(rep.status().ToString().c_str()); return 1; }
  printf("bound %s cells %ld bytes %ld\n", rep->bound.c_str(), rep->cells, rep->bound_bytes);
  for (auto& x : rep->ranks)
    printf("pts %ld u %ld fet %ld din %ld dout %ld proj %ld eval %ld | B %ld p %ld b %ld f %ld d %ld a %ld\n", x.points, x.units, x.fetched_points, x.deferred_in, x.deferred_out, x.projected, x.evaluations, x.bytes_sent, x.traffic.points, x.traffic.bounds, x.traffic.fetched, x.traffic.deferred, x.traffic.answers);
}
