// Workloads: points, queries, a metric and, where it is known, the answer.

#ifndef RCT_EXPERIMENTS_WORKLOAD_H_
#define RCT_EXPERIMENTS_WORKLOAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "experiments/workload.pb.h"
#include "index/residual_index.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {

// Returns n x d points from a file or the generator. Errors begin with `field`.
absl::StatusOr<Matrix<double>> LoadPoints(const PointSource& source,
                                          const std::string& field);

// Everything that a WorkloadConfig describes, in memory.
class Workload {
 public:
  // Reads or generates everything that `config` names. Returns InvalidArgument,
  // naming field and row, where the config contradicts itself or a file.
  static absl::StatusOr<Workload> Load(const WorkloadConfig& config);

  // Computes the residual factors, or returns those of the config. `monitor`,
  // here and below, may be null.
  absl::StatusOr<ResidualModel> MakeModel(int threads,
                                          Monitor* monitor = nullptr) const;

  // Searches all queries of the workload; `telemetry` as in SearchOptions.
  absl::StatusOr<SearchResult> Search(const ResidualIndex& index, int64_t k,
                                      int threads, bool telemetry = false,
                                      Monitor* monitor = nullptr) const;
  // Searches the audited queries alone.
  absl::StatusOr<SearchResult> SearchAudited(const ResidualIndex& index,
                                             int64_t k, int threads,
                                             Monitor* monitor = nullptr) const;

  // The numbers of the queries that exhaustive search answers, ascending; all
  // of them unless the config asks for an audit.
  const std::vector<int64_t>& audited() const { return audited_; }

  const WorkloadConfig& config() const { return config_; }
  int64_t num_points() const { return points_.rows(); }
  int64_t dimension() const { return points_.cols(); }
  int64_t num_queries() const;

  // Returns the SHA-256 of the points, the queries and the inducing points or
  // factors.
  std::string DataDigest() const;

  // Whether the config names a frozen answer.
  bool has_gold() const { return gold_.has_value(); }
  // Returns the first `k` neighbors of each query of the frozen answer, or
  // InvalidArgument where it has fewer.
  absl::StatusOr<NeighborTable> GoldNeighbors(int64_t k) const;

 private:
  explicit Workload(WorkloadConfig config) : config_(std::move(config)) {}

  absl::Status LoadQueries();
  absl::Status LoadMetric();
  absl::Status LoadExpected();
  absl::Status DrawAudit();
  SearchOptions OptionsOf(int64_t k, int threads, Monitor* monitor) const;

  WorkloadConfig config_;  // with inducing rows from files filled in
  Matrix<double> points_;
  std::vector<int64_t> query_rows_;
  std::vector<int64_t> audited_;
  std::optional<Matrix<double>> query_points_;
  std::optional<Matrix<double>> factors_;
  std::vector<double> residual_variance_;
  std::optional<NeighborTable> gold_;
};

}  // namespace rct

#endif  // RCT_EXPERIMENTS_WORKLOAD_H_
