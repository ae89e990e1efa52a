// Nearest neighbors of three rows among 10,000 points, after 200 inducing
// points have been taken out.

#include <cstdint>
#include <iostream>
#include <vector>

#include "base/point_sets.h"
#include "index/residual_index.h"

int main() {
  const rct::Matrix<double> points =  // yours: n x d, row by row
      rct::MakePointSet(rct::PointSet::kUniformCube, 10'000, 3, /*seed=*/1);

  rct::IndexOptions options;
  rct::ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(rct::KernelConfig::MATERN52);
  residual.mutable_kernel()->add_lengthscale(0.3);
  residual.mutable_inducing()->mutable_random()->set_count(200);

  const auto index = rct::ResidualIndex::Build(points.view(), options);
  if (!index.ok()) {
    std::cerr << index.status() << "\n";
    return 1;
  }

  // The 10 points most correlated with each, among the rows before it.
  const std::vector<int64_t> rows = {17, 4711, 9999};
  const auto result = index->Search(rows, {.k = 10, .predecessor = true});
  if (!result.ok()) {
    std::cerr << result.status() << "\n";
    return 1;
  }
  const rct::NeighborTable& neighbors = result->neighbors;
  for (int64_t i = 0; i < neighbors.num_queries(); ++i) {
    std::cout << "row " << rows[i] << ": nearest is row "
              << neighbors.rows()(i, 0) << " at distance "
              << neighbors.distances()(i, 0) << "\n";
  }
}
