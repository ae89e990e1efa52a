// EuclideanIndex: the interface of ResidualIndex, for Euclidean distance.
//
//     absl::StatusOr<rct::EuclideanIndex> index =
//         rct::EuclideanIndex::Build(points);                  // n x d
//     absl::StatusOr<rct::SearchResult> result =
//         index->Search({0, 17, 4711}, {.k = 10, .exclude_self = true});
//     result->neighbors.rows()(1, 0);            // the nearest to row 17
//     result->neighbors.distances()(1, 0);       // how far it is
//
// For each query the k points with the smallest
//
//     d = sqrt(t),   t = (x_1 - y_1)^2 + ... + (x_d - y_d)^2,
//
// ordered by (distance, row), among all points or among earlier ones. With
// lengthscales l, x_i is the rounded quotient of a coordinate and l_i:
// distances are numbers of lengthscales. Answers are exact for float64 numbers:
// those of a loop over all pairs that sums
//
//     t = fma(x_i - y_i, x_i - y_i, t),   i = 1, ..., d,
//
// and a sort, bit for bit, for any strategy, number of threads, tree and
// instruction set. Equal points are at distance 0 of each other and are ordered
// by row. Coordinates so large or so small that t would overflow or vanish are
// an error (metric/euclidean_range.h).
//
// By default a tree of boxes searches (traversal/block/box_tree.h), faster than
// a k-d tree on the same points: docs/performance.md has the ratios.
//
// Save() writes the points and the options to a file, from which Load() builds
// the index again: that takes no longer than a search of every row.

#ifndef RCT_INDEX_EUCLIDEAN_INDEX_H_
#define RCT_INDEX_EUCLIDEAN_INDEX_H_

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
#include "metric/euclidean_distance.h"
#include "metric/euclidean_range.h"
#include "traversal/build_phase.h"
#include "traversal/range_search.h"
#include "traversal/searcher.h"

namespace rct {

// Returns InvalidArgument, naming the field, for options that are out of range
// or contradict each other, whatever the points are.
absl::Status ValidateEuclideanIndexOptions(
    const EuclideanIndexOptions& options);

// An index over points. Immutable and thread-safe; copies are cheap and share
// everything.
class EuclideanIndex {
 public:
  // Builds an index over `points` (n x d, finite, n may be 0), which are
  // copied. Returns InvalidArgument, naming field and row, for bad input and
  // for coordinates out of range. `monitor` is told how far the build is and
  // may cancel it: Cancelled.
  static absl::StatusOr<EuclideanIndex> Build(
      MatrixView<const double> points,
      const EuclideanIndexOptions& options = {}, Monitor* monitor = nullptr);

  // Builds an index over these points followed by `points` (q x d, q >= 0), in
  // the same unit and with the options of this one, which stays as it is: rows
  // keep their numbers, and new ones begin at size(). Answers are those of
  // Build over all points, bit for bit. Distances between old rows, and with
  // `predecessor` their neighbors, are the same as before, because a distance
  // does not depend on other points.
  //
  // The cost is that of Build, but that old points are not divided by the
  // lengthscales again. Errors are those of Build; where two points differ by
  // too little for their squares, the message counts the rows of all points.
  absl::StatusOr<EuclideanIndex> Append(MatrixView<const double> points,
                                        int threads = 0,
                                        Monitor* monitor = nullptr) const;

  // The searches of ResidualIndex, with the same meaning, results and errors.
  // They return the neighbors of rows; of every row, itself excluded, also in
  // an order, for which a second index is made; of new points (q x d, finite),
  // for which `exclude_self` and `predecessor` are errors; and all neighbors
  // nearer than `radius`.
  absl::StatusOr<SearchResult> Search(absl::Span<const int64_t> rows,
                                      SearchOptions options) const;
  absl::StatusOr<SearchResult> Graph(SearchOptions options) const;
  absl::StatusOr<SearchResult> Graph(SearchOptions options,
                                     absl::Span<const int64_t> order) const;
  absl::StatusOr<SearchResult> SearchPoints(MatrixView<const double> points,
                                            SearchOptions options) const;
  absl::StatusOr<RangeResult> RangeSearch(absl::Span<const int64_t> rows,
                                          double radius,
                                          SearchOptions options) const;
  absl::StatusOr<RangeResult> RangeSearchPoints(MatrixView<const double> points,
                                                double radius,
                                                SearchOptions options) const;

  // Return an index of the same points, options and lengthscales that holds row
  // order[i], of a permutation, as row i; and one that searches exhaustively,
  // for audits. Errors are those of Build.
  absl::StatusOr<EuclideanIndex> Reordered(absl::Span<const int64_t> order,
                                           Monitor* monitor = nullptr) const;
  absl::StatusOr<EuclideanIndex> Exhaustive() const;

  // Writes the index to one file, atomically: an archive (base/archive.h) with
  //
  //     header   EuclideanFileHeader, serialized
  //     points   n x d, in lengthscales, in the order of rows
  //
  // Errors are those of base/file.h, and Cancelled where `monitor` is.
  absl::Status Save(const std::string& path, int threads = 0,
                    Monitor* monitor = nullptr) const;

  // Returns the index that Save wrote, with the same answers, bit for bit.
  // Returns InvalidArgument, saying what is wrong, where the file is no such
  // file, has another version, is damaged in any byte or contradicts itself,
  // and the errors of base/file.h where it cannot be read.
  static absl::StatusOr<EuclideanIndex> Load(const std::string& path,
                                             int threads = 0,
                                             Monitor* monitor = nullptr);

  // Do the same in memory: return the contents of the file that Save would
  // write, and the index that they describe. Errors are those of Save and Load,
  // without those of the file system, and ResourceExhausted.
  absl::StatusOr<std::string> ToBytes(int threads = 0,
                                      Monitor* monitor = nullptr) const;
  static absl::StatusOr<EuclideanIndex> FromBytes(std::string_view bytes,
                                                  int threads = 0,
                                                  Monitor* monitor = nullptr);

  // Returns whether the file starts as one that Save wrote.
  static bool IsFile(const std::string& path);

  int64_t size() const { return searcher_->metric().size(); }
  int64_t dim() const { return searcher_->metric().dim(); }

  // Returns a copy of the points in lengthscales (n x d), in the order of rows.
  Matrix<double> ScaledPoints() const;

  // The strategy, tree and heuristics in use, and the lengthscales as given.
  const EuclideanIndexOptions& options() const { return options_; }

  // The cost of building the index, phase by phase; empty for EXHAUSTIVE.
  const std::vector<BuildPhase>& phases() const { return phases_; }
  // The sum of the phases' evaluations.
  int64_t build_distance_evaluations() const;

 private:
  // Returns a copy of `points` (n x d) in lengthscales.
  static Matrix<double> InLengthscales(MatrixView<const double> points,
                                       const EuclideanIndexOptions& options);

  // Makes an index over finite points in lengthscales. Assumes that `options`
  // are valid and complete.
  static absl::StatusOr<EuclideanIndex> Compose(Matrix<double> scaled,
                                                EuclideanIndexOptions options,
                                                int threads, Monitor* monitor);

  // Lists the arrays of an index file, of which `points`, ScaledPoints(), must
  // outlive the archive.
  ArchiveWriter ToArchive(const Matrix<double>& points) const;
  // Returns the index of an archive.
  static absl::StatusOr<EuclideanIndex> FromArchive(ArchiveReader& archive,
                                                    int threads,
                                                    Monitor* monitor);

  // Returns InvalidArgument where options do not fit points of `dim`
  // coordinates.
  static absl::Status ValidateForCoordinates(
      const EuclideanIndexOptions& options, int64_t dim);

  // Copies the points in lengthscales to the first rows of `to`.
  void CopyScaledPoints(MatrixView<double> to) const;

  EuclideanIndex(EuclideanIndexOptions options,
                 std::unique_ptr<const Searcher<EuclideanDistance>> searcher,
                 std::vector<BuildPhase> phases)
      : options_(std::move(options)),
        searcher_(std::move(searcher)),
        phases_(std::move(phases)),
        has_small_(
            HasSmallCoordinates(searcher_->metric().data().points.view())) {}

  // New points in an order in which near ones follow each other, so that
  // queries that descend together share work.
  struct NewPoints {
    EuclideanPoints points;
    std::vector<int32_t> positions;  // query i is point positions[i]
  };
  // Checks the arguments of a search for new points and orders the points.
  absl::StatusOr<NewPoints> PrepareQueries(MatrixView<const double> points,
                                           const SearchOptions& options) const;

  EuclideanIndexOptions options_;
  std::shared_ptr<const Searcher<EuclideanDistance>> searcher_;
  std::vector<BuildPhase> phases_;
  bool has_small_;  // HasSmallCoordinates() of the data
};

}  // namespace rct

#endif  // RCT_INDEX_EUCLIDEAN_INDEX_H_
