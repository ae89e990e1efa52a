// From rainfall stations to a map of rain: docs/vignette.md.

#include <cmath>
#include <cstdio>
#include <vector>

#include "base/matrix_file.h"
#include "index/ordering.h"
#include "index/residual_index.h"
#include "index/vecchia/vecchia_model.h"
#include "metric/sphere.h"

int main(int, char** argv) {
  const auto table = rct::ReadMatrix(argv[1]).value();
  const long n = table.rows();  // longitude, latitude, elevation, rain
  const auto places =           // chords, in km
      rct::LonLatToChord({table.data(), n, 2, table.stride()}).value();
  std::vector<double> y(n);
  double level = 0;
  for (long i = 0; i < n; ++i) level += std::sqrt(table(i, 3)) / n;
  for (long i = 0; i < n; ++i) y[i] = std::sqrt(table(i, 3)) - level;

  rct::OrderingConfig maxmin;
  maxmin.set_method(rct::OrderingConfig::MAXMIN);
  const auto order = rct::OrderPoints(places.view(), maxmin).value();
  rct::IndexOptions options;
  rct::ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(rct::KernelConfig::MATERN32);
  residual.mutable_kernel()->add_lengthscale(500);
  residual.mutable_inducing()->mutable_kmeans_plus_plus()->set_count(100);
  const auto index = rct::ResidualIndex::Build(places.view(), options).value();

  // Logarithms are those of lengthscale, variance and noise.
  const auto model = [&](const std::vector<double>& logs) {
    rct::KernelConfig kernel = residual.kernel();
    kernel.set_lengthscale(0, std::exp(logs[0]));
    kernel.set_variance(std::exp(logs[1]));
    const auto changed = index.Rebuild(kernel).value();
    const double noise = std::exp(logs[2]);
    return rct::VecchiaModel::Create(changed, {20, noise, order}).value();
  };
  std::vector<double> best = {std::log(500), std::log(20), std::log(2)};
  double highest = model(best).LogLikelihood(y).value();
  for (double step = 0.4; step > 0.005;) {  // compass search
    const double before = highest;
    for (int direction = 0; direction < 6; ++direction) {
      std::vector<double> logs = best;
      logs[direction / 2] += direction % 2 == 0 ? step : -step;
      const double likelihood = model(logs).LogLikelihood(y).value();
      if (likelihood > highest) highest = likelihood, best = logs;
    }
    if (highest == before) step /= 2;
  }
  std::fprintf(stderr, "lengthscale %.0f km, variance %.1f, noise %.2f\n",
               std::exp(best[0]), std::exp(best[1]), std::exp(best[2]));
  std::fprintf(stderr, "log-likelihood %.1f\n", highest);

  std::vector<double> grid;  // longitudes and latitudes
  for (double lat = 23; lat < 57.1; lat += 0.25)
    for (double lon = -134; lon < -51.9; lon += 0.25)
      grid.insert(grid.end(), {lon, lat});
  const long cells = grid.size() / 2;
  const auto at = rct::LonLatToChord({grid.data(), cells, 2}).value();
  const auto [mean, variance] = model(best).Predict(at.view(), y).value();
  for (long i = 0; i < cells; ++i)
    std::printf("%.2f,%.2f,%.1f\n", grid[2 * i], grid[2 * i + 1],
                std::pow(level + mean[i], 2) + variance[i]);
}
