// Conditioning sets of points on a spiral, and a Gaussian process model of what
// was observed there: a C++ program that uses the C interface.
//
//   sudo apt install ./rct.deb ./librct0.deb ./librct-dev.deb
//   cmake -S . -B build && cmake --build build && build/neighbors

#include <rct.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// Frees what the library made.
struct Free {
  void operator()(rct_config* config) const { rct_config_free(config); }
  void operator()(rct_filter* filter) const { rct_filter_free(filter); }
  void operator()(rct_index* index) const { rct_index_free(index); }
  void operator()(rct_model* model) const { rct_model_free(model); }
};
template <class Handle>
using Owned = std::unique_ptr<Handle, Free>;

// Turns an error into an exception: Check([&](rct_error** error) { return
// rct_...(..., error); }).
template <class Call>
void Check(Call call) {
  rct_error* error = nullptr;
  if (call(&error) == RCT_OK) return;
  const std::string message = rct_error_message(error);
  rct_error_free(error);
  throw std::runtime_error(message);
}

Owned<rct_index> Build(const std::vector<double>& points, int64_t n,
                       int64_t d) {
  const Owned<rct_config> config(rct_config_new());
  const double lengthscale = 0.5;
  Check([&](rct_error** error) {
    return rct_config_set_kernel(config.get(), "matern52", error);
  });
  Check([&](rct_error** error) {
    return rct_config_set_lengthscales(config.get(), &lengthscale, 1, error);
  });
  Check([&](rct_error** error) {
    return rct_config_set_inducing(config.get(), "kmeans++", 20, 1, error);
  });
  rct_index* index = nullptr;
  Check([&](rct_error** error) {
    return rct_index_build(points.data(), n, d, config.get(), nullptr, &index,
                           error);
  });
  return Owned<rct_index>(index);
}

void Run() {
  const int64_t n = 500;
  const int64_t d = 2;
  const int64_t k = 5;
  std::vector<double> points;
  std::vector<double> y;
  for (int64_t i = 0; i < n; ++i) {
    const double t = 10.0 * static_cast<double>(i) / n;
    points.insert(points.end(), {t * std::cos(t) / 5, t * std::sin(t) / 5});
    y.push_back(std::sin(t));
  }
  const Owned<rct_index> index = Build(points, n, d);

  // Each point's nearest ones before it, in maximin order.
  std::vector<int64_t> order(n);
  Check([&](rct_error** error) {
    return rct_order(points.data(), n, d, nullptr, nullptr, order.data(),
                     error);
  });
  const Owned<rct_filter> filter(rct_filter_new());
  rct_filter_set_predecessor(filter.get(), 1, nullptr);
  std::vector<int64_t> sets(n * k);
  Check([&](rct_error** error) {
    return rct_index_graph(index.get(), k, order.data(), n, filter.get(),
                           nullptr, sets.data(), nullptr, error);
  });
  std::printf("the set of row %d:", static_cast<int>(order[n - 1]));
  for (int64_t j = 0; j < k; ++j) {
    std::printf(" %d", static_cast<int>(sets[order[n - 1] * k + j]));
  }

  // A model of the observations, and its mean in the middle of two points.
  rct_model* made = nullptr;
  Check([&](rct_error** error) {
    return rct_model_new(index.get(), 10, 1e-4, order.data(), n, nullptr, &made,
                         error);
  });
  const Owned<rct_model> model(made);
  const double place[] = {(points[200] + points[202]) / 2,
                          (points[201] + points[203]) / 2};
  double mean = 0;
  Check([&](rct_error** error) {
    return rct_model_predict(model.get(), place, 1, d, y.data(), n, nullptr,
                             &mean, nullptr, error);
  });
  std::printf("\nbetween %.2f and %.2f: %.2f\n", y[100], y[101], mean);
}

}  // namespace

int main() {
  try {
    Run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
