// The front door: your points in, their neighbours out.
//
//     rct::IndexOptions options;
//     options.mutable_residual()->mutable_kernel()->set_family(
//         rct::KernelConfig::RBF);
//     options.mutable_residual()->mutable_inducing()->mutable_random()
//         ->set_count(512);
//     absl::StatusOr<rct::ResidualIndex> index =
//         rct::ResidualIndex::Build(points, options);          // n x d
//     absl::StatusOr<rct::SearchResult> result =
//         index->Search({0, 17, 4711}, {.k = 50});
//     result->neighbors.rows()(1, 0);       // the nearest to row 17: itself
//
// For each query the k points with the smallest residual correlation distance
//
//     d = sqrt(1 - |rho|),   rho = (k(x, y) - v_x . v_y) / sqrt(p_x p_y)
//
// (metric/residual_correlation.h), ordered by (distance, row): of points that
// are repeated, those of the lower rows come first, so that a query's own row
// need not be the first of its neighbours. Answers are
// exact for the float64 numbers that metric/ computes, and have the same bits
// for any strategy, number of threads, batch size and instruction set.
//
// Memory. What a call is known to need (V, an answer of q x k neighbors) is
// held against what there is before any work begins, and memory that runs out
// on the way ends the call: ResourceExhausted, from any function that returns a
// status. Indexes and models stay as they are. Threads that the system does not
// start are done without.
//
// An index outlives its process: Save() writes it to a file, of which Load()
// makes it again, without the work and with the same bits.

#ifndef RCT_INDEX_RESIDUAL_INDEX_H_
#define RCT_INDEX_RESIDUAL_INDEX_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/archive.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/index.pb.h"
#include "index/index_options.h"  // IWYU pragma: export
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"
#include "traversal/build_phase.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/searcher.h"
#include "traversal/tree/cover_tree.h"

namespace rct {

// Points with their residual factors: what indexes over the same points and
// kernel share. Immutable; copies are cheap and refer to the same factors.
class ResidualModel {
 public:
  // Chooses the inducing points and computes V and p of `points` (n x d; n may
  // be 0 where the inducing points are coordinates). The points are copied.
  // InvalidArgument, naming field and row, for bad input; FailedPrecondition
  // where K(Z,Z) cannot be factorized; Cancelled where `monitor` is. `threads`
  // 0 means all. `simd` is for tests: all tables give the same bits.
  static absl::StatusOr<ResidualModel> Create(
      MatrixView<const double> points, const ResidualConfig& config,
      int threads = 0, const SimdRoutines& simd = BestSimdRoutines(),
      Monitor* monitor = nullptr);

  // From factors computed elsewhere: `v` n x m, `variance` n. Such a model can
  // be searched exhaustively and for its own rows only. InvalidArgument, naming
  // row and column, for bad input, and for factors that are seen to be none of
  // this kernel, or in another order: index/factor_check.h says which are.
  static absl::StatusOr<ResidualModel> FromFactors(
      MatrixView<const double> points, const KernelConfig& kernel,
      MatrixView<const double> v, absl::Span<const double> variance);

  // The same points and inducing points, jitter and floor under another kernel,
  // as Create would make it of them, bit for bit. Points are shared, and so are
  // the inducing points; V and p are computed. Errors of Create, and
  // FailedPrecondition for a model from factors, which only its maker can
  // renew.
  absl::StatusOr<ResidualModel> WithKernel(const KernelConfig& kernel,
                                           int threads = 0,
                                           Monitor* monitor = nullptr) const;

  const std::shared_ptr<const ResidualCorrelation>& metric() const {
    return metric_;
  }
  // Null for a model from factors.
  const InducingFactor* factor() const { return factor_.get(); }
  // What making the model cost; empty for a model from factors.
  const std::vector<BuildPhase>& phases() const { return phases_; }
  // What it was made of; of factors from elsewhere the kernel is known alone.
  const ResidualConfig& config() const { return config_; }

 private:
  friend class ResidualIndex;

  ResidualModel(std::shared_ptr<const InducingFactor> factor,
                std::shared_ptr<const ResidualCorrelation> metric,
                ResidualConfig config, std::vector<BuildPhase> phases)
      : factor_(std::move(factor)),
        metric_(std::move(metric)),
        config_(std::move(config)),
        phases_(std::move(phases)) {}

  // Create(), in memory for `copies` times what the model takes: an index keeps
  // more than its model.
  static absl::StatusOr<ResidualModel> CreateAndMore(
      MatrixView<const double> points, const ResidualConfig& config,
      double copies, int threads, const SimdRoutines& simd, Monitor* monitor);

  // Of finite points, and inducing points that `config` describes.
  static absl::StatusOr<ResidualModel> Factorize(
      Matrix<double> points, Kernel kernel, InducingPoints inducing,
      const ResidualConfig& config, int threads, const SimdRoutines& simd,
      Monitor* monitor);

  void Save(ArchiveWriter& archive) const;

  std::shared_ptr<const InducingFactor> factor_;
  std::shared_ptr<const ResidualCorrelation> metric_;
  ResidualConfig config_;
  std::vector<BuildPhase> phases_;
};

// How a file becomes an index again.
struct LoadOptions {
  // Leave the arrays in the file, from where they come as they are touched and
  // are shared among processes, instead of reading them into memory of our own.
  // The file must not be written to or cut short while the index lives, or the
  // process ends (SIGBUS); replacing it by another one of its name, as Save
  // does, is safe.
  bool map = false;
  int threads = 0;  // 0 means all
  // May be null. Ends the reading and checking of the file: Cancelled.
  Monitor* monitor = nullptr;
};

// Movable and thread-safe.
class ResidualIndex {
 public:
  // An index over `points` (n x d). Errors as ResidualModel::Create and below.
  // `monitor` is told how far the build is, the model being taken for half of
  // it, and may end it: Cancelled.
  static absl::StatusOr<ResidualIndex> Build(MatrixView<const double> points,
                                             const IndexOptions& options,
                                             Monitor* monitor = nullptr);

  // An index over a model; `options.residual` must be absent. InvalidArgument,
  // naming the field, for options out of range; FailedPrecondition where the
  // strategy is not proven exact for this model.
  static absl::StatusOr<ResidualIndex> Build(ResidualModel model,
                                             const IndexOptions& options,
                                             Monitor* monitor = nullptr);

  // An index over the same points under another kernel, with the options of
  // this one: what a fit needs at each refresh of its parameters. Answers are
  // those of Build with that kernel, bit for bit; this index stays as it is.
  //
  // What does not depend on the kernel is taken from this index, by reference:
  // the points, checked already; the inducing points; and the nets of a STATIC
  // tree, which are most of what its build costs. V, p, balls, trees of the
  // residual metric, skeletons and tables are made anew. A rebuilt index keeps
  // nothing else of this one alive; of a mapped file (Load) it keeps the map.
  //
  // Errors as ResidualModel::WithKernel and Build.
  absl::StatusOr<ResidualIndex> Rebuild(const KernelConfig& kernel,
                                        int threads = 0,
                                        Monitor* monitor = nullptr) const;

  // Writes the index to one file (index_file.h), atomically: `path` holds what
  // it held, or all of the index. Takes a pass over all that the index holds,
  // for its digest, and as much space on the disk. Errors of base/file.h;
  // Cancelled, with `path` as it was, where `monitor` is.
  absl::Status Save(const std::string& path, int threads = 0,
                    Monitor* monitor = nullptr) const;

  // The index that Save wrote, by this program or another one of the same
  // format: the same answers, bit for bit, and the counters of an index whose
  // calls are still to come. Inducing points, V, p, skeletons and the tables
  // that calls had made are read. Trees and screens are made again from them,
  // which is most of what the index of a tree costs.
  //
  // The digest of the file is always checked, at the cost of reading all of it
  // once, mapped or not; and so is what its arrays say of each other
  // (ReadIndexFile). InvalidArgument, which says what is wrong and what to do,
  // where the file is no index file, of another version, cut short, too long,
  // damaged in any byte or in contradiction with itself; errors of base/file.h
  // for the file itself.
  static absl::StatusOr<ResidualIndex> Load(const std::string& path,
                                            LoadOptions options = {});

  // Neighbours of rows of the data, each in [0, size). Fewer than k neighbours
  // are no error: the table is padded with row -1 at distance +inf.
  // InvalidArgument where k is not from 1 to 2^31 - 9, the radius is NaN,
  // `allowed` has another size than the data, threads < 0 or a row is out of
  // range. Cancelled where `options.monitor` is; nothing else is affected.
  absl::StatusOr<SearchResult> Search(absl::Span<const int64_t> rows,
                                      SearchOptions options) const;

  // Neighbours of every row but itself, row i of the table being row i of the
  // data; with `predecessor`, its Vecchia conditioning set.
  absl::StatusOr<SearchResult> Graph(SearchOptions options) const;

  // Neighbours, among the data, of new points (q x d, finite). A new point has
  // no row: `exclude_self` and `predecessor` are InvalidArgument.
  absl::StatusOr<SearchResult> SearchPoints(MatrixView<const double> points,
                                            SearchOptions options) const;

  // All neighbours whose distance is strictly below `radius`, however many, as
  // a table of lists. `options.k` and `options.radius` count for nothing. Every
  // strategy can do it, by searches with a k that grows until no list is full:
  // traversal/range_search.h says what that costs. Errors as above.
  absl::StatusOr<RangeResult> RangeSearch(absl::Span<const int64_t> rows,
                                          double radius,
                                          SearchOptions options) const;
  absl::StatusOr<RangeResult> RangeSearchPoints(MatrixView<const double> points,
                                                double radius,
                                                SearchOptions options) const;

  int64_t size() const { return model_.metric()->size(); }
  const ResidualModel& model() const { return model_; }

  // The strategy that is used, with its options.
  const IndexOptions& options() const { return options_; }

  // BLOCK makes tables only when calls have asked enough to pay for them, and
  // is faster from then on; answers do not depend on it. Bytes that calls have
  // made and that are kept, and whether that is all there will be.
  int64_t kept_bytes() const { return searcher_->kept_bytes(); }
  bool settled() const { return searcher_->settled(); }

  // What building the index cost, phase by phase, without the model; empty for
  // EXHAUSTIVE. What loading it cost, of an index from a file: "load" for the
  // model, then what is left of the index.
  const std::vector<BuildPhase>& phases() const { return phases_; }
  // The sum of their evaluations.
  int64_t build_distance_evaluations() const;

 private:
  // Errors of a search for new points, and else their factors.
  absl::StatusOr<ResidualPoints> PrepareQueries(
      MatrixView<const double> points, const SearchOptions& options) const;

  ResidualIndex(ResidualModel model, IndexOptions options,
                std::unique_ptr<const Searcher<ResidualCorrelation>> searcher,
                std::vector<BuildPhase> phases,
                std::shared_ptr<const NetHierarchy> static_nets)
      : model_(std::move(model)),
        options_(std::move(options)),
        searcher_(std::move(searcher)),
        phases_(std::move(phases)),
        static_nets_(std::move(static_nets)) {}

  // Of options that are valid and complete.
  static absl::StatusOr<ResidualIndex> Compose(
      ResidualModel model, IndexOptions options, int threads, Monitor* monitor,
      std::shared_ptr<const NetHierarchy> static_nets);

  ResidualModel model_;
  IndexOptions options_;
  std::unique_ptr<const Searcher<ResidualCorrelation>> searcher_;
  std::vector<BuildPhase> phases_;
  std::shared_ptr<const NetHierarchy> static_nets_;
};

}  // namespace rct

#endif  // RCT_INDEX_RESIDUAL_INDEX_H_
