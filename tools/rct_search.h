// What `rct build`, `rct neighbors` and `rct graph` do once their flags are
// read: points from files, an index or neighbor sets to files.
//
// All mistakes that can be seen are seen before work begins: files that cannot
// be read or written, and shapes that do not fit. Output files are written
// together at the very end; after an error every one is as it was before.

#ifndef RCT_TOOLS_RCT_SEARCH_H_
#define RCT_TOOLS_RCT_SEARCH_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "base/matrix_file.h"
#include "index/index.pb.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {

// A file of the answer, "" where none is wanted.
struct OutputFile {
  std::string path;
  MatrixFormat format = MatrixFormat::kNpy;  // or kCsv
};

// Files are as base/matrix_file.h reads them, `-` being standard input or
// output; empty names are files that are not given. Rows are numbered from 0.
struct SearchTask {
  CsvHeader header = CsvHeader::kDetect;  // of all .csv files

  // What rct build writes. The others read it in place of `points` and all that
  // is said of the model.
  std::string index_file;

  std::string points;  // n x d

  // Queries: row numbers of points, or new points (q x d); neither means every
  // row in turn.
  std::string query_rows;
  std::string queries;

  // Where the inducing points come from, unless `index` says it: row numbers
  // of points, or coordinates (m x d); or factors in their place, V (n x m)
  // and p (n).
  std::string inducing_rows;
  std::string inducing_points;
  std::string factors;
  std::string residual_variance;

  // Euclidean distance in place of the residual metric; of `index`, strategy
  // and threads count then, and what is said of the model must be absent.
  bool euclidean = false;

  IndexOptions index;
  SearchOptions search;  // threads: 0 means all

  // All neighbors within search.radius instead of at most search.k.
  bool all_within = false;
  // Row numbers of points: no others are neighbors.
  std::string allowed_rows;

  // That many of the queries, drawn at random, are answered once more, each by
  // itself and exhaustively, and must have the same bits.
  int64_t audit = 0;

  // q x k: int64 row numbers, -1 where there is none; and float64 distances,
  // inf there. With all_within the lists of all queries one after the other,
  // and q + 1 int64 offsets: list i is entries offsets[i] to offsets[i + 1].
  OutputFile out_offsets;
  OutputFile out_indices;
  OutputFile out_distances;
};

// Does it, and returns what is worth knowing: lines without a final newline.
// Errors name the flag, and file, row and column where there are any: codes as
// in matrix_file.h, file.h and residual_index.h; Internal where an audit fails;
// Cancelled, with nothing written, soon after `interrupted` says so. How far
// the work is shows on a terminal.
absl::StatusOr<std::string> RunSearch(
    const SearchTask& task,
    const std::function<bool()>& interrupted = [] { return false; });

// Builds the index of a task without queries and writes it to `index_file`;
// otherwise as above.
absl::StatusOr<std::string> RunBuild(
    const SearchTask& task,
    const std::function<bool()>& interrupted = [] { return false; });

// Internal, saying where, unless query queries[i] of `answers` is, bit for bit,
// query i of `expected`.
absl::Status CompareAudit(const NeighborTable& answers,
                          absl::Span<const int64_t> queries,
                          const NeighborTable& expected);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_SEARCH_H_
