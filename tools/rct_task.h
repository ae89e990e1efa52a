// What a search task reads: the points, the model, the queries and the order,
// from the files that its flags name. The errors name flag and file.

#ifndef RCT_TOOLS_RCT_TASK_H_
#define RCT_TOOLS_RCT_TASK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/monitor.h"
#include "index/residual_index.h"
#include "tools/rct_identifiers.h"
#include "tools/rct_input.h"
#include "tools/rct_output.h"
#include "tools/rct_search.h"
#include "tools/rct_shard.h"
#include "tools/rct_watch.h"
#include "traversal/range_search.h"
#include "traversal/searcher.h"

namespace rct {

// Return the library's error in the user's terms: fields become flags.
absl::Status InFlags(const absl::Status& status);
template <class T>
absl::StatusOr<T> InFlags(absl::StatusOr<T> result) {
  if (!result.ok()) return InFlags(result.status());
  return result;
}

// Returns the files that a task reads.
std::vector<FileFlag> InputsOf(const SearchTask& task);

// The points of a task, and the options that all files are read with.
struct Input {
  ReadOptions options;
  PointsInfo info;
  Matrix<double> points;
  std::vector<std::string> ids;
};

// Returns the points of --points. Where the lengthscale of a residual metric is
// missing, the error suggests one.
absl::StatusOr<Input> ReadPoints(const SearchTask& task,
                                 const ReadOptions& options);

// Returns the lengthscales of a task, for all coordinates.
std::vector<double> ScalesOf(const SearchTask& task, const Input& input);

// Returns the model of a task that has inducing points, those of files included.
absl::StatusOr<ResidualConfig> ModelConfig(const SearchTask& task,
                                           const Input& input);

// Makes the model of a task: of factors in files, or of inducing points.
absl::StatusOr<ResidualModel> MakeModel(const SearchTask& task,
                                        const Input& input, Monitor* monitor);

// Queries: rows of the points, or new points.
struct TaskQueries {
  int64_t size() const {
    return is_rows ? static_cast<int64_t>(rows.size()) : points.rows();
  }

  // Returns the neighbors of queries [first, first + count).
  template <class Index>
  absl::StatusOr<SearchResult> Search(const Index& index, int64_t first,
                                      int64_t count,
                                      const SearchOptions& options) const {
    if (is_rows) {
      return index.Search(absl::MakeSpan(rows).subspan(first, count), options);
    }
    return index.SearchPoints(
        MatrixView<const double>(points.row(first), count, points.cols()),
        options);
  }

  // Does the same for all neighbors within options.radius.
  template <class Index>
  absl::StatusOr<RangeResult> RangeSearch(const Index& index, int64_t first,
                                          int64_t count,
                                          const SearchOptions& options) const {
    if (is_rows) {
      return index.RangeSearch(absl::MakeSpan(rows).subspan(first, count),
                               options.radius, options);
    }
    return index.RangeSearchPoints(
        MatrixView<const double>(points.row(first), count, points.cols()),
        options.radius, options);
  }

  bool is_rows = true;
  std::vector<int64_t> rows;
  Matrix<double> points;

  std::unique_ptr<bool[]> allowed;  // by row; null means all

  // The order in which the index holds the rows: rows and flags above are in
  // it, too. Empty means as they come.
  std::vector<int64_t> order;

  Identifiers ids;

  // How many queries there are in all shards together, and a digest of them.
  int64_t num_all = 0;
  std::string digest;
};

// Leaves of `queries`, all of a search, those of a shard.
void TakeShard(const Shard& shard, TaskQueries& queries);

// Returns the queries of a task. `ids` are the identifiers of the points, if
// there are any.
absl::StatusOr<TaskQueries> ReadQueries(const SearchTask& task,
                                        const PointsInfo& points,
                                        const ReadOptions& options,
                                        std::vector<std::string> ids);

// Returns the order of the rows of `points` that the task asks for, or none.
absl::StatusOr<std::vector<int64_t>> ReadOrder(const SearchTask& task,
                                               MatrixView<const double> points,
                                               absl::Span<const double> scales,
                                               const ReadOptions& options,
                                               const Interrupted& interrupted);

// Makes queries, all rows in turn, those of an index that holds the rows in
// `order`, unless that is empty.
void PutInOrder(std::vector<int64_t> order, TaskQueries& queries);

// Returns the model in the order of the queries, if they have one.
absl::StatusOr<ResidualModel> InOrder(const ResidualModel& model,
                                      const TaskQueries& queries);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_TASK_H_
