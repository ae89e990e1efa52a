// The work of `rct build`, `rct neighbors` and `rct graph`, once their flags
// are read: from files of points to files of an index or of neighbors.
//
// Files that cannot be read or written and shapes that do not fit are found
// before the work begins. Output files are written together at the very end;
// after an error each is as it was before.

#ifndef RCT_TOOLS_RCT_SEARCH_H_
#define RCT_TOOLS_RCT_SEARCH_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "index/index.pb.h"
#include "index/ordering.pb.h"
#include "tools/rct_coordinates.h"
#include "tools/rct_output.h"
#include "tools/rct_shard.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {

// A task, as flags describe it. Files are as base/matrix_file.h reads them; `-`
// is standard input or output, and "" a file that is not given. Rows are
// numbered from 0.
struct SearchTask {
  CsvHeader header = CsvHeader::kDetect;  // of all .csv and .tsv files
  // The columns of points, queries and inducing points. With identifiers, text
  // outputs have them in place of row numbers (rct_identifiers.h).
  CoordinateFlags coordinates;

  // The index file, which rct build writes. The other commands read it in place
  // of `points` and of everything about the model.
  std::string index_file;

  std::string points;  // n x d

  // The queries: row numbers of points, or new points (q x d). Neither means
  // every row in turn.
  std::string query_rows;
  std::string queries;

  // The inducing points, unless `index` says which they are: row numbers of
  // points, or coordinates (m x d). Or, in their place, the factors V (n x m)
  // and p (n).
  std::string inducing_rows;
  std::string inducing_points;
  std::string factors;
  std::string residual_variance;

  // Whether the metric is Euclidean distance. Then only the strategy and the
  // threads of `index` are used, and everything about the model must be absent.
  bool euclidean = false;

  // The lengthscales, one for all columns of the points or one for each. The
  // kernel of `index` has none.
  std::vector<double> lengthscale;

  IndexOptions index;
  // The bytes that the command may take (rct_memory.h); 0 means no limit. The
  // limit of `index` follows from it.
  int64_t memory_limit = 0;
  SearchOptions search;  // 0 threads means all

  // Whether the answer is all neighbors within search.radius, instead of at
  // most search.k.
  bool all_within = false;
  // The row numbers of points that may be neighbors.
  std::string allowed_rows;

  // The order in which rct graph takes the rows: one that a method makes or one
  // that a file holds, as row numbers. Neither means as they come.
  OrderingConfig::Method order_method = OrderingConfig::METHOD_UNSPECIFIED;
  std::string order_file;

  // The number of queries, drawn at random, that are answered again, each by
  // itself and exhaustively. Both answers must have the same bits.
  int64_t audit = 0;

  // The part of the queries that is answered, and the file that it goes into
  // (rct_part.h), in place of the files of the answer. "" means that all
  // queries are.
  Shard shard;
  std::string out_part;

  // The folder in which rct graph keeps the parts of a search that does not fit
  // into memory (rct_stream.h), "" for one in memory, and whether it goes on
  // with what is there.
  std::string work;
  bool resume = false;

  // The answer, q x k: int64 row numbers, and float64 distances; -1 and inf
  // where there are fewer neighbors. With all_within it is the lists of all
  // queries one after the other, and q + 1 int64 offsets: list i is entries
  // offsets[i] to offsets[i + 1].
  OutputFile out_offsets;
  OutputFile out_indices;
  OutputFile out_distances;
  // The order of the rows: n int64 row numbers.
  OutputFile out_order;

  // The coordinates of the inducing points, m x d, with the names of the
  // points' columns.
  OutputFile out_inducing;
};

// Answers the queries of a task and returns a report: lines without a final
// newline. Errors name the flag and, where there are any, file, row and column:
// their codes are those of base/matrix_file.h, base/file.h and
// index/residual_index.h, Internal where an audit fails, and Cancelled, with
// nothing written, soon after `interrupted` returns true. Shows on a terminal
// how far the work is.
absl::StatusOr<std::string> RunSearch(
    const SearchTask& task,
    const std::function<bool()>& interrupted = [] { return false; });

// Builds the index of a task without queries, writes it to `index_file` and
// returns a report, with the errors of RunSearch.
absl::StatusOr<std::string> RunBuild(
    const SearchTask& task,
    const std::function<bool()>& interrupted = [] { return false; });

// Returns Internal, with the first difference, unless query queries[i] of
// `answers` and query i of `expected` have the same bits.
absl::Status CompareAudit(const NeighborTable& answers,
                          absl::Span<const int64_t> queries,
                          const NeighborTable& expected);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_SEARCH_H_
