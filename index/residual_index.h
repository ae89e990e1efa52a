// ResidualIndex: from points to their neighbors.
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
// need not be the first of its neighbors. Answers are exact for the float64
// numbers that metric/ computes, and have the same bits for any strategy,
// number of threads, batch size and instruction set.
//
// Memory. A call compares the memory that it is known to need (for V, or for an
// answer of q x k neighbors) with the memory that is available before it begins
// to work. Where there is too little, then or later, any function that returns
// a status returns ResourceExhausted, and indexes and models stay as they are.
// Where the system does not start a thread, the other threads do its work.
//
// An index outlives its process: Save() writes it to a file, from which Load()
// restores it with the same bits and without most of the work.

#ifndef RCT_INDEX_RESIDUAL_INDEX_H_
#define RCT_INDEX_RESIDUAL_INDEX_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
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

// Points with their residual factors, which indexes over the same points and
// kernel share. Immutable; copies are cheap and refer to the same factors.
class ResidualModel {
 public:
  // Chooses the inducing points and computes V and p of `points` (n x d; n may
  // be 0 where the inducing points are coordinates). The points are copied.
  // Returns InvalidArgument, naming field and row, for bad input;
  // FailedPrecondition where K(Z,Z) cannot be factorized; Cancelled where
  // `monitor` is cancelled. `threads` 0 means all. `simd` is for tests: all
  // tables give the same bits.
  static absl::StatusOr<ResidualModel> Create(
      MatrixView<const double> points, const ResidualConfig& config,
      int threads = 0, const SimdRoutines& simd = BestSimdRoutines(),
      Monitor* monitor = nullptr);

  // Makes a model of factors computed elsewhere: `v` n x m, `variance` n. Such
  // a model can be searched exhaustively and for its own rows only. Returns
  // InvalidArgument, naming row and column, for bad input and for factors that
  // contradict the kernel (index/factor_check.h).
  static absl::StatusOr<ResidualModel> FromFactors(
      MatrixView<const double> points, const KernelConfig& kernel,
      MatrixView<const double> v, absl::Span<const double> variance);

  // Returns the model of the same points, inducing points, jitter and floor
  // under another kernel, bit for bit as Create would make it of
  // ConfigUnder(kernel). The points are shared; V and p are computed. Errors
  // are those of Create, and FailedPrecondition for a model from factors, which
  // have to be computed anew where they came from.
  absl::StatusOr<ResidualModel> WithKernel(const KernelConfig& kernel,
                                           int threads = 0,
                                           Monitor* monitor = nullptr) const;

  // Returns the model of the same points in another order: row i of the result
  // is row order[i] of this model, bit for bit. V and p are copied, not
  // computed again; the factor of K(Z,Z) is shared. In its config the inducing
  // points are rows of the new order, or coordinates. Returns InvalidArgument,
  // naming the element, unless `order` holds each row once.
  absl::StatusOr<ResidualModel> Reordered(
      absl::Span<const int64_t> order) const;

  // Returns the model of the same points under another config, bit for bit as
  // Create would make it. The points are shared; the inducing points are
  // selected, and V and p computed, anew. Errors are those of Create.
  absl::StatusOr<ResidualModel> WithConfig(const ResidualConfig& config,
                                           int threads = 0,
                                           Monitor* monitor = nullptr) const;

  // Returns config() with another kernel and the inducing points of this model,
  // whatever the lengthscales: those that were chosen by distance, in
  // coordinates divided by other lengthscales than those of `kernel`, are given
  // by their rows or coordinates. Assumes that there is a factor().
  ResidualConfig ConfigUnder(const KernelConfig& kernel) const;

  // Returns the model of these points followed by `points` (q x d, q >= 0),
  // with the same kernel, inducing points, jitter and floor. V and p of these
  // points are copied and those of `points` computed: the bits are those of
  // Create over all points with the same inducing points, because the factors
  // of a point do not depend on the others. Inducing points that were drawn at
  // random or chosen by distance become rows or coordinates in the config of
  // the result, since a choice from more rows would be another one. Errors are
  // those of Create, and FailedPrecondition for a model from factors.
  absl::StatusOr<ResidualModel> Append(MatrixView<const double> points,
                                       int threads = 0,
                                       Monitor* monitor = nullptr) const;

  const std::shared_ptr<const ResidualCorrelation>& metric() const {
    return metric_;
  }
  // The factor of K(Z,Z); null for a model from factors.
  const InducingFactor* factor() const { return factor_.get(); }
  // The cost of making the model; empty for a model from factors.
  const std::vector<BuildPhase>& phases() const { return phases_; }
  // The config of the model; of a model from factors only the kernel is set.
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

  // Does the work of Create(), with a check that there is memory for `copies`
  // times the points and their factors: an index keeps more than its model.
  static absl::StatusOr<ResidualModel> CreateAndMore(
      MatrixView<const double> points, const ResidualConfig& config,
      double copies, int threads, const SimdRoutines& simd, Monitor* monitor);

  // Selects the inducing points of finite `points`.
  static absl::StatusOr<InducingPoints> SelectInducing(
      MatrixView<const double> points, const Kernel& kernel,
      const ResidualConfig& config, int threads, const SimdRoutines& simd,
      Monitor* monitor);

  // Does the work of Append(), with a check of memory likewise.
  absl::StatusOr<ResidualModel> AppendAndMore(MatrixView<const double> points,
                                              double copies, int threads,
                                              Monitor* monitor) const;

  // Makes a model. Assumes that `points` are finite and that `inducing` is what
  // `config` describes.
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

// Options of ResidualIndex::Load.
struct LoadOptions {
  // Whether the arrays stay in the file, mapped: they are read as they are
  // touched, and processes share them. Then the file must not be written to or
  // cut short while the index lives, or the process ends (SIGBUS); replacing it
  // by another file of its name, as Save does, is safe. By default they are
  // read into memory of the process's own.
  bool map = false;
  // The number of threads that read and check the file. The default, 0, means
  // all.
  int threads = 0;
  // How many processes load the file, each for a share of the queries that the
  // index was built for. What the file does not hold, as a far field, is made
  // if it pays for such a share. Changes no answer.
  int64_t shards = 1;
  // As IndexOptions.memory_limit_bytes, for the loaded index: Load returns
  // ResourceExhausted before it reads a file that is larger. Arrays that stay
  // in the file do not count.
  int64_t memory_limit_bytes = 0;
  // Told how far the load is, and able to cancel it; null, the default, means
  // none.
  Monitor* monitor = nullptr;
};

// An index over points. Immutable and thread-safe; copies are cheap and share
// everything.
class ResidualIndex {
 public:
  // Builds an index over `points` (n x d). Errors are those of
  // ResidualModel::Create and of Build below. `monitor` is told how far the
  // build is, the model counting for half of it, and may cancel it: Cancelled.
  static absl::StatusOr<ResidualIndex> Build(MatrixView<const double> points,
                                             const IndexOptions& options,
                                             Monitor* monitor = nullptr);

  // Builds an index over a model; `options.residual` must be absent. Returns
  // InvalidArgument, naming the field, for options out of range, and
  // FailedPrecondition where the strategy is not proven exact for this model.
  static absl::StatusOr<ResidualIndex> Build(ResidualModel model,
                                             const IndexOptions& options,
                                             Monitor* monitor = nullptr);

  // Builds an index over the same points under another kernel, with the options
  // of this index, as a fit needs it whenever its parameters change. Answers
  // are those of Build with that kernel, bit for bit; this index stays as it
  // is.
  //
  // The new index shares with this one all that does not depend on the kernel:
  // the points, which are checked already, and the nets of a STATIC tree, which
  // are most of the cost of its build. The inducing points stay as they are,
  // also those that were chosen under other lengthscales: config() of the new
  // model names them (ResidualModel::ConfigUnder). V, p, balls, trees of the
  // residual metric, skeletons and tables are made anew. The new index keeps
  // nothing else of this one alive, but for the map of a mapped file.
  //
  // Errors are those of ResidualModel::WithKernel and Build.
  absl::StatusOr<ResidualIndex> Rebuild(const KernelConfig& kernel,
                                        int threads = 0,
                                        Monitor* monitor = nullptr) const;

  // Does the same for any config: also inducing points, jitter and floor may be
  // others. Inducing points are selected anew, bit for bit as Build would. Of
  // an index over a model from factors it makes one that computes its own.
  //
  // Errors are those of ResidualModel::WithConfig and Build.
  absl::StatusOr<ResidualIndex> Rebuild(const ResidualConfig& config,
                                        int threads = 0,
                                        Monitor* monitor = nullptr) const;

  // Builds an index over these points followed by `points` (q x d, q >= 0),
  // with the options of this one, which stays as it is: rows keep their
  // numbers, and new ones begin at size(). Answers are those of Build over all
  // points with these inducing points, bit for bit. The inducing points stay
  // what they are, so that distances between old rows, and with `predecessor`
  // the neighbors of old rows, are the same as before.
  //
  // V and p of old rows are copied; trees, skeletons and tables are made anew.
  // Cost: q m^2 operations, the memory of an index of n + q points, and the
  // strategy's own. Errors are those of ResidualModel::Append and Build.
  absl::StatusOr<ResidualIndex> Append(MatrixView<const double> points,
                                       int threads = 0,
                                       Monitor* monitor = nullptr) const;

  // Writes the index to one file (index_file.h), atomically: after an error
  // `path` is as it was. Reads all of the index once, for its digest, and takes
  // as much space on the disk as the index in memory. Errors are those of
  // base/file.h, and Cancelled where `monitor` is cancelled.
  absl::Status Save(const std::string& path, int threads = 0,
                    Monitor* monitor = nullptr) const;

  // Returns the index that Save wrote, in this program or another one of the
  // same format: it gives the same answers, bit for bit, and the counters of an
  // index that has not been called yet. Inducing points, V, p, skeletons and
  // the tables that calls had made are read. Trees and screens are made anew,
  // which is most of the cost of building a tree.
  //
  // The digest of the file is always checked, which reads all of it once,
  // mapped or not, and the arrays are checked against each other
  // (ReadIndexFile). Returns InvalidArgument, saying what is wrong and what to
  // do, where the file is no index file, has another version, is too short or
  // too long, is damaged in any byte or contradicts itself, and the errors of
  // base/file.h where it cannot be read.
  static absl::StatusOr<ResidualIndex> Load(const std::string& path,
                                            LoadOptions options = {});

  // Do the same in memory: return the contents of the file that Save would
  // write, and the index that they describe, which keeps a copy of them. Errors
  // are those of Save and Load, without those of the file system, and
  // ResourceExhausted.
  absl::StatusOr<std::string> ToBytes(int threads = 0,
                                      Monitor* monitor = nullptr) const;
  static absl::StatusOr<ResidualIndex> FromBytes(std::string_view bytes,
                                                 int threads = 0,
                                                 Monitor* monitor = nullptr);

  // Returns the neighbors of rows of the data, each in [0, size). Where a query
  // has fewer than k neighbors, its row of the table is padded with row -1 at
  // distance +inf. Returns InvalidArgument where k is not from 1 to kMaxRows
  // (base/limits.h), the radius is NaN, `allowed` has another size than the
  // data, or threads or a row is out of range; Cancelled where
  // `options.monitor` is cancelled.
  absl::StatusOr<SearchResult> Search(absl::Span<const int64_t> rows,
                                      SearchOptions options) const;

  // Returns the neighbors of every row, itself excluded: row i of the table
  // belongs to row i of the data. With `predecessor` they are its Vecchia
  // conditioning set.
  absl::StatusOr<SearchResult> Graph(SearchOptions options) const;

  // Returns the graph of the rows in another order (index/ordering.h), in which
  // row order[i] comes i-th. `predecessor` then means earlier in the order, and
  // of neighbors at one distance the earlier one comes first: without
  // `predecessor` the order decides nothing else. Rows have the caller's
  // numbers, and row i of the table belongs to row i of the data, as above.
  //
  // Unless the rows are in order already, this call makes an index over the
  // points in the order and searches that: while it runs there is a second copy
  // of the points, V and p, and it takes the time of a build without the
  // factors. Errors are those of ResidualModel::Reordered as well.
  absl::StatusOr<SearchResult> Graph(SearchOptions options,
                                     absl::Span<const int64_t> order) const;

  // Returns the neighbors, among the data, of new points (q x d, finite). A new
  // point has no row: `exclude_self` and `predecessor` are InvalidArgument.
  absl::StatusOr<SearchResult> SearchPoints(MatrixView<const double> points,
                                            SearchOptions options) const;

  // Returns all neighbors whose distance is strictly below `radius`, however
  // many, as a table of lists. `options.k` and `options.radius` are ignored.
  // Works with every strategy, by searches with a k that grows until no list is
  // full: traversal/range_search.h says at which cost. Errors are those of
  // Search and SearchPoints.
  absl::StatusOr<RangeResult> RangeSearch(absl::Span<const int64_t> rows,
                                          double radius,
                                          SearchOptions options) const;
  absl::StatusOr<RangeResult> RangeSearchPoints(MatrixView<const double> points,
                                                double radius,
                                                SearchOptions options) const;

  int64_t size() const { return model_.metric()->size(); }
  const ResidualModel& model() const { return model_; }

  // The strategy in use, with its options.
  const IndexOptions& options() const { return options_; }

  // BLOCK makes tables only when calls have asked enough queries to pay for
  // them, and is faster from then on; answers do not depend on it. These are
  // the bytes that calls have made and the index keeps, and whether no call
  // will add to them.
  int64_t kept_bytes() const { return searcher_->kept_bytes(); }
  bool settled() const { return searcher_->settled(); }

  // The cost of building the index, phase by phase, without the model; empty
  // for EXHAUSTIVE. For an index from a file they are the cost of loading it:
  // "load" for the contents of the file, then the phases that made the rest.
  const std::vector<BuildPhase>& phases() const { return phases_; }
  // The sum of the phases' evaluations.
  int64_t build_distance_evaluations() const;

 private:
  // Checks the arguments of a search for new points and returns their factors.
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

  // Lists the arrays of an index file. The index must outlive the archive.
  ArchiveWriter ToArchive() const;
  // Returns the index of an archive; `clock` began before it was opened.
  static absl::StatusOr<ResidualIndex> FromArchive(ArchiveReader& archive,
                                                   const LoadOptions& options,
                                                   PhaseClock& clock);

  // Makes an index of make_model()'s with the options and nets of this one.
  template <class MakeModel>
  absl::StatusOr<ResidualIndex> RebuildWith(int threads, Monitor* monitor,
                                            MakeModel make_model) const;

  // Makes an index of a model. Assumes that `options` are valid and complete.
  static absl::StatusOr<ResidualIndex> Compose(
      ResidualModel model, IndexOptions options, int threads, Monitor* monitor,
      std::shared_ptr<const NetHierarchy> static_nets);

  ResidualModel model_;
  IndexOptions options_;
  std::shared_ptr<const Searcher<ResidualCorrelation>> searcher_;
  std::vector<BuildPhase> phases_;
  std::shared_ptr<const NetHierarchy> static_nets_;
};

}  // namespace rct

#endif  // RCT_INDEX_RESIDUAL_INDEX_H_
