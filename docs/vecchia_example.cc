// How far clocks are from the sun, as a Gaussian process on the globe: its
// log-likelihood, dense and by Vecchia's approximation.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <numbers>
#include <numeric>
#include <set>
#include <vector>

#include "base/matrix_file.h"
#include "index/residual_index.h"

constexpr double kVariance = 0.4, kLengthscale = 0.2, kNoise = 0.05;

// log p(y[r] | y of the rows before r), for each r of `rows` in turn: from the
// Cholesky factor L of their covariance, and z = L^-1 y.
std::vector<double> LogDensities(const rct::Matrix<double>& x,
                                 const std::vector<double>& y,
                                 const std::vector<int64_t>& rows) {
  const size_t n = rows.size();
  std::vector<std::vector<double>> l(n, std::vector<double>(n));
  std::vector<double> z(n), densities(n);
  for (size_t i = 0; i < n; ++i) {
    z[i] = y[rows[i]];
    for (size_t j = 0; j <= i; ++j) {
      const double *a = x.row(rows[i]), *b = x.row(rows[j]);
      const double r = std::sqrt(3) / kLengthscale *
                       std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
      double s = kVariance * (1 + r) * std::exp(-r) + (i == j ? kNoise : 0);
      for (size_t k = 0; k < j; ++k) s -= l[i][k] * l[j][k];
      l[i][j] = i == j ? std::sqrt(s) : s / l[j][j];
      z[i] = i == j ? z[i] / l[i][i] : z[i] - l[i][j] * z[j];
    }
    densities[i] =
        -std::log(l[i][i] * std::sqrt(2 * std::numbers::pi)) - z[i] * z[i] / 2;
  }
  return densities;
}

int main() {
  const auto table = rct::ReadMatrix("docs/clocks.csv").value();
  rct::Matrix<double> x(table.rows(), 3);  // on the unit sphere
  std::vector<double> y;                   // hours ahead of the sun
  for (int64_t i = 0; i < x.rows(); ++i) {
    const double latitude = table(i, 0) * std::numbers::pi / 180;
    const double longitude = table(i, 1) * std::numbers::pi / 180;
    x(i, 0) = std::cos(latitude) * std::cos(longitude);
    x(i, 1) = std::cos(latitude) * std::sin(longitude);
    x(i, 2) = std::sin(latitude);
    y.push_back(std::remainder(table(i, 2) - table(i, 1) / 15, 24));
  }

  constexpr int64_t kInducing = 20;  // the first rows
  rct::IndexOptions options;
  auto& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(rct::KernelConfig::MATERN32);
  residual.mutable_kernel()->add_lengthscale(kLengthscale);
  for (int64_t row = 0; row < kInducing; ++row) {
    residual.mutable_inducing()->mutable_rows()->add_row(row);
  }
  const auto index = rct::ResidualIndex::Build(x.view(), options).value();

  std::vector<int64_t> all(x.rows());
  std::iota(all.begin(), all.end(), 0);
  const std::vector<double> terms = LogDensities(x, y, all);
  const double dense = std::accumulate(terms.begin(), terms.end(), 0.0);
  std::cout << "dense: " << dense << "\n";

  for (const int64_t k : {1, 5, 10, 20, 40}) {
    const auto found = index.Search(all, {.k = k, .predecessor = true}).value();
    const rct::NeighborTable& sets = found.neighbors;
    double vecchia = 0;
    for (const int64_t i : all) {
      std::set<int64_t> before;
      for (int64_t z = 0; z < std::min(i, kInducing); ++z) before.insert(z);
      before.insert(sets.rows().row(i), sets.rows().row(i) + sets.count(i));
      std::vector<int64_t> rows(before.begin(), before.end());
      rows.push_back(i);
      vecchia += LogDensities(x, y, rows).back();
    }
    std::cout << "k = " << k << ": " << vecchia << "\n";
  }
}
